"""Versions along a branch: the order that they must have, those that no release has, and lines of older versions.

A line is MAJOR.MINOR; its fixes are released from the branch release/MAJOR.MINOR while newer versions come from the
published branch.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import NamedTuple

import service
from service import EXIT_USAGE, ROOT, Service, Trouble

BRANCH = re.compile(r"release/(\d+\.\d+)")
FAR = "500"  # commits that change the version; nobody looks for an older one


class Step(NamedTuple):
    """A commit that said which version this is."""

    commit: str
    version: str


def order(version: str) -> tuple[int, int, int, int, str, int]:
    """Return a key by which versions sort as SemVer orders them: a pre-release comes before its own release."""
    found = service.VERSION.fullmatch(version)
    if found is None:
        raise Trouble(f"{version[:40]!r} is not a version", EXIT_USAGE)
    final = 0 if found[4] else 1
    return int(found[1]), int(found[2]), int(found[3]), final, found[5] or "", int(found[6] or 0)


def steps(found: Service) -> Iterator[Step]:
    """Yield the versions of HEAD's own history, newest first, each at the oldest commit that had it without a break."""
    folder = found.folder.relative_to(ROOT).as_posix()
    project, plain = f"{folder}/pyproject.toml", f"{folder}/VERSION"
    listed = service.git("log", "--first-parent", "--format=%H", "-n", FAR, "HEAD", "--", project, plain).decode()
    last: Step | None = None
    for commit in listed.split():
        version = _at(commit, project, plain)
        if last is not None and version != last.version:
            yield last
        last = Step(commit, version) if version else None
    if last is not None:
        yield last


def _at(commit: str, project: str, plain: str) -> str:
    """The version that a commit states, or "" where it states none that can be read."""
    for path in (project, plain):
        try:
            text = service.git("cat-file", "blob", f"{commit}:{path.removeprefix('./')}").decode()
            value = text.strip() if path == plain else tomllib.loads(text).get("project", {}).get("version")
        except (Trouble, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError):
            continue
        if isinstance(value, str) and service.VERSION.fullmatch(value):
            return value
    return ""


def check(found: Service, version: str, line: str) -> None:
    """Refuse a version that goes back, or one of another line than the branch's.

    Args:
        found: the repository.
        version: the one to be released.
        line: the branch, where it is not the published one; "" there.

    Raises:
        Trouble: it does not belong here; the sentence says where it does.
    """
    mine = ".".join(version.split(".")[:2])
    if line:
        named = BRANCH.fullmatch(line)
        if named is None:
            raise Trouble(f"{line} releases nothing; fixes of {mine} are released from the branch release/{mine}")
        if named[1] != mine:
            raise Trouble(f"{version} is not of the line {named[1]}, which {line} releases; bump to {named[1]}.x")
        return
    higher = [one.version for one in steps(found) if order(one.version) > order(version)]
    if higher:
        raise Trouble(
            f"{version} is lower than {max(higher, key=order)}, which this branch had before; release a fix of {mine} "
            f"from the branch release/{mine}, or bump to a higher version"
        )


def left_out(found: Service, version: str, known: set[str]) -> list[Step]:
    """Return the versions between this one and the newest recorded one of this history that no release has."""
    missing: list[Step] = []
    for one in steps(found):
        if one.version in known:
            return missing
        if one.version != version:
            missing.append(one)
    return []  # none of this history is recorded, so recording began with this version
