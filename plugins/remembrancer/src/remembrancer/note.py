"""C2SP signed notes, checkpoints and cosignatures (https://c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature).

A note is text, a blank line, and lines ``— <key name> <base64(key id || signature)>``. A checkpoint is a note whose
text is origin, tree size and root. Two kinds of keys are known: Ed25519 over the text (0x01), and Ed25519 cosignatures
over a time and the text (0x04). Pure functions over bytes; nothing is trusted but the verifier keys that the caller gives.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from remembrancer.merkle import EMPTY_ROOT, HASH_SIZE

ED25519 = 0x01
COSIGNATURE = 0x04

MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
MAX_INT = (1 << 63) - 1

_KEY_NAMES = {ED25519: "Ed25519", COSIGNATURE: "Ed25519 cosignature"}
_KEY_ID = re.compile("[0-9a-f]{8}", re.ASCII)
_DECIMAL = re.compile("0|[1-9][0-9]{0,18}", re.ASCII)
# Control characters but the newline, and surrogates, which have no UTF-8 form.
_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")
_SIGNATURE_MARK = "— "
_PRIVATE_MARK = "PRIVATE+KEY+"


class NoteError(ValueError):
    """A note, checkpoint or key that is malformed, or a note without the signatures that it needs."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
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
        return f"{self.name}+{self.key_id}+{_b64(bytes([self.algorithm]) + self.public)}"

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
            message = _cosigned(message, time)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise NoteError(f"the signature of {self.name} ({self.key_id}) does not verify") from None
        return time


@dataclass(frozen=True, slots=True)
class SignerKey:
    """A private key with a name; ``seed`` is the 32-byte Ed25519 seed, which no repr or error message shows."""

    name: str
    key_id: str
    algorithm: int
    seed: bytes = field(repr=False)

    @classmethod
    def generate(cls, name: str, algorithm: int = ED25519) -> Self:
        """Return a new random key with this name: 0x01 signs notes, 0x04 cosigns checkpoints. Raises NoteError."""
        return cls.from_seed(name, Ed25519PrivateKey.generate().private_bytes_raw(), algorithm)

    @classmethod
    def from_seed(cls, name: str, seed: bytes, algorithm: int = ED25519) -> Self:
        """Return the key with this name and 32-byte RFC 8032 seed. Raises NoteError."""
        _check_name(name)
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
        return f"{_PRIVATE_MARK}{self.name}+{self.key_id}+{_b64(bytes([self.algorithm]) + self.seed)}"

    def verifier(self) -> VerifierKey:
        """Return the public half."""
        return VerifierKey(self.name, self.key_id, self.algorithm, _public(self.seed))

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of exactly these bytes (RFC 8032)."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the bytes after the key id, and for a verified cosignature its time (seconds since 1970)."""

    name: str
    key_id: str
    signature: bytes
    time: int | None = None

    @property
    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"{_SIGNATURE_MARK}{self.name} {_b64(bytes.fromhex(self.key_id) + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """An opened note: its text, the verified signatures (one per key), and the lines of unknown keys, never judged."""

    text: str
    signatures: tuple[Signature, ...]
    unknown: tuple[Signature, ...] = ()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint's text says: origin, number of leaves, 32-byte root, extension lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the checkpoint in a note's text. Raises NoteError for any deviation from tlog-checkpoint."""
        _check_text(text)
        lines = text[:-1].split("\n")
        if len(lines) < 3 or "" in lines:
            raise NoteError("a checkpoint has an origin, a size, a root, and no empty line")
        if not _DECIMAL.fullmatch(lines[1]) or int(lines[1]) > MAX_INT:
            raise NoteError(f"not a tree size: {lines[1][:40]!r}")
        checkpoint = cls(lines[0], int(lines[1]), decode_base64(lines[2]), tuple(lines[3:]))
        checkpoint._check_root()
        return checkpoint

    def format(self) -> str:
        """Return the note text, with its final newline. Raises NoteError when a field does not fit the format."""
        self._check_root()
        text = "\n".join([self.origin, str(self.size), _b64(self.root), *self.extensions]) + "\n"
        if Checkpoint.parse(text) != self:
            raise NoteError("a field of the checkpoint holds a line break")
        return text

    def _check_root(self) -> None:
        if len(self.root) != HASH_SIZE:
            raise NoteError(f"a root has {HASH_SIZE} bytes, not {len(self.root)}")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise NoteError("a checkpoint of no leaves has the root of another tree")


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that its log signed: the log's signatures, and the cosignatures of the witnesses that were given."""

    checkpoint: Checkpoint
    text: str
    signatures: tuple[Signature, ...]
    cosignatures: tuple[Signature, ...] = ()


