"""What is pending follows from Git, whatever happens to branches, clones and the local cache."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_world import World, deploy, sha, signed, waiver
from remembrancer.errors import EnvironmentTrouble, Rejected
from remembrancer.ledger.index import Index
from remembrancer.ledger.pending import find
from remembrancer.paths import LOCAL
from remembrancer.receipt.statement import parse, relative_path


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three sealed receipts, committed."""
    made = World(tmp_path / "repo")
    made.record(waiver("1"), waiver("2"), deploy("0.1.0"))
    made.seal()
    made.commit()
    return made


def clone(world: World, target: Path, *options: str) -> World:
    subprocess.run(["git", "clone", "-q", *options, world.root.as_uri(), str(target)], check=True, capture_output=True)
    return World(target, git=False)


def forget(world: World) -> None:
    shutil.rmtree(world.root / LOCAL, ignore_errors=True)


def names(world: World) -> set[str]:
    return set(world.names(world.ledger.pending()))


def path_of(data: bytes) -> str:
    return relative_path(parse(data))


def test_a_fresh_clone_has_nothing_pending(world: World, tmp_path: Path) -> None:
    copy = clone(world, tmp_path / "copy")
    assert copy.ledger.pending() == []
    copy.sound()
    assert copy.git("status", "--porcelain") == ""


def test_a_fresh_clone_finds_what_is_pending(world: World, tmp_path: Path) -> None:
    world.record(waiver("3"))
    world.commit()
    copy = clone(world, tmp_path / "copy")
    assert names(copy) == {path_of(waiver("3"))}
    assert copy.seal().size == 4
    copy.sound()


def test_a_shallow_clone_finds_the_same(world: World, tmp_path: Path) -> None:
    world.record(waiver("3"))
    world.commit()
    world.commit("[my-svc] chore: nothing")
    copy = clone(world, tmp_path / "copy", "--depth=1")
    assert names(copy) == {path_of(waiver("3"))}
    assert copy.seal().size == 4


def test_receipts_of_two_branches_are_all_found_after_a_merge(world: World) -> None:
    world.git("checkout", "-q", "-b", "one")
    world.record(waiver("one"))
    world.commit()
    world.git("checkout", "-q", "main")
    world.git("checkout", "-q", "-b", "two")
    world.record(waiver("two"), deploy("0.2.0"))
    world.commit()
    world.git("checkout", "-q", "main")
    assert names(world) == set()
    world.git("merge", "-q", "--no-edit", "one")
    assert names(world) == {path_of(waiver("one"))}
    world.seal()
    world.commit()
    world.git("merge", "-q", "--no-edit", "two")
    assert names(world) == {path_of(waiver("two")), path_of(deploy("0.2.0"))}
    assert world.seal().size == 6
    world.commit()
    world.sound()


def test_a_branch_sealed_elsewhere_and_merged_gives_way_to_the_published_side(world: World) -> None:
    """Both sides sealed (one of them wrongly): the published ledger is taken, the other receipts are pending again."""
    world.git("checkout", "-q", "-b", "side")
    world.record(waiver("side"))
    world.seal()
    world.commit()
    world.git("checkout", "-q", "main")
    world.record(waiver("main"))
    world.seal()
    world.commit()
    done = subprocess.run(
        ["git", "-C", world.root, "-c", "user.name=T", "-c", "user.email=t@example.org", "merge", "-q", "side"],
        capture_output=True,
        check=False,
    )
    assert done.returncode
    world.git("checkout", "-q", "--ours", "--", "ops/receipts/ledger")
    world.commit("[my-svc] chore: merge")
    assert names(world) == {path_of(waiver("side"))}
    assert world.seal().size == 5
    world.sound()


