"""Other teams' ledgers are audited under their pinned owner and taken in by content; everything else is refused."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from aurora.cli.main import main
from aurora.evidence import judge, parse
from aurora.peers import listed, sync
from cli_support import GIT_IDENTITY, Scratch, end_agents, owner, receipts, released
from collection import ROOT
from git_log_support import git
from remembrancer.errors import RemembrancerError
from remembrancer.tlog import VerifierKey

QUESTION = "why did we choose postgres"


@pytest.fixture(scope="module")
def producer() -> Iterator[Scratch]:
    """A team that has released and decided something."""
    made = released()
    words = ["--context", "Orders and payments change together.", "--decision", "PostgreSQL, one database a service."]
    words += ["--consequences", "We get transactions.", "--verification", "`make test`"]
    made.ok("adr", "create", "Keep orders in PostgreSQL", *words)
    number = next((made.root / "ops/receipts/adr").glob("ADR-*.md")).name.split("-")[1]
    made.ok("adr", "accept", number)
    made.commit("a decision")
    yield made
    end_agents(made)
    made.remove()


def test_the_guide_says_how(desk: "Desk", tmp_path: Path) -> None:
    """docs/federation.md, word for word."""
    text = (ROOT / "docs/federation.md").read_text(encoding="utf-8").partition("## Reading what others recorded")[2]
    (script,) = re.findall(r"(?ms)^```sh\n(.*?)^```$", text.partition("\n## ")[0])
    program = tmp_path / "bin/aurora"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m aurora "$@"\n')
    program.chmod(0o755)
    env = os.environ | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer")),
        "THEIR_LOG": str(desk.remote),
        "THEIR_OWNER": desk.owner,
    }
    done = subprocess.run(
        ["sh", "-euc", script], cwd=desk.root, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "payments is a peer" in done.stdout
    assert "PostgreSQL" in done.stdout


class Desk:
    """Our own repository, and the peer's as it is published."""

    def __init__(self, base: Path, producer: Scratch) -> None:
        self.root, self.remote, self.producer = base / "ours", base / "remote.git", producer
        self.owner = owner(producer)
        self.root.mkdir()
        self.publish(producer.root)

    def publish(self, root: Path) -> None:
        shutil.rmtree(self.remote, ignore_errors=True)
        git(root, "clone", "--quiet", "--bare", str(root), str(self.remote))

    def add(self, *more: str) -> int:
        words = ["peer", "add", "payments", "--url", str(self.remote), "--trust", self.owner, "--root", str(self.root)]
        return main([*words, *more])

    def sync(self, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict]:
        capsys.readouterr()
        status = main(["sync", "--root", str(self.root), "--format", "json"])
        return status, json.loads(capsys.readouterr().out)

    def taken(self) -> dict[str, bytes]:
        folder = self.root / "ops/receipts/peers"
        files = [path for path in folder.rglob("*") if path.is_file() and "evidence" not in path.parts]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def desk(tmp_path: Path, producer: Scratch, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name, value in {**GIT_IDENTITY, "HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REMEMBRANCER_ORIGIN", "log.example/our-own")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return Desk(tmp_path, producer)


def test_what_a_peer_recorded_is_taken_in_and_can_be_asked(
    desk: Desk, capsys: pytest.CaptureFixture[str], producer: Scratch
) -> None:
    assert desk.add() == 0
    status, said = desk.sync(capsys)
    assert (status, said["peers"][0]["before"]) == (0, 0), said
    size = said["peers"][0]["size"]
    names = [name for name in desk.taken() if "/entries/" in name]
    assert len(names) == size > 3
    assert main(["query", QUESTION, "--root", str(desk.root), "--format", "json"]) == 0
    (first, *_) = json.loads(capsys.readouterr().out)["answers"]
    assert (first["peer"], first["verdict"], first["size"]) == ("payments", "verified", size)
    assert "PostgreSQL" in first["title"]
    assert main(["query", "xylophone", "--root", str(desk.root)]) == 0
    assert "nothing was found" in capsys.readouterr().out
    assert main(["peer", "list", "--root", str(desk.root)]) == 0
    assert f"size {size}" in capsys.readouterr().out
    before = desk.taken()
    assert desk.sync(capsys)[1]["peers"][0]["files"] == 0
    assert desk.taken() == before
    # what lies there is nothing of our own
    ours = producer.copy()
    shutil.copytree(desk.root / "ops/receipts/peers", ours.root / "ops/receipts/peers")
    ours.commit("peers")
    listing = ours.ok("list", "receipts", "--format", "json").report
    assert "/peers/" not in json.dumps(listing)
    assert ours.run("verify-audit").status == 0
    end_agents(ours)
    ours.remove()


def test_a_peer_whose_file_was_edited_here_is_not_quoted(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.add()
    desk.sync(capsys)
    (path,) = (desk.root / "ops/receipts/peers").glob("*/decisions/*")
    path.write_bytes(path.read_bytes().replace(b"PostgreSQL", b"MongoDB"))
    assert main(["query", QUESTION, "--root", str(desk.root)]) == 1
    assert "[receipt.edited]" in capsys.readouterr().err


def edited(root: Path, scratch: Scratch) -> None:
    path = receipts(scratch, "deploy")[0]
    path.write_bytes(path.read_bytes().replace(b"staging", b"nowhere") + b"\n")


def unsigned(root: Path, scratch: Scratch) -> None:
    for path in (root / "ops/trust").glob("policy.toml.*.asc"):
        path.unlink()


def removed(root: Path, scratch: Scratch) -> None:
    shutil.rmtree(root / "ops/receipts/ledger")


def endless(root: Path, scratch: Scratch) -> None:
    path = root / "ops/receipts/ledger/checkpoint"
    lines = path.read_text().split("\n")
    path.write_text("\n".join([lines[0], "9" * 18, *lines[2:]]))


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (edited, {"receipt.edited"}),
        (unsigned, {"trust.policy-signature", "trust.no-policy", "trust.unpinned"}),
        (removed, {"log.missing"}),
        (endless, {"peer.endless"}),
    ],
)
def test_what_does_not_verify_is_refused_and_nothing_is_written(
    desk: Desk,
    capsys: pytest.CaptureFixture[str],
    producer: Scratch,
    change: Callable[[Path, Scratch], None],
    codes: set[str],
) -> None:
    desk.add()
    desk.sync(capsys)
    before = desk.taken()
    bad = producer.copy()
    change(bad.root, bad)
    bad.commit("changed")
    desk.publish(bad.root)
    status, said = desk.sync(capsys)
    assert status in (1, 3), said
    assert said["peers"][0]["code"] in codes, said
    assert desk.taken() == before
    bad.remove()


