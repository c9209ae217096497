"""Known answers of other projects for hashes, roots and proofs."""

import base64
from pathlib import Path

import pytest

from remembrancer.tlog import merkle
from tlog_support import VECTORS, unbase64, vector

INCLUSION = sorted((VECTORS / "transparency-dev-merkle/inclusion").rglob("*.json"))
CONSISTENCY = sorted((VECTORS / "transparency-dev-merkle/consistency").rglob("*.json"))


def _name(path: Path) -> str:
    return path.relative_to(VECTORS / "transparency-dev-merkle").with_suffix("").as_posix()


def test_all_vectors_are_here() -> None:
    assert (len(INCLUSION), len(CONSISTENCY)) == (98, 98)
    valid = [path for path in INCLUSION + CONSISTENCY if not vector(str(path))["wantErr"]]
    assert len(valid) == 12


@pytest.mark.parametrize("path", INCLUSION, ids=_name)
def test_inclusion(path: Path) -> None:
    case = vector(str(path))
    leaf_hash, root = base64.b64decode(case["leafHash"]), base64.b64decode(case["root"])
    proof = unbase64(case["proof"])
    if case["wantErr"]:
        with pytest.raises(merkle.ProofError):
            merkle.verify_inclusion(leaf_hash, case["leafIdx"], case["treeSize"], proof, root)
    else:
        merkle.verify_inclusion(leaf_hash, case["leafIdx"], case["treeSize"], proof, root)


@pytest.mark.parametrize("path", CONSISTENCY, ids=_name)
def test_consistency(path: Path) -> None:
    case = vector(str(path))
    root1, root2 = base64.b64decode(case["root1"]), base64.b64decode(case["root2"])
    proof = unbase64(case["proof"])
    if case["wantErr"]:
        with pytest.raises(merkle.ProofError):
            merkle.verify_consistency(case["size1"], case["size2"], proof, root1, root2)
    else:
        merkle.verify_consistency(case["size1"], case["size2"], proof, root1, root2)


def test_rfc6962_hashes() -> None:
    case = vector("rfc6962-kat/hashes.json")
    assert merkle.EMPTY_ROOT.hex() == merkle.root([]).hex() == case["empty_root"]
    for leaf in case["leaf"]:
        data = bytes.fromhex(leaf["hex"]) if "hex" in leaf else leaf["utf8"].encode()
        assert merkle.leaf_hash(data).hex() == leaf["want"]
    for node in case["node"]:
        assert merkle.node_hash(node["left_utf8"].encode(), node["right_utf8"].encode()).hex() == node["want"]


def test_rfc6962_reference_tree() -> None:
    case = vector("rfc6962-kat/reference_tree.json")
    leaves = [bytes.fromhex(value) for value in case["leaf_inputs_hex"]]
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    assert [value.hex() for value in hashes] == case["leaf_hashes"]
    assert [merkle.root(leaves[:size]).hex() for size in range(9)] == case["roots_by_size"]
    assert [merkle.root_of_hashes(hashes[:size]).hex() for size in range(9)] == case["roots_by_size"]
