"""An auditor's commands and the past: what they compare with, and what each of them remembers for the next time."""

import shutil

import pytest

from cli_support import ARTIFACT, Outcome, Scratch, ledger, owner, prove, release

RECEIPTS = "ops/receipts"


def next_release(scratch: Scratch, version: str) -> None:
    artifact = f"dist/my-svc-{version}.tar.gz"
    scratch.write(artifact, version)
    release(scratch, artifact, version)


def take_older(scratch: Scratch, commit: str, path: str) -> None:
    scratch.git("rm", "-rq", path)
    scratch.git("checkout", commit, "--", path)


def rewrite(scratch: Scratch) -> None:
    """Let the holder of the log key forget the newest release and seal another one, on top of the same commits."""
    take_older(scratch, "HEAD~1", RECEIPTS)
    shutil.rmtree(scratch.root / RECEIPTS / ".local")
    hidden = scratch.base / "git"
    (scratch.root / ".git").rename(hidden)  # the tool signs no second log where it can see the first one
    artifact = scratch.write("dist/my-svc-0.3.0.tar.gz", "0.3.0").relative_to(scratch.root).as_posix()
    prove(scratch, artifact, "0.3.0", "my-svc")
    scratch.ok("seal")
    hidden.rename(scratch.root / ".git")
    scratch.commit("record 0.3.0")


def by_check(done: Outcome, check: str) -> tuple[str, str]:
    (found,) = [one for one in done.report["findings"] if one["check"] == check]
    return found["code"], found["message"]


def as_auditor(scratch: Scratch, *arguments: str, **more: str) -> Outcome:
    """Run a command as somebody whose memory is empty at first and who has the owner's fingerprint."""
    return scratch.json(*arguments, "--trust", owner(scratch), XDG_STATE_HOME=str(scratch.base / "auditor"), **more)


def test_an_honest_log_extends_what_was_kept_and_what_was_committed(scratch: Scratch) -> None:
    kept = scratch.base / "kept"
    shutil.copy(ledger(scratch) / "checkpoint", kept)
    next_release(scratch, "0.2.0")
    done = as_auditor(scratch, "verify-audit", "--since", str(kept))
    assert done.status == 0, done.out
    assert by_check(done, "append-only") == ("append-only.ok", "extends the given checkpoint of size 5")
    assert by_check(done, "history") == ("history.ok", "extends 3 committed checkpoints")


def test_a_rewritten_log_contradicts_what_was_kept_and_what_was_committed(scratch: Scratch) -> None:
    next_release(scratch, "0.2.0")
    kept = scratch.base / "kept"
    shutil.copy(ledger(scratch) / "checkpoint", kept)
    rewrite(scratch)
    done = as_auditor(scratch, "verify-audit", "--since", str(kept))
    assert (done.status, done.codes) == (1, {"log.split-view"}), done.out
    assert by_check(done, "append-only")[0] == by_check(done, "history")[0] == "log.split-view"


COMMANDS = [("verify", ARTIFACT), ("verify-full", ARTIFACT), ("verify-audit",)]


@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_what_a_command_has_verified_is_remembered(scratch: Scratch, command: tuple[str, ...]) -> None:
    assert as_auditor(scratch, *command).status == 0
    take_older(scratch, "HEAD~1", f"{RECEIPTS}/ledger")
    done = as_auditor(scratch, "verify", ARTIFACT)
    assert (done.status, "log.rollback" in done.codes) == (1, True), done.out


def test_whoever_may_still_discard_a_checkpoint_does_not_remember_it(scratch: Scratch) -> None:
    """A pipeline verifies with the log key in its environment before it publishes."""
    (key,) = (scratch.home / ".local/state/remembrancer/dev").glob("*/log.key")
    for variable, value in (("REMEMBRANCER_LOG_KEY", key.read_text()), ("REMEMBRANCER_LOG_KEY_FILE", str(key))):
        assert as_auditor(scratch, "verify-full", ARTIFACT, **{variable: value}).status == 0
    take_older(scratch, "HEAD~1", f"{RECEIPTS}/ledger")
    assert as_auditor(scratch, "verify", ARTIFACT).codes == {"log.pending"}
