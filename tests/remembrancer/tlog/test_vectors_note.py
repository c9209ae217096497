"""Known answers of other projects for signed notes, checkpoints, cosignatures and tlog-proofs."""

import base64
from typing import Any

import pytest

from remembrancer.tlog import merkle, note, proof
from tlog_support import VECTORS, unbase64, vector

SUMDB = vector("sumdb-note/note_kat.json")
SUMDB_KEYS = {name: note.VerifierKey.parse(vkey) for name, vkey in SUMDB["vkeys"].items()}
PROOFS = vector("formats-tlog-proof/tlog_proof.json")
SUNLIGHT = VECTORS / "sunlight"


@pytest.mark.parametrize("case", SUMDB["cases"], ids=lambda case: str(case["name"]))
def test_sumdb_notes(case: dict[str, Any]) -> None:
    keys = [SUMDB_KEYS[name] for name in case["known"]]
    data = case["note"].encode()
    if "want_err" in case:
        with pytest.raises(note.NoteError):
            note.open_note(data, keys)
        return
    opened = note.open_note(data, keys)
    assert opened.text + "\n" == case["note"].partition("— ")[0]
    assert [line.name for line in opened.signatures] == case["verified"]
    assert [line.name for line in opened.unknown] == case.get("unverified", [])
    lines = [line.line for line in (*opened.signatures, *opened.unknown)]
    assert all(line in case["note"] for line in lines)


def test_sumdb_signing_gives_the_published_bytes() -> None:
    case = next(case for case in SUMDB["cases"] if "text" in case)
    signer = note.SignerKey.parse(SUMDB["test_only_signing_key_peter"])
    assert note.sign_note(case["text"], [signer]) == case["note"].encode()
    assert str(signer.verifier()) == SUMDB["vkeys"]["peter"]
    assert signer.encode() == SUMDB["test_only_signing_key_peter"]


@pytest.mark.parametrize("name", sorted(SUMDB["vkeys"]))
def test_sumdb_keys(name: str) -> None:
    assert str(SUMDB_KEYS[name]) == SUMDB["vkeys"][name]


@pytest.mark.parametrize("vkey", SUMDB["bad_vkeys"])
def test_sumdb_bad_keys(vkey: str) -> None:
    with pytest.raises(note.NoteError):
        note.VerifierKey.parse(vkey)


@pytest.mark.parametrize("number", range(len(SUMDB["malformed_notes"])))
def test_sumdb_malformed_notes(number: int) -> None:
    with pytest.raises(note.NoteError):
        note.open_note(SUMDB["malformed_notes"][number].encode(), SUMDB_KEYS.values())


def test_sumdb_note_that_is_not_utf8() -> None:
    with pytest.raises(note.NoteError, match="UTF-8"):
        note.open_note(base64.b64decode(SUMDB["malformed_note_nonutf8_b64"]), SUMDB_KEYS.values())


def test_sumdb_tree_text() -> None:
    case = vector("sumdb-note/tree_format.json")
    root = merkle.leaf_hash(case["record"].encode())
    checkpoint = note.Checkpoint("go.sum database tree", case["size"], root)
    assert checkpoint.format() == case["want"]
    assert note.Checkpoint.parse(case["want"]) == checkpoint


def test_c2sp_signed_note() -> None:
    case = vector("c2sp-examples/signed_note.json")
    key = note.VerifierKey.parse(case["vkey"])
    opened = note.open_note(case["note"].encode(), [key])
    assert opened.text == "This is an example message.\n"
    assert [(line.name, line.key_id) for line in opened.signatures] == [(key.name, key.key_id)]


