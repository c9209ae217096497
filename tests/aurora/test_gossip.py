"""A log that shows two histories to two teams: they ask each other, and the fork is found, kept and provable."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import witness_support as log
from aurora import gossip
from aurora.cli.main import main
from aurora.evidence import Evidence, judge, parse
from aurora.logs import Log
from aurora.source import Forked, open_log
from aurora.witness.once import GitWitness
from cli_support import GIT_IDENTITY, Scratch, end_agents, new_scratch, owner, released
from git_log_support import Team, git
from remembrancer.clock import SystemClock
from remembrancer.errors import RemembrancerError
from remembrancer.ledger.files import LedgerFiles
from remembrancer.tlog import SignerKey, VerifierKey

OTHERS = SignerKey.from_seed("witness.example/theirs", bytes([8]) * 32, 4)


@pytest.fixture(scope="module")
def sealed() -> Iterator[Scratch]:
    made = released()
    yield made
    end_agents(made)
    made.remove()


def recorded(scratch: Scratch, environment: str) -> Scratch:
    """Return a copy whose log went on with one more record, and one that two copies do not share."""
    made = scratch.copy()
    words = ["--component", "my-svc", "--to", "0.1.0", "--environment", environment, "--reason", "x"]
    made.ok("record", "rollback", *words)
    made.commit("rolled back")
    return made


def published(root: Path, target: Path) -> Path:
    git(root, "clone", "--quiet", "--bare", str(root), str(target))
    return target


def test_two_teams_who_sync_with_each_other_find_a_log_that_shows_two_histories(
    sealed: Scratch, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in GIT_IDENTITY.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    branches = [recorded(sealed, name) for name in ("a", "b", "c")]
    shown = [published(one.root, tmp_path / f"{name}.git") for name, one in zip("ab", branches, strict=False)]
    theirs = new_scratch()  # a team of its own, with its own log
    theirs.ok("init", "--dev", "--component", "orders")
    theirs.commit("its own ledger")

    def team(root: Path, home: str, *words: str) -> tuple[int, dict]:
        monkeypatch.setenv("HOME", str(tmp_path / home))
        capsys.readouterr()
        status = main([*words, "--root", str(root), "--format", "json"])
        return status, json.loads(capsys.readouterr().out)

    def peer(root: Path, home: str, name: str, url: Path, scratch: Scratch) -> None:
        status, said = team(root, home, "peer", "add", name, "--url", str(url), "--trust", owner(scratch))
        assert status == 0, said

    peer(theirs.root, "theirs", "payments", shown[1], sealed)
    assert team(theirs.root, "theirs", "sync")[0] == 0
    theirs.commit("what payments showed us")
    ours = tmp_path / "ours"
    ours.mkdir()
    peer(ours, "ours", "payments", shown[0], sealed)
    peer(ours, "ours", "orders", published(theirs.root, tmp_path / "theirs.git"), theirs)
    assert team(ours, "ours", "sync", "payments")[0] == 0  # alone, nobody sees it
    status, said = team(ours, "ours", "sync")
    rows = {row["name"]: row for row in said["peers"]}
    assert (status, rows["payments"]["code"]) == (1, "log.split-view"), said
    assert "by orders" in rows["payments"]["message"]
    assert rows["orders"]["size"] > 0, "the other peer is taken in all the same"
    (kept,) = (ours / "ops/receipts/peers").glob("*/evidence/*.json")
    policy = (sealed.root / "ops/trust/policy.toml").read_text()
    key = next(line.split('"')[1] for line in policy.splitlines() if line.startswith("key = ") and "+" in line)
    known = LedgerFiles(sealed.root).claimed()
    assert known is not None
    assert judge(parse(kept.read_bytes()), [VerifierKey.parse(key)]).size == known.size + 1
    # whoever asks us next hears it of us: two copies, and both halves of the evidence
    git(ours, "init", "-q", "-b", "main", ".")
    git(ours, "add", "-A")
    git(ours, "commit", "-q", "-m", "peers")
    assert len(gossip.hear({"us": str(ours)})) == 4, "two copies, and both halves of the evidence"
    # the team whose log it is finds it as well, when another one carries what it never published
    own = branches[2]
    monkeypatch.setenv("REMEMBRANCER_TRUST", owner(sealed))
    peer(own.root, "own", "orders", tmp_path / "theirs.git", theirs)
    status, said = team(own.root, "own", "sync")
    assert (status, said["peers"][0]["code"]) == (1, "log.split-view"), said
    for one in (theirs, *branches):
        end_agents(one)
        one.remove()


@pytest.fixture
def parties(tmp_path: Path) -> tuple[Team, Team, Team]:
    """Return one log as it is shown to us, the same as it is shown to others, and the others' repository."""
    made = [Team(tmp_path / name, log.ORIGIN) for name in ("shown", "hidden")]
    for one in made:
        one.key, one.vkey = log.KEY, str(log.KEY.verifier())
    return made[0], made[1], Team(tmp_path / "others", "log.example/others")


