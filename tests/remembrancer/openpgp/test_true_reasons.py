"""Certificates and signatures as the world has them: read, or refused for what they are; their forgeries never pass."""

from collections.abc import Iterator

import pytest

from pgp_support import DATA, LATER, Gpg
from remembrancer.errors import BadInput, Rejected, RemembrancerError
from remembrancer.openpgp import packets, verify_detached
from remembrancer.openpgp.certificate import certificates_in, load, named_certificate
from remembrancer.openpgp.diagnosis import key_trouble

OTHER = b"other bytes\n"


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    made = Gpg()
    yield made
    made.close()


@pytest.fixture(scope="module")
def signer(gpg: Gpg) -> str:
    return gpg.key("signer")


@pytest.fixture(scope="module")
def stranger(gpg: Gpg) -> str:
    return gpg.key("stranger")


def refusal(signature: bytes, data: bytes, *certificates: bytes) -> RemembrancerError:
    with pytest.raises((Rejected, BadInput)) as caught:
        verify_detached(signature, data, certificates)
    assert "\n" not in caught.value.message
    return caught.value


# --- armor ---

COMMENT = "Comment: Zoë Sample <zoe@example.com>\n".encode()


def with_header(armored: bytes, header: bytes) -> bytes:
    first, rest = armored.split(b"\n", 1)
    return first + b"\n" + header + rest


@pytest.mark.parametrize("ending", [b"", b"\n", b"\n\n", b"\r\n", b" \n\t\n"])
@pytest.mark.parametrize("header", [b"", COMMENT])
def test_a_certificate_with_a_comment_in_utf8_and_blank_lines_at_its_end(
    gpg: Gpg, signer: str, stranger: str, header: bytes, ending: bytes
) -> None:
    certificate = with_header(gpg.export(signer), header) + ending
    assert verify_detached(gpg.sign(signer), DATA, [certificate]).primary_fingerprint == signer
    assert refusal(gpg.sign(signer), OTHER, certificate).code == "sig.bad"
    assert refusal(gpg.sign(stranger), DATA, certificate).code == "sig.untrusted-key"


@pytest.mark.parametrize(
    "header",
    [b"Comment: \xff\xfe\n", b"Comment: a\x1bb\n", "Comment: a\x9bb\n".encode(), b"-----BEGIN PGP SIGNATURE-----\n"],
)
def test_a_certificate_with_a_header_that_is_none(gpg: Gpg, signer: str, header: bytes) -> None:
    certificate = with_header(gpg.export(signer), header)
    assert refusal(gpg.sign(signer), DATA, certificate).code == "sig.bad-certificate"


def test_text_after_a_certificate_is_refused(gpg: Gpg, signer: str) -> None:
    assert refusal(gpg.sign(signer), DATA, gpg.export(signer) + b"\n\ntrust me\n").code == "sig.bad-certificate"


def test_a_signature_still_carries_nothing_beside_itself(gpg: Gpg, signer: str) -> None:
    for signature in (with_header(gpg.sign(signer), COMMENT), gpg.sign(signer) + b"\n\n"):
        assert refusal(signature, DATA, gpg.export(signer)).code == "sig.malformed"


# --- what a key is ---


def test_self_signatures_with_sha1_and_the_advice_that_renews_them(gpg: Gpg, signer: str) -> None:
    key = gpg.key("old", "rsa2048", "sign", "never", "--cert-digest-algo", "SHA1")
    signature = gpg.sign(key)
    trouble = refusal(signature, DATA, gpg.export(key))
    assert (trouble.code, "self-signatures use sha1 only" in trouble.message) == ("sig.weak-self-signature", True)
    words = trouble.remedy.split("`")[1].split()
    assert words[0] == "gpg"
    gpg.gpg(*words[1:], at="20200801T000000")
    again = gpg.sign(key, at="20200901T000000")
    assert verify_detached(again, DATA, [gpg.export(key)]).primary_fingerprint == key
    assert refusal(again, OTHER, gpg.export(key)).code == "sig.bad"
    assert refusal(signature, DATA, gpg.export(key)).code == "sig.weak-self-signature"


