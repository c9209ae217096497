"""`init`: begin a ledger, with throw-away development trust or with production keys that the operator brings."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, say

if TYPE_CHECKING:
    from remembrancer.trust.policy import TimeAuthority

FILE = click.Path(path_type=Path)


@click.command(
    epilog="Example: remembrancer init --dev\n\nProduction: remembrancer init --production --domain example.com "
    "--owner FPR --log-key-file ../log.key --authority tsa=https://tsa.example.com --authority-root tsa=root.pem"
)
@click.option("--dev", "profile", flag_value="development", default="development", help="Throw-away keys (default).")
@click.option("--production", "profile", flag_value="production", help="Production trust, with keys that you bring.")
@click.option("--component", metavar="NAME", help="Default: from app/service.json, pyproject.toml or the folder.")
@click.option("--domain", metavar="DOMAIN", help="The log's origin is DOMAIN/COMPONENT.")
@click.option("--owner", metavar="FPR", help="Who signs the policy; the secret key is in gpg's keyring.")
@click.option("--signer", "signers", multiple=True, metavar="FPR", help="Who signs artifacts. Default: the owner.")
@click.option("--log-key-file", type=FILE, metavar="FILE", help="The private log key; made when it does not exist.")
@click.option("--authority", "authorities", multiple=True, metavar="NAME=URL", help="A timestamp authority.")
@click.option("--authority-root", "roots", multiple=True, metavar="NAME=FILE", help="Its root certificate (PEM).")
@command()
def init(
    session: Session,
    *,
    profile: str,
    component: str | None,
    domain: str | None,
    owner: str | None,
    signers: tuple[str, ...],
    log_key_file: Path | None,
    authorities: tuple[str, ...],
    roots: tuple[str, ...],
) -> int:
    """Begin a ledger and write the signed policy that says whom it trusts; receipts that wait are sealed.

    --production archives a development ledger, begins a new origin, and says what the pipeline's settings need. Tell
    everybody who verifies the owner's fingerprint.
    """
    from remembrancer.errors import BadInput
    from remembrancer.record.begin import component_of

    name = component_of(session.root, component)
    if profile == "development":
        if domain or owner or signers or log_key_file or authorities or roots:
            raise BadInput(
                "input.name", "--domain, --owner, --signer, --log-key-file and --authority are for --production"
            )
        return _development(session, name)
    if not (domain and owner and log_key_file and authorities and roots):
        given = {
            "--domain": domain,
            "--owner": owner,
            "--log-key-file": log_key_file,
            "--authority": authorities,
            "--authority-root": roots,
        }
        missing = ", ".join(option for option, value in given.items() if not value)
        how = "Give them too; `remembrancer init --help` has an example."
        raise BadInput("input.name", f"--production needs {missing} as well", how)
    return _production(
        session,
        component=name,
        domain=domain,
        owner=owner,
        signers=signers,
        log_key_file=log_key_file,
        authorities=authorities,
        roots=roots,
    )


def _development(session: Session, component: str) -> int:
    from remembrancer.cli.seal import seal_now
    from remembrancer.record.begin import begin_development

    policy = begin_development(session.repository, session.state, component, session.clock)
    # only the owner that was just made counts here, whatever the environment says
    session.owners = (policy.owner,)
    sealed = seal_now(session, session.trusted())
    data = {"origin": policy.origin, "profile": str(policy.profile), "owner": policy.owner, **sealed.data}
    return say(
        Report("init", data=data, notices=session.notices),
        session.output,
        f"ledger begun: {policy.origin}",
        f"owner {policy.owner} is pinned for this user only; its throw-away keys are in {session.state.folder}",
        "This is development trust: it proves integrity here and nothing to anyone else.",
        *sealed.lines,
    )


def _production(
    session: Session,
    *,
    component: str,
    domain: str,
    owner: str,
    signers: tuple[str, ...],
    log_key_file: Path,
    authorities: tuple[str, ...],
    roots: tuple[str, ...],
) -> int:
    from remembrancer.cli.seal import begin_log
    from remembrancer.errors import BadInput
    from remembrancer.record.production import Terms, begin_production, named_by_policy, origin_of
    from remembrancer.tlog.note import SignerKey
    from remembrancer.user import state
    from remembrancer.user.keys import read_log_key, refuse_inside, write_log_key

    origin = origin_of(domain, component)
    refuse_inside(session.root, log_key_file)
    made = not log_key_file.exists()
    key = SignerKey.generate(origin) if made else read_log_key(log_key_file)
    if key.name != origin:
        other = "Name another --log-key-file; it is made when it does not exist."
        raise BadInput("input.log-key", f"the log key is for {key.name}, not for {origin}", other)
    owner = state.fingerprint(owner)
    chosen = tuple(state.fingerprint(one) for one in signers) or (owner,)
    terms: Terms = Terms(domain, owner, chosen, key.verifier(), _authorities(authorities, roots))
    if made:
        write_log_key(log_key_file, key)
    try:
        with tempfile.TemporaryDirectory(prefix="remembrancer.") as folder:
            policy, archive = begin_production(
                session.repository, session.state, component, terms, clock=session.clock, scratch=Path(folder)
            )
    except BaseException:
        # a private key that no policy names would only be in the way of the next attempt
        if made and not named_by_policy(session.repository, key.verifier()):
            log_key_file.unlink(missing_ok=True)
        raise
    session.owners = (owner,)
    sealed = begin_log(session, session.trusted(), key)
    data = {"origin": origin, "profile": str(policy.profile), "owner": owner, "archive": archive, **sealed.data}
    return say(
        Report("init", data=data, notices=session.notices),
        session.output,
        f"production ledger begun: {origin}",
        *([f"the development ledger is in {archive}"] if archive else []),
        f"publish the owner's fingerprint {owner}: everybody who verifies pins it, you too",
        f"  remembrancer trust pin {owner}",
        *_for_the_pipeline(owner, chosen[0], log_key_file),
        *sealed.lines,
    )


def _for_the_pipeline(owner: str, signer: str, log_key_file: Path) -> tuple[str, ...]:
    """Return what the settings of the repository need before its pipeline can release; the names are the pipelines'."""
    return (
        "for the pipeline, protect the default branch, and make an environment `release` for that branch only, with",
        f"  the secret REMEMBRANCER_LOG_KEY: the private log key, which is the text in {log_key_file}",
        f"  the secret REMEMBRANCER_GPG_KEY: the signing key, by gpg --armor --export-secret-keys {signer}",
        f"and for the whole repository the variable REMEMBRANCER_TRUST: {owner}",
    )


def _authorities(given: tuple[str, ...], roots: tuple[str, ...]) -> "tuple[TimeAuthority, ...]":
    from remembrancer.cli.one_proof import materials
    from remembrancer.errors import BadInput
    from remembrancer.trust.policy import Term, TimeAuthority

    remedy = "Say --authority NAME=URL and --authority-root NAME=FILE with the same NAME."
    found = []
    names = [one.partition("=")[0] for one in given]
    pairs = [one.partition("=") for one in roots]
    if any(name not in names for name, _, _ in pairs):
        raise BadInput("input.authority", "--authority-root names an authority that --authority does not", remedy)
    for name, equals, url in (one.partition("=") for one in given):
        mine = tuple(Path(path) for owner, _, path in pairs if owner == name and path)
        if not equals or not mine:
            raise BadInput("input.authority", f"the authority {name[:60]!r} needs NAME=URL and a root", remedy)
        found.append(TimeAuthority(name, url, materials(mine), (), (), False, False, Term()))
    return tuple(found)
