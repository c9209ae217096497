"""What nobody signs in a response, put into DER order for a reader that insists on it (X.690 section 11.6).

The signature covers the content and the signed attributes, byte for byte. The SETs around them (digest algorithms,
certificates, revocation lists, unsigned attributes) are covered by nothing; DigiCert, GlobalSign and others send their
certificates in the order of the chain. Anybody may put those in order, and nobody may touch the rest.
"""

from collections.abc import Iterable

from remembrancer.timestamp import der
from remembrancer.timestamp.der import SEQUENCE, SET, Value

_CERTIFICATES, _REVOCATIONS, _UNSIGNED = 0xA0, 0xA1, 0xA1


def in_der_order(response: bytes) -> bytes:
    """Return a response, which `parse_response` has accepted, with its unsigned SETs in DER order.

    Returns the same bytes if they are in order already. Raises DerError for what is not DER.
    """
    outer = der.read(response)
    status, token = outer.parts
    kind, holder = token.parts
    signed = _signed_data(holder.parts[0])
    if signed == holder.parts[0].encoded:
        return response
    wrapped = der.encode(SEQUENCE, [kind.encoded, der.encode(holder.tag, [signed])])
    return der.encode(SEQUENCE, [status.encoded, wrapped])


def _signed_data(signed: Value) -> bytes:
    """Return a SignedData (RFC 5652 section 5.1): version, SET of algorithms, content, [0], [1], SET of signers."""
    version, algorithms, content, *others, signers = signed.parts
    return der.encode(
        signed.tag,
        [
            version.encoded,
            _sorted(algorithms),
            content.encoded,
            *(_sorted(one) if one.tag in {_CERTIFICATES, _REVOCATIONS} else one.encoded for one in others),
            der.encode(SET, sorted(_signer(one) for one in signers.parts)),
        ],
    )


def _signer(info: Value) -> bytes:
    """Return a SignerInfo with its unsigned attributes in order; the signed ones, [0], stay as they are."""
    *before, last = info.parts
    return der.encode(
        info.tag, [*(one.encoded for one in before), _sorted(last) if last.tag == _UNSIGNED else last.encoded]
    )


def _sorted(value: Value) -> bytes:
    parts: Iterable[bytes] = sorted(one.encoded for one in value.parts)
    return der.encode(value.tag, parts)
