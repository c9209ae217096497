"""The checks before a commit, with one receipt staged in a repository of 10,000, and of 100, against `git status`."""

import tempfile
from functools import partial
from pathlib import Path

from benchmarks._scratch import PROGRAM, commit, deploy, environment, git, lay, many, repository, sha256
from benchmarks.measure import Row, alternate, run
from remembrancer.note import SignerKey
from remembrancer.receipt import parse, relative_path
from remembrancer.repository import RECEIPTS

SMALL, LARGE = 100, 10_000
BUDGET = 250  # milliseconds
ROUNDS = 15


def _world(root: Path, size: int) -> Path:
    """Return a repository with a committed ledger of receipts, and one more that is staged."""
    folder = repository(root) / RECEIPTS
    entries = list(many(size))
    for data in entries:
        target = folder / relative_path(parse(data))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    lay(root, SignerKey.generate("dev.invalid/my-svc/bench"), entries)
    commit(root)
    more = deploy("my-svc", "1.0.0", sha256(b"one more"))
    (folder / relative_path(parse(more))).write_bytes(more)
    git(root, "add", "--all")
    return root


def rows() -> list[Row]:
    """Measure whole processes, in turns."""
    with tempfile.TemporaryDirectory(prefix="bench-hook.") as folder:
        env = environment(Path(folder))
        hook = [*PROGRAM, "hook", "pre-commit"]
        small, large = _world(Path(folder, "small"), SMALL), _world(Path(folder, "large"), LARGE)
        check = partial(run, hook, cwd=large, env=env)
        ours, status = alternate(check, partial(run, ["git", "status", "--porcelain"], cwd=large, env=env), ROUNDS)
        grown, floor = alternate(check, partial(run, hook, cwd=small, env=env), ROUNDS)
    what = f"`hook pre-commit`, {LARGE:,} receipts, one staged"
    detail = f"`git status` takes {status * 1000:.0f} ms"
    growth = f"{grown * 1000:.0f} ms / {floor * 1000:.0f} ms"
    return [
        Row(what, ours * 1000, BUDGET, "whole process", detail=detail, unit="ms"),
        Row(what, grown / floor, 1.1, f"the same with {SMALL} receipts", detail=growth),
    ]
