"""From a token's signing certificate to a trusted root (RFC 5280 section 6, RFC 3161 section 2.3).

Certificates that come with a token are only stones to build with. The sole source of trust is the authority's roots.
"""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from remembrancer.errors import BadInput, Rejected
from remembrancer.timestamp import der
from remembrancer.timestamp.der import DerError, Fields, Value

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_MAX_LENGTH = 6
_MAX_PATHS = 8
# certificates that come with a token could be made to have endless connections among themselves
_MAX_STEPS = 64
_MIN_RSA_BITS = 2048
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
)
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.POLICY_CONSTRAINTS,
    ExtensionOID.INHIBIT_ANY_POLICY,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
}
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


class Path(NamedTuple):
    """A verified chain, signer first and root last, with the time in which all of it is valid (aware, UTC).

    `subject` is the signer's name (RFC 4514), the digests are the SHA-256 (hex) of both ends' encodings.
    """

    certificates: tuple[x509.Certificate, ...]
    not_before: datetime
    not_after: datetime
    subject: str
    signer_sha256: str
    root_sha256: str


@lru_cache(maxsize=256)
def load(encoded: bytes) -> x509.Certificate:
    """Return a DER certificate; raises Rejected `time.certificate` for anything else."""
    try:
        _require_positive_serial(der.read(encoded))
        certificate = x509.load_der_x509_certificate(encoded)
        _ = certificate.extensions, certificate.subject, certificate.issuer
    except _UNREADABLE as error:
        raise _bad("a certificate of the chain does not decode") from error
    return certificate


def _require_positive_serial(certificate: Value) -> None:
    """Check what cryptography only warns about, on standard error (RFC 5280 section 4.1.2.2)."""
    content = Fields(Fields(certificate).take(der.SEQUENCE))
    _ = content.maybe(0xA0)
    if content.take(der.INTEGER).integer() <= 0:
        raise DerError("its serial number is not positive")


@lru_cache(maxsize=256)
def find_paths(signer: bytes, pool: tuple[bytes, ...], roots: tuple[bytes, ...]) -> tuple[Path, ...]:
    """Return chains from the DER certificate `signer` over some of `pool` to one of `roots`, at least one.

    All rules but time are checked: names and signatures, CA flags and path lengths, key usages, key sizes and hashes.
    Raises Rejected: `time.untrusted-root` if no chain leads to a root; `time.certificate` or `time.weak-algorithm` if
    one would but breaks a rule, or if the signer is not a time-stamping certificate.
    """
    leaf = load(signer)
    _require_timestamping(leaf)
    search = _Search([load(one) for one in roots], [load(one) for one in pool if one != signer])
    search.extend((leaf,))
    if search.found:
        return tuple(search.found)
    if search.complaints:
        raise search.complaints[0]
    raise Rejected("time.untrusted-root", "The time-stamp's certificate does not chain to a root that is trusted.")


class _Search:
    """The way from a signer to the anchors, depth first, with a bound on the signatures that are tried."""

    def __init__(self, anchors: list[x509.Certificate], helpers: list[x509.Certificate]) -> None:
        self.found: list[Path] = []
        self.complaints: list[Rejected] = []
        self._issuers = [(anchor, True) for anchor in anchors] + [(helper, False) for helper in helpers]
        self._steps = 0

    def extend(self, chain: tuple[x509.Certificate, ...]) -> None:
        """Find each way to go on from the chain's last certificate."""
        for issuer, trusted in self._issuers:
            if issuer.subject != chain[-1].issuer or issuer in chain or len(self.found) >= _MAX_PATHS:
                continue
            self._steps += 1
            if self._steps > _MAX_STEPS:
                return
            try:
                _require_issued(chain[-1], issuer, below=len(chain) - 1)
            except InvalidSignature:
                continue
            except Rejected as complaint:
                self.complaints.append(complaint)
                continue
            if trusted:
                self.found.append(_path((*chain, issuer)))
            elif len(chain) + 1 < _MAX_LENGTH:
                self.extend((*chain, issuer))


