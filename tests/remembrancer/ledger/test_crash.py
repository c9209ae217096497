"""kill -9 at changes of the disk: the old checkpoint stays valid, the next seal heals, nothing is lost or doubled.

These are samples; `python tests/support/crash_campaign.py` does 500 runs over every boundary and at random moments.
"""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crash_campaign import ENVIRONMENT, Boundaries, Moments, copy, crash, template, unsealed
from ledger_world import World, deploy, waiver
from remembrancer.errors import EnvironmentTrouble
from remembrancer.ledger import seal as seal_module
from remembrancer.paths import LOCAL


def test_a_seal_that_is_killed_at_any_change_is_healed_by_the_next(tmp_path: Path) -> None:
    boundaries = Boundaries(tmp_path)
    for limit in range(1, boundaries.total + 1, 7):
        boundaries.run(limit)


def test_a_first_seal_that_is_killed_at_any_change_is_healed_by_the_next(tmp_path: Path) -> None:
    boundaries = Boundaries(tmp_path, unsealed)
    for limit in range(1, boundaries.total + 1, 8):
        boundaries.run(limit)


def test_a_process_that_is_killed_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    moments = Moments(tmp_path, seed=2)
    for _ in range(8):
        moments.run()


def test_a_killed_seal_and_then_other_receipts(tmp_path: Path) -> None:
    """The healed seal is another one than the killed one was: nothing of the first may stay behind."""
    start = template(tmp_path / "template")
    for limit in range(5, 100, 19):
        world = copy(start, tmp_path / str(limit))
        if crash(world.root, "seal", limit) is None and len(world.sealed()) == 255:
            world.record(waiver(f"more {limit}"), waiver(f"and more {limit}"))
            assert world.seal().size == 260
            world.sound()
        shutil.rmtree(world.root)


def test_a_record_that_is_killed_anywhere_is_whole_or_absent(tmp_path: Path) -> None:
    start = template(tmp_path / "template")
    total = crash(copy(start, tmp_path / "whole").root, "record")
    assert total is not None
    assert 10 < total < 100
    names = set(World(tmp_path / "whole", git=False).everything())
    for limit in range(1, total + 1, 4):
        world = copy(start, tmp_path / str(limit))
        assert crash(world.root, "record", limit) is None
        for name, data in world.everything().items():
            assert name in names
            assert data == (tmp_path / "whole" / "ops" / "receipts" / name).read_bytes()
        world.record(deploy("9.9.9"), waiver("crash"))
        world.store.write_blob(b"crash")
        assert world.seal().size == 260
        assert list((world.root / LOCAL / "tmp").iterdir()) == []
        shutil.rmtree(world.root)


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_at_any_point_leaves_the_old_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, reason: int
) -> None:
    """Every single call fails once; what was sealed before stays as it was, and the next seal succeeds."""
    world = World(tmp_path / "repo", git=False)
    world.record(waiver("1"))
    world.seal()
    real = getattr(os, call)
    for nth in range(1, 40):
        world.record(waiver(f"x {nth}"))
        before, size = world.files(), len(world.sealed())
        count = 0

        def refuse(*arguments: object, nth: int = nth, **more: object) -> object:
            nonlocal count
            count += 1
            if count == nth:
                raise OSError(reason, os.strerror(reason))
            return real(*arguments, **more)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, refuse)
            try:
                world.seal()
            except EnvironmentTrouble as error:
                failed = error
            else:
                failed = None
        if count < nth:
            assert failed is None
            break
        assert failed is not None
        assert failed.code == "env.io"
        assert os.strerror(reason) in failed.message
        if len(world.sealed()) == size:
            assert world.files() == before
        world.seal()
        assert len(world.sealed()) == size + 1
        world.sound()
    else:
        raise AssertionError("the calls never ended")


def test_permission_loss_between_two_seals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path / "repo", git=False)
    world.record(waiver("1"))
    world.seal()
    world.record(waiver("2"))
    before = world.everything()

    def refuse(path: object, *arguments: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(EnvironmentTrouble, match="Permission denied"):
            world.seal()
    assert world.everything() == before
    assert world.seal().size == 2


def test_the_clock_plays_no_part_in_sealing(tmp_path: Path) -> None:
    """A checkpoint holds no time, so a clock that steps back changes nothing: the module does not even know one."""
    assert not {"time", "datetime", "clock"} & set(vars(seal_module))
    world = World(tmp_path / "repo", git=False)
    world.record(waiver("1").replace(b"2026-01-02", b"2036-01-02"))
    world.seal()
    world.record(waiver("2"))
    world.seal()
    world.sound()


def test_a_limit_of_the_kernel_is_told_in_one_sentence(tmp_path: Path) -> None:
    """A real short write: files may not grow beyond a limit, so the kernel cuts one off in the middle."""
    world = World(tmp_path / "repo", git=False)
    world.record_quickly(*(waiver(str(number)) for number in range(40)))
    world.seal()
    world.record(waiver("more"))
    before = world.files()
    code = (
        "import resource, sys; from pathlib import Path; from ledger_world import World\n"
        "from remembrancer.errors import EnvironmentTrouble\n"
        "world = World(Path(sys.argv[1]), git=False)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "try: world.seal()\n"
        "except EnvironmentTrouble as error: print(error.code, error.message); sys.exit(4)\n"
    )
    command = [sys.executable, "-c", code, str(world.root)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (4, "")
    assert done.stdout.startswith("env.io cannot write")
    assert "File too large" in done.stdout
    assert world.files() == before
    assert world.seal().size == 41
    world.sound()
