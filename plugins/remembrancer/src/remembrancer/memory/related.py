"""What words have to do with each other: a table made once from a small embedding model, and read without one.

related.bin holds a vector of SIZE numbers for each of some thousand stems, and the NEAREST other ones; it comes from
all-MiniLM-L6-v2 (Apache-2.0) by `python -m benchmarks._related`. No question goes anywhere, and the same question
always gets the same answer.
"""

import math
import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from operator import add, mul
from pathlib import Path

from remembrancer.named import NamedTuple

FILE = Path(__file__).with_name("related.bin")
HEAD = struct.Struct("<II")  # how many stems, and how many bytes their names take
SIZE = 96
NEAREST = 64
STEP = 30  # words; a passage is two steps
UNIT = 32_000  # a unit vector's length in a passage: its numbers fit 16 bits


class Near(NamedTuple):
    """Another stem, a word that has it, and how near it is (over 0, at most 1)."""

    stem: str
    word: str
    nearness: float


class Related:
    """The table. Stems are those of SQLite's `porter unicode61`."""

    def __init__(self, data: bytes) -> None:
        count, names = HEAD.unpack_from(data)
        lines = data[HEAD.size : HEAD.size + names].decode().split("\n")
        self._pairs = [line.partition(" ")[::2] for line in lines]
        self._place = {stem: place for place, (stem, _) in enumerate(self._pairs)}
        rest = memoryview(data)[HEAD.size + names :]
        self._numbers = rest[: count * SIZE].cast("b")
        self._near = rest[count * SIZE :][: count * NEAREST * 2]
        self._how = rest[count * (SIZE + NEAREST * 2) :]
        if len(self._pairs) != count or len(self._how) != count * NEAREST:
            raise ValueError(f"{FILE.name} is not whole")

    def near(self, stem: str) -> list[Near]:
        """Return the stems nearest to one, nearest first; none for one that the table lacks."""
        place = self._place.get(stem)
        if place is None:
            return []
        others = struct.unpack_from(f"<{NEAREST}H", self._near, place * NEAREST * 2)
        row = self._how[place * NEAREST : (place + 1) * NEAREST]
        return [
            Near(self._pairs[other][0], self._pairs[other][1], how / 255)
            for other, how in zip(others, row, strict=True)
            if how
        ]

    def vector(self, stem: str) -> memoryview | None:
        """Return a stem's vector, the rarer the word the longer, or None."""
        place = self._place.get(stem)
        return None if place is None else self._numbers[place * SIZE : (place + 1) * SIZE]


@cache
def related() -> Related:
    """Return the table, read once."""
    return Related(FILE.read_bytes())


def total(vectors: Iterable[Iterable[int]]) -> list[int]:
    """Return the sum of vectors."""
    found = [0] * SIZE
    for vector in vectors:
        found = list(map(add, found, vector))
    return found


def passages(parts: Sequence[Sequence[str]]) -> "Iterator[array[int]]":
    """Yield a vector for each passage of a text, whose first part is its title: the title counts in all of them."""
    table = related()
    title = total(_vectors(table, parts[0]))
    found = [title]
    for part in parts[1:]:
        steps = [total(_vectors(table, part[at : at + STEP])) for at in range(0, len(part), STEP)]
        for place, step in enumerate(steps):
            if place + 1 < len(steps) or place == 0:
                found.append(total([title, step, *steps[place + 1 : place + 2]]))
    yield from (vector for one in found if (vector := unit(one)) is not None)


def meaning(stems: Iterable[str]) -> "array[int] | None":
    """Return the vector of a question; None where the table has none of its words."""
    return unit(total(_vectors(related(), stems)))


def _vectors(table: Related, stems: Iterable[str]) -> Iterator[memoryview]:
    return (vector for stem in stems if (vector := table.vector(stem)) is not None)


def unit(vector: Iterable[int]) -> "array[int] | None":
    """Return a vector brought to the length UNIT; None for one without a direction."""
    numbers = list(vector)
    length = math.sqrt(sum(map(mul, numbers, numbers)))
    return array("h", [round(number * UNIT / length) for number in numbers]) if length else None


def cosine(one: Iterable[int], other: Iterable[int]) -> float:
    """Return the cosine between two vectors of the length UNIT."""
    product: int = sum(map(mul, one, other))
    return product / UNIT**2
