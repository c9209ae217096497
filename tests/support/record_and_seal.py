"""A process that records and seals a few times; run by the concurrency tests. Usage: record_and_seal.py ROOT NAME N."""

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


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
