"""Which policy was seen before is remembered for whoever may sign one, and an older or another one is refused."""

import shutil

from cli_support import ARTIFACT, Scratch, change_policy, new_key, owner
from remembrancer.user.state import State

POLICY = "ops/trust"
END = ("trust", "revoke", "development", "--as", "retired", "--until", "2099-01-01T00:00:00Z")


def keep(scratch: Scratch, name: str) -> None:
    shutil.copytree(scratch.root / POLICY, scratch.base / name)


def bring(scratch: Scratch, name: str) -> None:
    shutil.rmtree(scratch.root / POLICY)
    shutil.copytree(scratch.base / name, scratch.root / POLICY)


def test_the_former_owner_s_last_policy_is_older_than_the_new_owner_s(scratch: Scratch) -> None:
    auditor = {"HOME": str(scratch.base / "auditor")}
    (scratch.base / "auditor").mkdir()
    old, new = owner(scratch), new_key(scratch, "New Owner <new@example.invalid>")
    scratch.ok("trust", "pin", old, **auditor)
    scratch.ok("verify-full", ARTIFACT, **auditor)
    keep(scratch, "v1")
    scratch.ok("trust", "rotate", "--owner", new)
    scratch.ok("trust", "pin", new)
    scratch.ok("trust", "unpin", old)
    scratch.ok(*END)
    scratch.ok("trust", "pin", new, **auditor)
    scratch.ok("trust", "show", **auditor)
    bring(scratch, "v1")
    done = scratch.json("verify-full", ARTIFACT, **auditor)
    assert (done.status, "trust.policy-rollback" in done.codes) == (1, True), done.out


def test_a_policy_that_follows_another_one_than_was_seen_is_a_fork(scratch: Scratch) -> None:
    keep(scratch, "v1")
    change_policy(scratch, "timestamps = 1", "timestamps = 1 # seen")
    keep(scratch, "seen")
    scratch.commit("what is only tried is not remembered")
    scratch.ok("verify-full", ARTIFACT)
    bring(scratch, "v1")
    change_policy(scratch, "timestamps = 1", "timestamps = 1 # not seen")
    change_policy(scratch, "# not seen", "# follows what was not seen")
    done = scratch.json("verify-full", ARTIFACT)
    assert (done.status, "trust.policy-fork" in done.codes) == (1, True), done.out
    bring(scratch, "seen")
    change_policy(scratch, "# seen", "# follows what was seen")
    scratch.ok("verify-full", ARTIFACT)


def test_a_policy_that_a_proof_was_checked_under_is_remembered_too(scratch: Scratch) -> None:
    auditor = {"HOME": str(scratch.base / "auditor"), "REMEMBRANCER_TRUST": owner(scratch)}
    (scratch.base / "auditor").mkdir()
    scratch.ok("export-proof", ARTIFACT, "-o", str(scratch.base / "proof.json"))
    keep(scratch, "v1")
    change_policy(scratch, "timestamps = 1", "timestamps = 1 # newer")
    keep(scratch, "v2")
    given = ("verify-proof", "proof.json", "--artifact", str(scratch.root / ARTIFACT), "--policy")
    assert scratch.run(*given, "v2/policy.toml", cwd=scratch.base, **auditor).status == 0
    done = scratch.json(*given, "v1/policy.toml", cwd=scratch.base, **auditor)
    assert (done.status, "trust.policy-rollback" in done.codes) == (1, True), done.out


def test_a_slower_command_does_not_bring_an_older_version_back(scratch: Scratch) -> None:
    state = State(scratch.base / "state")
    state.remember_policy("A" * 40, "origin", 2, "new")
    state.remember_policy("A" * 40, "origin", 1, "old")
    assert state.newest_policy("A" * 40, "origin") == (2, "new")


def test_a_pin_inside_a_repository_is_for_its_ledger_alone(scratch: Scratch) -> None:
    user = {"HOME": str(scratch.base / "user")}
    origin, one, other = scratch.json("trust", "show").report["data"]["origin"], owner(scratch), "B" * 40
    assert f"for {origin}" in scratch.ok("trust", "pin", one, **user).out
    assert scratch.run("trust", "pin", other, cwd=scratch.base, **user).out.endswith("for any ledger\n")
    scratch.ok("trust", "pin", "C" * 40, "--any", **user)
    state = State(scratch.base / "user/.local/state/remembrancer")
    assert state.pins() == {one: (origin,), other: ("",), "C" * 40: ("",)}
    scratch.ok("verify-full", ARTIFACT, **user)
    (scratch.root / POLICY / "policy.toml").write_text("garbage")
    done = scratch.json("trust", "pin", one, **user)
    assert (done.status, done.codes) == (2, {"policy.malformed"}), done.out
    done = scratch.json("trust", "pin", one, "--any", "--origin", origin, **user)
    assert (done.status, done.codes) == (2, {"input.name"}), done.out
