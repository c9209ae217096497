"""Beginning production: the development ledger is archived, and a new origin begins with keys that the operator brings.

Spawn, update and decision receipts are sequenced again in the new log. Development deployments move to the archive with
their proofs and reserve no version; blobs stay where they are, because they are named by what they are.
"""

import hashlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from remembrancer.audit.session import Session
from remembrancer.errors import BadInput, Refused
from remembrancer.openpgp.gpg import export_public
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

ARCHIVED = ("ledger", "deploy", "rollout", "rollback", "sign", "timestamp", "trust", "waiver")
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


def begin_production(session: Session, component: str, terms: Terms, *, scratch: Path) -> tuple[Policy, str]:
    """Archive a development ledger and write the production policy, signed by its owner with gpg.

    Returns the policy and the archive's path from the root ("" when there was nothing to archive). The policy is signed
    before anything is moved. Raises Refused(trust.exists) over a production policy, BadInput, EnvironmentTrouble.
    """
    repository = session.repository
    old = _development(repository)
    certificates = {name: export_public(name, None) for name in dict.fromkeys([terms.owner, *terms.signers])}
    data = render(_policy(origin_of(terms.domain, component), terms, certificates))
    parsed = policy.parse(data)
    refuse_seen(session.state, [terms.owner], parsed)
    signature = sign_policy(data, terms.owner, owner_home(parsed, terms.owner, session.state), scratch)
    archive = archive_ledger(repository, old.origin) if old else ""
    write_policy(repository, data, {terms.owner: signature}, {terms.owner: certificates[terms.owner]})
    record_change(session, "init", data, {terms.owner: signature})
    return parsed, archive


def named_by_policy(repository: Repository, key: VerifierKey) -> bool:
    """Tell whether the policy that is on disk names this log key."""
    try:
        return str(key).encode() in repository.read(POLICY)
    except FileNotFoundError:
        return False


def _development(repository: Repository) -> Policy | None:
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


def archive_ledger(repository: Repository, origin: str) -> str:
    """Move a development ledger and its receipts to ops/receipts/archive/<origin hash>/; returns that path."""
    path = f"{RECEIPTS}/archive/{hashlib.sha256(origin.encode()).hexdigest()[:16]}"
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
    return path


def _move(receipts: Path, target: Path, names: Sequence[str]) -> None:
    target.mkdir(parents=True)
    for name in names:
        if (receipts / name).exists():
            (receipts / name).rename(target / name)
