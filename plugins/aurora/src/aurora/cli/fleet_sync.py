"""`aurora fleet sync`: the mirrors of all services."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora.cli.fleet import cache_option, fleet_option, jobs_option, services_of, shard_option
from aurora.cli.main import emit, shown
from aurora.cli.table import progress
from remembrancer.errors import EnvironmentTrouble, counted

if TYPE_CHECKING:
    from aurora.fleet.shard import Shard


@click.command(epilog="Example: aurora fleet sync --jobs 16 --deadline 120")
@fleet_option
@cache_option
@shard_option
@jobs_option(8, "Repositories that are fetched at a time.")
@click.option(
    "--deadline",
    type=click.FloatRange(1, 86_400),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="The longest that one repository may take.",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 also if a repository could not be fetched.")
@shown
def sync(file: Path, *, cache: Path, shard: "Shard", jobs: int, deadline: float, exit_zero: bool, output: str) -> int:
    """Fetch each repository into a bare mirror, and ask the template for its releases.

    Nothing is checked out, and no hook or filter of a repository runs. Interrupt it whenever you like: the next run
    goes on. Exits with 4 if a repository or the template could not be fetched; the others are up to date all the same.
    """
    from aurora.fleet.mirrors import Mirrors
    from aurora.fleet.releases import releases, sync_template

    fleet = services_of(file, shard)
    template: dict[str, str] = {"url": fleet.template, "code": "", "message": ""}
    try:
        found = sync_template(cache, fleet)
    except EnvironmentTrouble as error:
        found = releases(cache, fleet)
        template |= {"code": "fleet.unreachable", "message": error.message}
    with progress("fetching", len(fleet.services)) as watched:
        done = Mirrors(cache).sync(fleet, jobs=jobs, deadline=deadline, watched=watched)
    bad = [one for one in done if one.known.code]
    new = sum(one.before != one.known.commit for one in done)
    status = 4 if bad or template["code"] else 0
    rows = [{"name": one.name, "before": one.before, **one.known._asdict()} for one in done]
    lines = [f"the template: {template['message']} [{template['code']}]"] if template["code"] else []
    lines += [f"{one.name}: {one.known.message} [{one.known.code}]" for one in bad]
    lines.append(f"{counted(len(done), 'service')}: {new} changed, {len(bad)} not fetched")
    said = {**template, "versions": list(found.versions) if found else []}
    emit({"fleet": fleet.name, "exitCode": status, "template": said, "services": rows}, output, *lines)
    return 0 if exit_zero else status
