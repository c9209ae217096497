"""Where a copy of a log lies: most files are created once, and the checkpoint is replaced only as it was last seen."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple, Protocol

from aurora.files import sync, temporary, write_whole
from remembrancer.errors import EnvironmentTrouble
from remembrancer.ledger.files import MAX_FILE


class Held(NamedTuple):
    """A file's bytes, and the mark by which the place knows this version of it."""

    data: bytes
    mark: object


class Place(Protocol):
    """Files by path (forward slashes). Every write appears whole or not at all; all raise EnvironmentTrouble."""

    def read(self, path: str, most: int = MAX_FILE) -> Held | None:
        """Return a file, None when there is none; one of more than `most` bytes is trouble, or longer than that."""
        ...

    def create(self, path: str, data: bytes) -> bool:
        """Write a new file durably; False, and nothing is written, when there is one."""
        ...

    def replace(self, path: str, data: bytes, mark: object) -> bool:
        """Write over the version of a file that has this mark; False, and nothing written, when it is another one."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file that `probe` made."""
        ...


def probe(place: Place, name: str) -> None:
    """Try whether the place honours conditions; a store that overwrites all the same would let a mirror go backwards.

    Raises EnvironmentTrouble(mirror.conditions) when it does not, and what the place raises; `name` is for messages.
    """
    path = f".probe-{token_hex(8)}"
    try:
        honest = place.create(path, b"1") and not place.create(path, b"2")
        first = place.read(path)
        honest = honest and first is not None and first.data == b"1"
        if honest and first:
            honest = place.replace(path, b"3", first.mark) and not place.replace(path, b"4", first.mark)
            last = place.read(path)
            honest = honest and last is not None and last.data == b"3"
    finally:
        with suppress(EnvironmentTrouble):
            place.remove(path)
    if not honest:
        raise EnvironmentTrouble("mirror.conditions", f"{name} writes over a file although the condition does not hold")


class Folder:
    """A folder of a local file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, path: str, most: int = MAX_FILE) -> Held | None:
        """Return a file, of a larger one `most` + 1 bytes; its mark is its bytes."""
        try:
            with (self.folder / path).open("rb") as file:
                data = file.read(most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _trouble("read", self.folder / path, error) from None
        return Held(data, data)

    def create(self, path: str, data: bytes) -> bool:
        """Link a finished temporary file to its name, which fails when the name is taken."""
        target = self.folder / path
        try:
            made = temporary(target, data)
            try:
                os.link(made, target)
            except FileExistsError:
                return False
            finally:
                made.unlink()
            sync(target.parent)
        except OSError as error:
            raise _trouble("write", target, error) from None
        return True

    def replace(self, path: str, data: bytes, mark: object) -> bool:
        """Compare and rename under a lock that every mirror into this folder takes."""
        target = self.folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with (target.parent / ".lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                held = self.read(path)
                if (held.data if held else None) != mark:
                    return False
                write_whole(target, data)
        except OSError as error:
            raise _trouble("write", target, error) from None
        return True

    def remove(self, path: str) -> None:
        """Remove a file."""
        with suppress(OSError):
            (self.folder / path).unlink()


def _trouble(doing: str, path: Path, error: OSError) -> EnvironmentTrouble:
    return EnvironmentTrouble("env.io", f"cannot {doing} {path}: {error.strerror or error}")
