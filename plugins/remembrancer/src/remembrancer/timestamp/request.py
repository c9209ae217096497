"""Questions to a timestamping authority (RFC 3161 section 2.4.1)."""

import secrets

from asn1crypto import tsp  # type: ignore[import-untyped]

from remembrancer.errors import BadInput
from remembrancer.timestamp.model import HASHES_BY_LENGTH


def new_nonce() -> int:
    """Return a fresh positive nonce of 63 random bits, which every known authority can echo."""
    return secrets.randbits(62) | 1 << 62


def make_request(digest: bytes, nonce: int, policy: str | None = None) -> bytes:
    """Return the DER TimeStampReq for a SHA-256, SHA-384 or SHA-512 digest (32, 48 or 64 bytes).

    The nonce is any positive integer, the policy a dotted OID if a particular one is wanted. The authority is always
    asked to send its certificate. Raises BadInput for a digest of another length.
    """
    if len(digest) not in HASHES_BY_LENGTH:
        raise BadInput("input.digest", f"a timestamp needs a digest of 32, 48 or 64 bytes, not {len(digest)}")
    request = tsp.TimeStampReq(
        {
            "version": 1,
            "message_imprint": {
                "hash_algorithm": {"algorithm": HASHES_BY_LENGTH[len(digest)]},
                "hashed_message": digest,
            },
            "req_policy": policy,
            "nonce": nonce,
            "cert_req": True,
        }
    )
    return bytes(request.dump())
