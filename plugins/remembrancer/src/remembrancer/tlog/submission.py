"""What a log submits to a witness, and what a witness's answer holds (https://c2sp.org/tlog-witness, add-checkpoint).

Pure: bytes in, bytes out. The same for both ends of the line, so that a test of one is a test of the other.
"""

import re
from collections.abc import Iterable, Sequence

from remembrancer.tlog.checkpoint import MAX_INT, NoteError, encode_base64
from remembrancer.tlog.key import COSIGNATURES, VerifierKey
from remembrancer.tlog.note import Signature, open_note

MAX_PROOF = 63
SIZE_TYPE = "text/x.tlog.size"

_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n?")


def submission(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Return the body of a request: the size it continues, the consistency proof (32-byte hashes), the checkpoint."""
    lines = [f"old {old}", *map(encode_base64, proof), "", ""]
    return "\n".join(lines).encode() + note


def told_size(body: bytes) -> int | None:
    """Return the tree size in the answer 409, None where it holds none."""
    match = _SIZE.fullmatch(body)
    return int(match[1]) if match and int(match[1]) <= MAX_INT else None


def cosignatures(text: str, body: bytes, keys: Iterable[VerifierKey]) -> list[Signature]:
    """Return the cosignatures of known keys (0x04, 0x06) on a checkpoint's text in the answer 200.

    Lines of other keys are ignored. Raises NoteError for a body that is not signature lines, without a line of a known
    key, with one that does not verify, or with one that tells no time.
    """
    try:
        note = (text + "\n").encode() + body
        opened = open_note(note, [key for key in keys if key.algorithm in COSIGNATURES])
    except UnicodeEncodeError:
        raise NoteError("not a checkpoint's text") from None
    if opened.text != text:
        raise NoteError("the answer is not signature lines")
    if any(not line.time for line in opened.signatures):
        raise NoteError("a cosignature tells no time")
    return list(opened.signatures)
