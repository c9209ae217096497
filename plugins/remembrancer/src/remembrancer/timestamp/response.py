"""Taking a time-stamp response apart (RFC 3161 section 2.4.2, RFC 5652 section 5), refusing every odd shape.

Nothing here decides whom to trust: the result holds what the response says, in a form that `checks` can judge.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto import cms, core, tsp  # type: ignore[import-untyped]

from remembrancer.errors import Rejected
from remembrancer.timestamp.der import require_der

MAX_RESPONSE_BYTES = 65536
_MAX_CERTIFICATES = 16
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
# genTime is in UTC with seconds, and a fraction does not end in zero (RFC 3161 section 2.4.2)
_GEN_TIME = re.compile(rb"([0-9]{14})(?:\.([0-9]{0,5}[1-9]))?Z")


class StatusResponse(core.Sequence):  # type: ignore[misc]
    """TimeStampResp, whose token is optional (asn1crypto's own class wants one even in a refusal)."""

    _fields = [  # noqa: RUF012 - asn1crypto's way to declare a sequence
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


@dataclass(frozen=True, slots=True)
class CertificateId:
    """A signing-certificate attribute's first entry: hash name and value, issuer name (DER) and serial if given."""

    hash_algorithm: str
    digest: bytes
    issuer: bytes | None
    serial: int | None


@dataclass(frozen=True, slots=True)
class Token:
    """A response's content: the TSTInfo fields, then what the one signer signed and how.

    `content` is the encoded TSTInfo, `certificates` the DER certificates that came along, `signer_issuer` a DER name,
    `signed_bytes` the signed attributes as they were signed, `message_digest` the digest of `content` they claim.
    """

    gen_time: datetime
    accuracy: timedelta
    policy: str
    serial: int
    nonce: int | None
    imprint_algorithm: str
    imprint: bytes
    content: bytes
    certificates: tuple[bytes, ...]
    signer_issuer: bytes
    signer_serial: int
    digest_algorithm: str
    signature_algorithm: str
    signature: bytes
    signed_bytes: bytes
    message_digest: bytes
    ess_v1: CertificateId | None
    ess_v2: CertificateId | None


def parse_response(response: bytes) -> Token:
    """Return the content of a DER TimeStampResp.

    Raises Rejected: `time.malformed` for anything that is not exactly one well-formed response, `time.status` when
    the authority did not grant the request, `time.signer` for a signer or attributes that RFC 3161 does not allow.
    """
    if len(response) > MAX_RESPONSE_BYTES:
        raise _malformed(f"it has {len(response)} bytes, more than {MAX_RESPONSE_BYTES}")
    try:
        require_der(response)
        return _parse(response)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        # asn1crypto decodes lazily and reports a bad encoding with whatever its decoders happen to raise
        raise _malformed("it does not decode as a time-stamp response") from error


def _parse(response: bytes) -> Token:
    outer = StatusResponse.load(response, strict=True)
    _require_granted(outer["status"])
    envelope = outer["time_stamp_token"]
    if not isinstance(envelope, cms.ContentInfo) or envelope["content_type"].native != "signed_data":
        raise _malformed("it holds no signed token")
    signed = envelope["content"]
    inner = signed["encap_content_info"]
    if signed["version"].native != "v3" or inner["content_type"].dotted != _TST_INFO:
        raise _malformed("its signed data is not a version 3 TSTInfo")
    content = bytes(inner["content"])
    if len(signed["signer_infos"]) != 1:
        raise Rejected("time.signer", f"The token has {len(signed['signer_infos'])} signers instead of exactly one.")
    return Token(
        content=content,
        certificates=_certificates(signed["certificates"]),
        **_tst_info(content),
        **_signer(signed["signer_infos"][0]),
    )


def _require_granted(status: Any) -> None:
    code = status["status"].native
    if code != "granted" or status["fail_info"].native is not None:
        raise Rejected("time.status", f"The authority did not grant the time-stamp: its answer is {code!r}.")


def _certificates(choices: Any) -> tuple[bytes, ...]:
    if isinstance(choices, core.Void):
        return ()
    if len(choices) > _MAX_CERTIFICATES:
        raise _malformed(f"it carries more than {_MAX_CERTIFICATES} certificates")
    if any(choice.name != "certificate" for choice in choices):
        raise _malformed("it carries something else than X.509 certificates")
    return tuple(dict.fromkeys(bytes(choice.chosen.dump()) for choice in choices))


def _tst_info(content: bytes) -> Mapping[str, Any]:
    require_der(content)
    info = tsp.TSTInfo.load(content, strict=True)
    if info["version"].native != "v1":
        raise _malformed("its TSTInfo is not version 1")
    imprint = info["message_imprint"]
    if imprint["hash_algorithm"]["parameters"].native is not None:
        raise _malformed("its imprint algorithm has parameters")
    extensions = info["extensions"]
    if not isinstance(extensions, core.Void) and any(extension["critical"].native for extension in extensions):
        raise _malformed("it has a critical extension, which this version does not know")
    return {
        "gen_time": _gen_time(bytes(info["gen_time"].contents)),
        "accuracy": _accuracy(info["accuracy"]),
        "policy": info["policy"].dotted,
        "serial": info["serial_number"].native,
        "nonce": info["nonce"].native,
        "imprint_algorithm": imprint["hash_algorithm"]["algorithm"].native,
        "imprint": bytes(imprint["hashed_message"]),
    }


def _gen_time(text: bytes) -> datetime:
    match = _GEN_TIME.fullmatch(text)
    if match is None:
        raise _malformed("its genTime is not in the form that RFC 3161 requires")
    instant = datetime.strptime(match[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return instant.replace(microsecond=int((match[2] or b"0").ljust(6, b"0")))


def _accuracy(accuracy: Any) -> timedelta:
    if isinstance(accuracy, core.Void):
        return timedelta()
    seconds, millis, micros = (accuracy[name].native for name in ("seconds", "millis", "micros"))
    small = [part for part in (millis, micros) if part is not None]
    if (seconds or 0) < 0 or any(not 1 <= part <= 999 for part in small):
        raise _malformed("its accuracy is out of range")
    return timedelta(seconds=seconds or 0, milliseconds=millis or 0, microseconds=micros or 0)


def _signer(signer: Any) -> Mapping[str, Any]:
    if signer["version"].native != "v1" or signer["sid"].name != "issuer_and_serial_number":
        raise Rejected("time.signer", "The token does not name its signer by issuer and serial number.")
    attributes = _attributes(signer["signed_attrs"])
    if attributes[_CONTENT_TYPE].dotted != _TST_INFO:
        raise Rejected("time.signer", "The token's content-type attribute does not say TSTInfo.")
    return {
        "signer_issuer": bytes(signer["sid"].chosen["issuer"].dump()),
        "signer_serial": signer["sid"].chosen["serial_number"].native,
        "digest_algorithm": signer["digest_algorithm"]["algorithm"].native,
        "signature_algorithm": signer["signature_algorithm"]["algorithm"].native,
        "signature": bytes(signer["signature"]),
        # signed is the SET, in the message the same bytes carry the tag [0] (RFC 5652 section 5.4)
        "signed_bytes": b"\x31" + bytes(signer["signed_attrs"].dump())[1:],
        "message_digest": bytes(attributes[_MESSAGE_DIGEST]),
        "ess_v1": _certificate_id(attributes.get(_SIGNING_CERTIFICATE)),
        "ess_v2": _certificate_id(attributes.get(_SIGNING_CERTIFICATE_V2)),
    }


def _attributes(signed: Any) -> dict[str, Any]:
    """Return each signed attribute's single value by its dotted type; the required ones are there."""
    if isinstance(signed, core.Void):
        raise Rejected("time.signer", "The token has no signed attributes.")
    found: dict[str, Any] = {}
    for attribute in signed:
        name = attribute["type"].dotted
        if name in found or len(attribute["values"]) != 1:
            raise Rejected("time.signer", f"The token's signed attribute {name} is not there exactly once.")
        found[name] = attribute["values"][0]
    for required, label in ((_CONTENT_TYPE, "content-type"), (_MESSAGE_DIGEST, "message-digest")):
        if required not in found:
            raise Rejected("time.signer", f"The token has no {label} attribute.")
    if not found.keys() & {_SIGNING_CERTIFICATE, _SIGNING_CERTIFICATE_V2}:
        raise Rejected("time.ess", "The token has no signing-certificate attribute.")
    return found


def _certificate_id(attribute: Any) -> CertificateId | None:
    """Return the entry that must name the signer, the first one (RFC 5035 section 3)."""
    if attribute is None:
        return None
    entry = attribute["certs"][0]
    named = entry["issuer_serial"]
    issuer, serial = None, None
    if not isinstance(named, core.Void):
        if len(named["issuer"]) != 1 or named["issuer"][0].name != "directory_name":
            raise Rejected("time.ess", "The token's signing-certificate attribute names an issuer in an odd way.")
        issuer, serial = bytes(named["issuer"][0].chosen.untag().dump()), named["serial_number"].native
    algorithm = "sha1" if isinstance(entry, tsp.ESSCertID) else entry["hash_algorithm"]["algorithm"].native
    return CertificateId(algorithm, bytes(entry["cert_hash"]), issuer, serial)


def _malformed(why: str) -> Rejected:
    return Rejected("time.malformed", f"The time-stamp response cannot be used: {why}.")
