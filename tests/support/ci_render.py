"""Renders with pipelines, and small helpers to run what is in them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from click.testing import Result

from collection import IDENTITY, ROOT, commit_all, git

STAGES = ["test", "scan", "build", "sign", "timestamp", "record"]
CI = ROOT / "templates" / "ci"
GITHUB = ".github/workflows/ci.yml"
GITLAB = ".gitlab-ci.yml"


def tool(name: str) -> str:
    """Return the program that the development environment brings."""
    path = Path(sys.executable).with_name(name)
    assert path.is_file(), f"{name} is not in the development environment; make a new one from requirements-dev.lock"
    return str(path)


def lint(command: Sequence[str | Path], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a linter of the development environment."""
    words = [tool(str(command[0])), *map(str, command[1:])]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)


def by_schema(schema: str, *paths: Path) -> "Result":
    """Ask check-jsonschema about files, without a start of its own; its result has `exit_code` and `output`."""
    from check_jsonschema import main as check_jsonschema
    from click.testing import CliRunner

    return CliRunner().invoke(check_jsonschema, ["--builtin-schema", schema, *map(str, paths)])


def load(path: Path) -> dict[Any, Any]:
    """Parse a YAML file whose top is a mapping."""
    value = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    assert isinstance(value, dict)
    return value


def repository(folder: Path, message: str = "[my-svc] feat: begin") -> Path:
    """Make a folder a git repository with one commit."""
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "config", "commit.gpgsign", "false")
    commit_all(folder, message)
    return folder


def environment(tmp: Path, path: Path | None = None, /, **variables: str) -> dict[str, str]:
    """Return an environment with its own HOME and without what this machine or its pipeline says."""
    kept = {name: os.environ[name] for name in ("LANG", "SSL_CERT_FILE", "TERM") if name in os.environ}
    home = tmp / "home"
    home.mkdir(exist_ok=True)
    search = os.environ["PATH"] if path is None else f"{path}{os.pathsep}{os.environ['PATH']}"
    return kept | IDENTITY | {"HOME": str(home), "PATH": search, "PYTHON": sys.executable} | variables


def call(
    command: Sequence[str | Path], cwd: Path, env: dict[str, str], **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program, or a line of shell as the pipelines run it, and return what happened."""
    words = (
        ["bash", "-e", "-o", "pipefail", "-c", command] if isinstance(command, str) else [str(part) for part in command]
    )
    return subprocess.run(
        words, cwd=cwd, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options
    )


def program(folder: Path, name: str, text: str) -> Path:
    """Write an executable file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path
