"""C2SP signed notes, signed checkpoints and cosignatures (c2sp.org: signed-note, tlog-checkpoint, tlog-cosignature).

A note is text, a blank line, and lines ``— <key name> <base64(key id || signature)>``; a signed checkpoint is a note
whose text is a checkpoint. Pure functions over bytes; nothing is trusted but the verifier keys that the caller gives.
"""

from collections.abc import Iterable

from remembrancer.named import NamedTuple
from remembrancer.tlog.checkpoint import (
    Checkpoint,
    NoteError,
    check_name,
    check_text,
    decode_base64,
    encode_base64,
)
from remembrancer.tlog.key import COSIGNATURE, COSIGNATURES, ED25519, MLDSA_COSIGNATURE, SignerKey, VerifierKey

__all__ = [
    "COSIGNATURE",
    "COSIGNATURES",
    "ED25519",
    "MLDSA_COSIGNATURE",
    "Checkpoint",
    "Note",
    "NoteError",
    "Signature",
    "SignedCheckpoint",
    "SignerKey",
    "VerifierKey",
    "add_signature",
    "cosign",
    "log_signed_bytes",
    "open_checkpoint",
    "open_note",
    "parse_note",
    "sign_note",
]

MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100

_SIGNATURE_MARK = "— "


class Signature(NamedTuple):
    """One signature line: the bytes after the key id, and for a verified cosignature its time (seconds since 1970)."""

    name: str
    key_id: str
    signature: bytes
    time: int | None = None

    @property
    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"{_SIGNATURE_MARK}{self.name} {encode_base64(bytes.fromhex(self.key_id) + self.signature)}\n"


class Note(NamedTuple):
    """An opened note: its text, the verified signatures (one per key), and the lines of unknown keys, never judged."""

    text: str
    signatures: tuple[Signature, ...]
    unknown: tuple[Signature, ...] = ()


class SignedCheckpoint(NamedTuple):
    """A checkpoint that its log signed: the log's signatures, and the cosignatures of the witnesses that were given."""

    checkpoint: Checkpoint
    text: str
    signatures: tuple[Signature, ...]
    cosignatures: tuple[Signature, ...] = ()


def sign_note(text: str, signers: Iterable[SignerKey]) -> bytes:
    """Return the note over this text (ending in a newline) with one 0x01 signature per signer. Raises NoteError."""
    check_text(text)
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
    """Return a witness's cosignature (0x04, 0x06) of a checkpoint at a time in seconds since 1970. Raises NoteError."""
    return Signature(signer.name, signer.key_id, signer.cosign(checkpoint_text, unix_time), unix_time)


def add_signature(note: bytes, signature: Signature) -> bytes:
    """Return the note with one more signature line at its end (nothing is verified). Raises NoteError."""
    parse_note(note)
    longer = note + signature.line.encode()
    parse_note(longer)
    return longer


def open_note(data: bytes, verifiers: Iterable[VerifierKey]) -> Note:
    """Return the note when at least one of the verifiers signed it and no known key has a bad signature.

    Signatures of unknown keys are ignored and listed apart. Every signature line of a known key is verified; repeated
    ones count once. Raises NoteError otherwise, for malformed notes, and when two verifiers share name and key id.
    """
    known: dict[tuple[str, str], VerifierKey] = {}
    for key in verifiers:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise NoteError(f"two verifier keys are called {key.name}+{key.key_id}")
    text, lines = parse_note(data)
    verified: dict[tuple[str, str], Signature] = {}
    unknown: dict[Signature, None] = {}
    for line in dict.fromkeys(lines):
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

    Cosignatures of the witnesses (0x04, 0x06) are verified and listed; whether they are enough is the caller's policy.
    Raises NoteError otherwise; a witness alone never makes a checkpoint valid.
    """
    logs = [key for key in log_keys if key.algorithm == ED25519 and key.name == origin]
    note = open_note(data, [*logs, *(key for key in witnesses if key.algorithm in COSIGNATURES)])
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != origin:
        raise NoteError(f"the checkpoint's origin is {checkpoint.origin}, not {origin}")
    names = {(key.name, key.key_id) for key in logs}
    signatures = tuple(line for line in note.signatures if (line.name, line.key_id) in names)
    if not signatures:
        raise NoteError(f"no log key of {origin} has signed this checkpoint")
    cosignatures = tuple(line for line in note.signatures if (line.name, line.key_id) not in names)
    return SignedCheckpoint(checkpoint, note.text, signatures, cosignatures)


def log_signed_bytes(note: bytes, *keys: VerifierKey) -> bytes:
    """Return text, blank line and only the lines that these log keys signed, in the file's order, one per key.

    Cosignatures that arrive later do not change these bytes, so timestamps are taken over them. Raises NoteError as
    ``open_note`` does.
    """
    opened = open_note(note, [key for key in keys if key.algorithm == ED25519])
    return (opened.text + "\n" + "".join(signature.line for signature in opened.signatures)).encode()


def parse_note(data: bytes) -> tuple[str, list[Signature]]:
    """Return a note's text and its signature lines, none of them verified. Raises NoteError when it is malformed."""
    if len(data) > MAX_NOTE:
        raise NoteError(f"a note has at most {MAX_NOTE} bytes, not {len(data)}")
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise NoteError("a note is UTF-8 text") from None
    check_text(note)
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
    check_name(name)
    data = decode_base64(encoded)
    if len(data) < 5:
        raise NoteError(f"the signature of {name} is too short")
    return Signature(name, data[:4].hex(), data[4:])
