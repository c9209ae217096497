"""Copier, run for a copy of the recorded version in a folder aside."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from remembrancer.errors import EnvironmentTrouble
from remembrancer.standard.generations import Answers
from remembrancer.system import git as gitcall


def copy_aside(root: Path, answers: Answers, aside: Path, *, tasks: bool) -> None:
    """Let Copier copy the recorded version with the recorded answers into a new folder, with or without the hook.

    Raises EnvironmentTrouble(env.copier).
    """
    command = ["copy", "--trust" if tasks else "--skip-tasks", "--quiet", "--defaults", "--overwrite"]
    command += ["--vcs-ref", answers.version, "--answers-file", answers.path, "--data-file", str(root / answers.path)]
    run_copier([*command, "--", answers.source, str(aside)], root, f"copy {answers.source} at {answers.version}")


def run_copier(arguments: list[str], folder: Path, what: str) -> str:
    """Run Copier in a folder, outside of a hook's repository; return what it and the hook said on standard error.

    `what` is what the message says that it could not do. Raises EnvironmentTrouble(env.copier).
    """
    done = subprocess.run(
        [*copier_program(), *arguments],
        cwd=folder,
        env=gitcall.outside(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EnvironmentTrouble("env.copier", f"Copier could not {what}: {last}")
    return done.stderr


def copier_program() -> list[str]:
    """Return the command that runs Copier: this environment's own, or the one on PATH. Raises EnvironmentTrouble."""
    if find_spec("copier") is not None:
        return [sys.executable, "-P", "-m", "copier"]  # -P: not a copier.py of the folder that it is started in
    program = shutil.which("copier", path=os.environ.get("PATH"))
    if program is None:
        raise EnvironmentTrouble(
            "env.copier", "Copier was not found, and the recorded version has to be rendered once more"
        )
    return [program]
