"""Tables and progress for people: plain aligned text, with colour and progress on a terminal only."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import click

from aurora.words import escaped

COLOURS: Mapping[str, str] = {
    "failed": "red",
    "unreachable": "red",
    "unverifiable": "yellow",
    "conflicting": "magenta",
    "drifted": "magenta",
    "behind": "cyan",
    "current": "green",
    "verified": "green",
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; on a terminal its last column is cut where the line would break, and words have their colour."""
    safe = [[escaped(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in safe) for column in range(len(head))]
    terminal = sys.stdout.isatty()
    room = shutil.get_terminal_size().columns - sum(widths[:-1]) - 2 * (len(head) - 1)
    for row in safe:
        *cells, last = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if terminal and room >= 20 and len(last.rstrip()) > room:
            last = f"{last[: room - 3]}..."
        print("  ".join([*(coloured(cell) for cell in cells), last]).rstrip())


def coloured(cell: str) -> str:
    """Return a cell in the colour of its word, on a terminal that may show colours."""
    colour = COLOURS.get(cell.strip())
    plain = colour is None or not sys.stdout.isatty() or os.environ.get("NO_COLOR")
    return cell if plain else click.style(cell, fg=colour)


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[object], None]]:
    """Show on stderr how far something has come, if that is a terminal; the value is called for each step."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr, show_pos=True) as bar:
        yield lambda _: bar.update(1)
