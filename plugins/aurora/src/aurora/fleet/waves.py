"""Waves of a rollout: who is first, who is next, and who is the rest.

>>> assign(["a", "b", "c", "d", "e"], parse("1,25%,rest"))
{'a': 1, 'b': 2, 'c': 2, 'd': 3, 'e': 3}
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from remembrancer.errors import BadInput

_WAVE = re.compile(r"([1-9][0-9]{0,5})(%?)", re.ASCII)


class Wave(NamedTuple):
    """A number of services, or a share of all; both 0 for the rest."""

    number: int = 0
    percent: int = 0


def parse(text: str) -> tuple[Wave, ...]:
    """Return the waves that `1,10%,rest` names. Raises BadInput(input.field)."""
    words = [word.strip() for word in text.split(",")]
    waves = []
    for word in words[:-1]:
        found = _WAVE.fullmatch(word)
        if not found or (found[2] and int(found[1]) > 100):
            words = []
            break
        waves.append(Wave(percent=int(found[1])) if found[2] else Wave(number=int(found[1])))
    if words[-1:] != ["rest"]:
        how = "Write numbers of services or shares of all, and rest as the last, such as 1,10%,rest."
        raise BadInput("input.field", f"{text[:80]!r} are not waves", how)
    return (*waves, Wave())


def assign(names: Sequence[str], waves: Sequence[Wave]) -> dict[str, int]:
    """Return each name's wave, counted from 1 without gaps; a share of all is rounded up."""
    left, found, number = list(names), dict[str, int](), 0
    for wave in waves:
        size = wave.number or -(-len(names) * wave.percent // 100) or len(left)
        taken, left = left[:size], left[size:]
        if taken:
            number += 1
            found.update(dict.fromkeys(taken, number))
    return found
