"""`list`: what is recorded, newest first. Nothing here is a verdict."""

from collections.abc import Callable
from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, emit_json, say, table
from remembrancer.cli.times import time_option

if TYPE_CHECKING:
    from remembrancer.memory.events import Wanted

Function = Callable[..., Any]
PLACED = ("deploy", "rollout", "rollback")


def dates(function: Function) -> Function:
    """Add --since and --until to a command."""
    until = time_option("--until", "Not after this, a day to its end", end=True)
    since = time_option("--since", "Not before this")
    return since(until(function))


def filters(function: Function) -> Function:
    """Add --component, --environment, --kind, --since and --until to a command."""
    component = click.option("--component", default="", metavar="NAME", help="Only this component.")
    environment = click.option("--environment", default="", metavar="NAME", help="Only this environment.")
    kind = click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind; may be repeated.")
    return component(environment(kind(dates(function))))


def wanted(
    *,
    kinds: tuple[str, ...],
    component: str,
    environment: str,
    since: datetime | None,
    until: datetime | None,
) -> "Wanted":
    """Return what the options of `filters` mean."""
    from remembrancer.clock import rfc3339
    from remembrancer.memory.events import Wanted

    return Wanted(
        kinds=kinds,
        component=component,
        environment=environment,
        since=rfc3339(since) if since else "",
        until=rfc3339(until) if until else "",
    )


@click.command(epilog="Example: remembrancer list deployments --environment staging --since 7d")
@filters
@command()
def deployments(session: Session, shown: Shown, *, kinds: tuple[str, ...], **given: Any) -> int:
    """List every release, deployment to an environment and rollback, newest first.

    A release records that a version exists, and names no environment.
    """
    from remembrancer.memory import events

    events.check_kinds(kinds, PLACED)
    meant = wanted(kinds=kinds or PLACED, **given)
    rows = [
        {
            "recordedAt": receipt.predicate["recordedAt"],
            "event": events.placed(receipt)[0],
            "component": receipt.predicate["component"],
            "version": receipt.predicate["version"],
            "environment": events.placed(receipt)[1],
            "kind": receipt.kind,
            "sha256": receipt.subject[0].sha256,
            "receipt": path,
        }
        for path, receipt in events.found(session.store, meant, session.notices)
    ]
    return _list(
        session, shown, "list deployments", rows, columns=("recordedAt", "event", "component", "version", "environment")
    )


@click.command(epilog="Example: remembrancer list adrs --status Accepted")
@click.option("--status", default="", metavar="STATUS", help="Only Accepted, Rejected, Superseded or Draft.")
@dates
@command()
def adrs(session: Session, shown: Shown, *, status: str, since: datetime | None, until: datetime | None) -> int:
    """List the decisions in ops/receipts/adr as they stand there, and whether a receipt binds their text."""
    from remembrancer.adr import decide as decisions

    meant = wanted(kinds=(), component="", environment="", since=since, until=until)
    rows = [
        {
            "file": one.path,
            "title": one.adr.heading,
            "status": one.adr.status,
            "date": one.adr.date,
            "recorded": one.recorded,
        }
        for one in decisions.records(session.store)
        if status.lower() in ("", one.adr.status.lower())
        and meant.since[:10] <= one.adr.date
        and (not meant.until or one.adr.date <= meant.until[:10])
    ]
    return _list(session, shown, "list adrs", rows, columns=("title", "status", "date", "recorded"))


adr_list = copy(adrs)
adr_list.epilog = "Example: remembrancer adr list --status Accepted"


@click.command(epilog="Example: remembrancer list receipts --kind sign")
@filters
@command()
def receipts(session: Session, shown: Shown, *, kinds: tuple[str, ...], **given: Any) -> int:
    """List every receipt, newest first."""
    from remembrancer.memory import events

    events.check_kinds(kinds)
    rows = [
        {
            "recordedAt": receipt.predicate["recordedAt"],
            "kind": receipt.kind,
            "subject": receipt.subject[0].name,
            "sha256": receipt.subject[0].sha256,
            "receipt": path,
        }
        for path, receipt in events.found(session.store, wanted(kinds=kinds, **given), session.notices)
    ]
    return _list(session, shown, "list receipts", rows, columns=("recordedAt", "kind", "subject", "receipt"))


def _list(session: Session, shown: Shown, name: str, rows: list[dict[str, Any]], *, columns: tuple[str, ...]) -> int:
    """Print rows: all columns for programs and in files, those that fit a terminal on a terminal."""
    import sys

    report = Report(name, data={"items": rows}, notices=session.notices)
    if shown.format == "json":
        return emit_json(report)
    if rows:
        fitting = columns if sys.stdout.isatty() and not shown.verbose else tuple(rows[0])
        table(fitting, [["-" if row[column] is None else str(row[column]) for column in fitting] for row in rows])
    return say(report, "text", *([] if rows else ["nothing is recorded"]))
