"""Tokens of DigiCert and GlobalSign as they came (tests/vectors/real-tsa), and what changes when they are touched."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from remembrancer.errors import Rejected
from remembrancer.timestamp import Authority, TimestampFacts, der
from remembrancer.timestamp.certificate import certificates_in, outline
from remembrancer.timestamp.checks import check_response, imprint_algorithm
from remembrancer.timestamp.order import in_der_order
from remembrancer.timestamp.response import parse_response

VECTORS = Path(__file__).parents[2] / "vectors" / "real-tsa"
each = pytest.mark.parametrize("name", ["digicert", "globalsign"])


def check(name: str, response: bytes, *roots: bytes) -> TimestampFacts:
    pem = (VECTORS / f"{name}-root.pem").read_bytes()
    trusted = roots or tuple(certificates_in(pem, name))
    digest = hashlib.new(imprint_algorithm(response), (VECTORS / f"{name}.data").read_bytes()).digest()
    return check_response(response, digest, Authority(name, "", trusted))


@pytest.mark.parametrize(
    ("name", "when", "policy"),
    [
        ("digicert", "2025-03-24 11:17:47+00:00", "2.16.840.1.114412.7.1"),
        ("globalsign", "2021-09-17 14:09:10+00:00", "1.3.6.1.4.1.4146.2.3"),
    ],
)
def test_they_verify_as_they_come(name: str, when: str, policy: str) -> None:
    facts = check(name, (VECTORS / f"{name}.tsr").read_bytes())
    assert (str(facts.gen_time), facts.policy) == (when, policy)


@each
def test_only_what_nobody_signs_is_put_in_order(name: str) -> None:
    response = (VECTORS / f"{name}.tsr").read_bytes()
    ordered = in_der_order(response)
    before, after = parse_response(response), parse_response(ordered)
    assert ordered != response
    assert in_der_order(ordered) == ordered
    assert sorted(before.certificates) == list(after.certificates) != list(before.certificates)
    assert (after.content, after.signer) == (before.content, before.signer)


PARTS: dict[str, Callable[[bytes], bytes]] = {
    "content": lambda response: parse_response(response).content,
    "signature": lambda response: parse_response(response).signer.signature,
    "signed attributes": lambda response: parse_response(response).signer.signed_bytes[1:],
    "signer's certificate": lambda response: next(
        one for one in parse_response(response).certificates if b"\x55\x1d\x25\x01\x01\xff" in one
    ),
}


@each
@pytest.mark.parametrize("part", PARTS)
def test_one_changed_byte_is_refused(name: str, part: str) -> None:
    response = (VECTORS / f"{name}.tsr").read_bytes()
    found = PARTS[part](response)
    assert response.count(found) == 1
    changed = response.replace(found, found[:-1] + bytes([found[-1] ^ 1]))
    with pytest.raises(Rejected):
        check(name, changed)


@each
def test_the_other_root_is_not_trusted(name: str) -> None:
    other = {"digicert": "globalsign", "globalsign": "digicert"}[name]
    root = certificates_in((VECTORS / f"{other}-root.pem").read_bytes(), other)
    with pytest.raises(Rejected) as refusal:
        check(name, (VECTORS / f"{name}.tsr").read_bytes(), *root)
    assert refusal.value.code == "time.untrusted-root"


@each
def test_an_issuer_that_is_not_self_signed_is_named(name: str) -> None:
    response = (VECTORS / f"{name}.tsr").read_bytes()
    sent = [one for one in parse_response(response).certificates if outline(one).issuer != outline(one).subject]
    issuers = [one for one in sent if b"\x55\x1d\x25\x01\x01\xff" not in one]
    with pytest.raises(Rejected, match="is not self-signed") as refusal:
        check(name, response, *issuers)
    assert refusal.value.code == "time.unusable-root"


def test_der_of_any_length_is_written_as_it_is_read() -> None:
    for length in (0, 1, 127, 128, 255, 256, 65535, 65536):
        assert der.read(der.encode(der.OCTET_STRING, [bytes(length)])).contents == bytes(length)
