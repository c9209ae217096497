"""What a change of the log key, of the witnesses or of a branch's name must not make anybody forget."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, ledger
from ledger_world import World, waiver
from log_world import LOG, POLICY, WITNESSED, grow, sealed, view
from remembrancer.audit import history
from remembrancer.audit import remembered as recall
from remembrancer.errors import EnvironmentTrouble
from remembrancer.record import policy_change
from remembrancer.repository.reader import Repository
from remembrancer.tlog.note import SignerKey, add_signature, open_note, sign_note
from remembrancer.trust.policy import LogKey
from remembrancer.user.state import State
from remembrancer.verify.log import LogView, open_log

NEW = SignerKey.from_seed(POLICY.origin, bytes(32))
# both sign size 2, where the new one takes over
ROTATED = POLICY._replace(log_keys=(LogKey(LOG.verifier(), 0, 2), LogKey(NEW.verifier(), 2, None)))


def rotated(world: World, *reasons: str) -> LogView:
    """Seal one waiver for each reason with the new key, and return the log under the rotated policy."""
    world.record(*map(waiver, reasons))
    world.ledger.seal(NEW, trusted=[LOG.verifier()])
    data = world.ledger.checkpoint()
    assert data is not None
    return open_log(data, world.ledger.read, ROTATED)


def code(shown: LogView, world: World, state: State) -> str:
    found = recall.compare(shown, state, Repository(world.root), POLICY.seal_branch)
    return found.code if found else ""


@pytest.mark.parametrize(("second", "expected"), [("second", "append-only.ok"), ("forged", "log.split-view")])
def test_what_the_old_key_signed_is_remembered_under_the_new_one(tmp_path: Path, second: str, expected: str) -> None:
    state = State(tmp_path / "state")
    assert recall.remember(view(sealed(tmp_path / "honest", "first", "second")), state, {}) == ""
    world = sealed(tmp_path / "shown", "first", second)
    assert code(rotated(world, "third"), world, state) == expected


def test_the_newest_that_any_key_signed_is_what_counts(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    honest, other = sealed(tmp_path / "honest", "first", "second"), sealed(tmp_path / "other", "first", "second")
    assert recall.remember(view(honest), state, {}) == ""
    assert recall.remember(rotated(honest, "third"), state, {}) == ""
    assert code(rotated(other, "forged"), other, state) == "log.split-view"


def test_a_committed_checkpoint_from_before_the_rotation_is_compared(tmp_path: Path) -> None:
    world = sealed(tmp_path / "honest", "first", "second")
    world.commit("signed by the old key only, at the size that both sign today")
    other = sealed(tmp_path / "other", "first", "forged")
    shown = rotated(other, "third")
    found, _ = history.committed(shown, Repository(world.root), ROTATED)
    assert found is not None
    assert found.code == "log.split-view"
    kept = world.ledger.checkpoint()
    assert kept is not None
    assert history.since(shown, kept, ROTATED).code == "log.split-view"
    assert history.since(rotated(world, "third"), kept, ROTATED).code == "append-only.ok"


def test_a_committed_checkpoint_from_before_the_witnesses_is_compared(tmp_path: Path) -> None:
    world = sealed(tmp_path / "honest", "first", "second")
    world.commit("nobody asked for witnesses yet")
    other = view(sealed(tmp_path / "other", "first", "forged", "third"))
    found, _ = history.committed(other, Repository(world.root), WITNESSED)
    assert found is not None
    assert found.code == "log.split-view"


def test_a_late_stamp_after_a_rotation_spoils_no_earlier_one(tmp_path: Path) -> None:
    """Both authorities have to stamp the same bytes, and only the first one's are there to be looked at again."""
    stamped: dict[str, bytes] = {}

    def authority(name: str) -> Callable[[bytes], bytes]:
        def ask(data: bytes) -> bytes:
            stamped[name] = data
            return name.encode()

        return ask

    def down(_: bytes) -> bytes:
        raise EnvironmentTrouble("env.network", "down")

    world = World(tmp_path / "w")
    world.record(waiver("first"))
    world.ledger.seal(LOG, {"one": authority("one"), "two": down})
    data = world.ledger.checkpoint()
    assert data is not None
    (line,) = open_note(sign_note(data.decode().rpartition("\n\n")[0] + "\n", [NEW]), [NEW.verifier()]).signatures
    world.plant(add_signature(data, line), "ledger/checkpoint")
    result = world.ledger.seal(NEW, {"one": down, "two": authority("two")}, trusted=[LOG.verifier()])
    assert (result.late, stamped["two"]) == ((), stamped["one"])
    assert (world.folder / "timestamps/1.note").read_bytes() == stamped["one"]


