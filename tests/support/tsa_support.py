"""Certificate authorities and timestamping authorities that tests make themselves, honest and dishonest ones."""

import hashlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from remembrancer.timestamp import Authority

NOW = datetime(2026, 1, 15, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DATA = b"the artifact\n"
DIGEST = hashlib.sha256(DATA).digest()
POLICY = "1.3.6.1.4.1.57264.2"
NONCE = 0x1122334455667788
TIME_STAMPING = (ExtendedKeyUsageOID.TIME_STAMPING,)
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_SHA = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}


@dataclass(frozen=True)
class Entity:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


@cache
def rsa_key(bits: int, number: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key that the whole test run shares; other numbers are other keys."""
    return rsa.generate_private_key(65537, bits)


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certify(
    subject: str,
    issuer: Entity | None = None,
    *,
    key: Any = None,
    ca: bool | None = False,
    path_length: int | None = None,
    usage: Sequence[str] = (),
    purposes: Sequence[x509.ObjectIdentifier] = (),
    purposes_critical: bool = True,
    start: datetime = NOW - 100 * DAY,
    end: datetime = NOW + 100 * DAY,
    sha: str = "sha256",
    extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
    serial: int | None = None,
    subject_name: x509.Name | None = None,
    issuer_name: x509.Name | None = None,
    rsa_padding: Any = None,
) -> Entity:
    """Make a certificate; without an issuer it signs itself, `ca=None` leaves the basic constraints out.

    `subject_name` and `issuer_name` stand for names that are encoded in another way; any serial is possible.
    """
    # authorities' own keys are RSA, because rfc3161ng knows nothing else
    key = key or (ec.generate_private_key(ec.SECP256R1()) if ca else rsa_key(2048))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject_name or name(subject))
        .issuer_name(issuer_name or (issuer.certificate.subject if issuer else subject_name or name(subject)))
        .public_key(key.public_key())
        .serial_number(max(serial or 0, 0) or x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    if usage:
        builder = builder.add_extension(x509.KeyUsage(**{flag: flag in usage for flag in _USAGES}), critical=True)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=purposes_critical)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    signer = issuer.key if issuer else key
    if sha == "sha1" or (serial is not None and serial < 1):
        return Entity(_sign_again(builder.sign(signer, hashes.SHA256()), signer, sha, serial), key)
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else _SHA[sha]()
    return Entity(builder.sign(signer, algorithm, rsa_padding=rsa_padding), key)


def _sign_again(certificate: x509.Certificate, signer: Any, sha: str, serial: int | None) -> x509.Certificate:
    """Sign a certificate again with SHA-1, or with a serial number below 1, which cryptography refuses to do."""
    changed = asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
    algorithm = algos.SignedDigestAlgorithm({"algorithm": f"{sha}_{_family(signer)}"})
    changed["tbs_certificate"]["signature"] = algorithm
    if serial is not None:
        changed["tbs_certificate"]["serial_number"] = serial
    changed["signature_algorithm"] = algorithm
    changed["signature_value"] = sign(signer, changed["tbs_certificate"].dump(force=True), sha)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.load_der_x509_certificate(changed.dump(force=True))


def _family(key: Any) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "rsa"
    return "ecdsa" if isinstance(key, ec.EllipticCurvePrivateKey) else "ed25519"


def sign(key: Any, message: bytes, sha: str) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), _SHA[sha]())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(_SHA[sha]()))
    return bytes(key.sign(message))


@cache
def root() -> Entity:
    """The root that the tests trust."""
    return certify("Test Root", ca=True, usage=("key_cert_sign", "crl_sign"))


@cache
def tsa() -> Entity:
    """An honest authority that the trusted root certifies."""
    return certify("Test TSA", root(), purposes=TIME_STAMPING, usage=("digital_signature",))


def authority(*roots: Entity, **changes: Any) -> Authority:
    """The authority as a policy would describe it, by default the honest one."""
    return Authority("test", "", tuple(one.der for one in (roots or (root(),))), **changes)


@dataclass
class Forge:
    """Everything that goes into a response; each test changes one thing, and what is not changed is correct.

    The `edit_*` hooks get the asn1crypto object (or bytes) just before it is encoded and may change it.
    """

    signer: Entity = field(default_factory=tsa)
    gen_time: datetime = NOW
    digest: bytes = DIGEST
    imprint: str = "sha256"
    policy: str = POLICY
    nonce: int | None = NONCE
    accuracy: Any = None
    sha: str = "sha256"
    certificates: Sequence[Entity] | None = None
    ess: str | None = "v2"
    ess_sha: str = "sha256"
    ess_certificate: Entity | None = None
    ess_issuer: tuple[x509.Name, int] | None = None
    status: int = 0
    signature_algorithm: str | None = None
    edit_info: Callable[[Any], None] | None = None
    edit_content: Callable[[bytes], bytes] | None = None
    edit_attributes: Callable[[list[Any]], None] | None = None
    edit_signed: Callable[[Any], None] | None = None
    edit_response: Callable[[Any], None] | None = None

    def content(self) -> bytes:
        info = tsp.TSTInfo(
            {
                "version": 1,
                "policy": self.policy,
                "message_imprint": {"hash_algorithm": {"algorithm": self.imprint}, "hashed_message": self.digest},
                "serial_number": 4711,
                "gen_time": self.gen_time,
            }
        )
        if self.accuracy is not None:
            info["accuracy"] = self.accuracy
        if self.nonce is not None:
            info["nonce"] = self.nonce
        if self.edit_info:
            self.edit_info(info)
        content = bytes(info.dump(force=True))
        return self.edit_content(content) if self.edit_content else content

    def attributes(self, content: bytes) -> list[Any]:
        found = [
            cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
            cms.CMSAttribute({"type": "signing_time", "values": [cms.Time({"utc_time": self.gen_time})]}),
            cms.CMSAttribute(
                {"type": "message_digest", "values": [hashlib.new(self.sha, content).digest()]},
            ),
            *self.signing_certificate(),
        ]
        if self.edit_attributes:
            self.edit_attributes(found)
        return sorted(found, key=lambda attribute: attribute.dump())

    def signing_certificate(self) -> list[Any]:
        der = (self.ess_certificate or self.signer).der
        made = []
        if self.ess in {"v1", "both"}:
            entry: dict[str, Any] = {"cert_hash": hashlib.sha1(der).digest(), **self._issuer_serial()}
            made.append(cms.CMSAttribute({"type": "signing_certificate", "values": [{"certs": [entry]}]}))
        if self.ess in {"v2", "both"}:
            entry = {"cert_hash": hashlib.new(self.ess_sha, der).digest(), **self._issuer_serial()}
            if self.ess_sha != "sha256":
                entry["hash_algorithm"] = {"algorithm": self.ess_sha}
            made.append(cms.CMSAttribute({"type": "signing_certificate_v2", "values": [{"certs": [entry]}]}))
        return made

    def _issuer_serial(self) -> dict[str, Any]:
        if self.ess_issuer is None:
            return {}
        issuer = asn1_x509.Name.load(self.ess_issuer[0].public_bytes())
        general = asn1_x509.GeneralName(name="directory_name", value=issuer)
        return {"issuer_serial": {"issuer": [general], "serial_number": self.ess_issuer[1]}}

    def signer_info(self, content: bytes) -> Any:
        attributes = self.attributes(content)
        own = asn1_x509.Certificate.load(self.signer.der)
        algorithm = self.signature_algorithm or (
            "ed25519" if _family(self.signer.key) == "ed25519" else f"{self.sha}_{_family(self.signer.key)}"
        )
        info = cms.SignerInfo(
            {
                "version": "v1",
                "sid": {
                    "issuer_and_serial_number": {"issuer": own.issuer, "serial_number": own.serial_number},
                },
                "digest_algorithm": {"algorithm": self.sha},
                "signature_algorithm": {"algorithm": algorithm},
                "signature": b"",
            }
        )
        if attributes:
            signed = cms.CMSAttributes(attributes)
            info["signed_attrs"] = signed
            info["signature"] = sign(self.signer.key, signed.dump(), self.sha)
        else:
            info["signature"] = sign(self.signer.key, content, self.sha)
        return info

    def token(self) -> Any:
        content = self.content()
        bag = [self.signer] if self.certificates is None else self.certificates
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [{"algorithm": self.sha}],
                "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
                "signer_infos": [self.signer_info(content)],
            }
        )
        if bag:
            signed["certificates"] = [asn1_x509.Certificate.load(entity.der) for entity in bag]
        if self.edit_signed:
            self.edit_signed(signed)
        return cms.ContentInfo({"content_type": "signed_data", "content": signed})

    def response(self) -> bytes:
        made = tsp.TimeStampResp({"status": {"status": self.status}, "time_stamp_token": self.token()})
        if self.edit_response:
            self.edit_response(made)
        # forcing would encode the content again, and lose what is wrong with it
        return bytes(made.dump())


def forge(**changes: Any) -> bytes:
    """A DER response that is honest but for the changes."""
    return Forge(**changes).response()