def test_a_discarded_seal_is_repeated_on_top_of_the_published_log(world: World, tmp_path: Path) -> None:
    """Two clones seal; the second one's push is refused, so it takes the published log and seals again."""
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(world.root), str(bare)], check=True, capture_output=True)
    worlds = []
    for name in ("first", "second"):
        subprocess.run(["git", "clone", "-q", str(bare), str(tmp_path / name)], check=True, capture_output=True)
        worlds.append(World(tmp_path / name, git=False))
    first, second = worlds
    for one, version in ((first, "1.0.0"), (second, "2.0.0")):
        one.record(deploy(version))
        one.commit()
        one.seal()
        one.commit("[my-svc] chore: seal")
    first.git("push", "-q", "origin", "HEAD:main")
    with pytest.raises(subprocess.CalledProcessError):
        second.git("push", "-q", "origin", "HEAD:main")
    second.git("reset", "-q", "--hard", "HEAD~1")  # the receipt's commit, without the seal
    second.git("pull", "-q", "--rebase", "origin", "main")
    assert names(second) == {path_of(deploy("2.0.0"))}
    second.seal()
    second.commit("[my-svc] chore: seal")
    second.git("push", "-q", "origin", "HEAD:main")
    first.git("pull", "-q", "--rebase", "origin", "main")
    for one in worlds:
        assert names(one) == set()
        assert one.sealed()[3:] == [deploy("1.0.0"), deploy("2.0.0")]
        one.sound()


def test_an_older_checkout_and_the_way_back(world: World) -> None:
    for number in range(3, 8):
        world.record(waiver(str(number)))
        world.seal()
        world.commit()
    newest = world.git("rev-parse", "HEAD")
    for back in range(6):
        world.git("checkout", "-q", f"{newest}~{back}" if back < 5 else newest)
        assert names(world) == set(), back
        world.sound()
    world.git("checkout", "-q", "main")
    assert names(world) == set()
    world.record(waiver("more"))
    assert world.seal().size == 9
    world.sound()


def test_a_rebase_that_rewrites_everything(world: World) -> None:
    world.git("checkout", "-q", "-b", "feature", "HEAD")
    world.record(waiver("feature"))
    world.commit()
    world.git("checkout", "-q", "main")
    world.record(waiver("main"))
    world.seal()
    world.commit()
    world.git("checkout", "-q", "feature")
    world.git("rebase", "-q", "main")
    assert names(world) == {path_of(waiver("feature"))}
    world.git("checkout", "-q", "--orphan", "fresh")
    world.commit("[my-svc] chore: rewritten")
    world.git("branch", "-q", "-D", "main", "feature")
    world.git("reflog", "expire", "--expire=now", "--all")
    world.git("gc", "-q", "--prune=now")
    assert names(world) == {path_of(waiver("feature"))}
    assert world.seal().size == 5
    world.sound()


@pytest.mark.parametrize(
    "spoil", ["gone", "garbage", "truncated", "empty", "other format", "wrong places", "no places"]
)
def test_the_cache_may_be_lost_or_wrong(world: World, spoil: str) -> None:
    import sqlite3

    cache = world.root / LOCAL / "index.sqlite"
    if spoil == "gone":
        cache.unlink()
    elif spoil == "garbage":
        cache.write_bytes(b"not a database" * 1000)
    elif spoil == "truncated":
        cache.write_bytes(cache.read_bytes()[:5000])
    elif spoil == "empty":
        cache.write_bytes(b"")
    else:
        with sqlite3.connect(cache) as base:
            if spoil == "other format":
                base.execute("PRAGMA user_version = 99")
            elif spoil == "wrong places":
                base.execute("UPDATE place SET leaf = (leaf + 1) % 3")
            else:
                base.execute("DROP TABLE place")
    world.git("commit", "-q", "--allow-empty", "-m", "x")
    world.plant(deploy("0.1.0"), "deploy/my-svc-0.1.0.receipt")
    world.record(waiver("3"))
    assert names(world) == {path_of(waiver("3"))}
    assert world.ledger.index_of(waiver("1")) == world.sealed().index(waiver("1"))
    assert world.seal().size == 4
    assert names(world) == set()
    world.sound()


