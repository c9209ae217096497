"""Kill -9, many times over: python tests/support/crash_campaign.py [RUNS]. The tests run a sample of it.

Half of the runs kill a seal before one of the calls that change the disk, each call in turn; the others kill a process
that records and seals in a loop, at a random moment. After each one the ledger must be valid, heal, and hold every
receipt exactly once.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "plugins" / "remembrancer" / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(SOURCE)])}
sys.path[:0] = [] if str(SOURCE) in sys.path else [str(HERE), str(SOURCE)]

from ledger_world import World, deploy, waiver  # noqa: E402 - after the path is set
from remembrancer.paths import LOCAL  # noqa: E402

EVERYTHING = 1_000_000
TOKEN = {"one": lambda data: b"token"}


@cache
def _children() -> "subprocess.Popen[str]":
    """Start what forks the children; it ends with this process, which then closes its standard input."""
    command = [sys.executable, str(HERE / "crash_child.py")]
    return subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def crash(root: Path, what: str, limit: int = EVERYTHING) -> int | None:
    """Run a child until its `limit`-th change; return None when it was killed, else how many changes it made."""
    process = _children()
    assert process.stdin is not None
    assert process.stdout is not None
    print(json.dumps([str(root), what, limit]), file=process.stdin, flush=True)
    status, count = map(int, process.stdout.readline().split())
    if os.waitstatus_to_exitcode(status) == -signal.SIGKILL:
        return None
    assert status == 0
    return count


def copy(world: World, target: Path) -> World:
    shutil.copytree(world.root, target)
    return World(target, git=False)


def template(folder: Path) -> World:
    """A ledger of 255 entries, with three receipts waiting: the seal fills tiles and begins new ones."""
    made = World(folder, git=False)
    made.record_quickly(*(waiver(str(number)) for number in range(255)))
    made.seal()
    made.record(waiver("x"), waiver("y"), deploy("0.1.0"))
    return made


def unsealed(folder: Path) -> World:
    """Three receipts waiting for a first seal."""
    made = World(folder, git=False)
    made.record(waiver("x"), waiver("y"), deploy("0.1.0"))
    return made


class Boundaries:
    """Seals that are killed before their n-th change of the disk, on copies of one repository."""

    def __init__(self, folder: Path, make: Callable[[Path], World] = template) -> None:
        self.folder = folder
        self.template = make(folder / "template")
        self.whole = copy(self.template, folder / "whole")
        self.total = crash(self.whole.root, "seal") or 0
        assert 20 < self.total < 200
        self.before, self.after = self.template.sealed(), self.whole.sealed()
        assert len(self.after) == len(self.before) + 3

    def run(self, limit: int) -> None:
        """Kill one seal; the ledger is the old or the new one, and the next seal makes it whole."""
        world = copy(self.template, self.folder / "killed")
        assert crash(world.root, "seal", limit) is None
        assert world.sealed() in (self.before, self.after), limit
        found = world.ledger.audit(len(world.sealed()))
        assert {one.code for one in found.problems} <= {"log.pending"}, limit
        assert {one.code for one in found.notices} <= {"log.leftover"}, limit
        assert world.seal(stamps=TOKEN).size == len(self.after), limit
        assert world.sealed() == self.after, limit
        assert world.everything() == self.whole.everything(), limit
        world.sound()
        assert list((world.root / LOCAL / "tmp").iterdir()) == []
        assert not (world.root / LOCAL / "journal").exists()
        shutil.rmtree(world.root)


class Moments:
    """A process that records and seals, killed at random moments, again and again in one repository."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.world = World(folder / "random")
        self.random = random.Random(seed)
        self.number = 0

    def run(self) -> None:
        """Kill one process; whatever receipt is on disk is in the log once after the next seal and commit."""
        self.number += 1
        command = [sys.executable, str(HERE / "record_and_seal.py"), str(self.world.root), str(self.number), "1000"]
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # its first round is done
        time.sleep(self.random.uniform(0, 0.2))
        process.kill()
        process.communicate()
        self.world.sealed()
        if self.number % 5 == 0:
            self.world.commit()
        self.world.seal()
        self.world.commit()
        self.world.seal()
        entries = self.world.sealed()
        assert len(set(entries)) == len(entries)
        assert len(entries) == len(list(self.world.store.receipts()))
        self.world.sound()


def main(runs: int) -> None:
    """Run the campaign and say what was done."""
    with tempfile.TemporaryDirectory() as folder:
        moments = Moments(Path(folder), seed=1)
        first, later = Boundaries(Path(folder) / "first", unsealed), Boundaries(Path(folder) / "later")
        for number in range(runs // 2):
            kind, limit = (first, number) if number < first.total else (later, (number - first.total) % later.total)
            kind.run(1 + limit)
            moments.run()
            print(f"\r{2 * number + 2} of {runs}", end="", flush=True)
        kept = moments.world.ledger.tree().size
        print(f"\n{runs} kills, {first.total + later.total} different boundaries, {kept} receipts kept")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
