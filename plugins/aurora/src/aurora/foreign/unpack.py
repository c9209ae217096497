"""What the Remembrancer reads of a commit, as files in a folder of our own: no checkout, no filter, no hook, no link.

Only receipts, trust and the few files that say something about the service are written. The files of the standard
stay in Git: `compared` gives their digests straight from the tree.
"""

import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from aurora.foreign.objects import FOLDER, LINK, MODULE, PROGRAM, Entry, Tree
from remembrancer.errors import EnvironmentTrouble, Unverifiable
from remembrancer.paths import RECEIPTS, TRUST
from remembrancer.standard.drift import IRREGULAR, Generation
from remembrancer.standard.generations import ANSWERS
from remembrancer.standard.on_disk import Files

FOLDERS = (RECEIPTS, TRUST)
SINGLE = tuple(ANSWERS.values())
MOST_BYTES = 512 << 20  # of one service's receipts
NOWHERE = "/dev/null/nowhere"


def unpack(tree: Tree, target: Path, single: Iterable[str] = SINGLE) -> None:
    """Write the folders of FOLDERS and the single files of a commit below `target`.

    A link becomes one that leads nowhere, so that it is refused as a link is and never followed. Raises as `Tree`,
    Unverifiable(fleet.oversized), EnvironmentTrouble(env.io).
    """
    left = MOST_BYTES
    try:
        for folder in FOLDERS:
            listed = list(tree.walk(folder))  # all of it first: of what is too much nothing is written
            _put_above(tree, target, folder)
            for path, found in listed:
                left -= _put(tree, target / path, found, left)
        for path in single:
            if (file := tree.entry(path)) is not None:
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                left -= _put(tree, target / path, file, left)
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot write below {target}: {error.strerror or error}") from None


def _put_above(tree: Tree, target: Path, folder: str) -> None:
    """Write the folder itself, with what stands above it."""
    found = tree.entry(folder)
    if found is not None:
        (target / folder).parent.mkdir(parents=True, exist_ok=True)
        if found.mode == FOLDER:
            (target / folder).mkdir(exist_ok=True)
        else:
            _put(tree, target / folder, found, MOST_BYTES)


def _put(tree: Tree, path: Path, found: Entry, left: int) -> int:
    """Write one entry of a tree, and return how many bytes it has."""
    if found.mode in (FOLDER, MODULE):
        os.mkdir(path)  # noqa: PTH102 - thousands of them
        return 0
    if found.mode == LINK:
        os.symlink(NOWHERE, path)  # noqa: PTH211 - as above
        return 0
    data = tree.objects.read(found.oid, "blob")
    if len(data) > left:
        raise Unverifiable("fleet.oversized", f"its receipts have more than {MOST_BYTES} bytes")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700 if found.mode == PROGRAM else 0o600)
    with os.fdopen(handle, "wb", buffering=0) as file:
        file.write(data)
    return len(data)


def compared(tree: Tree) -> Files:
    """Return the files of a commit as drift compares them. Raises as `Tree`."""

    def digests(generations: Sequence[Generation]) -> dict[str, str]:
        return {path: _digest(tree, path) for path in sorted({line.path for one in generations for line in one.lines})}

    def runnable(generations: Sequence[Generation]) -> set[str]:
        paths = {line.path for one in generations for line in one.lines}
        return {path for path in paths if (found := tree.entry(path)) is not None and found.mode == PROGRAM}

    return Files(digests, runnable)


def _digest(tree: Tree, path: str) -> str:
    found = tree.entry(path)
    if found is None:
        return IRREGULAR if tree.linked(path) else ""
    if not found.is_file:
        return IRREGULAR
    known = _digests()
    if found.oid not in known:
        if len(known) > 100_000:
            known.clear()
        known[found.oid] = tree.objects.sha256(found.oid)
    return known[found.oid]


@lru_cache(maxsize=1)
def _digests() -> dict[str, str]:
    """What this process has hashed: services of one template share most files, and Git names a file by its bytes."""
    return {}
