"""The SHA-256 of a file of any size, also beside other work (standard library only)."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from remembrancer.errors import BadInput, EnvironmentTrouble

_AT_ONCE = 1 << 20
_ABSENT = "Make it (make dist at the release's tag), or fetch it from where it was published."
_GIVEN = "Check the path, or fetch the file from where it was published."


class FileDigest:
    """A file's SHA-256, that of a large one computed in a thread while the caller does something else.

    A large file is mapped and hashed in one call, during which the interpreter's lock is free; so it goes on even while
    pysequoia, which keeps the lock, reads the same file to check a signature. Nothing is loaded into memory.

    Raises OSError at once when the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._hex = ""
        self._trouble: OSError | None = None
        self._file = path.open("rb")
        self._thread: threading.Thread | None = None
        if self._small():
            return
        self._thread = threading.Thread(target=self._run, name="file-digest", daemon=True)
        self._under_way = threading.Event()
        self._thread.start()
        # without this the thread might wait for the lock until the caller's long call gives it back
        self._under_way.wait()

    def hexdigest(self) -> str:
        """Wait for the end and return 64 hex digits; raises the OSError that reading met."""
        if self._thread is not None:
            self._thread.join()
        if self._trouble is not None:
            raise self._trouble
        return self._hex

    def _small(self) -> bool:
        """Hash a small file, or keep why it cannot be read, and return True; False for a large one."""
        try:
            head = self._file.read(_AT_ONCE)
        except OSError as error:
            self._trouble, head = error, b""
        if len(head) == _AT_ONCE:
            return False
        self._file.close()
        self._hex = hashlib.sha256(head).hexdigest()
        return True

    def _run(self) -> None:
        try:
            with self._file:
                self._hex = self._mapped()
        except OSError as error:
            self._trouble = error
        finally:
            self._under_way.set()

    def _mapped(self) -> str:
        """Return the digest of a file that has been found to be large, or not to be a regular file."""
        import mmap  # noqa: PLC0415 - only for a large file

        self._file.seek(0)
        try:
            view = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            return hashlib.file_digest(self._file, "sha256").hexdigest()
        with view:
            running = hashlib.sha256()
            self._under_way.set()
            running.update(view)
            return running.hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 (hex) of a file. Raises BadInput(input.file) when it is not a readable file."""
    with reading(path):
        _refuse_irregular(path)
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()


def read_given(path: Path, limit: int = 1 << 20) -> bytes:
    """Return the bytes of a small file that the user named, a link followed.

    Raises BadInput(input.file), also for more than `limit` bytes, and EnvironmentTrouble(env.io).
    """
    with reading(path, _GIVEN), path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise BadInput("input.file", f"{path} is larger than {limit} bytes")
    return data


def start_hashing(path: Path) -> FileDigest:
    """Begin to hash a file beside other work. Raises BadInput(input.file) when it is not a file, EnvironmentTrouble."""
    with reading(path):
        _refuse_irregular(path)
        return FileDigest(path)


def _refuse_irregular(path: Path) -> None:
    """Raise what `reading` turns into a sentence for anything but a regular file: a pipe would be waited for."""
    if path.is_dir():
        raise IsADirectoryError(path)
    if not path.is_file():
        raise FileNotFoundError(path)


def hexdigest(hashing: FileDigest, path: Path) -> str:
    """Wait for the SHA-256 (hex) of the file at `path`. Raises EnvironmentTrouble."""
    with reading(path):
        return hashing.hexdigest()


@contextmanager
def reading(path: Path, absent: str = _ABSENT) -> Iterator[None]:
    """Turn an OSError about a file that was given into BadInput(input.file) or EnvironmentTrouble(env.io).

    `absent` is what to do when it is not there.
    """
    try:
        yield
    except IsADirectoryError as error:
        raise BadInput("input.file", f"{path} is a folder", "Name the file itself.") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.exists():  # a device, a pipe
            raise BadInput("input.file", f"{path} is not a regular file", "Name the file itself.") from error
        raise BadInput("input.file", f"there is no file {path}", absent) from error
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot read {path}: {error.strerror}") from error
