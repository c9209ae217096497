"""The mark that an update leaves while it runs (hooks/running.py of the template): who reads it, and who removes it."""

import json
import os
from contextlib import suppress
from pathlib import Path

from remembrancer.errors import Refused
from remembrancer.paths import LOCAL
from remembrancer.system import git as gitcall

MARK = f"{LOCAL}/updating"


def interrupted(root: Path) -> str:
    """Return the version that an update began from and broke off, or "" where none did, or it is still running."""
    try:
        said = json.loads((root / MARK).read_bytes())
        process, version = int(said["process"]), str(said["from"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return version
    except OSError:
        return ""
    return "" if _started(process) == said.get("started") else version


def refuse_interrupted(root: Path) -> None:
    """Raise Refused(receipt.interrupted) where an update broke off and its files are still here; else forget it."""
    version = interrupted(root)
    if not version:
        return
    left = gitcall.run(root, ("status", "--porcelain", "--untracked-files=all", "--", ".")).stdout
    if not left.strip():
        forget(root)
        return
    count = len(left.splitlines())
    raise Refused("receipt.interrupted", f"an update from {version} broke off and left {count} changed files behind")


def forget(root: Path) -> None:
    """Take the mark of an update that has ended away."""
    if interrupted(root):
        with suppress(OSError):
            (root / MARK).unlink()


def _started(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
