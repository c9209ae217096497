"""litewitness beside ours: the same submissions in the same order get the same answers from both."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import witness_support as log
from aurora.witness.server import WitnessServer
from litewitness import litewitness as serving
from remembrancer.tlog import SignerKey, open_note

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


@pytest.fixture
def litewitness() -> Iterator[str]:
    """The URL of a litewitness that knows the log."""
    with serving(THEIRS, log.KEY.verifier()) as url:
        yield url


def test_both_answer_alike(litewitness: str, tmp_path: Path) -> None:
    server = WitnessServer(log.fresh(tmp_path / "witness"), log.LOGS, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        for number, (status, body) in enumerate(SUBMISSIONS):
            theirs = log.ask(litewitness, "POST", "/add-checkpoint", body)
            ours = log.ask(server.url, "POST", "/add-checkpoint", body)
            assert (number, ours[0]) == (number, status), ours
            assert (number, theirs[0]) == (number, status), theirs
            if status == 409:
                assert theirs[1:] == ours[1:]
            if status == 200:
                note = body.partition(b"\n\n")[2] + theirs[1] + ours[1]
                keys = [log.KEY.verifier(), THEIRS.verifier(), *(key.verifier() for key in log.WITNESS)]
                assert len(open_note(note, keys).signatures) == 4
    finally:
        server.shutdown()
        server.close()
        thread.join(20)
