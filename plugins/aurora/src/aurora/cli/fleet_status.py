"""`aurora fleet status`: how each service stands."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora.cli.fleet import (
    cache_option,
    fleet_option,
    jobs_option,
    memory_of,
    memory_option,
    services_of,
    shard_option,
)
from aurora.cli.table import progress, table
from remembrancer.errors import counted

if TYPE_CHECKING:
    from aurora.fleet.row import Row, Status
    from aurora.fleet.shard import Shard

HEAD = ("service", "state", "standard", "drift", "release", "ledger", "ends", "why")


@click.command(epilog="Example: aurora fleet status --fleet fleet.toml --format json")
@fleet_option
@cache_option
@memory_option
@shard_option
@jobs_option(None, "Processes that read.")
@click.option(
    "--format", "output", type=click.Choice(["text", "json"]), default="text", help="Output for people or programs."
)
def status(file: Path, *, cache: Path, memory: Path | None, shard: "Shard", jobs: int | None, output: str) -> int:
    """Show each service's template version and drift, its ledger and trust, its last release, and what ends soon.

    It reads the mirrors of the last `aurora fleet sync`, and of them only what has changed. Exits with 1 if a service
    failed, drifted or has conflicts, with 4 if one could not be fetched, with 3 if one is unverifiable.
    """
    from aurora.fleet.status import status as status_of

    fleet = services_of(file, shard)
    with progress("reading", len(fleet.services)) as watched:
        found = status_of(fleet, cache, memory_of(fleet, memory), shard=shard, jobs=jobs, watched=watched)
    return show(found, output)


def show(found: "Status", output: str) -> int:
    """Print the status of a fleet and return the exit status."""
    if output == "json":
        click.echo(json.dumps(found.document(), indent=2))
        return found.exit_code
    from aurora.fleet.row import STATES

    states = Counter(row.state for row in found.rows)
    if found.rows:
        rows = sorted(found.rows, key=lambda row: (STATES.index(row.state), row.name))
        table(HEAD, [_cells(row) for row in rows])
    counts = ", ".join(f"{states[state]} {state}" for state in STATES if states[state])
    print(f"{counted(len(found.rows), 'service')}{': ' if counts else ''}{counts}")
    return found.exit_code


def _cells(row: "Row") -> tuple[str, ...]:
    standards = dict.fromkeys(
        f"{one.version}{f' ({one.behind} behind)' if one.behind else ''}{'' if one.proven else ' (claimed)'}"
        for one in row.layers
    )
    drifted = sum(one.drifted for one in row.layers)
    released = f"{row.release.version}{'' if row.release.verdict == 'verified' else '!'}" if row.release else "-"
    ends = [one.until for one in row.trust.endings if one.until] if row.trust else []
    ends += [one.expires for one in row.waivers]
    why = f"{row.message} [{row.code}]" if row.code else ""
    return (
        row.name,
        row.state,
        ", ".join(standards) or "-",
        str(drifted) if any(one.proven for one in row.layers) else "-",
        released,
        row.ledger.newest_at[:10] if row.ledger else "-",
        min(ends, default="-")[:10],
        why,
    )
