"""Beginning production: the development ledger is archived, and a new origin begins with keys that the operator brings.

Spawn, update and decision receipts are sequenced again in the new log. Development deployments move to the archive with
their proofs and reserve no version; blobs stay where they are, because they are named by what they are.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from remembrancer.audit.session import Session
from remembrancer.clock import rfc3339
from remembrancer.errors import BadInput, Refused
from remembrancer.named import NamedTuple
from remembrancer.openpgp.certificate import certificate_facts, signing_ends
from remembrancer.openpgp.gpg import export_public, require_secret_key
from remembrancer.paths import LEDGER, LOCAL, POLICY, RECEIPTS, TRUST
from remembrancer.record.begin import record_change, refuse_seen, sign_policy, write_policy
from remembrancer.repository.reader import Repository
from remembrancer.system.files import trouble
from remembrancer.tlog.note import VerifierKey
from remembrancer.tlog.quorum import Quorum
from remembrancer.trust import policy
from remembrancer.trust.policy import LogKey, Material, Policy, Profile, Requirements, Signer, Term, TimeAuthority
from remembrancer.trust.render import render
from remembrancer.user.keys import owner_home

ARCHIVED = ("ledger", "deploy", "rollout", "rollback", "sign", "timestamp", "trust", "waiver", "aside")
_OTHER = "Name another key."
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


class Terms(NamedTuple):
    """What the operator decides: domain, owner and signers (fingerprints in gpg's keyring), log key, authorities."""

    domain: str
    owner: str
    signers: tuple[str, ...]
    log_key: VerifierKey
    authorities: tuple[TimeAuthority, ...]


def origin_of(domain: str, component: str) -> str:
    """Return the production origin `<domain>/<component>`; raises BadInput(input.domain)."""
    if not _DOMAIN.fullmatch(domain) or len(domain) > 253 or domain.endswith(".invalid"):
        raise BadInput("input.domain", f"{domain[:60]!r} is not a domain of yours")
    return f"{domain}/{component}"


class Prepared(NamedTuple):
    """A production policy that is ready to be signed, its owner's certificate, and the development policy before it."""

    data: bytes
    policy: Policy
    certificate: bytes
    old: Policy | None


def prepare_production(session: Session, component: str, terms: Terms) -> Prepared:
    """Return the production policy of these terms once everything about it that can be known here was checked.

    Raises Refused(trust.exists) over a production policy and as `begin.refuse_seen`, BadInput(sig.no-key) without the
    owner's secret key, BadInput(sig.key-expired, sig.key-revoked) for a key that makes no more signatures,
    BadInput(policy.*), EnvironmentTrouble. Nothing is written and nothing is signed.
    """
    old = development_in_force(session.repository)
    certificates = {name: export_public(name, None) for name in dict.fromkeys([terms.owner, *terms.signers])}
    for name, certificate in certificates.items():
        _refuse_ended("owner" if name == terms.owner else "signer", name, certificate, session.clock.now())
    data = render(_policy(origin_of(terms.domain, component), terms, certificates))
    parsed = policy.parse(data)
    refuse_seen(session.state, [terms.owner], parsed)
    require_secret_key(terms.owner, owner_home(parsed, terms.owner, session.state))
    return Prepared(data, parsed, certificates[terms.owner], old)


def _refuse_ended(what: str, fingerprint: str, certificate: bytes, now: datetime) -> None:
    """Refuse a key that could not sign a release of today."""
    facts, ends = certificate_facts(certificate), signing_ends(certificate)
    if facts.revoked:
        raise BadInput("sig.key-revoked", f"the key of the {what} {fingerprint} is revoked ({facts.revoked})", _OTHER)
    if ends is not None and ends <= now:
        extend = f"Extend it with `gpg --quick-set-expire {fingerprint} 2y`, or name another key."
        message = f"the key of the {what} {fingerprint} makes no signatures since {rfc3339(ends)}"
        raise BadInput("sig.key-expired", message, extend)


def begin_production(session: Session, prepared: Prepared, key_file: Callable[[], None], *, scratch: Path) -> None:
    """Archive a development ledger and write the production policy, signed by its owner with gpg.

    The policy is signed before anything is written; then `key_file` puts the log key in its place. Raises
    BadInput, EnvironmentTrouble, Refused(trust.exists).
    """
    repository, owner = session.repository, prepared.policy.owner
    home = owner_home(prepared.policy, owner, session.state)
    signature = sign_policy(prepared.data, owner, home, scratch)
    key_file()
    if prepared.old:
        archive_ledger(repository, prepared.old.origin)
    write_policy(repository, prepared.data, {owner: signature}, {owner: prepared.certificate})
    record_change(session, "init", prepared.data, {owner: signature})


def named_by_policy(repository: Repository, key: VerifierKey) -> bool:
    """Tell whether the policy that is on disk names this log key."""
    try:
        return str(key).encode() in repository.read(POLICY)
    except FileNotFoundError:
        return False


def development_in_force(repository: Repository) -> Policy | None:
    """The development policy in force, None when there is none; refuses anything else."""
    try:
        old = policy.parse(repository.read(POLICY))
    except FileNotFoundError:
        if (repository.root / LEDGER).exists():
            raise Refused("trust.exists", "there is a ledger without a policy; nothing was changed") from None
        return None
    if old.profile is not Profile.DEVELOPMENT:
        raise Refused("trust.exists", "the repository has a production policy already; change it with trust add")
    return old


def _policy(origin: str, terms: Terms, certificates: dict[str, bytes]) -> Policy:
    def signer(number: int, fingerprint: str) -> Signer:
        data = certificates[fingerprint]
        material = Material(hashlib.sha256(data).hexdigest(), data)
        return Signer(f"signer-{number}", fingerprint, material, ("*",), Term())

    return Policy(
        version=1,
        previous="",
        profile=Profile.PRODUCTION,
        owner=terms.owner,
        origin=origin,
        seal_branch="main",
        log_keys=(LogKey(VerifierKey.parse(str(terms.log_key)), 0, None),),
        signers=tuple(signer(number, name) for number, name in enumerate(dict.fromkeys(terms.signers), 1)),
        authorities=terms.authorities,
        quorum=Quorum(),
        require=Requirements(1, 1, True),
        digest="",
    )


def archive_of(origin: str) -> str:
    """Return the path from the root at which the ledger of an origin is archived."""
    return f"{RECEIPTS}/archive/{hashlib.sha256(origin.encode()).hexdigest()[:16]}"


def archive_ledger(repository: Repository, origin: str) -> None:
    """Move a development ledger and its receipts to `archive_of` its origin. Raises Refused(trust.exists)."""
    path = archive_of(origin)
    target = repository.root / path
    if target.exists():
        raise Refused("trust.exists", f"{path} exists already; nothing was changed")
    with trouble(f"archive the ledger to {target}"):
        _move(repository.root / RECEIPTS, target, ARCHIVED)
        (target / "trust-policy").mkdir()
        for file in sorted((repository.root / TRUST).glob("policy.toml*")):
            shutil.copy2(file, target / "trust-policy" / file.name)
    # what the local cache knows is about the log that has gone
    shutil.rmtree(repository.root / LOCAL, ignore_errors=True)


def _move(receipts: Path, target: Path, names: Sequence[str]) -> None:
    target.mkdir(parents=True)
    for name in names:
        if (receipts / name).exists():
            (receipts / name).rename(target / name)
