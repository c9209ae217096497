"""`sign` and `timestamp`: make a proof of an artifact, put it beside the artifact, and record it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, say
from remembrancer.cli.record import NO_SEAL

if TYPE_CHECKING:
    from remembrancer.trust.policy import Policy

ARTIFACT = click.argument("artifact", type=click.Path(path_type=Path))


@click.command(epilog="Example: remembrancer sign dist/my-svc-1.0.0.tar.gz")
@ARTIFACT
@click.option("--key", metavar="KEY", help="Key id or fingerprint. Default: the policy's signer, never any other key.")
@NO_SEAL
@command(trust=True)
def sign(session: Session, artifact: Path, key: str | None, no_seal: bool) -> int:
    """Sign ARTIFACT with OpenPGP: writes ARTIFACT.asc and a sign receipt."""
    from remembrancer.cli.seal import seal_after
    from remembrancer.record.prove import sign_artifact

    policy = _policy(session, needed=key is None)
    done = sign_artifact(session.repository, session.state, policy, artifact, key=key, clock=session.clock)
    sealed = seal_after(session, no_seal=no_seal)
    if policy is not None and policy.signer(done.who) is None:
        session.notices.append(f"the policy does not list {done.who}: verify-full will not count this signature")
    data = {"receipt": str(done.receipt), "file": str(done.file), "fingerprint": done.who, **sealed.data}
    return say(
        Report("sign", str(artifact), data=data, notices=session.notices),
        session.output,
        f"signed {artifact} as {done.who}: {done.file}",
        f"recorded {done.receipt}",
        *sealed.lines,
    )


@click.command(epilog="Example: remembrancer timestamp dist/my-svc-1.0.0.tar.gz")
@ARTIFACT
@click.option(
    "--tsa", metavar="NAME", help="An authority of the policy, by name or URL. Default: the first that answers."
)
@NO_SEAL
@command(trust=True)
def timestamp(session: Session, artifact: Path, tsa: str | None, no_seal: bool) -> int:
    """Get an RFC 3161 timestamp over ARTIFACT, check it, and write ARTIFACT.tsr and a timestamp receipt."""
    from remembrancer.cli.seal import seal_after
    from remembrancer.record.prove import stamp_artifact

    trusted = session.trusted()
    done = stamp_artifact(session.repository, session.state, trusted, artifact, tsa=tsa, clock=session.clock)
    sealed = seal_after(session, no_seal=no_seal)
    data = {
        "receipt": str(done.receipt),
        "file": str(done.file),
        "authority": done.who,
        "genTime": done.when,
        **sealed.data,
    }
    return say(
        Report("timestamp", str(artifact), data=data, notices=session.notices),
        session.output,
        f"stamped {artifact} at {done.when} by {done.who}: {done.file}",
        f"recorded {done.receipt}",
        *sealed.lines,
    )


def sign_receipt(session: Session, path: Path) -> str:
    """Sign a deploy receipt when the policy's signer is here; returns the sentence that tells so."""
    from remembrancer.errors import BadInput, EnvironmentTrouble, Rejected, Unverifiable
    from remembrancer.record.prove import sign_recorded

    try:
        policy = session.trusted().policy
        fingerprint = sign_recorded(session.repository, session.state, policy, path, session.clock)
    except (Rejected, Unverifiable, BadInput, EnvironmentTrouble) as error:
        return f"the receipt itself is not signed: {error.message} [{error.code}]"
    return f"signed the receipt as {fingerprint}"


def _policy(session: Session, *, needed: bool) -> "Policy | None":
    from remembrancer.errors import Rejected, Unverifiable

    try:
        return session.trusted().policy
    except (Rejected, Unverifiable):
        if needed:
            raise
        return None
