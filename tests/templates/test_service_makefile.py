"""The service's Makefile on bare machines: what it finds, what it makes again, what it says is missing."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from collection import ROOT

TEMPLATE = ROOT / "templates" / "fastapi-service"
TARGETS = {"help", "dev", "observe", "test", "lint", "format", "build", "lock", "clean"}
TARGETS |= {"dist", "sbom", "release", "verify", "rollback"}
# A Python that notes what it was asked, and makes environments whose Python does the same.
PYTHON = """#!/bin/sh
echo "$0 $*" >>"$LOG"
case "$*" in
  "-m pip --version") exit 1 ;;
  --version) echo "Python 3.1$((1 - {too_old})).9" ;;
  "-c import ensurepip"*) exit {no_venv} ;;
  *"import pip"*) exit {old_pip} ;;
  "-m venv --without-pip "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
  *"-m pip "*install*) exit {no_index} ;;
esac
"""
CHECKS = r"^\S+ --version$|ensurepip|import pip|pip config| -I -B - "


class Machine:
    """A folder with the Makefile, and a PATH with little on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "service"
        self.programs = folder / "bin"
        self.log = folder / "log"
        self.folder.mkdir()
        self.programs.mkdir()
        for name in ("sh", "sed", "cmp", "cp", "rm", "mkdir", "touch", "env", "grep", "awk"):
            program = shutil.which(name)
            assert program is not None
            (self.programs / name).symlink_to(program)
        shutil.copy(TEMPLATE / "Makefile", self.folder)
        (self.folder / "requirements-dev.lock").write_text("one\n")
        (self.folder / "ops/lib").mkdir(parents=True)
        shutil.copy(ROOT / "templates/ci/ops/lib/python.sh", self.folder / "ops/lib")

    def has(self, name: str, too_old: int = 0, no_venv: int = 0, no_index: int = 0, old_pip: int = 0) -> Path:
        """Put a Python on the PATH."""
        path = self.programs / name
        path.write_text(PYTHON.format(too_old=too_old, no_venv=no_venv, no_index=no_index, old_pip=old_pip))
        path.chmod(0o755)
        return path

    def make(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run make with nothing but this machine's programs and an empty home."""
        make = shutil.which("make")
        assert make is not None
        return subprocess.run(
            [make, *arguments],
            cwd=self.folder,
            env={"PATH": str(self.programs), "HOME": str(self.folder.parent), "LOG": str(self.log), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def asked(self, checks: str = CHECKS) -> list[str]:
        """What the Pythons were asked since the last call, checks aside."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [line for line in lines if not re.search(checks, line)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_help_is_the_default_and_needs_nothing(machine: Machine) -> None:
    done = machine.make()
    assert done.returncode == 0
    assert done.stdout == machine.make("help").stdout
    assert {"dev", "test", "lint", "lock", "clean"} <= set(targets(done.stdout))


def targets(text: str) -> dict[str, str]:
    """Name and text of each target that a help shows."""
    return dict(re.findall(r"(?m)^  ([a-z-]+) +(\S.*)$", text))


def groups(text: str) -> list[str]:
    return re.findall(r"(?m)^[A-Z].*$", text)


def shown(folder: Path) -> str:
    return subprocess.run(["make", "help"], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_help_shows_every_target_of_a_service(service: Path) -> None:
    assert set(targets(shown(service))) >= TARGETS


def test_help_begins_with_what_is_done_every_day(service: Path) -> None:
    """In groups, and a group that two files fill is one."""
    text = shown(service)
    found = ["Every day", "Now and then", "Release", "One step of a release", "Image and cluster"]
    assert groups(text) == found
    assert list(targets(text))[:3] == ["dev", "test", "lint"]
    assert re.search(r"(?s)\nNow and then\n(?:  .*\n)*?  lock .*\n  hooks ", text)


def test_no_two_targets_have_one_text(service: Path) -> None:
    text = targets(shown(service))
    assert len(set(text.values())) == len(text)
    recipes = re.findall(r"(?m)^([a-z-]+):.*## .*\n((?:\t.*\n)+)", "".join(map(Path.read_text, makefiles(service))))
    assert len(recipes) > 20
    assert len({recipe for _, recipe in recipes}) == len(recipes)


def makefiles(service: Path) -> list[Path]:
    return [service / "Makefile", service / "ops/release.mk"]


def test_help_shows_a_teams_own_targets_last(machine: Machine) -> None:
    (machine.folder / "local.mk").write_text("report: ## count the lines\n\t@echo 3\n")
    text = machine.make("help").stdout
    assert text.endswith("\nYour own\n  report         count the lines\n")


def test_the_collections_own_help_has_groups_too() -> None:
    text = shown(ROOT)
    assert groups(text) == ["Every day", "Before a release", "A release (docs/RELEASE.md)", "Now and then"]
    assert list(targets(text))[:3] == ["test-fast", "test", "lint"]
    assert len({*targets(text).values()}) == len(targets(text))


def test_python_is_looked_for_in_one_place() -> None:
    """Every list of names to try is ops/lib/python.sh's."""
    places = ["*.sh", "*Makefile", "*.mk", "**/ops/bin/*", ".ci"]
    listed = subprocess.run(
        ["git", "grep", "-lE", r"python3\.1[1-4].*python3\.1[1-4]", "--", *places],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.stdout.split() == ["templates/ci/ops/lib/python.sh"]


def test_without_python_it_says_how_to_get_one(machine: Machine) -> None:
    done = machine.make("test")
    assert done.returncode == 2
    assert done.stderr.startswith("make: Python 3.11 or newer was not found; apt-get install python3")


def test_a_python_that_is_too_old_is_passed_over(machine: Machine) -> None:
    machine.has("python3", too_old=1)
    assert "was not found" in machine.make("test").stderr
    machine.has("python3.12")
    assert machine.make("test").returncode == 0
    assert "/bin/python3.12 -m venv --without-pip .venv" in machine.asked()[0]


def test_the_newest_python_is_taken_unless_another_is_named(machine: Machine) -> None:
    named = machine.has("mine")
    machine.has("python3.11")
    machine.has("python3.13")
    machine.make("test")
    assert "/bin/python3.13 -m venv --without-pip .venv" in machine.asked()[0]
    machine.make("clean")
    machine.make("test", PYTHON=str(named))
    assert "/bin/mine -m venv --without-pip .venv" in machine.asked()[0]


def test_a_named_python_that_does_not_fit_is_refused(machine: Machine) -> None:
    machine.has("python3.13")
    old = machine.has("old", too_old=1)
    done = machine.make("test", PYTHON=str(old))
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        f"make: {old} is not Python 3.11 or newer; set PYTHON to another one, or unset it.",
    )
    done = machine.make("test", PYTHON="/nowhere/python3")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "make: /nowhere/python3 was not found; set PYTHON to another one, or unset it.",
    )


def test_a_python_without_venv_is_named_with_the_package(machine: Machine) -> None:
    machine.has("python3.11", no_venv=1)
    done = machine.make("lint")
    assert done.returncode == 2
    assert done.stderr.startswith("make: python3.11 cannot make environments; apt-get install python3-venv")


def test_a_failed_installation_leaves_nothing_half_made(machine: Machine) -> None:
    machine.has("python3.11", no_index=1)
    done = machine.make("test")
    assert done.returncode == 2
    assert "the tools could not be installed" in done.stderr
    assert not (machine.folder / ".venv").exists()


def test_the_environment_is_made_again_only_when_the_lock_changes(machine: Machine) -> None:
    machine.has("python3.11")
    lock = machine.folder / "requirements-dev.lock"

    def made() -> bool:
        assert machine.make("test").returncode == 0
        return any("-m venv" in line for line in machine.asked())

    assert made()
    assert not made()
    os.utime(lock, (2_000_000_000, 2_000_000_000))  # a checkout touches files that it does not change
    assert not made()
    lock.write_text("two\n")
    os.utime(lock, (2_000_000_001, 2_000_000_001))
    assert made()
    assert not made()


def test_the_installation_asks_for_every_hash_and_names_no_index(machine: Machine) -> None:
    machine.has("python3.11")
    machine.make("lint")
    (install,) = [line for line in machine.asked() if "pip --python .venv/bin/python install" in line]
    assert "--require-hashes --no-compile -r requirements-dev.lock" in install
    assert "index" not in install


def test_without_a_pip_that_can_fill_another_environment_it_gets_its_own(machine: Machine) -> None:
    machine.has("python3.11", old_pip=1)
    assert machine.make("test").returncode == 0
    asked = machine.asked(r"^\S+ --version$| -I -B - ")
    assert any(line.endswith(".venv/bin/python -m ensurepip") for line in asked)
    assert any(".venv/bin/python -m pip install --quiet" in line for line in asked)


def test_another_pip_and_a_python_that_writes_no_bytecode_count(machine: Machine) -> None:
    machine.has("python3.11")
    newer = machine.has("newer")
    assert machine.make("test", INSTALLING_PYTHON=str(newer), PYTHONDONTWRITEBYTECODE="1").returncode == 0
    (install,) = [line for line in machine.asked() if " install " in line]
    assert install.startswith(f"{newer} -m pip --python .venv/bin/python install ")
    assert "--no-compile" not in install


def test_all_tests_come_with_their_coverage_and_some_without(machine: Machine) -> None:
    machine.has("python3.11")
    machine.make("test")
    assert [line.split(" -m ", 1)[1] for line in machine.asked()][-3:] == [
        "coverage run -m pytest",
        "coverage combine --quiet",
        "coverage report",
    ]
    machine.make("test", "ARGS=-k health")
    assert [line.split(" -m ", 1)[1] for line in machine.asked()] == ["pytest -k health"]


def test_a_whole_run_shares_the_cores_where_the_lock_and_the_team_let_it(machine: Machine) -> None:
    """A lock that is older than the Makefile lacks what that takes."""
    machine.has("python3.11")

    def run() -> str:
        machine.make("test")
        return machine.asked()[-3].split(" -m ", 1)[1]

    assert run() == "coverage run -m pytest"
    (machine.folder / "requirements-dev.lock").write_text("pytest==9\npytest-xdist==3 \\\n    --hash=sha256:0\n")
    assert run() == "coverage run -m pytest --dist worksteal --maxprocesses 4 -n auto"
    (machine.folder / "local.mk").write_text("PARALLEL =\n")
    assert run() == "coverage run -m pytest"


def test_locking_without_uv_says_how_to_get_it(machine: Machine) -> None:
    done = machine.make("lock")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "make: uv was not found; python3 -m pip install uv, or brew install uv.",
    )


def test_the_service_works_without_the_layer_of_releases(machine: Machine) -> None:
    assert not (machine.folder / "ops/release.mk").exists()
    assert machine.make("help").returncode == 0
