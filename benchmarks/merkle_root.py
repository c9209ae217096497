"""The root over 1,000,000 leaves, against a bare loop of hashlib over the same number of hashes of the same lengths."""

import time
from collections.abc import Callable, Sequence
from hashlib import sha256

from benchmarks.measure import Row
from remembrancer.tlog.merkle import root

LEAVES = 1_000_000
ENTRY = 150  # bytes
ROUNDS = 9


def _bare(leaves: Sequence[bytes], nodes: Sequence[bytes]) -> None:
    """Hash every leaf and every inner node, already joined: what no tree can do without."""
    for data in leaves:
        sha256(data).digest()
    for data in nodes:
        sha256(data).digest()


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def rows() -> list[Row]:
    """Measure processor time, in turns, the fastest of each: a busy machine only ever adds to it."""
    entries = [number.to_bytes(8, "big") * (ENTRY // 8) for number in range(LEAVES)]
    leaves = [b"\0" + entry for entry in entries]
    nodes = [b"\1" + number.to_bytes(8, "big") * 8 for number in range(LEAVES - 1)]
    turns = [(_seconds(lambda: root(entries)), _seconds(lambda: _bare(leaves, nodes))) for _ in range(ROUNDS)]
    ours, floor = (min(times) for times in zip(*turns, strict=True))
    detail = f"{ours:.2f} s / {floor:.2f} s of processor time, {LEAVES / ours:,.0f} leaves a second"
    return [Row("root over 1,000,000 leaves", floor / ours, 0.75, "a bare hashlib loop", at_most=False, detail=detail)]
