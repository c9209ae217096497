"""The objects of a bare mirror, and the tree of one commit, read without a checkout.

One `git cat-file --batch` answers for everything. It works in a repository of our own that only borrows the mirror's
objects, so no setting of the mirror counts and nothing that a partial clone lacks is fetched. Whoever pushes to a
repository chooses what its trees hold: what is read is bounded, and a name that no file could have is refused.
"""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple

from aurora import git
from remembrancer.errors import EnvironmentTrouble, Rejected, Unverifiable

MAX_OBJECT = 64 << 20  # bytes that are held at once
MAX_TREE = 8 << 20  # bytes of one folder's listing, about 200,000 names
MOST_ENTRIES = 200_000  # of all folders that are listed
DEEPEST = 64  # folders above a file
FILE, PROGRAM, LINK, FOLDER, MODULE = b"100644", b"100755", b"120000", b"40000", b"160000"
_FILES = frozenset({FILE, PROGRAM, b"100664"})
_OID = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BLOCK = 1 << 18
_READING = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null/none",
}


class Entry(NamedTuple):
    """What a tree has under a name: Git's mode, and the object's id."""

    mode: bytes
    oid: str

    @property
    def is_file(self) -> bool:
        """Say whether it is a regular file."""
        return self.mode in _FILES


def borrow(folder: Path, mirror: Path, commit: str, branch: str = "") -> None:
    """Make a Git directory at `folder` (new) with the objects of a mirror; with a branch, it is as after a clone of it.

    Raises OSError.
    """
    (folder / "objects/info").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "objects/info/alternates").write_text(f"{mirror.absolute() / 'objects'}\n", "utf-8")
    (folder / "config").write_text(settings(len(commit)), "utf-8")
    (folder / "HEAD").write_text("ref: refs/heads/none\n", "utf-8")
    if branch:
        show(folder, commit, branch)


def show(folder: Path, commit: str, branch: str) -> None:
    """Let a Git directory that `borrow` made be as after a clone of a branch. Raises OSError."""
    (folder / "HEAD").write_text(f"ref: refs/heads/{branch}\n", "utf-8")
    lines = "".join(f"{commit} refs/{kind}/{branch}\n" for kind in ("heads", "remotes/origin"))
    (folder / "packed-refs").write_text(f"# pack-refs with: sorted \n{lines}", "utf-8")


def settings(digits: int) -> str:
    """Return the configuration of a Git directory whose objects have names of so many hexadecimal digits (40 or 64)."""
    if digits == 40:
        return "[core]\n\trepositoryformatversion = 0\n"
    return "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"


class Objects:
    """A mirror's objects by their ids; use it as a context."""

    def __init__(self, borrowed: Path) -> None:
        """Take a Git directory that `borrow` made. Nothing is started before something is read."""
        self._folder = borrowed
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Objects":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, oid: str, kind: str, limit: int = MAX_OBJECT) -> bytes:
        """Return an object's bytes.

        Raises Unverifiable(fleet.oversized) for one that is larger or was never fetched, Rejected(fleet.tree) for one
        of another kind, EnvironmentTrouble(env.git).
        """
        size = self._ask(oid, kind)
        if size > limit:
            self._end()  # cheaper than to take what nobody wants
            raise Unverifiable("fleet.oversized", f"the {kind} {oid} has {size} bytes")
        return self._take(size + 1)[:-1]

    def sha256(self, oid: str) -> str:
        """Return the SHA-256 (hex) of a file's bytes, of any size. Raises as `read`."""
        left, digest = self._ask(oid, "blob"), hashlib.sha256()
        while left:
            block = self._take(min(left, _BLOCK))
            digest.update(block)
            left -= len(block)
        self._take(1)
        return digest.hexdigest()

    def _ask(self, oid: str, kind: str) -> int:
        """Return the size of an object, whose bytes and a line break come next."""
        pipe = self._started()
        assert pipe.stdin  # noqa: S101 - both are pipes
        try:
            pipe.stdin.write(f"{oid}\n".encode())
            pipe.stdin.flush()
        except OSError:
            raise self._ended() from None
        said = self._out.readline(200).split()
        if len(said) == 2 and said[1] == b"missing":
            raise Unverifiable("fleet.oversized", f"the {kind} {oid} was not fetched, perhaps because of its size")
        if len(said) != 3:
            raise self._ended()
        if said[1] != kind.encode():
            self._end()
            raise Rejected("fleet.tree", f"the object {oid} is not a {kind}")
        return int(said[2])

    def _take(self, size: int) -> bytes:
        data = self._out.read(size)
        if len(data) != size:
            raise self._ended()
        return data

    @property
    def _out(self) -> IO[bytes]:
        out = self._started().stdout
        assert out  # noqa: S101 - it is a pipe
        return out

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            words = ["git", "--git-dir", str(self._folder), "cat-file", "--batch"]
            pipe = subprocess.PIPE
            self._process = git.start(words, _READING, stderr=subprocess.DEVNULL, stdin=pipe, stdout=pipe)
        return self._process

    def _ended(self) -> EnvironmentTrouble:
        self._end()
        return EnvironmentTrouble("env.git", "Git ended while it read the mirror; sync the fleet again")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            git.end(process)
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # what was not yet written to it is nobody's loss
                    assert pipe  # noqa: S101 - both are pipes
                    pipe.close()
            process.wait()


