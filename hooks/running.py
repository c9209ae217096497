"""A mark that an update is under way here: a second one stops, and an interrupted one is known.

The mark is a file in ops/receipts/.local, which Git never has. It names the process of Copier itself, so a killed
update leaves a mark whose process is gone. Standard library only, for any Python that Copier itself runs on.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

FOLDER = Path("ops/receipts/.local")
NAME = "updating"


def begin(root: Path, version: str, commit: str) -> str:
    """Leave the mark of this update; return a sentence where another one is under way, else ""."""
    if os.name == "nt":
        return ""  # without flock and /proc two updates cannot be told apart
    import fcntl  # noqa: PLC0415  # absent on Windows

    folder = root / FOLDER
    if any((root / place).is_symlink() for place in (FOLDER, *FOLDER.parents[:-1])):
        return "ops/receipts is a link; receipts are written into the repository itself"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("*\n")
    mark = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    with os.fdopen(mark, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        mine = {"process": os.getppid(), "started": started(os.getppid()), "from": version, "commit": commit}
        other = _read(file.read())
        if other and other.get("process") != mine["process"] and alive(other):
            return f"another update is under way here (process {other['process']}); wait for its end"
        file.seek(0)
        file.truncate()
        file.write(json.dumps(mine, sort_keys=True) + "\n")
    return ""


def end(root: Path) -> None:
    """Take the mark away, because the update has ended."""
    with suppress(OSError):
        (root / FOLDER / NAME).unlink()


def alive(mark: "dict[str, object]") -> bool:
    """Tell whether the process that left a mark is still the same one, and running."""
    process = mark.get("process")
    if not isinstance(process, int) or process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return started(process) == mark.get("started")


def _read(text: str) -> "dict[str, object]":
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def started(process: int) -> str:
    """Return when a process began, as Linux counts, or "" elsewhere."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
