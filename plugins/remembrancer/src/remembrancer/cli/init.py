"""`init`: begin a ledger, with throw-away development trust or with production keys that the operator brings."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, say
from remembrancer.cli.seal import sealed_data, sealed_lines

if TYPE_CHECKING:
    from remembrancer.record.start import Listed

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
    shown: Shown,
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
        return _development(session, shown, name)
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
        shown,
        component=name,
        domain=domain,
        owner=owner,
        signers=signers,
        log_key_file=log_key_file,
        authorities=authorities,
        roots=roots,
    )


def _development(session: Session, shown: Shown, component: str) -> int:
    from remembrancer.record.start import start_development

    begun = start_development(session, component)
    policy = begun.policy
    data = {
        "origin": policy.origin,
        "profile": str(policy.profile),
        "owner": policy.owner,
        **sealed_data(begun.sealed),
    }
    return say(
        Report("init", data=data, notices=session.notices),
        shown.format,
        f"ledger begun: {policy.origin}",
        f"owner {policy.owner} is pinned for this user only; its throw-away keys are in {session.state.folder}",
        "This is development trust: it proves integrity here and nothing to anyone else.",
        *sealed_lines(begun.sealed),
    )


def _production(
    session: Session,
    shown: Shown,
    *,
    component: str,
    domain: str,
    owner: str,
    signers: tuple[str, ...],
    log_key_file: Path,
    authorities: tuple[str, ...],
    roots: tuple[str, ...],
) -> int:
    from remembrancer.record.start import start_production

    begun = start_production(
        session,
        component,
        domain=domain,
        owner=owner,
        signers=signers,
        log_key_file=log_key_file,
        listed=_listed(authorities, roots),
    )
    policy = begun.policy
    data = {
        "origin": policy.origin,
        "profile": str(policy.profile),
        "owner": policy.owner,
        "archive": begun.archive,
        **sealed_data(begun.sealed),
    }
    return say(
        Report("init", data=data, notices=session.notices),
        shown.format,
        f"production ledger begun: {policy.origin}",
        *([f"the development ledger is in {begun.archive}"] if begun.archive else []),
        f"publish the owner's fingerprint {policy.owner}: everybody who verifies pins it, you too",
        f"  remembrancer trust pin {policy.owner}",
        *_for_the_pipeline(policy.owner, policy.signers[0].fingerprint, log_key_file),
        *sealed_lines(begun.sealed),
    )


def _for_the_pipeline(owner: str, signer: str, log_key_file: Path) -> tuple[str, ...]:
    """Return what the settings of the repository need before its pipeline can release; the names are the pipelines'."""
    return (
        "for the pipeline, protect the default branch, and make an environment `release` for that branch only, with",
        f"  the secret REMEMBRANCER_LOG_KEY: the private log key, which is the text in {log_key_file}",
        f"  the secret REMEMBRANCER_GPG_KEY: the signing key, by gpg --armor --export-secret-keys {signer}",
        f"and for the whole repository the variable REMEMBRANCER_TRUST: {owner}",
    )


def _listed(given: tuple[str, ...], roots: tuple[str, ...]) -> "list[Listed]":
    from remembrancer.errors import BadInput
    from remembrancer.record.start import Listed

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
        found.append(Listed(name, url, mine))
    return found
