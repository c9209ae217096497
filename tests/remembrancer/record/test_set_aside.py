"""One bad receipt stops nobody: it is named, taken out by a command, and on the record."""

from collections.abc import Iterator

import pytest

from cli_support import Scratch, owner, receipts
from ledger_world import deploy, signed
from production_support import Production, production
from remembrancer.receipt.statement import build, parse
from remembrancer.repository.store import Store

SPARE = ("--reason", "it was never to be sealed")


@pytest.fixture
def made() -> Iterator[Production]:
    with production() as one:
        yield one


def bad(scratch: Scratch) -> str:
    """Commit a receipt that no seal takes: a signature by a key that nobody trusts."""
    store = Store(scratch.root)
    path = store.write_receipt(signed(store.write_blob(b"no signature")))
    scratch.commit("a receipt that seal refuses")
    return path.relative_to(scratch.root).as_posix()


def test_a_release_goes_on_beside_a_receipt_that_seal_refuses(made: Production) -> None:
    path = bad(made.scratch)
    artifact = made.prove("0.1.0")
    done = made.scratch.run("seal", **made.key)
    assert (done.status, path in done.out, "remembrancer set-aside" in done.out) == (1, True, True)
    made.push("record 0.1.0")
    assert made.scratch.run("verify-full", "--require", "production", artifact).status == 0
    assert made.scratch.json("verify-audit").codes == {"log.pending"}
    aside = made.scratch.json("set-aside", path, *SPARE)
    assert aside.status == 0, aside.out
    made.scratch.git("add", "-A")
    assert made.scratch.run("hook", "pre-commit").status == 0
    made.scratch.ok("seal", **made.key)
    made.push("set aside")
    audit = made.scratch.json("verify-audit", **made.stranger())
    assert (audit.status, audit.codes) == (0, set()), audit.out
    (said,) = map(parse, (one.read_bytes() for one in receipts(made.scratch, "aside")))
    assert (said.subject[0].name, said.predicate["reason"]) == (path, SPARE[1])
    assert parse((made.scratch.root / "ops/receipts/blobs" / said.subject[0].sha256).read_bytes()).kind == "sign"


def test_a_seal_is_tried_without_the_log_key(made: Production) -> None:
    """What the pipeline asks before it pushes an image: what would be sealed, and what is in the way."""
    path = bad(made.scratch)
    made.prove("0.1.0")
    before = made.scratch.snapshot()
    done = made.scratch.json("seal", "--dry-run")
    data = done.report["data"]
    assert (done.status, data["sealed"], data["dryRun"]) == (1, False, True)
    assert [one["subject"] for one in data["refused"]] == [path]
    assert [one for one in data["receipts"] if one.endswith("/deploy/my-svc-0.1.0.receipt")]
    assert made.scratch.snapshot() == before
    text = made.scratch.run("seal", "--dry-run")
    assert (text.status, "would seal 4 receipts" in text.out) == (1, True), text.out
    assert f"remembrancer set-aside {path} --reason TEXT" in text.out
    made.scratch.ok("seal", "--dry-run", cwd=made.clone("fresh"), **made.stranger())


def test_a_tried_seal_is_refused_as_the_seal_would_be(made: Production) -> None:
    made.release("0.1.0")
    made.scratch.git("revert", "--no-edit", "HEAD")
    made.prove("0.2.0")
    done = made.scratch.json("seal", "--dry-run")
    assert (done.status, done.codes) == (2, {"log.rollback"}), done.out


def test_the_loser_of_two_policy_branches_is_set_aside(made: Production) -> None:
    revoke = ("trust", "revoke", "signer-1", "--as", "retired", "--until")
    made.scratch.git("switch", "-q", "-c", "other")
    made.scratch.ok(*revoke, "2098-01-01T00:00:00Z")
    made.scratch.commit("one")
    made.scratch.git("switch", "-q", "main")
    made.scratch.ok(*revoke, "2099-01-01T00:00:00Z")
    made.scratch.commit("another")
    made.scratch.git("merge", "-q", "-s", "ours", "--no-commit", "other")
    made.scratch.git("checkout", "other", "--", "ops/receipts")
    made.scratch.commit("both receipts, one policy")
    refused = made.scratch.json("seal", **made.key)
    ((loser, code),) = [(one["subject"], one["code"]) for one in refused.report["data"]["refused"]]
    assert (refused.status, code) == (1, "trust.policy-signature")
    made.scratch.ok("set-aside", loser, *SPARE)
    made.scratch.ok("seal", **made.key)
    made.push("one policy")
    assert made.scratch.json("verify-audit").codes == set()


def test_what_is_sealed_is_never_set_aside(scratch: Scratch) -> None:
    (path,) = receipts(scratch, "deploy")
    before = scratch.snapshot()
    done = scratch.json("set-aside", str(path), *SPARE)
    assert (done.status, done.codes, scratch.snapshot()) == (2, {"receipt.sealed"}, before)
    path.write_bytes(deploy("0.1.0", content="other"))
    assert scratch.json("set-aside", str(path), *SPARE).codes == {"receipt.sealed"}, "an edited one is restored"


def test_a_receipt_that_sets_a_sealed_one_aside_frees_nothing(scratch: Scratch) -> None:
    (sealed,) = receipts(scratch, "deploy")
    store = Store(scratch.root)
    name = sealed.relative_to(scratch.root).as_posix()
    blob = store.write_blob(sealed.read_bytes())
    said = {"recordedAt": "2026-01-02T03:04:05Z", "recordedBy": "x", "receipt": blob, "reason": "a lie"}
    store.write_receipt(build("aside", [(name, blob)], said))
    sealed.unlink()
    scratch.git("add", "-A")
    done = scratch.run("hook", "check-receipts")
    assert (done.status, "[receipt.edited]" in done.out + done.err) == (1, True)


@pytest.mark.parametrize("path", ["README.md", "ops/receipts/ledger/checkpoint", "ops/receipts/deploy/none.receipt"])
def test_what_is_no_receipt_is_not_set_aside(scratch: Scratch, path: str) -> None:
    before = scratch.snapshot()
    done = scratch.json("set-aside", path, *SPARE)
    assert (done.status, done.codes, scratch.snapshot()) == (2, {"input.file"}, before), done.out
    assert owner(scratch)
