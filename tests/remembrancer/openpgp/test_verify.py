"""Whose signature it is, over bytes and files, and what is reported about the end of its key."""

import base64
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pysequoia
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pgp_support import DATA, LATER, MADE, Gpg, instant
from remembrancer.errors import BadInput, EnvironmentTrouble, Rejected, RemembrancerError
from remembrancer.openpgp import certificate_facts, packets, verify_detached
from remembrancer.openpgp.armor import ArmorError, crc24, dearmor
from remembrancer.openpgp.certificate import load

A_YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    made = Gpg()
    yield made
    made.close()


@pytest.fixture(scope="module")
def signed(gpg: Gpg) -> tuple[str, bytes, bytes]:
    """A key, a signature by it, and its certificate."""
    key = gpg.key("signer")
    return key, gpg.sign(key), gpg.export(key)


@pytest.mark.parametrize("algorithm", ["ed25519", "rsa2048", "rsa3072", "nistp256", "nistp384", "nistp521"])
def test_every_common_kind_of_key(gpg: Gpg, algorithm: str) -> None:
    key = gpg.key(f"kind-{algorithm}", algorithm)
    facts = verify_detached(gpg.sign(key), DATA, [gpg.export(key)])
    assert (facts.primary_fingerprint, facts.signing_fingerprint) == (key, key)
    assert facts.created == instant(LATER)
    assert facts.certificate.created == instant(MADE)
    assert facts.algorithm == {"e": "EdDSA", "r": "RSA", "n": "ECDSA"}[algorithm[0]]


@pytest.mark.parametrize("sha", ["sha256", "sha384", "sha512"])
def test_every_allowed_hash(gpg: Gpg, signed: tuple[str, bytes, bytes], sha: str) -> None:
    key, _, certificate = signed
    facts = verify_detached(gpg.sign(key, options=("--digest-algo", sha)), DATA, [certificate])
    assert facts.hash_algorithm == sha


def test_binary_and_armored_forms_are_the_same(signed: tuple[str, bytes, bytes]) -> None:
    _, signature, certificate = signed
    binary = dearmor(signature, "SIGNATURE", headers=False)
    plain = dearmor(certificate, "PUBLIC KEY BLOCK", headers=True)
    facts = verify_detached(signature, DATA, [certificate])
    assert facts == verify_detached(binary, DATA, [plain])
    assert facts == verify_detached(signature.replace(b"\n", b"\r\n"), DATA, [certificate])
    assert facts == verify_detached(signature.rstrip(b"\n"), DATA, [certificate])


def test_a_version_6_key() -> None:
    key = pysequoia.Tsk.generate("v6 <v6@example.invalid>", profile=pysequoia.Profile.RFC9580)
    signature = pysequoia.sign(key.signer(), DATA, mode=pysequoia.SignatureMode.DETACHED)
    certificate = key.extract_certificate()
    facts = verify_detached(signature, DATA, [bytes(certificate)])
    assert facts.primary_fingerprint == certificate.fingerprint.upper()
    assert len(facts.primary_fingerprint) == 64
    assert facts.signing_fingerprint != facts.primary_fingerprint


def test_the_right_one_of_several_certificates(gpg: Gpg, signed: tuple[str, bytes, bytes]) -> None:
    key, signature, certificate = signed
    other = gpg.export(gpg.key("somebody-else"))
    assert verify_detached(signature, DATA, [other, certificate, other]).primary_fingerprint == key


def test_an_issuer_is_a_hint_and_no_proof(gpg: Gpg, signed: tuple[str, bytes, bytes]) -> None:
    """Another key's signature cannot be passed off by writing a trusted key's name into the part that is not signed."""
    key, _, certificate = signed
    other = gpg.key("impostor")
    binary = dearmor(gpg.sign(other), "SIGNATURE", headers=False)
    renamed = binary.replace(bytes.fromhex(other[-16:]), bytes.fromhex(key[-16:]))
    with pytest.raises(Rejected):
        verify_detached(renamed, DATA, [certificate])


def test_a_subkey_signs_for_its_primary_key(gpg: Gpg) -> None:
    primary = gpg.key("with-subkeys", usage="cert")
    first, second = gpg.add_subkey(primary, "1y"), gpg.add_subkey(primary)
    certificate = gpg.export(primary)
    early, late = (verify_detached(gpg.sign(f"{one}!"), DATA, [certificate]) for one in (first, second))
    assert early.primary_fingerprint == late.primary_fingerprint == primary
    assert (early.signing_fingerprint, late.signing_fingerprint) == (first, second)
    assert early.certificate.expires == instant(MADE) + A_YEAR
    assert late.certificate.expires is None
    assert certificate_facts(certificate).expires is None
    assert certificate_facts(certificate, first).expires == instant(MADE) + A_YEAR


