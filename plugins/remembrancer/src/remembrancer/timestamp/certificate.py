"""One X.509 certificate: read, and judged by what it says about itself (RFC 5280 sections 4 and 6)."""

import base64
import binascii
import re
import warnings
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from remembrancer.errors import BadInput, Rejected
from remembrancer.named import NamedTuple
from remembrancer.timestamp import der
from remembrancer.timestamp.der import DerError, Fields
from remembrancer.timestamp.names import same_name

_MIN_RSA_BITS = 2048
_MIN_CURVE_BITS = 256
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_WEAK_HASHES = (hashes.MD5, hashes.SHA1)
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
)
# RFC 7468 section 2: an encapsulation boundary is a line of its own
_PEM = rb"(?m)^-----BEGIN (X509 |)CERTIFICATE-----[ \t]*\r?\n([^-]*)^-----END \1CERTIFICATE-----[ \t]*\r?$"


class _Outline(NamedTuple):
    """What is read without cryptography, in DER: the names, the two statements of how it is signed, the serial."""

    issuer: bytes
    subject: bytes
    serial: int
    inner_algorithm: bytes
    outer_algorithm: bytes


@lru_cache(maxsize=512)
def load(encoded: bytes) -> x509.Certificate:
    """Return a DER certificate; raises Rejected `time.certificate` for anything else.

    A serial number that is not positive is read as RFC 5280 section 4.1.2.2 asks, without the library's warning on
    standard error.
    """
    try:
        _ = outline(encoded)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(encoded)
            _ = certificate.extensions, certificate.subject, certificate.issuer
    except UNREADABLE as error:
        raise bad("a certificate cannot be read") from error
    return certificate


@lru_cache(maxsize=512)
def outline(encoded: bytes) -> _Outline:
    """Return a certificate's outline; raises DerError."""
    fields = Fields(der.read(encoded))
    content, outer = Fields(fields.take(der.SEQUENCE)), fields.take(der.SEQUENCE)
    _ = content.maybe(0xA0)
    serial, inner, issuer = content.take(der.INTEGER), content.take(der.SEQUENCE), content.take(der.SEQUENCE)
    _, subject = content.take(der.SEQUENCE), content.take(der.SEQUENCE)
    return _Outline(issuer.encoded, subject.encoded, serial.integer(), inner.encoded, outer.encoded)


def encoding(certificate: x509.Certificate) -> bytes:
    """Return a certificate's DER."""
    return certificate.public_bytes(Encoding.DER)


def why_unusable_anchor(encoded: bytes) -> str:
    """Return why a certificate cannot be a trusted root, the empty string if it can.

    RFC 5280 section 6.1.1 wants only a name and a key, so neither its serial number nor its end matters here. OpenSSL,
    the second opinion, ends chains only at certificates that name themselves as their issuer.
    """
    try:
        certificate = load(encoded)
        require_strong_key(certificate)
        parts = outline(encoded)
        if not same_name(parts.subject, parts.issuer):
            return f"{named(certificate)} is not self-signed"
    except (Rejected, DerError):
        return f"{_label(encoded)} cannot be used"
    return ""


def named(certificate: x509.Certificate) -> str:
    """Return how messages call a certificate: its subject (RFC 4514), in one short line."""
    text = certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"
    return "".join(letter if letter.isprintable() else " " for letter in text[:100])


def _label(encoded: bytes) -> str:
    try:
        return named(load(encoded))
    except Rejected:
        return "a certificate that cannot be read"


def require_signed(subject: x509.Certificate, issuer: x509.Certificate) -> None:
    """Check that issuer's key signed subject, with an algorithm that is accepted.

    Raises InvalidSignature if another key did, Rejected `time.weak-algorithm` or `time.unsupported`.
    """
    parts = outline(encoding(subject))
    if parts.inner_algorithm != parts.outer_algorithm:
        raise InvalidSignature
    try:
        algorithm, parameters = subject.signature_hash_algorithm, subject.signature_algorithm_parameters
        key = issuer.public_key()
    except (UnsupportedAlgorithm, ValueError) as error:
        raise unsupported(f"the signature of the certificate {named(subject)}") from error
    if isinstance(algorithm, _WEAK_HASHES):
        raise Rejected("time.weak-algorithm", f"the certificate {named(subject)} is signed with {algorithm.name}")
    if algorithm is not None and not isinstance(algorithm, _HASHES):
        raise unsupported(f"{algorithm.name} under the certificate {named(subject)}")
    signature, signed = subject.signature, subject.tbs_certificate_bytes
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
            key.verify(signature, signed, parameters, algorithm)  # type: ignore[arg-type]
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, parameters)  # type: ignore[arg-type]
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) and parameters is None:
            key.verify(signature, signed)
        else:
            raise InvalidSignature
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise InvalidSignature from error


def require_strong_key(certificate: x509.Certificate) -> None:
    """Check a certificate's key; raises Rejected `time.weak-algorithm`, `time.unsupported` or `time.certificate`."""
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm as error:
        raise unsupported(f"the key of the certificate {named(certificate)}") from error
    except UNREADABLE as error:
        raise bad(f"the key of {named(certificate)} cannot be read") from error
    if isinstance(key, rsa.RSAPublicKey):
        strong, known = key.key_size >= _MIN_RSA_BITS, True
    elif isinstance(key, ec.EllipticCurvePublicKey):
        strong, known = key.curve.key_size >= _MIN_CURVE_BITS, isinstance(key.curve, _CURVES)
    else:
        strong, known = True, isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
    if not strong:
        raise Rejected("time.weak-algorithm", f"the key of the certificate {named(certificate)} is too weak")
    if not known:
        raise unsupported(f"the kind of key of the certificate {named(certificate)}")


def certificates_in(pem: bytes, name: str) -> list[bytes]:
    """Return the DER certificates of a PEM file, each of which can be read.

    Raises BadInput(input.certificate), which calls the file `name`, and says which certificate is at fault.
    """
    found = blocks_in(pem, name)
    for number, encoded in enumerate(found, start=1):
        try:
            load(encoded)
        except Rejected as error:
            raise BadInput("input.certificate", f"certificate {number} of {name} cannot be read") from error
    return found


def blocks_in(pem: bytes, name: str) -> list[bytes]:
    """Return what the certificate blocks of a PEM file hold, readable or not; raises BadInput(input.certificate)."""
    try:
        found = [base64.b64decode(b"".join(block.split()), validate=True) for _, block in re.findall(_PEM, pem)]
    except binascii.Error as error:
        raise BadInput("input.certificate", f"{name} holds a PEM certificate that is not base64") from error
    if not found:
        raise BadInput("input.certificate", f"{name} holds no PEM certificate")
    return found


def bad(why: str) -> Rejected:
    """Return the rejection of a certificate that breaks a rule."""
    return Rejected("time.certificate", f"the timestamp authority's certificate must not be relied on: {why}")


def unsupported(what: str) -> Rejected:
    """Return the rejection of something that may be sound, but that this version does not judge."""
    return Rejected("time.unsupported", f"{what} is of a kind that is not supported")
