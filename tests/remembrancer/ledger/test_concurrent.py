"""Many processes at once: every receipt is in the log exactly once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger_world import World, deploy, waiver

HERE = Path(__file__).resolve().parents[2] / "support"
PATHS = os.pathsep.join([str(HERE), str(HERE.parent / "plugins" / "remembrancer" / "src")])


@pytest.mark.parametrize("git", [True, pytest.param(False, marks=pytest.mark.system)])
def test_fifty_processes_record_and_seal(tmp_path: Path, git: bool) -> None:
    world = World(tmp_path / "repo", git=git)
    world.record(waiver("first"))
    world.seal()
    if git:
        world.commit()
    done = subprocess.run(
        [sys.executable, str(HERE / "record_and_seal.py"), str(world.root), "", "2", "50"],
        env={**os.environ, "PYTHONPATH": PATHS},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    expected = {waiver("first")}
    for name in range(50):
        for number in range(2):
            expected |= {waiver(f"{name} {number}"), deploy(f"{name}.{number}.0")}
    entries = world.sealed()
    assert len(entries) == len(expected) == 201
    assert set(entries) == expected
    world.sound()
    if git:
        world.commit()
        assert world.ledger.pending() == []


def test_two_writers_of_one_version_do_not_both_win(tmp_path: Path) -> None:
    """The same version with two digests at once: one process is refused, and the file is the winner's."""
    world = World(tmp_path / "repo")
    code = (
        "import sys; from pathlib import Path; from ledger_world import World, deploy\n"
        "from remembrancer.errors import Refused\n"
        "try: World(Path(sys.argv[1]), git=False).record(deploy('1.0.0', content=sys.argv[2]))\n"
        "except Refused: sys.exit(2)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(world.root), str(number)], env={**os.environ, "PYTHONPATH": PATHS}
        )
        for number in range(8)
    ]
    codes = [process.wait() for process in processes]
    assert sorted(codes) == [0, *[2] * 7]
    [path] = (world.store.receipts_dir / "deploy").iterdir()
    assert path.read_bytes() == deploy("1.0.0", content=str(codes.index(0)))
