"""The status of a fleet: the facts of every service, out of one pool, beside the template's releases."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from aurora.fleet.facts import facts
from aurora.fleet.kept import Asked, kept_place
from aurora.fleet.listed import Fleet, Service
from aurora.fleet.mirrors import Mirrors
from aurora.fleet.parts import Layer
from aurora.fleet.pool import Trouble, each
from aurora.fleet.releases import releases
from aurora.fleet.row import Row, Status, Template
from aurora.fleet.shard import WHOLE, Shard
from aurora.words import one_line
from remembrancer.clock import Clock, SystemClock, rfc3339


def questions(fleet: Fleet, cache: Path, memory: Path, at: datetime) -> list[Asked]:
    """Return what a worker is asked about each service of a fleet; `at` is the time of the run."""
    mirrors = Mirrors(cache)

    def one(service: Service) -> Asked:
        folder, owner = mirrors.folder(fleet, service), fleet.owner_of(service)
        return Asked(*service[:3], owner, folder, kept_place(cache, folder, owner, memory), memory, at)

    return [one(service) for service in fleet.services]


def status(
    fleet: Fleet,
    cache: Path,
    memory: Path,
    *,
    shard: Shard = WHOLE,
    listed: str = "",
    jobs: int | None = None,
    watched: Callable[[Row], None] = lambda _: None,
    clock: Clock | None = None,
) -> Status:
    """Return the status of the services that a fleet lists, as their mirrors in `cache` have them.

    `memory` is where the fleet remembers logs and policies, `shard` says which share `fleet.services` already is
    of the list with the digest `listed`, `watched` is told of each row as it comes. Raises EnvironmentTrouble.
    """
    at = (clock or SystemClock()).now()
    found = releases(cache, fleet) if fleet.template else None
    versions = found.versions if found else ()
    rows = []
    for asked, answer in each(facts, questions(fleet, cache, memory, at), jobs):
        row = _unread(asked, answer) if isinstance(answer, Trouble) else answer
        rows.append(replace(row, layers=tuple(_behind(one, versions) for one in row.layers)))
        watched(rows[-1])
    return Status(
        fleet.name,
        rfc3339(at),
        tuple(sorted(rows, key=lambda one: one.name)),
        Template(fleet.template, versions) if found else None,
        str(shard),
        listed,
    )


def _unread(asked: Asked, error: Trouble) -> Row:
    return Row(asked.name, asked.url, asked.branch, verdict="failed", code=error.code, message=one_line(error.message))


def _behind(layer: Layer, versions: Sequence[str]) -> Layer:
    """Return a layer with the number of releases that came after its own."""
    if layer.version not in versions:
        return layer
    return replace(layer, behind=len(versions) - 1 - versions.index(layer.version))