def carry(team: Team, path: str, data: bytes) -> None:
    place = team.work / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    team.publish("carries")


BASE = "0" * 64
FORK = f"log.split-view {log.ORIGIN} others"
CARRIED = f"ops/receipts/peers/{BASE}/checkpoint"


def test_what_is_heard_is_compared_where_tiles_allow_it(parties: tuple[Team, Team, Team]) -> None:
    shown, _, others = parties
    known = Log(log.ORIGIN, (log.KEY.verifier(),))
    shown.grow(7)
    opened = open_log(LedgerFiles(shown.work), "shown", {log.ORIGIN: known})

    def told(note: bytes) -> str:
        carry(others, CARRIED, note)
        try:
            gossip.compare(opened, known, gossip.hear({"others": str(others.remote)}))
        except Forked as fork:
            return f"{fork.code} {judge(fork.evidence, known.keys).origin} {fork.message.rpartition(' ')[2]}"
        except RemembrancerError as error:
            return error.code
        return ""

    for size in (1, 4, 7):
        assert told(log.note(size)) == "", size
        assert told(log.note(size, "x")) == FORK, size
    assert told(log.note(8)) == "log.rollback"
    # a checkpoint that the log's key has not signed is nobody's word
    forged = SignerKey.from_seed(log.ORIGIN, bytes(32))
    assert told(log.note(4, "x", forged)) == ""
    assert told(b"garbage") == ""
    others.grow(2)
    assert told(log.note(4)) == ""
    carry(others, f"ops/receipts/peers/{BASE}/evidence/f.json", b"{}")
    assert told(log.note(4)) == ""
    evidence = Evidence(log.ORIGIN, (log.note(4), log.note(4, "x"))).format()
    carry(others, f"ops/receipts/peers/{BASE}/evidence/f.json", evidence)
    assert told(log.note(4)) == FORK
    assert gossip.hear({"nobody": str(others.remote) + "/nowhere"}) == []


def test_a_witness_compares_what_another_witness_has_cosigned(
    parties: tuple[Team, Team, Team], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown, hidden, others = parties
    shown.grow(5)
    hidden.grow(3, "x")
    others.grow(1)
    other = GitWitness(str(others.remote), "witness", [OTHERS], SystemClock())
    other.begin()
    assert other.look(str(hidden.remote), {log.ORIGIN: Log(log.ORIGIN, (log.KEY.verifier(),))}).size == 3
    state, keys, logs = tmp_path / "state.git", tmp_path / "keys", tmp_path / "logs"
    state.mkdir()
    git(state, "init", "-q", "--bare", ".")
    keys.write_text("".join(f"{key.encode()}\n" for key in log.WITNESS))
    keys.chmod(0o600)
    logs.write_text(f"log {shown.vkey} {shown.remote}\nlog {others.vkey} {others.remote}\n")
    words = ["witness", "once", "--state", str(state), "--logs", str(logs), "--keys", str(keys)]
    assert main([*words, "--begin", str(shown.remote)]) == 0  # alone, nobody sees it
    for _ in range(2):
        capsys.readouterr()
        assert main(words) == 1
        said = capsys.readouterr().out
        assert "[log.split-view]" in said
        assert "log.example/others: " in said
    assert len(git(state, "log", "--format=%s", "witness", "--", "*/evidence/*").splitlines()) == 1, "kept once"
    (path,) = [
        name for name in git(state, "ls-tree", "-r", "--name-only", "witness").splitlines() if "evidence" in name
    ]
    found = parse(git(state, "show", f"witness:{path}").encode())
    assert judge(found, [log.KEY.verifier()]).size == 3
