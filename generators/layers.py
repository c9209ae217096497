"""Put one layer into a repository that exists, without losing a byte of it.

Copier either replaces what is there (--overwrite) or stops half-way (without it). So the layer is rendered aside first,
compared, and only then written, and only where nothing of the team's would change.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from environment import clean_environment

RECEIPTS = "ops/receipts"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a layer would do to a repository; each list holds POSIX paths, sorted."""

    added: list[str]
    identical: list[str]
    clashing: list[str]
    ignored: list[str]

    def table(self) -> str:
        """Return the plan as text, one file a line, with what would happen to it."""
        rows = [("add", path) for path in self.added]
        rows += [("keep (identical)", path) for path in self.identical]
        rows += [("clash (yours differs)", path) for path in self.clashing]
        rows += [("clash (git ignores it)", path) for path in self.ignored]
        return "\n".join(f"  {what:<22} {path}" for what, path in sorted(rows, key=lambda row: row[1]))


def files(folder: Path) -> list[str]:
    """Return every file below a folder, POSIX and relative, without what git and the ledger keep."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return sorted(path for path in found if not path.startswith((".git/", "ops/receipts/")))


def compare(rendered: Path, target: Path) -> Plan:
    """Compare a rendered layer with a repository.

    A path clashes when the repository holds other bytes there, a link or a folder, or a file where a folder is needed,
    and when git would ignore the new file, because then a clone would lack it.
    """
    added, identical, clashing = [], [], []
    for path in files(rendered):
        mine, theirs = rendered / path, target / path
        blocked = any(parent.is_symlink() or parent.is_file() for parent in theirs.parents if parent != target)
        if blocked or theirs.is_symlink() or theirs.is_dir():
            clashing.append(path)
        elif not theirs.exists():
            added.append(path)
        elif theirs.read_bytes() == mine.read_bytes():
            identical.append(path)
        else:
            clashing.append(path)
    ignored = set(ignored_by_git(target, added))
    return Plan([path for path in added if path not in ignored], identical, clashing, sorted(ignored))


def ignored_by_git(target: Path, paths: list[str]) -> list[str]:
    """Return those of the paths that the repository's ignore rules would keep out of a commit."""
    command = ["git", "-C", str(target), "check-ignore", "--no-index", "-z", "--stdin"]
    asked = "".join(f"{path}\0" for path in paths).encode()
    found = subprocess.run(command, input=asked, env=clean_environment(), capture_output=True, check=False).stdout
    return [path for path in found.decode("utf-8", "surrogateescape").split("\0") if path]


def recorded(target: Path) -> set[str]:
    """Return every file below the folder of receipts, those that git ignores too."""
    found = (target / RECEIPTS).rglob("*")
    return {path.relative_to(target).as_posix() for path in found if path.is_file() or path.is_symlink()}


def remove(target: Path, paths: list[str]) -> None:
    """Remove files that a failed run had added, and the folders that became empty with them."""
    for path in paths:
        (target / path).unlink(missing_ok=True)
    folders = {parent for path in paths for parent in (target / path).parents if target in parent.parents}
    folders.update(path for path in (target / RECEIPTS).rglob("*") if path.is_dir() and not path.is_symlink())
    for folder in sorted(folders, reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
