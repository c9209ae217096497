"""Timestamp responses that must not pass, each one change away from an honest one.

`accepted_by` says which tools of `tsa_tools` take a forgery for genuine: `message` and `digest` are rfc3161-client's
`verify_message` and `verify`, `openssl` is `openssl ts -verify -data`, `query` the same with the request, `rfc3161ng`
its check with the certificate that the token carries (whichever comes first, if there are several).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from remembrancer.timestamp import Authority
from tsa_support import (
    DATA,
    DAY,
    NOW,
    POLICY,
    TIME_STAMPING,
    Entity,
    Forge,
    authority,
    certify,
    forge,
    name,
    root,
    rsa_key,
    tsa,
)


@dataclass(frozen=True)
class Forgery:
    """What is wrong, the reason code that we give, a maker of the response, and the authority to judge it by."""

    what: str
    code: str
    make: Callable[[], bytes]
    authority: Authority

    @property
    def accepted_by(self) -> set[str]:
        return set(_ACCEPTED_BY.get(self.what, "").split())


FORGERIES: list[Forgery] = []


def _add(what: str, code: str, make: Callable[[], bytes], **changes: Any) -> None:
    FORGERIES.append(Forgery(what, code, make, authority()._replace(**changes)))


def _signed_by(*certificates: Entity, **changes: Any) -> bytes:
    """A token by the first certificate, carrying all."""
    return forge(signer=certificates[0], certificates=certificates, **changes)


def _tsa(**changes: Any) -> Entity:
    return certify("Other TSA", root(), **{"purposes": TIME_STAMPING, **changes})


@cache
def _stranger() -> Entity:
    return certify("Test Root", ca=True, usage=("key_cert_sign",))


# --- whom the token chains to ---
_add(
    "a self-signed authority with its certificate in the token",
    "time.untrusted-root",
    lambda: _signed_by(certify("Self", purposes=TIME_STAMPING, key=rsa_key(2048, 1))),
)
_add(
    "an authority under another root of the same name",
    "time.untrusted-root",
    lambda: _signed_by(certify("Test TSA", _stranger(), purposes=TIME_STAMPING), _stranger()),
)
_add(
    "no certificate in the token and none in the policy",
    "time.signer",
    lambda: forge(certificates=()),
)


def _end_entity_issuer() -> bytes:
    end = certify("Web server", root(), purposes=[ExtendedKeyUsageOID.SERVER_AUTH])
    return _signed_by(certify("Test TSA", end, purposes=TIME_STAMPING), end)


def _plain_issuer() -> bytes:
    plain = certify("Plain", root(), ca=None)
    return _signed_by(certify("Test TSA", plain, purposes=TIME_STAMPING), plain)


def _issuer_without_cert_sign() -> bytes:
    middle = certify("Middle", root(), ca=True, usage=("crl_sign",))
    return _signed_by(certify("Test TSA", middle, purposes=TIME_STAMPING), middle)


def _path_too_long() -> bytes:
    upper = certify("Upper", root(), ca=True, path_length=0, usage=("key_cert_sign",))
    lower = certify("Lower", upper, ca=True, usage=("key_cert_sign",))
    return _signed_by(certify("Test TSA", lower, purposes=TIME_STAMPING), lower, upper)


def _issuer_for_servers() -> bytes:
    middle = certify("Middle", root(), ca=True, usage=("key_cert_sign",), purposes=[ExtendedKeyUsageOID.SERVER_AUTH])
    return _signed_by(certify("Test TSA", middle, purposes=TIME_STAMPING), middle)


def _outside_name_constraints() -> bytes:
    permitted = [x509.DirectoryName(name("Another"))]
    constraint = x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)
    middle = certify("Middle", root(), ca=True, usage=("key_cert_sign",), extra=[(constraint, True)])
    return _signed_by(certify("Test TSA", middle, purposes=TIME_STAMPING), middle)


_add("an end-entity certificate as issuer", "time.certificate", _end_entity_issuer)
_add("an issuer without basic constraints", "time.certificate", _plain_issuer)
_add("an issuer whose key usage does not include certificates", "time.certificate", _issuer_without_cert_sign)
_add("a chain longer than an issuer's path length", "time.certificate", _path_too_long)
_add("an issuer restricted to other purposes", "time.certificate", _issuer_for_servers)
_add("a name outside its issuer's name constraints", "time.second-opinion", _outside_name_constraints)

# --- the authority's own certificate ---
_add("no extended key usage", "time.certificate", lambda: _signed_by(_tsa(purposes=())))
_add(
    "an extended key usage that is not critical", "time.certificate", lambda: _signed_by(_tsa(purposes_critical=False))
)
_add(
    "an extended key usage for code signing",
    "time.certificate",
    lambda: _signed_by(_tsa(purposes=[ExtendedKeyUsageOID.CODE_SIGNING])),
)
_add(
    "a second extended key usage beside timestamping",
    "time.certificate",
    lambda: _signed_by(_tsa(purposes=[*TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING])),
)
_add(
    "any extended key usage",
    "time.certificate",
    lambda: _signed_by(_tsa(purposes=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])),
)
_add("a certificate authority as signer", "time.certificate", lambda: _signed_by(_tsa(ca=True)))
_add("a key usage without signatures", "time.certificate", lambda: _signed_by(_tsa(usage=("key_encipherment",))))
_add(
    "an unknown critical extension in the certificate",
    "time.certificate",
    lambda: _signed_by(
        _tsa(extra=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.57264.9.9"), b"\x05\x00"), True)])
    ),
)
_add(
    "a genTime before the certificate's notBefore",
    "time.certificate-validity",
    lambda: _signed_by(_tsa(start=NOW + DAY)),
)
_add(
    "a genTime after the certificate's notAfter",
    "time.certificate-validity",
    lambda: _signed_by(_tsa(end=NOW - DAY)),
)


def _issuer_ended() -> bytes:
    middle = certify("Middle", root(), ca=True, usage=("key_cert_sign",), end=NOW - DAY)
    return _signed_by(certify("Test TSA", middle, purposes=TIME_STAMPING), middle)


_add("an issuer that was not valid at genTime", "time.certificate-validity", _issuer_ended)

# --- weak algorithms ---
_add(
    "a SHA-1 imprint",
    "time.weak-algorithm",
    lambda: forge(imprint="sha1", digest=hashlib.sha1(DATA).digest()),
)
_add(
    "a SHA-1 imprint that holds a SHA-256 digest",
    "time.weak-algorithm",
    lambda: forge(imprint="sha1"),
)
_add("a SHA-512 imprint that holds a SHA-256 digest", "time.imprint-mismatch", lambda: forge(imprint="sha512"))
_add("a signature with SHA-1", "time.weak-algorithm", lambda: forge(sha="sha1"))
_add("a SHA-1 signature under the authority's certificate", "time.weak-algorithm", lambda: _signed_by(_tsa(sha="sha1")))
_add("an RSA key of 1024 bits", "time.weak-algorithm", lambda: _signed_by(_tsa(key=rsa_key(1024))))


def _weak_issuer() -> bytes:
    middle = certify("Middle", root(), ca=True, usage=("key_cert_sign",), key=rsa_key(1024, 2))
    return _signed_by(certify("Test TSA", middle, purposes=TIME_STAMPING), middle)


_add("an issuer with an RSA key of 1024 bits", "time.weak-algorithm", _weak_issuer)
_add("an Ed25519 signature", "time.unsupported", lambda: _signed_by(_tsa(key=ed25519.Ed25519PrivateKey.generate())))
_add(
    "a curve of 192 bits",
    "time.weak-algorithm",
    lambda: _signed_by(_tsa(key=ec.generate_private_key(ec.SECP192R1()))),
)
_add(
    "a signature algorithm of another family than the key",
    "time.signature",
    lambda: forge(signature_algorithm="sha256_ecdsa"),
)

# --- the signed attributes ---


def _drop(kind: str) -> Callable[[list[Any]], None]:
    def edit(attributes: list[Any]) -> None:
        attributes[:] = [one for one in attributes if one["type"].native != kind]

    return edit


def _double(kind: str) -> Callable[[list[Any]], None]:
    def edit(attributes: list[Any]) -> None:
        attributes.extend([one for one in attributes if one["type"].native == kind])

    return edit


def _wrong_type(attributes: list[Any]) -> None:
    _drop("content_type")(attributes)
    attributes.append(cms.CMSAttribute({"type": "content_type", "values": ["data"]}))


def _two_values(attributes: list[Any]) -> None:
    _drop("content_type")(attributes)
    attributes.append(cms.CMSAttribute({"type": "content_type", "values": ["tst_info", "data"]}))


_add("no signed attributes", "time.signer", lambda: forge(edit_attributes=list.clear))
_add("no content-type attribute", "time.signer", lambda: forge(edit_attributes=_drop("content_type")))
_add("a content-type attribute that says data", "time.signer", lambda: forge(edit_attributes=_wrong_type))
_add("a content-type attribute with two values", "time.signer", lambda: forge(edit_attributes=_two_values))
_add("no message-digest attribute", "time.signer", lambda: forge(edit_attributes=_drop("message_digest")))
_add("a message-digest attribute twice", "time.signer", lambda: forge(edit_attributes=_double("message_digest")))
_add("no signing-certificate attribute", "time.ess", lambda: forge(ess=None))
_add("a signing-certificate attribute for another certificate", "time.ess", lambda: forge(ess_certificate=root()))
_add("a signing-certificate attribute with SHA-1 only", "time.ess", lambda: forge(ess="v1"))
_add(
    "a SHA-1 signing-certificate attribute for another certificate, where it is allowed",
    "time.ess",
    lambda: forge(ess="v1", ess_certificate=root()),
    allow_ess_v1=True,
)
_add(
    "a version 2 signing-certificate attribute that uses SHA-1",
    "time.weak-algorithm",
    lambda: forge(ess_sha="sha1"),
    allow_ess_v1=True,
)
_add(
    "a signing-certificate attribute with another issuer",
    "time.ess",
    lambda: forge(ess_issuer=(name("Somebody"), tsa().certificate.serial_number)),
)
_add(
    "a signing-certificate attribute with another serial number",
    "time.ess",
    lambda: forge(ess_issuer=(root().certificate.subject, 1)),
)

# --- what was asked ---
_add("another nonce", "time.nonce-mismatch", lambda: forge(nonce=1))
_add("no nonce where one was sent", "time.nonce-mismatch", lambda: forge(nonce=None))
_add("another policy", "time.policy", lambda: forge(policy="1.2.3.4"), policy_oids=(POLICY,))
_add("another imprint", "time.imprint-mismatch", lambda: forge(digest=bytes(32)))
_add("granted with modifications", "time.status", lambda: forge(status=1))
_add("rejected, but with a token", "time.status", lambda: forge(status=2))
_add("waiting, but with a token", "time.status", lambda: forge(status=3))


def _failure(made: Any) -> None:
    made["status"]["fail_info"] = {"system_failure"}


_add("granted, but with a failure code", "time.status", lambda: forge(edit_response=_failure))

# --- the envelope ---


def _two_signers(signed: Any) -> None:
    signed["signer_infos"].append(Forge().signer_info(bytes(signed["encap_content_info"]["content"])))


def _stranger_signs_too(signed: Any) -> None:
    content = bytes(signed["encap_content_info"]["content"])
    other = certify("Stranger", purposes=TIME_STAMPING, key=rsa_key(2048, 1))
    signed["signer_infos"].append(Forge(signer=other).signer_info(content))
    signed["certificates"].append(asn1_x509.Certificate.load(other.der))


def _no_signer(signed: Any) -> None:
    signed["signer_infos"] = []


def _by_key_id(signed: Any) -> None:
    info = signed["signer_infos"][0]
    info["version"] = "v3"
    info["sid"] = cms.SignerIdentifier(name="subject_key_identifier", value=b"1" * 20)


def _version_1(signed: Any) -> None:
    signed["version"] = "v1"


def _plain_data(signed: Any) -> None:
    content = bytes(signed["encap_content_info"]["content"])
    signed["encap_content_info"] = {"content_type": "data", "content": core.ParsableOctetString(content)}


def _content_changed(signed: Any) -> None:
    info = tsp.TSTInfo.load(bytes(signed["encap_content_info"]["content"]))
    info["gen_time"] = NOW - 50 * DAY
    signed["encap_content_info"]["content"] = core.ParsableOctetString(info.dump(force=True))


def _signature_changed(signed: Any) -> None:
    info = signed["signer_infos"][0]
    other = Forge(gen_time=NOW - DAY).signer_info(b"")
    info["signature"] = bytes(other["signature"])


_add("two signers", "time.signer", lambda: forge(edit_signed=_two_signers))
_add("a second signer that nobody trusts", "time.signer", lambda: forge(edit_signed=_stranger_signs_too))
_add("no signer", "time.signer", lambda: forge(edit_signed=_no_signer))
_add("a signer named by key identifier", "time.signer", lambda: forge(edit_signed=_by_key_id))
_add("signed data of version 1", "time.malformed", lambda: forge(edit_signed=_version_1))
_add("content of type data", "time.malformed", lambda: forge(edit_signed=_plain_data))
_add("a changed genTime", "time.signature", lambda: forge(edit_signed=_content_changed))
_add("another token's signature", "time.signature", lambda: forge(edit_signed=_signature_changed))
_add("bytes after the response", "time.malformed", lambda: forge() + b"\x00")


def _tail(info: Any) -> None:
    info["extensions"] = [{"extn_id": "1.2.3", "critical": True, "extn_value": b"x"}]


class _Trailing(Forge):
    def content(self) -> bytes:
        return super().content() + b"\x05\x00"


_add("bytes after the TSTInfo", "time.malformed", lambda: _Trailing().response())
_add("a critical extension that nobody knows", "time.malformed", lambda: forge(edit_info=_tail))
_add(
    "two certificates that fit the signer",
    "time.signer",
    lambda: _signed_by(tsa(), certify("x", root(), purposes=TIME_STAMPING, serial=tsa().certificate.serial_number)),
)

_ACCEPTED_BY = {
    "a self-signed authority with its certificate in the token": "rfc3161ng",
    "an authority under another root of the same name": "rfc3161ng",
    "an end-entity certificate as issuer": "rfc3161ng",
    "an issuer without basic constraints": "rfc3161ng",
    "an issuer whose key usage does not include certificates": "rfc3161ng",
    "a chain longer than an issuer's path length": "rfc3161ng",
    "an issuer restricted to other purposes": "message digest openssl query rfc3161ng",
    "a name outside its issuer's name constraints": "rfc3161ng",
    "no extended key usage": "rfc3161ng",
    "an extended key usage that is not critical": "rfc3161ng",
    "an extended key usage for code signing": "rfc3161ng",
    "a second extended key usage beside timestamping": "rfc3161ng",
    "any extended key usage": "rfc3161ng",
    "a certificate authority as signer": "message digest openssl query",
    "a key usage without signatures": "rfc3161ng",
    "an unknown critical extension in the certificate": "rfc3161ng",
    "a genTime before the certificate's notBefore": "rfc3161ng",
    "a genTime after the certificate's notAfter": "rfc3161ng",
    "an issuer that was not valid at genTime": "rfc3161ng",
    "a SHA-1 imprint": "openssl",
    "a SHA-1 imprint that holds a SHA-256 digest": "digest",
    "a SHA-512 imprint that holds a SHA-256 digest": "digest",
    "a signature with SHA-1": "message digest openssl query rfc3161ng",
    "a SHA-1 signature under the authority's certificate": "message digest openssl query rfc3161ng",
    "an RSA key of 1024 bits": "message digest openssl query rfc3161ng",
    "an issuer with an RSA key of 1024 bits": "message digest openssl query rfc3161ng",
    "a curve of 192 bits": "message digest openssl query",
    "a signature algorithm of another family than the key": "message digest openssl query rfc3161ng",
    "no signed attributes": "message digest",
    "no content-type attribute": "message digest openssl query rfc3161ng",
    "a content-type attribute that says data": "message digest openssl query rfc3161ng",
    "a content-type attribute with two values": "message digest openssl query rfc3161ng",
    "a message-digest attribute twice": "message digest openssl query rfc3161ng",
    "no signing-certificate attribute": "message digest rfc3161ng",
    "a signing-certificate attribute for another certificate": "message digest rfc3161ng",
    "a signing-certificate attribute with SHA-1 only": "message digest openssl query rfc3161ng",
    "a SHA-1 signing-certificate attribute for another certificate, where it is allowed": "message digest rfc3161ng",
    "a version 2 signing-certificate attribute that uses SHA-1": "message digest openssl query rfc3161ng",
    "a signing-certificate attribute with another issuer": "message digest rfc3161ng",
    "a signing-certificate attribute with another serial number": "message digest rfc3161ng",
    "another nonce": "openssl",
    "no nonce where one was sent": "openssl",
    "another policy": "openssl rfc3161ng",
    "granted with modifications": "openssl query rfc3161ng",
    "rejected, but with a token": "rfc3161ng",
    "waiting, but with a token": "rfc3161ng",
    "granted, but with a failure code": "message digest openssl query rfc3161ng",
    "two signers": "rfc3161ng",
    "a second signer that nobody trusts": "rfc3161ng",
    "signed data of version 1": "message digest openssl query rfc3161ng",
    "bytes after the response": "openssl query rfc3161ng",
    "bytes after the TSTInfo": "openssl query",
    "a critical extension that nobody knows": "message digest openssl query rfc3161ng",
    "two certificates that fit the signer": "message digest rfc3161ng",
}
