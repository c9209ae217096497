"""Sealing under a policy: which keys sign, what a receipt must prove before it goes into the log, who stamps the
result."""

import hashlib
from collections.abc import Callable
from datetime import datetime

from remembrancer.audit.gather import signed_content
from remembrancer.audit.session import Session
from remembrancer.clock import rfc3339
from remembrancer.errors import Rejected
from remembrancer.ledger.files import LedgerFiles
from remembrancer.ledger.seal import SealResult
from remembrancer.openpgp.certificate import named_certificate
from remembrancer.openpgp.verify import read_signature, verify_detached
from remembrancer.paths import TRUST
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt.statement import Receipt
from remembrancer.record.append_only import refuse_fork
from remembrancer.record.cosigning import keep_witnessed
from remembrancer.record.future import refuse_future
from remembrancer.record.prove import stamp
from remembrancer.record.require import refuse_incomplete
from remembrancer.repository.reader import Repository
from remembrancer.tlog.note import SignerKey
from remembrancer.trust import policy
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Policy
from remembrancer.user.keys import log_key
from remembrancer.verify.log import check_token


def seal_pending(session: Session, trusted: Trusted, *, begin: SignerKey | None = None) -> SealResult | None:
    """Seal everything pending, or return None when the log key is not here.

    Every sign, timestamp and trust receipt must prove what it says under the policy, else it is refused by name. The
    new checkpoint is stamped by the policy's authorities; one that is down is asked again by the next seal. With
    `begin`, the given log key starts a new log although HEAD still has the archived one. Nothing is remembered here: a
    checkpoint counts once it is committed and published, and may be thrown away before. Raises as
    `append_only.refuse_fork`.
    """
    current, state, ledger = trusted.policy, session.state, session.ledger
    claimed = ledger.claimed()
    signer = begin or log_key(current, state, (claimed.size if claimed else 0) + 1)
    if signer is None:
        return None
    refuse_fork(session, current, begin=begin is not None, keep=True)

    def asker(name: str) -> Callable[[bytes], bytes]:
        def ask(data: bytes) -> bytes:
            return stamp(session, trusted, hashlib.sha256(data).digest(), name).response

        return ask

    before = LedgerFiles(session.root).note()
    authorities = {one.name: asker(one.name) for one in current.authorities if one.term.ended is None}
    done = ledger.seal(
        signer,
        authorities,
        trusted=[one.key for one in current.log_keys],
        check=checker(session.repository, trusted, session.clock.now()),
        begin=begin is not None,
        policy=current.digest,
    )
    if done.sealed:
        keep_witnessed(session, current, before)
    return done


def try_pending(session: Session, trusted: Trusted) -> SealResult:
    """Say what a seal would do here, also where the log key is not; nothing is written. Raises as `seal_pending`."""
    current = trusted.policy
    refuse_fork(session, current)
    return session.ledger.try_seal(
        [one.key for one in current.log_keys],
        checker(session.repository, trusted, session.clock.now()),
        policy=current.digest,
    )


def refuse_sealing(session: Session, current: Policy) -> bool:
    """Say whether this user has the log key. Raises as `append_only.refuse_fork` where the seal would be refused."""
    claimed = session.ledger.claimed()
    if log_key(current, session.state, (claimed.size if claimed else 0) + 1) is None:
        return False
    refuse_fork(session, current)
    return True


def checker(repository: Repository, trusted: Trusted, now: datetime) -> Callable[[Receipt], None]:
    """Return the check that a receipt must pass before it is sealed; it raises RemembrancerError to refuse it."""

    def check(receipt: Receipt) -> None:
        if receipt.kind == "sign":
            _check_signature(repository, trusted, receipt)
        elif receipt.kind == "timestamp":
            _check_timestamp(repository, trusted, receipt)
        elif receipt.kind in {"spawn", "update"}:
            manifest = receipt.predicate["manifest"]
            manifests.read(repository.blob(manifest["sha256"]), manifest)
        elif receipt.kind == "deploy":
            refuse_incomplete(repository, trusted, receipt, now)
        elif receipt.kind == "trust":
            _check_policy(repository, trusted.policy, receipt)
        refuse_future(receipt, now)

    return check


def _check_signature(repository: Repository, trusted: Trusted, receipt: Receipt) -> None:
    fingerprint = str(receipt.predicate["fingerprint"])
    signer = trusted.policy.signer(fingerprint)
    if signer is None:
        raise Rejected("sig.untrusted-key", f"the policy does not trust the key {fingerprint}")
    signature = repository.blob(receipt.predicate["signature"])
    content = signed_content(repository, receipt)
    if content is None:
        read_signature(signature)
        return
    certificate = named_certificate(trusted.material(signer.certificate), fingerprint)
    facts = verify_detached(signature, content, [certificate])
    if facts.primary_fingerprint != fingerprint:
        raise Rejected(
            "sig.untrusted-key", f"the signature is by {facts.primary_fingerprint}, recorded is {fingerprint}"
        )


def _check_policy(repository: Repository, current: Policy, receipt: Receipt) -> None:
    """A trust receipt is about the policy in force or one that it follows, and its signatures are its owners'."""
    while current.digest != receipt.subject[0].sha256:
        if not current.previous:
            raise Rejected("trust.policy-signature", "the receipt's policy is not one that the policy in force follows")
        current = policy.parse(repository.blob(current.previous))
    said = receipt.predicate
    if (said["policyVersion"], said.get("previous", "")) != (current.version, current.previous):
        raise Rejected("trust.policy-signature", "the receipt states another version than the policy that it names")
    text = repository.blob(current.digest)
    for one in said["signatures"]:
        owner = str(one["fingerprint"])
        try:
            certificate = repository.read(f"{TRUST}/keys/{owner}.asc")
        except FileNotFoundError:
            raise Rejected("trust.policy-signature", f"the certificate of {owner} is missing in {TRUST}/keys") from None
        facts = verify_detached(repository.blob(one["signature"]), text, [named_certificate(certificate, owner)])
        if facts.primary_fingerprint != owner:
            raise Rejected("trust.policy-signature", f"the policy's signature is not by {owner}")


def _check_timestamp(repository: Repository, trusted: Trusted, receipt: Receipt) -> None:
    predicate = receipt.predicate
    response = repository.blob(predicate["token"])
    digest = bytes.fromhex(receipt.subject[0].sha256)
    facts, _ = check_token(trusted, str(predicate["authority"]), response, digest, int(predicate["nonce"], 16))
    if rfc3339(facts.gen_time) != predicate["genTime"]:
        raise Rejected(
            "time.malformed", f"the token says {rfc3339(facts.gen_time)}, recorded is {predicate['genTime']}"
        )
