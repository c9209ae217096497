"""Certificates, owners and authorities that the policy does not vouch for, or no longer."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pgp_support import Gpg
from receipt_samples import statement
from remembrancer.errors import BadInput, Rejected, Unverifiable
from remembrancer.receipt.statement import encode
from remembrancer.receipt.statement import parse as parse_receipt
from remembrancer.repository.reader import Repository
from remembrancer.timestamp import TimestampFacts
from remembrancer.trust.establish import Pins, SignedPolicy, Trusted, establish
from remembrancer.trust.policy import Ended, Material, Policy, Term, parse
from remembrancer.trust.validity import AUTHORITY, KeyFacts, judge
from remembrancer.user.keys import default_signer
from remembrancer.verify.evidence import Artifact, Entry, Evidence, Log
from remembrancer.verify.log import authority_of
from remembrancer.verify.proofs import Prover
from worked_ledger import policy_text

NOW = datetime(2026, 1, 20, tzinfo=UTC)
POLICY: Policy = parse(policy_text().encode())


def nothing(sha256: str) -> bytes:
    raise FileNotFoundError(sha256)


def test_a_key_file_is_what_the_policy_says(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"certificate").hexdigest()
    trusted = Trusted(POLICY, POLICY.owner, Repository(tmp_path).key)
    file = tmp_path / "ops/trust/keys" / digest
    file.parent.mkdir(parents=True)
    for content in (None, b"another certificate", b""):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(Rejected) as caught:
            trusted.material(Material(digest))
        assert caught.value.code == "trust.key-file"
    file.write_bytes(b"certificate")
    assert trusted.material(Material(digest)) == b"certificate"


def test_a_revoked_owner_signs_no_policy() -> None:
    gpg = Gpg()
    try:
        owner = gpg.key("owner")
        text = policy_text().replace(POLICY.owner, owner).encode()
        gpg.data.write_bytes(text)
        signed = SignedPolicy(text, {owner: gpg.sign(owner)}, {owner: gpg.export(owner)})
        pins = Pins((owner,))
        assert establish(signed, pins, lambda *_: (0, ""), nothing).owner == owner
        gpg.revoke(owner, 3)
        revoked = signed._replace(certificates={owner: gpg.export(owner)})
        with pytest.raises(Rejected) as caught:
            establish(revoked, pins, lambda *_: (0, ""), nothing)
        assert caught.value.code == "trust.owner-revoked"
    finally:
        gpg.close()


def test_a_key_that_has_ended_is_not_the_one_to_sign_with() -> None:
    first = POLICY.signers[0]
    assert default_signer(POLICY, NOW) == first
    for ended in (
        Term(ended=Ended.COMPROMISED),
        Term(until=NOW - timedelta(days=1)),
        Term(start=NOW + timedelta(days=1)),
    ):
        changed = POLICY._replace(signers=(first._replace(term=ended), first._replace(name="next")))
        assert default_signer(changed, NOW).name == "next"
        with pytest.raises(BadInput) as caught:
            default_signer(changed._replace(signers=changed.signers[:1]), NOW)
        assert caught.value.code == "input.key"


def pinned(pins: dict[str, str]) -> Pins:
    return Pins(remembered={owner: (origin,) for owner, origin in pins.items()})


def test_an_owner_pinned_for_any_origin_takes_none_from_somebody_else() -> None:
    """The attacker's policy claims an origin that another owner is pinned for, or was seen to own."""
    gpg = Gpg()
    try:
        honest, other = gpg.key("honest"), gpg.key("other")

        def by(owner: str, version: str = "version = 1") -> SignedPolicy:
            text = policy_text().replace(POLICY.owner, owner).replace("version = 1", version, 1).encode()
            gpg.data.write_bytes(text)
            return SignedPolicy(text, {owner: gpg.sign(owner)}, {owner: gpg.export(owner)})

        seen: dict[str, tuple[int, str]] = {}

        def newest(owner: str, origin: str) -> tuple[int, str]:
            return seen.get(owner, (0, "")) if origin == POLICY.origin else (0, "")

        def answer(pins: dict[str, str], signed: SignedPolicy) -> str:
            try:
                return establish(signed, pinned(pins), newest, nothing).owner
            except (Rejected, Unverifiable) as error:
                return error.code

        later = by(other, f'version = 99\nprevious = "{"0" * 64}"')
        exact, wide = {honest: POLICY.origin, other: ""}, {honest: "", other: ""}
        assert answer(exact, later) == "trust.policy-signature"
        assert answer(exact, by(honest)) == honest
        assert answer(wide, later) == other, "of two whom the user trusts for any, the first one has it"
        seen[honest] = (1, establish(by(honest), pinned(exact), newest, nothing).policy.digest)
        assert answer(wide, later) == "trust.owner-change"
        assert answer(wide, by(honest)) == honest
        # where the other one was seen first, an exact pin brings the honest one back
        seen = {other: (99, "f" * 64)}
        assert answer(wide, by(honest)) == "trust.owner-change"
        assert answer(exact, by(honest)) == honest
    finally:
        gpg.close()


