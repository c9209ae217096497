"""The strict verdict over an RFC 3161 time-stamp response.

Two implementations must agree. The rules are ours (`response` for the shape, `chain` for the certificates, this module
for the rest), because every common tool lets some forgery through; rfc3161-client with OpenSSL inside then judges the
same bytes against the same roots. What only the token itself vouches for is never trusted.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from remembrancer.errors import BadInput, Rejected
from remembrancer.timestamp import chain
from remembrancer.timestamp.model import HASHES_BY_LENGTH, Authority, TimestampFacts
from remembrancer.timestamp.response import Token, parse_response

_pkcs7_verify: Callable[[bytes, datetime, list[bytes]], None] | None = None
with suppress(ImportError):  # not public: a release without it only makes audits slower
    from rfc3161_client._rust import verify as _openssl

    _pkcs7_verify = getattr(_openssl, "pkcs7_verify", None)

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


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
        raise BadInput("input.digest", f"A digest of {len(digest)} bytes is none of SHA-256, SHA-384 and SHA-512.")
    token = parse_response(response)
    _check_content(token, digest, authority, nonce, now)
    signer = _signer(token, authority)
    _check_ess(token, signer, authority)
    path = _path(token, signer, authority)
    _check_signature(token, path.certificates[0])
    _ask_openssl(response, digest, path, token, signer)
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
        raise Rejected("time.imprint-mismatch", "The time-stamp is over other bytes than these.")
    if nonce is not None and token.nonce != nonce:
        raise Rejected("time.nonce-mismatch", "The time-stamp does not carry the nonce that was sent.")
    if authority.policy_oids and token.policy not in authority.policy_oids:
        raise Rejected(
            "time.policy", f"The time-stamp was issued under policy {token.policy}, which is not accepted here."
        )
    # the difference between two times has no bounds that a forged accuracy could leave
    if now is not None and token.gen_time - now > token.accuracy:
        raise Rejected("time.future", f"The time-stamp's time {token.gen_time:%Y-%m-%dT%H:%M:%SZ} is yet to come.")


def _signer(token: Token, authority: Authority) -> bytes:
    """Return the DER certificate that the signer's issuer and serial number mean."""
    named = []
    for der in dict.fromkeys((*token.certificates, *authority.intermediates)):
        if _name_and_serial(der) == (token.signer.issuer, token.signer.serial):
            named.append(der)
    if len(named) != 1:
        raise Rejected(
            "time.signer", f"{'No' if not named else 'More than one'} certificate fits the signer that the token names."
        )
    return named[0]


@lru_cache(maxsize=256)
def _name_and_serial(certificate: bytes) -> tuple[bytes, int]:
    """Return a DER certificate's issuer name (DER) and serial number; raises Rejected `time.certificate`."""
    loaded = chain.load(certificate)
    return loaded.issuer.public_bytes(), loaded.serial_number


def _check_ess(token: Token, certificate: bytes, authority: Authority) -> None:
    """Check the signing-certificate attributes (RFC 5035), which tie the signature to one certificate."""
    signer = token.signer
    if signer.ess_v2 is None and not authority.allow_ess_v1:
        raise Rejected("time.ess", "The time-stamp names its certificate by SHA-1 only, which is not allowed here.")
    for entry in (signer.ess_v1, signer.ess_v2):
        if entry is None:
            continue
        if entry is signer.ess_v2:
            _require_hash(entry.hash_algorithm, "signing-certificate attribute")
        same = hashlib.new(entry.hash_algorithm, certificate, usedforsecurity=False).digest() == entry.digest
        if entry.issuer is not None:
            same = same and (entry.issuer, entry.serial) == (signer.issuer, signer.serial)
        if not same:
            raise Rejected("time.ess", "The time-stamp's signing-certificate attribute names another certificate.")


