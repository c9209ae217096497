"""`aurora fleet status`: how each service stands."""

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from aurora.cli.fleet import (
    cache_option,
    fleet_option,
    jobs_option,
    leave,
    memory_of,
    memory_option,
    results_option,
    shard_option,
    share_of,
)
from aurora.cli.fleet_show import Shown, check, show, shown_as
from aurora.cli.table import progress

if TYPE_CHECKING:
    from aurora.fleet.shard import Shard


@click.command(epilog="Example: aurora fleet status --fleet fleet.toml --html site --sqlite fleet.db")
@fleet_option
@cache_option
@memory_option
@shard_option
@jobs_option(None, "Processes that read.")
@results_option
@shown_as
def status(
    file: Path,
    *,
    cache: Path,
    memory: Path | None,
    shard: "Shard",
    jobs: int | None,
    results: str | None,
    **given: Unpack[Shown],
) -> int:
    """Show each service's template version and drift, its ledger and trust, its last release, and what ends soon.

    It reads the mirrors of the last `aurora fleet sync`, and of them only what has changed. Exits with 1 if a service
    failed, drifted or has conflicts, with 4 if one could not be fetched, with 3 if one is unverifiable.
    """
    from aurora.fleet.status import status as status_of

    check(given)
    fleet, digest = share_of(file, shard)
    place = memory_of(fleet, memory)
    with progress("reading", len(fleet.services)) as watched:
        found = status_of(fleet, cache, place, shard=shard, listed=digest, jobs=jobs, watched=watched)
    leave(results, found, {})
    return show(found, given)
