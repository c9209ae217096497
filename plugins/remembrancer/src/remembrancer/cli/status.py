"""`status`: how the ledger and its trust stand."""

from typing import TYPE_CHECKING, Any

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, say, table

if TYPE_CHECKING:
    from remembrancer.memory.reflect import Quantity


@click.command(epilog="Example: remembrancer status --reflect")
@click.option("--reflect", is_flag=True, help="Add continuity, futurity, coherence, entropy and prediction error.")
@command(trust=True)
def status(session: Session, shown: Shown, *, reflect: bool) -> int:
    """Show the ledger's origin, profile and size, what is pending, and whether this user trusts the policy."""
    from remembrancer.audit import status as audit
    from remembrancer.reasons import REASONS

    stands = audit.status(session)
    data: dict[str, Any] = {"root": str(session.root)}
    advice = []
    if stands.trouble is not None:
        trouble = stands.trouble
        data["trust"] = f"{trouble.message} [{trouble.code}]"
        advice = [f"  {trouble.remedy or REASONS[trouble.code].remedy}"]
    elif (policy := stands.policy) is not None:
        data.update(trust="pinned", profile=str(policy.profile), origin=policy.origin, owner=policy.owner)
        log = stands.log
        if log.view is None:
            data["ledger"] = f"{log.trouble.message} [{log.trouble.code}]" if log.trouble else "none"
        else:
            data.update(size=log.view.size, ledgerRoot=log.view.root.hex(), stamped=stands.stamped)
        if stands.witnessed is not None:
            data.update(witnessed=stands.witnessed, witnesses=len(policy.quorum.urls))
        now = session.clock.now()
        data["keys"] = [
            {"what": one.what, "until": one.until, "soon": one.near(now), "renew": one.remedy} for one in stands.endings
        ]
    data["pending"] = stands.pending
    lines = [f"{name}: {value}" for name, value in data.items() if name != "keys"]
    lines[2:2] = advice
    for one in data.get("keys", []):
        lines.append(f"{one['what']}: {'until ' + one['until'] if one['until'] else 'no end'}")
        lines += [f"  renew it now: {one['renew']}"] if one["soon"] else []
    quantities: tuple[Quantity, ...] = ()
    if reflect:
        from remembrancer.memory.quantities import quantities_of

        quantities = quantities_of(session, stands.pending)
        data["reflection"] = [
            {"symbol": one.symbol, "name": one.name, "value": one.value, "formula": one.formula, "basis": one.basis}
            for one in quantities
        ]
    status = say(Report("status", data=data, notices=session.notices), shown.format, *lines)
    if reflect and shown.format == "text":
        rows = [(one.symbol, one.name, _shown(one.value), one.formula, one.basis) for one in quantities]
        table(("", "quantity", "value", "formula", "from"), rows)
    return status


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
