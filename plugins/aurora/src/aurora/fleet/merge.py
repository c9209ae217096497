"""Join the shares of a fleet's status or audit, one document from each machine, to what one run would have given.

Nothing is guessed: of n shares each must be there once, be of one command and version, of the same fleet, list and
releases of the template, of one day, and hold only services that fall into it. A share in which services are missing
shows against the list itself. Shares carry no signature: whoever may write one decides what the joined result says of
its services, so the joined document names the digest of each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from aurora.fleet.audited import Audit
from aurora.fleet.row import Status
from aurora.fleet.shard import WHOLE, Shard
from remembrancer.clock import parse_rfc3339
from remembrancer.errors import BadInput, counted

NAMED = 5  # shares or services in a message
APART = timedelta(hours=24)  # the most that lies between two shares of one run; a Job has an hour
Result = TypeVar("Result", bound=Status | Audit)


def merge(shares: Sequence[Result], listed: Iterable[str] | None = None, digest: str = "") -> Result:
    """Return the status or the audit of the whole fleet; its time is that of the oldest share.

    With `listed`, the names in fleet.toml, the services must be exactly these, and with its `digest` the list that the
    shares had must be that one. Raises BadInput(fleet.shard-missing, fleet.shard-twice, fleet.shard-foreign,
    fleet.shard-stale).
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
        raise BadInput("fleet.shard-missing", f"{counted(len(absent), 'share')} missing: {named(absent)}")
    _check_times(shares)
    names = sorted(row.name for one in shares for row in one.rows)
    if listed is not None:
        check_names(names, list(listed))
    if digest and first.listed != digest:
        raise BadInput("fleet.shard-foreign", "the shares were made with another list than this one")
    return _joined(shares)


def _joined(shares: Sequence[Result]) -> Result:
    first = shares[0]
    rows: Any = tuple(sorted((row for one in shares for row in one.rows), key=lambda row: row.name))
    joined = replace(first, at=min(one.at for one in shares), rows=rows, shard=str(WHOLE), shares=())
    if isinstance(joined, Audit) and len({one.memory for one in shares if isinstance(one, Audit)}) > 1:
        return replace(joined, memory="")
    return joined


def _number(one: Status | Audit, first: Status | Audit, count: int) -> int:
    """Return a share's number, after everything in it was held against the first one."""
    shard = Shard.parse(one.shard)
    if type(one) is not type(first):
        raise _foreign(f"share {shard} is the {_kind(one)} of a fleet, and {first.shard} the {_kind(first)} of one")
    if one.fleet != first.fleet:
        raise _foreign(f"share {shard} is of the fleet {one.fleet}, not of {first.fleet}")
    if one.version != first.version:
        raise _foreign(f"share {shard} was made by aurora {one.version}, and {first.shard} by {first.version}")
    if one.listed != first.listed:
        raise _foreign(f"share {shard} was made with another list than {first.shard}")
    if shard.of != count:
        raise _foreign(f"share {shard} does not belong to {counted(count, 'share')}")
    if isinstance(one, Status) and isinstance(first, Status) and one.template != first.template:
        raise _foreign(f"share {shard} knew other releases of the template than {first.shard}")
    if strays := [row.name for row in one.rows if not shard.takes(row.name)]:
        raise _foreign(f"share {shard} holds what does not fall into it: {named(strays)}")
    if len({row.name for row in one.rows}) != len(one.rows):
        raise BadInput("fleet.shard-twice", f"share {shard} holds a service twice")
    return shard.number


def _kind(one: Status | Audit) -> str:
    return "status" if isinstance(one, Status) else "audit"


def _check_times(shares: Sequence[Status | Audit]) -> None:
    """Refuse shares between which more time lies than one run may take."""
    times = {one.shard: _time(one) for one in shares}
    oldest, newest = (some(times, key=lambda shard: times[shard]) for some in (min, max))
    if times[newest] - times[oldest] > APART:
        hours = counted(int(APART.total_seconds()) // 3600, "hour")
        raise BadInput("fleet.shard-stale", f"share {oldest} is more than {hours} older than share {newest}")


def _time(one: Status | Audit) -> datetime:
    try:
        return parse_rfc3339(one.at)
    except ValueError:
        raise _foreign(f"share {one.shard} does not say when it was made") from None


def check_names(found: list[str], listed: list[str]) -> None:
    """Refuse what lacks a name of the list, or has another.

    Raises BadInput(fleet.shard-missing, fleet.shard-foreign).
    """
    if absent := sorted(set(listed) - set(found)):
        raise BadInput("fleet.shard-missing", f"{counted(len(absent), 'service')} missing: {named(absent)}")
    if strays := sorted(set(found) - set(listed)):
        raise _foreign(f"the list of the fleet does not have {named(strays)}")


def named(names: Sequence[str]) -> str:
    """Return some names for a message, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _foreign(why: str) -> BadInput:
    return BadInput("fleet.shard-foreign", why)
