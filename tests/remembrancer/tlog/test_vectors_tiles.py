"""Known answers of other projects for tile paths, tiled logs and shapes of trees."""

import base64
import gzip
from typing import Any

import pytest

from remembrancer.tlog import merkle, note
from remembrancer.tlog import tree as tiles
from tlog_support import VECTORS, naive_root, vector

PATHS = vector("tessera-paths/paths.json")
TESTLOG = VECTORS / "tessera-testlog"
TESTLOG_KEY = note.VerifierKey.parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")
MIRROR = next((VECTORS / "sunlight/witness/mirror").glob("000de*"))


@pytest.mark.parametrize("case", PATHS["entries_path"], ids=lambda case: str(case["path"]))
def test_entries_path(case: dict[str, Any]) -> None:
    index = case["log_index"] // 256
    width = min(256, case["tree_size"] - index * 256)
    assert tiles.entries_path(index, width) == case["path"]
    assert tiles.parse_tile_path(case["path"]) == tiles.Tile(None, index, width)


@pytest.mark.parametrize("case", PATHS["tile_path"], ids=lambda case: str(case["path"]))
def test_tile_path(case: dict[str, Any]) -> None:
    width = case["partial"] or 256
    assert tiles.tile_path(case["level"], case["index"], width) == case["path"]
    assert tiles.parse_tile_path(case["path"]) == tiles.Tile(case["level"], case["index"], width)


@pytest.mark.parametrize("case", PATHS["parse"], ids=lambda case: f"{case['level']}/{case['index_path']}")
def test_parse_tile_path(case: dict[str, Any]) -> None:
    path = f"tile/{case['level']}/{case['index_path']}"
    if case["want_err"]:
        with pytest.raises(tiles.TileError):
            tiles.parse_tile_path(path)
    else:
        level, index, partial = case["want"]
        assert tiles.parse_tile_path(path) == tiles.Tile(level, index, partial or 256)


def test_fifteen_paths_are_to_be_refused() -> None:
    assert sum(case["want_err"] for case in PATHS["parse"]) == 15


def test_index_paths_of_the_specification() -> None:
    for case in vector("c2sp-examples/tile_shapes.json")["index_paths"]:
        assert tiles.tile_path(0, case["n"]) == f"tile/0/{case['path']}"


@pytest.mark.parametrize("case", vector("c2sp-examples/tile_shapes.json")["tree_sizes"], ids=lambda c: str(c["size"]))
def test_tree_shapes_of_the_specification(case: dict[str, int]) -> None:
    shape = dict.fromkeys(("l0_full", "l0_partial", "l1_full", "l1_partial", "l2_full", "l2_partial"), 0)
    for tile in tiles.layout(case["size"]):
        if tile.level is None:
            continue
        if tile.width == 256:
            shape[f"l{tile.level}_full"] += 1
        else:
            shape[f"l{tile.level}_partial"] = tile.width
    expected = dict.fromkeys(shape, 0) | {key: value for key, value in case.items() if key != "size"}
    assert shape == expected


def _testlog_read(path: str) -> bytes:
    return (TESTLOG / path).read_bytes()


def _testlog_checkpoint(size: int) -> note.Checkpoint:
    data = (TESTLOG / f"checkpoint.{size}").read_bytes()
    return note.open_checkpoint(data, "example.com/log/testdata", [TESTLOG_KEY]).checkpoint


@pytest.mark.parametrize("size", range(16))
def test_every_size_of_tesseras_log(size: int) -> None:
    checkpoint = _testlog_checkpoint(size)
    tree = tiles.TileTree(_testlog_read, size)
    entries = [tree.entry(index) for index in range(size)]
    assert checkpoint.size == size
    assert checkpoint.root == tree.root() == merkle.root(entries) == naive_root(entries)
    assert tiles.audit(_testlog_read, size) == tiles.Audit(checkpoint.root, [])
    for index, entry in enumerate(entries):
        proof = tree.inclusion_proof(index)
        merkle.verify_inclusion(merkle.leaf_hash(entry), index, size, proof, checkpoint.root)
    for size1 in range(1, size + 1):
        proof = tree.consistency_proof(size1)
        merkle.verify_consistency(size1, size, proof, _testlog_checkpoint(size1).root, checkpoint.root)


@pytest.mark.parametrize("size", range(15))
def test_appending_to_tesseras_log_gives_its_next_files(size: int) -> None:
    last = tiles.TileTree(_testlog_read, 15).entry(size)
    growth = tiles.append(_testlog_read, size, [last])
    assert set(growth.files) == {f"tile/0/000.p/{size + 1}", f"tile/entries/000.p/{size + 1}"}
    for path, content in growth.files.items():
        assert content == _testlog_read(path)
    assert (growth.old_root, growth.root) == (_testlog_checkpoint(size).root, _testlog_checkpoint(size + 1).root)


def test_the_current_checkpoint_of_tesseras_log() -> None:
    assert (TESTLOG / "checkpoint").read_bytes() == (TESTLOG / "checkpoint.15").read_bytes()


def test_sunlights_mirror_has_the_root_that_its_checkpoint_names() -> None:
    def read(path: str) -> bytes:
        return (MIRROR / path).read_bytes()

    key = note.VerifierKey.parse(vector("sunlight/witness/mirror/mirror.v0.json")["verifier_keys"][0])
    checkpoint = note.Checkpoint.parse(note.open_note(read("checkpoint"), [key]).text)
    tree = tiles.TileTree(read, checkpoint.size)
    assert checkpoint.size == 300
    assert tree.root() == checkpoint.root == merkle.root_of_hashes([tree.leaf_hash(index) for index in range(300)])
    for index in range(300):
        merkle.verify_inclusion(tree.leaf_hash(index), index, 300, tree.inclusion_proof(index), checkpoint.root)
    for size in (1, 2, 255, 256, 257, 299, 300):
        proof = tree.consistency_proof(size)
        merkle.verify_consistency(size, 300, proof, tree.root(size), checkpoint.root)


def test_sunlights_mirror_entries_are_not_its_leaves() -> None:
    for path in ("tile/entries/000", "tile/entries/001.p/44"):
        packed = (MIRROR / path).read_bytes()
        assert gzip.decompress(packed)
        for data in (packed, gzip.decompress(packed)):
            with pytest.raises(tiles.TileError):
                tiles.decode_bundle(data)


def test_base64_of_the_mirrors_root() -> None:
    text = (MIRROR / "checkpoint").read_text(encoding="utf-8").splitlines()
    assert note.Checkpoint.parse("\n".join(text[:3]) + "\n").root == base64.b64decode(text[2])