def _path(chain: tuple[x509.Certificate, ...]) -> Path:
    return Path(
        certificates=chain,
        not_before=max(part.not_valid_before_utc for part in chain),
        not_after=min(part.not_valid_after_utc for part in chain),
        subject=chain[0].subject.rfc4514_string(),
        signer_sha256=chain[0].fingerprint(hashes.SHA256()).hex(),
        root_sha256=chain[-1].fingerprint(hashes.SHA256()).hex(),
    )


def _require_issued(subject: x509.Certificate, issuer: x509.Certificate, below: int) -> None:
    """Check that issuer may and did issue subject; `below` counts the CA certificates under it.

    Raises InvalidSignature if another key of the same name did, Rejected if the issuer must not issue.
    """
    try:
        algorithm = subject.signature_hash_algorithm
        if algorithm is not None and not isinstance(algorithm, _HASHES):
            raise Rejected("time.weak-algorithm", f"A certificate of the chain is signed with {algorithm.name}.")
        subject.verify_directly_issued_by(issuer)
    except _UNREADABLE as error:
        raise InvalidSignature from error
    _require_known(subject)
    _require_strong_key(issuer)
    basic = _extension(issuer, x509.BasicConstraints)
    if basic is None or not basic.value.ca:
        raise _bad("a certificate that is no certificate authority issued another one")
    if basic.value.path_length is not None and basic.value.path_length < below:
        raise _bad("a certificate authority's path length is exceeded")
    usage = _extension(issuer, x509.KeyUsage)
    if usage is not None and not usage.value.key_cert_sign:
        raise _bad("a certificate authority's key usage does not allow it to issue certificates")
    purposes = _extension(issuer, x509.ExtendedKeyUsage)
    allowed = {ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and not allowed & set(purposes.value):
        raise _bad("a certificate authority's extended key usage excludes time-stamping")


def _require_timestamping(leaf: x509.Certificate) -> None:
    """Check the rules of RFC 3161 section 2.3 for the authority's own certificate."""
    _require_strong_key(leaf)
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is None:
        raise _bad("its certificate has no extended key usage")
    if not purposes.critical:
        raise _bad("its certificate's extended key usage is not critical")
    if list(purposes.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise _bad("its certificate is not for time-stamping alone")
    basic = _extension(leaf, x509.BasicConstraints)
    if basic is not None and basic.value.ca:
        raise _bad("its certificate is a certificate authority's")
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not (usage.value.digital_signature or usage.value.content_commitment):
        raise _bad("its certificate's key usage does not allow signatures")


def _require_known(certificate: x509.Certificate) -> None:
    """Check that every critical extension is one that this module or OpenSSL enforces."""
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise _bad(f"a certificate of the chain has an unknown critical extension {extension.oid.dotted_string}")


def _require_strong_key(certificate: x509.Certificate) -> None:
    try:
        key = certificate.public_key()
    except _UNREADABLE as error:
        raise _bad("a certificate of the chain has an unreadable key") from error
    if isinstance(key, rsa.RSAPublicKey):
        strong = key.key_size >= _MIN_RSA_BITS
    elif isinstance(key, ec.EllipticCurvePublicKey):
        strong = isinstance(key.curve, _CURVES)
    else:
        strong = isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
    if not strong:
        raise Rejected("time.weak-algorithm", "A certificate of the time-stamp's chain has a weak key.")


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> x509.Extension[_Extension] | None:
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def _bad(why: str) -> Rejected:
    return Rejected("time.certificate", f"The time-stamp authority's certificate must not be relied on: {why}.")


def certificates_in(pem: bytes, name: str) -> list[bytes]:
    """Return the DER certificates of a PEM file; raises BadInput(input.certificate), which calls it `name`."""
    try:
        return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(pem)]
    except ValueError as error:
        raise BadInput("input.certificate", f"{name} holds no PEM certificate") from error
