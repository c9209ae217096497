"""What nobody edited is as the new version renders it, whatever Copier took for the state before.

Copier merges from its own rendering of the old version. Where the tag was moved, the template's address or the answers
were changed by hand, that rendering is not what was recorded, and Copier takes the difference for the team's edits. The
recorded manifest is the true state before. Standard library only: this runs inside Copier's own environment.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import manifest
from provenance import git, git_bytes

if TYPE_CHECKING:
    from fresh import Fresh


def follow(root: Path, fresh: "Fresh", before: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """Put right each file that the merge left otherwise than its two sides say, and yield those that need a person.

    Args:
        root: the service, after Copier's work and before any commit.
        fresh: the new version's rendering.
        before: path to (digest, owner) as the version before was rendered.
    """
    for path, digest in fresh.files.items():
        found = manifest.sha256_file(root / path) if (root / path).is_file() else ""
        if found == digest:
            continue
        mine, committed = _committed(root, path)
        old = before.get(path, ("", ""))[0]
        if (committed and mine == old) or (not committed and not old):
            shutil.copy(fresh.folder() / path, _place(root / path))  # nobody had edited it
            git(root, "reset", "--quiet", "--", path)
        elif committed and old == digest and found != mine:
            _place(root / path).write_bytes(git_bytes(root, "show", f"HEAD:./{path}"))  # only the team had
            git(root, "reset", "--quiet", "--", path)
        elif committed and old:
            yield path


def _committed(root: Path, path: str) -> tuple[str, bool]:
    """Return the digest of a file in HEAD, and whether it is there."""
    data = git_bytes(root, "show", f"HEAD:./{path}")
    there = bool(data) or bool(git(root, "ls-tree", "--name-only", "HEAD", "--", path))
    return (hashlib.sha256(data).hexdigest() if there else ""), there


def _place(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
