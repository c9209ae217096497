"""One lock per repository, and the local folder that belongs to its holder.

`ops/receipts/.local/` ignores itself through its own .gitignore, so it never enters a commit. Whoever holds the
lock owns everything in it: temporary files, the journal of a seal in progress, and the index cache.
Standard library only: the post-generation hook uses this.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from remembrancer.errors import EnvironmentTrouble
from remembrancer.paths import LOCAL
from remembrancer.system.files import make_folder, open_own, trouble

SCRATCH = "tmp"
WRITTEN = "written"  # the receipts that were recorded here since the last seal, one path a line
PATIENCE = 120.0  # seconds; a batch seal of hundreds of thousands of receipts stays below this


@contextmanager
def exclusive(root: Path, patience: float = PATIENCE) -> Iterator[Path]:
    """Hold the lock of the repository at `root`; give its local folder, whose `tmp` folder exists and is empty.

    Waits at most `patience` seconds, then raises EnvironmentTrouble `env.lock`. The system frees the lock when the
    process ends, however it ends. Raises EnvironmentTrouble `env.io` when the folder cannot be written, Refused
    `input.file` when a link stands in it.
    """
    local = make_folder(root, LOCAL)
    ignore = local / ".gitignore"
    if not ignore.is_file() or ignore.is_symlink():
        handle = open_own(ignore)
        with trouble(f"write {ignore}"), os.fdopen(handle, "wb") as file:
            file.write(b"*\n")
    handle = open_own(local / "lock")
    try:
        _wait(handle, local, patience)
        scratch = make_folder(local, SCRATCH)
        with os.scandir(scratch) as leftovers:
            for leftover in leftovers:
                with suppress(OSError):
                    os.unlink(leftover)  # noqa: PTH108 - a DirEntry
        yield local
    finally:
        os.close(handle)


def _wait(handle: int, local: Path, patience: float) -> None:
    import fcntl  # noqa: PLC0415 - absent on Windows, where nothing but recording reaches this line

    deadline = time.monotonic() + patience
    pause = 0.001
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            if time.monotonic() >= deadline:
                raise EnvironmentTrouble(
                    "env.lock", f"another process held the lock in {local} for {patience:g} seconds"
                ) from None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise EnvironmentTrouble("env.io", f"cannot lock {local}: {reason}") from None
        else:
            return
