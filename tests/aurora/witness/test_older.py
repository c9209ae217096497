"""A witness whose memory was set back finds its own cosignatures with others, and cosigns nothing any more."""

import shutil
from pathlib import Path

import pytest

import witness_support as log
from aurora.cli.main import main
from aurora.push import publish
from aurora.witness.once import GitWitness
from aurora.witness.server import WitnessServer
from aurora.witness.state import State
from git_log_support import Team, git
from remembrancer.clock import SystemClock
from remembrancer.errors import RemembrancerError


@pytest.fixture
def restored(tmp_path: Path) -> tuple[Path, bytes]:
    """A witness that was restored at size 3, and the checkpoint of size 20 that it had cosigned."""
    folder = tmp_path / "witness"
    state = log.fresh(folder)
    server = WitnessServer(state, log.LOGS, "127.0.0.1", 0)
    assert server.answer(log.step(0, 3)).status == 200
    state.close()
    shutil.copytree(folder, tmp_path / "backup")
    state = State.open(folder, SystemClock())
    server.state = state
    note = log.note(20) + server.answer(log.step(3, 20)).body.encode()
    server.close()
    state.close()
    shutil.rmtree(folder)
    shutil.move(tmp_path / "backup", folder)
    return folder, note


def test_a_submission_shows_it(restored: tuple[Path, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    folder, note = restored
    state = State.open(folder, SystemClock())
    server = WitnessServer(state, log.LOGS, "127.0.0.1", 0)
    forged = note.replace(b"\n20\n", b"\n21\n")
    assert server.answer(log.body(3, log.proof(3, 20), forged)).status == 403, "not the log's word at all"
    answer = server.answer(log.body(3, log.proof(3, 20), note))
    assert (answer.status, "[witness.lost-state]" in answer.body) == (503, True)
    assert server.answer(log.step(3, 5, "x")).status == 503, "and the fork is not cosigned"
    assert 'aurora_witness_evidence{kind="lost"} 1' in server.metrics()
    server.close()
    state.close()
    assert main(["witness", "status", "--state", str(folder)]) == 0
    assert "[witness.lost-state]" in capsys.readouterr().out


@pytest.mark.reason("witness.lost-state")
def test_what_a_log_publishes_shows_it(
    restored: tuple[Path, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, note = restored
    team = Team(tmp_path / "team", log.ORIGIN)
    team.key = log.KEY
    team.grow(20)
    logs = tmp_path / "logs"
    logs.write_text(f"log {log.KEY.verifier()}\n")
    words = ["witness", "check", "--state", str(folder), "--logs", str(logs)]
    assert main(words) == 2
    assert "[witness.logs]" in capsys.readouterr().err
    logs.write_text(f"log {log.KEY.verifier()} {team.remote}\n")
    assert main(words) == 0
    assert "nothing newer was cosigned" in capsys.readouterr().out
    # the log has grown since, and keeps what was cosigned
    team.checkpoint.with_name("witnessed").write_bytes(note)
    team.grow(30)
    for _ in range(2):
        assert main(words) == 2
        assert f"cosigned {log.ORIGIN} at size 20, and remembers less [witness.lost-state]" in capsys.readouterr().err
    state = State.open(folder, SystemClock())
    assert WitnessServer(state, log.LOGS, "127.0.0.1", 0).answer(log.step(3, 5)).status == 503
    state.close()


def test_a_branch_that_was_set_back_shows_it(tmp_path: Path) -> None:
    team, state = Team(tmp_path / "team", log.ORIGIN), tmp_path / "state.git"
    team.key = log.KEY
    team.grow(3)
    state.mkdir()
    git(state, "init", "-q", "--bare", ".")
    one = GitWitness(str(state), "witness", log.WITNESS, SystemClock())
    one.begin()
    one.look(str(team.remote), log.LOGS)
    before = git(state, "rev-parse", "witness")
    team.grow(20)
    one.look(str(team.remote), log.LOGS)
    place = next(name for name in git(state, "ls-tree", "-r", "--name-only", "witness").splitlines() if "/" in name)
    team.checkpoint.write_bytes(git(state, "show", f"witness:{place}").encode() + b"\n")
    team.publish("cosigned")
    assert one.look(str(team.remote), log.LOGS) == (log.ORIGIN, 20, False)
    git(state, "update-ref", "refs/heads/witness", before)
    with pytest.raises(RemembrancerError) as caught:
        one.look(str(team.remote), log.LOGS)
    assert caught.value.code == "witness.lost-state"
    assert publish(str(state), "witness", before, {"f": b""}, "nothing was pushed meanwhile")
