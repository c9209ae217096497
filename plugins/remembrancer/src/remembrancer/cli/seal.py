"""`seal`: put what is pending into the ledger, and what the recording commands do about it at the end."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, remedy, say

if TYPE_CHECKING:
    from remembrancer.tlog.note import SignerKey
    from remembrancer.trust.establish import Trusted


@dataclass
class Sealed:
    """What a seal did, for people (`lines`) and for programs (`data`); `refused` counts receipts that failed a
    check."""

    lines: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    refused: int = 0


def seal_now(session: Session, trusted: "Trusted") -> Sealed:
    """Seal everything pending under a trusted policy; without the log key, say that the receipts stay pending."""
    from remembrancer.record.seal import seal_pending

    return _told(seal_pending(session.repository, session.state, trusted, session.clock))


def begin_log(session: Session, trusted: "Trusted", key: "SignerKey") -> Sealed:
    """Seal the first checkpoint of a new log with the key that the operator just gave."""
    from remembrancer.record.seal import seal_pending

    return _told(seal_pending(session.repository, session.state, trusted, session.clock, begin=key))


def seal_after(session: Session, *, no_seal: bool) -> Sealed:
    """What recording does at the end: in development seal at once, elsewhere leave the receipt pending and say so."""
    from remembrancer.errors import BadInput, Refused, Rejected, Unverifiable
    from remembrancer.trust.policy import Profile

    if no_seal:
        return Sealed(["pending until the next seal"], {"sealed": False})
    try:
        trusted = session.trusted()
        if trusted.policy.profile is not Profile.DEVELOPMENT:
            return Sealed(["pending until the holder of the log key seals"], {"sealed": False})
        return seal_now(session, trusted)
    except (BadInput, Refused, Rejected, Unverifiable) as error:
        return Sealed([f"pending: not sealed, {error.message} [{error.code}]"], {"sealed": False})


def _told(result: Any) -> Sealed:
    if result is None:
        return Sealed(["the log key is not here: the receipts stay pending until its holder seals"], {"sealed": False})
    lines = [f"sealed {len(result.sealed)} receipts; the ledger has size {result.size}, root {result.root.hex()}"]
    lines += [f"refused {finding.subject}: {finding.message} [{finding.code}]" for finding in result.refused]
    lines += [f"{finding.message} [{finding.code}]" for finding in (*result.held, *result.late)]
    lines += dict.fromkeys(f"  {remedy(finding)}" for finding in (*result.refused, *result.held, *result.late))
    data = {
        "sealed": True,
        "size": result.size,
        "root": result.root.hex(),
        "receipts": [str(path) for path in result.sealed],
        "refused": [{"subject": one.subject, "code": one.code, "message": one.message} for one in result.refused],
    }
    return Sealed(lines, data, len(result.refused))


@click.command(epilog="Example: remembrancer seal")
@command(trust=True)
def seal(session: Session) -> int:
    """Check every pending receipt, append them to the ledger, sign the checkpoint and have it time-stamped."""
    from remembrancer.errors import EnvironmentTrouble

    sealed = seal_now(session, session.trusted())
    if sealed.data.get("sealed") is False:
        raise EnvironmentTrouble("env.log-key", "the log key is not here, so nothing was sealed")
    status = 1 if sealed.refused else 0
    report = Report("seal", data=sealed.data, notices=session.notices, plain_status=status)
    return say(report, session.output, *sealed.lines)
