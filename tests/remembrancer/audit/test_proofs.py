"""An audit's judgement of recorded proofs: under the policy that was verified, and once for each of them."""

import hashlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli_support import Scratch, change_policy, end_agents, ledger, receipts, released
from remembrancer.audit import complete as audit
from remembrancer.clock import rfc3339
from remembrancer.ledger import Ledger
from remembrancer.receipt.statement import parse, relative_path
from remembrancer.record import statements as recording
from remembrancer.repository.lock import WRITTEN, exclusive
from remembrancer.repository.store import Store


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    made = released()
    yield made
    end_agents(made)
    made.remove()


def test_a_policy_that_changes_under_the_audit_is_not_taken(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scratch.root / "ops/trust/policy.toml"
    lenient = path.read_bytes()
    scratch.ok("trust", "revoke", "development", "--as", "compromised", "--compromised-at", "2020-01-01T00:00:00Z")
    assert "sig.key-compromised" in scratch.json("verify-audit").codes
    judged = audit.audit_everything

    def raced(*arguments: object, **more: object) -> audit.Whole:
        path.write_bytes(lenient)  # another process, after the policy was verified
        return judged(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(audit, "audit_everything", raced)
    done = scratch.json("verify-audit")
    assert (done.status, done.codes) == (1, {"trust.policy-signature"}), done.out


def many(scratch: Scratch, count: int) -> None:
    """Seal sign receipts over one signature, about artifacts that are not here."""
    store = Store(scratch.root)
    (made,) = (path for path in receipts(scratch, "sign") if "tar.gz" in path.read_text())
    said = parse(made.read_bytes()).predicate
    with exclusive(scratch.root) as local, (local / WRITTEN).open("a") as written:
        for number in range(count):
            subject = f"gone-{number}.tar.gz", hashlib.sha256(b"%d" % number).hexdigest()
            data = recording.signature(subject, str(said["fingerprint"]), str(said["signature"]), datetime.now(UTC))
            path = relative_path(parse(data))
            target = Path(store.receipts_dir, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            written.write(f"{path}\n")
    scratch.ok("seal")


def test_signatures_whose_time_is_unproven_cost_one_look_at_the_log(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(scratch, 40)
    shutil.rmtree(ledger(scratch) / "timestamps")
    change_policy(scratch, "[[signer]]", f'[[signer]]\nended = "retired"\nuntil = {rfc3339(datetime.now(UTC))}')
    looked: list[tuple[int, int | None]] = []
    entries = Ledger.entries

    def counted(self: Ledger, start: int = 0, size: int | None = None) -> Iterator[tuple[int, bytes]]:
        looked.append((start, size))
        return entries(self, start, size)

    monkeypatch.setattr(Ledger, "entries", counted)
    done = scratch.json("verify-audit")
    assert "sig.time-unproven" in done.codes, done.out
    assert len(looked) == 1, "the log is read once for all of them, and not at all where every time is proven"
