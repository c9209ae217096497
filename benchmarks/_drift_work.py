"""Time the work of drift and `git status` in turns, in an interpreter that holds nothing else."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import alternate
from remembrancer.cli import main


def verdict() -> None:
    """Run one verdict in this interpreter; it has to end well."""
    with contextlib.redirect_stdout(io.StringIO()):
        status = main(["drift"])
    if status:
        raise RuntimeError(f"drift ended with {status}")


def status() -> None:
    """Let git compare the same work tree."""
    subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True)


if __name__ == "__main__":
    with contextlib.chdir(Path(sys.argv[1])):
        verdict()
        print(json.dumps(alternate(verdict, status, rounds=101)))
