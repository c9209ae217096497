"""litewitness and aics-witness beside ours: the same submissions in the same order get the same answers from each."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import witness_support as log
from aics import aics_witness, feed, run
from aurora.witness.server import WitnessServer
from git_log_support import Team
from litewitness import litewitness
from remembrancer.paths import LEDGER
from remembrancer.tlog import SignerKey, VerifierKey, open_note

pytestmark = pytest.mark.system

THEIRS = SignerKey.from_seed("litewitness.example/w", bytes(range(3, 35)), 0x04)
STRANGER = SignerKey.from_seed(log.ORIGIN, bytes(32))
OTHER = SignerKey.from_seed("log.example/other", bytes(32))
SUBMISSIONS = [
    (404, log.step(0, 3, key=OTHER)),
    (403, log.step(0, 3, key=STRANGER)),
    (400, b"old 0\n"),
    (200, log.step(0, 3)),
    (200, log.step(3, 3)),
    (409, log.step(0, 5)),
    (409, log.step(4, 5)),
    (422, log.body(3, [], log.note(5))),
    (422, log.step(3, 5, branch="x")),
    (422, log.step(3, 3, branch="x")),
    (403, log.step(3, 5).replace(b"\n5\n", b"\n6\n")),
    (400, log.body(6, [], log.note(5))),
    (200, log.step(3, 300)),
    (409, log.body(2, [], log.note(2))),
    (200, log.step(300, 301)),
]


@pytest.fixture(params=["litewitness", "aics-witness"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, VerifierKey]]:
    """The URL and the key of a witness that knows the log."""
    if request.param == "litewitness":
        with litewitness(THEIRS, log.KEY.verifier()) as url:
            yield url, THEIRS.verifier()
    else:
        with aics_witness(tmp_path, log.KEY.verifier()) as found:
            yield found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WitnessServer]:
    """Ours."""
    made = WitnessServer(log.fresh(tmp_path / "witness"), log.LOGS, "127.0.0.1", 0)
    thread = threading.Thread(target=made.serve_forever, args=[0.02])
    thread.start()
    yield made
    made.shutdown()
    made.close()
    thread.join(20)


def test_both_answer_alike(other: tuple[str, VerifierKey], server: WitnessServer) -> None:
    url, key = other
    for number, (status, body) in enumerate(SUBMISSIONS):
        theirs = log.ask(url, "POST", "/add-checkpoint", body)
        ours = log.ask(server.url, "POST", "/add-checkpoint", body)
        assert (number, ours[0]) == (number, status), ours
        assert (number, theirs[0]) == (number, status), theirs
        if status == 409:
            assert theirs[1:] == ours[1:]
        if status == 200:
            note = body.partition(b"\n\n")[2] + theirs[1] + ours[1]
            keys = [log.KEY.verifier(), key, *(key.verifier() for key in log.WITNESS)]
            assert len(open_note(note, keys).signatures) == 4


def test_ours_serves_the_feeder_of_others(server: WitnessServer) -> None:
    key = next(one.verifier() for one in log.WITNESS if one.algorithm == 4)

    def grown(size: int, branch: str = "") -> dict[str, object]:
        proofs = {str(old): [one.hex() for one in log.proof(old, size, branch)] for old in range(size + 1)}
        return {"note": log.note(size, branch).decode(), "proofs": proofs}

    first, second, again, forked = feed(server.url, key, [grown(3), grown(20), grown(20), grown(25, "x")])
    for said, size in ((first, 3), (second, 20), (again, 20)):
        opened = open_note(log.note(size) + str(said["lines"]).encode(), [log.KEY.verifier(), key])
        assert len(opened.signatures) == 2
    assert forked == {"refused": "WitnessRejected", "status": 422}


def test_aics_tlog_verifies_our_tiles(tmp_path: Path) -> None:
    team = Team(tmp_path / "team", log.ORIGIN)
    team.key = log.KEY
    team.grow(300)
    tiles, old = team.work / LEDGER, tmp_path / "old"
    old.write_bytes(log.note(37))
    (tmp_path / "leaf").write_bytes(log.entries(300)[123])
    trusted = ("--tiles", str(tiles), "--log-key", str(log.KEY.verifier()))

    def judged(*words: str) -> tuple[int, object]:
        done = run("aics-tlog", *words, *trusted)
        return done.returncode, json.loads(done.stdout)["ok"]

    included = ("verify-inclusion", "--leaf", str(tmp_path / "leaf"), "--index", "123")
    grown = ("verify-consistency", "--old-checkpoint", str(old))
    assert [judged("verify-checkpoint"), judged(*included), judged(*grown)] == [(0, True)] * 3
    old.write_bytes(log.note(37, "x"))
    assert judged(*grown) == (1, False)
    (tmp_path / "leaf").write_bytes(b"another")
    assert judged(*included) == (1, False)
