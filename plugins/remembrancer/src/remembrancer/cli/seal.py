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
    there = f"the ledger has size {result.size}, root {result.root.hex()}"
    count = counted(len(result.sealed), "receipt")
    lines = [f"would seal {count}; {there}; nothing was written" if sealed.tried else f"sealed {count}; {there}"]
    for finding in result.refused:
        lines.append(f"refused {finding.subject}: {finding.message} [{finding.code}]")
        lines.append(
            f"  what cannot be mended is taken out with: remembrancer set-aside {finding.subject} --reason TEXT"
        )
    lines += [f"{finding.message} [{finding.code}]" for finding in (*result.held, *result.late)]
    lines += dict.fromkeys(f"  {remedy(finding)}" for finding in (*result.refused, *result.held, *result.late))
    return lines


def sealed_data(sealed: "Sealed") -> dict[str, Any]:
    """Return the same for programs."""
    result = sealed.result
    if result is None:
        return {"sealed": False}
    return {
        "sealed": not sealed.tried,
        **({"dryRun": True} if sealed.tried else {}),
        "size": result.size,
        "root": result.root.hex(),
        "receipts": [str(path) for path in result.sealed],
        "refused": _told(result.refused),
        "held": _told(result.held),
    }


def _told(findings: "tuple[Finding, ...]") -> list[dict[str, str]]:
    return [{"subject": one.subject, "code": one.code, "message": one.message} for one in findings]


@click.command(epilog="Example: remembrancer seal")
@click.option("--dry-run", is_flag=True, help="Only say what would be sealed and what refused; needs no log key.")
@command(trust=True)
def seal(session: Session, shown: Shown, *, dry_run: bool) -> int:
    """Check every pending receipt, append them to the ledger, sign the checkpoint and have it timestamped."""
    from remembrancer.errors import EnvironmentTrouble
    from remembrancer.record.finish import seal_now, try_now

    trusted = session.trusted()
    sealed = try_now(session, trusted) if dry_run else seal_now(session, trusted)
    if sealed.result is None:
        raise EnvironmentTrouble("env.log-key", "the log key is not here, so nothing was sealed")
    status = 1 if sealed.result.refused else 0
    report = Report("seal", data=sealed_data(sealed), notices=session.notices, plain_status=status)
    return say(report, shown.format, *sealed_lines(sealed))
