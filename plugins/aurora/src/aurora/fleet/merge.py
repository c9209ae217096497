"""Join the shares of a fleet's status, one document from each machine, to exactly what one run would have given.

Nothing is guessed: of n shares each must be there once, be of the same fleet and of the same releases of the template,
and hold only services that fall into it. A share in which services are missing shows against the list itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from aurora.fleet.row import Status
from aurora.fleet.shard import WHOLE, Shard
from remembrancer.errors import BadInput, counted

NAMED = 5  # shares or services in a message


def merge(shares: Sequence[Status], listed: Iterable[str] | None = None) -> Status:
    """Return the status of the whole fleet; its time is that of the oldest share.

    With `listed`, the names in fleet.toml, the services must be exactly these. Raises BadInput(fleet.shard-missing,
    fleet.shard-twice, fleet.shard-foreign).
    """
    if not shares:
        raise BadInput("fleet.shard-missing", "no share of a fleet was given")
    first = shares[0]
    count = Shard.parse(first.shard).of
    seen: set[int] = set()
    for one in shares:
        number = _number(one, first, count)
        if number in seen:
            raise BadInput("fleet.shard-twice", f"share {one.shard} was given twice")
        seen.add(number)
    if absent := [f"{number}/{count}" for number in range(count) if number not in seen]:
        raise BadInput("fleet.shard-missing", f"{counted(len(absent), 'share')} missing: {_named(absent)}")
    rows = sorted((row for one in shares for row in one.rows), key=lambda row: row.name)
    if listed is not None:
        _check([row.name for row in rows], list(listed))
    return replace(first, at=min(one.at for one in shares), rows=tuple(rows), shard=str(WHOLE))


def _number(one: Status, first: Status, count: int) -> int:
    """Return a share's number, after everything in it was held against the first one."""
    shard = Shard.parse(one.shard)
    if one.fleet != first.fleet:
        raise BadInput("fleet.shard-foreign", f"share {shard} is of the fleet {one.fleet}, not of {first.fleet}")
    if shard.of != count:
        raise BadInput("fleet.shard-foreign", f"share {shard} does not belong to {counted(count, 'share')}")
    if one.template != first.template:
        raise BadInput("fleet.shard-foreign", f"share {shard} knew other releases of the template than {first.shard}")
    if strays := [row.name for row in one.rows if not shard.takes(row.name)]:
        raise BadInput("fleet.shard-foreign", f"share {shard} holds what does not fall into it: {_named(strays)}")
    if len({row.name for row in one.rows}) != len(one.rows):
        raise BadInput("fleet.shard-twice", f"share {shard} holds a service twice")
    return shard.number


def _check(found: list[str], listed: list[str]) -> None:
    if absent := sorted(set(listed) - set(found)):
        raise BadInput("fleet.shard-missing", f"{counted(len(absent), 'service')} missing: {_named(absent)}")
    if strays := sorted(set(found) - set(listed)):
        raise BadInput("fleet.shard-foreign", f"the list of the fleet does not have {_named(strays)}")


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
