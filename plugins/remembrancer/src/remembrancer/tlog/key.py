"""The keys of C2SP signed notes: verifier keys, signer keys, and the three signature types that are known here.

Ed25519 over a note's text (0x01, https://c2sp.org/signed-note), and two cosignatures over a time and a checkpoint
(https://c2sp.org/tlog-cosignature): Ed25519 over its text (0x04), ML-DSA-44 over its first three lines and the
cosigner's name (0x06). Trust comes from whoever hands a verifier key over, never from here.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from remembrancer.named import NamedTuple
from remembrancer.tlog.checkpoint import MAX_INT, Checkpoint, NoteError, check_name, decode_base64, encode_base64

if TYPE_CHECKING:  # the module is loaded when such a key is first used
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

ED25519 = 0x01
COSIGNATURE = 0x04
MLDSA_COSIGNATURE = 0x06
COSIGNATURES = frozenset({COSIGNATURE, MLDSA_COSIGNATURE})

SEED_SIZE = 32  # bytes, of RFC 8032 and of FIPS 204

_ALGORITHMS = {ED25519: "Ed25519", COSIGNATURE: "Ed25519 cosignature", MLDSA_COSIGNATURE: "ML-DSA-44 cosignature"}
_PUBLIC_SIZES = {ED25519: 32, COSIGNATURE: 32, MLDSA_COSIGNATURE: 1312}
_MAX_LABEL = 255  # bytes of a name or an origin in an ML-DSA-44 message
_KEY_ID = re.compile("[0-9a-f]{8}", re.ASCII)
_PRIVATE_MARK = "PRIVATE+KEY+"


class VerifierKey(NamedTuple):
    """A public key with a name: ``key_id`` is 8 hex digits, ``algorithm`` 0x01, 0x04 or 0x06.

    ``public`` has 32 bytes (Ed25519) or 1312 (ML-DSA-44).
    """

    name: str
    key_id: str
    algorithm: int
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Return the key that ``<name>+<key id>+<base64(algorithm || public key)>`` encodes. Raises NoteError."""
        name, key_id, algorithm, public = _parse_key(vkey, "verifier key", _PUBLIC_SIZES)
        if key_id != _key_id(name, algorithm, public):
            raise NoteError(f"the verifier key of {name} does not have the key id {key_id}")
        return cls(name, key_id, algorithm, public)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id}+{encode_base64(bytes([self.algorithm]) + self.public)}"

    def verify(self, text: str, signature: bytes) -> int | None:
        """Check a signature (without its key id) over a note's text; returns the time of a cosignature, else None.

        The time is in seconds since 1970. Raises NoteError when the signature does not verify.
        """
        if self.algorithm not in COSIGNATURES:
            self._verify(signature, text.encode())
            return None
        # Only a checkpoint can be cosigned; the same key must not vouch for any other text.
        checkpoint = Checkpoint.parse(text)
        time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        if time > MAX_INT:
            raise NoteError(f"the cosignature of {self.name} ({self.key_id}) has an impossible time")
        self._verify(signature, _cosigned(self.algorithm, self.name, text, checkpoint, time))
        return time

    def _verify(self, signature: bytes, message: bytes) -> None:
        try:
            _check_signature(self.algorithm, self.public, signature, message)
        except UnsupportedAlgorithm:
            raise NoteError(f"this build of cryptography has no ML-DSA-44, which {self.name} signs with") from None
        except (InvalidSignature, ValueError):
            raise NoteError(f"the signature of {self.name} ({self.key_id}) does not verify") from None


@lru_cache(maxsize=8)  # a verdict opens the same checkpoint as the log's, as what was stamped, and as what was seen
def _check_signature(algorithm: int, public: bytes, signature: bytes, message: bytes) -> None:
    if algorithm == MLDSA_COSIGNATURE:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey  # noqa: PLC0415 - rare

        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    else:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)


def named_key(vkey: str) -> tuple[str, int, bytes]:
    """Return name, type and key material of a verifier key of any type, also of one that is not known here.

    Its key id is checked for the types that compute it as signed-note does. Raises NoteError.
    """
    name, key_id, data = _parts(vkey, "verifier key")
    algorithm, material = int.from_bytes(data[:1], "big"), data[1:]
    if algorithm in _ALGORITHMS:
        VerifierKey.parse(vkey)
    elif not material:
        raise NoteError(f"the verifier key {key_id} of {name} has no key material")
    return name, algorithm, material


def trouble_with(key: "VerifierKey") -> str:
    """Return why a key's signatures cannot be checked by this installation, "" where they can."""
    if key.algorithm != MLDSA_COSIGNATURE:
        return ""
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey  # noqa: PLC0415 - rare

    try:
        MLDSA44PublicKey.from_public_bytes(key.public)
    except UnsupportedAlgorithm:
        return "this build of cryptography has no ML-DSA-44"
    return ""