class Tree:
    """The files of one commit. A folder is read when something in it is asked for, once."""

    def __init__(self, objects: Objects, commit: str) -> None:
        """Take a commit by its id (hex). Raises as `Objects.read`, Rejected(fleet.tree)."""
        self.objects, self.commit = objects, commit
        self._folders: dict[str, dict[str, Entry]] = {}
        self._trees: dict[str, dict[str, Entry]] = {}  # by their ids: one tree may be in many places
        self._listed = 0

    @cached_property
    def _said(self) -> dict[str, str]:
        text = self.objects.read(self.commit, "commit", 1 << 20).partition(b"\n\n")[0].decode("utf-8", "replace")
        return dict(line.partition(" ")[::2] for line in reversed(text.split("\n")))

    @cached_property
    def seconds(self) -> int:
        """When the commit says that it was made, in seconds since 1970; 0 where it says nothing that makes sense."""
        words = self._said.get("committer", "").rsplit(" ", 2)
        known = len(words) == 3 and words[1].isascii() and words[1].isdigit() and len(words[1]) < 12
        return int(words[1]) if known else 0

    def entry(self, path: str) -> Entry | None:
        """Return what is at a path (forward slashes): None for nothing, also where a link is in the way of it."""
        folder, _, name = path.rpartition("/")
        return self.folder(folder).get(name)

    def linked(self, path: str) -> bool:
        """Say whether a folder on the way to a path is a link, or another repository."""
        parts = path.split("/")
        above = ("/".join(parts[:upto]) for upto in range(1, len(parts)))
        return any((found := self.entry(one)) is not None and found.mode in (LINK, MODULE) for one in above)

    def read(self, path: str, limit: int) -> bytes | None:
        """Return the bytes of a regular file of at most `limit` bytes, None where there is none. Raises as `entry`."""
        found = self.entry(path)
        return self.objects.read(found.oid, "blob", limit) if found and found.is_file else None

    def walk(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """Yield every file, link and module below a folder with its path, folders before what they hold.

        Raises Unverifiable(fleet.oversized) where they are too many or too deep.
        """
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            if place.count("/") > DEEPEST:
                raise Unverifiable("fleet.oversized", f"folders lie more than {DEEPEST} deep inside each other")
            for name, found in self.folder(place).items():
                path = f"{place}/{name}" if place else name
                if found.mode == FOLDER:
                    waiting.append(path)
                yield path, found

    def folder(self, path: str) -> dict[str, Entry]:
        """Return what a folder holds, nothing where there is no folder."""
        known = self._folders.get(path)
        if known is None:
            known = self._folders[path] = self._list(path)
        return known

    def _list(self, path: str) -> dict[str, Entry]:
        if path:
            found = self.entry(path)
            if found is None or found.mode != FOLDER:
                return {}
            oid = found.oid
        else:
            oid = self._said.get("tree", "")
            if not _OID.fullmatch(oid):
                raise Rejected("fleet.tree", f"the commit {self.commit} has no tree")
        entries = self._trees.get(oid)
        if entries is None:
            data = self.objects.read(oid, "tree", MAX_TREE)
            entries = self._trees[oid] = _entries(data, len(self.commit) // 2, path)
        self._listed += len(entries)
        if self._listed > MOST_ENTRIES:
            raise Unverifiable("fleet.oversized", f"the commit has more than {MOST_ENTRIES} files where it is read")
        return entries


def _entries(data: bytes, width: int, path: str) -> dict[str, Entry]:
    """Return the entries of a tree object by name. Raises Rejected(fleet.tree)."""
    entries: dict[str, Entry] = {}
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 8)
        end = data.find(b"\0", space)
        if space < 0 or end < 0 or end + width >= len(data) + 1:
            raise Rejected("fleet.tree", "a folder is not what Git writes")
        raw = data[space + 1 : end]
        name = raw.decode("utf-8", "surrogateescape")
        if not raw or len(raw) > 255 or name in (".", "..") or name.lower() == ".git" or "/" in name or name in entries:
            raise Rejected("fleet.tree", f"the folder {path or '/'} has a name that no file could have, or one twice")
        entries[name] = Entry(data[at:space], data[end + 1 : end + 1 + width].hex())
        at = end + 1 + width
    return entries
