"""Text that fits: nothing wider than the terminal, and no control character from a file or an argument reaches it."""

import sys
from typing import TextIO

from remembrancer.cli.lazy import called

REPORT_SCHEMA = "https://vaultmesh.cloud/schema/report/v1"
_OURSELVES = "remembrancer"


def escaped(text: str) -> str:
    """Return text on one line in which control characters cannot reach the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def fitted(line: str, indent: str = "  ", stream: TextIO | None = None) -> list[str]:
    """Return a printable line in pieces that fit the terminal, the later ones indented; in one piece elsewhere."""
    line = escaped(line)
    if (name := called()) != _OURSELVES:
        import re

        line = re.sub(rf"(?<![\w./-]){_OURSELVES} (?=[a-z])", lambda _: f"{name} ", line)
    if not (stream or sys.stdout).isatty():
        return [line]
    import shutil
    import textwrap

    width = max(30, shutil.get_terminal_size().columns)
    return textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False) or [""]


def put(line: str, indent: str = "  ", stream: TextIO | None = None) -> None:
    """Print a line to a stream (default: stdout) so that it fits."""
    for part in fitted(line, indent, stream):
        print(part, file=stream)