def test_what_is_pending_is_found_without_reading_or_listing_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cost of finding what is pending: two Git calls, and reads of the new receipt and the ledger's edge only."""
    world.record_quickly(*(waiver(f"many {number}") for number in range(600)))
    world.seal()
    world.commit()
    world.ledger.pending()
    world.record(waiver("new"))
    world.commit()
    read: list[str] = []
    from remembrancer.ledger import files as ledger_files
    from remembrancer.ledger import pending
    from remembrancer.system import files

    def counted(path: Path | str, limit: int | None = None) -> bytes:
        read.append(str(path).removeprefix(f"{world.store.receipts_dir}/"))
        return files.read_regular(path, limit)

    def scan(*arguments: object) -> Iterator[str]:
        raise AssertionError("listed the receipts")

    monkeypatch.setattr(pending, "read_regular", counted)
    monkeypatch.setattr(ledger_files, "read_regular", counted)
    monkeypatch.setattr(type(world.store), "receipts", scan)
    monkeypatch.setattr("remembrancer.ledger.git.Git.listing", scan)
    assert names(world) == {path_of(waiver("new"))}
    receipts = [name for name in read if name.endswith(".receipt")]
    assert receipts == [path_of(waiver("new"))]
    assert len([name for name in read if name.startswith("ledger/")]) <= 3


def test_receipts_left_open_are_remembered_over_many_seals(world: World) -> None:
    bad = world.plant(b"{}\n", "waiver/00/bad.receipt")
    world.record(signed(sha("late")))
    world.commit()
    for number in range(40):
        world.record(waiver(f"n{number}"))
        result = world.seal()
        assert {one.code for one in result.refused} == {"receipt.malformed", "blob.missing"}
        world.commit()
    forget(world)
    assert bad in world.ledger.pending()
    assert len(world.ledger.pending()) == 2
    bad.unlink()
    world.commit()
    assert names(world) == {path_of(signed(sha("late")))}
    world.store.write_blob(b"late")
    assert not world.seal().refused


def test_a_deleted_and_restored_pending_receipt(world: World) -> None:
    [path] = world.record(waiver("3"))
    world.commit()
    path.unlink()
    assert world.seal().size == 3
    assert names(world) == set()
    world.git("checkout", "-q", "--", str(path))
    assert names(world) == {path_of(waiver("3"))}
    assert world.seal().size == 4


def test_a_service_inside_a_larger_repository(tmp_path: Path) -> None:
    outer = World(tmp_path / "outer")
    world = World(outer.root / "services" / "my-svc", git=False)
    world.record(waiver("1"))
    outer.commit()
    forget(world)
    assert names(world) == {path_of(waiver("1"))}
    world.seal()
    outer.commit()
    world.record(waiver("2"))
    outer.commit()
    (world.root / LOCAL / "written").unlink()
    assert names(world) == {path_of(waiver("2"))}
    planted = world.plant(waiver("3"), path_of(waiver("3")))
    assert world.ledger.uncommitted() == [planted]
    assert world.seal().size == 2
    world.sealed()


def test_a_hook_of_another_repository_does_not_confuse(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nonexistent/.git")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent/index")
    assert world.ledger.pending() == []


def test_when_git_cannot_answer_nothing_is_sealed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.record(waiver("3"))
    before = world.everything()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nonexistent")
        with pytest.raises(EnvironmentTrouble) as caught:
            world.seal()
        assert caught.value.code == "env.git"
    (world.root / ".git" / "HEAD").write_text("garbage")
    with pytest.raises(EnvironmentTrouble) as caught:
        world.seal()
    assert caught.value.code == "env.git"
    assert world.everything() == before


def test_autocrlf_does_not_get_sealed(world: World) -> None:
    world.record(waiver("3"))
    world.commit()
    (world.root / LOCAL / "written").unlink()
    [path] = world.ledger.pending()
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    result = world.seal()
    assert (result.size, [one.code for one in result.refused]) == (3, ["receipt.edited"])


