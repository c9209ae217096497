"""Twine, which nobody here wrote, over what would be uploaded: metadata that an index takes, a readme that renders.

It has an environment of its own beside the project's: its pins would hold back what the project itself uses.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collection import ROOT
from tool_environment import private_environment

pytestmark = pytest.mark.system

LOCK = Path(__file__).with_name("twine.lock")
PLUGINS = ("remembrancer", "aurora")


@pytest.fixture(scope="module")
def twine() -> Path:
    """Twine in a private environment beside pytest's cache, made once per lock file and Python."""
    return private_environment("twine", LOCK) / "bin/twine"


def built(plugin: Path, folder: Path) -> list[Path]:
    """Return the wheel and the source distribution of a plugin."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    done = subprocess.run(command, cwd=plugin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(folder.iterdir())


def check(twine: Path, files: list[Path]) -> subprocess.CompletedProcess[str]:
    """Let twine judge files; a warning is a failure."""
    command = [twine, "--no-color", "check", "--strict", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", PLUGINS)
def test_an_index_takes_what_is_built(twine: Path, tmp_path: Path, name: str) -> None:
    files = built(ROOT / "plugins" / name, tmp_path)
    assert {file.suffix for file in files} == {".whl", ".gz"}
    done = check(twine, files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_it_says_when_a_readme_does_not_render(twine: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    shutil.copytree(ROOT / "plugins/remembrancer", plugin, ignore=shutil.ignore_patterns("__pycache__"))
    (plugin / "README.md").unlink()
    (plugin / "README.rst").write_text("Title\n==\n\n.. nothing-of-this-name::\n")
    project = plugin / "pyproject.toml"
    project.write_text(project.read_text().replace('readme = "README.md"', 'readme = "README.rst"'))
    done = check(twine, built(plugin, tmp_path / "dist"))
    assert done.returncode == 1
    assert "FAILED" in done.stdout
