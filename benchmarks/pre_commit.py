"""The check before a commit, in a repository of ten thousand receipts, with one of them new and with nothing to do."""

import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks._scratch import PROGRAM, commit, deploy, git, lay, many, repository, sha256
from benchmarks.measure import Row, alternate_cpu, run
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import parse, relative_path
from remembrancer.tlog.note import SignerKey

COUNT = 10_000
SMALL = 100
LIMIT = 250
CHECK = [*PROGRAM, "hook", "pre-commit"]
FLOOR = [sys.executable, "-c", "import click"]


def _filled(root: Path, count: int) -> Path:
    """Return a repository in which so many receipts and their ledger are committed."""
    repository(root)
    (root / RECEIPTS / "deploy").mkdir(parents=True)
    entries = list(many(count))
    for data in entries:
        (root / RECEIPTS / relative_path(parse(data))).write_bytes(data)
    lay(root, SignerKey.generate("dev.invalid/my-svc/bench"), entries)
    commit(root)
    return root


def rows() -> list[Row]:
    """Measure processor time of whole processes, Git's included, in turns."""
    with tempfile.TemporaryDirectory(prefix="bench-commit.") as folder:
        large, small = _filled(Path(folder, "large"), COUNT), _filled(Path(folder, "small"), SMALL)
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
            f"the same with {SMALL} receipts",
            detail=f"{ours * 1000:.0f} ms / {other * 1000:.0f} ms of processor time",
        ),
    ]
