"""What an OpenPGP certificate says about its keys: when they expire and how they were revoked (RFC 9580 section 10.1).

pysequoia judges expiry and revocation at the time that a signature claims, which its maker chooses. So both are read
here, from what the primary key really signed, and pysequoia is given the certificate without its revocations: whether
the signature is genuine and whether the key had ended are two questions.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from pysequoia import Cert

from remembrancer.errors import BadInput
from remembrancer.named import NamedTuple
from remembrancer.openpgp import packets
from remembrancer.openpgp.armor import ArmorError, blocks, dearmor
from remembrancer.openpgp.diagnosis import key_trouble, strong_from, why_unusable

MAX_CERTIFICATE_BYTES = 1 << 20
# a packet of a private type: pysequoia puts signatures that do not verify behind it, genuine ones stay before it
_MARK = b"\xfc\x04mark"
_PRIVATE_TYPE = 60
_REASONS = {0: "unspecified", 1: "superseded", 2: "compromised", 3: "retired"}


class Revocation(NamedTuple):
    """A revocation of one key: the key's fingerprint, when, and why (unspecified, superseded, compromised, retired)."""

    fingerprint: str
    at: datetime
    reason: str


class CertificateFacts(NamedTuple):
    """What a certificate says about its primary key and, where one is meant, about the subkey that signed.

    `fingerprint` is the primary key's (upper-case hex). `expires` is when the first of the two expires, None for
    never; `revocations` are those of either.
    """

    fingerprint: str
    created: datetime
    expires: datetime | None
    revocations: tuple[Revocation, ...]

    @property
    def revoked(self) -> str:
        """Return the reasons of all revocations, the empty string if there is none."""
        return ", ".join(sorted({revocation.reason for revocation in self.revocations}))

    @property
    def revoked_at(self) -> datetime | None:
        """Return the earliest time that a revocation claims."""
        return min((revocation.at for revocation in self.revocations), default=None)


class Key(NamedTuple):
    """The primary key or a subkey, with what the certificate says about it alone; `signs`: a subkey for signatures.

    `trouble` says what is not supported about it.
    """

    fingerprint: str
    created: datetime
    expires: datetime | None
    revocations: tuple[Revocation, ...]
    signs: bool = False
    trouble: str = ""

    @property
    def ends(self) -> datetime | None:
        """Return when it expires or was revoked, the earlier of the two; None for never."""
        return min((at for at in (self.expires, *(one.at for one in self.revocations)) if at), default=None)


class Certificate(NamedTuple):
    """A loaded certificate: its keys, the primary one first, their names, and pysequoia's object without revocations.

    `names` are the fingerprints and key ids of all keys; `strong_from` is since when it says with a strong hash
    what its key is for.
    """

    keys: tuple[Key, ...]
    names: frozenset[str]
    cert: Cert
    strong_from: datetime | None = None

    def facts(self, signing: str | None = None) -> CertificateFacts:
        """Return the primary key's facts, joined with those of the subkey with the fingerprint `signing`."""
        primary = self.keys[0]
        meant = [key for key in self.keys if key is primary or key.fingerprint == signing]
        return CertificateFacts(
            fingerprint=primary.fingerprint,
            created=primary.created,
            expires=min((key.expires for key in meant if key.expires is not None), default=None),
            revocations=tuple(revocation for key in meant for revocation in key.revocations),
        )


def certificate_facts(certificate: bytes, signing_fingerprint: str | None = None) -> CertificateFacts:
    """Return what a certificate (binary or armored) says about its primary key.

    With the fingerprint of the subkey that made a signature, its expiry and revocations count too. Raises BadInput
    `sig.bad-certificate` for anything but one usable public certificate.
    """
    return load(certificate).facts(signing_fingerprint)


def signing_ends(certificate: bytes) -> datetime | None:
    """Return when a certificate stops making signatures, None for never: with its primary key or its last such subkey.

    Raises BadInput `sig.bad-certificate`.
    """
    primary, *subkeys = load(certificate).keys
    able = [key.ends for key in subkeys if key.signs]
    last = None if None in able else max((at for at in able if at), default=None)
    return min((at for at in (primary.ends, last) if at), default=None)


