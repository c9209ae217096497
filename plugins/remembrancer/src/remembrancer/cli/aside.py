"""`set-aside`: take a receipt that cannot be sealed out of the way, on the record."""

from pathlib import Path

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, say
from remembrancer.cli.record import NO_SEAL
from remembrancer.cli.seal import sealed_data, sealed_lines


@click.command(
    "set-aside",
    epilog="Example: remembrancer set-aside ops/receipts/deploy/my-svc-1.0.0.receipt --reason 'recorded twice'",
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--reason", required=True, metavar="TEXT", help="Why, in one line, for the record.")
@NO_SEAL
@command(trust=True)
def set_aside(session: Session, shown: Shown, path: Path, *, reason: str, no_seal: bool) -> int:
    """Take the receipt PATH out, which was never sealed: its bytes stay as a blob, and a receipt says why.

    For what `seal` refuses: it is named at every seal, and every audit fails, until it is dealt with.
    """
    from remembrancer.record.aside import set_aside as aside
    from remembrancer.record.finish import seal_after

    done = aside(session, path, reason)
    sealed = seal_after(session, wait=no_seal)
    data = {"path": done.path, "sha256": done.digest, "receipt": str(done.receipt), **sealed_data(sealed)}
    return say(
        Report("set-aside", done.path, data=data, notices=session.notices),
        shown.format,
        f"set aside {done.path}; its bytes are ops/receipts/blobs/{done.digest}",
        f"recorded {done.receipt}",
        *sealed_lines(sealed),
    )
