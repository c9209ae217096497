"""Join the plans of a fleet's shares to the plan that one run gives.

What a share says of its services does not depend on the others; only their waves do, so these are counted anew over the
whole. A set of shares from which no run could have made one plan is refused.
"""

from collections.abc import Sequence
from dataclasses import replace

from aurora.fleet.merge import check_names, named
from aurora.fleet.plan import SCHEMA, Plan, numbered
from aurora.fleet.shard import WHOLE, Shard
from remembrancer.errors import BadInput, counted

MARK = f'"schema": "{SCHEMA}"'.encode()
_COMMON = {
    "template": "another template",
    "version": "another version of the template",
    "commit": "another commit of the template",
    "tag": "another kind of version",
    "tests": "other tests",
    "waves": "other waves",
    "first": "other services first",
    "listed": "another list of the fleet",
}


def joined(shares: Sequence[Plan], names: Sequence[str] | None = None, digest: str = "") -> Plan:
    """Return the plan of the whole fleet, byte for byte what one run gives on the same commits.

    With `names` and `digest` of the list the services must be exactly these. Raises BadInput(fleet.shard-missing,
    fleet.shard-twice, fleet.shard-foreign).
    """
    first = shares[0]
    count = Shard.parse(first.shard).of
    for one in shares:
        for field, what in _COMMON.items():
            if getattr(one, field) != getattr(first, field):
                raise BadInput("fleet.shard-foreign", f"share {one.shard} was planned with {what} than {first.shard}")
        if Shard.parse(one.shard).of != count:
            raise BadInput("fleet.shard-foreign", f"share {one.shard} does not belong to {counted(count, 'share')}")
    given = [one.shard for one in shares]
    if twice := [shard for shard in given if given.count(shard) > 1]:
        raise BadInput("fleet.shard-twice", f"share {twice[0]} was given twice")
    if absent := [shard for number in range(count) if (shard := f"{number}/{count}") not in given]:
        raise BadInput("fleet.shard-missing", f"{counted(len(absent), 'share')} missing: {named(absent)}")
    services = sorted((row for one in shares for row in one.services), key=lambda row: row.name)
    found = [row.name for row in services]
    if names is not None:
        check_names(found, list(names))
    if digest and digest != first.listed:
        raise BadInput("fleet.shard-foreign", "the shares were planned with another list than this one")
    if absent := sorted({*first.first} - {*found}):
        raise BadInput("fleet.shard-missing", f"{named(absent)} should go first and is in no share")
    return replace(first, services=numbered(services, first.waves, first.first), shard=str(WHOLE))
