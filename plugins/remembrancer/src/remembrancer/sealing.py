"""Sealing under a policy: which keys sign, what a receipt must prove before it goes into the log, who stamps the result."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from remembrancer import openpgp
from remembrancer.clock import Clock, rfc3339
from remembrancer.errors import Rejected, RemembrancerError
from remembrancer.gather import sha256_file
from remembrancer.keys import log_key
from remembrancer.ledger import Ledger, SealResult
from remembrancer.logview import check_token
from remembrancer.openpgp.verify import read_signature
from remembrancer.proving import stamp
from remembrancer.receipt import MAX_BYTES, Receipt
from remembrancer.repository import RECEIPTS, Repository
from remembrancer.state import State
from remembrancer.trust import Trusted


def pending(repository: Repository) -> list[Path]:
    """Return the receipts that are recorded but not sealed."""
    return list(Ledger(repository.root).pending())


def seal_pending(repository: Repository, state: State, trusted: Trusted, clock: Clock) -> SealResult | None:
    """Seal everything pending, or return None when the log key is not here.

    Every sign and timestamp receipt must prove what it says under the policy, else it is refused by name. The new checkpoint
    is stamped by the policy's authorities; one that is down is asked again by the next seal.
    """
    policy = trusted.policy
    ledger = Ledger(repository.root)
    claimed = ledger.claimed()
    signer = log_key(policy, state, claimed.size if claimed else 0)
    if signer is None:
        return None

    def asker(name: str) -> Callable[[bytes], bytes]:
        def ask(data: bytes) -> bytes:
            return stamp(hashlib.sha256(data).digest(), state, trusted, name, clock).response

        return ask

    authorities = {one.name: asker(one.name) for one in policy.authorities if one.term.ended is None}
    return ledger.seal(
        signer,
        authorities,
        trusted=[one.key for one in policy.log_keys],
        check=checker(repository, trusted, clock.now()),
    )


def checker(repository: Repository, trusted: Trusted, now: datetime) -> Callable[[Receipt], None]:
    """Return the check that a receipt must pass before it is sealed; it raises RemembrancerError to refuse it."""

    def check(receipt: Receipt) -> None:
        if receipt.kind == "sign":
            _check_signature(repository, trusted, receipt)
        elif receipt.kind == "timestamp":
            _check_timestamp(repository, trusted, receipt)
        recorded = str(receipt.predicate["recordedAt"])
        if recorded > rfc3339(now.replace(year=now.year + 1)):
            raise Rejected("receipt.future", f"the receipt says that it was recorded at {recorded}")

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
    facts = openpgp.verify_detached(signature, content, [trusted.material(signer.certificate)])
    if facts.primary_fingerprint != fingerprint:
        raise Rejected(
            "sig.untrusted-key", f"the signature is by {facts.primary_fingerprint}, recorded is {fingerprint}"
        )


def signed_content(repository: Repository, receipt: Receipt) -> bytes | Path | None:
    """Return what a sign receipt's signature is over: a receipt's bytes or an artifact's file, None when it is not here."""
    subject = receipt.subject[0]
    if subject.name.startswith(f"{RECEIPTS}/"):
        try:
            data = repository.read(subject.name, MAX_BYTES)
        except FileNotFoundError:
            return None
        return data if hashlib.sha256(data).hexdigest() == subject.sha256 else None
    for path in (repository.root / "dist" / subject.name, repository.root / subject.name):
        try:
            if path.is_file() and sha256_file(path) == subject.sha256:
                return path
        except RemembrancerError:
            continue
    return None


def _check_timestamp(repository: Repository, trusted: Trusted, receipt: Receipt) -> None:
    predicate = receipt.predicate
    response = repository.blob(predicate["token"])
    digest = bytes.fromhex(receipt.subject[0].sha256)
    facts, _ = check_token(trusted, str(predicate["authority"]), response, digest, int(predicate["nonce"], 16))
    if rfc3339(facts.gen_time) != predicate["genTime"]:
        raise Rejected(
            "time.malformed", f"the token says {rfc3339(facts.gen_time)}, recorded is {predicate['genTime']}"
        )
