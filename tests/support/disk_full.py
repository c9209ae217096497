"""Record and seal until a small file system is full: python tests/support/disk_full.py FOLDER, a folder on it.

For example, as root: mount -t tmpfs -o size=2m tmpfs /mnt && python tests/support/disk_full.py /mnt
Every failure must be one sentence with exit code 4 that leaves the ledger as it was; with room again, it goes on.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "plugins" / "remembrancer" / "src")]

from ledger_world import World, waiver  # noqa: E402 - after the path is set
from remembrancer.errors import EnvironmentTrouble  # noqa: E402


def main(folder: Path) -> None:
    """Fill, fail, make room, go on."""
    world = World(folder / "repo", git=False)
    ballast = folder / "ballast"
    troubles: list[str] = []
    for round_ in range(40):
        free = 4096 * (1 + round_)
        ballast.unlink(missing_ok=True)
        world.record(waiver(f"{round_} a"))
        fill(ballast, free)
        for step in (lambda number=round_: world.record(waiver(f"{number} b")), world.seal):
            before = world.everything()
            try:
                step()
            except EnvironmentTrouble as error:
                troubles.append(error.code)
                unchanged = world.everything() == before
                assert unchanged
        world.sealed()
    ballast.unlink()
    for number in range(40):
        world.record(waiver(f"{number} b"))
    world.seal()
    assert len(world.sealed()) == 80
    world.sound()
    assert set(troubles) == {"env.io"}
    print(f"{len(troubles)} refusals by the disk, 80 receipts sealed")


def fill(path: Path, free: int) -> None:
    """Write until nothing fits, then give `free` bytes back."""
    size = 0
    with path.open("wb", buffering=0) as stream:
        for block in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    size += stream.write(bytes(block))
            except OSError:
                continue
        stream.truncate(max(0, size - free))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
