"""Writing a file so that it appears whole or not at all, whatever ends the process."""

import os
from pathlib import Path
from secrets import token_hex

from remembrancer.errors import EnvironmentTrouble


def temporary(target: Path, data: bytes) -> Path:
    """Return a new file beside `target`, with these bytes on the disk; its folder is made. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.parent / f".new-{token_hex(8)}"
    try:
        with made.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return made


def sync(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(target: Path, data: bytes) -> None:
    """Write a file, over an older one of its name. Raises EnvironmentTrouble(env.io)."""
    try:
        made = temporary(target, data)
        try:
            made.replace(target)
        except OSError:
            made.unlink(missing_ok=True)
            raise
        sync(target.parent)
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot write {target}: {error.strerror or error}") from None
