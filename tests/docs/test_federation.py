"""docs/federation.md: two teams do what it says, in its order, word for word."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import witness_support as log
from aurora.witness.server import WitnessServer
from collection import ROOT
from git_log_support import Team, git
from remembrancer.tlog import VerifierKey, open_checkpoint

TEXT = (ROOT / "docs/federation.md").read_text(encoding="utf-8")
PLACES = os.pathsep.join(str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer"))


def blocks() -> list[str]:
    """Return the blocks, but for those of the scheduled jobs, which tests/templates/test_ci_witness.py runs."""
    before, _, rest = TEXT.partition("## The same as scheduled jobs")
    return re.findall(r"(?ms)^```sh\n(.*?)^```$", before + rest.partition("\n## ")[2])


class Side:
    """What one team has at its desk."""

    def __init__(self, base: Path, name: str) -> None:
        self.name, self.desk, self.log = name, base / name, Team(base / name / "log", f"log.example/{name}")
        self.log.grow(3, name)
        self.state = self.desk / "state.git"
        self.state.mkdir()
        git(self.state, "init", "-q", "--bare", ".")
        self.log.work.rename(self.desk / "my-svc")
        self.log.work = self.desk / "my-svc"
        self.keys: list[str] = []

    def run(self, script: str, other: "Side", status: int = 0) -> str:
        """Run a block as this team does."""
        bin_ = self.desk / "bin"
        bin_.mkdir(exist_ok=True)
        (bin_ / "aurora").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m aurora "$@"\n')
        (bin_ / "aurora").chmod(0o755)
        who = {f"GIT_{role}_{what}": "t@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        env = {**os.environ, **who, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": PLACES}
        env |= {"STATE": str(self.state), "THEIR_LOG": str(other.log.remote), "THEIR_KEY": other.log.vkey}
        env |= {"THEIR_STATE": str(other.state), "THEIR_ORIGIN": other.log.key.name}
        env |= dict(zip(("W1", "W2"), other.keys, strict=False))
        done = subprocess.run(
            ["sh", "-euc", script.replace("/ours", f"/{self.name}")],
            cwd=self.desk,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Side, Side]:
    return Side(tmp_path, "one"), Side(tmp_path, "two")


def test_two_teams_do_what_the_guide_says(sides: tuple[Side, Side], tmp_path: Path) -> None:
    keys, begin, again, collect, judge, serve, org, prove, _, mirror = (
        blocks()
    )  # the one about peers: tests/aurora/test_peers.py
    pairs = (sides, sides[::-1])
    for own, other in pairs:
        own.keys = own.run(keys, other).splitlines()
        assert len(own.keys) == 2
    for own, other in pairs:
        assert "cosigned at size 3" in own.run(begin, other)
        assert "unchanged at size 3" in own.run(again, other)
    for own, other in pairs:
        assert "2 new cosignatures at size 3" in own.run(collect, other)
        note = git(own.log.remote, "show", "main:ops/receipts/ledger/checkpoint").encode() + b"\n"
        witnesses = [VerifierKey.parse(key) for key in other.keys]
        assert len(open_checkpoint(note, own.log.key.name, [own.log.key.verifier()], witnesses).cosignatures) == 2
    one, two = sides
    assert "leaf 0 at size 3" in one.run(org, two)
    one.run(prove, two)
    assert (one.desk / "theirs.tlog-proof").is_file()
    assert "from size 0 to 3" in one.run(mirror, two)
    two.log.grow(5, "forked")
    assert "[log.split-view]" in one.run(again, two, status=1)
    assert "[log.split-view]" in one.run(org.splitlines()[2], two, status=1)
    one.run(mirror, two, status=1)
    (fork,) = (one.desk / "evidence").iterdir()
    fork.rename(one.desk / "fork.json")
    assert "log.example/two forked" in one.run(judge, two)
    init, _ = serve.splitlines()  # the second one is run by tests/aurora/witness/test_server.py
    one.run(init, two)


def test_the_paths_that_it_names_are_those_of_the_server(tmp_path: Path) -> None:
    server = WitnessServer(log.fresh(tmp_path / "w"), log.LOGS, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    for path in ("/metrics", "/add-checkpoint"):
        assert f"`{path}`" in TEXT
        assert log.ask(server.url, "POST" if "add" in path else "GET", path, log.step(0, 1))[0] == 200
    assert 'aurora_witness_evidence{kind="fork"}' in server.metrics()
    server.shutdown()
    server.close()
    thread.join(20)
