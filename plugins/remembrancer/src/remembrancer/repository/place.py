"""Where the repository is."""

from pathlib import Path

from remembrancer.errors import BadInput
from remembrancer.paths import RECEIPTS


def find_root(start: Path) -> Path:
    """Return the nearest folder at or above `start` that has ops/receipts or .git; raises BadInput(input.root)."""
    for folder in [start, *start.parents]:
        if (folder / RECEIPTS).is_dir() or (folder / ".git").exists():
            return folder
    raise BadInput("input.root", f"{start} is not inside a repository (no ops/receipts or .git above it)")
