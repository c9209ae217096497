"""What a witness answers, by c2sp.org/tlog-witness: the published requests, and every status code in its order."""

import json
from pathlib import Path

import pytest

import witness_support as log
from aurora import logs
from aurora.evidence import judge, parse
from aurora.witness import request
from aurora.witness.request import Answer
from aurora.witness.state import State
from remembrancer.tlog import Checkpoint, SignerKey, open_note, sign_note
from remembrancer.tlog.note import parse_note
from tlog_support import vector


def answer(state: State, body: bytes, known: logs.Log | None = None) -> Answer:
    asked = request.read(body, {known.origin: known} if known else log.LOGS)
    return asked if isinstance(asked, Answer) else state.submit(asked)


@pytest.mark.parametrize("name", ["litewitness", "mldsa"])
def test_the_published_requests_get_the_published_answers(name: str, tmp_path: Path) -> None:
    found = vector("litewitness/requests.json")[name]
    (known,) = logs.parse(f"log {found['keys'][0]}\n").values()
    state = log.fresh(tmp_path / "witness")
    for number, one in enumerate(found["requests"]):
        said = answer(state, one["request"].encode(), known)
        assert said.status == one["status"], (number, said)
        assert said.body == one.get("body", said.body)


def test_a_cosignature_is_over_the_submitted_checkpoint_by_both_keys(tmp_path: Path) -> None:
    state = log.fresh(tmp_path / "witness")
    said = answer(state, log.step(0, 3))
    assert said.status == 200
    keys = [key.verifier() for key in log.WITNESS]
    opened = open_note(log.note(3) + said.body.encode(), [log.KEY.verifier(), *keys])
    assert [line.key_id for line in opened.signatures[1:]] == [key.key_id for key in keys]
    assert all(line.time for line in opened.signatures[1:])
    assert answer(state, log.step(3, 3)).status == 200  # an answer that was lost is asked for again
    assert answer(state, log.step(3, 300)).status == 200
    (known,) = state.known()
    assert known.size == 300
    assert len(parse_note(known.note)[1]) == 3


STRANGER = SignerKey.from_seed(log.ORIGIN, bytes(32))
OTHER = SignerKey.from_seed("log.example/other", bytes(32))
WRONG_EMPTY = f"{log.ORIGIN}\n0\n{'A' * 43}=\n"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b""),
        (400, b"old 3\n"),
        (400, log.step(3, 5)[1:]),
        (400, log.step(3, 5).replace(b"old 3", b"old 03")),
        (400, log.step(3, 5).replace(b"old 3", b"old -3")),
        (400, log.step(3, 5).replace(b"old 3\n", b"old 3\nAAAA\n")),
        (400, log.body(3, [bytes(32)] * 64, log.note(5))),
        (400, log.body(3, [], log.note(5).partition(b"\n\n")[0] + b"\n")),
        (400, log.body(3, [], b"\xff" + log.note(5))),
        (400, log.step(3, 5).replace(b"\n5\n", b"\nfive\n")),
        (404, log.step(0, 5, key=OTHER)),
        (403, log.step(3, 5, key=STRANGER)),
        (403, log.body(3, log.proof(3, 5), log.note(5)[:-3] + b"\n")),
        (403, log.step(3, 5) + b"no signature line\n"),
        (403, log.step(3, 5).replace(b"\n5\n", b"\n6\n")),  # before the old size is looked at
        (400, log.body(6, [], log.note(5))),
        (409, log.body(0, [], log.note(5))),
        (409, log.step(4, 5)),
        (409, log.body(2, [], log.note(2))),  # a rollback
        (422, log.body(3, [], log.note(5))),
        (422, log.body(3, [bytes(32)] * 3, log.note(5))),
        (422, log.step(3, 5, branch="other")),
        (422, log.step(3, 3, branch="other")),
        (422, log.body(3, [bytes(32)], log.note(3))),
        (200, log.step(3, 5)),
    ],
)
def test_every_status_of_the_specification(tmp_path: Path, status: int, body: bytes) -> None:
    state = log.fresh(tmp_path / "witness")
    assert answer(state, log.step(0, 3)).status == 200
    said = answer(state, body)
    assert said.status == status, said
    if status == 409:
        assert (said.body, said.type) == ("3\n", "text/x.tlog.size")
    assert [one.size for one in state.known()] == [5 if status == 200 else 3]


def test_a_tree_of_no_leaves(tmp_path: Path) -> None:
    state = log.fresh(tmp_path / "witness")
    assert answer(state, log.body(0, [], sign_note(WRONG_EMPTY, [log.KEY]))).status == 422
    assert answer(state, log.body(0, [bytes(32)], log.note(0))).status == 422
    assert answer(state, log.step(0, 0)).status == 200
    assert answer(state, log.step(0, 7)).status == 200


def test_extension_lines_are_cosigned_with_ed25519_alone(tmp_path: Path) -> None:
    root = Checkpoint.parse(parse_note(log.note(3))[0]).root
    extended = sign_note(Checkpoint(log.ORIGIN, 3, root, ("an extension",)).format(), [log.KEY])
    said = answer(log.fresh(tmp_path / "both"), log.body(0, [], extended))
    assert (said.status, said.body.count("\n")) == (200, 1)
    State.create(tmp_path / "one", log.WITNESS[:1])
    state = State.open(tmp_path / "one", log.SystemClock())
    assert answer(state, log.body(0, [], extended)).status == 422
    assert state.known() == []


def test_forks_are_kept_as_evidence_that_holds_offline(tmp_path: Path) -> None:
    state = log.fresh(tmp_path / "witness")
    answer(state, log.step(0, 3))
    for body in (log.step(3, 3, branch="x"), log.body(0, [], log.note(3, "y")), log.step(3, 3, branch="x")):
        assert answer(state, body).status in (409, 422)
    kept = state.evidence()
    assert [one.kind for one in kept] == ["fork", "fork"]  # the same one is kept once
    for one in kept:
        fork = judge(parse(one.document), [log.KEY.verifier()])
        assert (fork.origin, fork.size) == (log.ORIGIN, 3)
    answer(state, log.step(3, 5, branch="z"))
    assert [one.kind for one in state.evidence()] == ["fork", "fork", "unproven"]
    answer(state, log.step(3, 5).replace(b"\n5\n", b"\n6\n"))  # nobody signed this
    assert len(state.evidence()) == 3
    assert all(json.loads(one.document)["origin"] == log.ORIGIN for one in kept)


def test_a_log_that_forks_without_end_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora.witness.state.MAX_EVIDENCE", 3)
    state = log.fresh(tmp_path / "witness")
    answer(state, log.step(0, 3))
    for number in range(5):
        assert answer(state, log.step(3, 5, branch=f"u{number}")).status == 422
    for number in range(5):
        assert answer(state, log.step(3, 3, branch=f"f{number}")).status == 422
    assert [one.kind for one in state.evidence()] == ["unproven"] * 3 + ["fork"] * 3
