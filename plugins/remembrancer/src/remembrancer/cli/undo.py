"""`undo update`: an update of the template that was committed, perhaps sealed, is taken back."""

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.generation import ANSWERS
from remembrancer.cli.output import Report, say


@click.command(epilog="Example: remembrancer undo update")
@ANSWERS
@command()
def update(session: Session, shown: Shown, *, answers: str | None) -> int:
    """Take the newest update back: its files in the work tree, and a receipt that says so. Commit both.

    What the team edited since stays. Nothing of the record is removed, and nothing is sealed. An update that is not
    committed yet is thrown away instead: git reset --hard && git clean -d --force.
    """
    from remembrancer.standard.undo import undo_update

    done = undo_update(session.store, session.clock, answers)
    lines = [
        f"took the update from {done.back} to {done.gone} back",
        f"recorded {done.written.path} (sha256 {done.written.digest})",
        *(f"{path} has conflicts with what was edited since" for path in done.conflicts),
        "resolve them, and run `remembrancer record update --resolved`"
        if done.conflicts
        else "read it with `git diff`, and commit it",
    ]
    data = {
        "from": done.gone,
        "to": done.back,
        "receipt": str(done.written.path),
        "sha256": done.written.digest,
        "conflicts": list(done.conflicts),
    }
    return say(Report("undo update", data=data, notices=session.notices), shown.format, *lines)