@pytest.mark.parametrize("curve", ["brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "secp256k1"])
@pytest.mark.parametrize("data", [DATA, OTHER], ids=["good", "forged"])
def test_a_curve_that_is_not_supported(gpg: Gpg, curve: str, data: bytes) -> None:
    key = gpg.key(f"{curve}-{len(data)}", curve)
    trouble = refusal(gpg.sign(key), data, gpg.export(key))
    assert (trouble.code, curve in trouble.message) == ("sig.algorithm", True)


def test_a_short_rsa_key(gpg: Gpg) -> None:
    key = gpg.key("short", "rsa1024")
    trouble = refusal(gpg.sign(key), DATA, gpg.export(key))
    assert (trouble.code, "1024 bits" in trouble.message) == ("sig.algorithm", True)


def test_an_rsa_key_beyond_what_is_supported(gpg: Gpg, signer: str) -> None:
    """A key packet with a modulus of 20,000 bits and the self-signature of another key, which nobody can verify."""
    bits = 20000
    modulus = bits.to_bytes(2, "big") + b"\x80" + bytes(bits // 8 - 2) + b"\x01"
    body = b"\x04" + (1577836800).to_bytes(4, "big") + b"\x01" + modulus + b"\x00\x11\x01\x00\x01"
    key = b"\xc6\xff" + len(body).to_bytes(4, "big") + body
    others = list(packets.split(gpg.export(signer, armor=False)))
    trouble = refusal(gpg.sign(signer), DATA, key + b"".join(packet.encoded for packet in others[1:]))
    assert (trouble.code, "20000 bits" in trouble.message) == ("sig.algorithm", True)


def test_a_key_algorithm_without_a_name() -> None:
    assert key_trouble(b"\x04\x00\x00\x00\x00\x63") == "its key algorithm 99 is not supported"
    assert key_trouble(b"") == "its key algorithm 0 is not supported"


# --- what a signature says ---


@pytest.mark.parametrize("data", [DATA, OTHER], ids=["good", "forged"])
def test_a_critical_notation(gpg: Gpg, signer: str, data: bytes) -> None:
    signature = gpg.sign(signer, options=("--sig-notation", "!approved@example.org=yes"))
    trouble = refusal(signature, data, gpg.export(signer))
    assert (trouble.code, "approved@example.org" in trouble.message) == ("sig.unsupported", True)


def test_a_notation_that_is_not_critical(gpg: Gpg, signer: str) -> None:
    signature = gpg.sign(signer, options=("--sig-notation", "approved@example.org=yes"))
    assert verify_detached(signature, DATA, [gpg.export(signer)]).primary_fingerprint == signer
    assert refusal(signature, OTHER, gpg.export(signer)).code == "sig.bad"


def test_sha3(gpg: Gpg, signer: str) -> None:
    (packet,) = packets.split(gpg.gpg("--dearmor", stdin=gpg.sign(signer, options=("--digest-algo", "SHA512"))))
    for number, name in ((12, "sha3-256"), (14, "sha3-512")):
        body = packet.body[:3] + bytes([number]) + packet.body[4:]
        trouble = refusal(b"\xc2\xff" + len(body).to_bytes(4, "big") + body, DATA, gpg.export(signer))
        assert (trouble.code, name in trouble.message) == ("sig.unsupported", True)


# --- a file of several certificates ---


def files(gpg: Gpg, *keys: str) -> dict[str, bytes]:
    return {
        "one block": gpg.gpg("--export", "--armor", *keys),
        "two blocks": b"".join(gpg.export(key) for key in keys),
        "two blocks and blank lines": b"\n".join(gpg.export(key) for key in keys),
        "binary": b"".join(gpg.export(key, armor=False) for key in keys),
    }


HOW = ("one block", "two blocks", "two blocks and blank lines", "binary")


@pytest.mark.parametrize("how", HOW)
def test_a_file_of_several_certificates_is_taken_apart(gpg: Gpg, signer: str, stranger: str, how: str) -> None:
    file = files(gpg, stranger, signer)[how]
    each = certificates_in(file)
    assert {load(one).keys[0].fingerprint for one in each} == {signer, stranger}
    assert verify_detached(gpg.sign(signer), DATA, each).primary_fingerprint == signer
    assert refusal(gpg.sign(signer), OTHER, *each).code == "sig.bad"


@pytest.mark.parametrize("how", HOW)
def test_only_the_named_certificate_of_a_file_counts(gpg: Gpg, signer: str, stranger: str, how: str) -> None:
    named = named_certificate(files(gpg, stranger, signer)[how], signer)
    assert verify_detached(gpg.sign(signer), DATA, [named]).primary_fingerprint == signer
    assert refusal(gpg.sign(stranger), DATA, named).code == "sig.untrusted-key"
    with pytest.raises(BadInput, match="none of them is"):
        named_certificate(files(gpg, stranger, signer)[how], "0" * 40)


def test_a_file_of_several_where_one_is_needed_names_them(gpg: Gpg, signer: str, stranger: str) -> None:
    with pytest.raises(BadInput, match=f"{signer}, {stranger}|{stranger}, {signer}") as trouble:
        load(gpg.gpg("--export", "--armor", signer, stranger))
    assert trouble.value.code == "sig.bad-certificate"
    assert "--export --armor FINGERPRINT" in trouble.value.remedy


def test_a_key_without_a_fingerprint_is_a_bad_certificate(gpg: Gpg, signer: str, stranger: str) -> None:
    one, other = gpg.export(signer, armor=False), bytearray(gpg.export(stranger, armor=False))
    position = other.index(b"\x04")
    other[position] = 0
    for several in (one + other, bytes(other) + one):
        for read in (load, certificates_in, lambda data: named_certificate(data, signer)):
            with pytest.raises(BadInput, match="version 0 key") as trouble:
                read(several)
            assert trouble.value.code == "sig.bad-certificate"


def test_an_unusable_certificate_spoils_no_other(gpg: Gpg, signer: str) -> None:
    curve = gpg.key("spoiler", "secp256k1")
    certificates = [gpg.export(curve), b"junk", gpg.export(signer)]
    assert verify_detached(gpg.sign(signer), DATA, certificates).primary_fingerprint == signer
    assert refusal(gpg.sign(curve), DATA, *certificates).code == "sig.algorithm"
    assert refusal(gpg.sign(signer, at=LATER), OTHER, *certificates).code == "sig.bad"
