"""Beginning a ledger, for every front end: keys and policy, pinned or published, and the first checkpoint."""

import tempfile
from pathlib import Path

from remembrancer.audit.session import Session
from remembrancer.errors import BadInput
from remembrancer.named import NamedTuple
from remembrancer.record.answers import Answers, Listed
from remembrancer.record.authorities import prove_authorities
from remembrancer.record.begin import begin_development
from remembrancer.record.finish import Sealed, seal_now
from remembrancer.record.production import (
    Prepared,
    Terms,
    archive_ledger,
    archive_of,
    begin_production,
    development_in_force,
    named_by_policy,
    origin_of,
    prepare_production,
)
from remembrancer.record.trust_change import anchors, materials
from remembrancer.tlog.note import SignerKey
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Policy, Term, TimeAuthority
from remembrancer.user.keys import log_key, read_log_key, refuse_inside, write_log_key
from remembrancer.user.state import fingerprint


class Begun(NamedTuple):
    """The policy in force, what became of the receipts that waited, and where a development ledger went ("": none)."""

    policy: Policy
    sealed: Sealed
    archive: str = ""


def start_development(session: Session, component: str, *, again: bool = False) -> Begun:
    """Begin a ledger with throw-away keys that only this user trusts; with `again` over another development ledger.

    That one is archived, as `start_production` does it. Raises as `begin.begin_development`, and Refused(trust.exists)
    over a production policy.
    """
    old = development_in_force(session.repository) if again else None

    def archive() -> None:
        if old:
            archive_ledger(session.repository, old.origin)

    policy = begin_development(session, component, archive=archive if again else None)
    # only the owner that was just made counts here, whatever the environment says
    session.owners = (policy.owner,)
    key = log_key(policy, session.state, 1)
    return Begun(policy, seal_now(session, session.trusted(), begin=key), archive_of(old.origin) if old else "")


class Ready(NamedTuple):
    """A production that can begin: its policy, its log key and that key's file, and where an old ledger would go."""

    prepared: Prepared
    key: SignerKey
    key_file: Path
    archive: str


def check_production(session: Session, component: str, answers: Answers) -> Ready:
    """Check everything that production needs, last that each authority gives a token that holds; writes nothing.

    Notes a single authority, and an owner who signs releases too. Raises BadInput(input.terms) for an answer that is
    missing, BadInput(input.log-key, input.fingerprint, input.domain, input.certificate), and as
    `production.prepare_production` and `authorities.prove_authorities`.
    """
    given = _complete(answers)
    origin = origin_of(given.domain, component)
    refuse_inside(session.root, given.log_key_file)
    key = read_log_key(given.log_key_file) if given.log_key_file.exists() else SignerKey.generate(origin)
    if key.name != origin:
        other = "Name another --log-key-file; it is made when it does not exist."
        raise BadInput("input.log-key", f"the log key is for {key.name}, not for {origin}", other)
    owner, signers = fingerprint(given.owner), tuple(map(fingerprint, given.signers))
    terms = Terms(given.domain, owner, signers, key.verifier(), tuple(map(_authority, given.authorities)))
    prepared = prepare_production(session, component, terms)
    prove_authorities(session, Trusted(prepared.policy, owner, session.repository.key))
    if owner in signers:
        session.notice("the owner signs releases too: whoever runs the pipeline can then also change the policy")
    return Ready(prepared, key, given.log_key_file, archive_of(prepared.old.origin) if prepared.old else "")


def start_production(session: Session, component: str, answers: Answers) -> Begun:
    """Begin a ledger with keys that the operator brings; a log key file that does not exist is made.

    A development ledger is archived. Raises as `check_production` and `production.begin_production`; nothing is left
    behind then.
    """
    ready = check_production(session, component, answers)
    made = not ready.key_file.exists()

    def key_file() -> None:
        if made:
            write_log_key(ready.key_file, ready.key)

    try:
        with tempfile.TemporaryDirectory(prefix="remembrancer.") as folder:
            begin_production(session, ready.prepared, key_file, scratch=Path(folder))
    except BaseException:
        # a private key that no policy names would only be in the way of the next attempt
        if made and not named_by_policy(session.repository, ready.key.verifier()):
            ready.key_file.unlink(missing_ok=True)
        raise
    policy = ready.prepared.policy
    session.owners = (policy.owner,)
    return Begun(policy, seal_now(session, session.trusted(), begin=ready.key), ready.archive)


class _Complete(NamedTuple):
    domain: str
    owner: str
    signers: tuple[str, ...]
    log_key_file: Path
    authorities: tuple[Listed, ...]


def _complete(answers: Answers) -> _Complete:
    """The answers, once none is missing; nobody becomes a signer by not naming one."""
    _, domain, owner, signers, log_key_file, authorities = answers
    if domain and owner and signers and log_key_file and authorities:
        return _Complete(domain, owner, signers, log_key_file, authorities)
    given = {
        "--domain": domain,
        "--owner": owner,
        "--signer": signers,
        "--log-key-file": log_key_file,
        "--authority": authorities,
    }
    missing = [option for option, value in given.items() if not value]
    how = "Give them too, on the command line or with --answers FILE; `remembrancer init --help` has an example."
    if missing == ["--signer"]:
        how = "Name the key that signs releases, which the pipeline can use; the owner's should not be there."
    raise BadInput("input.terms", f"--production needs {', '.join(missing)} as well", how)


def _authority(listed: Listed) -> TimeAuthority:
    return TimeAuthority(
        name=listed.name,
        url=listed.url,
        roots=anchors(listed.roots),
        intermediates=materials(listed.intermediates),
        policy_oids=listed.policy_oids,
        self_asserted=listed.self_asserted,
        allow_ess_v1=listed.allow_ess_v1,
        term=Term(),
    )
