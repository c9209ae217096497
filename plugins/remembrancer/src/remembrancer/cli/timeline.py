"""`timeline`: what happened, oldest first. Nothing here is a verdict."""

from typing import Any

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.lists import filters, wanted
from remembrancer.cli.output import Report, emit_json, say, table

_PROOFS = ("sign", "timestamp")


@click.command(epilog="Example: remembrancer timeline --since 7d --environment production")
@filters
@command()
def timeline(session: Session, shown: Shown, *, kinds: tuple[str, ...], **given: Any) -> int:
    """Tell what happened to this repository, oldest first; signatures and timestamps only with --kind or -v."""
    from remembrancer.memory import events
    from remembrancer.receipt.kinds import KINDS

    events.check_kinds(kinds)
    meant = kinds or tuple(kind for kind in KINDS if shown.verbose or kind not in _PROOFS)
    found = list(events.found(session.store, wanted(kinds=meant, **given), session.notices))
    session.notices += _gone(session)
    rows = [
        {
            "recordedAt": receipt.predicate["recordedAt"],
            "kind": receipt.kind,
            "event": events.summary(receipt),
            "who": events.actor(receipt),
            "receipt": path,
        }
        for path, receipt in reversed(found)
    ]
    report = Report("timeline", data={"items": rows}, notices=session.notices)
    if shown.format == "json":
        return emit_json(report)
    if rows:
        table(
            ("when", "kind", "event", "who"),
            [[row["recordedAt"], row["kind"], row["event"], row["who"]] for row in rows],
        )
    return say(report, "text", *([] if rows else ["nothing is recorded"]))


def _gone(session: Session) -> list[str]:
    """Return a notice for each sealed receipt whose file is gone: it happened, and is not in the rows."""
    from remembrancer.errors import RemembrancerError
    from remembrancer.memory import events

    claimed = session.ledger.claimed()
    try:
        entries = (entry for _, entry in session.ledger.entries(0, claimed.size)) if claimed else ()
        return [
            f"{path} is sealed, and its file is gone [receipt.missing]" for path in events.gone(session.store, entries)
        ]
    except RemembrancerError as error:  # what is wrong with the ledger is for `verify-audit`
        return [f"the ledger could not be read: {error.message} [{error.code}]"]
