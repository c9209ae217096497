"""What the timestamp checks accept, what they report, and that no input gets more than one sentence out of them."""

import hashlib
import random
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from remembrancer.errors import BadInput, Rejected
from remembrancer.timestamp import Authority
from remembrancer.timestamp.checks import check_response, imprint_algorithm
from remembrancer.timestamp.response import MAX_RESPONSE_BYTES
from tsa_support import (
    DATA,
    DAY,
    DIGEST,
    NONCE,
    NOW,
    POLICY,
    TIME_STAMPING,
    Entity,
    Forge,
    authority,
    certify,
    forge,
    root,
    rsa_key,
    tsa,
)


def _by(signer: Entity, *more: Entity, **changes: Any) -> bytes:
    return forge(signer=signer, certificates=(signer, *more), **changes)


def _middle(**changes: Any) -> Entity:
    return certify("Middle", root(), ca=True, usage=("key_cert_sign",), **changes)


@pytest.mark.parametrize(
    "key",
    [
        rsa_key(2048),
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
    ],
    ids=["rsa", "p256", "p384", "p521"],
)
@pytest.mark.parametrize("sha", ["sha256", "sha384", "sha512"])
def test_every_allowed_key_and_hash(key: Any, sha: str) -> None:
    signer = certify("A TSA", root(), key=key, purposes=TIME_STAMPING)
    digest = hashlib.new(sha, DATA).digest()
    response = _by(signer, sha=sha, imprint=sha, digest=digest, ess_sha=sha)
    assert check_response(response, digest, authority(), NONCE).hash_algorithm == sha
    assert imprint_algorithm(response) == sha


def test_rsa_named_without_its_hash() -> None:
    assert check_response(forge(signature_algorithm="rsassa_pkcs1v15"), DIGEST, authority()).gen_time == NOW


def test_what_is_reported() -> None:
    facts = check_response(forge(accuracy={"seconds": 2, "millis": 5, "micros": 7}), DIGEST, authority(), NONCE)
    assert facts.policy == POLICY
    assert facts.serial == 4711
    assert facts.accuracy == timedelta(seconds=2, milliseconds=5, microseconds=7)
    assert facts.latest == NOW + facts.accuracy
    assert facts.signer_subject == "CN=Test TSA"
    assert facts.signer_sha256 == hashlib.sha256(tsa().der).hexdigest()
    assert facts.root_sha256 == hashlib.sha256(root().der).hexdigest()


def test_a_fraction_of_a_second() -> None:
    instant = NOW + timedelta(milliseconds=250)
    assert check_response(forge(gen_time=instant), DIGEST, authority()).gen_time == instant


def test_a_chain_over_intermediates_in_the_token() -> None:
    upper = certify("Upper", root(), ca=True, path_length=1, usage=("key_cert_sign",))
    lower = certify("Lower", upper, ca=True, path_length=0, usage=("key_cert_sign",))
    signer = certify("Deep TSA", lower, purposes=TIME_STAMPING)
    assert check_response(_by(signer, upper, lower), DIGEST, authority()).signer_subject == "CN=Deep TSA"


def test_certificates_from_the_policy() -> None:
    middle = _middle()
    signer = certify("Quiet TSA", middle, purposes=TIME_STAMPING)
    trusted = authority(intermediates=(middle.der, signer.der))
    assert check_response(forge(signer=signer, certificates=()), DIGEST, trusted).signer_subject == "CN=Quiet TSA"


def test_an_issuer_restricted_to_time_stamping() -> None:
    middle = _middle(purposes=TIME_STAMPING, purposes_critical=False)
    assert check_response(_by(certify("A TSA", middle, purposes=TIME_STAMPING), middle), DIGEST, authority())


def test_one_valid_chain_of_two_is_enough() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    ended = _middle(key=key, end=NOW - DAY)
    renewed = certify("Middle", root(), ca=True, usage=("key_cert_sign",), key=key)
    signer = certify("A TSA", renewed, purposes=TIME_STAMPING)
    assert check_response(_by(signer, ended, renewed), DIGEST, authority()).gen_time == NOW


def test_unrelated_certificates_change_nothing() -> None:
    stranger = certify("Stranger", purposes=TIME_STAMPING, key=rsa_key(2048, 1))
    assert check_response(_by(tsa(), stranger), DIGEST, authority()).signer_subject == "CN=Test TSA"


