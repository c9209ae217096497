"""A snapshot of this collection as a git repository of its own, and renders of it."""

import os
import shutil
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

from copier import run_copy

from once import Shared
from quick_copier import quick, quick_copier

ROOT = Path(__file__).resolve().parents[2]
VERSION = str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
TAG = f"v{VERSION}"
# what the workers of a run share; the fixture `shared` sets it
SHARED: Shared | None = None
IDENTITY = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it prints, stripped."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=os.environ | IDENTITY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def snapshot(target: Path) -> Path:
    """Copy what git tracks or would track here, as it is in the work tree, into a new repository with one tag.

    Tests and benchmarks stay out: no template reads them, and Copier would clone them three times in each update.
    """
    target.mkdir(parents=True)
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if name.startswith(("tests/", "benchmarks/")):
            continue
        source = ROOT / name
        if not source.exists() and not source.is_symlink():
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target / name, follow_symlinks=False)
    git(target, "init", "--quiet", "--initial-branch", "main")
    git(target, "config", "commit.gpgsign", "false")
    # it is cloned over a hundred times, and each time Git would look for differences and compress them
    git(target, "config", "core.compression", "0")
    git(target, "config", "pack.window", "0")
    commit_all(target, "[spawn] test: snapshot")
    git(target, "repack", "-adq")
    git(target, "tag", TAG)
    return target


def commit_all(folder: Path, message: str) -> str:
    """Commit everything in a folder; return the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def render(source: Path, target: Path, *, tasks: bool = False, **answers: Any) -> Path:
    """Render the collection at HEAD with the given answers and defaults for the rest; return the target.

    Into a new folder and without tasks the same answers give the same files, so Copier is asked once for all workers.
    """
    if tasks or target.exists() or SHARED is None or not _clean(source):
        return _render(source, target, tasks, answers)
    name = target.name if "component" not in answers else "my-svc"
    key = (str(source), git(source, "rev-parse", "HEAD"), name, answers)
    made = SHARED.made(lambda folder: _render(source, folder / name, tasks, answers), *key)
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copytree(made / name, target, symlinks=True))


def _clean(source: Path) -> bool:
    return (source / ".git").exists() and not git(source, "status", "--porcelain")


def _render(source: Path, target: Path, tasks: bool, answers: dict[str, Any]) -> Path:
    with warnings.catch_warnings(), quick_copier():
        warnings.simplefilter("error")
        run_copy(
            str(source),
            target,
            data=answers,
            defaults=True,
            quiet=True,
            unsafe=True,
            overwrite=True,
            skip_tasks=not tasks,
            vcs_ref="HEAD",
        )
    return target


def files(folder: Path) -> set[str]:
    """Return every file below a folder without git's own, POSIX and relative."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if not path.startswith(".git/")}


def copier(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Copier's command line as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "copier", *arguments],
        cwd=cwd,
        env=os.environ | IDENTITY | quick() | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
