"""The C2SP tlog-proof: it travels, and it holds for one leaf in one log only."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remembrancer.tlog import merkle, note, proof
from tlog_support import MemoryLog, numbered

ORIGIN = "vaultmesh.example/my-svc"
LOG = note.SignerKey.from_seed(ORIGIN, bytes(range(32)))
WITNESS = note.SignerKey.from_seed("witness.example/w1", bytes(range(2, 34)), note.COSIGNATURE)
TREE = MemoryLog(numbered(300))
TEXT = note.Checkpoint(ORIGIN, 300, TREE.root).format()
CHECKPOINT = note.add_signature(note.sign_note(TEXT, [LOG]), note.cosign(TEXT, WITNESS, 1_700_000_000))
KEYS = (LOG.verifier(), WITNESS.verifier())
LEAF = merkle.leaf_hash(b"entry 260")
BUNDLE = proof.InclusionBundle(260, tuple(TREE.tree().inclusion_proof(260)), CHECKPOINT)


def test_a_proof_holds_after_its_journey() -> None:
    signed = proof.InclusionBundle.parse(BUNDLE.format()).verify(LEAF, KEYS, ORIGIN)
    assert signed.checkpoint == note.Checkpoint(ORIGIN, 300, TREE.root)
    assert [line.name for line in signed.signatures] == [ORIGIN]
    assert [line.time for line in signed.cosignatures] == [1_700_000_000]


def test_the_witness_is_not_needed_to_hold() -> None:
    assert BUNDLE.verify(LEAF, [LOG.verifier()], ORIGIN).cosignatures == ()


@pytest.mark.parametrize("index", [0, 255, 256, 299])
def test_every_proof_is_for_its_own_leaf(index: int) -> None:
    bundle = replace(BUNDLE, index=index, proof=tuple(TREE.tree().inclusion_proof(index)))
    bundle.verify(merkle.leaf_hash(b"entry %d" % index), KEYS, ORIGIN)
    with pytest.raises(merkle.ProofError):
        bundle.verify(LEAF, KEYS, ORIGIN)


def test_what_does_not_hold() -> None:
    stranger = note.SignerKey.generate("stranger.example")
    forged = note.sign_note(TEXT, [stranger])
    for bundle, keys, origin in (
        (replace(BUNDLE, index=261), KEYS, ORIGIN),
        (replace(BUNDLE, index=300), KEYS, ORIGIN),
        (replace(BUNDLE, proof=BUNDLE.proof[:-1]), KEYS, ORIGIN),
        (BUNDLE, KEYS, "vaultmesh.example/other"),
        (BUNDLE, (WITNESS.verifier(),), ORIGIN),
        (BUNDLE, (), ORIGIN),
        (replace(BUNDLE, checkpoint_note=forged), (*KEYS, stranger.verifier()), ORIGIN),
        (replace(BUNDLE, checkpoint_note=TEXT.encode()), KEYS, ORIGIN),
    ):
        with pytest.raises((merkle.ProofError, note.NoteError)):
            bundle.verify(LEAF, keys, origin)


def test_every_flipped_byte_is_noticed() -> None:
    data = BUNDLE.format()
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        try:
            signed = proof.InclusionBundle.parse(bytes(changed)).verify(LEAF, KEYS, ORIGIN)
        except (merkle.ProofError, note.NoteError):
            continue
        # Only the witness's name or key id can change: that key is unknown then, and its cosignature does not count.
        assert signed.cosignatures == ()


@given(st.data(), st.binary(max_size=60))
def test_any_extra_comes_back(data: st.DataObject, extra: bytes) -> None:
    index = data.draw(st.integers(0, (1 << 63) - 1))
    hashes = data.draw(st.lists(st.binary(min_size=32, max_size=32), max_size=63))
    bundle = proof.InclusionBundle(index, tuple(hashes), CHECKPOINT, extra)
    assert proof.InclusionBundle.parse(bundle.format()) == bundle


@pytest.mark.parametrize(
    "change",
    [
        {"index": -1},
        {"index": 1 << 63},
        {"proof": (b"short",)},
        {"proof": (bytes(32),) * 64},
        {"checkpoint_note": b""},
    ],
    ids=lambda change: next(iter(change)),
)
def test_bundles_that_cannot_be_written(change: dict[str, object]) -> None:
    with pytest.raises(merkle.ProofError):
        replace(BUNDLE, **change).format()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\n\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 00\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex +1\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex \u0663\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\r\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra \nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra AB==\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra AA==\nextra AA==\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nextra AA==\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v2\nindex 0\n\ncheckpoint\n",
        " c2sp.org/tlog-proof@v1\nindex 0\n\ncheckpoint\n",
    ],
)
def test_texts_that_are_refused(text: str) -> None:
    with pytest.raises(merkle.ProofError):
        proof.InclusionBundle.parse(text.encode())


def test_a_text_that_never_ends_is_refused() -> None:
    with pytest.raises(merkle.ProofError, match="at most 2000000 bytes"):
        proof.InclusionBundle.parse(b"x" * 2_000_001)
