"""`aurora fleet rollout`: a plan carried out in waves, by a request for each service."""

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
from remembrancer.errors import BadInput, counted

if TYPE_CHECKING:
    from aurora.fleet.shard import Shard


@click.command(epilog="Example: aurora fleet rollout plan.json --trust --wave 1")
@click.argument("file_of_plan", metavar="PLAN", type=click.Path(path_type=Path))
@fleet_option
@shard_option
@click.option(
    "--wave", type=click.IntRange(1), default=None, help="Only this wave [default: as far as they are green]."
)
@click.option(
    "--despite", multiple=True, metavar="NAME", help="A service that the next wave does not wait for; may be repeated."
)
@template_option
@click.option("--digest", default="", metavar="SHA256", help="Refuse a plan that is not the one with this digest.")
@trying
@shown
def rollout(
    file_of_plan: Path,
    file: Path,
    shard: "Shard",
    *,
    wave: int | None,
    despite: tuple[str, ...],
    template: str,
    digest: str,
    output: str,
    **given: Unpack[Trying],
) -> int:
    """Carry a plan out: for each service a branch, the update, its own tests, one commit, a push and a request.

    The next wave begins when each request of the one before is merged, or its checks are green. Run it again at any
    time: what has been done is asked of the remotes and the forges, and nothing is opened twice. The template's code
    and the services' tests run here, as you and without your tokens.

    A plan is a file without a signature. What it says of URLs, branches, commits, layers and trees is held against the
    list, the template and the remotes; --digest says that nothing else was changed in it either.
    """
    from dataclasses import asdict

    from aurora.fleet import listed
    from aurora.fleet.plan import read
    from aurora.fleet.rollout import Rollout, check_template
    from aurora.fleet.update import How, copier

    agreed(given)
    copier()
    made = read(file_of_plan)
    if digest and digest.lower() != made.digest:
        raise BadInput("fleet.plan", f"the plan has the digest {made.digest}, which is not the one that was given")
    fleet = listed.read(file)
    asked = template_url(template, fleet)
    check_template(made, asked, given["others"])
    known = forges_of(given)
    how = How(made.tests, given["deadline"], given["passed"])
    with TemporaryDirectory(prefix="aurora-") as folder:
        where = fetched(asked, made.version, folder, other_names(fleet, given), known)
        run = Rollout(
            made,
            fleet,
            where,
            known,
            how,
            despite=despite,
            shard=shard,
            cache=given["cache"],
            jobs=jobs_of(given),
            say=say,
        )
        done = run.run(wave)
    rows = [{**asdict(row), "light": row.light} for row in done.rows]
    lines = [
        "  ".join(
            word
            for word in (
                f"wave {row.wave}",
                row.name,
                row.state,
                row.checks and f"checks {row.checks}",
                row.url,
                row.code and f"{row.message} [{row.code}]",
            )
            if word
        )
        for row in done.rows
    ]
    new = counted(sum(row.new for row in done.rows), "service")
    ending = [f"{new} new in this run, {len(done.rows)} looked at", *([done.ended] if done.ended else [])]
    data = {"exitCode": done.exit_code, "services": rows, "ended": done.ended, "plan": made.digest}
    emit(data, output, *lines, *ending)
    return done.exit_code
