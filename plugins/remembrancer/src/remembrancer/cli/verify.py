"""`verify` and `verify-full`: the verdict on one artifact."""

from pathlib import Path

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import emit_verdict

ARTIFACT = click.argument("artifact", type=click.Path(path_type=Path))


@click.command(epilog="Example: remembrancer verify dist/my-svc-1.0.0.tar.gz")
@ARTIFACT
@command(trust=True)
def verify(session: Session, shown: Shown, artifact: Path) -> int:
    """Check that ARTIFACT's digest is a recorded version and that its receipt is in the ledger, under pinned trust."""
    return _judge(session, shown, artifact, full=False)


@click.command("verify-full", epilog="Example: remembrancer verify-full dist/my-svc-1.0.0.tar.gz --require production")
@ARTIFACT
@command(trust=True)
def verify_full(session: Session, shown: Shown, artifact: Path) -> int:
    """Check every proof of ARTIFACT: hash, signature, timestamp, inclusion, checkpoint. A missing one is a failure."""
    return _judge(session, shown, artifact, full=True)


def _judge(session: Session, shown: Shown, path: Path, *, full: bool) -> int:
    from remembrancer.system.digests import start_hashing

    hashing = start_hashing(path)  # before everything else, because a large file takes longer than all of it
    from remembrancer.audit.verdict import judge_artifact

    verdict = judge_artifact(session, path, full=full, started=hashing)
    return emit_verdict("verify-full" if full else "verify", verdict, session, shown.format)
