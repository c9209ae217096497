"""`verify-audit`: re-read every receipt, blob and entry, and recompute everything."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import emit_verdict

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
def verify_audit(session: Session, shown: Shown, since: Path | None) -> int:
    """Recompute the ledger from its entries and compare every receipt, blob, tile, proof and timestamp with it."""
    from remembrancer.audit.whole import judge_everything
    from remembrancer.system.digests import read_given

    kept = read_given(since) if since else None
    verdict = judge_everything(session, kept=kept, watched=lambda size: _progress(shown, size))
    return emit_verdict("verify-audit", verdict, session, shown.format)


@contextmanager
def _progress(shown: Shown, size: int) -> Iterator["Progress"]:
    """Show a bar on a terminal when there is enough to wait for; elsewhere nothing."""
    if shown.format == "json" or size < 2000 or not sys.stderr.isatty():
        yield lambda done, size: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("auditing", total=size)
        yield lambda done, size: bar.update(task, completed=done, total=size)