def test_a_revoked_subkey_ends_only_its_own_signatures(gpg: Gpg) -> None:
    primary = gpg.key("one-revoked", usage="cert")
    first, second = gpg.add_subkey(primary), gpg.add_subkey(primary)
    signatures = [gpg.sign(f"{one}!") for one in (first, second)]
    gpg.revoke_subkey(primary, 1, 1)
    revoked, fine = (verify_detached(one, DATA, [gpg.export(primary)]).certificate for one in signatures)
    assert (revoked.revoked, revoked.revoked_at) == ("compromised", instant(LATER))
    assert (fine.revoked, fine.revoked_at) == ("", None)


def test_the_earlier_of_two_ends_counts(gpg: Gpg) -> None:
    primary = gpg.key("both-end", usage="cert", lasts="2y")
    subkey = gpg.add_subkey(primary, "1y")
    facts = verify_detached(gpg.sign(f"{subkey}!"), DATA, [gpg.export(primary)]).certificate
    assert facts.expires == instant(MADE) + A_YEAR
    gpg.gpg("--quick-set-expire", primary, "1m", at="20200102T000000")
    assert certificate_facts(gpg.export(primary), subkey).expires == instant("20200102T000000") + timedelta(days=30)


def test_an_expired_key_is_reported_and_left_to_the_policy(gpg: Gpg) -> None:
    """Whoever holds an expired key can date a signature back; only a proof of its age can tell."""
    key = gpg.key("expired", lasts="1y")
    facts = verify_detached(gpg.sign(key, at=LATER), DATA, [gpg.export(key)])
    assert facts.created == instant(LATER)
    assert facts.certificate.expires == instant(MADE) + A_YEAR


def test_an_extended_key(gpg: Gpg) -> None:
    key = gpg.key("extended", lasts="1y")
    signature = gpg.sign(key)
    gpg.gpg("--quick-set-expire", key, "0", at=LATER)
    assert verify_detached(signature, DATA, [gpg.export(key)]).certificate.expires is None


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_revocation_is_reported_with_its_reason(gpg: Gpg, number: int) -> None:
    reason = ["unspecified", "compromised", "superseded", "retired"][number]
    key = gpg.key(f"revoked-{reason}")
    signature = gpg.sign(key)
    gpg.revoke(key, number, at="20200801T000000")
    facts = verify_detached(signature, DATA, [gpg.export(key)])
    assert facts.certificate.revoked == reason
    assert facts.certificate.revoked_at == instant("20200801T000000")
    assert facts.certificate.revocations[0].fingerprint == key


def test_a_revocation_that_does_not_verify_is_none(gpg: Gpg) -> None:
    victim, attacker = gpg.key("victim"), gpg.key("attacker")
    before = dearmor(gpg.export(victim), "PUBLIC KEY BLOCK", headers=True)
    gpg.revoke(attacker, 1)
    revoked = dearmor(gpg.export(attacker), "PUBLIC KEY BLOCK", headers=True)
    revocation = next(p for p in packets.split(revoked) if p.tag == 2 and p.body[1] == 0x20)
    key, *rest = [packet.encoded for packet in packets.split(before)]
    facts = verify_detached(gpg.sign(victim), DATA, [key + revocation.encoded + b"".join(rest)])
    assert facts.certificate.revoked == ""


def test_a_forged_binding_does_not_lengthen_a_subkeys_life(gpg: Gpg) -> None:
    primary = gpg.key("short-subkey", usage="cert")
    subkey = gpg.add_subkey(primary, "1y")
    signature, certificate = gpg.sign(f"{subkey}!"), gpg.export(primary)
    genuine = dearmor(certificate, "PUBLIC KEY BLOCK", headers=True)
    binding = bytearray(list(packets.split(genuine))[-1].encoded)
    created, lifetime = instant(MADE), int(A_YEAR.total_seconds())
    stamp = int(created.timestamp()).to_bytes(4, "big")
    at = binding.index(b"\x05\x02" + stamp) + 2
    binding[at : at + 4] = (int(created.timestamp()) + 1).to_bytes(4, "big")
    at = binding.index(b"\x05\x09" + lifetime.to_bytes(4, "big")) + 2
    binding[at : at + 4] = (10 * lifetime).to_bytes(4, "big")
    for longer in (genuine + bytes(binding), genuine + genuine[len(genuine) :] + bytes(binding) * 2):
        facts = verify_detached(signature, DATA, [longer]).certificate
        assert facts.expires == created + A_YEAR


