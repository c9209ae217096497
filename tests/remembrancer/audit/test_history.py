"""The checkpoints of earlier commits, where whoever writes commits tries to keep the older ones from being compared."""

import shutil
import subprocess
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest

from ledger_world import World
from log_world import POLICY, grow, sealed, view
from remembrancer.audit import committed, history
from remembrancer.errors import EnvironmentTrouble
from remembrancer.repository.reader import Repository

PLACE = "ops/receipts/ledger/checkpoint"


def forked(base: Path) -> World:
    """A rewritten log on top of a commit with the honest one, not yet committed itself."""
    world = sealed(base / "honest", "first", "second")
    world.commit("honest")
    return world


def rewrite(world: World) -> None:
    other = sealed(world.root.parent / "other", "first", "forged", "third")
    shutil.rmtree(world.root / "ops")
    shutil.copytree(other.root / "ops", world.root / "ops")
    world.commit("forged")


def code(world: World) -> str:
    found, _ = history.committed(view(world), Repository(world.root), POLICY)
    return found.code if found else ""


def stack(world: World, contents: Iterable[bytes]) -> None:
    """Put commits on top, one for each of the contents that the checkpoint's file gets in it."""
    head = world.git("rev-parse", "HEAD").encode()
    command = ["git", "-C", str(world.root), "fast-import", "--quiet", "--force"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"reset refs/heads/main\nfrom %s\n\n" % head)
        for data in contents:
            process.stdin.write(b"commit refs/heads/main\ncommitter a <a@b> 0 +0000\ndata 1\nx\n")
            process.stdin.write(b"M 100644 inline %s\ndata %d\n%s\n" % (PLACE.encode(), len(data), data))
    assert process.returncode == 0


def test_a_folder_at_the_checkpoint_s_place_hides_nothing(tmp_path: Path) -> None:
    world = forked(tmp_path)
    shutil.rmtree(world.folder)
    odd = world.folder / "checkpoint" / "a\nx blob 100000000\n"
    odd.parent.mkdir(parents=True)
    odd.write_bytes(b"")
    world.commit("odd")
    rewrite(world)
    assert code(world) == "log.split-view"


def test_a_link_a_submodule_and_a_gap_hide_nothing(tmp_path: Path) -> None:
    world = forked(tmp_path)
    checkpoint = world.folder / "checkpoint"
    checkpoint.unlink()
    world.commit("none")
    checkpoint.symlink_to("a\nx blob 100000000\n")
    world.commit("link")
    checkpoint.unlink()
    world.git("update-index", "--force-remove", PLACE)
    world.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{PLACE}")
    world.git("commit", "-q", "-m", "submodule")
    rewrite(world)
    assert code(world) == "log.split-view"


def test_ten_thousand_commits_on_top_hide_nothing(tmp_path: Path) -> None:
    world = forked(tmp_path)
    rewrite(world)
    note = (world.folder / "checkpoint").read_bytes()
    stack(world, (b"x\n" if number % 2 else note for number in range(10_001)))
    assert code(world) == "log.split-view"


def test_a_merge_counts_with_what_it_brings_to_the_branch(tmp_path: Path) -> None:
    world = sealed(tmp_path / "w", "first")
    world.commit("one")
    world.git("switch", "-q", "-c", "side")
    grow(world, "second")
    world.commit("two")
    world.git("switch", "-q", "main")
    world.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    found, notice = history.committed(view(world), Repository(world.root), POLICY)
    assert found is not None
    assert (found.code, found.message, notice) == ("history.ok", "extends 2 committed checkpoints", "")


@pytest.mark.parametrize("taken", ["ours", "theirs"])
def test_the_true_history_as_another_parent_hides_no_rewrite(tmp_path: Path, taken: str) -> None:
    world = forked(tmp_path)
    honest = world.git("rev-parse", "HEAD")
    rewrite(world)
    forged = world.git("rev-parse", "HEAD^{tree}")
    alone = world.git("commit-tree", forged, "-m", "forged")
    parents = {"ours": (alone, honest), "theirs": (honest, alone)}[taken]
    merge = world.git("commit-tree", forged, "-p", parents[0], "-p", parents[1], "-m", "merge")
    world.git("reset", "-q", "--hard", merge)
    assert code(world) == "log.split-view"
    world.git("commit", "-q", "--allow-empty", "-m", "on top")
    assert code(world) == "log.split-view"


def test_large_and_repeated_files_take_no_memory(tmp_path: Path) -> None:
    world = sealed(tmp_path / "w", "first")
    world.commit()
    note = (world.folder / "checkpoint").read_bytes()
    stack(world, (b"%06d" % number + b"x" * 999_994 for number in range(120)))
    stack(world, [b"x" * 20_000_000, b"y" * 999_999, b"z", b"y" * 999_999, note])
    tracemalloc.start()
    try:
        assert code(world) == "history.ok"
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 16_000_000
    given = [len(data or b"") for data in committed.checkpoints(world.root, PLACE)]
    assert given == [len(note), 999_999, 1, *[1_000_000] * 120], "each once, and none that is no note"


def test_a_partial_clone_says_what_it_did_not_compare(tmp_path: Path) -> None:
    world = sealed(tmp_path / "w", "first")
    world.commit("one")
    grow(world, "second")
    world.commit("two")
    world.git("config", "uploadpack.allowFilter", "true")
    clone = World(tmp_path / "clone", git=False)
    world.git("clone", "-q", "--filter=blob:none", world.root.as_uri(), str(clone.root))
    before = sorted((clone.root / ".git/objects").rglob("*"))
    found, notice = history.committed(view(clone), Repository(clone.root), POLICY)
    assert found is not None
    assert (found.code, found.message) == ("history.ok", "extends 1 committed checkpoint")
    assert sorted((clone.root / ".git/objects").rglob("*")) == before, "nothing was fetched"
    assert notice == "this clone is partial: 1 committed checkpoints are not here and were not compared"


def test_a_history_that_cannot_be_read_to_the_end_is_no_answer(tmp_path: Path) -> None:
    world = forked(tmp_path)
    honest = world.git("rev-parse", "HEAD")
    rewrite(world)
    (world.root / ".git/objects" / honest[:2] / honest[2:]).unlink()
    with pytest.raises(EnvironmentTrouble) as caught:
        code(world)
    assert caught.value.code == "env.git"


def test_a_damaged_checkpoint_of_the_past_is_no_answer(tmp_path: Path) -> None:
    world = forked(tmp_path)
    blob = world.git("rev-parse", f"HEAD:{PLACE}")
    rewrite(world)
    path = world.root / ".git/objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    with pytest.raises(EnvironmentTrouble) as caught:
        code(world)
    assert caught.value.code == "env.git"


def test_without_git_nothing_is_claimed(tmp_path: Path) -> None:
    world = World(tmp_path / "w", git=False)
    grow(world, "first")
    found, notice = history.committed(view(world), Repository(world.root), POLICY)
    assert (found, notice) == (None, "no Git history: earlier checkpoints were not compared")


def test_a_history_in_which_nothing_is_found_is_not_passed_over(tmp_path: Path) -> None:
    """As where the repository's own settings say that its files lie elsewhere."""
    world = forked(tmp_path / "folder")
    shutil.rmtree(world.root / ".git")
    world.git("init", "-q", str(tmp_path))
    world.commit("in a folder of a larger repository")
    assert code(world) == "history.ok"
    world.git("config", "core.worktree", str(world.root))
    found, notice = history.committed(view(world), Repository(world.root), POLICY)
    assert (found, notice) == (None, "no commit holds an earlier checkpoint of this log, so none was compared")
