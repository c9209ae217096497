"""`status`: how the ledger and its trust stand."""

from typing import Any

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, say


@click.command(epilog="Example: remembrancer status")
@command(trust=True)
def status(session: Session) -> int:
    """Show the ledger's origin, profile and size, what is pending, and whether this user trusts the policy."""
    from remembrancer.errors import Rejected, Unverifiable
    from remembrancer.gather import open_ledger
    from remembrancer.sealing import pending

    data: dict[str, Any] = {"root": str(session.root)}
    try:
        policy = session.trusted().policy
    except (Rejected, Unverifiable) as error:
        data["trust"] = f"{error.message} [{error.code}]"
    else:
        data.update(trust="pinned", profile=str(policy.profile), origin=policy.origin, owner=policy.owner)
        log = open_ledger(session.repository, policy)
        if log.view is None:
            data["ledger"] = f"{log.trouble.message} [{log.trouble.code}]" if log.trouble else "none"
        else:
            data.update(size=log.view.size, ledgerRoot=log.view.root.hex())
    data["pending"] = len(pending(session.repository))
    lines = [f"{name}: {value}" for name, value in data.items()]
    return say(Report("status", data=data, notices=session.notices), session.output, *lines)
