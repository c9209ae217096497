"""Whoever holds the log key can sign any log: what notices it, and what remains unseen without an outside anchor."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import independent_verifier as other
from cli_support import ARTIFACT, change_policy, ledger, owner, released
from ledger_world import World, waiver
from log_world import LOG, POLICY, WITNESS, WITNESSED, grow, sealed, view
from remembrancer.audit import history
from remembrancer.audit import remembered as recall
from remembrancer.errors import Rejected
from remembrancer.findings import Outcome
from remembrancer.repository.reader import Repository
from remembrancer.tlog import merkle
from remembrancer.tlog.note import add_signature, cosign, log_signed_bytes
from remembrancer.trust.establish import Trusted
from remembrancer.user.state import State
from remembrancer.verify.log import Stamp, check_stamp, open_checkpoint


@pytest.fixture
def honest(tmp_path: Path) -> World:
    return sealed(tmp_path / "honest", "first", "second")


@pytest.fixture
def rewritten(tmp_path: Path) -> World:
    """Another log by the same key: valid in itself."""
    world = sealed(tmp_path / "rewritten", "first", "forged")
    world.commit()
    return world


@pytest.fixture
def state(tmp_path: Path, honest: World) -> State:
    """The state of an auditor who has seen the honest log."""
    state = State(tmp_path / "state")
    assert recall.remember(view(honest), state, {}) == ""
    return state


def code(world: World, state: State) -> str:
    found = recall.compare(view(world), state, Repository(world.root), POLICY.seal_branch)
    return found.code if found else ""


def test_a_remembered_checkpoint_shows_a_fork_and_keeps_the_evidence(rewritten: World, state: State) -> None:
    assert code(rewritten, state) == "log.split-view"
    document = json.loads(next(state.folder.rglob("split-view-*.json")).read_text(encoding="utf-8"))
    heads = [other.opened(note.encode(), str(LOG.verifier())) for note in document["checkpoints"]]
    assert heads[0][:2] == heads[1][:2] == (document["origin"], 2)
    assert heads[0][2] != heads[1][2], "anybody with the public key sees two logs of one size"


def evidence(state: State) -> dict[str, Any]:
    """The evidence that was kept; each of its notes is by the log."""
    found: dict[str, Any] = json.loads(next(state.folder.rglob("split-view-*.json")).read_text(encoding="utf-8"))
    return found


def shows_two_logs(document: dict[str, Any]) -> None:
    """Check, with the public key alone, that the document's two notes cannot be of one log."""
    heads = [other.opened(note.encode(), str(LOG.verifier()))[1:3] for note in document["checkpoints"]]
    (size1, root1), (size2, root2) = sorted(heads)
    prefix = document["prefix"]
    proof = [bytes.fromhex(one) for one in prefix["consistency"]]
    merkle.verify_consistency(prefix["size"], size2, proof, bytes.fromhex(prefix["root"]), root2)
    assert (prefix["size"], size1 < size2) == (size1, True)
    assert prefix["root"] != root1.hex()


def test_a_fork_that_goes_on_is_still_one(rewritten: World, state: State) -> None:
    grow(rewritten, "third", "fourth")
    assert code(rewritten, state) == "log.split-view"
    shows_two_logs(evidence(state))


def test_a_shorter_fork_is_proven_from_a_commit_that_git_still_has(honest: World, state: State) -> None:
    honest.commit("two")
    grow(honest, "third", "fourth", "fifth")
    assert recall.remember(view(honest), state, {}) == ""
    honest.commit("five")
    honest.git("reset", "-q", "--hard", "HEAD~1")  # what a pull after a force-push leaves: only the reflog knows it
    grow(honest, "forged")
    assert code(honest, state) == "log.split-view"
    shows_two_logs(evidence(state))


@pytest.mark.parametrize(("later", "inside"), [(True, False), (False, True)])
def test_a_fork_is_proven_after_a_newer_seal_and_in_a_folder_of_a_repository(
    tmp_path: Path, *, later: bool, inside: bool
) -> None:
    """The commit that took the remembered checkpoint away names it as well, and its tiles are not there any more."""
    if inside:
        World(tmp_path / "top")
    world = World(tmp_path / "top/svc", git=not inside)
    grow(world, "first", "second")
    world.commit("two")
    grow(world, "third", "fourth", "fifth")
    auditor = State(tmp_path / "state")
    assert recall.remember(view(world), auditor, {}) == ""
    world.commit("five")
    if later:
        grow(world, "sixth")
        world.commit("six")
    world.git("switch", "-q", "-c", "work", "HEAD~2" if later else "HEAD~1")
    grow(world, "forged", "more")
    assert code(world, auditor) == "log.split-view"
    shows_two_logs(evidence(auditor))


def test_a_shorter_fork_without_the_longer_one_s_tiles_keeps_both_notes(rewritten: World, state: State) -> None:
    rewritten.git("switch", "-q", "-c", "work")
    longer = sealed(rewritten.root.parent / "longer", "first", "second", "third")
    assert recall.remember(view(longer), state, {}) == ""
    assert code(rewritten, state) == "log.split-view", "the root of its size was seen as well"
    document = evidence(state)
    assert (len(document["checkpoints"]), "prefix" in document) == (2, False)


