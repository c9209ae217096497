"""`verify` and `verify-full`: the verdict on one artifact."""

from pathlib import Path

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, emit

ARTIFACT = click.argument("artifact", type=click.Path(path_type=Path))


@click.command(epilog="Example: remembrancer verify dist/my-svc-1.0.0.tar.gz")
@ARTIFACT
@command(trust=True)
def verify(session: Session, artifact: Path) -> int:
    """Check that ARTIFACT's digest is a recorded version and that its receipt is in the ledger, under pinned trust."""
    return judge(session, artifact, full=False)


@click.command("verify-full", epilog="Example: remembrancer verify-full dist/my-svc-1.0.0.tar.gz --require production")
@ARTIFACT
@command(trust=True)
def verify_full(session: Session, artifact: Path) -> int:
    """Check every proof of ARTIFACT: hash, signature, timestamp, inclusion, checkpoint. A missing one is a failure."""
    return judge(session, artifact, full=True)


def judge(session: Session, path: Path, *, full: bool) -> int:
    """Gather the evidence about an artifact, print the verdict and return the exit status."""
    from remembrancer.system.digests import hexdigest, start_hashing

    hashing = start_hashing(path)  # before everything else, because a large file takes longer than all of it
    from remembrancer.audit.gather import expected_digest, gather, open_ledger
    from remembrancer.audit.remembered import compare, remember
    from remembrancer.errors import Rejected, Unverifiable
    from remembrancer.verify.artifact import check_hash, negative, verify_full
    from remembrancer.verify.artifact import verify as verify_recorded

    command_name = "verify-full" if full else "verify"
    repository = session.repository
    try:
        trusted = session.trusted()
    except (Rejected, Unverifiable) as error:
        from remembrancer.verify.evidence import Log

        evidence = gather(repository, path, hexdigest(hashing, path), Log(None))
        findings = [negative("trust", "ops/trust/policy.toml", error), check_hash(evidence)]
        return emit(Report(command_name, str(path), "", findings, notices=session.notices), session.output)
    policy = trusted.policy
    log = open_ledger(repository, policy)
    rule, now = verify_full if full else verify_recorded, session.clock.now()
    # a large file is hashed beside the signature check; what was judged by a guess counts only if the guess is right
    guess = expected_digest(repository, path.name)
    findings = rule(gather(repository, path, guess, log), log, trusted, now) if guess else []
    digest = hexdigest(hashing, path)
    if digest != guess:
        findings = rule(gather(repository, path, digest, log), log, trusted, now)
    if log.view:
        before = compare(log.view, session.state, repository, policy.seal_branch)
        if before:
            findings.append(before)
        if before is None or before.outcome == "verified":
            notice = remember(log.view, session.state)
            session.notices += [notice] if notice else []
    return emit(Report(command_name, str(path), str(policy.profile), findings, notices=session.notices), session.output)