def certificates_in(data: bytes) -> list[bytes]:
    """Return the certificates of a file, one or several, in one armored block or in more; binary if there are several.

    Raises BadInput `sig.bad-certificate`.
    """
    several = _each(data)
    return [data] if len(several) == 1 else [b"".join(one.encoded for one in packets_) for packets_ in several]


def named_certificate(data: bytes, fingerprint: str) -> bytes:
    """Return the certificate of a file whose primary key has this fingerprint; a file of one is returned as it is.

    Whoever trusts a fingerprint trusts nothing else that lies beside it. Raises BadInput `sig.bad-certificate`.
    """
    several = _each(data)
    if len(several) == 1:
        return data
    for one in several:
        if packets.fingerprint(one[0].body) == fingerprint:
            return b"".join(packet.encoded for packet in one)
    raise _unusable(f"it holds {len(several)} certificates, and none of them is {fingerprint}")


def merged(old: bytes, new: bytes) -> bytes:
    """Return what two states of one certificate say together, armored; the old one as it is when the new adds nothing.

    Extending a key replaces its self-signature, and gpg exports only the newest: without the old one, signatures from
    before that day would be by a key that had said nothing yet. Raises BadInput `sig.bad-certificate`.
    """
    load(old), load(new)
    try:
        before, after = Cert.from_bytes(_plain(old)), Cert.from_bytes(_plain(new))
        both = before.merge(after)
    except (RuntimeError, ValueError) as error:
        raise _unusable(first_line(error)) from error
    return old if bytes(both) == bytes(before) else str(both).encode()


def _plain(data: bytes) -> bytes:
    (found,) = _each(data)
    return b"".join(packet.encoded for packet in found)


@lru_cache(maxsize=256)
def _each(data: bytes) -> tuple[tuple[packets.Packet, ...], ...]:
    """Return the packets of each certificate of a file, at least one certificate."""
    if len(data) > MAX_CERTIFICATE_BYTES:
        raise _unusable("it is too large")
    try:
        parts = [dearmor(block, "PUBLIC KEY BLOCK", headers=True) for block in blocks(data, "PUBLIC KEY BLOCK")]
        found = [packet for part in parts for packet in packets.split(part)]
    except (ArmorError, packets.PacketError) as error:
        raise _unusable(str(error)) from error
    if any(packet.tag in {packets.SECRET_KEY, packets.SECRET_SUBKEY} for packet in found):
        raise _unusable("it holds a secret key")
    if [packet.tag for packet in found[:1]] != [packets.PUBLIC_KEY]:
        raise _unusable("it does not begin with a public key")
    starts = [number for number, packet in enumerate(found) if packet.tag == packets.PUBLIC_KEY]
    try:
        [packets.fingerprint(found[start].body) for start in starts]
    except packets.PacketError as error:
        raise _unusable(str(error)) from error
    return tuple(tuple(found[start:end]) for start, end in pairwise([*starts, len(found)]))


@lru_cache(maxsize=256)
def load(data: bytes) -> Certificate:
    """Return a certificate from its bytes, binary or armored.

    Raises BadInput: `sig.algorithm` or `sig.weak-self-signature` for a certificate that is refused for what it is,
    `sig.bad-certificate` for anything else that is not exactly one usable public certificate.
    """
    found, *others = _each(data)
    if others:
        fingerprints = ", ".join(packets.fingerprint(one[0].body) for one in (found, *others))
        raise _unusable(
            f"it holds {1 + len(others)} certificates: {fingerprints}",
            "Export the one that is meant with `gpg --export --armor FINGERPRINT`.",
        )
    try:
        genuine = list(_genuine(packet for packet in found if packet.tag != _PRIVATE_TYPE))
        # the mark drops what pysequoia could not verify, the filter what ends keys
        cert = Cert.from_bytes(b"".join(packet.encoded for packet in genuine if not _is_revocation(packet)))
        expires = cert.expiration
        keys = tuple(_keys(genuine, expires))
    except packets.PacketError as error:
        raise _unusable(str(error)) from error
    except (RuntimeError, ValueError, OverflowError) as error:
        raise why_unusable(found) or _unusable(first_line(error)) from error
    names = frozenset(name for key in keys for name in (key.fingerprint, packets.key_id(key.fingerprint)))
    return Certificate(keys, names, cert, strong_from(found))