class SignerKey(NamedTuple):
    """A private key with a name; ``seed`` is its 32-byte seed, which no repr or error message shows."""

    name: str
    key_id: str
    algorithm: int
    seed: bytes

    def __repr__(self) -> str:
        return f"SignerKey({self.name!r}, {self.key_id!r})"

    @classmethod
    def generate(cls, name: str, algorithm: int = ED25519) -> Self:
        """Return a new random key with this name: 0x01 signs notes, 0x04 and 0x06 cosign. Raises NoteError."""
        from secrets import token_bytes  # noqa: PLC0415 - whoever verifies makes no keys

        return cls.from_seed(name, token_bytes(SEED_SIZE), algorithm)

    @classmethod
    def from_seed(cls, name: str, seed: bytes, algorithm: int = ED25519) -> Self:
        """Return the key with this name and 32-byte seed (RFC 8032, FIPS 204). Raises NoteError."""
        check_name(name)
        _check_material(algorithm, seed, dict.fromkeys(_ALGORITHMS, SEED_SIZE))
        return cls(name, _key_id(name, algorithm, _public(algorithm, seed)), algorithm, seed)

    @classmethod
    def parse(cls, skey: str) -> Self:
        """Return the key that ``PRIVATE+KEY+<name>+<key id>+<base64(algorithm || seed)>`` encodes. Raises NoteError."""
        if not skey.startswith(_PRIVATE_MARK):
            raise NoteError("not a private note key")
        name, key_id, algorithm, seed = _parse_key(
            skey.removeprefix(_PRIVATE_MARK), "private key", dict.fromkeys(_ALGORITHMS, SEED_SIZE)
        )
        if key_id != _key_id(name, algorithm, _public(algorithm, seed)):
            raise NoteError(f"the private key of {name} does not have the key id {key_id}")
        return cls(name, key_id, algorithm, seed)

    def encode(self) -> str:
        """Return the private key as text, as ``parse`` reads it; keep it secret."""
        return f"{_PRIVATE_MARK}{self.name}+{self.key_id}+{encode_base64(bytes([self.algorithm]) + self.seed)}"

    def verifier(self) -> VerifierKey:
        """Return the public half."""
        return VerifierKey(self.name, self.key_id, self.algorithm, _public(self.algorithm, self.seed))

    def sign(self, message: bytes) -> bytes:
        """Return the signature of exactly these bytes: 64 bytes of Ed25519 (RFC 8032), 2420 of ML-DSA-44 (FIPS 204)."""
        if self.algorithm == MLDSA_COSIGNATURE:
            return _mldsa(self.seed).sign(message)
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    def cosign(self, text: str, time: int) -> bytes:
        """Return the time (seconds since 1970, 8 bytes) and the signature over it and the checkpoint in this text.

        Raises NoteError when the text is not a checkpoint's, or this is not a cosigner's key.
        """
        checkpoint = Checkpoint.parse(text)
        if self.algorithm not in COSIGNATURES:
            raise NoteError(f"{self.name} is not a cosigner's key")
        if not 0 <= time <= MAX_INT:
            raise NoteError(f"not a time for a cosignature: {time}")
        return time.to_bytes(8, "big") + self.sign(_cosigned(self.algorithm, self.name, text, checkpoint, time))


def _parse_key(text: str, what: str, sizes: Mapping[int, int]) -> tuple[str, str, int, bytes]:
    name, key_id, data = _parts(text, what)
    algorithm, material = int.from_bytes(data[:1], "big"), data[1:]
    _check_material(algorithm, material, sizes)
    return name, key_id, algorithm, material


def _parts(text: str, what: str) -> tuple[str, str, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):
        raise NoteError(f"a {what} is <name>+<8 hex digits>+<base64>")
    check_name(parts[0])
    try:
        data = decode_base64(parts[2])
    except NoteError:
        # The reason would quote the key, and this may be a private one.
        raise NoteError(f"the {what} of {parts[0]} is not canonical base64") from None
    return parts[0], parts[1], data


def _check_material(algorithm: int, material: bytes, sizes: Mapping[int, int]) -> None:
    if algorithm not in _ALGORITHMS:
        raise NoteError(f"note keys of type 0x{algorithm:02x} are not supported")
    if len(material) != sizes[algorithm]:
        raise NoteError(f"an {_ALGORITHMS[algorithm]} key has {sizes[algorithm]} bytes, not {len(material)}")


def _cosigned(algorithm: int, name: str, text: str, checkpoint: Checkpoint, time: int) -> bytes:
    """Return what a cosigner signs of a checkpoint at a time in seconds since 1970.

    With Ed25519 that is the whole text, with ML-DSA-44 a structure of the cosigner's name, the origin, the size and the
    root: extension lines are not in it, so a checkpoint that has any is refused.
    """
    if algorithm == COSIGNATURE:
        return b"cosignature/v1\ntime %d\n%b" % (time, text.encode())
    if checkpoint.extensions:
        raise NoteError("an ML-DSA-44 cosignature says nothing about extension lines, and this checkpoint has some")
    return b"".join(
        [
            b"subtree/v1\n\0",
            _opaque(name),
            time.to_bytes(8, "big"),
            _opaque(checkpoint.origin),
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        ]
    )


def _opaque(text: str) -> bytes:
    """Return text behind its length in one byte (RFC 8446 section 3.4)."""
    data = text.encode()
    if len(data) > _MAX_LABEL:
        raise NoteError(f"a name in an ML-DSA-44 cosignature has at most {_MAX_LABEL} bytes, not {len(data)}")
    return len(data).to_bytes(1, "big") + data


def _mldsa(seed: bytes) -> "MLDSA44PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey  # noqa: PLC0415 - rare

    try:
        return MLDSA44PrivateKey.from_seed_bytes(seed)
    except UnsupportedAlgorithm:
        raise NoteError("this build of cryptography has no ML-DSA-44") from None


def _public(algorithm: int, seed: bytes) -> bytes:
    if algorithm == MLDSA_COSIGNATURE:
        return _mldsa(seed).public_key().public_bytes_raw()
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _key_id(name: str, algorithm: int, public: bytes) -> str:
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4].hex()
