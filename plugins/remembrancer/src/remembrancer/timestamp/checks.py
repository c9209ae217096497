"""The strict verdict over an RFC 3161 timestamp response.

Two implementations must agree. The rules are ours (`response` for the shape, `chain` for the certificates, this module
for the rest), because every common tool lets some forgery through; rfc3161-client with OpenSSL inside then judges the
same bytes against the same roots. What only the token itself vouches for is never trusted.
"""

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from remembrancer.errors import BadInput, Rejected
from remembrancer.timestamp import certificate, chain
from remembrancer.timestamp.der import DerError
from remembrancer.timestamp.model import HASHES_BY_LENGTH, Authority, TimestampFacts
from remembrancer.timestamp.names import same_name
from remembrancer.timestamp.response import Token, parse_response
from remembrancer.timestamp.second_opinion import ask_openssl

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_WEAK_HASHES = frozenset({"md5", "sha1", "sha224"})
_WEAK_SIGNATURES = frozenset({"md5_rsa", "sha1_rsa", "sha1_dsa", "sha1_ecdsa"})


def imprint_algorithm(response: bytes) -> str:
    """Return the hash that a response's imprint uses (sha256, sha384 or sha512), so that a caller can hash its data.

    Raises Rejected `time.malformed`, `time.status` or `time.weak-algorithm`; nothing else is judged yet.
    """
    return _require_hash(parse_response(response).imprint_algorithm, "imprint")


def check_response(
    response: bytes, digest: bytes, authority: Authority, nonce: int | None = None, now: datetime | None = None
) -> TimestampFacts:
    """Return what a DER TimeStampResp proves about data with this SHA-256, SHA-384 or SHA-512 digest.

    The token must chain to one of the authority's roots as of its own genTime, be over exactly this digest, and
    follow RFC 3161, RFC 5652 and RFC 5035. `nonce` is the one that was asked with, None when the
    question is no longer known. With `now` (aware), a genTime later than it, accuracy included, is refused.

    Raises Rejected with a `time.*` code and one sentence; BadInput for a digest of an odd length.
    """
    if len(digest) not in HASHES_BY_LENGTH:
        raise BadInput("input.digest", f"a digest of {len(digest)} bytes is none of SHA-256, SHA-384 and SHA-512")
    token = parse_response(response)
    _check_content(token, digest, authority, nonce, now)
    signer = _signer(token, authority)
    _check_ess(token, signer, authority)
    path = _path(token, signer, authority)
    _check_signature(token, path.certificates[0])
    ask_openssl(response, digest, path, token, signer)
    return TimestampFacts(
        gen_time=token.gen_time,
        policy=token.policy,
        serial=token.serial,
        nonce=token.nonce,
        accuracy=token.accuracy,
        signer_subject=path.subject,
        signer_sha256=path.signer_sha256,
        root_sha256=path.root_sha256,
        hash_algorithm=token.imprint_algorithm,
    )


def _check_content(token: Token, digest: bytes, authority: Authority, nonce: int | None, now: datetime | None) -> None:
    """Check what the token says, before who says it."""
    algorithm = _require_hash(token.imprint_algorithm, "imprint")
    if (algorithm, token.imprint) != (HASHES_BY_LENGTH[len(digest)], digest):
        raise Rejected("time.imprint-mismatch", "the timestamp is over other bytes than these")
    if nonce is not None and token.nonce != nonce:
        raise Rejected("time.nonce-mismatch", "the timestamp does not carry the nonce that was sent")
    if authority.policy_oids and token.policy not in authority.policy_oids:
        raise Rejected(
            "time.policy", f"the timestamp was issued under policy {token.policy}, which is not accepted here"
        )
    # the difference between two times has no bounds that a forged accuracy could leave
    if now is not None and token.gen_time - now > token.accuracy:
        raise Rejected("time.future", f"the timestamp's time {token.gen_time:%Y-%m-%dT%H:%M:%SZ} is yet to come")


