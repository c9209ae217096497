"""A Merkle tree kept as C2SP tiles: roots and proofs from few tiles, and appending (https://c2sp.org/tlog-tiles).

Pure: a reader function gives the bytes of one path inside the ledger folder, and appending returns the files to write.
What comes out of tiles is only as good as the tiles: callers check proofs and roots against a signed checkpoint.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from remembrancer.named import NamedTuple
from remembrancer.tlog.merkle import (
    EMPTY_ROOT,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    parents,
    root_of_hashes,
)
from remembrancer.tlog.tile import (
    HEIGHT,
    MAX_ENTRY,
    MAX_SIZE,
    WIDTH,
    Reader,
    Tile,
    TileError,
    decode_bundle,
    encode_bundle,
    entries_path,
    layout,
    parse_tile_path,
    read_bundle,
    read_tile,
    tile_at,
    tile_path,
)

__all__ = [
    "MAX_ENTRY",
    "WIDTH",
    "Audit",
    "Growth",
    "Reader",
    "Tile",
    "TileError",
    "TileTree",
    "append",
    "audit",
    "decode_bundle",
    "encode_bundle",
    "entries_path",
    "layout",
    "parse_tile_path",
    "tile_path",
]

# Enough for the tiles that one proof touches, and for neighbours when an audit walks through all leaves.
_CACHED_TILES = 32
_CACHED_SPINES = 256


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
        self._spines: dict[tuple[int, int], bytes] = {}
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
            self._bundle = (number, read_bundle(self._read, Tile(None, number, width)))
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
        width = end - start
        if width and not width & (width - 1):
            height = width.bit_length() - 1
            return self._node(height, start >> height)
        # Only the right edge has other widths, and every proof in this tree meets the same few of them.
        if (known := self._spines.get((start, end))) is not None:
            return known
        nodes: list[bytes] = []
        position = start
        while position < end:
            height = (end - position).bit_length() - 1
            nodes.append(self._node(height, position >> height))
            position += 1 << height
        if len(self._spines) == _CACHED_SPINES:
            self._spines.clear()
        self._spines[start, end] = result = _fold(nodes)
        return result

    def _node(self, height: int, index: int) -> bytes:
        """Return the root of the whole subtree of 2**height leaves with this index among those of its height."""
        level, inner = divmod(height, HEIGHT)
        tile, offset = divmod(index, WIDTH >> inner)
        return self._levels(level, tile)[inner][offset]

    def _levels(self, level: int, index: int) -> list[list[bytes]]:
        """Return a tile's hashes and the up to eight levels of nodes above them."""
        key = (level, index)
        if (levels := self._tiles.get(key)) is not None:
            self._tiles.move_to_end(key)
            return levels
        hashes = read_tile(self._read, tile_at(level, index, self.size))
        levels = _stack(hashes)
        self._tiles[key] = levels
        if len(self._tiles) > _CACHED_TILES:
            self._tiles.popitem(last=False)
        return levels


