"""Which mirrors a fleet has left behind: what it fetched once, and what its list does not have any more.

A mirror is removed if this fleet has fetched it and no other one that shares the cache has. Nothing is removed through
a link, and nothing outside the cache. What is removed gets another name first, so that a run that is killed leaves no
half of a repository where the next one looks for a whole one.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, time
from typing import NamedTuple

from aurora.fleet.listed import Fleet
from aurora.fleet.mirrors import MARKS, Mirrors, locked, mark
from remembrancer.errors import EnvironmentTrouble

_NAME = re.compile(r"[0-9a-f]{32}\.git", re.ASCII)
_GONE = re.compile(r"[0-9a-f]{32}\.gone", re.ASCII)
_WAIT = 5.0  # seconds for another run that holds a mirror
_OLD = 25 * 3600.0  # seconds; what was read of a commit counts for a day


class Left(NamedTuple):
    """A mirror of a service that is not listed any more: where it came from, whether it is gone, or why it is not."""

    url: str
    branch: str
    removed: bool = False
    code: str = ""
    message: str = ""


def left(cache: Path, fleet: Fleet, *, remove: bool) -> list[Left]:
    """Return what a fleet, whose whole list this is, has left behind in a cache, and remove it if that is asked for.

    A mirror that another fleet has too stays, and is not named. Raises EnvironmentTrouble(env.io).
    """
    mirrors = cache / "mirrors"
    try:
        if remove:
            _refuse_links(cache)
            _clear(cache)
        done = (_one(folder, fleet, remove=remove) for folder in _behind(mirrors, fleet))
        return sorted(one for one in done if one)
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot clean {cache}: {error.strerror or error}") from None


def _behind(mirrors: Path, fleet: Fleet) -> Iterator[Path]:
    """Yield the mirrors that this fleet has fetched and none of its services has."""
    with suppress(FileNotFoundError):
        kept = {Mirrors(mirrors.parent).folder(fleet, one).name for one in fleet.services}
        for name in sorted(path.name for path in mirrors.iterdir()):
            if _NAME.fullmatch(name) and name not in kept and mark(mirrors / name, fleet).is_file():
                yield mirrors / name


def _one(folder: Path, fleet: Fleet, *, remove: bool) -> Left | None:
    """Return what was done about one mirror, None for one that another fleet has and this one only lets go of."""
    found = _named(folder)
    if not remove:
        return None if _shared(folder) else found
    if folder.is_symlink() or (folder / MARKS).is_symlink():
        return found._replace(code="env.io", message=f"{folder} is or holds a link, and nothing is removed through one")
    try:
        with locked(folder, monotonic() + _WAIT, lambda: False):
            if _shared(folder):
                mark(folder, fleet).unlink(missing_ok=True)
                return None
            gone = folder.with_suffix(".gone")
            folder.replace(gone)
            shutil.rmtree(gone)
    except FileNotFoundError:
        return None  # another run was faster
    except EnvironmentTrouble as error:
        return found._replace(code=error.code, message=error.message)
    return found._replace(removed=True)


def _shared(folder: Path) -> bool:
    return sum(1 for _ in (folder / MARKS).iterdir()) > 1


def _named(folder: Path) -> Left:
    try:
        said = json.loads((folder / "fleet.json").read_bytes())
        return Left(str(said["url"]), str(said["branch"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Left(str(folder), "")


def _clear(cache: Path) -> None:
    """Remove what a killed run has begun to remove, and what was read of commits longer ago than it counts."""
    for path in (cache / "mirrors").glob("*.gone"):
        if _GONE.fullmatch(path.name) and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)  # perhaps another run is at it
    for path in (cache / "facts").glob("*.json"):
        with suppress(FileNotFoundError):
            if path.lstat().st_mtime < time() - _OLD:
                path.unlink()


def _refuse_links(cache: Path) -> None:
    for name in ("mirrors", "facts"):
        if (cache / name).is_symlink():
            raise EnvironmentTrouble("env.io", f"{cache / name} is a link, and nothing is removed through one")
