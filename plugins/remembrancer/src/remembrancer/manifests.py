"""The manifest of a generation: one line per file of the standard, and the Merkle root over the lines.

Pure. The blob is JSON Lines, sorted by path; each line says who owns the file, and the SHA-256 of its bytes as the
template rendered them and as they lay on disk ("" where there was no file). The root is RFC 6962's over the lines.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from remembrancer import merkle
from remembrancer.errors import Rejected
from remembrancer.fields import DIGEST, PATH, FieldError

STANDARD, SEEDED = "standard", "seeded"
_MEMBERS = {"disk", "owner", "path", "rendered"}


@dataclass(frozen=True, slots=True)
class Line:
    """One file: a relative path with forward slashes, its owner, and both digests (64 hexadecimal digits)."""

    path: str
    owner: str
    rendered: str
    disk: str

    def encode(self) -> bytes:
        """Return the line's bytes without the newline: compact JSON with sorted keys."""
        members = {"disk": self.disk, "owner": self.owner, "path": self.path, "rendered": self.rendered}
        return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def write(lines: Iterable[Line]) -> bytes:
    """Return the blob of these lines, sorted by path."""
    return b"".join(line.encode() + b"\n" for line in sorted(lines, key=lambda line: line.path))


def stated(data: bytes) -> dict[str, Any]:
    """Return what a receipt states about a blob: its digest, the root over its lines, and how many there are."""
    import hashlib  # noqa: PLC0415 - only where a receipt is written

    lines = data.splitlines()
    return {"sha256": hashlib.sha256(data).hexdigest(), "root": merkle.root(lines).hex(), "files": len(lines)}


def read(data: bytes, said: Mapping[str, Any]) -> tuple[Line, ...]:
    """Return the lines of a manifest blob that a receipt states `root` and `files` about.

    Raises Rejected(receipt.manifest) for anything that `write` would not have written, or that the receipt contradicts.
    """
    try:
        lines = tuple(_line(part) for part in data.splitlines())
    except (ValueError, RecursionError, FieldError) as error:
        raise Rejected("receipt.manifest", f"the manifest is malformed: {error}") from None
    if write(lines) != data or len({line.path for line in lines}) != len(lines):
        raise Rejected("receipt.manifest", "the manifest is not in its canonical form")
    if len(lines) != said["files"] or merkle.root([line.encode() for line in lines]).hex() != said["root"]:
        raise Rejected("receipt.manifest", "the manifest is not the one that the receipt states the root of")
    return lines


def _line(part: bytes) -> Line:
    members = json.loads(part.decode("utf-8"))
    if type(members) is not dict or members.keys() != _MEMBERS:
        raise ValueError("a line has other members than " + ", ".join(sorted(_MEMBERS)))
    PATH.check(members["path"], "path")
    DIGEST.check(members["rendered"], "rendered")
    if members["disk"] != "":
        DIGEST.check(members["disk"], "disk")
    if members["owner"] not in (STANDARD, SEEDED):
        raise ValueError("owner must be standard or seeded")
    return Line(**members)