def test_a_snapshot_is_only_used_for_a_log_that_extends_it(world: World) -> None:
    local = world.root / LOCAL
    found = find(world.root, local)
    assert found.sealed.base is not None
    assert (found.sealed.base.size, found.sealed.recent) == (3, {})
    shutil.rmtree(world.folder)
    (world.root / LOCAL / "written").unlink()
    world.git("rm", "-r", "-q", "--cached", "ops/receipts/ledger")
    world.commit("[my-svc] chore: without a ledger")
    assert len(names(world)) == 3
    world.record(waiver("0"))
    assert world.seal(begin=True).size == 4
    sizes = [one.size for one in Index(local).snapshots()]
    assert sizes[0] == 4
    world.sound()


def test_local_state_from_somebody_else_is_not_believed(world: World) -> None:
    world.record(waiver("3"))
    world.git("add", "-A")
    world.git("add", "-f", LOCAL)
    world.git("commit", "-q", "-m", "with local state")
    for ask in (world.ledger.pending, world.seal):
        with pytest.raises(Rejected, match="is committed") as caught:
            ask()
        assert caught.value.code == "log.extra-file"
    world.git("rm", "-r", "-q", "--cached", LOCAL)
    world.commit()
    assert world.seal().size == 4


def test_a_planted_journal_removes_nothing_but_unused_tiles(world: World) -> None:
    keep = world.root / "keep"
    keep.write_bytes(b"keep")
    note = world.folder / "checkpoint"
    files = {
        "../../../keep": hashlib.sha256(b"keep").hexdigest(),
        "checkpoint": hashlib.sha256(note.read_bytes()).hexdigest(),
    }
    local = world.root / LOCAL
    for plan in ({"files": files, "obsolete": []}, {"files": {}, "obsolete": ["../../../keep", "checkpoint"]}):
        (local / "journal").write_text(json.dumps(plan))
        before = world.everything()
        world.seal()
        assert keep.read_bytes() == b"keep"
        assert world.everything() == before
    for junk in (b"", b"[]", b"{}", b"\xff", b'{"files": [], "obsolete": 1}', b'{"files": {"x": 1}, "obsolete": []}'):
        (local / "journal").write_bytes(junk)
        world.seal()
        assert not (local / "journal").exists()
    world.sound()


def test_a_journal_removes_only_the_bytes_that_it_names(world: World) -> None:
    local, path = world.root / LOCAL, "tile/0/000.p/200"
    planted = world.plant(b"somebody's", f"ledger/{path}")
    (local / "journal").write_text(json.dumps({"files": {path: sha("mine")}, "obsolete": []}))
    world.seal()
    assert planted.read_bytes() == b"somebody's"
    (local / "journal").write_text(json.dumps({"files": {path: sha("somebody's")}, "obsolete": []}))
    world.seal()
    assert not planted.exists()


def test_a_note_of_what_was_written_here_leads_nowhere_else(world: World) -> None:
    (world.root / "outside.receipt").write_bytes(waiver("outside"))
    (world.root / LOCAL / "written").write_text("waiver/../../../outside.receipt\n")
    result = world.seal()
    assert (result.refused, result.sealed) == ((), ())


def test_a_read_only_clone_can_be_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.record(waiver("3"))
    world.commit()
    forget(world)
    real = Path.mkdir

    def refuse(path: Path, *arguments: object, **more: object) -> None:
        if ".local" in path.parts:
            raise PermissionError(13, "Permission denied")
        real(path)

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert names(world) == {path_of(waiver("3"))}
    assert not (world.root / LOCAL).exists()


def test_a_copy_that_goes_away_is_asked_without_a_trace(world: World) -> None:
    world.record(waiver("3"))
    world.commit()
    forget(world)
    asked = world.ledger.pending(kept=False)
    assert world.names(asked) == [path_of(waiver("3"))]
    assert not (world.root / LOCAL).exists()
    assert world.ledger.pending() == asked
    assert (world.root / LOCAL).exists()
