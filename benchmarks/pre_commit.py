"""The check before a commit, in a repository of ten thousand receipts, with one of them new and with nothing to do."""

import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks._scratch import commit, deploy, git, many, repository, sha256
from benchmarks.measure import Row, alternate_cpu, run
from remembrancer.receipt import parse, relative_path
from remembrancer.store import RECEIPTS

COUNT = 10_000
LIMIT = 250
CHECK = [sys.executable, "-c", "import sys; from remembrancer.cli import main; sys.exit(main())", "hook", "pre-commit"]
FLOOR = [sys.executable, "-c", "import click"]


def _filled(root: Path, count: int) -> Path:
    """Return a repository in which so many receipts are committed."""
    repository(root)
    (root / RECEIPTS / "deploy").mkdir(parents=True)
    for data in many(count):
        (root / RECEIPTS / relative_path(parse(data))).write_bytes(data)
    commit(root)
    return root


def rows() -> list[Row]:
    """Measure processor time of whole processes, Git's included, in turns."""
    with tempfile.TemporaryDirectory(prefix="bench-commit.") as folder:
        large, small = _filled(Path(folder, "large"), COUNT), _filled(Path(folder, "small"), 10)
        check = [partial(run, CHECK, cwd=root) for root in (large, small)]
        idle, floor = alternate_cpu(check[0], partial(run, FLOOR, cwd=large), rounds=21)
        for root in (large, small):
            data = deploy("new-svc", "1.0.0", sha256("new"))
            (root / RECEIPTS / relative_path(parse(data))).write_bytes(data)
            git(root, "add", "--all")
        ours, other = alternate_cpu(*check, rounds=21)
        _, status = alternate_cpu(check[0], partial(run, ["git", "status", "--porcelain"], cwd=large), rounds=5)
    return [
        Row(
            "hook with nothing to do",
            idle / floor,
            1.3,
            "an interpreter importing click",
            detail=f"{idle * 1000:.0f} ms / {floor * 1000:.0f} ms of processor time",
        ),
        Row(
            f"hook, {COUNT:,} receipts, one new",
            ours * 1000,
            LIMIT,
            f"`git status`: {status * 1000:.0f} ms",
            detail="processor time",
            unit="ms",
        ),
        Row(
            f"hook, {COUNT:,} receipts, one new",
            ours / other,
            1.25,
            "the same with 10 receipts",
            detail=f"{ours * 1000:.0f} ms / {other * 1000:.0f} ms of processor time",
        ),
    ]
