"""OpenPGP packets and signature packets, as far as we judge them ourselves (RFC 9580 sections 4 and 5.2)."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from remembrancer.named import NamedTuple

SIGNATURE, SECRET_KEY, PUBLIC_KEY, SECRET_SUBKEY, PUBLIC_SUBKEY = 2, 5, 6, 7, 14
KEY_REVOCATION, SUBKEY_REVOCATION, SUBKEY_BINDING = 0x20, 0x28, 0x18
CREATED, EXPIRES_AFTER, KEY_EXPIRES_AFTER, ISSUER, REVOCATION_REASON, ISSUER_FINGERPRINT = 2, 3, 9, 16, 29, 33
KEY_FLAGS = 27
HASHES = {
    1: "md5",
    2: "sha1",
    3: "ripemd160",
    8: "sha256",
    9: "sha384",
    10: "sha512",
    11: "sha224",
    12: "sha3-256",
    14: "sha3-512",
}
# DSA is missing because RFC 9580 section 9.1 gives it up
ALGORITHMS = {1: "RSA", 3: "RSA", 19: "ECDSA", 22: "EdDSA", 27: "Ed25519", 28: "Ed448"}


class PacketError(ValueError):
    """Bytes that are not a sequence of OpenPGP packets as we accept them."""


class Packet(NamedTuple):
    """One packet: its type, its body, and the bytes it was encoded with."""

    tag: int
    body: bytes
    encoded: bytes


class Subpacket(NamedTuple):
    """One signature subpacket; only those in the hashed area are signed."""

    kind: int
    critical: bool
    body: bytes
    hashed: bool


class Signature(NamedTuple):
    """A signature packet's own statements, none of which is verified here, and its encoding."""

    encoded: bytes
    version: int
    kind: int
    algorithm: str
    hash_algorithm: str
    subpackets: tuple[Subpacket, ...]

    def signed(self, kind: int) -> bytes | None:
        """Return the body of the one hashed subpacket of this kind, None if absent; raises PacketError for two."""
        found = [part.body for part in self.subpackets if part.kind == kind and part.hashed]
        if len(found) > 1:
            raise PacketError("a signature states the same thing twice")
        return found[0] if found else None

    @property
    def created(self) -> datetime:
        """Return the claimed creation time; raises PacketError if there is none."""
        body = self.signed(CREATED)
        if body is None or len(body) != 4:
            raise PacketError("a signature has no creation time")
        return instant(int.from_bytes(body, "big"))

    @property
    def expires(self) -> datetime | None:
        """Return when the signature itself ends, None for never; raises PacketError if it says so twice."""
        body = self.signed(EXPIRES_AFTER) or b""
        if len(body) not in {0, 4}:
            raise PacketError("a signature's lifetime is malformed")
        lifetime = int.from_bytes(body, "big")
        return self.created + timedelta(seconds=lifetime) if lifetime else None

    @property
    def issuers(self) -> set[str]:
        """Return every issuer fingerprint and key id that it names, in upper-case hex."""
        named = {part.body[1:].hex().upper() for part in self.subpackets if part.kind == ISSUER_FINGERPRINT}
        return named | {part.body.hex().upper() for part in self.subpackets if part.kind == ISSUER}


def instant(seconds: int) -> datetime:
    """Return the aware UTC time of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def split(data: bytes) -> Iterator[Packet]:
    """Yield the packets of data, which must be complete and of known length; raises PacketError otherwise."""
    position = 0
    while position < len(data):
        start, head = position, data[position]
        if not head & 0x80:
            raise PacketError("there is something else between the packets")
        if head & 0x40:
            tag = head & 0x3F
            length, position = _new_length(data, position + 1)
        else:
            tag, size = head >> 2 & 0x0F, head & 3
            if size == 3:
                raise PacketError("a packet does not say how long it is")
            position += 1 + (1 << size)
            length = int.from_bytes(data[start + 1 : position], "big")
        end = position + length
        if end > len(data):
            raise PacketError("a packet is cut off")
        yield Packet(tag, data[position:end], data[start:end])
        position = end


def _new_length(data: bytes, position: int) -> tuple[int, int]:
    """Return a new-style length and where it ends."""
    first = _at(data, position)
    if first < 192:
        return first, position + 1
    if first < 224:
        return (first - 192 << 8) + _at(data, position + 1) + 192, position + 2
    if first < 255:
        raise PacketError("a packet comes in parts")
    if position + 5 > len(data):
        raise PacketError("a packet is cut off")
    return int.from_bytes(data[position + 1 : position + 5], "big"), position + 5


def _at(data: bytes, position: int) -> int:
    if position >= len(data):
        raise PacketError("a packet is cut off")
    return data[position]


def parse_signature(packet: Packet) -> Signature:
    """Return a version 4 or 6 signature packet's statements; raises PacketError for another version or a bad form."""
    body = packet.body
    version = _at(body, 0)
    if version not in {4, 6}:
        raise PacketError(f"a version {version} signature is not supported")
    width = 2 if version == 4 else 4
    hashed_start = 4 + width
    hashed_end = hashed_start + int.from_bytes(body[4:hashed_start], "big")
    other_start = hashed_end + width
    other_end = other_start + int.from_bytes(body[hashed_end:other_start], "big")
    if other_end + 2 > len(body):
        raise PacketError("a signature is cut off")
    return Signature(
        encoded=packet.encoded,
        version=version,
        kind=body[1],
        algorithm=ALGORITHMS.get(body[2], f"algorithm {body[2]}"),
        hash_algorithm=HASHES.get(body[3], f"hash {body[3]}"),
        subpackets=(
            *_subpackets(body[hashed_start:hashed_end], hashed=True),
            *_subpackets(body[other_start:other_end], hashed=False),
        ),
    )


def _subpackets(area: bytes, *, hashed: bool) -> Iterator[Subpacket]:
    position = 0
    while position < len(area):
        length, position = _subpacket_length(area, position)
        end = position + length
        if length < 1 or end > len(area):
            raise PacketError("a signature's subpacket is cut off")
        yield Subpacket(area[position] & 0x7F, bool(area[position] & 0x80), area[position + 1 : end], hashed)
        position = end


def _subpacket_length(area: bytes, position: int) -> tuple[int, int]:
    # unlike packets, subpackets have no parts: 224 to 254 start a two-byte length as well
    first = area[position]
    if 224 <= first < 255:
        return (first - 192 << 8) + _at(area, position + 1) + 192, position + 2
    return _new_length(area, position)


def fingerprint(key: bytes) -> str:
    """Return the fingerprint (upper-case hex) of a key packet's body: 40 digits for version 4, 64 for version 6."""
    version = _at(key, 0)
    if version == 4:
        framed = b"\x99" + len(key).to_bytes(2, "big") + key
        return hashlib.sha1(framed, usedforsecurity=False).hexdigest().upper()
    if version == 6:
        return hashlib.sha256(b"\x9b" + len(key).to_bytes(4, "big") + key).hexdigest().upper()
    raise PacketError(f"a version {version} key is not supported")


def key_id(fingerprint_hex: str) -> str:
    """Return the key id (16 hex digits) that belongs to a fingerprint."""
    return fingerprint_hex[-16:] if len(fingerprint_hex) == 40 else fingerprint_hex[:16]