def test_a_tag_of_the_seal_branch_s_name_excuses_no_rollback(tmp_path: Path) -> None:
    world = sealed(tmp_path / "w", "first", "second")
    world.commit("two")
    grow(world, "third")
    state = State(tmp_path / "state")
    assert recall.remember(view(world), state, {}) == ""
    world.git("checkout", "-q", "--", "ops/receipts/ledger")
    world.git("tag", "main")  # whoever can push makes one, and a clone fetches it
    assert code(view(world), world, state) == "log.rollback"


def test_a_rotation_takes_nothing_back_that_was_sealed_meanwhile(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = policy_change.prepare

    def slowly(*given: object) -> object:
        change = prepare(*given)  # type: ignore[arg-type]
        scratch.write("dist/next.tar.gz", b"next\n")
        scratch.ok("sign", "dist/next.tar.gz")
        return change

    monkeypatch.setattr(policy_change, "prepare", slowly)
    before = (scratch.root / "ops/trust/policy.toml").read_bytes()
    done = scratch.json("trust", "rotate", "--log-key-file", str(scratch.base / "new.key"))
    assert (done.status, done.codes) == (2, {"log.behind"}), done.out
    assert (scratch.root / "ops/trust/policy.toml").read_bytes() == before
    assert "\n6\n" in (ledger(scratch) / "checkpoint").read_text("utf-8"), "what was sealed meanwhile is still there"
    monkeypatch.undo()
    scratch.ok("verify-full", ARTIFACT)
    scratch.ok("trust", "rotate", "--log-key-file", str(scratch.base / "new.key"))
    scratch.ok("verify-full", ARTIFACT)


@pytest.mark.parametrize("place", ["new.key", "ops/trust/keys/new.key"])
def test_the_new_private_key_never_lies_in_the_repository(scratch: Scratch, place: str) -> None:
    before = scratch.snapshot()
    done = scratch.json("trust", "rotate", "--log-key-file", place)
    assert (done.status, done.codes) == (2, {"input.log-key"}), done.out
    assert scratch.snapshot() == before


def test_two_changes_of_the_policy_at_once_do_not_lose_one(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = policy_change.prepare

    def slowly(*given: object) -> object:
        monkeypatch.undo()
        change = prepare(*given)  # type: ignore[arg-type]
        scratch.ok("trust", "revoke", "development", "--as", "retired", "--until", "2099-01-01T00:00:00Z")
        return change

    monkeypatch.setattr(policy_change, "prepare", slowly)
    done = scratch.json("trust", "revoke", "development", "--as", "superseded", "--until", "2099-01-01T00:00:00Z")
    assert (done.status, done.codes) == (2, {"trust.policy-fork"}), done.out
    assert 'ended = "retired"' in (scratch.root / "ops/trust/policy.toml").read_text("utf-8").replace("'", '"')


def test_a_rotation_that_is_killed_leaves_a_ledger_that_opens(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    # after the policy was written: everything behind that is lost
    monkeypatch.setattr(policy_change, "record_change", killed)
    with pytest.raises(Killed):
        scratch.run("trust", "rotate", "--log-key-file", str(scratch.base / "new.key"))
    monkeypatch.undo()
    scratch.ok("verify-full", ARTIFACT)
    scratch.write("dist/next.tar.gz", b"next\n")
    scratch.ok("sign", "--no-seal", "dist/next.tar.gz")
    scratch.ok("seal", REMEMBRANCER_LOG_KEY_FILE=str(scratch.base / "new.key"))
    scratch.ok("verify-full", ARTIFACT)
