"""What a token's one signer signed and how (RFC 5652 sections 5.3 and 11, RFC 5035)."""

from remembrancer.errors import Rejected
from remembrancer.named import NamedTuple
from remembrancer.timestamp import der
from remembrancer.timestamp.der import DerError, Fields, Value

TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_NAMES = {
    "1.3.14.3.2.26": "sha1",
    "1.2.840.113549.2.5": "md5",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.8": "sha3-256",
    "2.16.840.1.101.3.4.2.9": "sha3-384",
    "2.16.840.1.101.3.4.2.10": "sha3-512",
    "1.2.840.113549.1.1.1": "rsa",
    "1.2.840.113549.1.1.4": "md5_rsa",
    "1.2.840.113549.1.1.5": "sha1_rsa",
    "1.2.840.113549.1.1.10": "rsassa-pss",
    "1.2.840.113549.1.1.11": "sha256_rsa",
    "1.2.840.113549.1.1.12": "sha384_rsa",
    "1.2.840.113549.1.1.13": "sha512_rsa",
    "1.2.840.10040.4.3": "sha1_dsa",
    "1.2.840.10045.4.1": "sha1_ecdsa",
    "1.2.840.10045.4.3.2": "sha256_ecdsa",
    "1.2.840.10045.4.3.3": "sha384_ecdsa",
    "1.2.840.10045.4.3.4": "sha512_ecdsa",
    "1.3.101.112": "ed25519",
    "1.3.101.113": "ed448",
}
_WITHOUT_PARAMETERS = frozenset(
    {"rsa", *(f"{sha}_{kind}" for sha in ("sha256", "sha384", "sha512") for kind in ("rsa", "ecdsa"))}
)


class CertificateId(NamedTuple):
    """A signing-certificate attribute's first entry: hash name and value, issuer name (DER) and serial if given."""

    hash_algorithm: str
    digest: bytes
    issuer: bytes | None
    serial: int | None


class Signer(NamedTuple):
    """A SignerInfo: the certificate meant (issuer name in DER, serial), then the signature and what it covers.

    `signed_bytes` are the signed attributes as they were signed, `message_digest` is the digest of the content that
    they claim, `ess_v1` and `ess_v2` the certificate that they name. Algorithms have short names.
    """

    issuer: bytes
    serial: int
    digest_algorithm: str
    signature_algorithm: str
    signature: bytes
    signed_bytes: bytes
    message_digest: bytes
    ess_v1: CertificateId | None
    ess_v2: CertificateId | None


def parse_signer(signer: Value) -> Signer:
    """Return what a SignerInfo says.

    Raises DerError for a bad encoding, Rejected `time.signer` or `time.ess` for a signer without exactly the attributes
    that RFC 3161 requires.
    """
    fields = Fields(signer)
    version, identifier = fields.take(der.INTEGER).integer(), fields.maybe(der.SEQUENCE)
    if version != 1 or identifier is None:
        raise Rejected("time.signer", "the token does not name its signer by issuer and serial number")
    named = Fields(identifier)
    issuer, serial = named.take(der.SEQUENCE).encoded, named.take(der.INTEGER).integer()
    named.end()
    digest_algorithm = algorithm_name(fields.take(der.SEQUENCE))
    signed = fields.maybe(0xA0)
    if signed is None:
        raise Rejected("time.signer", "the token has no signed attributes")
    attributes = _attributes(signed)
    signature_algorithm = _signature_algorithm(fields.take(der.SEQUENCE))
    signature = fields.take(der.OCTET_STRING).contents
    _ = fields.maybe(0xA1)
    fields.end()
    return Signer(
        issuer=issuer,
        serial=serial,
        digest_algorithm=digest_algorithm,
        signature_algorithm=signature_algorithm,
        signature=signature,
        # signed is the SET, in the message the same bytes carry the tag [0] (RFC 5652 section 5.4)
        signed_bytes=b"\x31" + signed.encoded[1:],
        message_digest=attributes[_MESSAGE_DIGEST].contents,
        ess_v1=_certificate_id(attributes.get(_SIGNING_CERTIFICATE), "sha1"),
        ess_v2=_certificate_id(attributes.get(_SIGNING_CERTIFICATE_V2), "sha256"),
    )


def _attributes(signed: Value) -> dict[str, Value]:
    """Return each signed attribute's single value by its type; the required ones are there and well-formed."""
    encoded = [attribute.encoded for attribute in signed.parts]
    if encoded != sorted(encoded):
        # the signature is over the DER encoding (RFC 5652 section 5.4): another order is signed by nobody's rules
        raise DerError("its signed attributes are not in DER order, which RFC 5652 section 5.3 requires")
    found: dict[str, Value] = {}
    for attribute in signed.parts:
        fields = Fields(attribute)
        name, values = fields.take(der.OID).oid(), fields.take(der.SET).parts
        fields.end()
        if name in found or len(values) != 1:
            raise Rejected("time.signer", f"the token's signed attribute {name} is not there exactly once")
        found[name] = values[0]
    content_type, digest = found.get(_CONTENT_TYPE), found.get(_MESSAGE_DIGEST)
    if content_type is None or content_type.tag != der.OID or content_type.oid() != TST_INFO:
        raise Rejected("time.signer", "the token has no content-type attribute that says TSTInfo")
    if digest is None or digest.tag != der.OCTET_STRING:
        raise Rejected("time.signer", "the token has no message-digest attribute")
    if not found.keys() & {_SIGNING_CERTIFICATE, _SIGNING_CERTIFICATE_V2}:
        raise Rejected("time.ess", "the token has no signing-certificate attribute")
    return found


def _certificate_id(attribute: Value | None, default: str) -> CertificateId | None:
    """Return the entry that must name the signer, the first one (RFC 5035 sections 3 to 5)."""
    if attribute is None:
        return None
    entries = Fields(attribute).take(der.SEQUENCE).parts
    if not entries:
        raise Rejected("time.ess", "the token's signing-certificate attribute names no certificate")
    fields = Fields(entries[0])
    # version 1 knows no algorithm field, and leaves the hash to be SHA-1
    algorithm = fields.maybe(der.SEQUENCE) if default != "sha1" else None
    digest, named = fields.take(der.OCTET_STRING).contents, fields.maybe(der.SEQUENCE)
    fields.end()
    name = default if algorithm is None else algorithm_name(algorithm)
    return CertificateId(name, digest, *(_issuer_serial(named) if named else (None, None)))


def _issuer_serial(value: Value) -> tuple[bytes, int]:
    fields = Fields(value)
    names, serial = fields.take(der.SEQUENCE).parts, fields.take(der.INTEGER).integer()
    fields.end()
    # [4] is a directoryName; its tag is explicit because a Name is a CHOICE
    if len(names) != 1 or names[0].tag != 0xA4 or len(names[0].parts) != 1:
        raise Rejected("time.ess", "the token's signing-certificate attribute names an issuer in an odd way")
    return names[0].parts[0].encoded, serial


def _signature_algorithm(value: Value) -> str:
    """Return an algorithm's short name; the parameters of one that is not supported anyway are not read."""
    name = _NAMES.get(oid := Fields(value).take(der.OID).oid(), oid)
    return algorithm_name(value) if name in _WITHOUT_PARAMETERS else name


def algorithm_name(value: Value) -> str:
    """Return the short name of an AlgorithmIdentifier without parameters (absent or NULL)."""
    fields = Fields(value)
    oid = fields.take(der.OID).oid()
    null = fields.maybe(der.NULL)
    fields.end()
    if null is not None and null.contents:
        raise DerError("an algorithm has parameters")
    return _NAMES.get(oid, oid)