def _genuine(found: Iterable[packets.Packet]) -> Iterator[packets.Packet]:
    """Yield the packets whose signatures by the primary key verify, in pysequoia's canonical order."""
    canonical = bytes(Cert.from_bytes(b"".join(packet.encoded for packet in found) + _MARK))
    for packet in packets.split(canonical):
        if packet.encoded == _MARK:
            return
        yield packet
    raise packets.PacketError("its packets cannot be put in order")


def _is_revocation(packet: packets.Packet) -> bool:
    return packet.tag == packets.SIGNATURE and packet.body[1:2] in {b"\x20", b"\x28"}


def _keys(found: list[packets.Packet], expires: datetime | None) -> Iterator[Key]:
    """Yield each key with the signatures that follow it; the primary key's expiry is pysequoia's finding."""
    owner, own = found[0], list[packets.Signature]()
    for packet in [*found[1:], None]:
        if packet is not None and packet.tag == packets.SIGNATURE:
            own.append(packets.parse_signature(packet))
        elif packet is None or packet.tag == packets.PUBLIC_SUBKEY:
            yield _key(owner, own, expires)
            owner, own = packet or owner, []


def _key(packet: packets.Packet, signatures: list[packets.Signature], expires: datetime | None) -> Key:
    fingerprint = packets.fingerprint(packet.body)
    created = packets.instant(int.from_bytes(packet.body[1:5], "big"))
    kind = packets.KEY_REVOCATION if packet.tag == packets.PUBLIC_KEY else packets.SUBKEY_REVOCATION
    revocations = tuple(
        Revocation(fingerprint, signature.created, _reason(signature))
        for signature in signatures
        if signature.kind == kind
    )
    if packet.tag == packets.PUBLIC_SUBKEY:
        binding = _newest_binding(signatures)
        expires = _subkey_expiry(created, binding)
        # RFC 9580 section 5.2.3.29: the second bit is for signing data
        signs = bool(binding and (binding.signed(packets.KEY_FLAGS) or b"\0")[0] & 2)
        return Key(fingerprint, created, expires, revocations, signs, key_trouble(packet.body))
    return Key(fingerprint, created, expires, revocations)


def _newest_binding(signatures: list[packets.Signature]) -> packets.Signature | None:
    bindings = [signature for signature in signatures if signature.kind == packets.SUBKEY_BINDING]
    return max(bindings, key=lambda binding: binding.created, default=None)


def _subkey_expiry(created: datetime, binding: packets.Signature | None) -> datetime | None:
    """Return when the newest binding lets a subkey expire (RFC 9580 section 5.2.3.13)."""
    if binding is None:
        return None
    lifetime = binding.signed(packets.KEY_EXPIRES_AFTER) or b""
    if len(lifetime) not in {0, 4}:
        raise packets.PacketError("a key's lifetime is malformed")
    seconds = int.from_bytes(lifetime, "big")
    return created + timedelta(seconds=seconds) if seconds else None


def _reason(revocation: packets.Signature) -> str:
    body = revocation.signed(packets.REVOCATION_REASON)
    return _REASONS.get(body[0], "unspecified") if body else "unspecified"


def first_line(error: BaseException) -> str:
    """Return what an error of pysequoia says, without the stack that it appends."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _unusable(why: str, remedy: str = "") -> BadInput:
    return BadInput("sig.bad-certificate", f"the OpenPGP certificate cannot be used: {why}", remedy)
