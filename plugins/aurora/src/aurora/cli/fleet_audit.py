"""`aurora fleet audit`: everything verified again, in every service."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

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
from aurora.cli.main import emit, shown
from aurora.cli.table import progress, table
from remembrancer.errors import counted

if TYPE_CHECKING:
    from aurora.fleet.audited import Audit
    from aurora.fleet.shard import Shard

_ORDER = ("failed", "unreachable", "unverifiable", "verified")


@click.command(epilog="Example: aurora fleet audit --memory /var/lib/aurora/shop --format json")
@fleet_option
@cache_option
@memory_option
@shard_option
@jobs_option(None, "Processes that audit.")
@results_option
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever the verdicts are, once everything is written.")
@shown
def audit(
    file: Path,
    *,
    cache: Path,
    memory: Path | None,
    shard: "Shard",
    jobs: int | None,
    results: str | None,
    exit_zero: bool,
    output: str,
) -> int:
    """Verify every receipt, proof and tile of each service's ledger under the owner that fleet.toml pins.

    It is `remembrancer verify-audit` of each, over the mirrors of the last `aurora fleet sync`. A log that went back or
    forked since an earlier run is named, and evidence of a fork is kept in --memory and left with --results. Exits with
    the status of the worst: 1 failed, 4 not fetched, 3 unverifiable.
    """
    from aurora.fleet.audit import audit as audit_of
    from aurora.fleet.evidence import by_digest

    fleet, digest = share_of(file, shard)
    place = memory_of(fleet, memory)
    with progress("auditing", len(fleet.services)) as watched:
        found = audit_of(fleet, cache, place, shard=shard, listed=digest, jobs=jobs, watched=watched)
    leave(results, found, by_digest(place))
    show_audit(found, output)
    return 0 if exit_zero else found.exit_code


def show_audit(found: "Audit", output: str) -> None:
    """Print the audit of a fleet for people or as its document."""
    if output == "json":
        from aurora.fleet import results

        click.echo(results.data_of(found), nl=False)
        return
    rows = sorted(found.rows, key=lambda one: (_ORDER.index(one.verdict), one.name))
    if rows:
        cells = [(one.name, one.verdict, str(one.size or "-"), _why(one.code, one.message)) for one in rows]
        table(("service", "verdict", "entries", "why"), cells)
    counts = Counter(one.verdict for one in rows)
    said_counts = ", ".join(f"{counts[one]} {one}" for one in _ORDER if counts[one])
    print(f"{counted(len(rows), 'service')}{': ' if said_counts else ''}{said_counts}")


def _why(code: str, message: str) -> str:
    return f"{message} [{code}]" if code else ""


@click.command("audit-schema", epilog="Example: aurora fleet audit-schema > fleet-audit.schema.json")
def audit_schema() -> None:
    """Print the JSON Schema of what `aurora fleet audit --format json` prints."""
    from aurora.fleet import audited

    click.echo(json.dumps(audited.schema(), indent=2))


@click.command(epilog="Example: aurora fleet forget example.com/payments")
@click.argument("origin")
@fleet_option
@cache_option
@memory_option
@shown
def forget(origin: str, *, file: Path, cache: Path, memory: Path | None, output: str) -> None:
    """Forget which policies and checkpoints of the log ORIGIN this fleet has seen.

    For a log that was begun anew, or taken back, and whose owner has told you so. The next run remembers what it finds.
    """
    from aurora.fleet import listed
    from aurora.fleet.kept import forget as forget_log

    found = forget_log(cache, memory_of(listed.read(file), memory), origin)
    lines = [
        f"a policy before version {one.newest} is no longer noticed"
        if one.kind == "policies"
        else f"a log that does not extend the one of size {one.newest} is no longer noticed"
        for one in found
    ]
    rows = [{"kind": one.kind, "of": one.whose, "newest": one.newest} for one in found]
    emit({"origin": origin, "forgotten": rows}, output, *(lines or [f"nothing of {origin} was remembered"]))
