"""Every trap of DESIGN section 7 for RFC 3161: our verdict, and beside it what other tools say."""

from pathlib import Path

import pytest

from remembrancer.errors import Rejected
from remembrancer.timestamp.checks import check_response
from tsa_forgeries import FORGERIES, Forgery
from tsa_support import DIGEST, NONCE, NOW, authority, forge
from tsa_tools import openssl, rfc3161_client, rfc3161_ng

# the OID, which each certificate of the tests has once
_BASIC_CONSTRAINTS = bytes.fromhex("0603551d13")
each = pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.what)


@each
def test_a_forgery_is_refused_for_its_own_reason(forgery: Forgery) -> None:
    with pytest.raises(Rejected) as refusal:
        check_response(forgery.make(), DIGEST, forgery.authority, NONCE)
    assert refusal.value.code == forgery.code
    assert not refusal.value.message.endswith(".")
    assert "\n" not in refusal.value.message


def test_the_honest_response_passes_everywhere() -> None:
    response = forge()
    facts = check_response(response, DIGEST, authority(), NONCE)
    assert (facts.gen_time, facts.nonce, facts.hash_algorithm) == (NOW, NONCE, "sha256")
    assert rfc3161_client(response, authority())
    assert rfc3161_client(response, authority(), by_digest=True)
    assert rfc3161_ng(response, authority())


@each
def test_python_tools_are_fooled_as_the_table_says(forgery: Forgery) -> None:
    response = forgery.make()
    verdicts = {
        "message": rfc3161_client(response, forgery.authority),
        "digest": rfc3161_client(response, forgery.authority, by_digest=True),
        "rfc3161ng": rfc3161_ng(response, forgery.authority),
    }
    fooled = {tool for tool, genuine in verdicts.items() if genuine}
    assert fooled <= forgery.accepted_by
    # with several certificates in the token the order of a set decides
    if response.count(_BASIC_CONSTRAINTS) < 2:
        assert fooled == forgery.accepted_by & verdicts.keys()


def test_the_table_is_about_real_forgeries() -> None:
    names = [forgery.what for forgery in FORGERIES]
    assert len(names) == len(set(names)) >= 29
    assert any("message" in forgery.accepted_by for forgery in FORGERIES)


@pytest.mark.system
@each
def test_openssl_is_fooled_by_no_more_than_the_table_says(forgery: Forgery, tmp_path: Path) -> None:
    response = forgery.make()
    verdicts = {
        "openssl": openssl(response, forgery.authority, tmp_path),
        "query": openssl(response, forgery.authority, tmp_path, query=True),
    }
    assert {tool for tool, genuine in verdicts.items() if genuine} <= forgery.accepted_by


@pytest.mark.system
def test_openssl_accepts_the_honest_response(tmp_path: Path) -> None:
    assert openssl(forge(), authority(), tmp_path)
    assert openssl(forge(), authority(), tmp_path, query=True)
