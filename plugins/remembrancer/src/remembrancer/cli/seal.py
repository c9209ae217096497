"""`seal`: put what is pending into the ledger, and how commands say what became of their receipts."""

from typing import TYPE_CHECKING, Any

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, remedy, say
from remembrancer.errors import counted

if TYPE_CHECKING:
    from remembrancer.findings import Finding
    from remembrancer.record.finish import Sealed


def sealed_lines(sealed: "Sealed") -> list[str]:
    """Return for people what a seal did, or why the receipts stay pending."""
    result = sealed.result
    if result is None:
        return [sealed.pending]
    lines = [
        f"sealed {counted(len(result.sealed), 'receipt')}; the ledger has size {result.size}, root {result.root.hex()}"
    ]
    lines += [f"refused {finding.subject}: {finding.message} [{finding.code}]" for finding in result.refused]
    if result.refused:
        lines.append("  what cannot be mended is taken out with: remembrancer set-aside PATH --reason TEXT")
    lines += [f"{finding.message} [{finding.code}]" for finding in (*result.held, *result.late)]
    lines += dict.fromkeys(f"  {remedy(finding)}" for finding in (*result.refused, *result.held, *result.late))
    return lines


def sealed_data(sealed: "Sealed") -> dict[str, Any]:
    """Return the same for programs."""
    result = sealed.result
    if result is None:
        return {"sealed": False}
    return {
        "sealed": True,
        "size": result.size,
        "root": result.root.hex(),
        "receipts": [str(path) for path in result.sealed],
        "refused": _told(result.refused),
        "held": _told(result.held),
    }


def _told(findings: "tuple[Finding, ...]") -> list[dict[str, str]]:
    return [{"subject": one.subject, "code": one.code, "message": one.message} for one in findings]


@click.command(epilog="Example: remembrancer seal")
@command(trust=True)
def seal(session: Session, shown: Shown) -> int:
    """Check every pending receipt, append them to the ledger, sign the checkpoint and have it timestamped."""
    from remembrancer.errors import EnvironmentTrouble
    from remembrancer.record.finish import seal_now

    sealed = seal_now(session, session.trusted())
    if sealed.result is None:
        raise EnvironmentTrouble("env.log-key", "the log key is not here, so nothing was sealed")
    status = 1 if sealed.result.refused else 0
    report = Report("seal", data=sealed_data(sealed), notices=session.notices, plain_status=status)
    return say(report, shown.format, *sealed_lines(sealed))