def test_a_signature_that_will_end(gpg: Gpg, signed: tuple[str, bytes, bytes]) -> None:
    key, _, certificate = signed
    facts = verify_detached(gpg.sign(key, options=("--default-sig-expire", "60y")), DATA, [certificate])
    assert facts.expires == instant(LATER) + 60 * A_YEAR


# --- files ---


def test_a_file_and_its_bytes_are_the_same(gpg: Gpg, signed: tuple[str, bytes, bytes], tmp_path: Path) -> None:
    _, signature, certificate = signed
    (tmp_path / "däta \udce9").write_bytes(DATA)
    facts = verify_detached(signature, tmp_path / "däta \udce9", [certificate])
    assert facts == verify_detached(signature, DATA, [certificate])


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_file_that_cannot_be_read(signed: tuple[str, bytes, bytes], tmp_path: Path, kind: str) -> None:
    _, signature, certificate = signed
    with pytest.raises(EnvironmentTrouble) as trouble:
        verify_detached(signature, tmp_path / "missing" if kind == "missing" else tmp_path, [certificate])
    assert trouble.value.code == "env.io"


def test_an_empty_file(gpg: Gpg, tmp_path: Path) -> None:
    key = gpg.key("empty")
    gpg.data.write_bytes(b"")
    signature = gpg.sign(key)
    gpg.data.write_bytes(DATA)
    (tmp_path / "empty").write_bytes(b"")
    assert verify_detached(signature, tmp_path / "empty", [gpg.export(key)]).primary_fingerprint == key


