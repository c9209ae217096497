"""Changing the trust policy: a new version that the owner signs, with what would no longer verify under it."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from remembrancer.audit.gather import stamps
from remembrancer.audit.recorded import HELD, Checker, Task
from remembrancer.audit.session import Session
from remembrancer.errors import BadInput, Refused, RemembrancerError
from remembrancer.findings import Finding, negative
from remembrancer.named import NamedTuple
from remembrancer.openpgp.certificate import certificate_facts, merged
from remembrancer.openpgp.gpg import export_public
from remembrancer.paths import CHECKPOINT, LEDGER, POLICY
from remembrancer.record.begin import record_change, refuse_seen, sign_policy, write_policy
from remembrancer.record.require import entries, left_behind
from remembrancer.repository.lock import SCRATCH, exclusive
from remembrancer.repository.reader import Repository
from remembrancer.system.files import put
from remembrancer.tlog.note import SignerKey, VerifierKey, add_signature, open_note, sign_note
from remembrancer.trust import policy
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import LogKey, Material, Policy, Signer, Term, TimeAuthority
from remembrancer.trust.render import render
from remembrancer.user.keys import owner_home
from remembrancer.verify.evidence import Entry, Log
from remembrancer.verify.log import LogView, Stamp, check_stamp


class Change(NamedTuple):
    """A policy that is ready to be signed: its bytes, what they mean, and proofs that would no longer hold under it.

    `waiting` says that some of these are not sealed yet: a seal before the change would date them.
    """

    data: bytes
    policy: Policy
    lost: tuple[Finding, ...]
    waiting: bool = False


class Rotation(NamedTuple):
    """The log as it was when the change was prepared, and the key that signs it from there on."""

    view: LogView
    key: SignerKey


def next_version(trusted: Trusted, changed: Policy) -> tuple[bytes, Policy]:
    """Return the bytes and meaning of a policy that follows the trusted one. Raises BadInput(policy.*)."""
    data = render(changed._replace(version=trusted.policy.version + 1, previous=trusted.policy.digest))
    return data, policy.parse(data)


def prepare(session: Session, trusted: Trusted, changed: Policy) -> Change:
    """Return a change with what would no longer verify; nothing is written."""
    data, parsed = next_version(trusted, changed)
    lost = tuple(_lost(session, trusted, data))
    pending = {path.relative_to(session.root).as_posix() for path in session.ledger.pending()} if lost else set()
    return Change(data, parsed, lost, any(one.subject in pending for one in lost))


def _lost(session: Session, trusted: Trusted, data: bytes) -> Iterator[Finding]:
    now = session.clock.now()
    old = Checker(Task(session.root, render(trusted.policy), trusted.owner, now))
    new = Checker(Task(session.root, data, trusted.owner, now))
    if old.log.view is None:
        return
    if (trouble := _unwitnessed(new.log)) is not None and _unwitnessed(old.log) is None:
        yield negative("checkpoint", CHECKPOINT, trouble)
        if new.log.view is None:
            return
    for one in stamps(session.repository):
        if _stamp(old, one) is None and (trouble := _stamp(new, one)) is not None:
            yield negative("stamps", f"{LEDGER}/timestamps/{one.size}.{one.authority}.tsr", trouble)
    for entry in entries(session, old):
        if entry.receipt.kind not in HELD:
            continue
        if _trouble(old, entry) is None and (trouble := _trouble(new, entry)) is not None:
            yield negative(HELD[entry.receipt.kind], entry.path, trouble)
    yield from left_behind(session, old, new)


def _unwitnessed(log: Log) -> RemembrancerError | None:
    """Return why witnesses do not vouch for the whole log, None where they do or need not."""
    if log.view is None:
        return log.trouble
    try:
        log.view.refuse_unwitnessed(log.view.size - 1, "the newest entry")
    except RemembrancerError as error:
        return error
    return None


def _stamp(checker: Checker, stamp: Stamp) -> RemembrancerError | None:
    view = checker.log.view
    try:
        if view is not None and stamp.size <= view.size:
            check_stamp(view, stamp, checker.trusted)
    except RemembrancerError as error:
        return error
    return None


def _trouble(checker: Checker, entry: Entry) -> RemembrancerError | None:
    try:
        checker.one(entry)
    except RemembrancerError as error:
        return error
    return None


def apply(
    session: Session,
    trusted: Trusted,
    change: Change,
    *,
    action: str,
    reason: str,
    scratch: Path,
    rotation: Rotation | None = None,
) -> Path:
    """Sign a change with its owners' keys, write it to ops/trust and record it; returns the trust receipt's path.

    A new owner signs beside the old one, and with `rotation` the new log key signs the checkpoint first, so that a kill
    between the two leaves one that either policy accepts. Raises BadInput(sig.no-key), EnvironmentTrouble, and Refused
    (trust.policy-fork, log.behind) when another process was faster; nothing is written then.
    """
    repository, state = session.repository, session.state
    owners = dict.fromkeys([trusted.owner, change.policy.owner])
    refuse_seen(state, owners, change.policy)
    signed = repository.signed_policy()
    signatures: dict[str, bytes] = {}
    certificates: dict[str, bytes] = {}
    for owner in owners:
        home = owner_home(trusted.policy, owner, state)
        signatures[owner] = sign_policy(change.data, owner, home, scratch)
        exported, known = export_public(owner, home), signed.certificates.get(owner) if signed else None
        # what the owner signed before an extension is judged by what the key said then
        certificates[owner] = merged(known, exported) if known else exported
    with exclusive(repository.root) as local:
        _refuse_overtaken(repository, trusted)
        if rotation:
            _cosign(repository, rotation, local)
        write_policy(repository, change.data, signatures, certificates)
    previous = trusted.policy.digest
    return record_change(session, action, change.data, signatures, previous=previous, reason=reason)


def with_signer(current: Policy, name: str, certificate: bytes, components: Sequence[str], term: Term) -> Policy:
    """Return the policy with one more signer, whose certificate (armored or binary) stands inside it."""
    fingerprint = certificate_facts(certificate).fingerprint
    if known := current.signer(fingerprint):
        how = f"Renew its certificate with `remembrancer trust renew {known.name} --key FILE`."
        raise BadInput("input.certificate", f"the policy lists {fingerprint} as {known.name} already", how)
    signer = Signer(name, fingerprint, pgp_material(certificate), tuple(components) or ("*",), term)
    return current._replace(signers=(*current.signers, signer))


def pgp_material(certificate: bytes) -> Material:
    """Return an armored OpenPGP certificate as a policy holds it. Raises BadInput(input.certificate)."""
    if not certificate.startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----"):
        raise BadInput(
            "input.certificate", "the signer's certificate must be an armored public key (gpg --armor --export)"
        )
    return Material(hashlib.sha256(certificate).hexdigest(), certificate)


def with_authority(current: Policy, authority: TimeAuthority) -> Policy:
    """Return the policy with one more timestamp authority."""
    return current._replace(authorities=(*current.authorities, authority))


def ended(current: Policy, name: str, term: Term) -> Policy:
    """Return the policy in which a signer (name or fingerprint) or authority has ended; raises BadInput(input.name)."""
    for signer in current.signers:
        if name in (signer.name, signer.fingerprint):
            changed = signer._replace(term=_merged(signer.term, term))
            return current._replace(signers=tuple(changed if one is signer else one for one in current.signers))
    for authority in current.authorities:
        if name == authority.name:
            other = authority._replace(term=_merged(authority.term, term))
            return current._replace(
                authorities=tuple(other if one is authority else one for one in current.authorities)
            )
    if name in current.quorum.witnesses or name in current.quorum.unusable:
        how = "Leave its line out of the witness policy: remembrancer trust quorum --file FILE"
        raise BadInput("input.name", f"{name} is a witness, which has no end of its own", how)
    raise BadInput("input.name", f"the policy lists no signer or authority {name[:60]!r}")


def _merged(old: Term, new: Term) -> Term:
    return Term(old.start, new.until or old.until, new.ended, new.compromised_at)


def with_log_key(current: Policy, key: VerifierKey, size: int) -> Policy:
    """Return the policy in which a new log key signs from a tree size on; at that size both keys sign."""
    old = [one._replace(last=size) if one.last is None else one for one in current.log_keys if one.first <= size]
    return current._replace(log_keys=(*old, LogKey(key, size, None)))


def _refuse_overtaken(repository: Repository, trusted: Trusted) -> None:
    if hashlib.sha256(repository.read(POLICY)).hexdigest() != trusted.policy.digest:
        raise Refused(
            "trust.policy-fork",
            "the policy was changed by somebody else in the meantime, so nothing was changed",
            "Run the command again.",
        )


def _cosign(repository: Repository, rotation: Rotation, local: Path) -> None:
    """Add the new log key's signature to the checkpoint, so that both keys vouch for the size at which they change."""
    view, key = rotation
    if repository.ledger_file("checkpoint") != view.data:
        raise Refused(
            "log.behind", "the ledger has grown in the meantime, so nothing was changed", "Run the command again."
        )
    (line,) = open_note(sign_note(view.signed.text, [key]), [key.verifier()]).signatures
    put(repository.root / LEDGER, {"checkpoint": add_signature(view.data, line)}, local / SCRATCH)


def new_log_key(current: Policy) -> SignerKey:
    """Return a fresh private log key for the policy's origin."""
    return SignerKey.generate(current.origin)
