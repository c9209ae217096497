"""What lies on disk in the place of a standard: each file's digest, and whether its owner may run it."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from remembrancer.errors import EnvironmentTrouble
from remembrancer.named import NamedTuple
from remembrancer.standard.drift import IRREGULAR, Generation
from remembrancer.system import git as gitcall

_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_BLOCK = 1 << 16


class Files(NamedTuple):
    """Where the files lie that are compared with a standard, each asked for all generations at once.

    `digests` gives what `on_disk` does and `runnable` what `runnable` does, of a work tree or of a commit.
    """

    digests: Callable[[Sequence[Generation]], Mapping[str, str]]
    runnable: Callable[[Sequence[Generation]], Collection[str] | None]


def work_tree(root: Path) -> Files:
    """Return the files of a repository as they lie on disk."""
    return Files(partial(on_disk, root), partial(runnable, root))


def on_disk(root: Path, generations: Sequence[Generation]) -> dict[str, str]:
    """Return path to SHA-256 hex of every file in a manifest: "" for nothing, "irregular" for anything but a file.

    A file below a linked folder counts as irregular: its bytes are another place's.
    """
    paths = {line.path for one in generations for line in one.lines}
    base = f"{root}/"
    folders = {parent for folder in {path.rpartition("/")[0] for path in paths} for parent in _parents(folder + "/")}
    linked = {folder for folder in folders if os.path.islink(base + folder)}  # noqa: PTH114 - hundreds of them
    return {
        path: IRREGULAR if linked and not linked.isdisjoint(_parents(path)) else digest(base + path) for path in paths
    }


def runnable(root: Path, generations: Sequence[Generation]) -> set[str] | None:
    """Return the paths of the manifests that their owner may run; None where Git is told that this means nothing."""
    lines = [line for one in generations for line in one.lines]
    found = {line.path for line in lines if _runs(f"{root}/{line.path}")}
    if found == {line.path for line in lines if line.executable}:
        return found
    asked = gitcall.run(root, ("config", "--type=bool", "--get", "core.fileMode"))
    return None if asked.stdout.strip() == b"false" else found


def _runs(path: str) -> bool:
    try:
        return bool(os.lstat(path).st_mode & stat.S_IXUSR)
    except OSError:
        return False


def _parents(path: str) -> Iterator[str]:
    at = path.find("/")
    while at != -1:
        yield path[:at]
        at = path.find("/", at + 1)


def digest(path: str) -> str:
    """Return the SHA-256 hex of a regular file, "" where there is nothing, "irregular" for anything else.

    Raises EnvironmentTrouble(env.io).
    """
    try:
        handle = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK, errno.ENXIO}:
            return IRREGULAR
        if error.errno == errno.ENAMETOOLONG:
            return ""
        raise EnvironmentTrouble("env.io", f"cannot read {path}: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return IRREGULAR
        # a regular file gives less than was asked for only at its end, so most need one read
        found = hashlib.sha256(data := os.read(handle, _BLOCK))
        while len(data) == _BLOCK:
            found.update(data := os.read(handle, _BLOCK))
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot read {path}: {error.strerror}") from error
    finally:
        os.close(handle)
    return found.hexdigest()