def test_a_stranger_is_refused(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    right, desk.owner = desk.owner, "0" * 40
    assert desk.add() in (1, 3)
    desk.owner = "short"
    assert desk.add() == 2
    desk.owner = right
    assert desk.add("--origin", "log.example/another") in (1, 3)
    assert desk.taken() == {}
    remote, desk.remote = desk.remote, desk.root / "nowhere"
    assert desk.add() == 4
    desk.remote = remote
    assert desk.add() == 0
    assert desk.add() == 2
    assert "[peer.known]" in capsys.readouterr().err
    assert main(["sync", "strangers", "--root", str(desk.root)]) == 2
    assert main(["peer", "add", "A name", "--url", str(remote), "--trust", right, "--root", str(desk.root)]) == 2
    (desk.root / "ops/receipts/peers/peers.toml").write_text("[payments]\nurl = 1\n")
    assert main(["sync", "--root", str(desk.root)]) == 2
    (desk.root / "ops/receipts/peers/peers.toml").write_text("garbage")
    assert main(["peer", "list", "--root", str(desk.root)]) == 2


def test_a_replay_and_a_fork_are_refused_with_evidence(
    desk: Desk, capsys: pytest.CaptureFixture[str], producer: Scratch, tmp_path: Path
) -> None:
    branches = [producer.copy(), producer.copy()]
    for number, one in enumerate(branches):
        one.ok(
            "record",
            "rollback",
            "--component",
            "my-svc",
            "--to",
            "0.1.0",
            "--environment",
            f"e{number}",
            "--reason",
            "x",
        )
        one.commit("rolled back")
    desk.publish(branches[0].root)
    desk.add()
    assert desk.sync(capsys)[0] == 0
    before = desk.taken()
    desk.publish(producer.root)  # an older state of the same log
    status, said = desk.sync(capsys)
    assert (status, said["peers"][0]["code"]) == (1, "log.rollback"), said
    desk.publish(branches[1].root)
    monkey = tmp_path / "home"  # another machine of ours, which remembers nothing itself
    shutil.rmtree(monkey, ignore_errors=True)
    status, said = desk.sync(capsys)
    assert (status, said["peers"][0]["code"]) == (1, "log.split-view"), said
    assert desk.taken() == before
    (kept,) = (desk.root / "ops/receipts/peers").glob("*/evidence/*.json")
    policy = (producer.root / "ops/trust/policy.toml").read_text()
    key = next(line.split('"')[1] for line in policy.splitlines() if line.startswith("key = ") and "+" in line)
    assert judge(parse(kept.read_bytes()), [VerifierKey.parse(key)]).origin == listed.read(desk.root)["payments"].origin
    for one in branches:
        end_agents(one)
        one.remove()


def test_two_runs_at_once_take_in_one_after_the_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.add()
    monkeypatch.setattr("aurora.mirror.place.Folder.replace", lambda *_: False)
    with pytest.raises(RemembrancerError, match="meanwhile"):
        sync.sync(desk.root, listed.read(desk.root)["payments"])


def test_a_peer_may_name_its_objects_by_sha256(
    desk: Desk, capsys: pytest.CaptureFixture[str], producer: Scratch
) -> None:
    shutil.rmtree(desk.remote)
    git(desk.root, "init", "--quiet", "--bare", "--object-format=sha256", str(desk.remote))
    exported = subprocess.run(["git", "-C", str(producer.root), "fast-export", "HEAD"], capture_output=True, check=True)
    subprocess.run(["git", "-C", str(desk.remote), "fast-import", "--quiet"], input=exported.stdout, check=True)
    git(desk.remote, "symbolic-ref", "HEAD", f"refs/heads/{producer.git('branch', '--show-current')}")
    assert desk.add() == 0
    status, said = desk.sync(capsys)
    assert (status, said["peers"][0]["before"]) == (0, 0), said
    assert said["peers"][0]["size"] > 3


def test_that_nothing_was_found_has_a_reason(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["query", "xylophone", "--root", str(desk.root)]
    for step, said in (
        (lambda: 0, "there are no peers\n"),
        (desk.add, "nothing was found; `aurora sync` has taken in nothing of payments\n"),
        (lambda: desk.sync(capsys)[0], "nothing was found\n"),
    ):
        assert step() == 0
        capsys.readouterr()
        assert main(words) == 0
        assert capsys.readouterr().out == said


def test_a_text_that_changed_since_an_older_receipt_is_not_taken_in_for_it(
    desk: Desk, capsys: pytest.CaptureFixture[str], producer: Scratch
) -> None:
    """A decision that was superseded has two receipts, and one text that is there."""
    later = producer.copy()
    words = ["--context", "Much.", "--decision", "Another.", "--consequences", "More.", "--verification", "`make test`"]
    later.ok("adr", "create", "Keep orders elsewhere", *words)
    old, new = (path.name.split("-")[1] for path in sorted((later.root / "ops/receipts/adr").glob("ADR-*.md")))
    later.ok("adr", "accept", new)
    later.ok("adr", "supersede", old, "--by", new)
    later.commit("superseded")
    desk.publish(later.root)
    assert desk.add() == 0
    assert desk.sync(capsys)[0] == 0
    held = {name.rpartition("/")[2]: data for name, data in desk.taken().items() if "/decisions/" in name}
    assert len(held) == 2
    assert {sha256(data).hexdigest() for data in held.values()} == held.keys()
    end_agents(later)
    later.remove()
