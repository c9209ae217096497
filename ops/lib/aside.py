"""A work tree beside this checkout, where something is carried out whole before the checkout takes it over.

What fails there, or is killed, leaves the checkout as it was: its branch moves once, by a fast-forward, at the end.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared import ROOT

import evidence
import sealing
import service
from service import EXIT_ENVIRONMENT, EXIT_USAGE, Trouble

CALLED = "ops/bin/remembrancer"
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}


@dataclass(frozen=True, slots=True)
class Aside:
    """The work tree; `trust` names the policy's owner to each command, `log_key` is the file of the private log key."""

    folder: Path
    trust: tuple[str, ...] = ()
    log_key: Path | None = None

    def run(self, *command: str, said: str, where: str = ".", **variables: str) -> str:
        """Run a program there, or in the folder `where` of it, and return what it prints.

        Raises:
            Trouble: it failed; the sentence is `said` and the program's own last words.
        """
        done = self._done(command, where, variables)
        if done.returncode:
            spoken = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
            raise Trouble(f"{said}\n  " + "\n  ".join(spoken[-12:]), done.returncode if done.returncode < 5 else 1)
        return done.stdout

    def _done(
        self, command: Sequence[str], where: str = ".", variables: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        place = str(self.folder / "plugins/remembrancer/src")
        env = {**os.environ, "PYTHONPATH": place, "PYTHONDONTWRITEBYTECODE": "1", **(variables or {})}
        if key := self.log_key or env.get("REMEMBRANCER_LOG_KEY_FILE"):
            env["REMEMBRANCER_LOG_KEY_FILE"] = str((ROOT / key).resolve())
        env["REMEMBRANCER_CALLED"] = CALLED
        return subprocess.run(command, cwd=self.folder / where, env=env, capture_output=True, text=True, check=False)

    def git(self, *arguments: str) -> str:
        """Run git there, with the user's own settings (identity, signing) and the repository's hooks."""
        return self.run("git", *arguments, said=f"git {arguments[0]} failed").strip()

    def remembrancer(self, *arguments: str) -> str:
        """Run the Remembrancer of that work tree, which is the one that is being released."""
        return self.run(*self._command(*arguments), said=f"remembrancer {' '.join(arguments[:2])} failed", **COMPILED)

    def witnessed(self, *arguments: str) -> bool:
        """Judge with a command of the Remembrancer; False where nothing but the policy's witnesses is missing.

        Raises:
            Trouble: something else is missing.
        """
        done = self._done(self._command(*arguments, "--format", "json"), ".", COMPILED)
        wrong = [one for one in evidence.parsed(done.stdout).get("findings", []) if one["outcome"] != "verified"]
        if wrong and all(one["code"] == sealing.UNWITNESSED for one in wrong):
            return False
        if done.returncode:
            self.remembrancer(*arguments)  # it says what, for people
        return True

    def _command(self, *arguments: str) -> list[str]:
        # it starts dozens of times: what is compiled lies beside the work tree, and is gone with it
        beside = f"pycache_prefix={self.folder.parent / 'compiled'}"
        return [sys.executable, "-P", "-X", beside, "-m", "remembrancer", *arguments, *self.trust]

    def commit(self, message: str, *paths: str) -> str:
        """Commit some paths and return the commit."""
        self.git("add", "--force", "--", *paths, ":(exclude)ops/receipts/.local")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")


def clean() -> str:
    """Return the branch that is checked out.

    Raises:
        Trouble: HEAD is detached, or something is not committed.
    """
    changed = service.git("status", "--porcelain", "-z").decode("utf-8", "replace").split("\0")[0]
    if changed:
        raise Trouble(f"{changed[3:]} is not committed; commit or remove it first", EXIT_USAGE)
    branch = service.git("rev-parse", "--abbrev-ref", "HEAD").decode().strip()
    if branch == "HEAD":
        raise Trouble("HEAD is detached; check out the branch that is to have the commits", EXIT_USAGE)
    return branch


@contextmanager
def beside() -> Iterator[Aside]:
    """Give a work tree of HEAD whose commits no branch has yet; it is gone at the end."""
    if not Path(sys.prefix, "bin", "python").exists() or sys.prefix == sys.base_prefix:
        raise Trouble("this runs in the checkout's own environment: make .venv/.ready", EXIT_ENVIRONMENT)
    scratch = Path(tempfile.mkdtemp(prefix="vaultmesh."))
    folder = scratch / "vaultmesh"
    try:
        service.git("worktree", "add", "--quiet", "--detach", str(folder), "HEAD")
        (folder / ".venv").symlink_to(sys.prefix)
        yield Aside(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        service.git("worktree", "prune")


def take(branch: str, commit: str) -> None:
    """Let the checked-out branch go on to a commit that follows it.

    Raises:
        Trouble: somebody moved the branch meanwhile.
    """
    done = subprocess.run(["git", "merge", "--ff-only", "--quiet", commit], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise Trouble(f"{branch} has moved meanwhile, so nothing was taken over; run it again", EXIT_ENVIRONMENT)


def asked(*arguments: str) -> dict[str, Any]:
    """Return what the Remembrancer of this checkout prints with --format json."""
    return evidence.remembrancer_json(*arguments)
