"""Taking a timestamp response apart (RFC 3161 section 2.4.2, RFC 5652 section 5), refusing every odd shape.

Nothing here decides whom to trust: the result holds what the response says, in a form that `checks` can judge.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from remembrancer.errors import Rejected
from remembrancer.named import NamedTuple
from remembrancer.timestamp import der
from remembrancer.timestamp.der import DerError, Fields, Value
from remembrancer.timestamp.signer import TST_INFO, Signer, algorithm_name, parse_signer

MAX_RESPONSE_BYTES = 65536
_MAX_CERTIFICATES = 16
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_GRANTED = bytes.fromhex("3003020100")
_STATUSES = dict(enumerate(("granted", "grantedWithMods", "rejection", "waiting", "revocationWarning")))
# genTime is in UTC with seconds; a fraction has any number of digits and no zero at its end (RFC 3161 section 2.4.2)
_GEN_TIME = re.compile(rb"([0-9]{14})(?:\.([0-9]*[1-9]))?Z")
_TO_NANOSECONDS = "20260101000000.000000001Z"


class Token(NamedTuple):
    """A response's content: the TSTInfo fields, its encoding, the DER certificates that came along, and the one signer.

    `encoded` is the whole ContentInfo, `unusual` says that the TSTInfo spells a default value out, or gives its time
    finer than nanoseconds. Algorithms have short names, unknown ones their dotted OID.
    """

    gen_time: datetime
    accuracy: timedelta
    policy: str
    serial: int
    nonce: int | None
    imprint_algorithm: str
    imprint: bytes
    unusual: bool
    content: bytes
    certificates: tuple[bytes, ...]
    signer: Signer
    encoded: bytes


def parse_response(response: bytes) -> Token:
    """Return the content of a DER TimeStampResp.

    Raises Rejected: `time.malformed` for anything that is not exactly one well-formed response, `time.status` when
    the authority did not grant the request, `time.signer` or `time.ess` for a signer or attributes that RFC 3161 does
    not allow.
    """
    if len(response) > MAX_RESPONSE_BYTES:
        raise _malformed(f"it has {len(response)} bytes, more than {MAX_RESPONSE_BYTES}")
    try:
        outer = Fields(_not_bare(der.read(response)))
        _require_granted(outer.take(der.SEQUENCE))
        token = outer.take(der.SEQUENCE)
        outer.end()
        return _token(_explicit(token, _SIGNED_DATA), token.encoded)
    except DerError as error:
        raise _malformed(str(error)) from error


def as_response(data: bytes) -> bytes:
    """Return a bare token (RFC 3161 section 2.4.2) as the granted response that it came in, anything else unchanged.

    A response's status is not signed, so a token alone proves exactly as much.
    """
    try:
        whole = der.read(data)
    except DerError:
        return data
    return der.encode(der.SEQUENCE, [_GRANTED, data]) if _is_bare(whole) else data


def _not_bare(value: Value) -> Value:
    if _is_bare(value):
        raise DerError("it is a bare token without the response around it")
    return value


def _is_bare(value: Value) -> bool:
    """Return whether this is a ContentInfo of signed data instead of a response."""
    first = value.parts[0] if value.tag == der.SEQUENCE and value.parts else None
    return first is not None and first.tag == der.OID and first.oid() == _SIGNED_DATA


def _require_granted(info: Value) -> None:
    fields = Fields(info)
    status = fields.take(der.INTEGER).integer()
    _ = fields.maybe(der.SEQUENCE)
    failure = fields.maybe(der.BIT_STRING)
    fields.end()
    if status != 0 or failure is not None:
        said = _STATUSES.get(status, "an unknown status")
        raise Rejected("time.status", f"the authority did not grant the timestamp, its answer is {said}")


def _explicit(value: Value, content_type: str) -> Value:
    """Return what a ContentInfo or EncapsulatedContentInfo of this type holds."""
    fields = Fields(value)
    if fields.take(der.OID).oid() != content_type:
        raise DerError("it holds another type of content than a timestamp token")
    holder = fields.take(0xA0)
    fields.end()
    if len(holder.parts) != 1:
        raise DerError("it does not hold exactly one content")
    return holder.parts[0]


def _token(signed: Value, encoded: bytes) -> Token:
    fields = Fields(signed)
    if fields.take(der.INTEGER).integer() != 3:
        raise DerError("its signed data is not version 3")
    _ = fields.take(der.SET)
    octets = _explicit(fields.take(der.SEQUENCE), TST_INFO)
    if octets.tag != der.OCTET_STRING:
        raise DerError("its TSTInfo is not one octet string")
    certificates, _ = fields.maybe(0xA0), fields.maybe(0xA1)
    signers = fields.take(der.SET).parts
    fields.end()
    if len(signers) != 1:
        raise Rejected("time.signer", f"the token has {len(signers)} signers instead of exactly one")
    return Token(
        content=octets.contents,
        certificates=_certificates(certificates),
        **_tst_info(der.read(octets.contents)),
        signer=parse_signer(signers[0]),
        encoded=encoded,
    )


def _certificates(found: Value | None) -> tuple[bytes, ...]:
    parts = [] if found is None else found.parts
    if len(parts) > _MAX_CERTIFICATES:
        raise DerError(f"it carries {len(parts)} certificates, more than {_MAX_CERTIFICATES}")
    if any(part.tag != der.SEQUENCE for part in parts):
        raise DerError("it carries something else than X.509 certificates among them")
    return tuple(dict.fromkeys(part.encoded for part in parts))


def _tst_info(info: Value) -> Mapping[str, Any]:
    fields = Fields(info)
    if fields.take(der.INTEGER).integer() != 1:
        raise DerError("its TSTInfo is not version 1")
    policy = fields.take(der.OID).oid()
    imprint = Fields(fields.take(der.SEQUENCE))
    algorithm, digest = algorithm_name(imprint.take(der.SEQUENCE)), imprint.take(der.OCTET_STRING).contents
    imprint.end()
    serial, time = fields.take(der.INTEGER).integer(), fields.take(der.GENERALIZED_TIME).contents
    accuracy, ordering, nonce = fields.maybe(der.SEQUENCE), fields.maybe(der.BOOLEAN), fields.maybe(der.INTEGER)
    _, extensions = fields.maybe(0xA0), fields.maybe(0xA1)
    fields.end()
    # DER leaves a default out (X.690 section 11.5); an authority that signs it all the same says the same thing
    spelled_out = ordering is not None and not ordering.boolean()
    too_fine = len(time) > len(_TO_NANOSECONDS)
    if extensions is not None:
        _require_harmless(extensions)
    return {
        "gen_time": _gen_time(time),
        "accuracy": _accuracy(accuracy),
        "policy": policy,
        "serial": serial,
        "nonce": None if nonce is None else nonce.integer(),
        "imprint_algorithm": algorithm,
        "imprint": digest,
        "unusual": spelled_out or too_fine,
    }


def _require_harmless(extensions: Value) -> None:
    for extension in extensions.parts:
        fields = Fields(extension)
        _ = fields.take(der.OID)
        critical = fields.maybe(der.BOOLEAN)
        if critical is not None and critical.boolean():
            raise DerError("it has a critical extension, which this version does not know")


def _gen_time(text: bytes) -> datetime:
    match = _GEN_TIME.fullmatch(text)
    if match is None:
        raise DerError("its genTime is not in the form that RFC 3161 requires")
    month, day, hour, minute, second = (int(match[1][at : at + 2]) for at in range(4, 14, 2))
    try:
        instant = datetime(int(match[1][:4]), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise DerError("its genTime is no time") from error
    # what is shorter than a microsecond is cut off: it never reaches the next one
    return instant.replace(microsecond=int((match[2] or b"0").ljust(6, b"0")[:6]))


def _accuracy(value: Value | None) -> timedelta:
    if value is None:
        return timedelta()
    fields = Fields(value)
    seconds, millis, micros = fields.maybe(der.INTEGER), fields.maybe(0x80), fields.maybe(0x81)
    fields.end()
    whole = 0 if seconds is None else seconds.integer()
    small = [part.integer() for part in (millis, micros) if part is not None]
    if not 0 <= whole < 1 << 31 or any(not 1 <= part <= 999 for part in small):
        raise DerError("its accuracy is out of range")
    thousandths = 0 if millis is None else millis.integer()
    return timedelta(seconds=whole, milliseconds=thousandths, microseconds=0 if micros is None else micros.integer())


def _malformed(why: str) -> Rejected:
    return Rejected("time.malformed", f"the timestamp response cannot be used: {why}")
