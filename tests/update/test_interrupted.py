"""An update that is killed, stopped or out of disk ends as the undisturbed one, or waits with a sentence."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import small_template
from cli_support import Outcome, Scratch
from collection import commit_all, git
from small_template import Small
from update_support import changed, contents, end_world, new_world, receipts, run, spawn

DYING = Path(__file__).resolve().parents[1] / "support/dying"
COPIER = (sys.executable, "-m", "copier", "update", "--trust", "--defaults", "--quiet")
MOMENTS = {
    "before anything is written": "copier:subprocess.Popen:write-tree",
    "while files are written": "copier:open:r/settings.txt', 'w",
    "before the team's edits are merged": "copier:subprocess.Popen:'apply'",
    "before the hook has decided": "post_generate.py:import:'deciding'",
    "before the receipt is written": "post_generate.py:os.rename:blobs",
}
SAMPLE = ("while files are written", "before the hook has decided")  # make test-system takes the others
KEPT = ["leaving.txt", "old-name.txt"]


class World(NamedTuple):
    """A template with two versions, a service of the first with every kind of change, and where its update ends."""

    template: Small
    service: Scratch
    tree: dict[str, bytes]
    receipt: dict[str, Any]


def ours(root: Path) -> None:
    """Change what a team changes: edited, edited where the template renames and drops, deleted, ignored."""
    for path, text in {"settings.txt": "ours\n", "old-name.txt": "ours\n", "leaving.txt": "ours\n"}.items():
        (root / path).write_text((root / path).read_text() + text)
    (root / "deploy.yaml").unlink()
    commit_all(root, "[my-svc] feat: ours")
    (root / ".env").write_text("SECRET=1\n")


def stated(root: Path) -> dict[str, Any]:
    (one,) = receipts(root, "update")
    return {name: value for name, value in one.items() if name != "recordedAt"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("small")
    template = small_template.begin(folder / "template")
    small_template.second(template)
    service = new_world(spawn(template, folder / "my-svc", "fastapi-service", "v1.0.0"))
    ours(service.root)
    undisturbed = service.copy()
    done = run(undisturbed.root, *COPIER, **template.variables)
    assert done.returncode == 0, done.stderr
    yield World(template, service, contents(undisturbed.root), stated(undisturbed.root))
    end_world(undisturbed)
    end_world(service)


@pytest.fixture
def service(world: World) -> Iterator[Scratch]:
    copy = world.service.copy()
    yield copy
    end_world(copy)


def stopped(world: World, service: Scratch, moment: str, *more: str, by: str = "9") -> subprocess.CompletedProcess[str]:
    variables = {"PYTHONPATH": str(DYING), "DIE_AT": moment, "DIE_BY": by}
    done = run(service.root, *COPIER, *more, **world.template.variables | variables)
    assert done.returncode != 0, "it was to be stopped"
    assert "Traceback" not in done.stderr
    assert receipts(service.root, "update") == []
    return done


def record(world: World, service: Scratch) -> Outcome:
    return service.run("record", "update", **world.template.variables)


def again(world: World, root: Path) -> None:
    """Follow the advice: throw away what is there, and update once more; nothing that Git does not have is lost."""
    git(root, "reset", "--quiet", "--hard")
    git(root, "clean", "-d", "--force", "--quiet")
    done = run(root, *COPIER, **world.template.variables)
    assert done.returncode == 0, done.stderr
    assert (contents(root), stated(root)) == (world.tree, world.receipt)
    assert not (root / "ops/receipts/.local/updating").exists()


def test_the_undisturbed_update_loses_nothing(world: World) -> None:
    tree = world.tree
    assert tree["settings.txt"] == b"a\nB\nc\nd\ne\nf\ng\nh\nours\n"
    assert tree["leaving.txt"].endswith(b"ours\n")
    assert tree["old-name.txt"].endswith(b"ours\n")
    assert "deploy.yaml" not in tree
    assert tree[".env"] == b"SECRET=1\n"
    assert world.receipt["conflicts"] == KEPT


@pytest.mark.reason("receipt.interrupted")
@pytest.mark.parametrize(
    "moment", [pytest.param(one, marks=[] if one in SAMPLE else pytest.mark.system) for one in MOMENTS]
)
def test_a_killed_update_ends_as_the_undisturbed_one_or_waits(world: World, service: Scratch, moment: str) -> None:
    root = service.root
    stopped(world, service, MOMENTS[moment])
    assert (root / ".env").read_bytes() == b"SECRET=1\n"
    done = record(world, service)
    assert done.status in {0, 2}
    if moment in list(MOMENTS)[3:]:
        assert (contents(root), stated(root)) == (world.tree, world.receipt)
        for path in KEPT:
            assert f"{path} was changed here and is gone from the standard; it was kept" in done.out
        return
    if moment in list(MOMENTS)[2:]:
        unlike = sorted({"settings.txt", *KEPT})
        assert stated(root)["conflicts"] == unlike
        assert "settings.txt is not as the update leaves it" in done.out
        hook = service.run("hook", "check-receipts", cwd=root) if git(root, "add", "--all") == "" else None
        assert hook is not None
        assert (hook.status, "waits for a decision about" in hook.err) == (1, True)
    elif changed(root):
        assert done.status == 2
        assert "[receipt.interrupted]" in done.err
        git(root, "add", "--all")
        hook = service.run("hook", "pre-commit", cwd=root)
        assert (hook.status, "[receipt.interrupted]" in hook.err) == (1, True), hook.err
    else:
        assert "already recorded" in done.out
    again(world, root)


@pytest.mark.system
def test_a_stopped_hook_says_so_without_a_traceback(world: World, service: Scratch) -> None:
    done = stopped(world, service, MOMENTS["before the receipt is written"], "--data", "port=9001", by="2")
    assert "receipt: not written: stopped" in done.stderr
    assert record(world, service).status == 0
    assert stated(service.root)["conflicts"] == KEPT, "an answer that was given is no question"
    tree = contents(service.root)
    other = {path for path, data in world.tree.items() if tree.pop(path) != data}
    assert (tree, other) == ({}, {".copier-answers.yml", "config.ini"})
    assert b"port = 9001" in (service.root / "config.ini").read_bytes()
    assert not (service.root / "ops/receipts/.local/updating").exists()


def test_a_receipt_without_room_is_written_later(world: World, service: Scratch) -> None:
    hook = "post_generate.py:os.rename:blobs"
    variables = {"PYTHONPATH": str(DYING), "DIE_AT": hook, "DIE_BY": "full"}
    done = run(service.root, *COPIER, **world.template.variables | variables)
    assert done.returncode == 1
    assert "receipt: not written: " in done.stderr
    assert "No space left on device" in done.stderr
    assert record(world, service).status == 0
    assert (contents(service.root), stated(service.root)) == (world.tree, world.receipt)


@pytest.mark.system
def test_an_update_on_a_full_disk(world: World, tmp_path: Path) -> None:
    """A small file system in memory with 8 kilobytes left, where a complete service needs 28: needs root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)], check=True)
    try:
        root = disk / "r"
        shutil.copytree(world.service.root, root, symlinks=True)
        ballast = disk / "ballast"
        room = os.statvfs(disk)
        ballast.write_bytes(bytes(room.f_bavail * room.f_frsize - 8 * 1024))
        before = contents(root)
        done = run(root, *COPIER, **world.template.variables)
        assert done.returncode != 0
        ballast.unlink()
        assert receipts(root, "update") == []
        assert {path: data for path, data in before.items() if path == ".env"} == {".env": b"SECRET=1\n"}
        again(world, root)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
