"""`record spawn` and `record update`: generations that no hook recorded, and updates that waited for a decision."""

from typing import TYPE_CHECKING

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, say
from remembrancer.cli.record import NO_SEAL
from remembrancer.cli.seal import sealed_data, sealed_lines

if TYPE_CHECKING:
    from remembrancer.standard.missed import Written

ANSWERS = click.option(
    "-a",
    "--answers-file",
    "answers",
    metavar="FILE",
    help="Only this answers file. Default: every one of this collection.",
)


@click.command(epilog="Example: remembrancer record spawn")
@ANSWERS
@NO_SEAL
@command(trust=True)
def spawn(session: Session, shown: Shown, *, answers: str | None, no_seal: bool) -> int:
    """Write the spawn receipt that a copy with --skip-tasks left out. Needs Copier and the template's address."""
    from remembrancer.standard.missed import record_missed

    return _finish(
        session, shown, "record spawn", record_missed(session.store, "spawn", session.clock, answers), no_seal=no_seal
    )


@click.command(epilog="Example: remembrancer record update --resolved")
@click.option(
    "--resolved", is_flag=True, help="Every conflict of the waiting update is resolved: hash its files again."
)
@ANSWERS
@NO_SEAL
@command(trust=True)
def update(session: Session, shown: Shown, *, resolved: bool, answers: str | None, no_seal: bool) -> int:
    """Write an update receipt that is missing, or (--resolved) complete the one that waits for your decision."""
    from remembrancer.standard.missed import record_missed, resolve

    if resolved:
        done = resolve(session.store, session.clock)
    else:
        done = record_missed(session.store, "update", session.clock, answers)
    return _finish(session, shown, "record update", done, no_seal=no_seal)


def _finish(session: Session, shown: Shown, name: str, done: "list[Written]", *, no_seal: bool) -> int:
    from remembrancer.record.finish import seal_after

    lines = [f"{'recorded' if one.new else 'already recorded'} {one.path} (sha256 {one.digest})" for one in done]
    items = [{"receipt": str(one.path), "sha256": one.digest, "recorded": one.new, "layer": one.layer} for one in done]
    data: dict[str, object] = {"receipts": items}
    if any(one.new for one in done):
        sealed = seal_after(session, wait=no_seal)
        lines += sealed_lines(sealed)
        if name == "record update":
            lines.append("the update is sealed by the first `remembrancer seal` after its commit")
        data.update({name: value for name, value in sealed_data(sealed).items() if name != "receipts"})
    return say(Report(name, data=data, notices=session.notices), shown.format, *lines)
