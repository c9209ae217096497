"""What help and the hooks cost when there is nothing to do, against an interpreter that imports click."""

import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks._scratch import PROGRAM, commit, service
from benchmarks.measure import Row, alternate_cpu, run

FLOOR = [sys.executable, "-c", "import sys; import click; sys.exit(0)"]
COMMANDS = [["--help"], ["hook", "pre-commit"], ["hook", "commit-msg-format", "message"]]


def rows() -> list[Row]:
    """Measure processor time of whole processes, in turns."""
    found = []
    with tempfile.TemporaryDirectory(prefix="bench-start.") as folder:
        root = service(Path(folder))
        commit(root)
        (root / "message").write_text("[my-svc] chore: nothing\n")
        floor_run = partial(run, FLOOR, cwd=root)
        for arguments in COMMANDS:
            ours, floor = alternate_cpu(partial(run, [*PROGRAM, *arguments], cwd=root), floor_run, rounds=21)
            detail = f"{ours * 1000:.0f} ms / {floor * 1000:.0f} ms of processor time"
            what = f"`{' '.join(arguments)}`"
            found.append(Row(what, ours / floor, 1.3, "an interpreter importing click", detail=detail))
    return found
