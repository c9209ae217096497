"""`status` says when keys and certificates end and when the checkpoint was stamped; health-check judges it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from cli_support import Scratch, end_agents, ledger, released
from pgp_support import AFTER_A_YEAR, LATER, MADE, Gpg, instant
from remembrancer.audit.expiry import endings
from remembrancer.openpgp import signing_ends
from remembrancer.trust import policy as policies
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Ended, Material, Policy, Term
from tsa_support import certify

YEAR = timedelta(days=365)
EARLY, MIDDLE, LATE = (datetime(year, 1, 1, tzinfo=UTC) for year in (2030, 2031, 2032))


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    made = released()
    yield made
    end_agents(made)
    made.remove()


@pytest.fixture
def gpg() -> Iterator[Gpg]:
    made = Gpg()
    yield made
    made.close()


def test_status_names_every_key_and_the_stamp(scratch: Scratch) -> None:
    data = scratch.json("status").report["data"]
    assert [one["what"].split()[0] for one in data["keys"]] == ["the", "signer", "authority"]
    authority = data["keys"][2]["until"]
    assert datetime.fromisoformat(authority) - datetime.now(UTC) > 9 * YEAR
    assert abs(datetime.fromisoformat(data["stamped"]) - datetime.now(UTC)) < timedelta(hours=1)
    assert data["pending"] == 0


def test_no_stamp_is_no_time(scratch: Scratch) -> None:
    copy = scratch.copy()
    for token in (ledger(copy) / "timestamps").glob("*.tsr"):
        token.write_bytes(b"damaged")
    assert copy.json("status").report["data"]["stamped"] == ""
    copy.remove()


def test_without_trust_nothing_is_said_about_keys(scratch: Scratch) -> None:
    data = scratch.json("status", HOME=str(scratch.base)).report["data"]
    assert "trust.unpinned" in data["trust"]
    assert "keys" not in data


# ---------------------------------------------------------------- a certificate


def test_a_key_that_never_ends(gpg: Gpg) -> None:
    assert signing_ends(gpg.export(gpg.key("alice"))) is None


def test_the_primary_keys_own_end(gpg: Gpg) -> None:
    assert signing_ends(gpg.export(gpg.key("alice", lasts="1y"))) == instant(MADE) + YEAR


def test_the_last_signing_subkeys_end(gpg: Gpg) -> None:
    who = gpg.key("alice", usage="cert")
    gpg.add_subkey(who, "1y")
    assert signing_ends(gpg.export(who)) == instant(MADE) + YEAR
    gpg.add_subkey(who, "2y")
    assert signing_ends(gpg.export(who)) > instant(AFTER_A_YEAR)
    gpg.add_subkey(who)
    assert signing_ends(gpg.export(who)) is None


def test_a_subkey_for_encryption_does_not_count(gpg: Gpg) -> None:
    who = gpg.key("alice")
    gpg.gpg("--quick-add-key", who, "cv25519", "encr", "1y")
    assert signing_ends(gpg.export(who)) is None


def test_a_revocation_is_an_end(gpg: Gpg) -> None:
    who = gpg.key("alice", "ed25519", "sign", "1y")
    gpg.revoke(who, 2)
    assert signing_ends(gpg.export(who)) == instant(LATER)


# ---------------------------------------------------------------- a policy


def found(scratch: Scratch, **changes: Any) -> dict[str, str]:
    """The endings of the scratch's policy with changes to its signer and its authority."""
    parsed: Policy = policies.parse((scratch.root / "ops/trust/policy.toml").read_bytes())
    signer = parsed.signers[0]._replace(**changes.get("signer", {}))
    authority = parsed.authorities[0]._replace(**changes.get("authority", {}))
    changed = parsed._replace(signers=(signer,), authorities=(authority,))
    repository: Any = SimpleNamespace(signed_policy=lambda: None)
    trusted = Trusted(changed, parsed.owner, lambda name: (scratch.root / "ops/trust/keys" / name).read_bytes())
    return {one.what.split()[0]: one.until for one in endings(trusted, repository)}


def root(end: datetime) -> Material:
    der = certify("root", ca=True, end=end).der
    return Material(f"{len(der)}", der)


def test_a_term_ends_a_signer(scratch: Scratch) -> None:
    assert found(scratch)["signer"] == ""
    assert found(scratch, signer={"term": Term(until=EARLY)})["signer"] == "2030-01-01T00:00:00Z"


def test_what_the_policy_has_ended_is_left_out(scratch: Scratch) -> None:
    gone = Term(until=EARLY, ended=Ended.RETIRED)
    assert found(scratch, signer={"term": gone}, authority={"term": gone}) == {}


@pytest.mark.parametrize(
    ("roots", "helpers", "until", "year"),
    [
        ([EARLY], [], None, "2030"),
        ([EARLY, LATE], [], None, "2032"),
        ([LATE], [MIDDLE], None, "2031"),
        ([LATE], [MIDDLE, LATE], None, "2032"),
        ([LATE], [MIDDLE], EARLY, "2030"),
    ],
)
def test_an_authority_ends_with_its_last_certificate(
    scratch: Scratch, roots: list[datetime], helpers: list[datetime], until: datetime | None, year: str
) -> None:
    change = {
        "roots": tuple(map(root, roots)),
        "intermediates": tuple(map(root, helpers)),
        "term": Term(until=until),
    }
    assert found(scratch, authority=change)["authority"].startswith(year)
