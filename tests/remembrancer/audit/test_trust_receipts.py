"""What the log says about the trust policy: in the order of its versions, and nothing that its owner did not sign."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from cli_support import Scratch, owner, receipts
from remembrancer.audit.session import Session
from remembrancer.receipt.statement import build, parse
from remembrancer.record.begin import record_change
from remembrancer.repository.store import Store


def retire(scratch: Scratch, days: int) -> None:
    until = (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    scratch.ok("trust", "revoke", "development", "--as", "retired", "--until", until)


def newest_is_sealed_last(scratch: Scratch) -> bool:
    found = [parse(path.read_bytes()) for path in receipts(scratch, "trust")]
    waiting = [one for one in found if one.predicate["policyVersion"] > 1]
    return max(waiting, key=lambda one: one.predicate["policyVersion"]) is max(waiting, key=lambda one: one.digest)


def test_changes_that_one_seal_takes_up_count_by_their_versions(scratch: Scratch) -> None:
    """One seal orders its receipts by their digests, so the newest policy may stand before an older one."""
    key = next((scratch.home / ".local/state/remembrancer/dev").iterdir()) / "log.key"
    key.rename(scratch.base / "kept.key")
    retire(scratch, 1)
    for days in count(2):
        retire(scratch, days)
        if not newest_is_sealed_last(scratch):
            break
    (scratch.base / "kept.key").rename(key)
    scratch.ok("seal")
    done = scratch.json("verify-audit")
    assert (done.status, done.codes) == (0, set()), done.out


OTHERS = [
    ("a policy that was never in force", b"version = 7\nprevious", True, "trust.policy-signature"),
    ("the policy in force with another signature", b"", False, "sig.malformed"),
]


@pytest.mark.parametrize(("what", "change", "genuine", "code"), OTHERS, ids=[row[0] for row in OTHERS])
def test_a_trust_receipt_that_its_owner_does_not_vouch_for_is_not_sealed(
    scratch: Scratch, what: str, change: bytes, genuine: bool, code: str
) -> None:
    folder = scratch.root / "ops/trust"
    who = owner(scratch)
    text = (folder / "policy.toml").read_bytes()
    signature = (folder / f"policy.toml.{who}.asc").read_bytes()
    if change:
        text = text.replace(b"version = 1\n", change + b' = "' + b"0" * 64 + b'"\n', 1)
    record_change(Session(scratch.root), "add", text, {who: signature if genuine else b"junk"})
    scratch.commit(what)
    done = scratch.json("seal")
    assert (done.status, [one["code"] for one in done.report["data"]["refused"]]) == (1, [code]), done.out
    assert scratch.json("verify-audit").codes == {"log.pending"}


def as_another(signatures: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{**one, "fingerprint": "B" * 40} for one in signatures]


@pytest.mark.parametrize("what", ["version", "signer", "signer with a certificate"])
def test_a_trust_receipt_that_misstates_the_policy_in_force_is_not_sealed(scratch: Scratch, what: str) -> None:
    true = parse(receipts(scratch, "trust")[0].read_bytes())
    subject = [(one.name, one.sha256) for one in true.subject]
    signatures = true.predicate["signatures"]
    said = {"policyVersion": 2} if what == "version" else {"signatures": as_another(signatures)}
    if what == "signer with a certificate":
        certificate = (scratch.root / f"ops/trust/keys/{owner(scratch)}.asc").read_bytes()
        scratch.write(f"ops/trust/keys/{'B' * 40}.asc", certificate)
    Store(scratch.root).write_receipt(build("trust", subject, {**true.predicate, **said}))
    done = scratch.json("seal")
    refused = [one["code"] for one in done.report["data"]["refused"]]
    assert (done.status, refused) == (1, ["trust.policy-signature"])
