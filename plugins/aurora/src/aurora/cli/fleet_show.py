"""In which forms the status of a fleet is shown: a table, a document, a page, a database, a catalogue's entities."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click

from aurora.cli.table import table
from remembrancer.errors import counted

if TYPE_CHECKING:
    from aurora.fleet.row import Row, Status

HEAD = ("service", "state", "standard", "drift", "release", "ledger", "ends", "why")
_OPTIONS = (
    click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json", "backstage"]),
        default="text",
        help="A table, the document of `aurora fleet schema`, or entities for Backstage's catalog.",
    ),
    click.option(
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write what --format json or backstage gives to a file, whole or not at all.",
    ),
    click.option(
        "--html", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Also write a page, index.html."
    ),
    click.option(
        "--sqlite", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also write a database."
    ),
    click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever the status is, once everything is written."),
)


class Shown(TypedDict):
    """What the options of `shown_as` give to a command."""

    form: str
    output: Path | None
    html: Path | None
    sqlite: Path | None
    exit_zero: bool


def shown_as(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say how a status is shown."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check(given: Shown) -> None:
    """Refuse options that do not go together, before anything is read. Raises click.UsageError."""
    if given["output"] and given["form"] == "text":
        raise click.UsageError("--output needs --format json or backstage")


def show(found: "Status", given: Shown) -> int:
    """Write and print the status of a fleet as the options say, and return the exit status."""
    if given["html"]:
        from aurora.fleet import page

        page.write(found, given["html"])
    if given["sqlite"]:
        from aurora.fleet import database

        database.write(found, given["sqlite"])
    if given["form"] == "text":
        _table(found)
    else:
        text = _document(found, given["form"])
        if given["output"]:
            from aurora.files import write_whole

            write_whole(given["output"], text.encode())
        else:
            click.echo(text, nl=False)
    return 0 if given["exit_zero"] else found.exit_code


def _document(found: "Status", form: str) -> str:
    if form == "json":
        from aurora.fleet import results

        return results.data_of(found).decode()
    from aurora.fleet import catalog

    return catalog.documents(found)


def _table(found: "Status") -> None:
    from aurora.fleet.row import STATES

    states = Counter(row.state for row in found.rows)
    if found.rows:
        rows = sorted(found.rows, key=lambda row: (STATES.index(row.state), row.name))
        table(HEAD, [_cells(row) for row in rows])
    counts = ", ".join(f"{states[state]} {state}" for state in STATES if states[state])
    print(f"{counted(len(found.rows), 'service')}{': ' if counts else ''}{counts}")


def _cells(row: "Row") -> tuple[str, ...]:
    standards = dict.fromkeys(
        f"{one.version}{f' ({one.behind} behind)' if one.behind else ''}{'' if one.proven else ' (claimed)'}"
        for one in row.layers
    )
    released = f"{row.release.version}{'' if row.release.verdict == 'verified' else '!'}" if row.release else "-"
    why = f"{row.message} [{row.code}]" if row.code else ""
    return (
        row.name,
        row.state,
        ", ".join(standards) or "-",
        str(row.drifted) if any(one.proven for one in row.layers) else "-",
        released,
        row.ledger.newest_at[:10] if row.ledger else "-",
        ends.until[:10] if (ends := row.next_ending) else "-",
        why,
    )
