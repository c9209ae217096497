"""A process that records and seals a few times; run by the concurrency tests. Usage: record_and_seal.py ROOT NAME N.

With a number of processes behind it, as many run at once, named 0, 1 and so on: they begin as copies of one that has
imported everything, which costs a tenth of starting each anew.
"""

import os
import sys
from pathlib import Path

from ledger_world import World, deploy, waiver


def main(root: str, name: str, rounds: int) -> None:
    """Record and seal, in turn."""
    world = World(Path(root), git=False)
    for number in range(rounds):
        world.record(waiver(f"{name} {number}"), deploy(f"{name}.{number}.0"))
        world.seal()
        print(number, flush=True)


def many(root: str, count: int, rounds: int) -> int:
    """Run a number of processes at once; returns how many failed."""
    started = []
    for number in range(count):
        child = os.fork()
        if not child:
            main(root, str(number), rounds)
            sys.exit()
        started.append(child)
    return sum(os.waitpid(child, 0)[1] != 0 for child in started)


if __name__ == "__main__":
    if sys.argv[4:]:
        sys.exit(many(sys.argv[1], int(sys.argv[4]), int(sys.argv[3])))
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
