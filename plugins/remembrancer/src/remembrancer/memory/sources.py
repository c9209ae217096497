"""The files that documents are made of, as folders list them: enough to see that one changed, without reading any."""

import os
from pathlib import Path

from remembrancer.named import NamedTuple
from remembrancer.paths import RECEIPTS

ADR = "adr"
_OTHERS = ("ledger", "blobs", "archive", ".local")


class Source(NamedTuple):
    """A file: its path from the root, its size, and when it changed (nanoseconds)."""

    path: str
    size: int
    changed: int


def sources(root: Path) -> list[Source]:
    """Return every decision and receipt of the repository at `root`, by path."""
    found: list[Source] = []
    try:
        kinds = sorted(os.listdir(root / RECEIPTS))  # noqa: PTH208 - names are all that is needed
    except OSError:
        return found
    for kind in kinds:
        if kind not in _OTHERS:
            _list(f"{root}/{RECEIPTS}/{kind}", f"{RECEIPTS}/{kind}", found)
    found.sort()
    return found


def _list(folder: str, name: str, found: list[Source]) -> None:
    try:
        entries = os.scandir(folder)
    except OSError:
        return
    with entries:
        for entry in entries:
            if entry.name.endswith((".receipt", ".md")):
                if not entry.is_symlink():
                    facts = entry.stat(follow_symlinks=False)
                    found.append(Source(f"{name}/{entry.name}", facts.st_size, facts.st_mtime_ns))
            elif entry.is_dir(follow_symlinks=False):
                _list(entry.path, f"{name}/{entry.name}", found)