def test_a_pin_for_one_origin_counts_for_no_other() -> None:
    """Whoever owns one ledger's policy signs none of another's for whoever pinned them for the first alone."""
    gpg = Gpg()
    try:
        owner = gpg.key("owner")
        text = policy_text().replace(POLICY.owner, owner).encode()
        gpg.data.write_bytes(text)
        signed = SignedPolicy(text, {owner: gpg.sign(owner)}, {owner: gpg.export(owner)})

        def refused(pins: dict[str, str]) -> str:
            with pytest.raises((Rejected, Unverifiable)) as caught:
                establish(signed, pinned(pins), lambda *_: (0, ""), nothing)
            return f"{type(caught.value).__name__} {caught.value.code}"

        assert establish(signed, Pins(remembered={owner: (POLICY.origin,)}), lambda *_: (0, ""), nothing).owner == owner
        assert refused({owner: "other.example/svc"}) == "Unverifiable trust.unpinned"
        assert refused({"A" * 40: "other.example/svc"}) == "Unverifiable trust.unpinned"
        # somebody is pinned for this very ledger, and it is not who signed: that is no open question
        assert refused({"A" * 40: POLICY.origin}) == "Rejected trust.policy-signature"
    finally:
        gpg.close()


def test_an_authority_that_is_not_listed() -> None:
    with pytest.raises(Rejected) as caught:
        authority_of(Trusted(POLICY, POLICY.owner, nothing), "nobody")
    assert caught.value.code == "time.unknown-authority"


@pytest.mark.parametrize(
    ("term", "claimed", "code"),
    [
        (Term(start=NOW - timedelta(days=3)), NOW - timedelta(days=4), "time.outside-term"),
        (Term(start=NOW - timedelta(days=3)), NOW - timedelta(days=2), ""),
        (Term(until=NOW - timedelta(days=3)), NOW - timedelta(days=2), "time.outside-term"),
        (Term(), NOW + timedelta(minutes=6), "time.outside-term"),
        (Term(), NOW + timedelta(minutes=4), ""),
    ],
)
def test_an_authority_outside_its_term(term: Term, claimed: datetime, code: str) -> None:
    trouble = judge("tsa-1", term, KeyFacts(), claimed=claimed, proven=None, now=NOW, codes=AUTHORITY)
    assert (trouble.code if trouble else "") == code


class Answered(Prover):
    """A prover whose tokens all hold, by authorities that are the signer's own or not."""

    own: tuple[bool, ...] = ()

    def timestamp(self, entry: Entry, digest: bytes) -> tuple[str, bool, TimestampFacts]:
        number = entry.index or 0
        facts = TimestampFacts(NOW, "1.2.3", 1, None, timedelta(), "CN=tsa", "", "", "sha256")
        return f"tsa-{number}", self.own[number], facts


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ((True,), "time.self-asserted"),
        ((True, True), "time.self-asserted"),
        ((True, False), "timestamp.ok"),
        ((), "time.missing"),
    ],
)
def test_production_needs_a_clock_that_is_not_the_signer_s_own(own: tuple[bool, ...], code: str) -> None:
    receipt = parse_receipt(encode(statement("timestamp")))
    evidence = Evidence(artifact=Artifact("a", "0" * 64, b""), stamps=(), blob=nothing)
    prover = Answered(evidence, Log(None), Trusted(POLICY, POLICY.owner, nothing), "my-svc", NOW)
    prover.own = own
    finding, _ = prover.timestamps([Entry(receipt, number, receipt.data) for number in range(len(own))], bytes(32))
    assert finding.code == code
