"""The checkpoints that the commits which HEAD reaches hold, read from Git one at a time.

Whoever writes commits chooses what stands at the checkpoint's place in them: a folder, a link, gigabytes, the same
bytes in ten thousand commits. So nothing is held but the identity of each object, and nothing is left out unsaid.
"""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO

from remembrancer.errors import EnvironmentTrouble
from remembrancer.system import git as gitcall
from remembrancer.tlog.note import MAX_NOTE

# without simplification: a merge that took one side's file would hide everything behind the other side
_COMMITS = ("rev-list", "--full-history")
# with -m a merge is compared with each parent, and every difference has the merge's own file on its new side
_CHANGES = ("diff-tree", "--stdin", "-m", "-r", "-z", "--root", "--no-commit-id", "--no-renames", "--no-abbrev")
_RAW = re.compile(rb":[0-7]{6} ([0-7]{6}) [0-9a-f]{40,64} ([0-9a-f]{40}(?:[0-9a-f]{24})?) [A-Z][0-9]*")
_FILES = (b"100644", b"100755", b"120000")  # regular files, and a link, whose target is a blob as well
_LONGEST_FIELD = 1 << 16  # bytes


def checkpoints(root: Path, place: str, revisions: Sequence[str] = ("HEAD",)) -> Iterator[bytes | None]:
    """Yield each distinct file that stood at a place below `root` in those commits, the newest first.

    `revisions` are names or ids, and `^id` leaves out what that one reaches. None stands for a file that this clone
    does not have. What is too large for a note is none, and left out. Raises EnvironmentTrouble `env.git` when Git
    fails on the way: a comparison that was cut short must not look complete.
    """
    seen: set[bytes] = set()
    with _Objects(root) as objects:
        for name in _names(root, place, revisions):
            if (identity := bytes.fromhex(name.decode())) in seen:
                continue
            seen.add(identity)
            size = objects.size(name)
            if size is None:
                yield None
            elif size <= MAX_NOTE:
                yield objects.read(name)


def _names(root: Path, place: str, revisions: Sequence[str]) -> Iterator[bytes]:
    """Yield the object ids of the files, as often as they come to stand there."""
    with (
        _started(root, (*_COMMITS, *revisions, "--", place), None) as commits,
        _started(root, (*_CHANGES, "--no-ext-diff", "--relative", "--", place), commits.stdout) as changes,
    ):
        facts = b""
        for field in _fields(_pipe(changes.stdout)):
            if not facts:
                facts = field
                continue
            found = _RAW.fullmatch(facts)
            if found is None:
                raise _failed()
            if found[1] in _FILES and field == place.encode():
                yield found[2]
            facts = b""
        # in this order: the first one can only end when the second one has read everything
        if facts or changes.wait() or commits.wait():
            raise _failed()


def _fields(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(_LONGEST_FIELD):
        *whole, rest = (rest + block).split(b"\0")
        yield from whole
        rest = rest[:_LONGEST_FIELD]  # a path that long is not the place, and not worth its memory
    if rest:
        raise _failed()


class _Objects:
    """Two Git processes: one says how large an object is, and only then the other may send it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __enter__(self) -> "_Objects":
        self._sizes = _start(self._root, ("cat-file", "--batch-check"), subprocess.PIPE)
        try:
            self._contents = _start(self._root, ("cat-file", "--batch"), subprocess.PIPE)
        except BaseException:
            _end(self._sizes)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._sizes)
        _end(self._contents)

    @cached_property
    def _partial(self) -> bool:
        """Asked only once something is missing, which it hardly ever is."""
        return is_partial(self._root)

    def size(self, name: bytes) -> int | None:
        """Return an object's size, None when a partial clone does not have it; anywhere else that is damage."""
        head = self._asked(self._sizes, name)
        if head in ([], [name, b"missing"]) and self._partial:
            if not head:  # a Git that knows no GIT_NO_LAZY_FETCH gives up once it may not fetch
                _end(self._sizes)
                self._sizes = _start(self._root, ("cat-file", "--batch-check"), subprocess.PIPE)
            return None
        return _size(name, head)

    def read(self, name: bytes) -> bytes:
        """Return the bytes of an object that is here."""
        size = _size(name, self._asked(self._contents, name))
        data = _pipe(self._contents.stdout).read(size + 1)
        if len(data) != size + 1:
            raise _failed()
        return data[:-1]

    def _asked(self, process: "subprocess.Popen[bytes]", name: bytes) -> list[bytes]:
        try:
            _pipe(process.stdin).write(name + b"\n")
            _pipe(process.stdin).flush()
        except OSError:
            raise _failed() from None
        return _pipe(process.stdout).readline(_LONGEST_FIELD).split()


def _size(name: bytes, head: list[bytes]) -> int:
    if len(head) != 3 or head[:2] != [name, b"blob"] or not head[2].isdigit():
        raise _failed()
    return int(head[2])


def is_partial(root: Path) -> bool:
    """Say whether this clone left objects with the repository that it came from."""
    asked = ("config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$")
    with _started(root, asked, None) as process:
        return bool(_pipe(process.stdout).read(1))


def _start(root: Path, arguments: tuple[str, ...], source: "IO[bytes] | int | None") -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            gitcall.command(root, arguments),
            stdin=subprocess.DEVNULL if source is None else source,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=gitcall.environment(),
        )
    except OSError as error:
        raise EnvironmentTrouble("env.git", f"Git cannot be run: {error.strerror}") from None


@contextmanager
def _started(root: Path, arguments: tuple[str, ...], source: "IO[bytes] | None") -> "Iterator[subprocess.Popen[bytes]]":
    process = _start(root, arguments, source)
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process that may be in the middle of an answer nobody wants any more."""
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except OSError:  # what was still to be written has no reader
                continue
    process.wait()


def _pipe(stream: "IO[bytes] | None") -> IO[bytes]:
    assert stream is not None  # noqa: S101 - opened with pipes
    return stream


def _failed() -> EnvironmentTrouble:
    return EnvironmentTrouble("env.git", "Git could not read the checkpoints of earlier commits to the end")