_IN_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from remembrancer.system.digests import FileDigest
from remembrancer.openpgp import verify_detached
resource.setrlimit(resource.RLIMIT_DATA, (64 << 20, 64 << 20))
signature, data, certificate = map(Path, sys.argv[1:])
digest = FileDigest(data)
print(verify_detached(signature.read_bytes(), data, [certificate.read_bytes()]).primary_fingerprint, digest.hexdigest())
"""


def test_a_large_file_is_not_loaded(gpg: Gpg, tmp_path: Path) -> None:
    key = gpg.key("large")
    with gpg.data.open("wb") as file:
        file.truncate(256 << 20)
    names = [tmp_path / "signature", tmp_path / "data", tmp_path / "certificate"]
    names[0].write_bytes(gpg.sign(key))
    gpg.data.rename(names[1])
    gpg.data.write_bytes(DATA)
    names[2].write_bytes(gpg.export(key))
    done = subprocess.run(
        [sys.executable, "-c", _IN_LITTLE_MEMORY, *names],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    zeros = "a6d72ac7690f53be6ae46ba88506bd97302a093f7108472bd9efc3cefda06484"
    assert done.stdout.split() == [key, zeros]


# --- certificates ---


def _bad_certificates(gpg: Gpg) -> dict[str, bytes]:
    key = gpg.key("odd-certificates")
    good = gpg.export(key)
    binary = dearmor(good, "PUBLIC KEY BLOCK", headers=True)
    secret = gpg.gpg("--export-secret-keys", key)
    return {
        "nothing": b"",
        "text": b"hello",
        "two blocks": good + good,
        "two certificates": binary + binary,
        "two different ones": binary + dearmor(gpg.export(gpg.key("second")), "PUBLIC KEY BLOCK", headers=True),
        "a secret key": secret,
        "text around it": b"x\n" + good,
        "cut off": binary[:-10],
        "a key alone": next(packets.split(binary)).encoded,
        "a signature": gpg.sign(key),
        "too large": binary + bytes(1 << 20),
        "a user id first": b"\xcd\x03abc" + binary,
        "damaged self-signature": binary[:-3] + bytes([binary[-3] ^ 1]) + binary[-2:],
    }


def test_what_is_no_certificate(gpg: Gpg, signed: tuple[str, bytes, bytes]) -> None:
    for what, certificate in _bad_certificates(gpg).items():
        with pytest.raises(BadInput) as refusal:
            verify_detached(signed[1], DATA, [certificate])
        assert refusal.value.code == "sig.bad-certificate", what
        assert "\n" not in refusal.value.message, what


def test_comments_in_a_certificate_are_harmless(gpg: Gpg) -> None:
    key = gpg.key("commented")
    certificate = gpg.gpg("--armor", "--comment", "hello", "--export", key)
    assert b"Comment: hello" in certificate
    assert certificate_facts(certificate).fingerprint == key


# --- armor and packets ---


def _armored(*lines: bytes, kind: bytes = b"PGP SIGNATURE") -> bytes:
    return b"\n".join([b"-----BEGIN " + kind + b"-----", *lines, b"-----END " + kind + b"-----", b""])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        _armored(b"AAAA"),
        _armored(b""),
        _armored(b"", b"AAAA", b""),
        _armored(b"", b"AA AA"),
        _armored(b"", b"AAA"),
        _armored(b"", b"AAB="),
        _armored(b"", b"AAAA="),
        _armored(b"", b"A" * 80),
        _armored(b"", b"AAAA", b"AAAAAAAA"),
        _armored(b"", b"AAAAAAAA", b"AAAA", b"AAAAAAAA"),
        _armored(b"", b"AAAA", b"=AAAA"),
        _armored(b"Hash: SHA256", b"", b"AAAA"),
        _armored(b"", b"AAAA", kind=b"PGP MESSAGE"),
        b" " + _armored(b"", b"AAAA"),
        _armored(b"", b"AAAA") + b"\n\n",
        _armored(b"", b"AAAA").replace(b"END", b"end"),
        _armored(b"", b"AAAA", b"-----END PGP SIGNATURE-----", b"-----BEGIN PGP SIGNATURE-----", b"", b"AAAA"),
        _armored(b"", "ÄÄÄÄ".encode()),
    ],
)
def test_armor_that_is_not_exactly_one_block(data: bytes) -> None:
    with pytest.raises(ArmorError):
        dearmor(data, "SIGNATURE", headers=False)


def test_the_checksum_is_that_of_the_standard() -> None:
    """Bit by bit, as the C code of RFC 9580 section 6.1.1 computes it."""
    for data in (b"", b"123456789", bytes(range(256))):
        crc = 0xB704CE
        for byte in data:
            crc ^= byte << 16
            for _ in range(8):
                crc = crc << 1 ^ (0x1864CFB if crc & 0x800000 else 0)
        assert crc24(data) == crc


def test_armor_without_a_checksum_is_allowed() -> None:
    assert dearmor(_armored(b"", b"AAAA"), "SIGNATURE", headers=False) == bytes(3)


@given(st.binary(min_size=1, max_size=300))
def test_armor_round_trip(data: bytes) -> None:
    text = base64.b64encode(data)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    checksum = b"=" + base64.b64encode(crc24(data).to_bytes(3, "big"))
    assert dearmor(_armored(b"", *lines, checksum), "SIGNATURE", headers=False) == data
    assert dearmor(pysequoia.armor(data, pysequoia.ArmorKind.Signature).encode(), "SIGNATURE", headers=False) == data


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"\xc2",
        b"\xc2\x05abc",
        b"\xc2\xc0",
        b"\xc2\xff\x00\x00",
        b"\xc2\xe1a\x01b",
        b"\x8b\x00",
        b"\x88\x05a",
        b"\x89\x00",
    ],
)
def test_packets_that_are_cut_off_or_in_parts(data: bytes) -> None:
    with pytest.raises(packets.PacketError):
        list(packets.split(data))


def test_every_flipped_bit_is_refused_or_harmless(signed: tuple[str, bytes, bytes]) -> None:
    _, signature, certificate = signed
    binary = dearmor(signature, "SIGNATURE", headers=False)
    honest = verify_detached(binary, DATA, [certificate])
    dice = random.Random(9580)
    for position in range(len(binary)):
        changed = bytearray(binary)
        changed[position] ^= 1 << dice.randrange(8)
        with suppress(Rejected):
            assert verify_detached(bytes(changed), DATA, [certificate]) == honest


def test_every_cut_is_refused(signed: tuple[str, bytes, bytes]) -> None:
    _, signature, certificate = signed
    binary = dearmor(signature, "SIGNATURE", headers=False)
    for whole in (signature[:-1], binary):
        for length in range(len(whole)):
            with pytest.raises(Rejected):
                verify_detached(whole[:length], DATA, [certificate])


@settings(max_examples=300)
@given(data=st.data())
def test_spliced_bytes_raise_nothing_else(data: st.DataObject, signed: tuple[str, bytes, bytes]) -> None:
    key, signature, certificate = signed
    target = data.draw(st.sampled_from(["signature", "certificate"]))
    whole = (
        dearmor(signature, "SIGNATURE", headers=False)
        if target == "signature"
        else dearmor(certificate, "PUBLIC KEY BLOCK", headers=True)
    )
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 20)))
    changed = whole[:start] + data.draw(st.binary(max_size=20)) + whole[end:]
    assume(changed != whole)
    made = verify_detached(signature, DATA, [certificate]).created
    load.cache_clear()
    changed_one = (changed, [certificate]) if target == "signature" else (signature, [changed])
    with suppress(RemembrancerError):
        # only what a signature does not cover can differ, such as the two bytes that hint at the digest
        facts = verify_detached(changed_one[0], DATA, changed_one[1])
        assert (facts.primary_fingerprint, facts.signing_fingerprint, facts.created) == (key, key, made)