def test_several_roots() -> None:
    other = certify("Other Root", ca=True)
    facts = check_response(forge(), DIGEST, authority(other, root()))
    assert facts.root_sha256 == hashlib.sha256(root().der).hexdigest()


def test_no_roots_trust_nothing() -> None:
    with pytest.raises(Rejected, match="not chain") as refusal:
        check_response(forge(), DIGEST, Authority("none", "", ()))
    assert refusal.value.code == "time.untrusted-root"


def test_an_ended_certificate_that_was_valid_then() -> None:
    start = NOW - 2000 * DAY
    old_root = certify("Old Root", ca=True, start=start, end=start + 20 * DAY)
    signer = certify("Old TSA", old_root, purposes=TIME_STAMPING, start=start, end=start + 10 * DAY)
    facts = check_response(_by(signer, gen_time=start + 5 * DAY), DIGEST, authority(old_root))
    assert facts.gen_time == start + 5 * DAY


def test_the_first_second_counts_and_the_last_does_not() -> None:
    signer = certify("Edge TSA", root(), purposes=TIME_STAMPING, start=NOW, end=NOW + DAY)
    assert check_response(_by(signer), DIGEST, authority()).gen_time == NOW
    with pytest.raises(Rejected) as refusal:
        check_response(_by(signer, gen_time=NOW + DAY), DIGEST, authority())
    assert refusal.value.code == "time.certificate-validity"


@pytest.mark.parametrize("serial", [0, -1])
@pytest.mark.filterwarnings("error")
def test_an_issuer_without_a_positive_serial_number(serial: int) -> None:
    middle = certify("Odd", root(), ca=True, usage=("key_cert_sign",), serial=serial)
    signer = certify("Test TSA", middle, purposes=TIME_STAMPING)
    with pytest.raises(Rejected, match="serial number of CN=Odd is not positive") as refusal:
        check_response(forge(signer=signer, certificates=(signer, middle)), DIGEST, authority())
    assert refusal.value.code == "time.certificate"


@pytest.mark.parametrize("serial", [0, -1])
@pytest.mark.filterwarnings("error")
def test_a_certificate_that_is_not_needed_is_passed_over(serial: int) -> None:
    odd = certify("Odd", root(), ca=True, serial=serial)
    judged = authority(intermediates=(odd.der, b"\x30\x00", tsa().der))
    assert check_response(forge(certificates=()), DIGEST, judged).gen_time == NOW


def test_ess_version_1_where_it_is_allowed() -> None:
    assert check_response(forge(ess="v1"), DIGEST, authority(allow_ess_v1=True)).gen_time == NOW


@pytest.mark.parametrize("allowed", [False, True])
def test_both_ess_versions(allowed: bool) -> None:
    assert check_response(forge(ess="both"), DIGEST, authority(allow_ess_v1=allowed)).gen_time == NOW


def test_ess_with_issuer_and_serial() -> None:
    named = (root().certificate.subject, tsa().certificate.serial_number)
    assert check_response(forge(ess_issuer=named), DIGEST, authority()).gen_time == NOW


def test_a_nonce_counts_only_where_one_was_sent() -> None:
    assert check_response(forge(nonce=None), DIGEST, authority()).nonce is None
    assert check_response(forge(nonce=7), DIGEST, authority()).nonce == 7


def test_an_accepted_policy() -> None:
    assert check_response(forge(), DIGEST, authority(policy_oids=("1.2.3", POLICY))).policy == POLICY


def test_times_at_the_ends_of_the_calendar() -> None:
    """Nothing is signed by then, so anybody can send such a token."""
    response = Forge(accuracy={"seconds": 2**31 - 1}).response()
    stated = NOW.strftime("%Y%m%d%H%M%SZ").encode()
    assert response.count(stated) >= 1
    for year, code in ((b"0001", "time."), (b"9999", "time.future")):
        with pytest.raises(Rejected) as refusal:
            check_response(response.replace(stated, year + stated[4:]), DIGEST, authority(), NONCE, NOW)
        assert refusal.value.code.startswith(code)
    late = check_response(forge(), DIGEST, authority(), NONCE)._replace(accuracy=timedelta(days=365 * 9999))
    assert late.latest > NOW


