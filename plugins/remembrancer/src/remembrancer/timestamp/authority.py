"""A timestamping authority inside the process, for development (RFC 3161 section 2).

Whoever runs it also writes its clock, so its tokens prove a time to nobody else; policies call it self-asserted.
"""

import hashlib
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asn1crypto import cms, core, tsp  # type: ignore[import-untyped]
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from remembrancer.clock import Clock, SystemClock
from remembrancer.errors import BadInput, EnvironmentTrouble
from remembrancer.timestamp import der
from remembrancer.timestamp.model import HASHES_BY_LENGTH, Authority

# joint-iso-itu-t(2) uuid(25): an arc that anyone may use for an identifier derived from a UUID
POLICY_OID = "2.25.7976054507539981763302086539727558057"
_LIFETIME = timedelta(days=3650)
_BACKDATED = timedelta(minutes=5)
_KEY, _SIGNER, _ROOT = "tsa-key.pem", "tsa.pem", "tsa-root.pem"
_MAX_REQUEST_BYTES = 4096


class LocalAuthority:
    """An authority whose P-256 key lies in a folder of the user's own."""

    policy_oid = POLICY_OID

    def __init__(
        self, key: ec.EllipticCurvePrivateKey, signer: x509.Certificate, root: x509.Certificate, clock: Clock
    ) -> None:
        self._key = key
        self._signer = asn1_x509.Certificate.load(signer.public_bytes(Encoding.DER))
        self._clock = clock
        self.root = root.public_bytes(Encoding.DER)

    @classmethod
    def create(cls, folder: Path, clock: Clock | None = None) -> "LocalAuthority":
        """Make a root, a signer that it certifies, and return the authority; the root's key is not kept.

        Writes tsa-key.pem (mode 0600), tsa.pem and tsa-root.pem into the folder, which is made with mode 0700.
        Raises BadInput if an authority is there already, EnvironmentTrouble if the folder cannot be written.
        """
        clock = clock or SystemClock()
        key, signer, root = _certify(clock.now())
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            _write_new(folder / _KEY, secret, 0o600)
            _write_new(folder / _SIGNER, signer.public_bytes(Encoding.PEM), 0o644)
            _write_new(folder / _ROOT, root.public_bytes(Encoding.PEM), 0o644)
        except FileExistsError as error:
            raise BadInput("input.field", f"there is a timestamp authority in {folder} already") from error
        except OSError as error:
            raise EnvironmentTrouble("env.io", f"the authority cannot be written: {error}") from error
        return cls(key, signer, root, clock)

    @classmethod
    def load(cls, folder: Path, clock: Clock | None = None) -> "LocalAuthority":
        """Return the authority that `create` made; raises EnvironmentTrouble if it is not there or damaged."""
        try:
            key = load_pem_private_key((folder / _KEY).read_bytes(), None)
            signer = x509.load_pem_x509_certificate((folder / _SIGNER).read_bytes())
            root = x509.load_pem_x509_certificate((folder / _ROOT).read_bytes())
        except OSError as error:
            raise EnvironmentTrouble("env.io", f"the timestamp authority cannot be read: {error}") from error
        except (ValueError, TypeError) as error:
            raise EnvironmentTrouble("env.io", f"the timestamp authority in {folder} is damaged") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != signer.public_key():
            raise EnvironmentTrouble("env.io", f"the timestamp authority in {folder} has another key")
        return cls(key, signer, root, clock or SystemClock())

    def as_authority(self, name: str = "development", url: str = "") -> Authority:
        """Return this authority as a policy describes it, marked as self-asserted."""
        return Authority(name, url, roots=(self.root,), policy_oids=(self.policy_oid,), self_asserted=True)

    def respond(self, request: bytes) -> bytes:
        """Return the DER TimeStampResp to a DER TimeStampReq: granted, or a rejection with its failure code.

        Never raises for any request.
        """
        try:
            if len(request) > _MAX_REQUEST_BYTES:
                return _rejection("bad_data_format", "the request is too large")
            der.read(request)
            asked = tsp.TimeStampReq.load(request, strict=True)
            refusal = _refusal(asked, self.policy_oid)
            return refusal if refusal is not None else self._grant(asked)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
            return _rejection("bad_data_format", "the request does not decode")

    def _grant(self, asked: Any) -> bytes:
        now = self._clock.now().astimezone(UTC).replace(microsecond=0)
        info: dict[str, Any] = {
            "version": 1,
            "policy": self.policy_oid,
            "message_imprint": asked["message_imprint"],
            "serial_number": secrets.randbits(127) | 1 << 127,
            "gen_time": now,
            "accuracy": {"seconds": 1},
        }
        if asked["nonce"].native is not None:
            info["nonce"] = asked["nonce"].native
        content = tsp.TSTInfo(info).dump()
        attributes = self._attributes(content, now)
        signer_info = {
            "version": "v1",
            "sid": {
                "issuer_and_serial_number": {
                    "issuer": self._signer.issuer,
                    "serial_number": self._signer.serial_number,
                }
            },
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": self._key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
        }
        signed = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
            "signer_infos": [signer_info],
        }
        if asked["cert_req"].native:
            signed["certificates"] = [self._signer]
        token = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})
        return bytes(tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump())

    def _attributes(self, content: bytes, now: datetime) -> Any:
        """Return the signed attributes in the order that DER wants; RFC 5035 ties them to this certificate."""
        certificate = {"cert_hash": hashlib.sha256(self._signer.dump()).digest()}
        values = [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "signing_time", "values": [cms.Time({"utc_time": now})]},
            {"type": "message_digest", "values": [hashlib.sha256(content).digest()]},
            {"type": "signing_certificate_v2", "values": [{"certs": [certificate]}]},
        ]
        return cms.CMSAttributes(sorted((cms.CMSAttribute(value) for value in values), key=lambda part: part.dump()))


