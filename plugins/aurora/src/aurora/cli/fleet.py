"""`aurora fleet`: many services at once. Each command takes `--fleet`, and most of them `--shard`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aurora.cli.main import Lazy, emit, shown
from aurora.words import escaped
from remembrancer.errors import counted

if TYPE_CHECKING:
    from aurora.fleet.listed import Fleet
    from aurora.fleet.results import Result
    from aurora.fleet.shard import Shard

Function = Callable[..., Any]


@click.group(
    cls=Lazy,
    table={
        "discover": ("aurora.cli.fleet_discover:discover", "Find services on forges, in lists and in folders."),
        "list": ("aurora.cli.fleet:list_", "Show the services that are listed."),
        "sync": ("aurora.cli.fleet_sync:sync", "Bring the mirrors of all services up to date."),
        "status": ("aurora.cli.fleet_status:status", "Show the state of each service."),
        "audit": ("aurora.cli.fleet_audit:audit", "Audit each service under its pinned owner."),
        "forget": ("aurora.cli.fleet_audit:forget", "Forget what was seen of a log that was begun anew."),
        "audit-schema": ("aurora.cli.fleet_audit:audit_schema", "Print the JSON Schema of a fleet's audit."),
        "plan": ("aurora.cli.fleet_plan:plan", "Try a newer standard for every service, and plan its waves."),
        "rollout": ("aurora.cli.fleet_rollout:rollout", "Carry a plan out, by a request for each service."),
        "plan-schema": ("aurora.cli.fleet_plan:plan_schema", "Print the JSON Schema of a plan."),
        "merge": ("aurora.cli.fleet_merge:merge", "Join the results of several machines."),
        "job": ("aurora.cli.fleet_job:job", "Print a Kubernetes Job that looks at the fleet in shares."),
        "schema": ("aurora.cli.fleet:schema", "Print the JSON Schema of a fleet's status."),
    },
    epilog="Example: aurora fleet list --fleet fleet.toml",
)
def fleet() -> None:
    """See and keep many services that were made from one template."""


def _shard(_context: click.Context, _option: click.Parameter, value: str) -> "Shard":
    from aurora.fleet.shard import Shard

    return Shard.parse(value)


fleet_option = click.option(
    "--fleet",
    "file",
    type=click.Path(path_type=Path),
    default=Path("fleet.toml"),
    show_default=True,
    metavar="FILE",
    help="The list of the services.",
)
shard_option = click.option(
    "--shard",
    callback=_shard,
    default="0/1",
    metavar="i/n",
    help="Only this share of the services, counted from 0: one of n machines does each.",
)
cache_option = click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    callback=lambda _context, _option, value: value or _cache(),
    metavar="DIR",
    help="Where mirrors and what was read of them lie. Default: $XDG_CACHE_HOME/aurora/fleet.",
)
memory_option = click.option(
    "--memory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="What this fleet remembers of logs. Default: $XDG_STATE_HOME/aurora/fleet/NAME.",
)
wait_option = click.option(
    "--wait", type=click.IntRange(0), default=900, show_default=True, help="Seconds to wait for rate limits."
)


def _results(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value:
        from aurora.fleet import results

        results.place_of(value)  # one that cannot be is refused before anything is read
    return value


results_option = click.option(
    "--results",
    callback=_results,
    metavar="PLACE",
    help="Also leave the document in a folder or an object store (s3://, gs://, az://), never over another one.",
)


def jobs_option(default: int | None, what: str) -> Callable[[Function], Function]:
    """Return the option --jobs of a command."""
    shown_default = str(default) if default else "one per processor"
    return click.option(
        "--jobs", type=click.IntRange(1, 256), default=default, help=f"{what} Default: {shown_default}."
    )


def _cache() -> Path:
    from aurora.fleet.places import cache_folder

    return cache_folder()


def say(line: str) -> None:
    """Tell a person who waits what goes on; standard output is for the result."""
    click.echo(escaped(line), err=True)


def memory_of(fleet: "Fleet", given: Path | None) -> Path:
    """Return where a fleet remembers what it has seen."""
    from aurora.fleet.places import memory_folder

    return given or memory_folder(fleet)


def share_of(file: Path, shard: "Shard") -> tuple["Fleet", str]:
    """Return what `services_of` does, and the digest of the whole list. Raises as `listed.read`."""
    from aurora.fleet import listed

    found = listed.read(file)
    return found.share(shard), found.digest


def leave(place: str | None, result: "Result", evidence: "Mapping[str, bytes]") -> None:
    """Leave a result where --results says, if it says so. Raises as `aurora.fleet.results.leave`."""
    from aurora.fleet import results

    if place and not results.leave(place, result, evidence):
        say(f"{place} has this share already, and it says the same")


def services_of(file: Path, shard: "Shard") -> "Fleet":
    """Return the fleet in a file with the services of one share. Raises as `listed.read`."""
    return share_of(file, shard)[0]


@click.command("list", epilog="Example: aurora fleet list --shard 0/8")
@fleet_option
@shard_option
@shown
def list_(file: Path, shard: "Shard", output: str) -> None:
    """Show each service's name, URL and branch, and under whom it is judged."""
    found, digest = share_of(file, shard)
    rows = [{**one._asdict(), "trust": found.owner_of(one)} for one in found.services]
    lines = [f"{row['name']}  {row['url']}  {row['trust'] or 'no owner is pinned'}" for row in rows]
    emit({"fleet": found.name, "listed": digest, "services": rows}, output, *lines, counted(len(rows), "service"))


@click.command(epilog="Example: aurora fleet schema > fleet-status.schema.json")
def schema() -> None:
    """Print the JSON Schema of what `aurora fleet status --format json` prints."""
    from aurora.fleet import row

    click.echo(json.dumps(row.schema(), indent=2))
