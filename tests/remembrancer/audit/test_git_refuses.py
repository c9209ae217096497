"""Where a repository's history is there and Git does not read it, nothing is taken for "there is none"."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, ledger, receipts
from ledger_world import World, waiver
from remembrancer.errors import EnvironmentTrouble
from remembrancer.hooks.staged import Staged
from remembrancer.ledger.git import Git
from remembrancer.repository.reader import Repository
from remembrancer.system import git


def other_owner(_root: Path) -> dict[str, str]:
    return {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}


def broken_settings(root: Path) -> dict[str, str]:
    (root / ".git/config").write_text("[core\n")
    return {}


def unknown_extension(root: Path) -> dict[str, str]:
    (root / ".git/config").write_text("[core]\nrepositoryformatversion = 1\n[extensions]\nfuture = true\n")
    return {}


def no_program(root: Path) -> dict[str, str]:
    (root.parent / "empty").mkdir()
    return {"PATH": str(root.parent / "empty")}


def broken_branch(root: Path) -> dict[str, str]:
    (root / ".git/refs/heads/main").write_text("not a commit\n")
    return {}


def lost_commit(root: Path) -> dict[str, str]:
    (root / ".git/refs/heads/main").write_text(f"{'1' * 40}\n")
    return {}


REFUSALS = [other_owner, broken_settings, unknown_extension, no_program, broken_branch, lost_commit]


@pytest.mark.parametrize("refuse", REFUSALS, ids=lambda one: one.__name__)
def test_the_audit_gives_no_verdict_on_a_past_that_it_could_not_read(
    scratch: Scratch, refuse: Callable[[Path], dict[str, str]]
) -> None:
    scratch.ok("verify-audit")
    done = scratch.json("verify-audit", **refuse(scratch.root))
    assert (done.status, done.codes) == (4, {"env.git"}), done.out


@pytest.mark.parametrize("refuse", REFUSALS, ids=lambda one: one.__name__)
def test_each_question_fails_instead_of_answering_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: Callable[[Path], dict[str, str]]
) -> None:
    world = World(tmp_path / "w")
    world.record(waiver("first"))
    world.commit()
    for name, value in refuse(world.root).items():
        monkeypatch.setenv(name, value)

    def merged() -> str:
        with Staged(str(world.root)) as staged:
            return staged.merged

    asks = [Git(world.root).tree, lambda: Git(world.root).has("ops"), Repository(world.root).head]
    if refuse not in {broken_branch, lost_commit}:  # these two questions have true answers then
        asks += [Repository(world.root).branch, merged]
    for ask in asks:
        with pytest.raises(EnvironmentTrouble) as caught:
            ask()
        assert caught.value.code == "env.git"


def test_what_is_not_there_is_still_no(tmp_path: Path) -> None:
    world = World(tmp_path / "w")
    assert (git.head(world.root), Git(world.root).tree(), Git(world.root).has("ops")) == ("", "", False)
    plain = World(tmp_path / "plain", git=False)
    assert (git.head(plain.root), Repository(plain.root).branch()) == ("", None)
    world.commit()
    assert (Git(world.root).has("ops"), Git(world.root).tree()) == (False, "")


def test_a_lost_tree_of_receipts_is_not_an_empty_one(tmp_path: Path) -> None:
    world = World(tmp_path / "w")
    world.record(waiver("first"))
    world.commit()
    tree = world.git("rev-parse", "HEAD:ops")
    (world.root / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(EnvironmentTrouble) as caught:
        Git(world.root).tree()
    assert caught.value.code == "env.git"


def test_a_seal_in_a_repository_that_git_refuses_begins_no_second_log(scratch: Scratch) -> None:
    shutil.rmtree(ledger(scratch))
    shutil.rmtree(scratch.home / ".local/state/remembrancer/checkpoints", ignore_errors=True)
    done = scratch.json("seal", **other_owner(scratch.root))
    assert (done.status, done.codes) == (4, {"env.git"}), done.out
    assert not (ledger(scratch) / "checkpoint").exists()


def test_variables_of_a_shell_that_completes_make_no_verdict_good(scratch: Scratch) -> None:
    [receipt] = receipts(scratch, "deploy")
    receipt.write_bytes(receipt.read_bytes() + b" ")
    asked = {"COMP_WORDS": "remembrancer verify-audit", "COMP_CWORD": "1"}
    for shell in ("bash", "zsh", "fish"):
        for instruction in ("complete", "source"):
            variable = {"_REMEMBRANCER_COMPLETE": f"{shell}_{instruction}", **asked}
            assert scratch.run("verify-audit", **variable).status == 1
            assert scratch.run("verify-full", ARTIFACT, **variable).status == 1
