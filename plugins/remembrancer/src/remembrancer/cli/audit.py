"""`verify-audit`: re-read every receipt, blob and entry, and recompute everything."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, emit

if TYPE_CHECKING:
    from remembrancer.audit.complete import Progress


@click.command("verify-audit", epilog="Example: remembrancer verify-audit --since checkpoint.2026-01")
@click.option(
    "--since",
    type=click.Path(path_type=Path),
    metavar="CHECKPOINT",
    help="A signed checkpoint that you kept; the log must extend it.",
)
@command(trust=True)
def verify_audit(session: Session, since: Path | None) -> int:
    """Recompute the ledger from its entries and compare every receipt, blob, tile, proof and time-stamp with it."""
    from remembrancer.audit.complete import audit_everything
    from remembrancer.audit.gather import open_ledger
    from remembrancer.cli.one_proof import read_file
    from remembrancer.errors import Rejected, Unverifiable
    from remembrancer.verify.artifact import negative, trust_finding
    from remembrancer.verify.evidence import Log

    kept = read_file(since) if since else None
    try:
        trusted = session.trusted()
    except (Rejected, Unverifiable) as error:
        finding = negative("trust", "ops/trust/policy.toml", error)
        return emit(Report("verify-audit", str(session.root), "", [finding], notices=session.notices), session.output)
    findings = [trust_finding(trusted)]
    log: Log = open_ledger(session.repository, trusted.policy)
    data: dict[str, object] = {}
    if log.view is None:
        trouble = log.trouble or Rejected("log.missing", "there is no ledger")
        findings.append(negative("checkpoint", "ops/receipts/ledger/checkpoint", trouble))
    else:
        with _progress(session, log.view.size) as progress:
            whole = audit_everything(
                log.view,
                session.repository,
                trusted,
                session.state,
                now=session.clock.now(),
                kept=kept,
                progress=progress,
            )
        findings += whole.findings
        session.notices += whole.notices
        data = {"size": log.view.size, "root": log.view.root.hex(), "counts": whole.counts}
    profile = str(trusted.policy.profile)
    report = Report("verify-audit", str(session.root), profile, findings, data, session.notices)
    return emit(report, session.output)


@contextmanager
def _progress(session: Session, size: int) -> Iterator["Progress"]:
    """Show a bar on a terminal when there is enough to wait for; elsewhere nothing."""
    if session.output == "json" or size < 2000 or not sys.stderr.isatty():
        yield lambda done, size: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("auditing", total=size)
        yield lambda done, size: bar.update(task, completed=done, total=size)
