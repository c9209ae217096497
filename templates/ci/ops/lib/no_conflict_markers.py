"""Refuse files that still hold the markers of an unfinished merge, and Copier's .rej files.

ops/bin/no-conflict-markers [FILE...]   these files, or every tracked one
ops/bin/no-conflict-markers --staged    what is about to be committed, as it is in the index
"""

import sys
from pathlib import Path

import service
from service import EXIT_FAILED, ROOT

OPEN, MIDDLE, CLOSE = b"<" * 7 + b" ", b"=" * 7, b">" * 7 + b" "


def marked_line(data: bytes) -> int:
    """Return the number of the first line of a complete conflict in `data`, or 0."""
    begun, middle = 0, False
    for number, line in enumerate(data.splitlines(), 1):
        if line.startswith(OPEN):
            begun, middle = number, False
        elif begun and line == MIDDLE:
            middle = True
        elif begun and middle and line.startswith(CLOSE):
            return begun
    return 0


def complain(sentence: str) -> int:
    """Print one finding; return 1, to be counted."""
    print(f"no-conflict-markers: {sentence}", file=sys.stderr)
    return 1


def staged() -> int:
    """Check what differs from HEAD in the index; return the number of findings."""
    listing = service.git("diff", "--cached", "--raw", "--no-renames", "--no-abbrev", "--relative", "-z", hook=True)
    parts = listing.decode("utf-8", "surrogateescape").split("\0")[:-1]
    wrong = 0
    for facts, name in zip(parts[::2], parts[1::2], strict=True):
        _, mode, _, blob, _ = facts.split(" ")
        if not mode.startswith("100"):
            continue
        if name.endswith(".rej"):
            wrong += complain(f"{name} is the rest of an update; merge it by hand and remove it")
        elif line := marked_line(service.git("cat-file", "blob", blob, hook=True)):
            wrong += complain(f"{name}:{line} holds a merge conflict; resolve it first")
    return wrong


def main(arguments: list[str]) -> int:
    """Check the files named, or every tracked file; return 0 or 1."""
    if arguments in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if arguments == ["--staged"]:
        return EXIT_FAILED if staged() else 0
    tracked = service.git("ls-files", "-z", hook=True).decode("utf-8", "surrogateescape").split("\0")
    names = arguments or list(filter(None, tracked))
    wrong = 0
    for name in names:
        path = Path(name) if arguments else ROOT / name
        if path.is_symlink() or not path.is_file():
            continue
        if name.endswith(".rej"):
            wrong += complain(f"{name} is the rest of an update; merge it by hand and remove it")
        elif line := marked_line(path.read_bytes()):
            wrong += complain(f"{name}:{line} holds a merge conflict; resolve it first")
    return EXIT_FAILED if wrong else 0


if __name__ == "__main__":
    service.run_main("ops/bin/no-conflict-markers", main)
