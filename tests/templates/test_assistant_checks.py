"""Each check that the assistants' rules name passes in a service with a release, and a change makes it fail."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ci_render import call, program, repository
from cli_support import Scratch, end_agents
from collection import ROOT, commit_all, git, render
from service_support import environment
from short_path import short_path
from templates.test_assistant_rules import every_check
from templates.test_ops_bin_gates import FIRST as GATE_CHANGES


@pytest.fixture(scope="module")
def released(collection: Path) -> Iterator[Scratch]:
    """A rendered service with a ledger and one complete release."""
    scratch = Scratch(Path(short_path("rm")))
    scratch.home.mkdir()
    render(collection, scratch.root, tasks=True, component="my-svc")
    plugin = ROOT / "plugins/remembrancer/src"
    program(
        scratch.base / "path",
        "remembrancer",
        f'#!/bin/sh\nPYTHONPATH={plugin} exec {sys.executable} -m remembrancer "$@"\n',
    )
    tools = scratch.root / ".venv"  # what `make lint` would install; the types are checked elsewhere
    tools.mkdir()
    shutil.copy(scratch.root / "requirements-dev.lock", tools)
    program(tools / "bin", "ruff", f'#!/bin/sh\nexec {Path(sys.executable).parent}/ruff "$@" --no-cache\n')
    program(tools / "bin", "mypy", "#!/bin/sh\n")
    repository(scratch.root)
    scratch.ok("init", "--dev", "--component", "my-svc")
    scratch.commit("[my-svc] chore: begin the ledger")
    assert run(scratch, "ops/bin/dist").returncode == 0
    archive = "dist/my-svc-0.1.0.tar.gz"
    scratch.ok("sign", "--no-seal", archive)
    scratch.ok("timestamp", "--no-seal", archive)
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.1.0")
    scratch.commit("[my-svc] chore: record 0.1.0")
    yield scratch
    end_agents(scratch)
    scratch.remove()


def run(scratch: Scratch, command: str, root: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a quoted command in the service (or a copy of it)."""
    path = f"{scratch.base / 'path'}:{Path(sys.executable).parent}:{scratch.environment()['PATH']}"
    return call(command, root or scratch.root, scratch.environment(PATH=path, PYTHON=sys.executable))


def append(name: str, text: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (path,) = root.glob(name)
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    return change


def unsealed_decision(root: Path) -> None:
    folder = root / "ops/receipts/adr"
    folder.mkdir(exist_ok=True)
    fields = "**Date**: 2026-01-01\n**Status**: Accepted\n**Context**: Because.\n"
    (folder / "ADR-001-x.md").write_text(f"# ADR-001: X\n\n{fields}")


def edited_receipt(root: Path) -> None:
    append("ops/receipts/deploy/my-svc-0.1.0.receipt", " ")(root)
    git(root, "add", "--all")


def lost_tile(root: Path) -> None:
    """Take away what proves inclusion."""
    shutil.rmtree(root / "ops/receipts/ledger/tile")


def weak_nonce(root: Path) -> None:
    """Draw from what is not the system's source."""
    lines = ['"""A nonce."""', "", "import random", "", "NONCE = random.randrange(1 << 64)", ""]
    (root / "app/nonce.py").write_text("\n".join(lines), encoding="utf-8")


CHANGES: dict[str, Callable[[Path], object]] = {
    "make lint": weak_nonce,
    "ops/bin/sbom --check": append("requirements.lock", "left-pad==1.0\n"),
    "ops/bin/bump --check": lambda root: (root / "app/service.json").write_text('{"version": "9.9.9"}\n'),
    "ops/bin/commit-msg HEAD~1..HEAD": lambda root: commit_all(root, "changed things"),
    "ops/bin/no-conflict-markers": append("app/main.py", "<<<<<<< a\n=======\n>>>>>>> b\n"),
    "ops/bin/check-receipts": edited_receipt,
    "ops/bin/remembrancer drift": append("app/core/limits.py", "# other\n"),
    "ops/bin/remembrancer verify-audit": append("ops/receipts/deploy/my-svc-0.1.0.receipt", " "),
    "make verify": lambda root: (root / "dist/my-svc-0.1.0.tar.gz").write_bytes(b"other"),
    "ops/bin/check-decisions": unsealed_decision,
    "ops/bin/health-check": edited_receipt,
}


def test_every_rule_names_a_check_with_a_change_that_breaks_it() -> None:
    named = {command for _, command in every_check()}
    gates = {f"ops/bin/health-check --gates --only {gate}" for gate in GATE_CHANGES}
    assert named == CHANGES.keys() | gates


@pytest.mark.parametrize("command", CHANGES)
def test_a_change_makes_the_check_fail(released: Scratch, command: str, tmp_path: Path) -> None:
    failed(released, command, CHANGES[command], tmp_path)


def failed(released: Scratch, command: str, change: Callable[[Path], object], folder: Path) -> str:
    """Return what a command says that passes in the service and fails after a change to a copy of it."""
    before = run(released, command)
    assert before.returncode == 0, before.stdout + before.stderr
    shutil.copytree(released.root, folder / "copy", symlinks=True)
    change(folder / "copy")
    after = run(released, command, folder / "copy")
    assert after.returncode in (1, 2), after.stdout + after.stderr
    assert "Traceback" not in after.stdout + after.stderr
    return after.stdout + after.stderr


def test_seal_1_without_the_proof_nothing_is_relied_on(released: Scratch, tmp_path: Path) -> None:
    said = failed(released, "make verify", lost_tile, tmp_path)
    assert re.findall(r"(?m)^(\w+) +FAIL ", said) == ["inclusion", "trust"], said


@pytest.mark.system
def test_seal_4_a_limit_that_does_not_hold_fails_the_tests(service: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(service, copy, symlinks=True)
    limits = copy / "app/core/limits.py"
    for text, status in (("received > max_bytes", 0), ("received > 2 * max_bytes", 1)):
        limits.write_text(limits.read_text(encoding="utf-8").replace("received > max_bytes", text))
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/core/test_limits.py",
            "-k",
            "length",
        ]
        done = subprocess.run(
            command,
            cwd=copy,
            env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr


def test_seal_6_a_weak_source_of_randomness_fails_the_lint(released: Scratch, tmp_path: Path) -> None:
    said = failed(released, "make lint", weak_nonce, tmp_path)
    assert re.findall(r"(?m)^([A-Z]+[0-9]+) ", said) == ["S311"]


@pytest.mark.parametrize(
    ("said", "code"),
    [("Seal 0", 0), ("Seals 1, 2 and 7", 0), ("seals 6 and 8", 1), ("Seal", 1), ("sealed 3 times", 1)],
)
def test_which_seals_a_decision_may_name(tmp_path: Path, said: str, code: int) -> None:
    text = f"# ADR-001: X\n\n**Status**: Accepted\n**Context**: {said}.\n"
    (tmp_path / "ADR-001-x.md").write_text(text)
    (tmp_path / "ADR-002-y.md").write_text("# ADR-002: Y\n\n**Status**: Draft\n")
    done = subprocess.run([ROOT / "ops/bin/check-decisions", tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (code, code)
