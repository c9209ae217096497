"""`no-conflict-markers`: no half-merged file, and no .rej file that an update left, goes into a commit."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from remembrancer.findings import Finding
from remembrancer.hooks.refusal import refusal
from remembrancer.hooks.staged import Staged
from remembrancer.standard.conflicts import conflict_lines
from remembrancer.system.files import read_regular

CHECK = "no-conflict-markers"


def in_files(paths: Iterable[Path]) -> Iterator[Finding]:
    """Yield the refusals for files on disk; links and what is not there are passed over."""
    for path in paths:
        if path.is_file() and not path.is_symlink():
            yield from _of(str(path), read_regular(path))


def staged(root: str) -> Iterator[Finding]:
    """Yield the refusals for every file that is staged. Raises EnvironmentTrouble(env.git)."""
    with Staged(root) as index:
        for change in index.changes("."):
            if change.status != "D" and change.mode.startswith("100"):
                yield from _of(change.path, index.added(change))


def _of(name: str, data: bytes) -> Iterator[Finding]:
    if name.endswith(".rej"):
        remedy = "Merge it by hand, and remove it."
        yield refusal(CHECK, "commit.markers", name, "is the rest of an update that was not merged", remedy)
        return
    for line in conflict_lines(data):
        yield refusal(CHECK, "commit.markers", f"{name}:{line}", "holds a merge conflict")
        return
