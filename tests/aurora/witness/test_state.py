"""The recorded size never falls: races, kills, clocks, lost and foreign databases."""

import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import witness_support as log
from aurora.witness import request
from aurora.witness.request import Answer
from aurora.witness.state import DATABASE, KEYS, State
from collection import ROOT
from remembrancer.clock import FixedClock, SystemClock
from remembrancer.errors import BadInput, EnvironmentTrouble, RemembrancerError
from remembrancer.tlog import Checkpoint, merkle_root, sign_note
from remembrancer.tlog.note import parse_note
from remembrancer.tlog.submission import cosignatures

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def submit(state: State, body: bytes) -> Answer:
    asked = request.read(body, log.LOGS)
    assert not isinstance(asked, Answer), asked
    return state.submit(asked)


def test_a_hundred_racing_submissions_never_lower_the_size(tmp_path: Path) -> None:
    log.fresh(tmp_path / "witness").close()
    states = [State.open(tmp_path / "witness", SystemClock()) for _ in range(4)]  # as four processes would
    submit(states[0], log.step(0, 10))
    seen: list[int] = []
    statuses: list[int] = []
    go = threading.Barrier(100)

    def race(number: int) -> None:
        go.wait()
        state = states[number % 4]
        statuses.append(submit(state, log.step(10, 11 + number)).status)
        seen.append(state.known()[0].size)

    threads = [threading.Thread(target=race, args=[number]) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(statuses) == [200] + [409] * 99  # all began at 10, and only one can have been right
    assert len(set(seen)) == 1
    assert states[0].known()[0].size == seen[0] > 10


CHILD = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
import witness_support as log
from aurora.witness import state as room
from aurora.witness import request
from remembrancer.clock import SystemClock

class Dying:
    def __init__(self, real): self.real = real
    def execute(self, words, *more):
        if words == "COMMIT" and sys.argv[2] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        return self.real.execute(words, *more)

state = room.State.open(Path(sys.argv[1]), SystemClock())
state._database = Dying(state._database)
state.submit(request.read(log.step(3, 9), log.LOGS))
os.kill(os.getpid(), signal.SIGKILL)  # it decided, and nobody was answered
"""


@pytest.mark.parametrize(("when", "size"), [("before", 3), ("after", 9)])
def test_a_kill_between_decision_and_answer(tmp_path: Path, when: str, size: int) -> None:
    state = log.fresh(tmp_path / "witness")
    submit(state, log.step(0, 3))
    state.close()
    places = [str(ROOT / place) for place in ("plugins/aurora/src", "plugins/remembrancer/src", "tests/support")]
    command = [sys.executable, "-c", CHILD, str(tmp_path / "witness"), when, *places]
    assert subprocess.run(command, timeout=60, check=False).returncode == -signal.SIGKILL
    again = State.open(tmp_path / "witness", SystemClock())
    assert [one.size for one in again.known()] == [size]
    if size == 9:  # a fork of what was cosigned, though nobody saw the cosignature, is refused
        assert submit(again, log.step(9, 9, branch="x")).status == 422
        assert submit(again, log.step(3, 9)).body == "9\n"
    assert submit(again, log.step(size, 12)).status == 200


def test_the_clock_goes_back(tmp_path: Path) -> None:
    state = log.fresh(tmp_path / "witness", FixedClock(NOW))
    submit(state, log.step(0, 3))

    def at(instant: datetime) -> State:
        return State.open(tmp_path / "witness", FixedClock(instant))

    first = int(NOW.timestamp())
    assert submit(at(NOW - timedelta(seconds=30)), log.step(3, 4)).status == 200
    signed = parse_note(state.known()[0].note)[1]
    assert [int.from_bytes(line.signature[:8], "big") for line in signed[1:]] == [first, first]
    with pytest.raises(EnvironmentTrouble, match="3600 seconds behind") as caught:
        submit(at(NOW - timedelta(hours=1)), log.step(4, 5))
    assert caught.value.code == "witness.clock"
    assert state.known()[0].size == 4
    assert submit(at(NOW - timedelta(hours=1)), log.step(4, 4, branch="x")).status == 422  # it still sees forks


@pytest.mark.parametrize("how", ["removed", "empty", "garbage", "another witness's", "begun again"])
def test_keys_without_their_database_refuse(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "witness"
    log.fresh(folder).close()
    for path in folder.glob(f"{DATABASE}*"):
        path.unlink()
    if how == "empty":
        (folder / DATABASE).touch()
    elif how == "garbage":
        (folder / DATABASE).write_bytes(b"no database at all" * 100)
    elif how == "another witness's":
        State.create(tmp_path / "other", [log.KEY._replace(name="other.example")])
        (tmp_path / "other" / DATABASE).rename(folder / DATABASE)
    again = State.create if how == "begun again" else State.open
    with pytest.raises(RemembrancerError) as caught:
        again(folder, log.WITNESS if how == "begun again" else SystemClock())  # type: ignore[operator]
    assert caught.value.code == ("input.file" if how == "begun again" else "witness.lost-state")
    assert caught.value.exit_code == 2


def test_the_database_itself_lowers_nothing(tmp_path: Path) -> None:
    state = log.fresh(tmp_path / "witness")
    submit(state, log.step(0, 3))
    raw = sqlite3.connect(tmp_path / "witness" / DATABASE)
    with pytest.raises(sqlite3.IntegrityError, match="never falls"):
        raw.execute("UPDATE logs SET size = 2")
    with pytest.raises(sqlite3.IntegrityError, match="never forgotten"):
        raw.execute("DELETE FROM logs")


def test_a_database_that_fails_changes_nothing(tmp_path: Path) -> None:
    state = log.fresh(tmp_path / "witness")
    submit(state, log.step(0, 3))
    state.close()
    with pytest.raises(EnvironmentTrouble, match="cannot be used"):
        submit(state, log.step(3, 5))


class Full:
    """A database whose disk is full when the next transaction is to be written, which SQLite's WAL shows at its end."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self._real, self._full = real, True

    def execute(self, words: str, *more: object) -> sqlite3.Cursor:
        if words == "COMMIT" and self._full:
            self._full = False
            raise sqlite3.OperationalError("database or disk is full")
        return self._real.execute(words, *more)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def test_a_full_disk_is_said_and_the_next_submission_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = log.fresh(tmp_path / "witness")
    monkeypatch.setattr(state, "_database", Full(state._database))
    with pytest.raises(EnvironmentTrouble, match="disk is full"):
        submit(state, log.step(0, 3))
    assert state.known() == []
    assert submit(state, log.step(0, 3)).status == 200


def test_its_keys_are_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "witness"
    log.fresh(folder).close()
    assert (folder / KEYS).stat().st_mode & 0o777 == 0o600
    (folder / KEYS).chmod(0o640)
    with pytest.raises(RemembrancerError, match="read by others"):
        State.open(folder, SystemClock())
    for text in ("", "no key\n"):
        (folder / KEYS).write_text(text)
        (folder / KEYS).chmod(0o600)
        with pytest.raises(BadInput, match="does not hold private keys"):
            State.open(folder, SystemClock())
    (folder / KEYS).write_text(log.KEY.encode())
    with pytest.raises(BadInput, match="type 0x04 and 0x06"):
        State.open(folder, SystemClock())
    (folder / KEYS).unlink()
    with pytest.raises(BadInput, match="there are no keys"):
        State.open(folder, SystemClock())
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentTrouble):
        State.create(tmp_path / "file", log.WITNESS)


def test_another_text_of_the_same_tree_gets_cosignatures_of_its_own(tmp_path: Path) -> None:
    """Within the minute in which the same checkpoint gets the same ones again."""
    state = log.fresh(tmp_path / "witness", FixedClock(NOW))
    submit(state, log.step(0, 5))
    other = Checkpoint(log.ORIGIN, 5, merkle_root(log.entries(5)), ("another line",)).format()
    answer = submit(state, log.body(5, [], sign_note(other, [log.KEY])))
    assert answer.status == 200
    assert cosignatures(other, answer.body.encode(), state.verifiers)
