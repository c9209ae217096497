"""Cosignatures of type 0x06 (ML-DSA-44, c2sp.org/tlog-cosignature): what others signed, and what must be refused."""

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import mldsa

from remembrancer.tlog import note
from remembrancer.tlog.quorum import parse
from tlog_support import vector

TEXT = note.Checkpoint("example.com/log", 14, bytes(range(32))).format()
WITNESS = note.SignerKey.from_seed("witness.example/w1", bytes(range(32)), note.MLDSA_COSIGNATURE)
LOG = note.SignerKey.from_seed("example.com/log", bytes(32))


def published() -> tuple[note.VerifierKey, bytes]:
    """Return the key of a log that signs with ML-DSA-44, and a checkpoint that torchwood signed with it."""
    found = vector("litewitness/requests.json")["mldsa"]
    return note.VerifierKey.parse(found["keys"][0]), found["requests"][0]["request"].partition("\n\n")[2].encode()


def test_what_another_implementation_signed_verifies() -> None:
    key, data = published()
    assert (key.algorithm, len(key.public)) == (0x06, 1312)
    assert str(note.VerifierKey.parse(str(key))) == str(key)
    opened = note.open_note(data, [key])
    assert [line.time for line in opened.signatures] == [0]


@pytest.mark.parametrize("old", [b"log\n1\n", b"+zoErtsZ"])
def test_another_size_root_or_origin_does_not(old: bytes) -> None:
    key, data = published()
    with pytest.raises(note.NoteError, match="does not verify"):
        note.open_note(data.replace(old, {b"log\n1\n": b"log\n2\n", b"+zoErtsZ": b"+zoErtsa"}[old], 1), [key])


def test_a_witness_cosigns_with_a_time_and_its_name() -> None:
    signed = note.add_signature(note.sign_note(TEXT, [LOG]), note.cosign(TEXT, WITNESS, 1_700_000_000))
    opened = note.open_checkpoint(signed, LOG.name, [LOG.verifier()], [WITNESS.verifier()])
    assert [(line.name, line.time) for line in opened.cosignatures] == [("witness.example/w1", 1_700_000_000)]
    other = note.SignerKey.from_seed("witness.example/w2", WITNESS.seed, note.MLDSA_COSIGNATURE).verifier()
    line = note.cosign(TEXT, WITNESS, 1_700_000_000)
    with pytest.raises(note.NoteError, match="does not verify"):  # the name is part of what is signed
        other.verify(TEXT, line.signature)
    with pytest.raises(note.NoteError, match="does not verify"):  # and so is the time
        WITNESS.verifier().verify(TEXT, (1_700_000_001).to_bytes(8, "big") + line.signature[8:])


def test_its_keys_travel_as_text() -> None:
    assert note.SignerKey.parse(WITNESS.encode()) == WITNESS
    assert WITNESS.seed.hex() not in repr(WITNESS)
    fresh = note.SignerKey.generate("a.example", note.MLDSA_COSIGNATURE)
    assert fresh.verifier() == note.VerifierKey.parse(str(fresh.verifier()))
    with pytest.raises(note.NoteError, match="has 1312 bytes, not 32"):
        note.VerifierKey.parse(str(LOG.verifier()._replace(algorithm=6)))


def test_a_quorum_lists_both_types() -> None:
    quorum = parse(f"witness a {WITNESS.verifier()}\nquorum a\n")
    assert quorum.witnesses["a"].algorithm == note.MLDSA_COSIGNATURE


def test_what_it_cannot_say_is_refused() -> None:
    extended = TEXT + "an extension line\n"
    with pytest.raises(note.NoteError, match="extension lines"):
        note.cosign(extended, WITNESS, 1)
    with pytest.raises(note.NoteError, match="at most 255 bytes"):
        note.cosign(TEXT.replace("example.com/log", "o" * 256), WITNESS, 1)
    with pytest.raises(note.NoteError, match="a time only"):
        note.sign_note(TEXT, [WITNESS])


def test_a_build_without_the_algorithm_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    line, key = note.cosign(TEXT, WITNESS, 1), WITNESS.verifier()

    class Missing:
        @staticmethod
        def from_seed_bytes(seed: bytes) -> None:
            raise UnsupportedAlgorithm("no")

        from_public_bytes = from_seed_bytes

    monkeypatch.setattr(mldsa, "MLDSA44PrivateKey", Missing)
    monkeypatch.setattr(mldsa, "MLDSA44PublicKey", Missing)
    with pytest.raises(note.NoteError, match="has no ML-DSA-44"):
        note.cosign(TEXT, WITNESS, 1)
    with pytest.raises(note.NoteError, match="has no ML-DSA-44"):
        key.verify(TEXT, line.signature)
