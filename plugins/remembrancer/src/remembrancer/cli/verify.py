"""`verify` and `verify-full`: the verdict on one artifact."""

from collections.abc import Callable
from pathlib import Path

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command, expectation
from remembrancer.cli.output import emit_verdict

ARTIFACT = click.argument("artifact", type=click.Path(path_type=Path))


def asked(function: Callable[..., int]) -> Callable[..., int]:
    """Add `--component` and `--version`: what the artifact should be, whatever its name is."""
    for option, metavar, sentence in (
        ("--version", "VERSION", "Fail unless it is this version of it."),
        ("--component", "NAME", "Fail unless it is of this component."),
    ):
        function = click.option(option, metavar=metavar, callback=expectation, help=sentence)(function)
    return function


@click.command(epilog="Example: remembrancer verify dist/my-svc-1.0.0.tar.gz --component my-svc --version 1.0.0")
@ARTIFACT
@asked
@command(trust=True)
def verify(session: Session, shown: Shown, artifact: Path, component: str, version: str) -> int:
    """Check that ARTIFACT's digest is a recorded version and that its receipt is in the ledger, under pinned trust.

    What it should be is said by its name, or by --component and --version.
    """
    return _judge(session, shown, artifact, component, version, full=False)


@click.command("verify-full", epilog="Example: remembrancer verify-full dist/my-svc-1.0.0.tar.gz --require production")
@ARTIFACT
@asked
@command(trust=True)
def verify_full(session: Session, shown: Shown, artifact: Path, component: str, version: str) -> int:
    """Check every proof of ARTIFACT: hash, signature, timestamp, inclusion, checkpoint. A missing one is a failure.

    What it should be is said by its name, or by --component and --version.
    """
    return _judge(session, shown, artifact, component, version, full=True)


def _judge(session: Session, shown: Shown, path: Path, component: str, version: str, *, full: bool) -> int:
    from remembrancer.system.digests import start_hashing

    hashing = start_hashing(path)  # before everything else, because a large file takes longer than all of it
    from remembrancer.audit.verdict import judge_artifact
    from remembrancer.verify.asked import Asked

    verdict = judge_artifact(session, path, full=full, asked=Asked(component, version), started=hashing)
    return emit_verdict("verify-full" if full else "verify", verdict, session, shown.format)
