"""O-15: the entry points of this repository are those that the assistants' rules quote, and they run."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ci_render import call, program
from collection import ROOT, git

SOURCE = "templates/fastapi-service"


@pytest.mark.parametrize(
    "command",
    ["remembrancer --help", "remembrancer status --reflect", "health-check", "health-check --help", "check-decisions"],
)
def test_entry_points_run_here(command: str) -> None:
    name, *arguments = command.split()
    done = subprocess.run([ROOT / "ops/bin" / name, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("works", "code"), [(True, 0), (False, 4)])
def test_a_clone_without_its_environment_makes_it_once(
    collection: Path, tmp_path: Path, *, works: bool, code: int
) -> None:
    """What make installs takes a minute, and is what the tests themselves run in; so make is stood in for here."""
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(collection), str(copy))
    made = f"mkdir -p {copy}/.venv/bin; ln -s {sys.executable} {copy}/.venv/bin/python; touch {copy}/.venv/.ready"
    program(tmp_path / "path", "make", f'#!/bin/sh\necho "make $*"\n{made if works else "exit 2"}\n')
    path = f"{tmp_path / 'path'}:{os.environ['PATH']}"
    runs = [call("ops/bin/remembrancer --version", copy, os.environ | {"PATH": path}) for _ in range(2)]
    assert [done.returncode for done in runs] == [code, code], runs
    assert [".venv/.ready" in done.stderr for done in runs] == [True, not works]
    assert [done.stdout.startswith("remembrancer ") for done in runs] == [works, works]
    assert ("could not be made" in runs[0].stderr) is not works


@pytest.mark.parametrize(("message", "code"), [("[spawn] feat: rules", 0), ("rules", 1)])
def test_the_message_check_runs_here(tmp_path: Path, message: str, code: int) -> None:
    (tmp_path / "message").write_text(f"{message}\n")
    assert subprocess.run([ROOT / "ops/bin/commit-msg", tmp_path / "message"], check=False).returncode == code


def test_the_gates_of_a_generated_service_can_be_asked_here() -> None:
    command = [ROOT / "ops/bin/health-check", "--gates", "--only", "rollback-plan", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"gate": "rollback-plan"' in done.stdout


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("version", lambda root: (root / "pyproject.toml").write_text('version = "9.9.9"\n'), "says 9.9.9"),
        ("links", lambda root: (root / SOURCE / "ops/bin").unlink(), "is not a link"),
        ("rules", lambda root: (root / "AGENTS.md").unlink(), "AGENTS.md is missing"),
    ],
)
def test_the_health_of_this_repository_can_be_bad(
    collection: Path, tmp_path: Path, name: str, change: Callable[[Path], object], said: str
) -> None:
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(collection), str(copy))
    assert subprocess.run([copy / "ops/bin/health-check"], capture_output=True, check=False).returncode == 0
    change(copy)
    done = subprocess.run([copy / "ops/bin/health-check"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if line.split()[:2] == [name, "broken"]]
    assert said in line
