"""Tiles: appending against a naive tree, proofs that read little, and damage that is noticed."""

from functools import cache
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remembrancer.tlog import merkle
from remembrancer.tlog import tree as tiles
from tlog_support import MemoryLog, naive_root, numbered

EDGES = (1, 2, 3, 254, 255, 256, 257, 258, 511, 512, 513, 65535, 65536, 65537, 65792, 65793)


@cache
def big() -> MemoryLog:
    """A log of three levels; it is made when a test needs it, not in every process that collects tests."""
    return MemoryLog(numbered(65_793))


@cache
def hashes() -> list[bytes]:
    """The leaf hashes of that log."""
    return [merkle.leaf_hash(entry) for entry in numbered(65_793)]


@cache
def range_root(start: int, end: int) -> bytes:
    """The root over some of them; proofs in one large tree have most of their ranges in common."""
    return merkle.root_of_hashes(hashes()[start:end])


def test_appending_one_by_one_equals_the_naive_tree_at_every_size_up_to_600() -> None:
    log = MemoryLog()
    entries = numbered(600)
    for size in range(601):
        assert log.size == size
        assert log.root == log.tree().root() == naive_root(entries[:size])
        assert set(log.files) == {tile.path for tile in tiles.layout(size)}
        assert log.files == MemoryLog(entries[:size]).files
        log.append(entries[size : size + 1])


@settings(max_examples=40)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=6))
def test_the_way_to_a_size_leaves_no_trace(steps: list[int]) -> None:
    log = MemoryLog()
    for size, step in zip(accumulate(steps), steps, strict=True):
        growth = log.append(numbered(step, log.size))
        assert growth.size == log.size == size
    assert log.files == MemoryLog(numbered(sum(steps))).files
    assert log.root == merkle.root(numbered(sum(steps)))


@pytest.mark.parametrize("size", EDGES)
def test_root_and_files_around_tile_boundaries(size: int) -> None:
    log = MemoryLog(numbered(size))
    assert log.root == log.tree().root() == merkle.root_of_hashes(hashes()[:size]) == big().tree().root(size)
    assert sorted(log.files) == sorted(tile.path for tile in tiles.layout(size))
    for tile in tiles.layout(size):
        if tile.level is not None:
            assert len(log.files[tile.path]) == tile.width * 32
    assert tiles.audit(log.read, size) == tiles.Audit(log.root, [])


@pytest.mark.parametrize("size", EDGES)
def test_proofs_around_tile_boundaries(size: int) -> None:
    root = big().tree().root(size)
    tree = MemoryLog(numbered(size)).tree() if size < 1000 else big().tree()
    for index in {0, size // 2, size - 1, min(255, size - 1), min(256, size - 1)}:
        proof = tree.inclusion_proof(index, size)
        assert proof == [range_root(*ends) for ends in merkle.inclusion_ranges(index, size)]
        assert size > 1000 or proof == merkle.inclusion_proof(index, hashes()[:size])
        merkle.verify_inclusion(merkle.leaf_hash(tree.entry(index)), index, size, proof, root)
    for size1 in {edge for edge in EDGES if edge <= size}:
        proof = tree.consistency_proof(size1, size)
        assert proof == [range_root(*ends) for ends in merkle.consistency_ranges(size1, size)]
        assert size > 1000 or proof == merkle.consistency_proof(size1, hashes()[:size])
        merkle.verify_consistency(size1, size, proof, big().tree().root(size1), root)


@pytest.fixture(scope="module")
def made() -> None:
    """Make the log beforehand, so that it is not part of the time that an example may take."""
    assert big().size == len(hashes())


@pytest.mark.usefixtures("made")
@settings(max_examples=60)
@given(st.data())
def test_any_proof_in_a_tree_of_three_levels(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, big().size))
    index = data.draw(st.integers(0, size - 1))
    size1 = data.draw(st.integers(1, size))
    tree = big().tree()
    root = tree.root(size)
    assert tree.leaf_hash(index) == hashes()[index]
    assert tree.entry(index) == b"entry %d" % index
    merkle.verify_inclusion(hashes()[index], index, size, tree.inclusion_proof(index, size), root)
    merkle.verify_consistency(size1, size, tree.consistency_proof(size1, size), tree.root(size1), root)


