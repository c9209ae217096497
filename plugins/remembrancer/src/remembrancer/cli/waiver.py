"""`record waiver`: accept that a file differs from the standard, for a while."""

import os
from datetime import datetime
from pathlib import Path

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, say
from remembrancer.cli.record import NO_SEAL
from remembrancer.cli.seal import sealed_data, sealed_lines
from remembrancer.cli.times import time_option


@click.command(
    epilog="Example: remembrancer record waiver Dockerfile --owner payments --reason 'GPU image' --expires 2027-01-31"
)
@click.argument("path", metavar="PATH")
@click.option("--owner", required=True, metavar="NAME", help="Who answers for the difference.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, in one line.")
@time_option("--expires", "Until when, a day to its end", end=True, ahead=True, required=True)
@NO_SEAL
@command(trust=True)
def waiver(
    session: Session, shown: Shown, *, path: str, owner: str, reason: str, expires: datetime, no_seal: bool
) -> int:
    """Accept PATH (from the root) as it is now, although the standard has other bytes or the file is gone."""
    from remembrancer.record.finish import seal_after
    from remembrancer.standard.waive import record_waiver

    path = _from_root(session.root, path)
    done = record_waiver(session, path, owner, reason, expires)
    sealed = seal_after(session, wait=no_seal)
    data = {"receipt": str(done.path), "sha256": done.digest, "waiver": done.waiver._asdict(), **sealed_data(sealed)}
    return say(
        Report("record waiver", path, data=data, notices=session.notices),
        shown.format,
        f"{path} may differ until {done.waiver.expires}; listed in ops/trust/waivers.toml",
        f"recorded {done.path} (sha256 {done.digest})",
        *sealed_lines(sealed),
    )


def _from_root(root: Path, path: str) -> str:
    """Return a path as the standard names it; what begins with a dot or a slash is where the shell says it is."""
    base = Path.cwd() if path.startswith(".") else root
    return os.path.relpath(os.path.normpath(base / path), root)
