"""O-15: the entry points of this repository are those that the assistants' rules quote, and they run."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ci_render import call, program
from collection import IDENTITY, ROOT, VERSION, commit_all, git

SOURCE = "templates/fastapi-service"


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | IDENTITY
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def ends(root: Path, days: int) -> None:
    """Let the Kubernetes that services get lose its standard support in so many days."""
    path = root / "templates/k8s/ops/aws/cluster.yaml.jinja"
    day = datetime.now(UTC).date() + timedelta(days=days)
    text, count = re.subn(r"(support of this version ends on )\d{4}-\d\d-\d\d", rf"\g<1>{day}", path.read_text())
    assert count == 1
    path.write_text(text)


def recorded(root: Path, name: str) -> None:
    """What was committed once and is gone, also from HEAD, was deleted; it is not what never was."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("recorded\n")
    commit_all(root, "[repo] chore: begin")
    (root / name).unlink()
    commit_all(root, "[repo] fix: forget")


@pytest.mark.parametrize(
    "command",
    [
        "remembrancer --help",
        "remembrancer status --reflect",
        "health-check",
        "health-check --help",
        "check-decisions",
        "bump --check",
        "no-conflict-markers",
        "hooks pre-commit",
    ],
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


@pytest.fixture(scope="module")
def healthy(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this repository that its own health check finds nothing wrong with."""
    clone = tmp_path_factory.mktemp("healthy") / "clone"
    git(clone.parent, "clone", "--quiet", str(collection), str(clone))
    assert subprocess.run([clone / "ops/bin/health-check"], capture_output=True, check=False).returncode == 0
    return clone


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("version", lambda root: edit(root / "pyproject.toml", VERSION, "9.9.9"), "not 9.9.9"),
        ("version", lambda root: edit(root / "AGENTS.md", f"| {VERSION} |", "| 9.9.9 |"), "AGENTS.md says 9.9.9"),
        ("version", lambda root: git(root, "tag", "v9.9.9"), f"the tag v9.9.9 is on a commit that says {VERSION}"),
        ("links", lambda root: (root / SOURCE / "ops/bin").unlink(), "is not a link"),
        ("rules", lambda root: (root / "AGENTS.md").unlink(), "AGENTS.md is missing"),
        ("cluster", lambda root: ends(root, -1), "; templates/k8s/ops/aws/cluster.yaml.jinja takes a newer version"),
        ("ledger", lambda root: recorded(root, "ops/trust/policy.toml"), "ops/receipts/ledger is missing"),
        ("trust", lambda root: recorded(root, "ops/receipts/ledger/checkpoint"), "the policy of the ledger is missing"),
        ("ledger", lambda root: recorded(root, "ops/receipts/deploy/a.receipt"), "a.receipt was recorded and is gone"),
    ],
)
def test_the_health_of_this_repository_can_be_bad(
    healthy: Path, tmp_path: Path, name: str, change: Callable[[Path], object], said: str
) -> None:
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(healthy), str(copy))
    change(copy)
    done = subprocess.run([copy / "ops/bin/health-check"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if line.split()[:2] == [name, "broken"]]
    assert said in line


def test_no_release_gives_services_a_kubernetes_that_ends_soon(healthy: Path, tmp_path: Path) -> None:
    """Said ahead by the health check and beside the old pins; a release is refused before its tests begin."""
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(healthy), str(copy))
    (copy / ".venv").symlink_to(ROOT / ".venv")
    release = (copy / "ops/bin/release", "99.0.0", "--tests", "touch ran")
    ends(copy, 59)
    commit_all(copy, "[k8s] test: another day")
    said = "templates/k8s/ops/aws/cluster.yaml.jinja takes a newer version and its date"
    assert said in run(sys.executable, "-B", copy / "tools/pin_dates.py", "--old", cwd=copy).stdout
    health = run(copy / "ops/bin/health-check", cwd=copy)
    assert (health.returncode, said in health.stdout) == (0, True), health.stdout
    refused = run(*release, cwd=copy)
    assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
    assert refused.stderr.startswith("ops/bin/release: services would get Kubernetes "), refused.stderr
    ends(copy, 62)
    commit_all(copy, "[k8s] test: a later one")
    refused = run(*release, cwd=copy)
    assert (refused.returncode, "not begun" in refused.stderr) == (2, True), refused.stderr
    assert not (copy / "ran").exists()


@pytest.mark.reason("trust.not-begun")
def test_until_a_ledger_has_begun_all_tools_say_so(collection: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(collection), str(copy))
    (copy / ".venv").symlink_to(ROOT / ".venv")
    for command in ("remembrancer verify-audit", "remembrancer seal", "remembrancer status", "health-check"):
        name, *arguments = command.split()
        done = run(copy / "ops/bin" / name, *arguments, cwd=copy)
        assert "not begun" in done.stdout + done.stderr, command


def test_the_hooks_of_this_repository_refuse_none_of_its_own_decisions(collection: Path, tmp_path: Path) -> None:
    """Every decision is committed anew, under the hooks that `ops/bin/hooks install` writes."""
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(collection), str(copy))
    (copy / ".venv").symlink_to(ROOT / ".venv")
    git(copy, "rm", "--quiet", "-r", "ops/receipts/adr")
    git(copy, "commit", "--quiet", "--message", "[repo] test: without")
    assert run(copy / "ops/bin/hooks", "install", cwd=copy).returncode == 0
    git(copy, "checkout", "--quiet", "HEAD~1", "--", "ops/receipts/adr")
    git(copy, "commit", "--quiet", "--message", "[repo] docs: decisions")
    (copy / "ops/receipts/adr/ADR-999-none.md").write_text("# no decision\n")
    git(copy, "add", "--all")
    refused = run("git", "commit", "--quiet", "--message", "[repo] docs: none", cwd=copy)
    assert refused.returncode == 1
    assert "adr.form" in refused.stderr
