"""`export-proof` and `verify-proof`: a proof that travels without the repository."""

from pathlib import Path

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import PathName, Shown, command
from remembrancer.cli.output import Report, emit_verdict, say
from remembrancer.cli.verify import asked

FILE = PathName()


@click.command("export-proof", epilog="Example: remembrancer export-proof dist/my-svc-1.0.0.tar.gz")
@click.argument("artifact", type=FILE)
@click.option("-o", "--output", "target", type=FILE, metavar="FILE", help="Default: ARTIFACT.proof.json.")
@asked
@command(trust=True)
def export_proof(
    session: Session, shown: Shown, artifact: Path, target: Path | None, *, component: str, version: str
) -> int:
    """Write one JSON file with everything that an outsider needs to verify ARTIFACT, once it verifies here."""
    from remembrancer.audit.travel import export_proof as export
    from remembrancer.verify.asked import Asked

    verdict = export(session, artifact, target, Asked(component, version))
    if not verdict.data:
        return emit_verdict("export-proof", verdict, session, shown.format)
    report = Report("export-proof", verdict.subject, data=verdict.data, notices=session.notices)
    return say(report, shown.format, f"wrote {verdict.data['file']} ({verdict.data['bytes']} bytes)")


@click.command(
    "verify-proof",
    epilog="Example: remembrancer verify-proof a.tar.gz.proof.json --artifact a.tar.gz "
    "--trust-bundle trust-bundle.json --trust 0123456789ABCDEF0123456789ABCDEF01234567",
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
@click.option(
    "--trust-bundle", "bundle", type=FILE, metavar="FILE", help="What `trust export` wrote, instead of --policy."
)
@asked
@command(trust=True)
def verify_proof(
    session: Session,
    shown: Shown,
    file: Path,
    artifact: Path | None,
    *,
    policy_file: Path | None,
    bundle: Path | None,
    component: str,
    version: str,
) -> int:
    """Check a proof FILE offline against a policy that you choose; nothing inside the file is trusted.

    Without --policy and --trust-bundle, the policy of the repository that you are in is used. The owner is pinned or
    given by --trust; neither file says who that is.
    """
    from remembrancer.audit.travel import judge_proof
    from remembrancer.errors import BadInput
    from remembrancer.verify.asked import Asked

    if bundle and policy_file:
        raise BadInput("input.name", "--policy and --trust-bundle are two places of one policy; give one of them")
    verdict = judge_proof(session, file, artifact, policy_file, bundle=bundle, asked=Asked(component, version))
    return emit_verdict("verify-proof", verdict, session, shown.format)
