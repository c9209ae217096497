"""`init`: begin a ledger, with throw-away development trust or with production keys that the operator brings."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, say
from remembrancer.cli.seal import sealed_data, sealed_lines

if TYPE_CHECKING:
    from remembrancer.record.answers import Answers, Listed
    from remembrancer.record.start import Begun, Ready

FILE = click.Path(path_type=Path)
_OF_AUTHORITIES = "--authority-root, --intermediate, --policy-oid, --allow-ess-v1 and --self-asserted"


@click.command(
    epilog="Example: remembrancer init --dev\n\nProduction: remembrancer init --production --domain example.com "
    "--owner FPR --signer FPR --log-key-file ../log.key --authority tsa=https://tsa.example.com "
    "--authority-root tsa=root.pem --dry-run"
)
@click.option("--dev", "profile", flag_value="development", default="development", help="Throw-away keys (default).")
@click.option("--production", "profile", flag_value="production", help="Production trust, with keys that you bring.")
@click.option("--again", is_flag=True, help="Archive a development ledger and begin anew, with keys of your own.")
@click.option("--component", metavar="NAME", help="Default: from app/service.json, pyproject.toml or the folder.")
@click.option("--answers", "answers_file", type=FILE, metavar="FILE", help="Production's options in a TOML file.")
@click.option("--domain", metavar="DOMAIN", help="The log's origin is DOMAIN/COMPONENT.")
@click.option("--owner", metavar="FPR", help="Who signs the policy; the secret key is in gpg's keyring.")
@click.option("--signer", "signers", multiple=True, metavar="FPR", help="Who signs artifacts, with the pipeline's key.")
@click.option("--log-key-file", type=FILE, metavar="FILE", help="The private log key; made when it does not exist.")
@click.option("--authority", "authorities", multiple=True, metavar="NAME=URL", help="A timestamp authority.")
@click.option("--authority-root", "roots", multiple=True, metavar="NAME=FILE", help="Its root certificate (PEM).")
@click.option(
    "--intermediate", "intermediates", multiple=True, metavar="NAME=FILE", help="Its chain certificate (PEM)."
)
@click.option("--policy-oid", "oids", multiple=True, metavar="NAME=OID", help="A policy of it that is accepted.")
@click.option("--allow-ess-v1", "ess_v1", multiple=True, metavar="NAME", help="Accept its SHA-1 certificate attribute.")
@click.option("--self-asserted", "own", multiple=True, metavar="NAME", help="The signer runs this authority itself.")
@click.option("--dry-run", is_flag=True, help="Check everything, ask each authority for a token, and write nothing.")
@command()
def init(
    session: Session,
    shown: Shown,
    *,
    profile: str,
    again: bool,
    component: str | None,
    answers_file: Path | None,
    domain: str | None,
    owner: str | None,
    signers: tuple[str, ...],
    log_key_file: Path | None,
    authorities: tuple[str, ...],
    roots: tuple[str, ...],
    intermediates: tuple[str, ...],
    oids: tuple[str, ...],
    ess_v1: tuple[str, ...],
    own: tuple[str, ...],
    dry_run: bool,
) -> int:
    """Begin a ledger and write the signed policy that says whom it trusts; receipts that wait are sealed.

    --production archives a development ledger, begins a new origin, and says what the pipeline's settings need. It
    writes nothing before each authority gave a token that verifies, and asks on a terminal for what was not given. Tell
    everybody who verifies the owner's fingerprint.
    """
    from remembrancer.errors import BadInput
    from remembrancer.record.answers import Answers, read_answers
    from remembrancer.record.begin import component_of

    listed = _listed(authorities, roots=roots, intermediates=intermediates, oids=oids, ess_v1=ess_v1, own=own)
    answers = Answers(component, domain, owner, signers, log_key_file, listed)
    if profile == "development":
        if any(answers[1:]) or answers_file or dry_run:
            raise BadInput(
                "input.name",
                "--answers, --domain, --owner, --signer, --log-key-file, --authority, --dry-run are for --production",
            )
        return _development(session, shown, component_of(session.root, component), again=again)
    if again:
        raise BadInput("input.name", "--again is for --dev; --production archives a development ledger by itself")
    if answers_file:
        answers = answers.over(read_answers(answers_file))
    if sys.stdin.isatty() and sys.stdout.isatty() and shown.format == "text":
        from remembrancer.cli.ask import ask_for_missing

        answers = ask_for_missing(answers)
    return _production(session, shown, component_of(session.root, answers.component), answers, dry_run=dry_run)


def _development(session: Session, shown: Shown, component: str, *, again: bool) -> int:
    from remembrancer.record.start import start_development

    begun = start_development(session, component, again=again)
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
        f"ledger begun: {policy.origin}",
        *([f"the ledger before it is in {begun.archive}"] if begun.archive else []),
        f"owner {policy.owner} is pinned for this user only; its throw-away keys are in {session.state.folder}",
        "This is development trust: it proves integrity here and nothing to anyone else.",
        *sealed_lines(begun.sealed),
    )


def _production(session: Session, shown: Shown, component: str, answers: "Answers", *, dry_run: bool) -> int:
    from remembrancer.record.start import check_production, start_production

    if dry_run:
        ready = check_production(session, component, answers)
        policy, archive, data, lines = ready.prepared.policy, ready.archive, {}, _would(ready)
    else:
        begun = start_production(session, component, answers)
        policy, archive, data, lines = begun.policy, begun.archive, sealed_data(begun.sealed), _begun(begun, answers)
    data = {
        "origin": policy.origin,
        "profile": str(policy.profile),
        "owner": policy.owner,
        "archive": archive,
        "dryRun": dry_run,
        **data,
    }
    return say(Report("init", data=data, notices=session.notices), shown.format, *lines)


def _begun(begun: "Begun", answers: "Answers") -> list[str]:
    policy = begun.policy
    return [
        f"production ledger begun: {policy.origin}",
        *([f"the development ledger is in {begun.archive}"] if begun.archive else []),
        f"publish the owner's fingerprint {policy.owner}: everybody who verifies pins it, you too",
        f"  remembrancer trust pin {policy.owner}",
        *_for_the_pipeline(policy.owner, policy.signers[0].fingerprint, answers.log_key_file),
        *sealed_lines(begun.sealed),
    ]


def _would(ready: "Ready") -> list[str]:
    policy = ready.prepared.policy
    return [
        f"would begin {policy.origin}, owner {policy.owner}",
        *(f"signer {one.name}: {one.fingerprint}" for one in policy.signers),
        *(f"authority {one.name}: gave a token that verifies" for one in policy.authorities),
        *([f"would move the development ledger to {ready.archive}"] if ready.archive else []),
        "nothing was changed",
    ]


def _for_the_pipeline(owner: str, signer: str, log_key_file: Path | None) -> tuple[str, ...]:
    """Return what the settings of the repository need before its pipeline can release; the names are the pipelines'."""
    return (
        "for the pipeline, protect the default branch, and make two environments for protected branches only:",
        f"  `release` with the secret REMEMBRANCER_GPG_KEY: the signing key, gpg --armor --export-secret-keys {signer}",
        f"  `ledger` with the secret REMEMBRANCER_LOG_KEY: the private log key, which is the text in {log_key_file}",
        f"and for the whole repository the variable REMEMBRANCER_TRUST: {owner}",
    )


