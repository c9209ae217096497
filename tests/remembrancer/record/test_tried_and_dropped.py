"""What was only tried and then thrown away holds nobody to it; what is forgotten is said."""

import hashlib
import shutil
from collections.abc import Iterator

import pytest

from cli_support import ARTIFACT, Scratch, end_agents, new_key, new_scratch, owner, prove, release, released
from production_support import Production, authority_options, production

REVOKE = ("trust", "revoke", "--as", "retired", "--until", "2099-01-01T00:00:00Z")


@pytest.fixture
def made() -> Iterator[Production]:
    with production() as one:
        yield one


def test_a_policy_change_on_a_branch_that_is_dropped_locks_nobody_out(made: Production) -> None:
    made.scratch.ok("verify-audit")
    made.scratch.git("switch", "-q", "-c", "try")
    made.scratch.ok(*REVOKE, "signer-1", "--reason", "only tried")
    made.scratch.ok("trust", "show")
    made.scratch.commit("tried")
    made.scratch.ok("trust", "show")
    made.scratch.git("switch", "-q", "main")
    made.scratch.git("branch", "-q", "-D", "try")
    assert made.scratch.json("verify-audit").status == 0
    made.scratch.ok(*REVOKE, "signer-1", "--reason", "really")
    made.scratch.ok("seal", **made.key)
    made.push("revoked")
    assert made.scratch.json("verify-audit").status == 0


def test_production_that_was_tried_and_reset_can_begin_again() -> None:
    scratch = released()
    try:
        mine = new_key(scratch, "Owner <owner@example.invalid>")
        begin = ("init", "--production", "--component", "my-svc", "--domain", "example.com", "--owner", mine)
        for log_key in ("first.key", "second.key"):
            file = ("--log-key-file", str(scratch.base / log_key), "--signer", mine)
            scratch.ok(*begin, *file, *authority_options(scratch))
            scratch.ok("trust", "pin", mine)
            assert scratch.run("verify-audit", "--require", "production").status == 0
            if log_key == "first.key":
                scratch.git("reset", "-q", "--hard")
                scratch.git("clean", "-qfdx", "ops")
        scratch.commit("production")
        assert scratch.run("verify-audit", "--require", "production").status == 0
    finally:
        end_agents(scratch)
        scratch.remove()


def test_production_over_what_was_published_is_refused_before_anything_is_written(made: Production) -> None:
    made.scratch.ok("verify-audit")
    made.scratch.git("switch", "-q", "--orphan", "anew")
    shutil.rmtree(made.scratch.root / "ops", ignore_errors=True)
    before = made.scratch.snapshot()
    begin = ("init", "--production", "--component", "my-svc", "--domain", "example.com", "--owner", made.owner)
    file = ("--log-key-file", str(made.scratch.base / "other.key"), "--signer", made.signer)
    done = made.scratch.json(*begin, *file, *authority_options(made.scratch))
    assert (done.status, done.codes) == (2, {"trust.policy-fork"}), done.out
    assert "trust forget example.com/my-svc" in done.report["error"]["remedy"]
    assert (made.scratch.snapshot(), (made.scratch.base / "other.key").exists()) == (before, False)


def test_somebody_s_branch_is_judged_and_not_remembered(made: Production) -> None:
    mine = made.stranger()
    made.scratch.git("switch", "-q", "-c", "theirs")
    made.scratch.ok(*REVOKE, "signer-1")
    made.scratch.ok("seal", **made.key)
    made.scratch.commit("theirs")
    assert made.scratch.run("verify-audit", **mine).status == 0
    made.scratch.git("switch", "-q", "main")
    done = made.scratch.json("verify-audit", **mine)
    assert (done.status, done.codes) == (0, set()), done.out


def test_what_is_published_is_remembered(made: Production) -> None:
    mine = made.stranger()
    made.release("0.1.0")
    clone = made.clone("clone")
    assert made.scratch.run("verify-audit", cwd=clone, **mine).status == 0
    made.scratch.git("reset", "-q", "--hard", "HEAD~1", cwd=clone)
    done = made.scratch.json("verify-audit", cwd=clone, **mine)
    assert (done.status, "log.rollback" in done.codes) == (1, True), done.out


def test_a_development_seal_in_a_clone_that_is_thrown_away_ends_nothing() -> None:
    scratch = released()
    try:
        clone = scratch.base / "clone"
        scratch.git("clone", "-q", str(scratch.root), str(clone))
        thrown = Scratch(scratch.base)
        (clone / "dist").mkdir()
        shutil.copy(scratch.root / ARTIFACT, clone / "dist/my-svc-0.2.0.tar.gz")
        given = ("--component", "my-svc", "--version", "0.2.0", "--sha256")
        digest = hashlib.sha256((scratch.root / ARTIFACT).read_bytes()).hexdigest()
        assert thrown.run("record", "deploy", *given, digest, cwd=clone).status == 0
        thrown.git("add", "-A", cwd=clone)
        thrown.git("commit", "-qm", "only here", cwd=clone)
        assert thrown.run("verify-audit", cwd=clone).status == 0
        shutil.rmtree(clone)
        assert scratch.json("verify-audit").codes == set()
        release(scratch, ARTIFACT, "0.3.0")
        assert scratch.json("verify-audit").status == 0
    finally:
        scratch.remove()


def test_a_development_tree_that_is_thrown_away_before_its_commit_ends_nothing(scratch: Scratch) -> None:
    scratch.write("dist/my-svc-0.2.0.tar.gz", "0.2.0")
    prove(scratch, "dist/my-svc-0.2.0.tar.gz", "0.2.0", "my-svc")
    scratch.ok("seal")
    scratch.ok("verify-full", "dist/my-svc-0.2.0.tar.gz")
    scratch.git("checkout", "-q", "--", ".")
    scratch.git("clean", "-qfd", "ops")
    assert scratch.json("verify-audit").codes == set()
    scratch.ok("seal")
    scratch.write("dist/my-svc-0.3.0.tar.gz", "0.3.0")
    release(scratch, "dist/my-svc-0.3.0.tar.gz", "0.3.0")
    assert scratch.json("verify-audit").status == 0


def test_forgetting_says_what_is_no_longer_noticed(scratch: Scratch) -> None:
    scratch.ok("verify-audit")
    dry = scratch.json("trust", "forget", "--dry-run").report["data"]
    assert {one["kind"]: one["newest"] for one in dry["forgotten"]} == {"policies": 1, "checkpoints": 5}
    said = scratch.ok("trust", "forget").out
    assert "another policy than version 1" in said
    assert "another log than the one of size 5" in said
    assert "nothing of" in scratch.ok("trust", "forget", dry["origin"]).out
    assert scratch.run("verify-audit").status == 0, "pins and keys stay"
    assert owner(scratch)


def test_without_a_policy_forget_asks_for_the_origin() -> None:
    scratch = new_scratch()
    try:
        done = scratch.json("trust", "forget")
        assert (done.status, done.codes) == (2, {"input.name"}), done.out
    finally:
        scratch.remove()
