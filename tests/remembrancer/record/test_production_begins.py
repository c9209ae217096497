"""`init --production` over a development ledger with receipts of every kind: what goes, and what is sealed anew."""

from collections.abc import Iterator

import pytest

from cli_support import ARTIFACT, Scratch, end_agents, new_key, receipts, released
from ledger_world import waiver
from production_support import authority_options
from receipt_samples import SAMPLES
from remembrancer.ledger import Ledger
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt.kinds import KINDS
from remembrancer.receipt.statement import build, parse
from remembrancer.repository.store import Store

STAY = {"spawn", "update", "adr"}
FIELDS = ("--context", "why", "--decision", "what", "--consequences", "cost", "--verification", "`make test`")


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    """A released service that was generated, updated, rolled out and back, and has a decision and a waiver."""
    scratch = released()
    store = Store(scratch.root)
    lines = manifests.write([manifests.Line("Makefile", manifests.STANDARD, "a" * 64, "a" * 64)])
    said = {"manifest": manifests.stated(lines)}
    subject = [("my-svc", store.write_blob(lines))]
    store.write_receipts([build(kind, subject, {**SAMPLES[kind][1], **said}) for kind in ("spawn", "update")])
    store.write_receipt(waiver("x"))
    placed = ("--component", "my-svc", "--environment", "staging", "--no-seal")
    scratch.ok("record", "deploy", "--version", "0.1.0", *placed)
    scratch.ok("record", "rollback", "--to", "0.1.0", "--reason", "slow", *placed)
    spare = store.write_receipt(waiver("never sealed"))
    scratch.ok("set-aside", str(spare), "--reason", "a try")
    scratch.ok("adr", "create", "Use tiles", *FIELDS)
    scratch.ok("adr", "accept", "1")
    scratch.commit("everything")
    yield scratch
    end_agents(scratch)
    scratch.remove()


def test_development_goes_to_the_archive_and_the_history_of_the_service_stays(scratch: Scratch) -> None:
    assert all(receipts(scratch, kind) for kind in KINDS), "there is a receipt of every kind"
    owner = new_key(scratch, "Owner <owner@example.invalid>")
    key = str(scratch.base / "log.key")
    scratch.ok(
        *("init", "--production", "--component", "my-svc", "--domain", "example.com", "--owner", owner),
        *("--signer", owner, "--log-key-file", key, *authority_options(scratch)),
    )
    scratch.commit("production")
    (archive,) = (scratch.root / "ops/receipts/archive").iterdir()
    held = {path.name for path in archive.iterdir()}
    assert held == (KINDS.keys() - STAY) | {"ledger", "trust-policy"}
    entries = [parse(data) for _, data in Ledger(scratch.root).entries()]
    assert sorted(one.kind for one in entries) == sorted([*STAY, "trust"])
    scratch.ok("trust", "pin", owner)
    done = scratch.json("verify-audit", "--require", "production")
    assert (done.status, done.codes) == (0, set()), done.out
    scratch.write(ARTIFACT, "the first in production\n")
    given = ("record", "deploy", "--component", "my-svc", "--version", "0.1.0")
    recorded = scratch.json(*given, REMEMBRANCER_LOG_KEY_FILE=key)
    assert recorded.report["data"]["sealed"] is False, "one seal for each release, also where the key is"
    scratch.ok("seal", REMEMBRANCER_LOG_KEY_FILE=key)
    assert scratch.run("verify", ARTIFACT).status == 0, "what development called 0.1.0 reserves nothing"


def test_a_ledger_whose_policy_is_gone_is_not_begun_anew(scratch: Scratch) -> None:
    (scratch.root / "ops/trust/policy.toml").unlink()
    before = scratch.snapshot()
    owner = new_key(scratch, "Owner <owner@example.invalid>")
    production = ("--domain", "example.com", "--owner", owner, "--log-key-file", str(scratch.base / "log.key"))
    more_of_it = ("--signer", owner, *authority_options(scratch))
    for more in (("--dev",), ("--production", *production, *more_of_it)):
        done = scratch.json("init", "--component", "my-svc", *more)
        assert (done.status, done.codes, scratch.snapshot()) == (2, {"trust.exists"}, before)