def _listed(
    given: tuple[str, ...],
    *,
    roots: tuple[str, ...],
    intermediates: tuple[str, ...],
    oids: tuple[str, ...],
    ess_v1: tuple[str, ...],
    own: tuple[str, ...],
) -> "tuple[Listed, ...]":
    """Return the authorities that the options name; each option says by NAME which one it means."""
    from remembrancer.errors import BadInput
    from remembrancer.record.answers import Listed

    remedy = "Say --authority NAME=URL and --authority-root NAME=FILE with the same NAME."
    urls = dict(_pairs(given))
    if len(urls) != len(given):
        raise BadInput("input.authority", "two authorities have the same name", "Give each a NAME of its own.")
    of = [one.partition("=")[0] for options in (roots, intermediates, oids, ess_v1, own) for one in options]
    if stray := sorted(set(of) - urls.keys()):
        raise BadInput("input.authority", f"{stray[0][:60]!r} of {_OF_AUTHORITIES} is no --authority", remedy)
    found = []
    for name, url in urls.items():
        mine = tuple(Path(path) for owner, path in _pairs(roots) if owner == name and path)
        if not url or not mine:
            raise BadInput("input.authority", f"the authority {name[:60]!r} needs NAME=URL and a root", remedy)
        between = tuple(Path(path) for owner, path in _pairs(intermediates) if owner == name)
        accepted = tuple(oid for owner, oid in _pairs(oids) if owner == name)
        found.append(Listed(name, url, mine, between, accepted, name in ess_v1, name in own))
    return tuple(found)


def _pairs(given: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (one.partition("=") for one in given)]
