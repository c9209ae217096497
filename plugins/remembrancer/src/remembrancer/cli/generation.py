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
@click.option("--source", metavar="URL", help="The template has this address now: move to it, at the same version.")
@ANSWERS
@click.option("--no-seal", is_flag=True, hidden=True, expose_value=False)  # the default since 4.2
@command(trust=True)
def update(session: Session, shown: Shown, *, resolved: bool, source: str | None, answers: str | None) -> int:
    """Write an update receipt that is missing, or (--resolved) complete the one that waits for your decision.

    Nothing is sealed: an update can be thrown away until it is committed, and the next seal takes its receipt up then.
    """
    from remembrancer.errors import BadInput
    from remembrancer.standard.missed import record_missed, resolve

    if resolved and source:
        raise BadInput("input.usage", "--resolved completes an update and --source begins one; say one of them")
    if source:
        from remembrancer.standard.moved import record_move

        done = record_move(session.store, session.clock, source, answers)
    elif resolved:
        done = resolve(session.store, session.clock)
    else:
        done = record_missed(session.store, "update", session.clock, answers)
    lines, data = written_lines(done), written_data(done)
    if any(one.new for one in done):
        lines.append("the update is sealed by the first `remembrancer seal` after its commit")
    return say(Report("record update", data=data, notices=session.notices), shown.format, *lines)


def written_lines(done: "list[Written]") -> list[str]:
    """Return what is told about receipts of generations: where they are, and what has to be decided."""
    lines = []
    for one in done:
        lines.append(f"{'recorded' if one.new else 'already recorded'} {one.path} (sha256 {one.digest})")
        lines += one.notes
        if one.notes:
            lines.append("pending until you have decided, then: remembrancer record update --resolved")
    return lines


def written_data(done: "list[Written]") -> dict[str, object]:
    """Return the same for programs."""
    items = [
        {
            "receipt": str(one.path),
            "sha256": one.digest,
            "recorded": one.new,
            "layer": one.layer,
            **({"undecided": list(one.notes)} if one.notes else {}),
        }
        for one in done
    ]
    return {"receipts": items}


def _finish(session: Session, shown: Shown, name: str, done: "list[Written]", *, no_seal: bool) -> int:
    from remembrancer.record.finish import seal_after

    lines, data = written_lines(done), written_data(done)
    if any(one.new for one in done):
        sealed = seal_after(session, wait=no_seal)
        lines += sealed_lines(sealed)
        data.update({name: value for name, value in sealed_data(sealed).items() if name != "receipts"})
    return say(Report(name, data=data, notices=session.notices), shown.format, *lines)
