"""What Git says about one file: the commits that changed it or one line of it, and which of them a version carries.

Nothing here is proven: a commit is what somebody wrote. Messages are read from the objects themselves, because no
separator is safe in what Git prints of them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from remembrancer.clock import rfc3339
from remembrancer.errors import BadInput
from remembrancer.named import NamedTuple
from remembrancer.repository.reader import Repository
from remembrancer.system import git as gitcall

MOST = 200  # commits that are told of one file, the newest
TOGETHER = 50  # files of a commit that still says that they belong together
_READS = ("--no-ext-diff", "--no-textconv", "--no-show-signature")
_COMMITTER = re.compile(rb"^committer .* (-?[0-9]+) [+-][0-9]{4}$", re.MULTILINE)
_AUTHOR = re.compile(rb"^author (.*?) <", re.MULTILINE)
_ID = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Commit(NamedTuple):
    """One commit: its id, when it was committed (RFC 3339), by whom it is, its message, and the files it changed."""

    id: str
    at: str
    author: str
    message: str
    files: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]


def commits(repository: Repository, path: str, line: int = 0) -> list[Commit]:
    """Return the newest commits of HEAD's history that changed a file (through renames), or with `line` that line.

    Raises BadInput(input.file) for a line that the file has not, EnvironmentTrouble(env.git).
    """
    if not repository.head():
        return []
    which = (f"-L{line},{line}:{path}", "-s") if line else ("--follow",)
    done = repository.git(
        "--literal-pathspecs",
        "log",
        f"-n{MOST}",
        "--format=%H",
        *_READS,
        *which,
        "HEAD",
        *(() if line else ("--", path)),
    )
    if done.returncode:
        if line:
            raise BadInput("input.file", f"there is no line {line} of {path} in HEAD", "Give a line that is committed.")
        raise gitcall.trouble(done)
    ids = [one for one in done.stdout.decode().split() if _ID.fullmatch(one)]
    names = dict(_changed(repository, ids))
    return [_read(one, data, names.get(one, ())) for one, data in _objects(repository, ids)]


def _objects(repository: Repository, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    done = repository.git("cat-file", "--batch", data="".join(f"{one}\n" for one in ids).encode())
    if done.returncode:
        raise gitcall.trouble(done)
    rest = done.stdout
    for one in ids:
        head, _, rest = rest.partition(b"\n")
        size = int(head.split()[-1])
        yield one, rest[:size]
        rest = rest[size + 1 :]


def _changed(repository: Repository, ids: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each commit's files; a merge has none of its own."""
    given = "".join(f"{one}\n" for one in ids).encode()
    options = ("--stdin", "--root", "-r", "-z", "--name-only", "--no-renames", "--relative", "--no-ext-diff")
    done = repository.git("diff-tree", *options, data=given)
    if done.returncode:
        raise gitcall.trouble(done)
    known, current, files = set(ids), "", list[str]()
    for part in done.stdout.decode("utf-8", "replace").split("\0"):
        if part in known:
            yield current, tuple(files)
            current, files = part, []
        elif part:
            files.append(part)
    yield current, tuple(files)


def _read(name: str, data: bytes, files: tuple[str, ...]) -> Commit:
    head, _, message = data.partition(b"\n\n")
    when, who = _COMMITTER.search(head), _AUTHOR.search(head)
    at = _instant(int(when[1])) if when else ""
    return Commit(name, at, who[1].decode("utf-8", "replace") if who else "", message.decode("utf-8", "replace"), files)


def _instant(seconds: int) -> str:
    try:
        return rfc3339(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return ""


def carried(repository: Repository, wanted: Sequence[str], versions: Sequence[str]) -> Mapping[str, list[str]]:
    """Return which of the wanted commits each version (its commit; oldest first) is the first to carry.

    A version whose commit is not here carries nothing that could be said. Raises EnvironmentTrouble(env.git).
    """
    here = [one for one in dict.fromkeys(versions) if _ID.fullmatch(one)]
    if not here or not wanted:
        return {}
    asked = "".join(f"{one}\n" for one in here).encode()
    kinds = repository.git("cat-file", "--batch-check=%(objectname) %(objecttype)", data=asked)
    there = {words[0] for one in kinds.stdout.decode().splitlines() if (words := one.split())[1:] == ["commit"]}
    here = [one for one in here if one in there]
    if not here:
        return {}
    done = repository.git("rev-list", "--parents", "--stdin", data="".join(f"{one}\n" for one in here).encode())
    if done.returncode:
        raise gitcall.trouble(done)
    parents = {words[0]: words[1:] for one in done.stdout.decode().splitlines() if (words := one.split())}
    seen: set[str] = set()
    meant = set(wanted)
    found: dict[str, list[str]] = {}
    for version in here:
        waiting = [version]
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            if one in meant:
                found.setdefault(version, []).append(one)
            waiting += parents.get(one, [])
    return found
