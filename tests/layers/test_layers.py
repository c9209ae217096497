"""Three layers, one way: taking a later one away never breaks an earlier one."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collection import ROOT, commit_all, files, render

LATER = {"remembrancer", "aurora", "covenant"}


def imports(path: Path) -> set[str]:
    """Return the top-level names that a Python file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_no_generated_code_imports_a_later_layer(service: Path) -> None:
    checked = [service / path for path in files(service) if path.endswith(".py")]
    assert len(checked) > 10
    for path in checked:
        assert not imports(path) & LATER, path


def lint_imports(source: Path, config: str = "pyproject.toml") -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--config", config]
    places = [str(source / f"plugins/{name}/src") for name in ("remembrancer", "aurora")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    return subprocess.run(command, cwd=source, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def copy_of_the_plugin(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "plugins", tmp_path / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copy_of_the_plugin: Path) -> None:
    done = lint_imports(copy_of_the_plugin)
    assert done.returncode == 0, done.stdout


# module, what is written into it, and the step that the report names
BREACHES = [
    ("ledger", "import aurora", "remembrancer.ledger -> aurora"),
    (
        "verify/artifact",
        "from remembrancer.repository import reader",
        "remembrancer.verify.artifact -> remembrancer.repository.reader",
    ),
    (
        "audit/complete",
        "from remembrancer.record import seal",
        "remembrancer.audit.complete -> remembrancer.record.seal",
    ),
    ("tlog/merkle", "from remembrancer import verify", "remembrancer.tlog.merkle -> remembrancer.verify"),
    ("receipt", "import click", "remembrancer.receipt -> click"),
    ("repository/store", "import cryptography", "remembrancer.repository.store -> cryptography"),
    ("trust/policy", "import yaml", "remembrancer.trust.policy -> yaml"),
    ("audit/session", "def late() -> None:\n    import click", "remembrancer.audit.session -> click"),
    ("verify/evidence", "from remembrancer.verify import artifact", "- .evidence -> .artifact"),
    ("cli/record", "def late() -> None:\n    from remembrancer.cli import sign", "- .sign -> .record"),
]


def test_the_contracts_notice_each_breach(copy_of_the_plugin: Path) -> None:
    for module, line, _ in BREACHES:
        breach(copy_of_the_plugin, "remembrancer", module, line)
    done = lint_imports(copy_of_the_plugin)
    assert done.returncode != 0
    assert "BROKEN" in done.stdout
    assert [step for _, _, step in BREACHES if step not in done.stdout] == []


def breach(copy: Path, package: str, module: str, line: str) -> None:
    """Write a line at the end of a module."""
    path = copy / f"plugins/{package}/src/{package}/{module}.py"
    if not path.exists():
        path = path.with_suffix("") / "__init__.py"
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")


def test_a_module_in_no_room_is_refused(copy_of_the_plugin: Path) -> None:
    (copy_of_the_plugin / "plugins/remembrancer/src/remembrancer/attic.py").write_text('"""Stray."""\n')
    done = lint_imports(copy_of_the_plugin)
    assert done.returncode != 0
    assert "attic" in done.stdout


AURORA = "plugins/aurora/pyproject.toml"


def test_the_contracts_of_aurora_hold(copy_of_the_plugin: Path) -> None:
    done = lint_imports(copy_of_the_plugin, AURORA)
    assert done.returncode == 0, done.stdout


BREACHES_OF_AURORA = [
    ("aurora", "logs", "from remembrancer.cli import main", "aurora.logs -> remembrancer.cli.main"),
    (
        "aurora",
        "witness/state",
        "def late() -> None:\n    from remembrancer import record",
        "aurora.witness.state -> remembrancer.record",
    ),
    ("aurora", "witness/server", "import remembrancer.hooks", "aurora.witness.server -> remembrancer.hooks"),
    (
        "aurora",
        "witness/request",
        "from remembrancer.system import git",
        "aurora.witness.request -> remembrancer.system.git",
    ),
    ("aurora", "evidence", "import click", "aurora.evidence -> click"),
    ("aurora", "evidence", "from aurora.witness import state", "aurora.evidence -> aurora.witness.state"),
    ("remembrancer", "tlog/merkle", "import aurora", "remembrancer.tlog.merkle -> aurora"),
]


def test_the_contracts_of_aurora_notice_each_breach(copy_of_the_plugin: Path) -> None:
    for package, module, line, _ in BREACHES_OF_AURORA:
        breach(copy_of_the_plugin, package, module, line)
    done = lint_imports(copy_of_the_plugin, AURORA)
    assert done.returncode != 0
    assert "BROKEN" in done.stdout
    assert [step for *_, step in BREACHES_OF_AURORA if step not in done.stdout] == []


def test_removing_the_third_layer_breaks_nothing(collection: Path, tmp_path: Path) -> None:
    """With Aurora beside the plugin, and without it, the Remembrancer and the generator answer alike."""
    source = tmp_path / "source"
    shutil.copytree(collection, source, symlinks=True)

    def run(program: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(str(source / f"plugins/{name}/src") for name in ("remembrancer", "aurora"))
        env = os.environ | {"PYTHONPATH": path}
        # -I would forget the path as well; an installed copy must not stand in for the one that is gone
        words = [sys.executable, "-c", f"import {program} as m, sys; print(m.__file__)"]
        found = subprocess.run(words, cwd=source, env=env, capture_output=True, text=True, check=False).stdout
        if not found.startswith(str(source)):
            return subprocess.CompletedProcess(words, 1, "", f"{program} is not here")
        words = [sys.executable, "-m", program, "--help"]
        return subprocess.run(words, cwd=source, env=env, capture_output=True, text=True, check=False)

    def answers() -> tuple[str, set[str]]:
        commit_all(source, "[aurora] test: with or without")
        shown = run("remembrancer")
        assert shown.returncode == 0, shown.stderr
        return shown.stdout, files(render(source, tmp_path / "my-svc", component="my-svc"))

    before = answers()
    assert "witness" in run("aurora").stdout
    shutil.rmtree(source / "plugins/aurora")
    shutil.rmtree(tmp_path / "my-svc")
    assert answers() == before
    assert run("aurora").returncode != 0