def test_a_proof_reads_only_the_tiles_on_its_way() -> None:
    big().read_paths.clear()
    big().tree().inclusion_proof(300)
    assert set(big().read_paths) == {"tile/0/001", "tile/1/000", "tile/1/001.p/1", "tile/0/257.p/1"}
    assert len(big().read_paths) == len(set(big().read_paths))
    big().read_paths.clear()
    big().tree().root()
    assert set(big().read_paths) == {"tile/0/257.p/1", "tile/1/001.p/1", "tile/2/000.p/1"}


def test_appending_reads_and_writes_only_the_right_edge() -> None:
    big().read_paths.clear()
    growth = tiles.append(big().read, big().size, [b"one more"])
    assert set(big().read_paths) == {"tile/0/257.p/1", "tile/entries/257.p/1", "tile/1/001.p/1", "tile/2/000.p/1"}
    assert set(growth.files) == {"tile/0/257.p/2", "tile/entries/257.p/2"}
    assert set(growth.obsolete) == {"tile/0/257.p/1", "tile/entries/257.p/1"}
    assert growth.old_root == big().root


def test_appending_nothing_changes_nothing() -> None:
    for log in (MemoryLog(), MemoryLog(numbered(3)), MemoryLog(numbered(256))):
        growth = tiles.append(log.read, log.size, [])
        assert growth == tiles.Growth({}, [], log.size, log.root, log.root)


@pytest.mark.parametrize("size", [1, 7, 255, 257, 300, 513])
def test_every_changed_file_is_named_and_gives_no_accepted_proof(size: int) -> None:
    log = MemoryLog(numbered(size))
    for path, content in list(log.files.items()):
        for damaged in _damages(content):
            log.files[path] = damaged
            found = tiles.audit(log.read, size)
            named = {problem.path for problem in found.problems}
            if path.startswith("tile/entries/") and path not in named:
                # A changed entry: the tile that commits to it is named, and the entries have another root.
                assert named == {path.replace("entries", "0")}
                assert found.root != log.root
            else:
                assert path in named
            for index in {0, size // 2, size - 1}:
                _no_false_proof(log, index)
        del log.files[path]
        assert path in {problem.path for problem in tiles.audit(log.read, size).problems}
        log.files[path] = content


@pytest.mark.parametrize("path", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"])
def test_appending_to_a_damaged_edge_is_refused_or_shows_another_old_root(path: str) -> None:
    log = MemoryLog(numbered(300))
    assert _named_or_old_root(log) == "the old root"
    content = log.files[path]
    for damaged in _damages(content):
        log.files[path] = damaged
        assert _named_or_old_root(log) in {path, "tile/entries/001.p/44", "another old root"}
    del log.files[path]
    with pytest.raises(FileNotFoundError, match=path):
        tiles.append(log.read, 300, [b"new"])


def test_a_partial_tile_that_is_gone_is_taken_from_the_full_one() -> None:
    old, new = MemoryLog(numbered(300)), MemoryLog(numbered(513))
    tree = tiles.TileTree(new.read, 300)
    new.files["tile/1/000.p/1"] = old.files["tile/1/000.p/1"]
    assert tree.root() == old.root
    assert tree.entry(299) == b"entry 299"
    assert tiles.append(new.read, 300, numbered(213, 300)).root == new.root


def test_the_roots_of_smaller_trees_come_from_the_present_tiles() -> None:
    log = MemoryLog(numbered(600))
    tree = log.tree()
    for size in range(601):
        assert tree.root(size) == naive_root(numbered(size))
    with pytest.raises(tiles.TileError):
        tree.root(601)


def test_more_tiles_than_the_cache_holds() -> None:
    tree = big().tree()
    for index in [*range(0, 65_793, 257), *range(0, 65_793, 509)]:
        assert tree.leaf_hash(index) == hashes()[index]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundles_come_back(entries: list[bytes]) -> None:
    assert tiles.decode_bundle(tiles.encode_bundle(entries)) == entries


def test_a_bundle_is_length_and_bytes() -> None:
    longest = bytes(tiles.MAX_ENTRY)
    assert tiles.encode_bundle([b"ab", b"", longest]) == b"\x00\x02ab\x00\x00\xff\xff" + longest


@pytest.mark.parametrize("entries", [[], [b""] * 257, [bytes(65_536)]])
def test_bundles_that_cannot_be_written(entries: list[bytes]) -> None:
    with pytest.raises(tiles.TileError):
        tiles.encode_bundle(entries)


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x00\x02a", b"\x00\x01a\x00", b"\x00\x01a\x00\x01", b"\x00\x00" * 257]
)
def test_bundles_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(tiles.TileError):
        tiles.decode_bundle(data)


def test_an_entry_that_is_too_long_is_refused_before_anything_is_returned() -> None:
    with pytest.raises(tiles.TileError):
        tiles.append(MemoryLog().read, 0, [b"fine", bytes(65_536)])


@given(
    st.one_of(st.none(), st.integers(0, 63)),
    st.integers(0, (1 << 63) - 1),
    st.integers(1, 256),
)
def test_paths_come_back(level: int | None, index: int, width: int) -> None:
    tile = tiles.Tile(level, index, width)
    assert tiles.parse_tile_path(tile.path) == tile
    path = tiles.entries_path(index, width) if level is None else tiles.tile_path(level, index, width)
    assert path == tile.path


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/x000/001",  # not the shortest form
        "tile/00/001",
        "tile/01/001",
        "tile/0/001.p/0",
        "tile/0/001.p/01",
        "tile/0/001.p/256",
        "tile/0/001.p/1\n",
        "tile/0/001/",
        "/tile/0/001",
        "tile/0/../001",
        "tile/0/\u0660\u0660\u0661",
        "tile/entries/1",
        "tile/entries/x001",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile//001",
        "checkpoint",
        "",
    ],
)
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(tiles.TileError):
        tiles.parse_tile_path(path)