def test_the_future() -> None:
    accurate = authority()
    assert check_response(forge(), DIGEST, accurate, now=NOW)
    assert check_response(forge(accuracy={"seconds": 60}), DIGEST, accurate, now=NOW - timedelta(seconds=59))
    with pytest.raises(Rejected) as refusal:
        check_response(forge(), DIGEST, accurate, now=NOW - timedelta(seconds=1))
    assert refusal.value.code == "time.future"


@pytest.mark.parametrize("length", [0, 20, 31, 33, 63])
def test_a_digest_of_an_odd_length(length: int) -> None:
    with pytest.raises(BadInput) as refusal:
        check_response(forge(), bytes(length), authority())
    assert refusal.value.code == "input.digest"


@pytest.mark.parametrize(
    "gen_time",
    [
        b"20260115120000",
        b"202601151200Z",
        b"20260115120000.50Z",
        b"20260115120000.Z",
        b"20260115120000+0100",
        b"20260115120060Z",
        b"20261315120000Z",
        b"00000115120000Z",
        b"20260115 20000Z",
    ],
)
def test_a_gen_time_in_another_form(gen_time: bytes) -> None:
    class Odd(Forge):
        def content(self) -> bytes:
            right, body = b"\x18\x0f20260115120000Z", super().content()[2:]
            assert right in body
            body = body.replace(right, bytes([0x18, len(gen_time)]) + gen_time)
            return bytes([0x30, len(body)]) + body

    with pytest.raises(Rejected) as refusal:
        check_response(Odd().response(), DIGEST, authority())
    assert (refusal.value.code, "genTime" in refusal.value.message) == ("time.malformed", True)


@pytest.mark.parametrize(
    "accuracy", [{"seconds": -1}, {"millis": 0}, {"millis": 1000}, {"micros": 1000}, {"seconds": 1 << 40}]
)
def test_an_accuracy_out_of_range(accuracy: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        check_response(forge(accuracy=accuracy), DIGEST, authority())
    assert refusal.value.code == "time.malformed"


@pytest.mark.parametrize(
    "response",
    [b"", b"\x30", b"\x30\x80\x00\x00", b"<html>no</html>", b"\x30\x03\x02\x01\x00", b"0" * (MAX_RESPONSE_BYTES + 1)],
    ids=["empty", "cut off", "indefinite", "html", "not a response", "too large"],
)
def test_what_is_no_response(response: bytes) -> None:
    with pytest.raises(Rejected) as refusal:
        check_response(response, DIGEST, authority())
    assert refusal.value.code == "time.malformed"


def test_a_web_of_certificates_is_not_walked_forever() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(15)]
    web = [certify("Web", ca=True, key=key, usage=("key_cert_sign",)) for key in keys]
    signer = certify("A TSA", web[0], purposes=TIME_STAMPING)
    with pytest.raises(Rejected):
        check_response(_by(signer, *web), DIGEST, authority())


def test_more_certificates_than_anybody_needs() -> None:
    many = [certify(f"C{number}", ca=True) for number in range(17)]
    with pytest.raises(Rejected) as refusal:
        check_response(_by(tsa(), *many), DIGEST, authority())
    assert refusal.value.code == "time.malformed"


def test_every_flipped_bit_is_refused_or_harmless() -> None:
    """A bit that no signature covers may change, but never what is reported."""
    response = forge()
    honest = check_response(response, DIGEST, authority(), NONCE)
    dice = random.Random(3161)
    for position in range(len(response)):
        changed = bytearray(response)
        changed[position] ^= 1 << dice.randrange(8)
        try:
            assert check_response(bytes(changed), DIGEST, authority(), NONCE) == honest
        except Rejected:
            continue


def test_every_cut_is_refused() -> None:
    response = forge()
    for length in range(0, len(response), 7):
        with pytest.raises(Rejected):
            check_response(response[:length], DIGEST, authority())


@settings(max_examples=300)
@given(data=st.data())
def test_spliced_bytes_raise_nothing_else(data: st.DataObject) -> None:
    response = _BASE
    start = data.draw(st.integers(0, len(response)))
    end = data.draw(st.integers(start, min(len(response), start + 40)))
    changed = response[:start] + data.draw(st.binary(max_size=40)) + response[end:]
    assume(changed != response)
    with pytest.raises(Rejected):  # no changed token is accepted
        check_response(changed, DIGEST, authority())


_BASE = forge()
