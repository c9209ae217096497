"""What the tests of the log core share: known answers, a naive tree, and a log that lives in a dict."""

import json
from base64 import b64decode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from remembrancer.tlog import tree as tiles

VECTORS = Path(__file__).parents[1] / "vectors"


def vector(path: str) -> Any:
    return json.loads((VECTORS / path).read_text(encoding="utf-8"))


def unbase64(values: Sequence[str] | None) -> list[bytes]:
    return [b64decode(value) for value in values or []]


def naive_root(entries: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, word by word; what was computed before is remembered."""
    return _naive_root(tuple(entries))


@cache
def _naive_root(entries: tuple[bytes, ...]) -> bytes:
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return sha256(b"\x01" + _naive_root(entries[:split]) + _naive_root(entries[split:])).digest()


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"entry %d" % number for number in range(start, start + count)]


class MemoryLog:
    """A ledger folder in memory: notes what was read, applies what `tiles.append` returns."""

    def __init__(self, entries: Sequence[bytes] = ()) -> None:
        self.files: dict[str, bytes] = {}
        self.read_paths: list[str] = []
        self.size = 0
        self.root = naive_root([])
        if entries:
            self.append(entries)

    def read(self, path: str) -> bytes:
        self.read_paths.append(path)
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def append(self, entries: Sequence[bytes]) -> tiles.Growth:
        growth = tiles.append(self.read, self.size, entries)
        assert growth.old_root == self.root
        self.files.update(growth.files)
        for path in growth.obsolete:
            del self.files[path]
        self.size, self.root = growth.size, growth.root
        return growth

    def tree(self, size: int | None = None) -> tiles.TileTree:
        return tiles.TileTree(self.read, self.size if size is None else size)
