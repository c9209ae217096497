"""Responses of real and other projects' authorities (tests/vectors/rfc3161-client)."""

import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from remembrancer.errors import Rejected
from remembrancer.timestamp import Authority
from remembrancer.timestamp.checks import check_response, imprint_algorithm

VECTORS = Path(__file__).parents[2] / "vectors" / "rfc3161-client"
HELLO = b"hello"


def _chain(folder: str) -> list[bytes]:
    data = (VECTORS / folder / "ts_chain.pem").read_bytes()
    if b"-----BEGIN" not in data:
        return [data]
    return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(data)]


def _authority(folder: str, *, allow_ess_v1: bool = False) -> Authority:
    *others, root = _chain(folder)
    return Authority(folder, "", (root,), allow_ess_v1=allow_ess_v1, intermediates=tuple(others))


def _digest(response: bytes, data: bytes = HELLO) -> bytes:
    return hashlib.new(imprint_algorithm(response), data).digest()


@pytest.mark.parametrize(
    ("path", "when", "algorithm"),
    [
        ("test_tsa/response.tsr", "2024-10-08 15:40:32+00:00", "sha512"),
        ("test_tsa/response-injected-certs.tsr", "2024-10-08 15:40:32+00:00", "sha512"),
        ("sigstage/response-sha256.tsr", "2025-05-09 11:58:55+00:00", "sha256"),
        ("sigstage/response-sha384.tsr", "2025-05-09 11:58:55+00:00", "sha384"),
        ("sigstage/response-sha512.tsr", "2025-05-09 11:58:56+00:00", "sha512"),
        ("sigstage/response-no-embedded-cert.tsr", "2025-06-18 08:13:02+00:00", "sha256"),
    ],
)
def test_genuine_responses(path: str, when: str, algorithm: str) -> None:
    response = (VECTORS / path).read_bytes()
    facts = check_response(response, _digest(response), _authority(path.split("/", maxsplit=1)[0]))
    assert (str(facts.gen_time), facts.hash_algorithm) == (when, algorithm)
    assert facts.policy == "1.3.6.1.4.1.57264.2"


def test_a_public_authority_that_uses_ess_version_1() -> None:
    response = (VECTORS / "identrust/issue-104.tsr").read_bytes()
    with pytest.raises(Rejected) as refusal:
        check_response(response, _digest(response), _authority("identrust"))
    assert refusal.value.code == "time.ess"
    facts = check_response(response, _digest(response), _authority("identrust", allow_ess_v1=True))
    assert facts.signer_subject == "CN=TrustID Timestamp Authority,O=IdenTrust,C=US"


def test_a_certificate_that_has_ended_since() -> None:
    response = (VECTORS / "sigstore.mock/response-expired.tsr").read_bytes()
    payload = (VECTORS / "sigstore.mock/payload").read_bytes()
    facts = check_response(response, _digest(response, payload), _authority("sigstore.mock"))
    assert str(facts.gen_time) == "2023-02-01 00:00:00+00:00"


def test_an_injected_certificate_is_not_the_signer() -> None:
    response = (VECTORS / "test_tsa/response-injected-certs.tsr").read_bytes()
    facts = check_response(response, _digest(response), _authority("test_tsa"))
    assert facts.signer_subject == "CN=Test TSA Timestamping,O=local"
    assert facts.signer_sha256 == hashlib.sha256(_chain("test_tsa")[0]).hexdigest()


def test_an_invalid_signature() -> None:
    response = (VECTORS / "sigstage/response-invalid-signature.tsr").read_bytes()
    with pytest.raises(Rejected) as refusal:
        check_response(response, _digest(response), _authority("sigstage"))
    assert refusal.value.code == "time.signature"


def test_a_response_of_another_chain_with_the_same_names() -> None:
    response = (VECTORS / "test_tsa/other_response.tsr").read_bytes()
    with pytest.raises(Rejected) as refusal:
        check_response(response, _digest(response), _authority("test_tsa"))
    assert refusal.value.code == "time.untrusted-root"


def test_the_right_and_the_wrong_nonce() -> None:
    from asn1crypto import tsp

    folder = VECTORS / "test_tsa"
    nonce = tsp.TimeStampReq.load((folder / "request.der").read_bytes())["nonce"].native
    response = (folder / "response.tsr").read_bytes()
    assert check_response(response, _digest(response), _authority("test_tsa"), nonce).nonce == nonce
    with pytest.raises(Rejected) as refusal:
        check_response(response, _digest(response), _authority("test_tsa"), nonce + 1)
    assert refusal.value.code == "time.nonce-mismatch"


def test_the_chain_without_its_root() -> None:
    response = (VECTORS / "sigstage/response-sha256.tsr").read_bytes()
    leaf, root = _chain("sigstage")
    with pytest.raises(Rejected) as refusal:
        check_response(response, _digest(response), Authority("x", "", (leaf,), intermediates=(root,)))
    assert refusal.value.code == "time.untrusted-root"