def test_an_older_log_of_unknown_past_is_unverifiable_away_from_the_seal_branch(honest: World, tmp_path: Path) -> None:
    state = State(tmp_path / "fresh")
    longer = sealed(tmp_path / "longer", "first", "second", "third")
    assert recall.remember(view(longer), state, {}) == ""
    honest.git("switch", "-q", "-c", "work")
    found = recall.compare(view(honest), state, Repository(honest.root), POLICY.seal_branch)
    assert found is not None
    assert (found.outcome, found.code) == (Outcome.UNVERIFIABLE, "log.consistency-unknown")


def test_a_log_cut_short_is_a_rollback_on_the_seal_branch(honest: World, state: State, tmp_path: Path) -> None:
    honest.commit()
    grow(honest, "third")
    assert recall.remember(view(honest), state, {}) == ""
    honest.git("checkout", "-q", "--", "ops/receipts/ledger")
    assert view(honest).size == 2
    assert code(honest, state) == "log.rollback"
    assert code(sealed(tmp_path / "stranger", "else"), state) == "log.rollback"


def test_without_git_no_branch_explains_an_older_log(tmp_path: Path) -> None:
    world = World(tmp_path / "w", git=False)
    grow(world, "first", "second")
    before = world.files()
    grow(world, "third")
    auditor = State(tmp_path / "state")
    assert recall.remember(view(world), auditor, {}) == ""
    shutil.rmtree(world.folder)
    for name, data in before.items():
        world.plant(data, f"ledger/{name}")
    assert code(world, auditor) == "log.rollback"


def test_a_checkpoint_that_the_auditor_brings_shows_it_too(honest: World, rewritten: World) -> None:
    kept = honest.ledger.checkpoint()
    assert kept is not None
    assert history.since(view(rewritten), kept, POLICY).code == "log.split-view"
    older = view(honest)
    grow(honest, "third")
    assert history.since(view(honest), kept, POLICY).code == "append-only.ok"
    newer = honest.ledger.checkpoint()
    assert newer is not None
    assert history.since(older, newer, POLICY).code == "log.rollback"


def test_the_repository_s_own_history_shows_it(honest: World) -> None:
    honest.commit()
    for path in ("ledger", "waiver", ".local"):
        (honest.store.receipts_dir / path).rename(honest.root.parent / f"old-{path}")
    honest.record(waiver("forged"), waiver("more"))
    honest.ledger.seal(LOG, begin=True)
    honest.commit()
    found, notice = history.committed(view(honest), Repository(honest.root), POLICY)
    assert (found.code if found else "", notice) == ("log.split-view", "")


def test_a_stamped_checkpoint_of_another_tree_shows_it(honest: World, rewritten: World) -> None:
    kept = honest.ledger.checkpoint()
    assert kept is not None
    grow(rewritten, "third")
    stamp = Stamp(2, "tsa-1", log_signed_bytes(kept, LOG.verifier()), b"")
    with pytest.raises(Rejected) as caught:
        check_stamp(view(rewritten), stamp, Trusted(POLICY, POLICY.owner, lambda _: b""))
    assert caught.value.code == "log.split-view"


def test_a_witness_must_have_seen_it_where_the_policy_says_so(rewritten: World) -> None:
    note = rewritten.ledger.checkpoint()
    assert note is not None
    with pytest.raises(Rejected) as caught:
        open_checkpoint(note, WITNESSED)
    assert caught.value.code == "log.unwitnessed"
    text = note.decode().rpartition("\n\n")[0] + "\n"
    assert open_checkpoint(add_signature(note, cosign(text, WITNESS, 1)), WITNESSED).checkpoint.size == 2


def test_a_checkpoint_of_more_leaves_than_anybody_has_ends_an_audit_at_once(honest: World) -> None:
    size = 1 << 62
    result = honest.ledger.audit(size)
    assert [(one.code, one.subject) for one in result.problems] == [("log.missing", "ops/receipts/ledger/tile/entries")]
    assert f"{size // 256}" in result.problems[0].message
    few = honest.ledger.audit(700)
    assert "ops/receipts/ledger/tile/entries/001" in [one.subject for one in few.problems], "a few are named one by one"


def test_without_an_outside_anchor_nothing_notices_and_that_is_said(rewritten: World, tmp_path: Path) -> None:
    rewritten.commit()
    assert rewritten.ledger.audit(2).problems == ()
    assert code(rewritten, State(tmp_path / "nobody")) == ""
    assert "not checked" in history.unremembered(view(rewritten), POLICY).message


def test_where_nothing_is_remembered_the_witnesses_are_named(tmp_path: Path) -> None:
    """Through the commands: the checkpoint of a release is cosigned, and an auditor without a memory looks at it."""
    scratch = released()
    try:
        witnesses = f'witnesses = """\nwitness w1 {WITNESS.verifier()}\nquorum w1\n"""\n\n[require]'
        change_policy(scratch, "[require]", witnesses)
        checkpoint = ledger(scratch) / "checkpoint"
        text = checkpoint.read_text(encoding="utf-8").rpartition("\n\n")[0] + "\n"
        assert "log.unwitnessed" in scratch.json("verify-audit").codes
        checkpoint.write_bytes(add_signature(checkpoint.read_bytes(), cosign(text, WITNESS, 1)))
        scratch.ok("export-proof", ARTIFACT)
        for command in (("verify-audit",), ("verify-proof", f"{ARTIFACT}.proof.json")):
            new = str(tmp_path / command[0])
            done = scratch.json(*command, "--trust", owner(scratch), XDG_STATE_HOME=new)
            (found,) = [one for one in done.report["findings"] if one["check"] == "append-only"]
            assert (found["message"], found["details"]["who"]) == ("has only grown, say its witnesses", "w1")
    finally:
        scratch.remove()