def _refusal(asked: Any, policy: str) -> bytes | None:
    """Return the rejection that a decoded request deserves, None if it can be granted."""
    imprint = asked["message_imprint"]
    if asked["version"].native != "v1":
        return _rejection("bad_request", "only version 1 is known")
    if not isinstance(asked["extensions"], core.Void):
        return _rejection("unaccepted_extensions", "no extension is known")
    if asked["req_policy"].native is not None and asked["req_policy"].dotted != policy:
        return _rejection("unaccepted_policy", f"there is only the policy {policy}")
    length = len(bytes(imprint["hashed_message"]))
    if imprint["hash_algorithm"]["algorithm"].native not in HASHES_BY_LENGTH.values():
        return _rejection("bad_alg", "only SHA-256, SHA-384 and SHA-512 are known")
    if HASHES_BY_LENGTH.get(length) != imprint["hash_algorithm"]["algorithm"].native:
        return _rejection("bad_data_format", "the digest does not have its algorithm's length")
    # what is decoded later must fail here, where a failure is still a rejection
    _ = asked["nonce"].native, asked["cert_req"].native
    return None


def _rejection(failure: str, why: str) -> bytes:
    """Return a response without a token, with the PKIFailureInfo bit of that name."""
    status = {"status": "rejection", "status_string": [why], "fail_info": {failure}}
    # asn1crypto's TimeStampResp wants a token even in a refusal
    return bytes(core.SequenceOf([tsp.PKIStatusInfo(status)], spec=tsp.PKIStatusInfo).dump())


def _certify(now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate, x509.Certificate]:
    """Return a signing key, its timestamping certificate, and the root that issued it."""
    start = now.astimezone(UTC).replace(microsecond=0) - _BACKDATED
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = _name("Development timestamp root"), _name("Development timestamp authority")
    root = (
        _builder(root_name, root_name, root_key.public_key(), start)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    signer = (
        _builder(name, root_name, key.public_key(), start)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return key, signer, root


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _LIFETIME)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not exist yet, never readable by more than `mode` says."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
