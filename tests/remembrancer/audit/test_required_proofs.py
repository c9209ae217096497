"""A verdict asks for every proof that the policy requires, also for those of the deploy receipt itself."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from cli_support import Scratch, change_policy, end_agents, new_key, released
from remembrancer.audit.session import Session
from remembrancer.record.deploy import record_deploy
from remembrancer.record.statements import Given

NEXT = "dist/my-svc-0.2.0.tar.gz"


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    """A release whose artifact has every proof, and whose deploy receipt nobody signed."""
    scratch = released()
    scratch.write(NEXT, "next\n")
    scratch.ok("sign", "--no-seal", NEXT)
    scratch.ok("timestamp", "--no-seal", NEXT)
    given = Given("my-svc", "0.2.0", evidence=scratch.root / NEXT)
    assert record_deploy(Session(scratch.root), given).new
    scratch.ok("seal")
    yield scratch
    scratch.remove()


def test_an_unsigned_deploy_receipt_fails_where_the_policy_requires_a_signature(scratch: Scratch) -> None:
    assert scratch.run("verify-full", NEXT).status == 0
    change_policy(scratch, "deploy-signature = false", "deploy-signature = true")
    done = scratch.json("verify-full", NEXT)
    failed = {one["check"]: one["code"] for one in done.report["findings"] if one["outcome"] != "verified"}
    assert (done.status, failed) == (1, {"record-signature": "sig.missing"})


def test_a_recorded_version_that_waits_for_its_seal_is_not_verified(scratch: Scratch) -> None:
    scratch.write("dist/my-svc-0.3.0.tar.gz", "later\n")
    scratch.ok("record", "deploy", "--no-seal", "--component", "my-svc", "--version", "0.3.0")
    done = scratch.json("verify", "dist/my-svc-0.3.0.tar.gz")
    assert (done.status, done.codes) == (1, {"log.pending"})


def test_the_deploy_receipt_is_signed_by_who_may_sign_its_component(scratch: Scratch) -> None:
    """The policy's first signer is for another component of the repository."""
    bob = new_key(scratch, "Bob <bob@example.invalid>")
    try:
        command = ["gpg", "--batch", "--armor", "--output", str(scratch.base / "bob.asc"), "--export", bob]
        subprocess.run(command, env=scratch.environment(), check=True)
        scratch.ok("trust", "add", "--signer", "bob", "--key", str(scratch.base / "bob.asc"))
        change_policy(scratch, 'components = ["*"]', 'components = ["other"]')
        scratch.write("dist/my-svc-0.3.0.tar.gz", "later\n")
        done = scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.3.0")
        assert f"signed the receipt as {bob}" in done.out
    finally:
        end_agents(scratch)


def test_every_verdict_names_what_it_is_about_and_what_the_trust_is_worth(scratch: Scratch) -> None:
    scratch.ok("export-proof", NEXT)
    for command in (
        ("verify", NEXT),
        ("verify-full", NEXT),
        ("verify-audit",),
        ("verify-proof", f"{NEXT}.proof.json"),
        ("receipt", "ops/receipts/deploy/my-svc-0.2.0.receipt"),
        ("trust", "show"),
    ):
        assert re.search(r"^VERIFIED \S+ \(development trust", scratch.ok(*command).out, re.MULTILINE), command
        unpinned = scratch.run(*command, XDG_STATE_HOME=str(scratch.base / "nobody"))
        assert unpinned.status == 3, command
        assert re.search(r"^UNVERIFIABLE \S+ \(no trust: ", unpinned.out, re.MULTILINE), command
