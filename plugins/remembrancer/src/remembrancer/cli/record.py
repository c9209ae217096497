"""`record deploy` and `record rollback`: this digest is this version, and where it runs or ran."""

from pathlib import Path

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, say

COMPONENT = click.option("--component", required=True, metavar="NAME", help="A DNS-1123 label, such as my-svc.")
VERSION = click.option("--version", required=True, metavar="VERSION", help="A version, such as 1.4.0.")
NO_SEAL = click.option("--no-seal", is_flag=True, help="Leave the receipt pending, to seal several at once later.")


@click.command(epilog="Example: remembrancer record deploy --component my-svc --version 1.0.0 --environment staging")
@COMPONENT
@VERSION
@click.option("--sha256", metavar="HEX", help="The artifact's digest; it must be the evidence file's.")
@click.option(
    "--evidence", type=click.Path(path_type=Path), metavar="FILE", help="Default: dist/{component}-{version}.tar.gz."
)
@click.option("--environment", metavar="NAME", help="Where it was deployed. Default: release.")
@click.option("--image-digest", metavar="DIGEST", help="The container image, sha256:<64 hex digits>.")
@click.option("--sbom", type=click.Path(path_type=Path), metavar="FILE", help="The software bill of materials.")
@click.option("--rollback", "plan", metavar="TEXT", help="How to go back. Default: the version recorded before.")
@NO_SEAL
@command(trust=True)
def deploy(
    session: Session,
    shown: Shown,
    *,
    component: str,
    version: str,
    sha256: str | None,
    evidence: Path | None,
    environment: str | None,
    image_digest: str | None,
    sbom: Path | None,
    plan: str | None,
    no_seal: bool,
) -> int:
    """Record that a digest is a version of a component. The same version for another environment is a rollout.

    The deploy receipt is signed too when the policy's signer is here, so that nobody can relabel the artifact.
    """
    from remembrancer.record.deploy import record_deploy
    from remembrancer.record.statements import Given

    given = Given(
        component=component,
        version=version,
        sha256=sha256,
        evidence=evidence,
        environment=environment,
        image_digest=image_digest,
        sbom=sbom,
        plan=plan,
    )
    done = record_deploy(session, given)
    return finish(
        session, shown, "record deploy", done.path, done.new, no_seal=no_seal, digest=done.digest, sign=done.signable
    )


@click.command(
    epilog="Example: remembrancer record rollback --component my-svc --version 1.1.0 --to 1.0.0 --environment staging "
    "--reason 'too many errors'"
)
@COMPONENT
@click.option("--version", metavar="VERSION", help="The version that was taken back.")
@click.option("--to", "target", required=True, metavar="VERSION", help="The recorded version that runs again.")
@click.option("--environment", required=True, metavar="NAME", help="Where.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, in one line.")
@NO_SEAL
@command(trust=True)
def rollback(
    session: Session,
    shown: Shown,
    *,
    component: str,
    version: str | None,
    target: str,
    environment: str,
    reason: str,
    no_seal: bool,
) -> int:
    """Record that an environment went back to a recorded version."""
    from remembrancer.record.deploy import record_rollback

    done = record_rollback(
        session,
        component,
        target,
        environment=environment,
        reason=reason,
        from_version=version,
    )
    return finish(
        session, shown, "record rollback", done.path, done.new, no_seal=no_seal, digest=done.digest, sign=False
    )


def finish(
    session: Session, shown: Shown, name: str, path: Path, new: bool, *, no_seal: bool, digest: str, sign: bool
) -> int:
    """Sign (when wanted) and seal a written receipt, and tell what happened."""
    from remembrancer.cli.seal import sealed_data, sealed_lines
    from remembrancer.record.finish import complete

    lines = [f"{'recorded' if new else 'already recorded'} {path} (sha256 {digest})"]
    data: dict[str, object] = {"receipt": str(path), "recorded": new, "sha256": digest}
    if new:
        signed, sealed = complete(session, path, sign=sign, wait=no_seal)
        lines += [*([signed] if signed else []), *sealed_lines(sealed)]
        data.update(sealed_data(sealed))
    return say(Report(name, data=data, notices=session.notices), shown.format, *lines)