def sign_note(text: str, signers: Iterable[SignerKey]) -> bytes:
    """Return the note over this text (ending in a newline) with one 0x01 signature per signer. Raises NoteError."""
    _check_text(text)
    lines: list[str] = []
    seen: set[tuple[str, str]] = set()
    for signer in signers:
        if signer.algorithm != ED25519:
            raise NoteError(f"{signer.name} is a cosigner's key: it signs checkpoints with a time only")
        if (signer.name, signer.key_id) in seen:
            raise NoteError(f"{signer.name} would sign twice")
        seen.add((signer.name, signer.key_id))
        lines.append(Signature(signer.name, signer.key_id, signer.sign(text.encode())).line)
    if not lines:
        raise NoteError("a note needs a signer")
    return (text + "\n" + "".join(lines)).encode()


def cosign(checkpoint_text: str, signer: SignerKey, unix_time: int) -> Signature:
    """Return a witness's cosignature (0x04) of a checkpoint at a time in seconds since 1970. Raises NoteError."""
    Checkpoint.parse(checkpoint_text)
    if signer.algorithm != COSIGNATURE:
        raise NoteError(f"{signer.name} is not a cosigner's key")
    if not 0 <= unix_time <= MAX_INT:
        raise NoteError(f"not a time for a cosignature: {unix_time}")
    signature = unix_time.to_bytes(8, "big") + signer.sign(_cosigned(checkpoint_text.encode(), unix_time))
    return Signature(signer.name, signer.key_id, signature, unix_time)


def add_signature(note: bytes, signature: Signature) -> bytes:
    """Return the note with one more signature line at its end (nothing is verified). Raises NoteError."""
    _parse_note(note)
    return note + signature.line.encode()


def open_note(data: bytes, verifiers: Iterable[VerifierKey]) -> Note:
    """Return the note when at least one of the verifiers signed it and no known key has a bad signature.

    Signatures of unknown keys are ignored and listed apart. Every signature line of a known key is verified; repeated
    ones count once. Raises NoteError otherwise, for malformed notes, and when two verifiers share name and key id.
    """
    known: dict[tuple[str, str], VerifierKey] = {}
    for key in verifiers:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise NoteError(f"two verifier keys are called {key.name}+{key.key_id}")
    text, lines = _parse_note(data)
    verified: dict[tuple[str, str], Signature] = {}
    unknown: dict[Signature, None] = {}
    for line in lines:
        verifier = known.get((line.name, line.key_id))
        if verifier is None:
            unknown[line] = None
        else:
            time = verifier.verify(text, line.signature)
            signature = Signature(line.name, line.key_id, line.signature, time)
            verified.setdefault((line.name, line.key_id), signature)
    if not verified:
        raise NoteError("no key that is known here has signed this note")
    return Note(text, tuple(verified.values()), tuple(unknown))


