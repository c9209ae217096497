"""The files of a tiled log: their paths, their exact shapes, and reading them with every length checked.

``tile/<level>/<index>[.p/<width>]`` holds the roots of whole subtrees of 256**level leaves, 32 bytes each, and
``tile/entries/<index>[.p/<width>]`` the entries, each behind its length as a big-endian uint16
(https://c2sp.org/tlog-tiles). No I/O: a reader function gives the bytes of one path.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from remembrancer.named import NamedTuple
from remembrancer.tlog.merkle import HASH_SIZE

WIDTH = 256
MAX_ENTRY = 65_535
MAX_SIZE = (1 << 63) - 1

Reader = Callable[[str], bytes]
"""Path inside the ledger folder to the file's bytes; raises FileNotFoundError."""

HEIGHT = 8
# compiled by `re` when a path is first read, which no verdict on an artifact does
_PATH = (
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class TileError(ValueError):
    """A tile or an entry bundle is not what a tree of this size has there; ``path`` names the file."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path} {problem}" if path else problem)
        self.path = path


class Tile(NamedTuple):
    """One file of the tree: level 0 to 63, or None for an entry bundle; index in its level; width 1 to 256."""

    level: int | None
    index: int  # type: ignore[assignment]  # nobody looks a value up in a tile, as tuple.index does
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The file's path inside the ledger folder."""
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        folder = "entries" if self.level is None else str(self.level)
        suffix = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{folder}/{'/'.join(reversed(groups))}{suffix}"


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Return the path of a hash tile: level 0 to 63, index from 0, width 1 to 256 hashes. Raises TileError."""
    return _checked(Tile(level, index, width)).path


def entries_path(index: int, width: int = WIDTH) -> str:
    """Return the path of an entry bundle: index from 0, width 1 to 256 entries. Raises TileError."""
    return _checked(Tile(None, index, width)).path


def parse_tile_path(path: str) -> Tile:
    """Return the tile that a path names; only the one canonical spelling is read. Raises TileError."""
    match = re.fullmatch(_PATH, path)
    if match is None:
        raise TileError("", f"not a tile path: {path!r}")
    level = None if match["level"] == "entries" else int(match["level"])
    index = int(re.sub("[x/]", "", match["index"]))
    tile = _checked(Tile(level, index, int(match["width"] or WIDTH)))
    if tile.path != path:
        raise TileError("", f"not the canonical form of a tile path: {path!r}")
    return tile


def layout(size: int) -> Iterator[Tile]:
    """Yield every hash tile and entry bundle that a tree of this size consists of, level by level, bundles last."""
    level = 0
    while count := size >> (HEIGHT * level):
        for index in range(-(-count // WIDTH)):
            yield tile_at(level, index, size)
        level += 1
    for index in range(-(-size // WIDTH)):
        yield Tile(None, index, min(WIDTH, size - index * WIDTH))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return an entry bundle of 1 to 256 entries of at most 65,535 bytes each. Raises TileError."""
    if not 1 <= len(entries) <= WIDTH:
        raise TileError("", f"an entry bundle holds 1 to {WIDTH} entries, not {len(entries)}")
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise TileError("", f"an entry has at most {MAX_ENTRY} bytes, not {len(entry)}")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def decode_bundle(data: bytes) -> list[bytes]:
    """Return the 1 to 256 entries of a bundle. Raises TileError for anything cut off or left over."""
    entries: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + 2
        position = start + int.from_bytes(data[start - 2 : start], "big")
        if start > len(data) or position > len(data):
            raise TileError("", "an entry bundle ends inside an entry")
        entries.append(data[start:position])
    if not 1 <= len(entries) <= WIDTH:
        raise TileError("", f"an entry bundle holds 1 to {WIDTH} entries, not {len(entries)}")
    return entries


def _checked(tile: Tile) -> Tile:
    if tile.level is not None and not 0 <= tile.level <= 63:
        raise TileError("", f"a tile has a level from 0 to 63, not {tile.level}")
    if not 0 <= tile.index <= MAX_SIZE:
        raise TileError("", f"not the index of a tile: {tile.index}")
    if not 1 <= tile.width <= WIDTH:
        raise TileError("", f"a tile is 1 to {WIDTH} wide, not {tile.width}")
    return tile


def tile_at(level: int, index: int, size: int) -> Tile:
    """Return the hash tile at this place of a tree of this size, with its width."""
    return Tile(level, index, min(WIDTH, (size >> (HEIGHT * level)) - index * WIDTH))


def read_tile(read: Reader, tile: Tile) -> list[bytes]:
    """Return the hashes of a tile; a partial one that is gone is taken from the full one. Raises TileError."""
    data, width = _read_file(read, tile)
    if len(data) != width * HASH_SIZE:
        raise TileError(tile.path, f"has {len(data)} bytes, not the {width * HASH_SIZE} of its {width} hashes")
    return [data[at : at + HASH_SIZE] for at in range(0, tile.width * HASH_SIZE, HASH_SIZE)]


def read_bundle(read: Reader, tile: Tile) -> list[bytes]:
    """Return the entries of a bundle; a partial one that is gone is taken from the full one. Raises TileError."""
    data, width = _read_file(read, tile)
    try:
        entries = decode_bundle(data)
    except TileError as error:
        raise TileError(tile.path, f"is not readable: {error}") from None
    if len(entries) != width:
        raise TileError(tile.path, f"has {len(entries)} entries, not {width}")
    return entries[: tile.width]


def _read_file(read: Reader, tile: Tile) -> tuple[bytes, int]:
    try:
        return read(tile.path), tile.width
    except FileNotFoundError:
        if tile.width == WIDTH:
            raise
        missing = tile.path
    try:
        return read(Tile(tile.level, tile.index).path), WIDTH
    except FileNotFoundError:
        raise FileNotFoundError(missing) from None
