"""Git's index as a hook sees it: what is about to change, and the bytes of any file in it."""

import os
import subprocess
from functools import cached_property
from typing import TYPE_CHECKING

from remembrancer.errors import EnvironmentTrouble, Rejected
from remembrancer.named import NamedTuple
from remembrancer.system.git import command, hook_environment, trouble, within

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSING = b"missing"
_RAW = ("diff", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", "--ignore-submodules=none")
IRREGULAR = ("120000", "160000")


class Change(NamedTuple):
    """One path that differs from HEAD: A, M, D or T, relative to the root, the old and new blob ids, the new mode."""

    status: str
    path: str
    old: str
    new: str
    mode: str


class Staged:
    """The index of the repository at a folder, and HEAD; use it as a context, which ends the process that reads."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._reader: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Staged":
        return self

    def __exit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.communicate()

    def changes(self, *paths: str, against: str = "") -> list[Change]:
        """Return what the index has otherwise than a commit (default: HEAD) below some paths, in the order of paths.

        Raises EnvironmentTrouble(env.git).
        """
        done = self.git(*_RAW, "--relative", *([against] if against else []), "--", *paths)
        fields = done.decode("utf-8", "surrogateescape").split("\0")
        found = []
        for facts, path in zip(fields[::2], fields[1::2], strict=False):
            _, mode, old, new, status = facts.split(" ")
            found.append(Change(status[0], path, old, new, mode))
        return found

    def names(self, *paths: str) -> list[str]:
        """Return the files of the index below some paths."""
        done = self.git("ls-files", "--cached", "-z", "--", *paths)
        return [name for name in done.decode("utf-8", "surrogateescape").split("\0") if name]

    @cached_property
    def merged(self) -> str:
        """The commit that is being merged, or ""."""
        # 1: nothing is being merged
        return self.git("rev-parse", "--verify", "--quiet", "MERGE_HEAD", absent=1).decode().strip()

    @property
    def merging(self) -> bool:
        """Whether a merge is being committed; a folder with an ordinary `.git` is asked without starting Git."""
        folder = os.environ.get("GIT_DIR") or os.path.join(self.root, ".git")  # noqa: PTH118 - paid by every commit
        if os.path.isdir(folder):  # noqa: PTH112
            return os.path.lexists(os.path.join(folder, "MERGE_HEAD"))  # noqa: PTH118
        return bool(self.merged)

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a blob id, of `:./path` in the index or of `COMMIT:./path`; None when there is none.

        Raises EnvironmentTrouble(env.git).
        """
        process = self._cat()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - opened with pipes
        try:
            process.stdin.write(name.encode("utf-8", "surrogateescape") + b"\n")
            process.stdin.flush()
            head = process.stdout.readline().split()
            if len(head) == 3 and head[1] == b"blob":
                return process.stdout.read(int(head[2]) + 1)[:-1]
        except (OSError, ValueError):
            head = []
        if head[-1:] != [MISSING]:
            raise EnvironmentTrouble("env.git", f"Git could not read {name[:100]!a}")
        return None

    def file(self, path: str) -> bytes | None:
        """Return the bytes of a file in the index, or None. Raises EnvironmentTrouble(env.git)."""
        return None if "\n" in path else self.read(f":./{path}")

    def added(self, change: Change) -> bytes:
        """Return the new bytes of a change. Raises Rejected(input.file) for a link or a submodule."""
        if change.mode in IRREGULAR:
            raise Rejected("input.file", f"{change.path} is not a regular file")
        data = self.read(change.new)
        if data is None:
            raise EnvironmentTrouble("env.git", f"Git has no blob {change.new}")
        return data

    def git(self, *arguments: str, absent: int = 0) -> bytes:
        """Run Git in the root and return what it prints. Raises EnvironmentTrouble(env.git).

        `absent` is the status by which it says that there is nothing of the kind.
        """
        try:
            done = subprocess.run(self._command(arguments), capture_output=True, check=False, env=hook_environment())
        except OSError as error:
            raise EnvironmentTrouble("env.git", f"Git cannot be run: {error.strerror}") from None
        if done.returncode not in {0, absent}:
            from pathlib import Path  # noqa: PLC0415 - only for a failure

            if not within(Path(self.root)):  # `git diff` speaks of its options there
                raise EnvironmentTrouble("env.git", f"{self.root} is not inside a Git repository")
            raise trouble(done)
        return done.stdout

    def _cat(self) -> "subprocess.Popen[bytes]":
        if self._reader is None:
            try:
                self._reader = subprocess.Popen(
                    self._command(("cat-file", "--batch")),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=hook_environment(),
                )
            except OSError as error:
                raise EnvironmentTrouble("env.git", f"Git cannot be run: {error.strerror}") from None
        return self._reader

    def _command(self, arguments: "Sequence[str]") -> list[str]:
        return command(self.root, arguments)
