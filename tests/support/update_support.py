"""Services that were generated from some version of the history, and updates of them."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from copier import run_copy, run_update
from plumbum import local

from cli_support import Scratch, end_agents
from collection import IDENTITY, commit_all, git
from quick_copier import quick, quick_copier
from short_path import short_path
from update_history import URL, History

ANSWERS = {
    "fastapi-service": ".copier-answers.yml",
    "k8s": ".copier-answers.k8s.yml",
    "ci": ".copier-answers.ci.yml",
}
# where ops/bin/remembrancer finds an installed one, so that it does not make an environment
PROGRAMS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
MARKS = (b"<<<<<<< before updating", b">>>>>>> after updating")


@contextmanager
def surroundings(history: History) -> Iterator[None]:
    """Let this process and the programs it starts reach the history under its URL, and nothing else."""
    variables = {**IDENTITY, **quick(), **history.variables}
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        with local.env(**variables), warnings.catch_warnings(), quick_copier():
            warnings.simplefilter("error")
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def spawn(
    history: History, target: Path, layer: str, version: str, *, tasks: bool = True, commit: bool = True, **answers: Any
) -> Path:
    """Copy a version of a template as a user does, and commit it where it is not part of a repository already."""
    with surroundings(history):
        run_copy(
            URL,
            target,
            data={"layer": layer, "component": "my-svc", **answers},
            answers_file=ANSWERS[layer],
            vcs_ref=version,
            defaults=True,
            quiet=True,
            unsafe=True,
            overwrite=True,
            skip_tasks=not tasks,
        )
    if commit:
        if not (target / ".git").exists():
            git(target, "init", "--quiet", "--initial-branch", "main")
        commit_all(target, "[my-svc] feat: generate")
    return target


def update(history: History, service: Path, layer: str, version: str | None = None, **answers: Any) -> None:
    """Update a service in place, as `copier update --trust --defaults` does."""
    with surroundings(history):
        run_update(
            service,
            data=answers,
            answers_file=ANSWERS[layer],
            vcs_ref=version,
            defaults=True,
            quiet=True,
            unsafe=True,
            overwrite=True,
        )


def receipts(service: Path, kind: str) -> list[dict[str, Any]]:
    """Return the predicates of a kind's receipts, oldest first."""
    found = [json.loads(path.read_bytes()) for path in (service / "ops/receipts" / kind).rglob("*.receipt")]
    return sorted((one["predicate"] for one in found), key=lambda one: str(one["recordedAt"]))


def lines(service: Path, predicate: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the manifest that a receipt names, by path."""
    blob = (service / "ops/receipts/blobs" / predicate["manifest"]["sha256"]).read_bytes()
    return {line["path"]: line for line in map(json.loads, blob.splitlines())}


def changed(service: Path) -> list[str]:
    """Return what git sees as changed, outside the receipts."""
    status = git(service, "status", "--porcelain", "--untracked-files=all", "--no-renames").splitlines()
    return sorted(path for line in status if not (path := line.split(maxsplit=1)[1]).startswith("ops/receipts/"))


def contents(folder: Path) -> dict[str, bytes]:
    """Return path to bytes of every file outside git and the receipts."""
    found = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    named = {path.relative_to(folder).as_posix(): path for path in found}
    return {name: path.read_bytes() for name, path in named.items() if not name.startswith((".git/", "ops/receipts/"))}


def run(service: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a service as a user does."""
    return subprocess.run(
        command,
        cwd=service,
        env=os.environ | IDENTITY | quick() | {"PYTHON": sys.executable, "PATH": PROGRAMS} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def new_world(service: Path) -> Scratch:
    """Copy a service beside a home of its own, below a path that is short enough for gpg's sockets."""
    scratch = Scratch(Path(short_path("rm")))
    scratch.home.mkdir()
    shutil.copytree(service, scratch.root, symlinks=True)
    return scratch


def end_world(scratch: Scratch) -> None:
    """End what runs for a world, and remove it."""
    end_agents(scratch)
    scratch.remove()
