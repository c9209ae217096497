"""`why`: what touched a file or a component, and how each of that stands."""

from pathlib import PurePath
from typing import TYPE_CHECKING

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, emit_json, say, table
from remembrancer.cli.terminal import put

if TYPE_CHECKING:
    from remembrancer.memory.why import Row


@click.command(epilog="Example: remembrancer why app/main.py --line 12")
@click.argument("path")
@click.option("--line", type=click.IntRange(1), metavar="N", help="Only what changed this line, and what joins that.")
@command(trust=True)
def why(session: Session, shown: Shown, path: str, line: int | None) -> int:
    """Tell which decisions, updates, waivers, versions and commits touched PATH (a file, or a component), newest first.

    Each row says how it stands: sealed, pending, unrecorded (nothing binds it), failed, or unproven (no pinned trust).
    Exits with 1 when nothing is found, or when something failed.
    """
    from remembrancer.errors import BadInput
    from remembrancer.memory.standing import Seals, State
    from remembrancer.memory.why import meant
    from remembrancer.memory.why import why as asked_why

    if not PurePath(path).parts:
        raise BadInput("input.file", "the path is empty; name a file or a component")
    asked = meant(session, path)
    if line and not asked.path:
        raise BadInput("input.file", f"{asked.component} is a component, and has no lines")
    seals = Seals(session)
    rows = asked_why(session, asked, line or 0, seals)
    failed = any(one.standing.state is State.FAILED for one in rows)
    data = {"items": [row_of(one) for one in rows]}
    status = 1 if failed or not rows else 0
    report = Report("why", asked.name, data=data, notices=session.notices, plain_status=status)
    if shown.format == "json":
        return emit_json(report)
    if not rows:
        put(f"nothing is recorded about {asked.name}")
        put("  Ask in words with `remembrancer query`, or look at `remembrancer timeline`.", "  ")
    else:
        columns = ("when", "what", "proof", "event", "because")
        table(columns, [[one.at[:10], one.kind, _proof(one), one.event, one.how] for one in rows])
        if shown.verbose:
            for one in rows:
                put(f"{one.where}: {one.standing.message} [{one.standing.code}]")
        elif failed:
            for one in rows:
                if one.standing.state is State.FAILED:
                    put(f"{one.where}: {one.standing.message} [{one.standing.code}]")
    if seals.trouble is not None:
        session.notice(f"nothing could be proven: {seals.trouble.message} [{seals.trouble.code}]")
    return say(report._replace(notices=session.notices), "text")


def _proof(one: "Row") -> str:
    return "git only" if one.kind == "commit" else str(one.standing.state)


def row_of(one: "Row") -> dict[str, object]:
    """Return a row for programs."""
    standing = one.standing
    return {
        "at": one.at,
        "kind": one.kind,
        "event": one.event,
        "because": one.how,
        "where": one.where,
        "proof": {
            "state": str(standing.state),
            "code": standing.code,
            "message": standing.message,
            "receipt": standing.receipt,
            "leaf": standing.leaf,
        },
    }