class Growth(NamedTuple):
    """What appending changes: files to write (path to bytes), partial tiles that they replace, and both trees' roots.

    ``old_root`` is recomputed from the tiles that were extended: a sealer compares it with the signed checkpoint.
    """

    files: dict[str, bytes]
    obsolete: list[str]
    size: int
    root: bytes
    old_root: bytes


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
        old_entries = read_bundle(read, bundle)
        if [leaf_hash(entry) for entry in old_entries] != old_leaves:
            raise TileError(bundle.path, "does not hold the entries that the tree commits to")
        grow(None, size // WIDTH, old_entries, entries)
    else:
        grow(None, size // WIDTH, [], entries)

    old_nodes: list[bytes] = []
    new_nodes: list[bytes] = []
    new = [leaf_hash(entry) for entry in entries]
    level = 0
    while (size + len(entries)) >> (HEIGHT * level):
        old = old_leaves if level == 0 else _edge(read, level, size)
        first = size >> (HEIGHT * (level + 1))
        grow(level, first, old, new)
        items, new = [*old, *new], []
        for start in range(0, len(items), WIDTH):
            levels = _stack(items[start : start + WIDTH])
            if start == 0:
                old_nodes[:0] = _peaks(levels, len(old))
            if len(levels) > HEIGHT:
                new += levels[HEIGHT]
            else:
                new_nodes[:0] = _peaks(levels, len(levels[0]))
        level += 1
    return Growth(files, obsolete, size + len(entries), _fold(new_nodes), _fold(old_nodes))


class Audit(NamedTuple):
    """What the entries say: the root over them, and every file that is missing, misshapen or not what they give."""

    root: bytes
    problems: list[TileError]


def audit(read: Reader, size: int) -> Audit:
    """Re-read every bundle and tile of a tree of this size and recompute all hashes from the entries, in O(size).

    With the signed root, the entries are intact and the named tiles are damaged; with another root, an entry is not
    what was signed, and its bundle differs from the tile that is named. An unreadable bundle is named, and the hashes
    of its tile stand in for it. Raises nothing for bad content.
    """
    problems: list[TileError] = []

    def load(reader: Callable[[Reader, Tile], list[bytes]], tile: Tile) -> list[bytes] | None:
        try:
            return reader(read, tile)
        except TileError as error:
            problems.append(error)
        except FileNotFoundError:
            problems.append(TileError(tile.path, "is missing"))
        return None

    def check(level: int, number: int, hashes: list[bytes] | None) -> list[bytes]:
        tile = tile_at(level, number, size)
        stored = load(read_tile, tile)
        if hashes is None:
            # Any hash does here: what stands under it is named already, and the root comes out wrong.
            return stored or [EMPTY_ROOT] * tile.width
        if stored is not None and stored != hashes:
            problems.append(TileError(tile.path, "does not hold the hashes of what is below it"))
        return hashes

    nodes: list[bytes] = []
    level = 0
    below: list[bytes] = []
    while count := size >> (HEIGHT * level):
        roots: list[bytes] = []
        for number in range(-(-count // WIDTH)):
            if level == 0:
                bundle = load(read_bundle, Tile(None, number, tile_at(0, number, size).width))
                hashes = check(0, number, None if bundle is None else [leaf_hash(entry) for entry in bundle])
            else:
                hashes = check(level, number, below[number * WIDTH : (number + 1) * WIDTH])
            if len(hashes) == WIDTH:
                roots.append(root_of_hashes(hashes))
            else:
                nodes[:0] = _peaks(_stack(hashes), len(hashes))
        below = roots
        level += 1
    return Audit(_fold(nodes), problems)


def _edge(read: Reader, level: int, size: int) -> list[bytes]:
    """Return the hashes of the partial tile at the right end of a level; none when the level ends with a full one."""
    count = size >> (HEIGHT * level)
    if not count % WIDTH:
        return []
    return read_tile(read, tile_at(level, count // WIDTH, size))


def _stack(hashes: list[bytes]) -> list[list[bytes]]:
    """Return up to 256 hashes and every level of whole nodes above them; a full tile's last level is its root."""
    levels = [hashes]
    while len(levels[-1]) > 1:
        levels.append(parents(levels[-1]))
    return levels


def _peaks(levels: list[list[bytes]], count: int) -> list[bytes]:
    """Return the roots of the whole subtrees that the first ``count`` hashes fall into, largest first."""
    return [levels[height][(count >> height) - 1] for height in reversed(range(len(levels))) if count >> height & 1]


def _fold(nodes: Sequence[bytes]) -> bytes:
    """Return the root over whole subtrees of falling size; of none, the empty root."""
    if not nodes:
        return EMPTY_ROOT
    result = nodes[-1]
    for node in reversed(nodes[:-1]):
        result = node_hash(node, result)
    return result
