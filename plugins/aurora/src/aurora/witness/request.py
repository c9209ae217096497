"""What a log submits to `add-checkpoint` (c2sp.org/tlog-witness): a size, a consistency proof, a signed checkpoint.

Pure: the bytes are taken apart, and the log's signature is checked; what they mean to this witness says `decide`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from aurora.logs import Log
from remembrancer.tlog import Checkpoint, NoteError, VerifierKey, open_note
from remembrancer.tlog.checkpoint import decode_base64, encode_base64
from remembrancer.tlog.merkle import EMPTY_ROOT, HASH_SIZE
from remembrancer.tlog.note import Signature

MAX_PROOF = 63  # hashes; a tree of 2**63 leaves needs no more
MAX_BODY = 256 * 1024  # bytes; a proof and a checkpoint with sixty ML-DSA-44 signatures fit

_OLD = re.compile("old (0|[1-9][0-9]{0,18})", re.ASCII)


class Answer(NamedTuple):
    """What a witness says: an HTTP status code, a body, and its type."""

    status: int
    body: str
    type: str = "text/plain; charset=utf-8"


class Submission(NamedTuple):
    """A request whose checkpoint its log signed: the size it is to continue, the proof, the checkpoint, its text.

    `root` is what the text says, which for a tree of no leaves may be wrong; `signatures` are the log's own, and
    `whole` is the checkpoint with the lines of everybody.
    """

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    root: bytes
    text: str
    signatures: tuple[Signature, ...]
    whole: bytes

    @property
    def note(self) -> bytes:
        """The checkpoint as its log signed it, without the lines of anybody else."""
        return (self.text + "\n" + "".join(line.line for line in self.signatures)).encode()


def read(body: bytes, logs: Mapping[str, Log]) -> Submission | Answer:
    """Return the submission in a request's body, or the answer to one that is not asked further.

    400: not a request by the specification; 404: the origin is unknown; 403: no known key has signed, or one of them
    has a signature that does not verify.
    """
    head, blank, note = body.partition(b"\n\n")
    parsed = _head(head)
    if not blank or parsed is None:
        return Answer(400, "the request is not an old size, a consistency proof, an empty line and a checkpoint\n")
    old, proof = parsed
    said = _checkpoint(note)
    if said is None:
        return Answer(400, "what follows the empty line is not a signed checkpoint\n")
    text, checkpoint, root = said
    log = logs.get(checkpoint.origin)
    if log is None:
        return Answer(404, "the checkpoint's origin is unknown here\n")
    signatures = _signed(note, log.keys)
    if not signatures:
        return Answer(403, "no key that is known for this origin has a valid signature on the checkpoint\n")
    return Submission(old, proof, checkpoint, root, text, signatures, note)


def _head(head: bytes) -> tuple[int, tuple[bytes, ...]] | None:
    try:
        first, *lines = head.decode("ascii").split("\n")
        proof = tuple(decode_base64(line) for line in lines)
    except (UnicodeDecodeError, NoteError):
        return None
    match = _OLD.fullmatch(first)
    if match is None or len(proof) > MAX_PROOF or any(len(one) != HASH_SIZE for one in proof):
        return None
    return int(match[1]), proof


def _checkpoint(note: bytes) -> tuple[str, Checkpoint, bytes] | None:
    """Return text, checkpoint and the root that the text says; a wrong root of no leaves is judged later (422)."""
    text, _, signatures = note.rpartition(b"\n\n")
    try:
        said = text.decode() + "\n"
        lines = said.split("\n")
        root = decode_base64(lines[2]) if len(lines) > 3 else b""
        if len(root) == HASH_SIZE and lines[1] == "0":
            lines[2] = encode_base64(EMPTY_ROOT)
        checkpoint = Checkpoint.parse("\n".join(lines))
    except (UnicodeDecodeError, NoteError):
        return None
    return (said, checkpoint, root) if signatures else None


def _signed(note: bytes, keys: tuple[VerifierKey, ...]) -> tuple[Signature, ...]:
    try:
        return open_note(note, keys).signatures
    except NoteError:
        return ()
