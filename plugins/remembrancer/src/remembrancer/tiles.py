"""C2SP tlog-tiles: a Merkle tree kept as files of 256 hashes, without any I/O of its own.

``tile/<level>/<index>[.p/<width>]`` holds the roots of the whole subtrees of 256**level leaves, and
``tile/entries/<index>[.p/<width>]`` the entries, each behind its length as a big-endian uint16
(https://c2sp.org/tlog-tiles). A reader function gives the bytes of one path inside the ledger folder.

What comes out of tiles is only as good as the tiles: callers check proofs and roots against a signed checkpoint.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from remembrancer.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    node_hash,
)

WIDTH = 256
MAX_ENTRY = 65_535
MAX_SIZE = (1 << 63) - 1

Reader = Callable[[str], bytes]
"""Path inside the ledger folder to the file's bytes; raises FileNotFoundError."""

_HEIGHT = 8
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)
# Enough for the tiles that one proof touches, and for neighbours when an audit walks through all leaves.
_CACHED_TILES = 32


class TileError(ValueError):
    """A tile or an entry bundle is not what a tree of this size has there; ``path`` names the file."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path} {problem}" if path else problem)
        self.path = path


@dataclass(frozen=True, slots=True)
class Tile:
    """One file of the tree: level 0 to 63, or None for an entry bundle; index in its level; width 1 to 256."""

    level: int | None
    index: int
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
    match = _PATH.fullmatch(path)
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
    while count := size >> (_HEIGHT * level):
        for index in range(-(-count // WIDTH)):
            yield _tile_at(level, index, size)
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


class TileTree:
    """The tree of one size, read from tiles: roots, proofs and entries, reading only the tiles that they need.

    Takes a reader and the size (number of leaves). Methods raise FileNotFoundError when the reader does, TileError
    when a file has another length than this size demands, ProofError for an index or size outside the tree.
    A partial tile that is gone is taken from the full tile of the same index, as the specification allows.
    """

    def __init__(self, read: Reader, size: int) -> None:
        if not 0 <= size <= MAX_SIZE:
            raise TileError("", f"not a tree size: {size}")
        self.size = size
        self._read = read
        self._tiles: OrderedDict[tuple[int, int], list[list[bytes]]] = OrderedDict()
        self._bundle: tuple[int, list[bytes]] = (-1, [])

    def root(self, size: int | None = None) -> bytes:
        """Return the 32-byte root, recomputed from the tiles; with a size, the root of that many first leaves."""
        return self._range(0, self._within(size))

    def leaf_hash(self, index: int) -> bytes:
        """Return the 32-byte leaf hash that level 0 holds at this index."""
        self._check_index(index)
        return self._node(0, index)

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the inclusion proof of a leaf, in the whole tree or among the first ``size`` leaves."""
        return [self._range(start, end) for start, end in inclusion_ranges(index, self._within(size))]

    def consistency_proof(self, size1: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the whole tree (or its first ``size`` leaves) extends its first ``size1``."""
        return [self._range(start, end) for start, end in consistency_ranges(size1, self._within(size))]

    def entry(self, index: int) -> bytes:
        """Return the bytes of the entry at this index; the caller proves their leaf hash."""
        self._check_index(index)
        number = index // WIDTH
        if self._bundle[0] != number:
            width = min(WIDTH, self.size - number * WIDTH)
            self._bundle = (number, _read_bundle(self._read, Tile(None, number, width)))
        return self._bundle[1][index % WIDTH]

    def _within(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise TileError("", f"a tree of {self.size} leaves does not know the tree of {size}")
        return size

    def _check_index(self, index: int) -> None:
        if not 0 <= index < self.size:
            raise TileError("", f"leaf {index} is not in a tree of {self.size}")

    def _range(self, start: int, end: int) -> bytes:
        """Return the root of leaves ``[start, end)``, where start is a multiple of a power of two >= end - start."""
        nodes: list[bytes] = []
        while start < end:
            height = (end - start).bit_length() - 1
            nodes.append(self._node(height, start >> height))
            start += 1 << height
        return _fold(nodes)

    def _node(self, height: int, index: int) -> bytes:
        """Return the root of the whole subtree of 2**height leaves with this index among those of its height."""
        level, inner = divmod(height, _HEIGHT)
        tile, offset = divmod(index, WIDTH >> inner)
        return self._levels(level, tile)[inner][offset]

    def _levels(self, level: int, index: int) -> list[list[bytes]]:
        """Return a tile's hashes and the up to eight levels of nodes above them."""
        key = (level, index)
        if (levels := self._tiles.get(key)) is not None:
            self._tiles.move_to_end(key)
            return levels
        hashes = _read_tile(self._read, _tile_at(level, index, self.size))
        levels = [hashes]
        while len(hashes) > 1:
            pairs = iter(hashes[: len(hashes) & ~1])
            hashes = [node_hash(left, right) for left, right in zip(pairs, pairs, strict=True)]
            levels.append(hashes)
        self._tiles[key] = levels
        if len(self._tiles) > _CACHED_TILES:
            self._tiles.popitem(last=False)
        return levels


@dataclass(frozen=True, slots=True)
class Growth:
    """What appending changes: files to write (path to bytes), partial tiles that they replace, and both trees' roots.

    ``old_root`` is recomputed from the tiles that were extended: a sealer compares it with the signed checkpoint.
    """

    files: dict[str, bytes]
    obsolete: list[str]
    size: int
    root: bytes
    old_root: bytes = field(default=EMPTY_ROOT)


def append(read: Reader, size: int, entries: Sequence[bytes]) -> Growth:
    """Return what a tree of ``size`` leaves becomes with these entries (bytes, at most 65,535 each) after them.

    Reads only the partial tiles at the tree's right edge, so the cost is O(new + log size). Raises TileError for a
    damaged edge or an entry that is too long, FileNotFoundError when the reader does.
    """
    if not (size >= 0 and size + len(entries) <= MAX_SIZE):
        raise TileError("", f"not a tree size: {size} and {len(entries)} more")
    files: dict[str, bytes] = {}
    obsolete: list[str] = []

    def grow(level: int | None, first: int, old: Sequence[bytes], new: Sequence[bytes]) -> None:
        if new and old:
            obsolete.append(Tile(level, first, len(old)).path)
        items = [*old, *new] if new else []
        for start in range(0, len(items), WIDTH):
            part = items[start : start + WIDTH]
            data = encode_bundle(part) if level is None else b"".join(part)
            files[Tile(level, first + start // WIDTH, len(part)).path] = data

    old_leaves = _edge(read, 0, size)
    if old_leaves:
        bundle = Tile(None, size // WIDTH, len(old_leaves))
        old_entries = _read_bundle(read, bundle)
        if [leaf_hash(entry) for entry in old_entries] != old_leaves:
            raise TileError(bundle.path, "does not hold the entries that the tree commits to")
        grow(None, size // WIDTH, old_entries, entries)
    else:
        grow(None, size // WIDTH, [], entries)

    old_nodes: list[bytes] = []
    new_nodes: list[bytes] = []
    new = [leaf_hash(entry) for entry in entries]
    level = 0
    while (size + len(entries)) >> (_HEIGHT * level):
        old = old_leaves if level == 0 else _edge(read, level, size)
        first = size >> (_HEIGHT * (level + 1))
        grow(level, first, old, new)
        items = [*old, *new]
        whole = len(items) & ~(WIDTH - 1)
        old_nodes[:0] = _peaks(old)
        new_nodes[:0] = _peaks(items[whole:])
        new = [_fold(_peaks(items[start : start + WIDTH])) for start in range(0, whole, WIDTH)]
        level += 1
    return Growth(files, obsolete, size + len(entries), _fold(new_nodes), _fold(old_nodes))


def _checked(tile: Tile) -> Tile:
    if tile.level is not None and not 0 <= tile.level <= 63:
        raise TileError("", f"a tile has a level from 0 to 63, not {tile.level}")
    if not 0 <= tile.index <= MAX_SIZE:
        raise TileError("", f"not the index of a tile: {tile.index}")
    if not 1 <= tile.width <= WIDTH:
        raise TileError("", f"a tile is 1 to {WIDTH} wide, not {tile.width}")
    return tile


def _tile_at(level: int, index: int, size: int) -> Tile:
    return Tile(level, index, min(WIDTH, (size >> (_HEIGHT * level)) - index * WIDTH))


def _edge(read: Reader, level: int, size: int) -> list[bytes]:
    """Return the hashes of the partial tile at the right end of a level; none when the level ends with a full one."""
    count = size >> (_HEIGHT * level)
    if not count % WIDTH:
        return []
    return _read_tile(read, _tile_at(level, count // WIDTH, size))


def _read_tile(read: Reader, tile: Tile) -> list[bytes]:
    data, width = _read_file(read, tile)
    if len(data) != width * HASH_SIZE:
        raise TileError(tile.path, f"has {len(data)} bytes, not the {width * HASH_SIZE} of its {width} hashes")
    return [data[at : at + HASH_SIZE] for at in range(0, tile.width * HASH_SIZE, HASH_SIZE)]


def _read_bundle(read: Reader, tile: Tile) -> list[bytes]:
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


def _peaks(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the roots of the whole subtrees that up to 256 hashes fall into, largest first."""
    peaks: list[bytes] = []
    level = list(hashes)
    while level:
        if len(level) & 1:
            peaks.append(level.pop())
        pairs = iter(level)
        level = [node_hash(left, right) for left, right in zip(pairs, pairs, strict=True)]
    peaks.reverse()
    return peaks


def _fold(nodes: Sequence[bytes]) -> bytes:
    """Return the root over whole subtrees of falling size; of none, the empty root."""
    if not nodes:
        return EMPTY_ROOT
    result = nodes[-1]
    for node in reversed(nodes[:-1]):
        result = node_hash(node, result)
    return result
