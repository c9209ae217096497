"""OpenSSL's opinion of a token is the same whether its authority's certificate was judged before or not."""

from collections.abc import Callable

import pytest
from cryptography import x509
from rfc3161_client import VerificationError, decode_timestamp_response

from remembrancer.errors import Rejected
from remembrancer.timestamp import chain, second_opinion
from remembrancer.timestamp.response import parse_response
from tsa_support import DAY, DIGEST, NOW, TIME_STAMPING, certify, forge, root, tsa

OTHER = bytes(32)


def stranger() -> bytes:
    """A token by an authority of the same name, under another root of the same name."""
    other = certify("Test Root", ca=True, usage=("key_cert_sign", "crl_sign"))
    return forge(signer=certify("Test TSA", other, purposes=TIME_STAMPING, usage=("digital_signature",)))


def changed(part: Callable[[bytes], bytes]) -> bytes:
    """An honest response with one bit turned in a part of it."""
    response = forge()
    found = part(response)
    assert response.count(found) == 1
    return response.replace(found, found[:-1] + bytes([found[-1] ^ 1]))


BAD: dict[str, Callable[[], bytes]] = {
    "another imprint": lambda: forge(digest=OTHER),
    "changed signature": lambda: changed(lambda response: parse_response(response).signer.signature),
    "changed content": lambda: changed(lambda response: parse_response(response).content),
    "changed digest of the content": lambda: changed(lambda response: parse_response(response).signer.message_digest),
    "another root": stranger,
    "before the certificate": lambda: forge(gen_time=NOW - 300 * DAY),
    "after the certificate": lambda: forge(gen_time=NOW + 300 * DAY),
}


def opinion() -> second_opinion._SecondOpinion:
    (path,) = chain.find_paths(tsa().der, (tsa().der,), (root().der,))
    return second_opinion._SecondOpinion(path, embedded=True)


def ask(asked: second_opinion._SecondOpinion, response: bytes) -> None:
    asked.verify(decode_timestamp_response(response), parse_response(response).encoded, DIGEST)


@pytest.mark.parametrize("openssl", [True, False], ids=["direct", "whole"])
@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("what", BAD)
def test_refused_first_and_later(what: str, before: int, openssl: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert second_opinion._pkcs7_verify is not None
    if not openssl:
        monkeypatch.setattr(second_opinion, "_pkcs7_verify", None)
    asked = opinion()
    for _ in range(before):
        ask(asked, forge())
    with pytest.raises((VerificationError, ValueError)):
        ask(asked, BAD[what]())
    ask(asked, forge())


def test_a_refused_certificate_is_never_taken_for_accepted() -> None:
    asked = opinion()
    for _ in range(3):
        with pytest.raises(VerificationError):
            ask(asked, stranger())
    assert not asked._certificate_accepted


def test_other_certificates_in_the_token_have_an_opinion_of_their_own() -> None:
    (path,) = chain.find_paths(tsa().der, (tsa().der,), (root().der,))
    alone = second_opinion._second_opinion(path, (tsa().der,), tsa().der)
    assert alone is second_opinion._second_opinion(path, (tsa().der,), tsa().der)
    assert alone is not second_opinion._second_opinion(path, (tsa().der, root().der), tsa().der)
    assert alone is not second_opinion._second_opinion(path, (), tsa().der)


def test_certificates_that_issue_each_other_are_not_followed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen of one name and key: each is the next one's issuer, and no chain of them leads to a root."""
    first = certify("Loop", ca=True, usage=("key_cert_sign",))
    loop = [first, *(certify("Loop", first, key=first.key, ca=True, usage=("key_cert_sign",)) for _ in range(14))]
    leaf = certify("Leaf", first, purposes=TIME_STAMPING, usage=("digital_signature",))
    asked: list[object] = []
    issued = chain._require_issued

    def counted(subject: x509.Certificate, issuer: x509.Certificate, below: int) -> None:
        asked.append(issuer)
        assert len(asked) < 100
        issued(subject, issuer, below)

    monkeypatch.setattr(chain, "_require_issued", counted)
    with pytest.raises(Rejected) as caught:
        chain.find_paths(leaf.der, tuple(one.der for one in loop), (root().der,))
    assert (caught.value.code, len(asked) > 14) == ("time.untrusted-root", True)
