"""Reading without following links, and writing so that a kill at any instruction leaves the old or the new state.

Every write goes to a temporary file in one folder, is synced, and is then renamed into place; the folder that it
was renamed into is synced last. Standard library only: the post-generation hook uses this.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from remembrancer.errors import EnvironmentTrouble, Refused, Rejected

_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_OWN = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_AT_ONCE = 128  # files open at a time
_SYNCING = 16  # threads; each one only waits


@contextmanager
def trouble(doing: str) -> Iterator[None]:
    """Turn an OSError inside the block into EnvironmentTrouble `env.io`; `doing` is what could not be done."""
    try:
        yield
    except OSError as error:
        raise _cannot(doing, error) from None


def _cannot(doing: str, error: OSError) -> EnvironmentTrouble:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return EnvironmentTrouble("env.io", f"cannot {doing}: {reason}")


def read_regular(path: Path | str, limit: int | None = None) -> bytes:
    """Return a regular file's bytes (at most `limit` + 1 of them); never follows a link or waits for a pipe.

    Raises FileNotFoundError when nothing is there, Rejected `input.file` when it is not a regular file,
    EnvironmentTrouble for any other trouble.
    """
    try:
        handle = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(str(path)) from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise _irregular(path) from None
        if error.errno == errno.ENAMETOOLONG:  # whoever chose the name knew that no file has it
            raise FileNotFoundError(str(path)) from None
        raise _cannot(f"read {path}", error) from None
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise _irregular(path)
        return _read(handle, facts.st_size if limit is None else min(facts.st_size, limit + 1))
    except OSError as error:
        raise _cannot(f"read {path}", error) from None
    finally:
        os.close(handle)


def _read(handle: int, size: int) -> bytes:
    data = os.read(handle, size)
    while len(data) < size and (more := os.read(handle, size - len(data))):
        data += more
    return data


def _irregular(path: Path | str) -> Rejected:
    return Rejected("input.file", f"{path} is not a regular file")


def open_own(path: Path, *, append: bool = False) -> int:
    """Open a file of the local folder for reading and writing, made when it is not there; return the descriptor.

    Raises Refused `input.file` when a link or anything else stands in its place: whoever put it there chose what would
    be written. Raises EnvironmentTrouble `env.io`.
    """
    try:
        handle = os.open(path, _OWN | (os.O_APPEND if append else 0), 0o644)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR):
            raise _no_file(path) from None
        raise _cannot(f"open {path}", error) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _no_file(path)
    return handle


def _no_file(path: Path) -> Refused:
    return Refused("input.file", f"{path} is a link or a folder where a file belongs")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all; see `appearing`."""
    with appearing(path, data):
        pass


@contextmanager
def appearing(path: Path, data: bytes) -> Iterator[None]:
    """Write a file under a name that nobody can know, and give it its own name once the block has ended well.

    Nothing is written through a link: one at `path` is replaced, and what it points at stays. Raises
    EnvironmentTrouble `env.io`; then, and when the block raises, no temporary file stays behind.
    """
    temporary = path.parent / f".new-{os.urandom(8).hex()}"
    try:
        with trouble(f"write {path}"):
            _write_all([(temporary, data)])
        yield
        with trouble(f"write {path}"):
            temporary.replace(path)
    except BaseException:
        discard([temporary])
        raise


def make_folder(root: Path, relative: str) -> Path:
    """Return the folder `root/relative` (forward slashes) after making it, synced; `root` must exist.

    Raises Refused `input.file` when a part of it is a link or a file: nothing is written outside the repository.
    """
    folder = root
    with trouble(f"make the folder {root / relative}"):
        for part in relative.split("/"):
            parent, folder = folder, folder / part
            try:
                folder.mkdir()
            except FileExistsError:
                if not stat.S_ISDIR(folder.lstat().st_mode):
                    raise Refused("input.file", f"{folder} is a link or a file where a folder belongs") from None
            else:
                sync_folder(parent)
    return folder


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(root: Path, files: Mapping[str, bytes], scratch: Path) -> None:
    """Write files below `root` (forward slashes to bytes): all are durable as temporaries before any gets its name.

    `scratch` is an existing folder on the same file system, which only the holder of the ledger's lock uses. Each
    file appears whole or not at all; an older one of the same name is replaced. When something fails, no new file
    stays behind, and EnvironmentTrouble says what failed; after a kill, any of the files may be there.
    """
    temporary = [(scratch / str(number), name) for number, name in enumerate(files)]
    placed: list[Path] = []
    try:
        with trouble(f"write below {root}"):
            for start in range(0, len(temporary), _AT_ONCE):
                _write_all([(path, files[name]) for path, name in temporary[start : start + _AT_ONCE]])
            names = {name.rpartition("/")[0] for name in files}
            folders = [make_folder(root, name) if name else root for name in sorted(names)]
            for path, name in temporary:
                target = root / name
                new = not os.path.lexists(target)
                os.replace(path, target)  # noqa: PTH105 - the hot path of a seal
                if new:
                    placed.append(target)
            for folder in folders:
                sync_folder(folder)
    except BaseException:
        discard([*(path for path, _ in temporary), *placed])
        raise


def discard(paths: Iterable[Path]) -> None:
    """Remove files that may or may not be there; what cannot be removed now is left for the next heal."""
    for path in paths:
        with suppress(OSError):
            path.unlink()


def _write_all(batch: Sequence[tuple[Path, bytes]]) -> None:
    """Write new files and sync them; many at a time, so that the file system can commit them together."""
    handles: list[int] = []
    try:
        for path, data in batch:
            with suppress(FileNotFoundError):
                path.unlink()
            handles.append(os.open(path, _WRITE, 0o644))
            view = memoryview(data)
            while view:
                view = view[os.write(handles[-1], view) :]
        if len(handles) == 1:
            os.fsync(handles[0])
        else:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most writes are of one file

            with ThreadPoolExecutor(_SYNCING) as pool:
                list(pool.map(os.fsync, handles))
    finally:
        for handle in handles:
            os.close(handle)
