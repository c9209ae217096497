"""Beginning a ledger, for every front end: keys and policy, pinned or published, and the first checkpoint."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from remembrancer.audit.session import Session
from remembrancer.errors import BadInput
from remembrancer.record.begin import begin_development
from remembrancer.record.finish import Sealed, seal_now
from remembrancer.record.production import Terms, begin_production, named_by_policy, origin_of
from remembrancer.record.trust_change import anchors
from remembrancer.tlog.note import SignerKey
from remembrancer.trust.policy import Policy, Term, TimeAuthority
from remembrancer.user.keys import read_log_key, refuse_inside, write_log_key
from remembrancer.user.state import fingerprint


class Listed(NamedTuple):
    """A timestamp authority that the operator names: its name in the policy, where it answers, its roots (PEM)."""

    name: str
    url: str
    roots: tuple[Path, ...]


class Begun(NamedTuple):
    """The policy in force, what became of the receipts that waited, and where a development ledger went ("": none)."""

    policy: Policy
    sealed: Sealed
    archive: str = ""


def start_development(session: Session, component: str) -> Begun:
    """Begin a ledger with throw-away keys that only this user trusts. Raises as `begin.begin_development`."""
    policy = begin_development(session, component)
    # only the owner that was just made counts here, whatever the environment says
    session.owners = (policy.owner,)
    return Begun(policy, seal_now(session, session.trusted()))


def start_production(
    session: Session,
    component: str,
    *,
    domain: str,
    owner: str,
    signers: tuple[str, ...],
    log_key_file: Path,
    listed: Sequence[Listed],
) -> Begun:
    """Begin a ledger with keys that the operator brings; a log key file that does not exist is made.

    `owner` and `signers` are fingerprints (without signers the owner signs). A development ledger is archived. Raises
    BadInput(input.log-key, input.fingerprint, input.domain), and as `production.begin_production`; a log key that was
    made is taken away again then.
    """
    origin = origin_of(domain, component)
    refuse_inside(session.root, log_key_file)
    made = not log_key_file.exists()
    key = SignerKey.generate(origin) if made else read_log_key(log_key_file)
    if key.name != origin:
        other = "Name another --log-key-file; it is made when it does not exist."
        raise BadInput("input.log-key", f"the log key is for {key.name}, not for {origin}", other)
    owner = fingerprint(owner)
    chosen = tuple(fingerprint(one) for one in signers) or (owner,)
    authorities = tuple(
        TimeAuthority(one.name, one.url, anchors(one.roots), (), (), False, False, Term()) for one in listed
    )
    terms = Terms(domain, owner, chosen, key.verifier(), authorities)
    if made:
        write_log_key(log_key_file, key)
    try:
        with tempfile.TemporaryDirectory(prefix="remembrancer.") as folder:
            policy, archive = begin_production(session, component, terms, scratch=Path(folder))
    except BaseException:
        # a private key that no policy names would only be in the way of the next attempt
        if made and not named_by_policy(session.repository, key.verifier()):
            log_key_file.unlink(missing_ok=True)
        raise
    session.owners = (owner,)
    return Begun(policy, seal_now(session, session.trusted(), begin=key), archive)
