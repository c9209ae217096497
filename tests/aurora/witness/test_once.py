"""Two teams cosign each other with no server: the state is a Git repository, and the push is the atomic step."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import witness_support as log
from aurora import git as room
from aurora import logs as known
from aurora.cli.main import main
from aurora.evidence import judge, parse
from aurora.foreign.snapshot import Snapshot
from aurora.keys import cosigners, read_keys
from aurora.push import publish
from aurora.witness import once
from git_log_support import Team, git
from remembrancer.clock import FixedClock, SystemClock
from remembrancer.errors import EnvironmentTrouble, RemembrancerError
from remembrancer.tlog import Checkpoint, SignerKey, VerifierKey, cosign, open_checkpoint, open_note, sign_note

STATE = "witness"


def place(origin: str) -> str:
    return f"{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    made = Team(tmp_path / "team", log.ORIGIN)
    made.key = log.KEY
    made.vkey = str(log.KEY.verifier())
    made.grow(3)
    return made


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state.git"
    folder.mkdir()
    git(folder, "init", "-q", "--bare", ".")
    return folder


def witness(state: Path, clock: datetime | None = None, **more: object) -> once.GitWitness:
    made = once.GitWitness(str(state), STATE, log.WITNESS, FixedClock(clock) if clock else SystemClock())
    vars(made).update(more)
    return made


def test_two_teams_cosign_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    teams = {name: Team(tmp_path / name, f"log.example/{name}") for name in ("ours", "theirs")}
    keys: dict[str, list[str]] = {}
    for name, team in teams.items():
        team.grow(3, name)
        (tmp_path / name / "state.git").mkdir()
        git(tmp_path / name / "state.git", "init", "-q", "--bare", ".")
        words = ["witness", "keys", "--name", f"w.example/{name}", "--to", str(tmp_path / name / "keys")]
        assert main([*words, "--format", "json"]) == 0
        keys[name] = json.loads(capsys.readouterr().out)["keys"]

    def job(name: str, *more: str) -> int:
        """What the pipeline of one team does about the other one."""
        other = "theirs" if name == "ours" else "ours"
        logs = tmp_path / name / "logs"
        logs.write_text(f"log {teams[other].vkey} {teams[other].remote}\n")
        monkeypatch.setenv("AURORA_WITNESS_KEYS", (tmp_path / name / "keys").read_text())
        return main(["witness", "once", "--state", str(tmp_path / name / "state.git"), "--logs", str(logs), *more])

    def collect(name: str) -> int:
        other = "theirs" if name == "ours" else "ours"
        words = [word for key in keys[other] for word in ("--key", key)]
        where = str(tmp_path / other / "state.git")
        return main(["witness", "collect", where, "--root", str(teams[name].work), *words])

    for name in teams:
        assert job(name, "--begin") == 0
    for name, team in teams.items():
        assert collect(name) == 0
        other = "theirs" if name == "ours" else "ours"
        witnesses = [VerifierKey.parse(key) for key in keys[other]]
        opened = open_checkpoint(team.checkpoint.read_bytes(), team.key.name, [team.key.verifier()], witnesses)
        assert len(opened.cosignatures) == 2
        team.publish("cosigned")
    assert job("ours") == 0  # the cosignatures change no log
    assert "unchanged at size 3" in capsys.readouterr().out
    teams["theirs"].grow(9, "theirs")
    assert collect("theirs") == 3  # not cosigned yet
    assert "[log.unwitnessed]" in capsys.readouterr().err
    assert job("ours") == 0
    assert collect("theirs") == 0
    assert collect("theirs") == 0
    assert "0 new cosignatures at size 9" in capsys.readouterr().out


def test_the_monitoring_path_is_a_static_file(team: Team, state: Path) -> None:
    one = witness(state)
    one.begin()
    logs = {log.ORIGIN: known.Log(log.ORIGIN, (log.KEY.verifier(),))}
    assert one.look(str(team.remote), logs) == (log.ORIGIN, 3, True)
    note = git(state, "show", f"{STATE}:{place(log.ORIGIN)}").encode() + b"\n"
    assert note.startswith(log.note(3))
    assert len(open_note(note, [key.verifier() for key in log.WITNESS]).signatures) == 2
    team.grow(300)
    assert one.look(str(team.remote), logs) == (log.ORIGIN, 300, True)
    assert one.look(str(team.remote), logs) == (log.ORIGIN, 300, False)


def test_forks_rollbacks_and_strangers_are_refused(team: Team, state: Path, tmp_path: Path) -> None:
    one = witness(state)
    one.begin()
    logs = {log.ORIGIN: known.Log(log.ORIGIN, (log.KEY.verifier(),))}
    one.look(str(team.remote), logs)

    def refused(code: str, url: Path = team.remote) -> None:
        with pytest.raises(RemembrancerError) as caught:
            one.look(str(url), logs)
        assert caught.value.code == code, caught.value
        assert git(state, "show", f"{STATE}:{place(log.ORIGIN)}").splitlines()[1] == "3"

    for count in (3, 7):
        team.grow(count, "x")
        refused("log.split-view")
        listed = git(state, "ls-tree", "-r", "--name-only", STATE).splitlines()
        newest = git(state, "log", "-1", "--format=", "--name-only", STATE)
        assert newest in [name for name in listed if "/evidence/" in name]
        found = git(state, "show", f"{STATE}:{newest}").encode()
        assert judge(parse(found), [log.KEY.verifier()]).size == 3
    team.grow(2)
    refused("log.rollback")
    team.grow(7)
    next((team.work / "ops/receipts/ledger/tile/0").rglob("7")).write_bytes(bytes(7 * 32))
    team.publish("other tiles")
    refused("log.tile")
    next((team.work / "ops/receipts/ledger/tile/0").rglob("7")).unlink()
    team.publish("no tiles")
    refused("log.missing")
    team.key = SignerKey.from_seed(log.ORIGIN, bytes(32))
    team.grow(7)
    refused("log.checkpoint")
    team.checkpoint.write_text("garbage")
    team.publish("garbage")
    refused("log.checkpoint")
    team.checkpoint.unlink()
    team.publish("no ledger")
    refused("log.missing")
    other = Team(tmp_path / "other", "log.example/other")
    other.grow(1)
    refused("log.origin", other.remote)
    refused("env.git", tmp_path / "nowhere")
    assert git(state, "show", f"{STATE}:{place(log.ORIGIN)}").splitlines()[1] == "3"


def test_of_two_runs_at_once_one_begins_again(team: Team, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = witness(state)
    one.begin()
    logs = {log.ORIGIN: known.Log(log.ORIGIN, (log.KEY.verifier(),))}
    one.look(str(team.remote), logs)
    real, raced = once.publish, []

    def late(url: str, branch: str, onto: str, files: dict[str, bytes], message: str) -> bool:
        if not raced:  # another run, of a fork, is quicker between our decision and our push
            raced.append(onto)
            team.grow(5, "")
            assert one.look(str(team.remote), logs).size == 5
        return real(url, branch, onto, files, message)

    team.grow(4)
    monkeypatch.setattr(once, "publish", late)
    with pytest.raises(RemembrancerError) as caught:
        one.look(str(team.remote), logs)
    assert caught.value.code == "log.rollback"  # the state is at 5 now, and 4 would lower it
    assert git(state, "show", f"{STATE}:{place(log.ORIGIN)}").splitlines()[1] == "5"
    monkeypatch.setattr(once, "publish", lambda *_: False)
    team.grow(6)
    with pytest.raises(EnvironmentTrouble, match="pushed"):
        one.look(str(team.remote), logs)


def test_a_push_that_is_not_a_fast_forward_is_refused_by_git(state: Path) -> None:
    assert publish(str(state), "b", "", {"f": b"1"}, "one")
    first = git(state, "rev-parse", "b")
    assert publish(str(state), "b", first, {"g/h": b"2"}, "two")
    assert not publish(str(state), "b", first, {"f": b"3"}, "three")
    assert not publish(str(state), "b", "", {"f": b"3"}, "begun twice")
    assert git(state, "ls-tree", "-r", "--name-only", "b").splitlines() == ["f", "g/h"]
    (state / "hooks/pre-receive").write_text("#!/bin/sh\nexit 1\n")
    (state / "hooks/pre-receive").chmod(0o755)
    with pytest.raises(EnvironmentTrouble, match="Git failed"):
        publish(str(state), "b", git(state, "rev-parse", "b"), {"f": b"3"}, "refused")


def test_a_state_that_is_gone_or_of_others_refuses(team: Team, state: Path) -> None:
    logs = {log.ORIGIN: known.Log(log.ORIGIN, (log.KEY.verifier(),))}
    one = witness(state)

    def lost() -> None:
        with pytest.raises(RemembrancerError) as caught:
            one.look(str(team.remote), logs)
        assert caught.value.code == "witness.lost-state", caught.value

    lost()
    one.begin()
    with pytest.raises(RemembrancerError, match="begun already"):
        one.begin()
    one.keys = one.keys[:1]
    lost()
    one.keys = tuple(log.WITNESS)
    one.look(str(team.remote), logs)
    other = SignerKey.from_seed("log.example/other", bytes([7]) * 32)
    text = Checkpoint("log.example/other", 2, bytes(32)).format()
    elsewhere = (
        sign_note(text, [other]) + "".join(cosign(text, key, 1_700_000_000).line for key in log.WITNESS).encode()
    )
    for note in (log.note(3), b"garbage", elsewhere):
        head = git(state, "rev-parse", STATE)
        assert publish(str(state), STATE, head, {place(log.ORIGIN): note}, "not cosigned")
        lost()


def test_the_clock_goes_back(team: Team, state: Path) -> None:
    logs = {log.ORIGIN: known.Log(log.ORIGIN, (log.KEY.verifier(),))}
    now = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    one = witness(state, now)
    one.begin()
    one.look(str(team.remote), logs)
    team.grow(5)
    with pytest.raises(EnvironmentTrouble) as caught:
        witness(state, now - timedelta(hours=1)).look(str(team.remote), logs)
    assert caught.value.code == "witness.clock"
    assert witness(state, now - timedelta(seconds=5)).look(str(team.remote), logs).size == 5


def test_git_asks_nobody_and_waits_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EnvironmentTrouble, match="ext"):
        Snapshot(f"ext::sh -c touch% {tmp_path}/run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(EnvironmentTrouble):
        Snapshot("--upload-pack=touch x")
    monkeypatch.setattr(room, "DEADLINE", 0.0)
    with pytest.raises(EnvironmentTrouble, match="longer than 0 seconds"):
        room.must(tmp_path, "-c", "alias.wait=!sleep 9", "wait")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentTrouble, match="cannot be run"):
        room.must(tmp_path, "version")


def test_the_command_says_what_it_lacks(
    team: Team, state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = tmp_path / "logs"
    logs.write_text(f"log {team.vkey}\n")
    words = ["witness", "once", "--state", str(state), "--logs", str(logs)]
    assert main(words) == 2
    assert "[witness.logs]" in capsys.readouterr().err
    monkeypatch.delenv("AURORA_WITNESS_KEYS", raising=False)
    assert main([*words, str(team.remote)]) == 2
    monkeypatch.setenv("AURORA_WITNESS_KEYS", log.KEY.encode())  # a log's key cosigns nothing
    assert main([*words, str(team.remote)]) == 2
    keys = tmp_path / "keys"
    assert main(["witness", "keys", "--name", "w.example", "--to", str(keys)]) == 0
    assert main(["witness", "keys", "--name", "w.example", "--to", str(keys)]) == 2
    assert "never written over" in capsys.readouterr().err
    assert main([*words, "--keys", str(keys), "--begin", str(team.remote), str(tmp_path / "nowhere")]) == 4
    shown = capsys.readouterr().out
    assert f"{log.ORIGIN}: cosigned at size 3" in shown
    assert "[env.git]" in shown
    collect = ["witness", "collect", str(state), "--root", str(team.work), "--key"]
    assert main([*collect, "x"]) == 2
    assert main([*collect, str(log.WITNESS[0].verifier())]) == 1  # another witness than this one
    team.checkpoint.unlink()
    assert main([*collect, str(log.WITNESS[0].verifier())]) == 1


def test_logs_and_states_may_name_their_objects_by_sha256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    team = Team(tmp_path / "team", log.ORIGIN)
    team.key, team.vkey = log.KEY, str(log.KEY.verifier())
    (tmp_path / "state.git").mkdir()
    git(tmp_path / "state.git", "init", "-q", "--bare", ".")
    monkeypatch.delenv("GIT_DEFAULT_HASH")
    keys, logs, state = tmp_path / "keys", tmp_path / "logs", str(tmp_path / "state.git")
    assert main(["witness", "keys", "--name", "w.example/w1", "--to", str(keys)]) == 0
    logs.write_text(f"log {team.vkey} {team.remote}\n")
    words = ["witness", "once", "--state", state, "--logs", str(logs), "--keys", str(keys)]
    for size, more in ((3, ["--begin"]), (300, [])):
        team.grow(size)
        assert len(git(team.remote, "rev-parse", "main")) == 64
        assert main([*words, *more]) == 0
        assert main(["mirror", str(team.remote), "--logs", str(logs), "--to", str(tmp_path / "copy")]) == 0
        assert main(["witness", "collect", state, "--root", str(team.work), *_vkeys(keys)]) == 0
    copied = (tmp_path / "copy" / place(log.ORIGIN)).read_bytes()
    assert open_checkpoint(copied, log.ORIGIN, [log.KEY.verifier()]).checkpoint.size == 300


def _vkeys(keys: Path) -> list[str]:
    return [word for key in cosigners(read_keys(keys)) for word in ("--key", str(key.verifier()))]


def test_each_wrong_step_says_what_to_do_instead(
    team: Team, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q", "--bare", "state.git")
    (tmp_path / "logs").write_text(f"log {team.vkey} {team.remote}\n")
    for name in ("keys", "others"):
        assert main(["witness", "keys", "--name", f"w.example/{name}", "--to", name]) == 0
    words = ["witness", "once", "--state", "state.git", "--logs", "logs", "--keys", "keys"]
    for more, status, said in (
        ([], 2, "A new witness begins with --begin, once."),
        (["--begin"], 0, ""),
        (["--begin"], 2, "Leave --begin out to go on;"),
    ):
        capsys.readouterr()
        assert main([*words, *more]) == status
        assert said in capsys.readouterr().err
    collect = ["witness", "collect", "--root", str(team.work), *_vkeys(Path("others"))]
    for where, status, said in (
        ("state.git", 1, "Compare the keys with the lines that its operator gave you."),
        ("none.git", 4, "none.git' does not appear to be a git repository [env.git]\n  Try `git ls-remote URL`"),
    ):
        assert main([*collect, where]) == status
        assert said in capsys.readouterr().err


def test_at_the_place_of_a_log_a_witness_has_that_log(
    team: Team, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it cosigned of a smaller log under another origin is no word about this one."""
    text = Checkpoint("log.example/other", 3, _root(team)).format()
    note = sign_note(text, [log.KEY]) + "".join(cosign(text, key, 1_700_000_000).line for key in log.WITNESS).encode()
    assert publish(str(state), STATE, "", {place(log.ORIGIN): note}, "elsewhere")
    before = team.checkpoint.read_bytes()
    words = [word for key in log.WITNESS for word in ("--key", str(key.verifier()))]
    assert main(["witness", "collect", str(state), "--root", str(team.work), *words]) == 1
    assert f"has log.example/other at the place of {log.ORIGIN} [log.unwitnessed]" in capsys.readouterr().err
    assert team.checkpoint.read_bytes() == before


def _root(team: Team) -> bytes:
    return open_checkpoint(team.checkpoint.read_bytes(), log.ORIGIN, [log.KEY.verifier()]).checkpoint.root