@pytest.mark.parametrize(("level", "index", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_tiles_that_do_not_exist_have_no_path(level: int, index: int, width: int) -> None:
    with pytest.raises(tiles.TileError):
        tiles.tile_path(level, index, width)


@pytest.mark.parametrize("size", [-1, 1 << 63])
def test_sizes_that_no_tree_has(size: int) -> None:
    with pytest.raises(tiles.TileError):
        tiles.TileTree(MemoryLog().read, size)
    with pytest.raises(tiles.TileError):
        tiles.append(MemoryLog().read, size, [])


@pytest.mark.parametrize("index", [-1, 3, 256])
def test_leaves_outside_the_tree(index: int) -> None:
    tree = MemoryLog(numbered(3)).tree()
    for question in (tree.leaf_hash, tree.entry, tree.inclusion_proof):
        with pytest.raises(ValueError, match=str(index)):
            question(index)


def _named_or_old_root(log: MemoryLog) -> str:
    """What a sealer sees when it appends to this log: the file that is named, or which old root comes back."""
    try:
        growth = tiles.append(log.read, log.size, [b"new"])
    except tiles.TileError as error:
        return error.path
    return "the old root" if growth.old_root == log.root else "another old root"


def _damages(content: bytes) -> list[bytes]:
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    return [b"", content[:-1], content + b"\x00", bytes(changed), bytes(len(content))]


def _no_false_proof(log: MemoryLog, index: int) -> None:
    """What a damaged tree proves about a leaf is true, or does not verify under the signed root."""
    tree = log.tree()
    try:
        entry, proof = tree.entry(index), tree.inclusion_proof(index)
        merkle.verify_inclusion(merkle.leaf_hash(entry), index, log.size, proof, log.root)
    except (tiles.TileError, merkle.ProofError):
        return
    assert entry == b"entry %d" % index
