"""What Copier itself renders aside during an update, noted while it is there, so that nothing is rendered once more.

An update renders the new version into an empty folder, runs the tasks there, and deletes it. This task notes each
file's digest for the hook that runs at the end, in a folder that only this user can enter, named after Copier's
process. Where there is no note (another Copier, `--skip-tasks`), the hook renders again. Standard library only.
"""

import hashlib
import json
import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import running


def _folder() -> Path:
    process = os.getppid()
    name = f"vaultmesh-update-{os.getuid()}-{process}-{running.started(process)}"
    return Path(tempfile.gettempdir()) / name


def _ours(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def note(rendered: Path, commit: str) -> None:
    """Note the digest of every file below a folder, and whether it may be run."""
    files = {}
    for path in rendered.rglob("*"):
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            files[path.relative_to(rendered).as_posix()] = [digest, bool(path.stat().st_mode & 0o100)]
    folder = _folder()
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if _ours(folder):
        (folder / "seen.json").write_text(json.dumps({"commit": commit, "files": files}), encoding="utf-8")


def noted(commit: str, answers: tuple[str, str]) -> dict[str, tuple[str, bool]]:
    """Return path to (digest, may be run) as noted for this commit and these answers (path, digest), and forget it.

    {} where there is no such note.
    """
    if not hasattr(os, "getuid"):
        return {}
    folder = _folder()
    try:
        if not _ours(folder):
            return {}
        said = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
        files = {str(path): (str(one[0]), bool(one[1])) for path, one in said["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return {}
    finally:
        with suppress(OSError):
            (folder / "seen.json").unlink()
        with suppress(OSError):
            folder.rmdir()
    return files if said["commit"] == commit and files.get(answers[0], ("",))[0] == answers[1] else {}


def main(arguments: list[str]) -> int:
    """Note what lies in the current folder; whatever goes wrong, the update goes on."""
    if len(arguments) == 1 and hasattr(os, "getuid"):
        with suppress(OSError):
            note(Path.cwd(), arguments[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