def _signer(token: Token, authority: Authority) -> bytes:
    """Return the DER certificate that the signer's issuer and serial number mean."""
    pool = dict.fromkeys((*token.certificates, *authority.intermediates))
    named = [encoded for encoded in pool if _is_meant(encoded, token)]
    if len(named) != 1:
        raise Rejected(
            "time.signer", f"{'no' if not named else 'more than one'} certificate fits the signer that the token names"
        )
    return named[0]


def _is_meant(encoded: bytes, token: Token) -> bool:
    try:
        parts = certificate.outline(encoded)
        return parts.serial == token.signer.serial and same_name(parts.issuer, token.signer.issuer)
    except DerError:
        return False  # a certificate that nobody signed, and that is not needed


def _check_ess(token: Token, encoded: bytes, authority: Authority) -> None:
    """Check the signing-certificate attributes (RFC 5035), which tie the signature to one certificate."""
    signer = token.signer
    if signer.ess_v2 is None and not authority.allow_ess_v1:
        raise Rejected("time.ess", "the timestamp names its certificate by SHA-1 only, which is not allowed here")
    for entry in (signer.ess_v1, signer.ess_v2):
        if entry is None:
            continue
        if entry is signer.ess_v2:
            _require_hash(entry.hash_algorithm, "signing-certificate attribute")
        same = hashlib.new(entry.hash_algorithm, encoded, usedforsecurity=False).digest() == entry.digest
        if entry.issuer is not None:
            same = same and entry.serial == signer.serial and same_name(entry.issuer, signer.issuer)
        if not same:
            raise Rejected("time.ess", "the timestamp's signing-certificate attribute names another certificate")


def _path(token: Token, signer: bytes, authority: Authority) -> chain.Path:
    """Return a chain that was valid at genTime; that it has ended since then does not matter."""
    paths = chain.find_paths(signer, (*token.certificates, *authority.intermediates), authority.roots)
    for path in paths:
        # OpenSSL takes the last second of a certificate for over, and both must agree
        if path.not_before <= token.gen_time < path.not_after:
            return path
    raise Rejected(
        "time.certificate-validity",
        f"a certificate of the timestamp's chain was not valid at its time {token.gen_time:%Y-%m-%dT%H:%M:%SZ}",
    )


def _check_signature(token: Token, signer_certificate: x509.Certificate) -> None:
    signer, key = token.signer, signer_certificate.public_key()
    name, kind = _require_hash(signer.digest_algorithm, "signature"), signer.signature_algorithm
    if hashlib.new(name, token.content).digest() != signer.message_digest:
        raise Rejected("time.signature", "the timestamp's content is not what its authority signed")
    if kind in _WEAK_SIGNATURES:
        raise Rejected("time.weak-algorithm", f"the timestamp's signature by {kind} is refused")
    if kind != "rsa" and not kind.endswith(("_rsa", "_ecdsa")):
        # OpenSSL's ts and rfc3161-client know no such signature in PKCS #7, so there is no second opinion
        raise certificate.unsupported(f"the timestamp's signature by {kind}")
    algorithm = _HASHES[name]()
    try:
        if isinstance(key, rsa.RSAPublicKey) and kind in {"rsa", f"{name}_rsa"}:
            key.verify(signer.signature, signer.signed_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and kind == f"{name}_ecdsa":
            key.verify(signer.signature, signer.signed_bytes, ec.ECDSA(algorithm))
        else:
            raise Rejected(
                "time.signature", f"the timestamp's signature by {kind} with {name} does not fit its authority's key"
            )
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise Rejected("time.signature", "the timestamp's signature does not hold") from error


def _require_hash(algorithm: str, where: str) -> str:
    if algorithm in _WEAK_HASHES:
        raise Rejected("time.weak-algorithm", f"the timestamp's {where} uses {algorithm}, which is refused")
    if algorithm not in _HASHES:
        raise certificate.unsupported(f"the timestamp's {where} by {algorithm}")
    return algorithm
