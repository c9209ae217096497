"""What a person is told where something is in an odd state: the true reason, and never a milder one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, end_agents, ledger, released
from production_support import Production, production
from remembrancer.tlog.note import SignerKey


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    made = released()
    yield made
    end_agents(made)
    made.remove()


@pytest.fixture
def made() -> Iterator[Production]:
    with production() as one:
        yield one


@pytest.mark.parametrize("command", ["verify", "verify-full"])
@pytest.mark.parametrize("what", ["tile/0/*/*", "tile/entries/*/*"])
def test_a_missing_file_of_the_ledger_is_not_a_pending_receipt(scratch: Scratch, command: str, what: str) -> None:
    (file,) = ledger(scratch).glob(what)
    file.unlink()
    done = scratch.json(command, ARTIFACT)
    (inclusion,) = [one for one in done.report["findings"] if one["check"] == "inclusion"]
    assert (done.status, inclusion["code"]) == (1, "log.missing"), done.out
    assert "log.pending" not in done.codes
    assert file.parent.name in inclusion["message"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_log_key_that_others_can_read_signs_nothing(made: Production, mode: int) -> None:
    made.prove("0.1.0")
    file = made.scratch.base / "log.key"
    file.chmod(mode)
    before = made.scratch.snapshot()
    done = made.scratch.json("seal", **made.key)
    assert (done.status, done.codes) == (2, {"input.log-key"}), done.out
    error = done.report["error"]
    assert f"can be read by others (mode {mode:04o})" in error["message"]
    assert f"chmod 600 {file}" in error["remedy"]
    assert made.scratch.snapshot() == before
    file.chmod(0o600)
    made.scratch.ok("seal", **made.key)


def test_a_wrong_secret_is_named(made: Production) -> None:
    made.prove("0.1.0")
    for text, said in (
        ("PRIVATE+KEY+nonsense", "the secret REMEMBRANCER_LOG_KEY does not hold a log key"),
        (SignerKey.generate("example.com/my-svc").encode(), "the secret REMEMBRANCER_LOG_KEY holds the key "),
        (SignerKey.generate("example.com/other").encode(), "the secret REMEMBRANCER_LOG_KEY holds the key "),
    ):
        done = made.scratch.json("seal", REMEMBRANCER_LOG_KEY=text)
        assert (done.status, done.codes) == (2, {"input.log-key"}), done.out
        assert said in done.report["error"]["message"], done.out
        assert text.split("+", 4)[-1] not in done.out  # a key itself may hold a plus sign
    other = made.scratch.base / "other.key"
    other.write_text("nonsense\n")
    other.chmod(0o600)
    done = made.scratch.json("seal", REMEMBRANCER_LOG_KEY_FILE=str(other))
    assert f"the file {other} does not hold a log key" in done.report["error"]["message"]


def test_why_there_is_no_trust_is_said_in_the_last_line(scratch: Scratch) -> None:
    for command in (("verify", ARTIFACT), ("verify-full", ARTIFACT), ("verify-audit",)):
        last = scratch.run(*command, "--origin", "example.com/other").out.strip().splitlines()[-1]
        assert last.startswith("FAILED")
        assert last.endswith("(no trust: see trust.origin above)")
    nobody = scratch.run("verify", ARTIFACT, HOME=str(scratch.base / "nobody")).out.strip().splitlines()[-1]
    assert nobody.endswith("(no trust: no pinned owner has signed a policy here)")


@pytest.mark.parametrize("kind", ["checkpoints", "policies"])
def test_a_link_to_nowhere_is_no_absent_memory(scratch: Scratch, kind: str) -> None:
    """Somebody's backup that was not restored whole: a rollback would pass unnoticed."""
    scratch.ok("verify", ARTIFACT)
    (file,) = (scratch.home / ".local/state/remembrancer" / kind).iterdir()
    file.unlink()
    file.symlink_to("nowhere")
    done = scratch.json("verify", ARTIFACT)
    assert (done.status, done.codes) == (4, {"env.state"}), done.out
    assert "a link to nowhere" in done.out


@pytest.mark.parametrize("command", ["verify", "verify-full", "sign"])
def test_a_device_is_there_and_is_no_file(scratch: Scratch, command: str) -> None:
    done = scratch.json(command, "/dev/null")
    assert (done.status, done.codes) == (2, {"input.file"}), done.out
    assert "/dev/null is not a regular file" in done.report["error"]["message"]


@pytest.mark.parametrize(
    "arguments", [("status", "--root", ""), ("verify", ARTIFACT, "--root", ""), ("export-proof", ARTIFACT, "-o", "")]
)
def test_an_empty_path_is_no_path(scratch: Scratch, arguments: tuple[str, ...]) -> None:
    """A variable that nobody has set must not mean the working directory."""
    done = scratch.run(*arguments)
    assert (done.status, "it is empty" in done.err) == (2, True), done.out + done.err


@pytest.mark.parametrize("name", ["junk", "timestamps/1.txt", "tile/0/junk", "timestamps/1.a.tsr/x"])
def test_a_file_that_no_ledger_has_is_not_committed(scratch: Scratch, name: str) -> None:
    """The audit would name it for ever after."""
    path = Path("ops/receipts/ledger", name)
    scratch.write(str(path), "x")
    scratch.git("add", "-A", "-f")
    done = scratch.run("hook", "check-ledger")
    assert (done.status, f"{path}: no log has a file of this name [log.extra-file]" in done.err) == (1, True), done.err
    assert f"git rm --cached {path}" in done.err