def open_checkpoint(
    data: bytes, origin: str, log_keys: Iterable[VerifierKey], witnesses: Iterable[VerifierKey] = ()
) -> SignedCheckpoint:
    """Return the checkpoint when it has this origin and a log key (0x01, named like the origin) signed it.

    Cosignatures of the witnesses (0x04) are verified and listed; whether they are enough is the caller's policy.
    Raises NoteError otherwise; a witness alone never makes a checkpoint valid.
    """
    logs = {(key.name, key.key_id): key for key in log_keys if key.algorithm == ED25519 and key.name == origin}
    others = [key for key in witnesses if key.algorithm == COSIGNATURE]
    note = open_note(data, [*logs.values(), *others])
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != origin:
        raise NoteError(f"the checkpoint's origin is {checkpoint.origin}, not {origin}")
    signatures = tuple(line for line in note.signatures if (line.name, line.key_id) in logs)
    if not signatures:
        raise NoteError(f"no log key of {origin} has signed this checkpoint")
    cosignatures = tuple(line for line in note.signatures if (line.name, line.key_id) not in logs)
    return SignedCheckpoint(checkpoint, note.text, signatures, cosignatures)


def log_signed_bytes(note: bytes, *keys: VerifierKey) -> bytes:
    """Return text, blank line and only the lines that these log keys signed, in the file's order, one per key.

    Cosignatures that arrive later do not change these bytes, so time-stamps are taken over them. Raises NoteError as
    ``open_note`` does.
    """
    opened = open_note(note, keys)
    return (opened.text + "\n" + "".join(signature.line for signature in opened.signatures)).encode()


def decode_base64(text: str) -> bytes:
    """Return the bytes of standard base64 (RFC 4648 section 4) in its one canonical form. Raises NoteError."""
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"not base64: {text[:40]!r}") from None
    if _b64(data) != text:
        raise NoteError(f"not canonical base64: {text[:40]!r}")
    return data


def _parse_note(data: bytes) -> tuple[str, list[Signature]]:
    if len(data) > MAX_NOTE:
        raise NoteError(f"a note has at most {MAX_NOTE} bytes, not {len(data)}")
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise NoteError("a note is UTF-8 text") from None
    _check_text(note)
    text, blank, tail = note.rpartition("\n\n")
    if not blank or not tail:
        raise NoteError("a note has signatures after a blank line")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"a note has at most {MAX_SIGNATURES} signatures, not {len(lines)}")
    return text + "\n", [_parse_signature(line) for line in lines]


def _parse_signature(line: str) -> Signature:
    if not line.startswith(_SIGNATURE_MARK):
        raise NoteError(f"not a signature line: {line[:40]!r}")
    name, _, encoded = line.removeprefix(_SIGNATURE_MARK).partition(" ")
    _check_name(name)
    data = decode_base64(encoded)
    if len(data) < 5:
        raise NoteError(f"the signature of {name} is too short")
    return Signature(name, data[:4].hex(), data[4:])


def _parse_key(text: str, what: str) -> tuple[str, str, int, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):
        raise NoteError(f"a {what} is <name>+<8 hex digits>+<base64>")
    _check_name(parts[0])
    try:
        data = decode_base64(parts[2])
    except NoteError:
        # The reason would quote the key, and this may be a private one.
        raise NoteError(f"the {what} of {parts[0]} is not canonical base64") from None
    algorithm, material = int.from_bytes(data[:1], "big"), data[1:]
    _check_material(algorithm, material)
    return parts[0], parts[1], algorithm, material


def _check_material(algorithm: int, material: bytes) -> None:
    if algorithm not in _KEY_NAMES:
        raise NoteError(f"note keys of type 0x{algorithm:02x} are not supported")
    if len(material) != 32:
        raise NoteError(f"an {_KEY_NAMES[algorithm]} key has 32 bytes, not {len(material)}")


def _check_name(name: str) -> None:
    if not name or "+" in name or _FORBIDDEN.search(name) or any(map(str.isspace, name)):
        raise NoteError(f"not a key name: {name[:40]!r}")


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteError("a note ends in a newline")
    if _FORBIDDEN.search(text):
        raise NoteError("a note has no control characters but newlines")


def _cosigned(text: bytes, time: int) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (time, text)


def _public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _key_id(name: str, algorithm: int, public: bytes) -> str:
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4].hex()


def _b64(data: bytes) -> str:
    return b64encode(data).decode()
