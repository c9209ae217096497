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
    from remembrancer.standing import endings, last_stamp

    data: dict[str, Any] = {"root": str(session.root)}
    try:
        trusted = session.trusted()
        policy = trusted.policy
        ends = endings(trusted, session.repository)
    except (Rejected, Unverifiable) as error:
        data["trust"] = f"{error.message} [{error.code}]"
    else:
        data.update(trust="pinned", profile=str(policy.profile), origin=policy.origin, owner=policy.owner)
        log = open_ledger(session.repository, policy)
        if log.view is None:
            data["ledger"] = f"{log.trouble.message} [{log.trouble.code}]" if log.trouble else "none"
        else:
            data.update(size=log.view.size, ledgerRoot=log.view.root.hex())
            data["stamped"] = last_stamp(session.repository, log.view.size)
        data["keys"] = [{"what": one.what, "until": one.until} for one in ends]
    data["pending"] = len(pending(session.repository))
    lines = [f"{name}: {value}" for name, value in data.items() if name != "keys"]
    lines += [f"{one['what']}: {'until ' + one['until'] if one['until'] else 'no end'}" for one in data.get("keys", [])]
    return say(Report("status", data=data, notices=session.notices), session.output, *lines)
