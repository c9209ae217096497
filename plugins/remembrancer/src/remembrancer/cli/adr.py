"""`adr`: decisions are drafted, decided and replaced, and what is decided is recorded."""

from pathlib import Path

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, say
from remembrancer.cli.record import NO_SEAL, finish
from remembrancer.cli.seal import sealed_data, sealed_lines

WHICH = click.argument("number", metavar="ADR")


@click.command(epilog='Example: remembrancer adr create "Use PostgreSQL for orders"')
@click.argument("title")
@click.option(
    "--context", metavar="TEXT", help="Why a decision is needed; a service names its seals here: Seals 0 and 2."
)
@click.option("--decision", metavar="TEXT", help="What was chosen.")
@click.option("--consequences", metavar="TEXT", help="What follows from it.")
@click.option("--verification", metavar="TEXT", help="How to check it, with a command in backticks.")
@click.option("--edit/--no-edit", default=None, help="Open the editor. Default: on a terminal.")
@command()
def create(
    session: Session,
    shown: Shown,
    *,
    title: str,
    context: str | None,
    decision: str | None,
    consequences: str | None,
    verification: str | None,
    edit: bool | None,
) -> int:
    """Write a draft with the next free number, and open the editor on a terminal."""
    import sys

    from remembrancer.adr import decide as decisions

    given = {
        "Context": context,
        "Decision": decision,
        "Consequences": consequences,
        "Verification": verification,
    }
    said = {name: value.strip() for name, value in given.items() if value and value.strip()}
    path = decisions.create(session.store, title, said, session.clock)
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and shown.format == "text"
    if edit or (edit is None and terminal):
        _edit(session.root / path)
    number = path.rpartition("/")[2].split("-")[1]
    lines = [f"wrote {path}", f"when it is decided: remembrancer adr accept {int(number)}"]
    data = {"file": path, "number": int(number), "status": "Draft"}
    return say(Report("adr create", data=data, notices=session.notices), shown.format, *lines)


def _edit(path: Path) -> None:
    from remembrancer.errors import EnvironmentTrouble

    try:
        click.edit(filename=str(path))
    except click.ClickException as error:
        remedy = "Set EDITOR, or edit the file yourself; it is written."
        raise EnvironmentTrouble("env.editor", f"{path.name} could not be edited: {error.message}", remedy) from None


@click.command("import", epilog="Example: remembrancer adr import docs/adr")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--strict", is_flag=True, help="Write nothing when anything cannot be placed, and exit with 2.")
@NO_SEAL
@command(trust=True)
def import_(session: Session, shown: Shown, *, folder: Path, strict: bool, no_seal: bool) -> int:
    """Bring in decisions of MADR or adr-tools form from DIR, with their dates and statuses.

    What the standard has no place for is named, line by line; everything else is in the records.
    """
    from remembrancer.adr.adopt import UNPLACED, adopt
    from remembrancer.record.finish import seal_after

    done = adopt(session.repository, folder, session.clock, strict=strict)
    unplaced = sum(len(one.unplaced) for one in done)
    refused = strict and unplaced > 0
    lines, items, left = [], [], []
    for one in done:
        if one.path:
            lines.append(f"{'imported' if one.new else 'already here'} {one.source} as {one.path} ({one.status})")
            items.append({"source": one.source, "file": one.path, "status": one.status, "imported": one.new})
        lines += [f"{one.source}: {note}" for note in one.notes]
        lines += [f"{one.source}: {what} [{UNPLACED}]" for what in one.unplaced]
        left += [{"source": one.source, "code": UNPLACED, "message": what} for what in one.unplaced]
    data: dict[str, object] = {"items": items, "unplaced": left}
    if refused:
        lines.append(f"nothing was imported: with --strict everything has to have its place [{UNPLACED}]")
    if any(one.receipt for one in done):
        sealed = seal_after(session, wait=no_seal)
        lines += sealed_lines(sealed)
        data.update(sealed_data(sealed))
    report = Report("adr import", data=data, notices=session.notices, plain_status=2 if refused else 0)
    return say(report, shown.format, *lines)


@click.command(epilog="Example: remembrancer adr accept 7")
@WHICH
@NO_SEAL
@command(trust=True)
def accept(session: Session, shown: Shown, *, number: str, no_seal: bool) -> int:
    """Record that a decision is taken. ADR is its number or its path."""
    return _decide(session, shown, number, "Accepted", no_seal=no_seal)


@click.command(epilog="Example: remembrancer adr reject 7")
@WHICH
@NO_SEAL
@command(trust=True)
def reject(session: Session, shown: Shown, *, number: str, no_seal: bool) -> int:
    """Record that a proposal is turned down. ADR is its number or its path."""
    return _decide(session, shown, number, "Rejected", no_seal=no_seal)


@click.command(epilog="Example: remembrancer adr supersede 3 --by 7")
@WHICH
@click.option("--by", "newer", required=True, metavar="ADR", help="The accepted decision that replaces it.")
@NO_SEAL
@command(trust=True)
def supersede(session: Session, shown: Shown, *, number: str, newer: str, no_seal: bool) -> int:
    """Record that an accepted decision is replaced by another one. ADR is a number or a path."""
    from remembrancer.adr import decide as decisions

    old, new = decisions.find(session.store, number), decisions.find(session.store, newer)
    done = decisions.supersede(session.store, old, new, session.clock)
    return finish(
        session, shown, "adr supersede", done.receipt, done.new, no_seal=no_seal, digest=done.digest, sign=False
    )


@click.command(epilog="Example: remembrancer adr renumber ops/receipts/adr/ADR-002-use-postgresql.md")
@click.argument("which", metavar="PATH")
@NO_SEAL
@command(trust=True)
def renumber(session: Session, shown: Shown, *, which: str, no_seal: bool) -> int:
    """Give a decision the next free number, when a merge brought two with the same one.

    A new receipt binds the text under its new number and names the former one; decisions that it supersedes get a
    receipt that names the new number. An interrupted run is taken up by the same command.
    """
    from remembrancer.adr.renumber import renumber as give_number
    from remembrancer.record.finish import seal_after

    done = give_number(session.store, which, session.clock)
    lines = [f"renumbered {done.former} as {done.path}" if done.new else f"already renumbered: {done.path}"]
    lines += [f"recorded {one.receipt.as_posix()}" for one in done.receipts]
    lines += [f"{path} mentions the former number in its text, which stays as it is" for path in done.mentions]
    receipts = [one.receipt.as_posix() for one in done.receipts]
    data: dict[str, object] = {"file": done.path, "former": done.former, "renumbered": done.new, "receipts": receipts}
    data["mentions"] = list(done.mentions)
    if receipts:
        sealed = seal_after(session, wait=no_seal)
        lines += sealed_lines(sealed)
        data.update(sealed_data(sealed))
    return say(Report("adr renumber", data=data, notices=session.notices), shown.format, *lines)


def _decide(session: Session, shown: Shown, number: str, status: str, *, no_seal: bool) -> int:
    from remembrancer.adr import decide as decisions

    record = decisions.find(session.store, number)
    done = decisions.decide(session.store, record, status, session.clock)
    name = "adr accept" if status == "Accepted" else "adr reject"
    return finish(session, shown, name, done.receipt, done.new, no_seal=no_seal, digest=done.digest, sign=False)