def test_c2sp_checkpoint_and_cosignature_lines() -> None:
    case = vector("c2sp-examples/checkpoint.json")
    text = case["checkpoint_text"]
    checkpoint = note.Checkpoint.parse(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.format() == text
    # Their keys are not published: a known key of another log signs too, and the examples stand as unknown lines.
    own = note.SignerKey.generate("known.example")
    data = note.sign_note(text, [own]) + case["log_sig_line"].encode() + case["cosig_line"].encode()
    opened = note.open_note(data, [own.verifier()])
    assert [line.line for line in opened.unknown] == [case["log_sig_line"], case["cosig_line"]]
    assert int.from_bytes(opened.unknown[1].signature[:8], "big") == case["want_cosig_timestamp"]
    assert len(opened.unknown[1].signature) == 72


def test_c2sp_cosigned_message() -> None:
    case = vector("c2sp-examples/checkpoint.json")
    witness = note.SignerKey.generate("witness.example.com/w1", note.COSIGNATURE)
    made = note.cosign(case["checkpoint_text"], witness, case["want_cosig_timestamp"])
    assert made.signature[8:] == witness.sign(case["cosigned_message_v1"].encode())


def test_c2sp_consistency_example_is_too_short_to_be_a_proof() -> None:
    case = vector("c2sp-examples/checkpoint.json")
    new = note.Checkpoint.parse(case["checkpoint_text"])
    old, shown = case["add_checkpoint_consistency"]["old"], unbase64(case["add_checkpoint_consistency"]["proof"])
    assert [len(value) for value in shown] == [merkle.HASH_SIZE] * 4
    with pytest.raises(merkle.ProofError, match="has 18 hashes, not 4"):
        merkle.verify_consistency(old, new.size, shown, bytes(32), new.root)


@pytest.mark.parametrize(
    ("folder", "keys", "unknown"),
    [
        # A log's own signature of type 0x05 is there too; such a key is unknown here.
        ("witness/000de*", "witness/witness.v0.json", ["rome2026h1.example.org"]),
        ("witness2/88ad*", "witness2/witness.v0.json", []),
        ("witness/mirror/000de*", "witness/mirror/mirror.v0.json", []),
    ],
)
def test_sunlight_cosignatures(folder: str, keys: str, unknown: list[str]) -> None:
    data = (next(SUNLIGHT.glob(folder)) / "checkpoint").read_bytes()
    witnesses = [note.VerifierKey.parse(vkey) for vkey in vector(f"sunlight/{keys}")["verifier_keys"]]
    opened = note.open_note(data, witnesses)
    assert [key.algorithm for key in witnesses] == [note.COSIGNATURE]
    assert [(line.name, line.time) for line in opened.signatures] == [(witnesses[0].name, 1_767_139_200)]
    assert [line.name for line in opened.unknown] == unknown
    assert note.Checkpoint.parse(opened.text).size == 300
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        try:
            again = note.open_note(bytes(changed), witnesses)
        except note.NoteError:
            continue
        assert (again.text, again.signatures) == (opened.text, opened.signatures)


@pytest.mark.parametrize("folder", ["witness", "witness/mirror"])
def test_sunlight_decoys_are_no_notes(folder: str) -> None:
    with pytest.raises(note.NoteError):
        note.open_note((SUNLIGHT / folder / "checkpoint").read_bytes(), [])


@pytest.mark.parametrize("case", PROOFS["marshal"], ids=lambda case: f"index {case['index']}")
def test_tlog_proofs_are_written_and_read(case: dict[str, Any]) -> None:
    extra = base64.b64decode(case["extra"] or "")
    hashes = tuple(unbase64(case["hashes"]))
    bundle = proof.InclusionBundle(case["index"], hashes, case["checkpoint"].encode(), extra)
    assert bundle.format() == case["want"].encode()
    assert proof.InclusionBundle.parse(case["want"].encode()) == bundle


@pytest.mark.parametrize("text", PROOFS["must_reject"])
def test_tlog_proofs_that_are_refused(text: str) -> None:
    with pytest.raises(merkle.ProofError):
        proof.InclusionBundle.parse(text.encode())


def test_seven_tlog_proofs_are_to_be_refused() -> None:
    assert len(PROOFS["must_reject"]) == 7
