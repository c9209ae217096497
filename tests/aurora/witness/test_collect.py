"""A witness in Git and a policy that wants it: verdicts follow what was collected, also while the log grows on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import witness_support as log
from aurora.cli.main import main
from aurora.logs import Log
from aurora.push import publish
from aurora.witness.once import GitWitness
from cli_support import ARTIFACT, GIT_IDENTITY, Scratch, end_agents, ledger, owner, release, released
from git_log_support import git
from remembrancer.clock import SystemClock
from remembrancer.tlog import Checkpoint, SignerKey, VerifierKey, cosign
from remembrancer.tlog.note import parse_note

NEXT = "dist/my-svc-0.2.0.tar.gz"
OTHER = SignerKey.from_seed("witness.example/w2", bytes([9]) * 32, 6)


class Desk:
    """A service whose policy wants a witness, the remote that it publishes to, and the witness."""

    def __init__(self, scratch: Scratch, base: Path) -> None:
        self.scratch, self.remote, self.state = scratch, base / "remote.git", base / "state.git"
        for folder in (self.remote, self.state):
            folder.mkdir()
            git(folder, "init", "-q", "--bare", "-b", "main", ".")
        scratch.git("remote", "add", "origin", str(self.remote))
        origin = Checkpoint.parse(parse_note((ledger(scratch) / "checkpoint").read_bytes())[0]).origin
        policy = (scratch.root / "ops/trust/policy.toml").read_text()
        key = next(word for word in policy.split('"') if word.startswith(f"{origin}+"))
        self.logs = {origin: Log(origin, (VerifierKey.parse(key),))}
        self.witness = GitWitness(str(self.state), "witness", log.WITNESS, SystemClock())
        self.witness.begin()

    def publish(self) -> None:
        self.scratch.git("push", "-q", "--force", "origin", "HEAD:main")

    def look(self) -> int:
        return self.witness.look(str(self.remote), self.logs).size

    def collect(self, *more: str) -> int:
        words = ["witness", "collect", str(self.state), "--root", str(self.scratch.root), *more]
        return main([*words, *(word for key in log.WITNESS for word in ("--key", str(key.verifier())))])

    def verify(self, artifact: str = ARTIFACT) -> tuple[int, set[str]]:
        done = self.scratch.json("verify-full", artifact)
        return done.status, done.codes


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    scratch = released()
    for name, value in {**GIT_IDENTITY, "HOME": str(scratch.home)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    yield Desk(scratch, tmp_path)
    end_agents(scratch)
    scratch.remove()


def wants(scratch: Scratch, quorum: str, *keys: SignerKey) -> None:
    for number, key in enumerate(keys):
        words = ["--key", str(key.verifier()), "--url", "https://witness.example"]
        scratch.ok("trust", "add", "--witness", f"w{number}", *words)
    scratch.ok("trust", "quorum", quorum)
    scratch.commit("witnesses")


def test_what_was_cosigned_stays_usable_while_the_log_grows(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    wants(desk.scratch, "1", log.WITNESS[0])
    assert desk.verify() == (1, {"log.unwitnessed"})
    desk.publish()
    size = desk.look()
    assert desk.collect() == 0
    assert f"at size {size}, as many as the policy requires" in capsys.readouterr().out
    assert desk.verify() == (0, set())
    desk.scratch.commit("cosigned")
    desk.scratch.write(NEXT, b"the next one")
    release(desk.scratch, NEXT, "0.2.0")
    assert desk.verify() == (0, set())
    assert desk.verify(NEXT) == (1, {"log.unwitnessed"})
    desk.publish()
    newer = desk.look()
    desk.scratch.write("dist/my-svc-0.3.0.tar.gz", b"one more")
    release(desk.scratch, "dist/my-svc-0.3.0.tar.gz", "0.3.0")
    assert desk.collect() == 0  # the log has grown since they looked
    assert f"at size {newer}, as many as the policy requires" in capsys.readouterr().out
    assert desk.verify(NEXT) == (0, set())
    assert desk.verify("dist/my-svc-0.3.0.tar.gz") == (1, {"log.unwitnessed"})
    (ledger(desk.scratch) / "witnessed").unlink()
    assert desk.collect("--trust", owner(desk.scratch)) == 0
    assert desk.collect("--trust", "0" * 40) in (1, 3)


def test_a_witness_takes_no_place_from_the_others(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Ninety lines that nobody asked for, behind its own: they stay where they are."""
    wants(desk.scratch, "1", log.WITNESS[0])
    desk.publish()
    size = desk.look()
    place = next(name for name in git(desk.state, "ls-tree", "-r", "--name-only", "witness").split() if "/" in name)
    note = git(desk.state, "show", f"witness:{place}").encode()
    note = note if note.endswith(b"\n") else note + b"\n"
    keys = [SignerKey.from_seed(f"other.example/{number}", bytes([number]) * 32, 4) for number in range(90)]
    text = parse_note(note)[0]
    note += "".join(cosign(text, key, 1).line for key in keys).encode()
    publish(str(desk.state), "witness", git(desk.state, "rev-parse", "witness").strip(), {place: note}, "more")
    desk.scratch.write(NEXT, b"the next one")
    release(desk.scratch, NEXT, "0.2.0")  # so that the witness's checkpoint is an older one
    assert desk.collect() == 0
    assert f"at size {size}, as many as the policy requires" in capsys.readouterr().out
    kept = parse_note((ledger(desk.scratch) / "witnessed").read_bytes())[1]
    assert {line.name for line in kept} == {log.NAME, text.partition("\n")[0]}
    assert desk.verify() == (0, set())


def test_one_of_two_is_not_enough(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    wants(desk.scratch, "2", log.WITNESS[0], OTHER)
    desk.publish()
    desk.look()
    assert desk.collect() == 0
    assert "fewer than the policy requires" in capsys.readouterr().out
    assert not (ledger(desk.scratch) / "witnessed").exists()
    desk.scratch.write(NEXT, b"the next one")
    release(desk.scratch, NEXT, "0.2.0")
    assert desk.collect() == 3
    assert "[log.unwitnessed]" in capsys.readouterr().err


def test_an_older_clone_and_another_tree(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    older = desk.scratch.copy()
    branch = desk.scratch.copy()
    for one, name in ((desk.scratch, "a"), (branch, "b")):
        one.write(NEXT, name.encode())
        release(one, NEXT, "0.2.0")
    desk.publish()
    desk.look()
    for one, status, code in ((older, 3, "log.unwitnessed"), (branch, 1, "log.split-view")):
        before = (ledger(one) / "checkpoint").read_bytes()
        desk.scratch = one
        assert desk.collect() == status
        assert f"[{code}]" in capsys.readouterr().err
        assert (ledger(one) / "checkpoint").read_bytes() == before
    for one in (older, branch):
        end_agents(one)
        one.remove()
