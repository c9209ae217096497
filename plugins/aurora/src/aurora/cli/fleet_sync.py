"""`aurora fleet sync`: the mirrors of all services."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora.cli.fleet import cache_option, fleet_option, jobs_option, shard_option
from aurora.cli.main import emit, shown
from aurora.cli.table import progress
from remembrancer.errors import EnvironmentTrouble, counted

if TYPE_CHECKING:
    from aurora.fleet.prune import Left
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
@click.option("--prune", is_flag=True, help="Also remove the mirrors of services that are not listed any more.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 also if a repository could not be fetched.")
@shown
def sync(
    file: Path,
    *,
    cache: Path,
    shard: "Shard",
    jobs: int,
    deadline: float,
    prune: bool,
    exit_zero: bool,
    output: str,
) -> int:
    """Fetch each repository into a bare mirror, and ask the template for its releases.

    Nothing is checked out, and no hook or filter of a repository runs. Interrupt it whenever you like: the next run
    goes on. What the list does not have any more is named, and removed with --prune unless another fleet has it, too.
    Exits with 4 if a repository or the template could not be fetched; the others are up to date all the same.
    """
    from aurora.fleet import listed
    from aurora.fleet.mirrors import Mirrors
    from aurora.fleet.prune import left
    from aurora.fleet.releases import releases, sync_template

    whole = listed.read(file)
    fleet = whole.share(shard)
    template: dict[str, str] = {"url": fleet.template, "code": "", "message": ""}
    try:
        found = sync_template(cache, fleet)
    except EnvironmentTrouble as error:
        found = releases(cache, fleet)
        template |= {"code": "fleet.unreachable", "message": error.message}
    with progress("fetching", len(fleet.services)) as watched:
        done = Mirrors(cache).sync(fleet, jobs=jobs, deadline=deadline, watched=watched)
    behind = left(cache, whole, remove=prune)
    bad = [one for one in done if one.known.code]
    new = sum(one.before != one.known.commit for one in done)
    status = 4 if bad or template["code"] or any(one.code for one in behind) else 0
    rows = [{"name": one.name, "before": one.before, **one.known._asdict()} for one in done]
    lines = [f"the template: {template['message']} [{template['code']}]"] if template["code"] else []
    lines += [f"{one.name}: {one.known.message} [{one.known.code}]" for one in bad]
    lines.append(f"{counted(len(done), 'service')}: {new} changed, {len(bad)} not fetched")
    lines += _behind(behind)
    said = {**template, "versions": list(found.versions) if found else []}
    not_listed = [one._asdict() for one in behind]
    emit(
        {"fleet": fleet.name, "exitCode": status, "template": said, "services": rows, "notListed": not_listed},
        output,
        *lines,
    )
    return 0 if exit_zero else status


def _behind(found: "list[Left]") -> list[str]:
    """Return the lines about mirrors of services that are not listed any more."""
    lines = []
    for one in found:
        what = f"{one.url} {one.branch}".rstrip()
        why = f"{one.message} [{one.code}]" if one.code else ""
        lines.append(
            f"{what}: {why or ('removed' if one.removed else 'not listed any more; --prune removes its mirror')}"
        )
    return lines
