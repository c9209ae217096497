"""One proof of one file, under trust that is given with the question: no policy, no log."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from remembrancer.clock import rfc3339
from remembrancer.errors import Rejected, Unverifiable
from remembrancer.findings import Finding, negative, positive
from remembrancer.openpgp.certificate import certificates_in
from remembrancer.openpgp.verify import verify_detached
from remembrancer.system.digests import reading
from remembrancer.timestamp.chain import unusable_anchors
from remembrancer.timestamp.checks import check_response, imprint_algorithm
from remembrancer.timestamp.model import Authority
from remembrancer.timestamp.response import as_response
from remembrancer.trust.policy import Term
from remembrancer.trust.validity import SKEW, KeyFacts, judge


def check_signature(
    signature: bytes, data: Path, certificates: Sequence[bytes], *, proven: datetime | None, now: datetime
) -> Finding:
    """Check a detached signature over a file by one of the certificates, of which a file may hold several.

    An ended key counts only with `proven`, a time before its end at which the signature existed. Raises BadInput,
    EnvironmentTrouble.
    """
    try:
        each = [one for file in certificates for one in certificates_in(file)]
        facts = verify_detached(signature, data, each)
        if proven is not None and proven + SKEW < facts.created:
            proven = None  # nothing exists before it is made, so that time proves nothing of this signature
        ended = facts.certificate
        trouble = judge(
            f"key {facts.primary_fingerprint}",
            Term(),
            KeyFacts(ended.revoked, ended.expires),
            claimed=facts.created,
            proven=proven,
            now=now,
        )
        if trouble:
            raise trouble
    except (Rejected, Unverifiable) as error:
        return negative("signature", str(data), error)
    message = f"signed with {facts.algorithm} and {facts.hash_algorithm}"
    who, when = facts.primary_fingerprint, rfc3339(facts.created)
    return positive("signature", str(data), message, who, when, signingKey=facts.signing_fingerprint)


def check_timestamp(response: bytes, data: Path, authority: Authority, nonce: int | None, now: datetime) -> Finding:
    """Check an RFC 3161 response, or the bare token of one, over a file against an authority's roots only.

    Roots that cannot be used are passed over, and named. Raises BadInput, EnvironmentTrouble.
    """
    _digest(data, "sha256")
    try:
        response = as_response(response)
        digest = _digest(data, imprint_algorithm(response))
        facts = check_response(response, digest, authority, nonce, now)
    except Rejected as error:
        return negative("timestamp", str(data), error)
    passed = unusable_anchors(authority.roots)
    message = f"policy {facts.policy}, serial {facts.serial:x}{''.join(f'; passed over: {why}' for why in passed)}"
    return positive("timestamp", str(data), message, facts.signer_subject, rfc3339(facts.gen_time))


def _digest(path: Path, algorithm: str) -> bytes:
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).digest()
