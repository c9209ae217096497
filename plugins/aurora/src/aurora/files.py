"""Reading a file that somebody named or the package has, and writing one so that it appears whole or not at all."""

import json
import os
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
from typing import Any

from remembrancer.errors import BadInput, EnvironmentTrouble


def read_given(path: Path, limit: int, remedy: str = "") -> bytes:
    """Return the bytes of a file that somebody named; of a larger one `limit` + 1 bytes, so that the caller sees it.

    Raises BadInput(input.file) for none (with a remedy), EnvironmentTrouble(env.io).
    """
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise BadInput("input.file", f"there is no file {path}", remedy) from None
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot read {path}: {error.strerror or error}") from None


def packaged(schema: str) -> dict[str, Any]:
    """Return a JSON Schema of this package, by the name of its file."""
    found: dict[str, Any] = json.loads(files("aurora").joinpath(schema).read_text("utf-8"))
    return found


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
