"""`export-proof` and `verify-proof`: a proof that travels without the repository."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, emit, say

if TYPE_CHECKING:
    from remembrancer.repository.reader import Repository
    from remembrancer.trust.establish import Trusted

FILE = click.Path(path_type=Path)


@click.command("export-proof", epilog="Example: remembrancer export-proof dist/my-svc-1.0.0.tar.gz")
@click.argument("artifact", type=FILE)
@click.option("-o", "--output", "target", type=FILE, metavar="FILE", help="Default: ARTIFACT.proof.json.")
@command(trust=True)
def export_proof(session: Session, artifact: Path, target: Path | None) -> int:
    """Write one JSON file with everything that an outsider needs to verify ARTIFACT, once it verifies here."""
    from remembrancer.audit.gather import gather, open_ledger
    from remembrancer.findings import Outcome
    from remembrancer.system.digests import sha256_file
    from remembrancer.system.files import write_whole
    from remembrancer.verify.artifact import verify_full
    from remembrancer.verify.bundle import export

    trusted = session.trusted()
    log = open_ledger(session.repository, trusted.policy)
    evidence = gather(session.repository, artifact, sha256_file(artifact), log)
    findings = verify_full(evidence, log, trusted, session.clock.now())
    if log.view is None or any(finding.outcome is not Outcome.VERIFIED for finding in findings):
        report = Report("export-proof", str(artifact), str(trusted.policy.profile), findings, notices=session.notices)
        return emit(report, session.output)
    data = export(evidence, log.view)
    file = target or artifact.with_name(f"{artifact.name}.proof.json")
    write_whole(file, data)
    report = Report(
        "export-proof", str(artifact), data={"file": str(file), "bytes": len(data)}, notices=session.notices
    )
    return say(report, session.output, f"wrote {file} ({len(data)} bytes)")


@click.command(
    "verify-proof",
    epilog="Example: remembrancer verify-proof a.tar.gz.proof.json --artifact a.tar.gz --policy ./trust/policy.toml "
    "--trust 0123456789ABCDEF0123456789ABCDEF01234567",
)
@click.argument("file", type=FILE)
@click.option("--artifact", type=FILE, metavar="FILE", help="The artifact. Default: FILE without .proof.json.")
@click.option(
    "--policy",
    "policy_file",
    type=FILE,
    metavar="FILE",
    help="The owner's policy.toml, its signatures and keys beside it.",
)
@command(trust=True)
def verify_proof(session: Session, file: Path, artifact: Path | None, policy_file: Path | None) -> int:
    """Check a proof FILE offline against a policy that you choose; nothing inside the file is trusted.

    Without --policy, the policy of the repository that you are in is used. The owner is pinned or given by --trust.
    """
    from remembrancer.audit.history import unremembered
    from remembrancer.audit.remembered import compare_proof, remember
    from remembrancer.cli.one_proof import read_file
    from remembrancer.errors import BadInput, Rejected, Unverifiable
    from remembrancer.findings import Outcome
    from remembrancer.system.digests import sha256_file
    from remembrancer.verify.artifact import negative, verify_full
    from remembrancer.verify.bundle import MAX_BYTES, open_portable, parse
    from remembrancer.verify.evidence import Artifact

    portable = parse(read_file(file, MAX_BYTES))
    path = artifact or file.with_name(file.name.removesuffix(".proof.json"))
    if path == file:
        how = "Give the file itself: --artifact FILE."
        raise BadInput("input.file", "say which artifact the proof is about with --artifact", how)
    digest = sha256_file(path)
    try:
        trusted = trusted_under(session, policy_file)
    except (Rejected, Unverifiable) as error:
        finding = negative("trust", str(policy_file or "ops/trust/policy.toml"), error)
        return emit(Report("verify-proof", str(path), "", [finding], notices=session.notices), session.output)
    evidence = portable.evidence._replace(
        artifact=Artifact(path.name, digest, path),
        deploys=tuple(one for one in portable.evidence.deploys if one.receipt.subject[0].sha256 == digest),
    )
    if not evidence.deploys and portable.evidence.deploys:
        evidence = evidence._replace(contradicting=portable.evidence.deploys[0])
    log = open_portable(portable, trusted.policy)
    findings = verify_full(evidence, log, trusted, session.clock.now())
    if log.view:
        before = compare_proof(log.view, session.state, _here(session))
        findings.append(before or unremembered(log.view, trusted.policy))
        if all(finding.outcome is Outcome.VERIFIED for finding in findings):
            notice = remember(log.view, session.state)
            session.notices += [notice] if notice else []
    report = Report("verify-proof", str(path), str(trusted.policy.profile), findings, notices=session.notices)
    return emit(report, session.output)


def _here(session: Session) -> "Repository | None":
    """Return the repository that the user is in, None outside of one."""
    from remembrancer.errors import BadInput

    try:
        return session.repository
    except BadInput:
        return None


def trusted_under(session: Session, policy_file: Path | None) -> "Trusted":
    """Return the repository's policy, or the one in a file that the user chose, under the user's trust."""
    from remembrancer.errors import BadInput

    if policy_file is None:
        try:
            return session.trusted()
        except BadInput as error:
            if error.code != "input.root":
                raise
            how = "Give the policy that you got from the owner with --policy, or run it inside the repository."
            raise BadInput(error.code, error.message, how) from None
    if policy_file.is_dir():
        policy_file /= "policy.toml"
    from remembrancer.repository.reader import Repository, policy_beside

    folder = policy_file.resolve().parent
    return session.trusted_policy(policy_beside(policy_file), lambda sha256: Repository(folder).read(f"keys/{sha256}"))
