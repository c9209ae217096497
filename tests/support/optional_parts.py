"""Which optional parts a service may have, together."""

import itertools
from collections.abc import Iterable, Iterator

import service_locks


def chosen_parts(names: Iterable[str]) -> Iterator[dict[str, str]]:
    """Every combination of these optional parts."""
    choices = [[(name, "none"), (name, service_locks.PARTS[name])] for name in names]
    yield from map(dict, itertools.product(*choices))
