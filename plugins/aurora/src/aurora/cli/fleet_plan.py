"""`aurora fleet plan`: a newer standard for many services, tried before anybody is bothered."""

import json
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Unpack

import click

from aurora.cli.fleet import fleet_option, say, shard_option
from aurora.cli.fleet_trying import (
    Trying,
    agreed,
    fetched,
    forges_of,
    jobs_of,
    other_names,
    template_option,
    template_url,
    trying,
)
from aurora.cli.main import emit, shown
from aurora.words import escaped
from remembrancer.errors import counted

if TYPE_CHECKING:
    from aurora.fleet.shard import Shard


@click.command(epilog="Example: aurora fleet plan --trust --to v4.3.0 --waves 1,10%,rest --out plan.json")
@fleet_option
@shard_option
@click.option(
    "--to", "version", required=True, metavar="VERSION", help="A tag of the template, or a branch to look ahead."
)
@click.option("--waves", default="1,10%,rest", show_default=True, help="Numbers, shares of all, and the rest.")
@click.option("--first", multiple=True, metavar="NAME", help="A service that goes before all others; may be repeated.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("plan.json"), show_default=True, metavar="FILE")
@template_option
@click.option("--tests", default="make test", show_default=True, metavar="COMMAND", help="A service's own tests.")
@click.option("--skip-tests", is_flag=True, help="Run no tests, here and in the rollout.")
@trying
@shown
def plan(
    file: Path,
    shard: "Shard",
    *,
    version: str,
    waves: str,
    first: tuple[str, ...],
    out: Path,
    template: str,
    tests: str,
    skip_tests: bool,
    output: str,
    **given: Unpack[Trying],
) -> None:
    """Try each service's update in a throw-away clone, and write what came of it into a plan. Nobody is bothered.

    Copier runs the template's code, and the tests are the service's own: with --trust they run here, as you, without
    your environment and its tokens. It is no sandbox; use a machine or a container that has nothing else to lose.
    """
    from aurora.files import write_whole
    from aurora.fleet import listed
    from aurora.fleet import waves as shares
    from aurora.fleet.plan import BLOCKED, make
    from aurora.fleet.update import How, copier

    agreed(given)
    shares.parse(waves)
    copier()
    fleet = listed.read(file)
    asked = template_url(template, fleet)
    known = forges_of(given)
    how = How(() if skip_tests else tuple(shlex.split(tests)), given["deadline"], given["passed"])
    with TemporaryDirectory(prefix="aurora-") as folder:
        where = fetched(asked, version, folder, other_names(fleet, given), known)
        made = make(
            fleet,
            where,
            waves,
            how,
            forges=known,
            first=first,
            shard=shard,
            cache=given["cache"],
            jobs=jobs_of(given),
            say=say,
        )
    write_whole(out, made.format())
    rows = made.services
    lines = [
        f"{row.name}  {row.state}"
        + (f"  wave {row.wave}" if row.wave else "")
        + (f"  {row.message} [{row.code}]" if row.code else "")
        + "".join(f"\n  {path}" for path in map(escaped, (*row.conflicts, *row.failed)))
        for row in rows
    ]
    blocked = sum(row.state == BLOCKED for row in rows)
    ready = sum(row.wave > 0 for row in rows)
    ending = f"{counted(ready, 'service')} in {counted(made.last, 'wave')}, {blocked} blocked: {out}"
    data = {"plan": made.document(), "digest": made.digest, "file": str(out)}
    emit(data, output, *(line for text in lines for line in text.split("\n")), ending, f"SHA-256 {made.digest}")


@click.command("plan-schema", epilog="Example: aurora fleet plan-schema > fleet-plan.schema.json")
def plan_schema() -> None:
    """Print the JSON Schema of a plan."""
    from aurora.fleet.plan import schema

    click.echo(json.dumps(schema(), indent=2))
