"""The keys of C2SP signed notes: verifier keys, signer keys, and the two signature types that are known here.

Ed25519 over a note's text (0x01, https://c2sp.org/signed-note), and Ed25519 cosignatures over a time and a checkpoint's
text (0x04, https://c2sp.org/tlog-cosignature). Trust comes from whoever hands a verifier key over, never from here.
"""

import re
from hashlib import sha256
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from remembrancer.tlog.checkpoint import MAX_INT, Checkpoint, NoteError, check_name, decode_base64, encode_base64

ED25519 = 0x01
COSIGNATURE = 0x04

_ALGORITHMS = {ED25519: "Ed25519", COSIGNATURE: "Ed25519 cosignature"}
_KEY_ID = re.compile("[0-9a-f]{8}", re.ASCII)
_PRIVATE_MARK = "PRIVATE+KEY+"


class VerifierKey(NamedTuple):
    """A public key with a name: ``key_id`` is 8 hex digits, ``algorithm`` 0x01 or 0x04, ``public`` 32 bytes."""

    name: str
    key_id: str
    algorithm: int
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Return the key that ``<name>+<key id>+<base64(algorithm || public key)>`` encodes. Raises NoteError."""
        name, key_id, algorithm, public = _parse_key(vkey, "verifier key")
        if key_id != _key_id(name, algorithm, public):
            raise NoteError(f"the verifier key of {name} does not have the key id {key_id}")
        return cls(name, key_id, algorithm, public)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id}+{encode_base64(bytes([self.algorithm]) + self.public)}"

    def verify(self, text: str, signature: bytes) -> int | None:
        """Check a signature (without its key id) over a note's text; returns the time of a cosignature, else None.

        The time is in seconds since 1970. Raises NoteError when the signature does not verify.
        """
        time: int | None = None
        message = text.encode()
        if self.algorithm == COSIGNATURE:
            # Only a checkpoint can be cosigned; the same key must not vouch for any other text.
            Checkpoint.parse(text)
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            if time > MAX_INT:
                raise NoteError(f"the cosignature of {self.name} ({self.key_id}) has an impossible time")
            message = cosigned_message(message, time)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise NoteError(f"the signature of {self.name} ({self.key_id}) does not verify") from None
        return time


class SignerKey(NamedTuple):
    """A private key with a name; ``seed`` is the 32-byte Ed25519 seed, which no repr or error message shows."""

    name: str
    key_id: str
    algorithm: int
    seed: bytes

    def __repr__(self) -> str:
        return f"SignerKey({self.name!r}, {self.key_id!r})"

    @classmethod
    def generate(cls, name: str, algorithm: int = ED25519) -> Self:
        """Return a new random key with this name: 0x01 signs notes, 0x04 cosigns checkpoints. Raises NoteError."""
        return cls.from_seed(name, Ed25519PrivateKey.generate().private_bytes_raw(), algorithm)

    @classmethod
    def from_seed(cls, name: str, seed: bytes, algorithm: int = ED25519) -> Self:
        """Return the key with this name and 32-byte RFC 8032 seed. Raises NoteError."""
        check_name(name)
        _check_material(algorithm, seed)
        return cls(name, _key_id(name, algorithm, _public(seed)), algorithm, seed)

    @classmethod
    def parse(cls, skey: str) -> Self:
        """Return the key that ``PRIVATE+KEY+<name>+<key id>+<base64(algorithm || seed)>`` encodes. Raises NoteError."""
        if not skey.startswith(_PRIVATE_MARK):
            raise NoteError("not a private note key")
        name, key_id, algorithm, seed = _parse_key(skey.removeprefix(_PRIVATE_MARK), "private key")
        if key_id != _key_id(name, algorithm, _public(seed)):
            raise NoteError(f"the private key of {name} does not have the key id {key_id}")
        return cls(name, key_id, algorithm, seed)

    def encode(self) -> str:
        """Return the private key as text, as ``parse`` reads it; keep it secret."""
        return f"{_PRIVATE_MARK}{self.name}+{self.key_id}+{encode_base64(bytes([self.algorithm]) + self.seed)}"

    def verifier(self) -> VerifierKey:
        """Return the public half."""
        return VerifierKey(self.name, self.key_id, self.algorithm, _public(self.seed))

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of exactly these bytes (RFC 8032)."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def _parse_key(text: str, what: str) -> tuple[str, str, int, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):
        raise NoteError(f"a {what} is <name>+<8 hex digits>+<base64>")
    check_name(parts[0])
    try:
        data = decode_base64(parts[2])
    except NoteError:
        # The reason would quote the key, and this may be a private one.
        raise NoteError(f"the {what} of {parts[0]} is not canonical base64") from None
    algorithm, material = int.from_bytes(data[:1], "big"), data[1:]
    _check_material(algorithm, material)
    return parts[0], parts[1], algorithm, material


def _check_material(algorithm: int, material: bytes) -> None:
    if algorithm not in _ALGORITHMS:
        raise NoteError(f"note keys of type 0x{algorithm:02x} are not supported")
    if len(material) != 32:
        raise NoteError(f"an {_ALGORITHMS[algorithm]} key has 32 bytes, not {len(material)}")


def cosigned_message(text: bytes, time: int) -> bytes:
    """Return what a cosigner signs: a checkpoint's text behind a time in seconds since 1970."""
    return b"cosignature/v1\ntime %d\n%b" % (time, text)


def _public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _key_id(name: str, algorithm: int, public: bytes) -> str:
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4].hex()
