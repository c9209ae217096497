"""No reader's work grows with the square of its input: each format's repetitions, counted at one and at two sizes."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from fuzz.targets import TARGETS, Target
from remembrancer.openpgp.armor import dearmor
from remembrancer.openpgp.packets import split

BY_NAME = {target.name: target for target in TARGETS}
DOUBLED_AT_MOST = 3
SMALL = 150


def steps(target: Target, data: bytes) -> int:
    """Return how many lines of Python the target runs for an input, in whatever module."""
    count = 0

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        target.takes(data)
    finally:
        sys.settrace(before)
    return count


def repeated(head: bytes, part: bytes, tail: bytes = b"") -> Callable[[int], bytes]:
    return lambda count: head + part * count + tail


def _numbered(part: bytes) -> Callable[[int], bytes]:
    return lambda count: b"".join(part.replace(b"#", b"%d" % number) for number in range(count))


def _sequence(tag: int, parts: bytes) -> bytes:
    length = len(parts).to_bytes((len(parts).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (bytes([0x80 | len(length)]) if len(parts) >= 0x80 else b"") + length + parts


def _subpackets(count: int) -> bytes:
    hashed = b"\x02\x80\x00" * count
    body = b"\x06\x00\x01\x08" + len(hashed).to_bytes(4, "big") + hashed + b"\x00\x00\x00\x00\x00\x00"
    return b"\xc2\xff" + len(body).to_bytes(4, "big") + body


def _first(name: str) -> bytes:
    return BY_NAME[name].corpus()[0]


def _raw_certificate() -> bytes:
    return dearmor(_first("openpgp-certificate"), "PUBLIC KEY BLOCK", headers=True)


def _last_packet() -> bytes:
    return list(split(_raw_certificate()))[-1].encoded


WAIVER = (
    b'[[waiver]]\npath = "#"\nsha256 = "'
    + b"ab" * 32
    + b'"\nowner = "a"\nreason = "b"\nexpires = 2026-01-02T03:04:05Z\n'
)
NOTE_LINE = "— example.org/# AAAAAAAA\n".encode()
GROWING: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "dotted keys in a policy": ("policy", repeated(b"a", b".a", b" = 1")),
    "dotted keys in the waivers": ("waivers", repeated(b"a", b".a", b" = 1")),
    "a dotted table in the waivers": ("waivers", repeated(b"[a", b".a", b"]")),
    "many short dotted keys": ("waivers", _numbered(b"a.a#.a.a.a.a = 1\n")),
    "many waivers": ("waivers", _numbered(WAIVER)),
    "many signers": ("policy", lambda count: _first("policy") + b'[[signer]]\nname = "a"\n' * count),
    "many unknown fields": ("policy", lambda count: _numbered(b"a# = 1\n")(count) + _first("policy")),
    "many witnesses": ("witness-policy", _numbered(b"witness w# x\n")),
    "many groups": ("witness-policy", lambda count: _first("witness-policy") + _numbered(b"group h# 1 g\n")(count)),
    "many members of a group": ("witness-policy", lambda count: b"group g 1" + b" a" * count),
    "many signature lines": ("note", lambda count: _first("note") + _numbered(NOTE_LINE)(count)),
    "one signature many times": ("note", lambda count: _first("note") + _first("note").split(b"\n\n")[1] * count),
    "many lines of a note": ("checkpoint", repeated(b"", b"a\n", b"\n")),
    "many hashes in a proof": ("tlog-proof", repeated(b"c2sp.org/tlog-proof@v1\nindex 0\n", b"A" * 43 + b"=\n", b"\n")),
    "nesting in a receipt": ("receipt", repeated(b"", b"[")),
    "many members of a receipt": ("receipt", lambda count: b"{" + _numbered(b'"a#": 1,\n')(count) + b'"b": 1}'),
    "many blobs of a bundle": (
        "bundle",
        lambda count: _first("bundle").replace(b'"blobs": {', b'"blobs": {"": "",' * count),
    ),
    "many parts of a sequence": ("der", lambda count: _sequence(0x30, b"\x05\x00" * count)),
    "holders of certificates in each other": (
        "der",
        lambda count: _sequence(0xA0, _sequence(0xA0, _sequence(0xA0, b"\x30\x81\x80" + b"\x05\x00" * 64) * count)),
    ),
    "a long integer": ("der", lambda count: _sequence(0x02, b"\x7f" * count)),
    "many packets": ("openpgp-packets", repeated(b"", b"\xca\x00")),
    "many subpackets": ("openpgp-packets", _subpackets),
    "many lines of armor": (
        "openpgp-packets",
        repeated(b"-----BEGIN PGP SIGNATURE-----\n\n", b"A" * 64 + b"\n", b"-----END PGP SIGNATURE-----\n"),
    ),
    "one certificate many times": ("openpgp-certificate", lambda count: _raw_certificate() * count),
    "one binding many times": ("openpgp-certificate", lambda count: _raw_certificate() + _last_packet() * count),
    "many signatures": ("openpgp-signature", lambda count: _first("openpgp-signature") * count),
    "many empty entries": ("entry-bundle", repeated(b"", b"\x00\x00")),
    "a long tile path": ("tile-path", repeated(b"tile/0/", b"x000/", b"000")),
    "many files in a manifest": (
        "manifest",
        _numbered(_first("manifest").split(b"\n")[0].replace(b"Makefile", b"#") + b"\n"),
    ),
    "many headings of a decision": ("decision", repeated(b"# 1. a\n", b"## b\n")),
    "a decision that supersedes many": ("decision", repeated(b"# 1. a\n\n", b"supersedes ADR-1\n")),
}


@pytest.mark.parametrize("name", GROWING)
def test_twice_the_input_is_at_most_three_times_the_work(name: str) -> None:
    """Lines of Python are counted, not seconds; what a library does inside of one call is bounded by the size alone."""
    target, make = GROWING[name]
    small, large = (steps(BY_NAME[target], make(count)) for count in (SMALL, 2 * SMALL))
    assert 0 < large <= DOUBLED_AT_MOST * small


def test_work_that_grows_with_the_square_is_noticed() -> None:
    slow = Target("slow", lambda data: [other for one in data for other in data if one == other], ())
    small, large = (steps(slow, bytes(count)) for count in (100, 200))
    assert large > DOUBLED_AT_MOST * small