def _path(token: Token, signer: bytes, authority: Authority) -> chain.Path:
    """Return a chain that was valid at genTime; that it has ended since then does not matter."""
    paths = chain.find_paths(signer, (*token.certificates, *authority.intermediates), authority.roots)
    for path in paths:
        # OpenSSL takes the last second of a certificate for over, and both must agree
        if path.not_before <= token.gen_time < path.not_after:
            return path
    raise Rejected(
        "time.certificate-validity",
        f"A certificate of the time-stamp's chain was not valid at its time {token.gen_time:%Y-%m-%dT%H:%M:%SZ}.",
    )


def _check_signature(token: Token, certificate: x509.Certificate) -> None:
    signer, key = token.signer, certificate.public_key()
    name = _require_hash(signer.digest_algorithm, "signature")
    if hashlib.new(name, token.content).digest() != signer.message_digest:
        raise Rejected("time.signature", "The time-stamp's content is not what its authority signed.")
    algorithm = _HASHES[name]()
    try:
        if isinstance(key, rsa.RSAPublicKey) and signer.signature_algorithm in {"rsa", f"{name}_rsa"}:
            key.verify(signer.signature, signer.signed_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and signer.signature_algorithm == f"{name}_ecdsa":
            key.verify(signer.signature, signer.signed_bytes, ec.ECDSA(algorithm))
        else:
            raise Rejected(
                "time.weak-algorithm", f"The time-stamp's signature by {signer.signature_algorithm} is refused."
            )
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise Rejected("time.signature", "The time-stamp's signature does not hold.") from error


def _ask_openssl(response: bytes, digest: bytes, path: chain.Path, token: Token, signer: bytes) -> None:
    """Let rfc3161-client judge the same response against the same chain."""
    try:
        _second_opinion(path, token.certificates, signer).verify(
            decode_timestamp_response(response), token.encoded, digest
        )
    except (VerificationError, ValueError) as error:
        raise Rejected("time.signature", "OpenSSL does not accept the time-stamp.") from error


class _SecondOpinion:
    """rfc3161-client's verdict over the tokens of one signer and one chain that has been verified already.

    Its `verify` is `verify_message` after the imprint's algorithm has been chosen, which `_check_content` has done on
    stricter terms; so artifacts of any size need no second reading. What it says about the signer's certificate is the
    same for every token, so from the second on only its OpenSSL part is asked: the signature, the chain, the time.
    """

    def __init__(self, path: chain.Path, *, embedded: bool) -> None:
        # its `tsa_certificate` is a trust anchor of its own, so the signer is passed there only when the token carries
        # no certificate and it therefore came from the policy
        self._verifier = VerifierBuilder(
            tsa_certificate=None if embedded else path.certificates[0],
            intermediates=list(path.certificates[1:-1]),
            roots=[path.certificates[-1]],
        ).build()
        self._trusted = [one.public_bytes(Encoding.DER) for one in path.certificates[1 if embedded else 0 :]]
        self._certificate_accepted = False

    def verify(self, response: TimeStampResponse, token: bytes, digest: bytes) -> None:
        """Return when the response, whose token is given too, is over the digest and holds.

        Raises VerificationError or ValueError.
        """
        if not self._certificate_accepted or _pkcs7_verify is None:
            self._verifier.verify(response, digest)
            self._certificate_accepted = True
            return
        if response.tst_info.message_imprint.message != digest:
            raise ValueError("another imprint")
        _pkcs7_verify(token, response.tst_info.gen_time, self._trusted)


@lru_cache(maxsize=256)
def _second_opinion(path: chain.Path, certificates: tuple[bytes, ...], signer: bytes) -> _SecondOpinion:
    """Return the one for tokens that carry these certificates and whose signer has this one (all DER)."""
    return _SecondOpinion(path, embedded=signer in certificates)


def _require_hash(algorithm: str, where: str) -> str:
    if algorithm not in _HASHES:
        raise Rejected("time.weak-algorithm", f"The time-stamp's {where} uses {algorithm}, which is refused.")
    return algorithm
