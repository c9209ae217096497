"""`status`: how the ledger and its trust stand."""

from typing import TYPE_CHECKING, Any

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, say, table

if TYPE_CHECKING:
    from remembrancer.memory.reflect import Quantity


@click.command(epilog="Example: remembrancer status --reflect")
@click.option("--reflect", is_flag=True, help="Add continuity, futurity, coherence, entropy and prediction error.")
@command(trust=True)
def status(session: Session, *, reflect: bool) -> int:
    """Show the ledger's origin, profile and size, what is pending, and whether this user trusts the policy."""
    from remembrancer.audit.expiry import endings, last_stamp
    from remembrancer.audit.gather import open_ledger
    from remembrancer.errors import Rejected, Unverifiable
    from remembrancer.ledger import Ledger
    from remembrancer.reasons import REASONS

    data: dict[str, Any] = {"root": str(session.root)}
    advice = []
    try:
        trusted = session.trusted()
        policy = trusted.policy
        ends = endings(trusted, session.repository)
    except (Rejected, Unverifiable) as error:
        data["trust"] = f"{error.message} [{error.code}]"
        advice = [f"  {error.remedy or REASONS[error.code].remedy}"]
    else:
        data.update(trust="pinned", profile=str(policy.profile), origin=policy.origin, owner=policy.owner)
        log = open_ledger(session.repository, policy)
        if log.view is None:
            data["ledger"] = f"{log.trouble.message} [{log.trouble.code}]" if log.trouble else "none"
        else:
            data.update(size=log.view.size, ledgerRoot=log.view.root.hex())
            data["stamped"] = last_stamp(session.repository, log.view.size)
        data["keys"] = [{"what": one.what, "until": one.until} for one in ends]
    data["pending"] = len(list(Ledger(session.root).pending()))
    lines = [f"{name}: {value}" for name, value in data.items() if name != "keys"]
    lines[2:2] = advice
    lines += [f"{one['what']}: {'until ' + one['until'] if one['until'] else 'no end'}" for one in data.get("keys", [])]
    quantities = _reflection(session, data["pending"]) if reflect else ()
    if reflect:
        data["reflection"] = [
            {"symbol": one.symbol, "name": one.name, "value": one.value, "formula": one.formula, "basis": one.basis}
            for one in quantities
        ]
    status = say(Report("status", data=data, notices=session.notices), session.output, *lines)
    if reflect and session.output == "text":
        rows = [(one.symbol, one.name, _shown(one.value), one.formula, one.basis) for one in quantities]
        table(("", "quantity", "value", "formula", "from"), rows)
    return status


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _reflection(session: Session, waiting: int) -> "tuple[Quantity, ...]":
    from remembrancer.ledger import Ledger
    from remembrancer.memory import events
    from remembrancer.memory.reflect import reflect

    newest_first = events.found(session.root, events.Wanted(), session.notices)
    receipts = [receipt for _, receipt in newest_first][::-1]
    claimed = Ledger(session.root).claimed()
    return reflect(receipts, sealed=claimed.size if claimed else 0, pending=waiting)
