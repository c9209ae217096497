"""What a fleet has left behind in the cache is named, and removed when that is asked for; nothing else ever is."""

import fcntl
import json
import os
import time
from pathlib import Path

import pytest

from aurora.cli.main import main
from aurora.fleet import prune
from aurora.fleet.listed import Fleet, Service
from aurora.fleet.mirrors import Mirrors, mark
from aurora.fleet.prune import Left, left
from collection import commit_all, git
from fleet_world import Desk
from remembrancer.errors import EnvironmentTrouble


@pytest.fixture
def remotes(desk: Desk) -> Desk:
    """A fleet of two small repositories, fetched."""
    work = desk.base / "work"
    git(desk.base, "init", "--quiet", str(work))
    (work / "file").write_text("x")
    commit_all(work, "first")
    for name in ("a", "b"):
        git(desk.base, "clone", "--quiet", "--bare", str(work), f"{name}.git")
        desk.services[name] = Service(name, str(desk.base / f"{name}.git"))
    Mirrors(desk.cache).sync(desk.fleet, deadline=20)
    return desk


def mirrors(desk: Desk) -> set[str]:
    return {path.name for path in (desk.cache / "mirrors").iterdir() if path.suffix != ".lock"}


def without(desk: Desk, name: str) -> tuple[Path, Fleet]:
    """Take a service out of the list; return its mirror and the fleet without it."""
    folder = Mirrors(desk.cache).folder(desk.fleet, desk.services.pop(name))
    return folder, desk.fleet


def test_what_is_no_longer_listed_is_named_and_removed_when_asked(
    remotes: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fleet", "sync", *remotes.options]
    assert main(words) == 0
    assert "listed" not in capsys.readouterr().out
    gone, _ = without(remotes, "b")
    url = str(remotes.base / "b.git")
    assert remotes.options
    for shard in ("0/2", "1/2"):
        assert main([*words, "--shard", shard]) == 0, "the whole list counts, whatever the share"
        assert f"{url}: not listed any more; --prune removes its mirror" in capsys.readouterr().out
    assert gone.exists()
    old, young = remotes.cache / "facts/old.json", remotes.cache / "facts/young.json"
    old.parent.mkdir()
    for path in (old, young):
        path.write_text("{}")
    os.utime(old, (time.time() - 26 * 3600,) * 2)
    assert main([*words, "--prune"]) == 0
    assert f"{url}: removed" in capsys.readouterr().out
    assert mirrors(remotes) == {Mirrors(remotes.cache).folder(remotes.fleet, remotes.services["a"]).name}
    assert (old.exists(), young.exists()) == (False, True)
    assert main([*words, "--prune", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["notListed"] == []
    remotes.services["b"] = Service("b", url)
    Mirrors(remotes.cache).sync(remotes.fleet, deadline=20)
    assert Mirrors(remotes.cache).known(remotes.fleet, remotes.services["b"]).code == ""


def test_what_another_fleet_has_stays(remotes: Desk) -> None:
    other = remotes.fleet._replace(name="other")
    Mirrors(remotes.cache).sync(other, deadline=20)
    gone, fleet = without(remotes, "b")
    assert left(remotes.cache, fleet, remove=False) == left(remotes.cache, fleet, remove=True) == []
    assert (gone.exists(), mark(gone, fleet).exists(), mark(gone, other).exists()) == (True, False, True)
    url = str(remotes.base / "b.git")
    assert left(remotes.cache, other._replace(services=()), remove=True)[-1:] == [Left(url, "", removed=True)]
    assert left(remotes.cache, fleet._replace(name="a third"), remove=True) == [], "it has fetched nothing"
    assert len(mirrors(remotes)) == 1


def test_nothing_is_removed_through_a_link(remotes: Desk) -> None:
    gone, fleet = without(remotes, "b")
    outside = remotes.base / "outside"
    gone.rename(outside)
    gone.symlink_to(outside)
    (found,) = left(remotes.cache, fleet, remove=True)
    assert (found.removed, found.code) == (False, "env.io")
    assert (outside / "HEAD").exists()
    gone.unlink()
    outside.rename(gone)
    (gone / "fleets").rename(outside)
    (gone / "fleets").symlink_to(outside)
    (found,) = left(remotes.cache, fleet, remove=True)
    assert (found.code, sorted(path.name for path in outside.iterdir())) == ("env.io", [mark(gone, fleet).name])
    (gone / "fleets").unlink()
    outside.rename(gone / "fleets")
    (gone / "kept").symlink_to(remotes.base / "a.git")
    assert left(remotes.cache, fleet, remove=True)[0].removed
    assert (remotes.base / "a.git/HEAD").exists(), "a link in a mirror goes, what it leads to stays"
    (remotes.cache / "mirrors").rename(outside)
    (remotes.cache / "mirrors").symlink_to(outside)
    with pytest.raises(EnvironmentTrouble, match="is a link, and nothing is removed through one"):
        left(remotes.cache, fleet._replace(services=()), remove=True)
    assert list(outside.glob("*.git"))


def test_a_kill_between_leaves_no_half_of_a_mirror(remotes: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, fleet = without(remotes, "b")

    def killed(path: Path, **_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(prune.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            left(remotes.cache, fleet, remove=True)
    assert (gone.exists(), gone.with_suffix(".gone").exists()) == (False, True)
    assert left(remotes.cache, fleet, remove=True) == []
    assert len(mirrors(remotes)) == 1


def test_one_that_another_run_holds_is_named(remotes: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "_WAIT", 0.1)
    gone, fleet = without(remotes, "b")
    with gone.with_suffix(".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (found,) = left(remotes.cache, fleet, remove=True)
    assert (found.removed, found.code, gone.exists()) == (False, "env.lock", True)


def test_an_empty_cache_has_nothing_to_remove(tmp_path: Path) -> None:
    assert left(tmp_path / "none", Fleet(), remove=True) == []
    (tmp_path / "mirrors").write_text("")
    with pytest.raises(EnvironmentTrouble, match="cannot clean"):
        left(tmp_path, Fleet(), remove=True)
