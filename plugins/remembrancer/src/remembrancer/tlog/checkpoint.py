"""The text of a transparency log's checkpoint, and the text rules that it shares with every C2SP signed note.

A checkpoint's text is origin, number of leaves and root, one line each (https://c2sp.org/tlog-checkpoint); text rules
and base64 are those of https://c2sp.org/signed-note. Parsing says nothing about signatures: see ``note``.
"""

import binascii
import re
from base64 import b64decode, b64encode
from typing import Self

from remembrancer.named import NamedTuple
from remembrancer.tlog.merkle import EMPTY_ROOT, HASH_SIZE

MAX_INT = (1 << 63) - 1

_DECIMAL = re.compile("0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")


class NoteError(ValueError):
    """A note, checkpoint or key that is malformed, or a note without the signatures that it needs."""


class Checkpoint(NamedTuple):
    """What a checkpoint's text says: origin, number of leaves, 32-byte root, extension lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the checkpoint in a note's text. Raises NoteError for any deviation from tlog-checkpoint."""
        check_text(text)
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
        text = "\n".join([self.origin, str(self.size), encode_base64(self.root), *self.extensions]) + "\n"
        if Checkpoint.parse(text) != self:
            raise NoteError("a field of the checkpoint holds a line break")
        return text

    def _check_root(self) -> None:
        if len(self.root) != HASH_SIZE:
            raise NoteError(f"a root has {HASH_SIZE} bytes, not {len(self.root)}")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise NoteError("a checkpoint of no leaves has the root of another tree")


def _is_forbidden(text: str) -> bool:
    """Say whether there is a control character but the newline, or a surrogate, which has no UTF-8 form."""
    try:
        return _CONTROL.search(text.encode()) is not None
    except UnicodeEncodeError:
        return True


def check_text(text: str) -> None:
    """Raise NoteError unless the text ends in a newline and has no other control character."""
    if not text.endswith("\n"):
        raise NoteError("a note ends in a newline")
    if _is_forbidden(text):
        raise NoteError("a note has no control characters but newlines")


def check_name(name: str) -> None:
    """Raise NoteError unless a key can have this name: not empty, no Unicode space, no plus."""
    if not name or "+" in name or _is_forbidden(name) or any(map(str.isspace, name)):
        raise NoteError(f"not a key name: {name[:40]!r}")


def decode_base64(text: str) -> bytes:
    """Return the bytes of standard base64 (RFC 4648 section 4) in its one canonical form. Raises NoteError."""
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"not base64: {text[:40]!r}") from None
    if encode_base64(data) != text:
        raise NoteError(f"not canonical base64: {text[:40]!r}")
    return data


def encode_base64(data: bytes) -> str:
    """Return standard base64 with padding (RFC 4648 section 4)."""
    return b64encode(data).decode()
