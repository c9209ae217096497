"""Between a seal and its cosigning: what the newest witnessed checkpoint covers stays usable, the rest is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, change_policy, ledger, owner, release, released
from log_world import WITNESS
from remembrancer.tlog import Checkpoint, SignerKey, sign_note
from remembrancer.tlog.note import add_signature, cosign

NEXT = "dist/my-svc-0.2.0.tar.gz"
KEPT = "ops/receipts/ledger/witnessed"


def cosigned(scratch: Scratch, *names: str) -> None:
    """Cosign the checkpoint as it is, and keep it under these names of the ledger's folder."""
    note = (ledger(scratch) / "checkpoint").read_bytes()
    text = note.decode().rpartition("\n\n")[0] + "\n"
    for name in names or ("checkpoint", "witnessed"):
        (ledger(scratch) / name).write_bytes(add_signature(note, cosign(text, WITNESS, 1)))


@pytest.fixture(scope="module")
def two() -> Iterator[Scratch]:
    """A release that a witness has seen, and one sealed since."""
    made = released()
    lines = f'witnesses = """\nwitness w1 {WITNESS.verifier()}\nquorum w1\n"""\n\n[require]'
    change_policy(made, "[require]", lines)
    cosigned(made)
    made.commit("witnessed")
    made.write(NEXT, "the next one\n")
    release(made, NEXT, "0.2.0")
    yield made
    made.remove()


@pytest.fixture
def window(two: Scratch) -> Iterator[Scratch]:
    made = two.copy()
    yield made
    made.remove()


def test_what_is_below_verifies_and_what_is_above_does_not(window: Scratch) -> None:
    for command in ("verify", "verify-full"):
        below = window.json(command, ARTIFACT)
        assert (below.status, below.codes) == (0, set()), below.out
        (checkpoint,) = [one for one in below.report["findings"] if one["check"] == "checkpoint"]
        assert "cosigned by 1 of 1 witness up to size 5" in checkpoint["message"]
        above = window.json(command, NEXT)
        assert (above.status, "log.unwitnessed" in above.codes) == (1, True)
    cosigned(window)
    assert window.json("verify-full", NEXT).codes == set()
    assert "cosigned by 1 of 1 witness" in window.run("verify-full", NEXT).out


def test_the_status_says_up_to_where_the_log_was_seen(window: Scratch) -> None:
    """A pipeline asks again while it does, and only where there is somebody to ask."""
    assert window.json("status").report["data"].items() >= {"witnessed": 5, "witnesses": 0}.items()
    (window.root / KEPT).unlink()
    data = window.json("status").report["data"]
    assert data["witnessed"] == 0
    assert "[log.unwitnessed]" in data["ledger"]
    cosigned(window)
    assert "witnessed" not in window.json("status").report["data"]


def test_a_seal_keeps_what_was_cosigned_elsewhere(window: Scratch) -> None:
    """As `aurora witness collect` leaves it: the cosignatures stand in the checkpoint alone."""
    cosigned(window, "checkpoint")
    (window.root / KEPT).unlink()
    window.commit("cosigned")
    third = "dist/my-svc-0.3.0.tar.gz"
    window.write(third, "the third\n")
    release(window, third, "0.3.0")
    assert (window.root / KEPT).exists()
    assert window.json("verify-full", NEXT).status == 0
    assert "log.unwitnessed" in window.json("verify-full", third).codes


def test_a_change_of_the_log_key_takes_nothing_from_what_was_witnessed(window: Scratch) -> None:
    """The kept note has the old key's signature alone, which was responsible then."""
    cosigned(window)
    window.commit("cosigned")
    window.ok("trust", "rotate", "--log-key-file", str(window.base / "new.key"))
    window.commit("another log key")
    assert window.json("verify-full", NEXT).codes == set()


def test_the_audit_says_how_far_witnesses_have_come(window: Scratch) -> None:
    done = window.json("verify-audit")
    assert (done.status, done.codes - {"trust.unrecorded"}) == (1, {"log.unwitnessed"})
    (found,) = [one for one in done.report["findings"] if one["code"] == "log.unwitnessed"]
    assert "up to size 5 it has them" in found["message"]
    cosigned(window)
    assert "log.unwitnessed" not in window.json("verify-audit").codes


def test_a_proof_travels_under_the_witnessed_checkpoint(window: Scratch, tmp_path: Path) -> None:
    window.ok("sign", ARTIFACT)
    window.ok("export-proof", ARTIFACT)
    assert "log.unwitnessed" in window.json("export-proof", NEXT).codes
    new = {"XDG_STATE_HOME": str(tmp_path / "nobody"), "REMEMBRANCER_TRUST": owner(window)}
    done = window.json("verify-proof", f"{ARTIFACT}.proof.json", **new)
    assert (done.status, done.codes) == (0, set()), done.out
    assert "\n5\n" in (window.root / f"{ARTIFACT}.proof.json").read_text().encode().decode("unicode_escape")


def test_nothing_is_vouched_for_by_a_checkpoint_of_another_log(window: Scratch) -> None:
    kept = window.root / KEPT
    lines = kept.read_text().split("\n")
    kept.write_text("\n".join(lines).replace(lines[2], "A" * 43 + "="))
    assert "log.checkpoint" in window.json("verify-full", ARTIFACT).codes
    assert "log.checkpoint" in window.json("verify-audit").codes
    kept.unlink()
    assert "log.unwitnessed" in window.json("verify-full", ARTIFACT).codes


def test_a_fork_that_witnesses_saw_is_a_split_view(window: Scratch) -> None:
    """The log's key signed, and the witness cosigned, another tree of that size."""
    (file,) = (window.home / ".local/state/remembrancer/dev").glob("*/log.key")
    origin = (ledger(window) / "checkpoint").read_text().partition("\n")[0]
    text = Checkpoint(origin, 5, b"\7" * 32).format()
    forked = sign_note(text, [SignerKey.parse(file.read_text().strip())])
    (window.root / KEPT).write_bytes(add_signature(forked, cosign(text, WITNESS, 1)))
    assert "log.split-view" in window.json("verify-full", ARTIFACT).codes
    assert "log.split-view" in window.json("verify-audit").codes


def test_a_commit_of_a_seal_needs_no_witness_and_the_kept_one_is_part_of_a_ledger(window: Scratch) -> None:
    window.git("add", "-A")
    window.git("reset", "-q", "--soft", "HEAD~1")
    assert window.run("hook", "check-ledger").status == 0
    cosigned(window)
    window.git("add", "-A")
    assert window.run("hook", "check-ledger").status == 0


def test_the_standard_is_proven_by_what_witnesses_have_seen(window: Scratch) -> None:
    """Without a generation there is nothing to prove; the log itself is opened."""
    assert "log.unwitnessed" not in window.json("drift").codes


def test_a_leftover_of_a_larger_log_is_said(window: Scratch) -> None:
    window.git("checkout", "-q", "HEAD~1", "--", "ops/receipts/ledger/checkpoint")
    (window.root / KEPT).write_text((window.root / KEPT).read_text().replace("\n5\n", "\n50\n"))
    done = window.run("verify-audit")
    assert "It belongs to a larger log than this one" in done.err
