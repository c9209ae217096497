"""The manifest of a generation: one line per file of the standard, and the Merkle root over the lines.

Pure. The blob is JSON Lines, sorted by path; each line says who owns the file, and the SHA-256 of its bytes as the
template rendered them and as they lay on disk ("" where there was no file). The root is RFC 6962's over the lines.
"""

import json
import re
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring
from typing import Any

from remembrancer.errors import Rejected
from remembrancer.named import NamedTuple
from remembrancer.receipt.fields import PATH, FieldError
from remembrancer.tlog import merkle

STANDARD, SEEDED = "standard", "seeded"
# the one form that `write` gives a line, so that nothing has to be encoded again to compare
_LINE = re.compile(
    r'\{"disk":"([0-9a-f]{64})?",("executable":true,)?"owner":"(standard|seeded)","path":("[^"\\]*(?:\\.[^"\\]*)*"),"rendered":"([0-9a-f]{64})"\}'
)


class Line(NamedTuple):
    """One file: a relative path with forward slashes, its owner, and both digests (64 hexadecimal digits).

    `executable` says that the template renders it with the permission to run it; manifests before 4.2 never say so.
    """

    path: str
    owner: str
    rendered: str
    disk: str
    executable: bool = False

    def encode(self) -> bytes:
        """Return the line's bytes without the newline: compact JSON with sorted keys."""
        # only a path can hold what JSON escapes; the other members are hexadecimal or one of two words
        path = encode_basestring(self.path)
        runs = '"executable":true,' if self.executable else ""
        text = f'{{"disk":"{self.disk}",{runs}"owner":"{self.owner}","path":{path},"rendered":"{self.rendered}"}}'
        return text.encode()


def write(lines: Iterable[Line]) -> bytes:
    """Return the blob of these lines, sorted by path."""
    return b"".join(line.encode() + b"\n" for line in sorted(lines, key=lambda line: line.path))


def stated(data: bytes) -> dict[str, Any]:
    """Return what a receipt states about a blob: its digest, the root over its lines, and how many there are."""
    import hashlib  # noqa: PLC0415 - only where a receipt is written

    lines = data.split(b"\n")[:-1]
    return {"sha256": hashlib.sha256(data).hexdigest(), "root": merkle.root(lines).hex(), "files": len(lines)}


def read(data: bytes, said: Mapping[str, Any]) -> tuple[Line, ...]:
    """Return the lines of a manifest blob that a receipt states `root` and `files` about.

    Raises Rejected(receipt.manifest) for anything that `write` would not have written, or that the receipt contradicts.
    """
    parts = data.split(b"\n")
    if parts.pop():
        raise Rejected("receipt.manifest", "the manifest does not end with a newline")
    try:
        lines = tuple(map(_line, parts))
    except (ValueError, RecursionError, FieldError) as error:
        raise Rejected("receipt.manifest", f"the manifest is malformed: {error}") from None
    paths = [line.path for line in lines]
    if paths != sorted(set(paths)):
        raise Rejected("receipt.manifest", "the manifest is not sorted by path")
    if len(lines) != said["files"] or merkle.root(parts).hex() != said["root"]:
        raise Rejected("receipt.manifest", "the manifest is not the one that the receipt states the root of")
    return lines


def _line(part: bytes) -> Line:
    found = _LINE.fullmatch(part.decode("utf-8"))
    if found is None:
        raise ValueError("a line is not what this program writes")
    disk, runs, owner, text, rendered = found.groups()
    path = text[1:-1]
    if "\\" in text:
        path = json.loads(text)
        if encode_basestring(path) != text:
            raise ValueError("a path is not in its canonical form")
    PATH.check(path, "path")
    return Line(path, owner, rendered, disk or "", bool(runs))
