"""What OpenSSL says about a response that our own rules let pass: both must agree.

rfc3161-client reads the response with a reader of its own and lets OpenSSL verify the PKCS #7 inside. Its reader takes
DER alone, so what nobody signs is put in order for it (`order`). A few signed values it cannot read although RFC 3161
allows them or everybody reads them in one way: a negative nonce, a default that is spelled out, a time finer than
nanoseconds, an issuer name in another encoding. For those OpenSSL is asked directly. What could not be read is not
called forged.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import lru_cache

from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from remembrancer.errors import Rejected
from remembrancer.timestamp import chain
from remembrancer.timestamp.certificate import encoding, outline
from remembrancer.timestamp.order import in_der_order
from remembrancer.timestamp.response import Token

_pkcs7_verify: Callable[[bytes, datetime, list[bytes]], None] | None = None
with suppress(ImportError):  # not public: a release without it makes audits slower and reads fewer tokens
    from rfc3161_client._rust import verify as _openssl

    _pkcs7_verify = getattr(_openssl, "pkcs7_verify", None)

# the words that OpenSSL's own errors carry, the last one being nearest to the cause
_OPENSSL_WORDS = r'(?:data: |reason: )"([^"]+)"'


def ask_openssl(response: bytes, digest: bytes, path: chain.Path, token: Token, signer: bytes) -> None:
    """Let rfc3161-client and OpenSSL judge the same response against the same chain.

    Raises Rejected `time.unreadable` if it cannot be read there, `time.second-opinion` if it is refused there.
    """
    opinion = _second_opinion(path, token.certificates, signer)
    try:
        if _beyond_its_reader(token, signer):
            opinion.verify_token(token)
        else:
            opinion.verify(_decoded(response), token.encoded, digest)
    except (VerificationError, ValueError) as error:
        if "Unable to parse" in str(error):
            raise _unreadable("OpenSSL") from error
        said = (re.findall(_OPENSSL_WORDS, str(error)) or [str(error)])[-1].removeprefix("Verify error:")
        raise Rejected(
            "time.second-opinion", f"OpenSSL does not accept the timestamp, which our own checks let pass: {said[:120]}"
        ) from error


def _beyond_its_reader(token: Token, signer: bytes) -> bool:
    """Return whether a token says something that rfc3161-client is known not to read."""
    negative = token.nonce is not None and token.nonce < 0
    return negative or token.unusual or token.signer.issuer != outline(signer).issuer


def _decoded(response: bytes) -> TimeStampResponse:
    try:
        decoded = decode_timestamp_response(in_der_order(response))
        _ = decoded.tst_info
    except ValueError as error:
        raise _unreadable("rfc3161-client") from error
    return decoded


def _unreadable(reader: str) -> Rejected:
    return Rejected("time.unreadable", f"the timestamp could not be read by {reader}, whose opinion is needed")


class _SecondOpinion:
    """rfc3161-client's verdict over the tokens of one signer and one chain that has been verified already.

    Its `verify` is `verify_message` after the imprint's algorithm has been chosen, which `checks` has done on stricter
    terms; so artifacts of any size need no second reading. What it says about the signer's certificate is the same for
    every token, so from the second on only its OpenSSL part is asked: the signature, the chain, the time.
    """

    def __init__(self, path: chain.Path, *, embedded: bool) -> None:
        # its `tsa_certificate` is a trust anchor of its own, so the signer is passed there only when the token carries
        # no certificate and it therefore came from the policy
        self._verifier = VerifierBuilder(
            tsa_certificate=None if embedded else path.certificates[0],
            intermediates=list(path.certificates[1:-1]),
            roots=[path.certificates[-1]],
        ).build()
        self._trusted = [encoding(one) for one in path.certificates[1 if embedded else 0 :]]
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

    def verify_token(self, token: Token) -> None:
        """Return when OpenSSL alone, at the time that we read, accepts the signature and the chain.

        Raises ValueError, Rejected `time.unreadable` if rfc3161-client does not offer that.
        """
        if _pkcs7_verify is None:
            raise _unreadable("this release of rfc3161-client")
        _pkcs7_verify(token.encoded, token.gen_time, self._trusted)


@lru_cache(maxsize=256)
def _second_opinion(path: chain.Path, certificates: tuple[bytes, ...], signer: bytes) -> _SecondOpinion:
    """Return the one for tokens that carry these certificates and whose signer has this one (all DER)."""
    return _SecondOpinion(path, embedded=signer in certificates)
