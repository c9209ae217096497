"""`aurora fleet plan` and `aurora fleet rollout`: a newer standard for many services, tried first and then in waves."""

import json
import os
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from aurora.cli.fleet import fleet_option, services_of, shard_option
from aurora.cli.fleet_discover import say
from aurora.cli.main import emit, shown
from remembrancer.errors import BadInput, Refused, counted

if TYPE_CHECKING:
    from aurora.fleet.forges.known import Forges
    from aurora.fleet.shard import Shard
    from aurora.fleet.template import Template

CONSENT = "this runs the template's code and each service's own tests on this machine, as you"

trust_option = click.option(
    "--trust", is_flag=True, help="Agree that the template's code and the services' tests run here, as you."
)
forge_option = click.option(
    "--forge",
    "forges",
    multiple=True,
    metavar="HOST=KIND",
    help="A forge of your own: git.example.com=github or =gitlab, and =KIND@URL where its interface is elsewhere.",
)
source_option = click.option(
    "--source", "others", multiple=True, metavar="URL", help="Another address by which services name the template."
)
pass_option = click.option(
    "--pass", "passed", multiple=True, metavar="NAME", help="A further variable that the services' code may see."
)
deadline_option = click.option(
    "--deadline", type=click.FloatRange(1), default=900, show_default=True, help="Seconds of one update or test run."
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=os.cpu_count() or 1,
    help="How many services at once [default: cores].",
)
wait_option = click.option(
    "--wait", type=click.IntRange(0), default=900, show_default=True, help="Seconds to wait for rate limits."
)


def _agreed(trust: bool, passed: tuple[str, ...]) -> None:
    from aurora.fleet.forges.access import SECRETS

    if not trust:
        raise Refused("fleet.consent", CONSENT)
    if strange := SECRETS & {*passed}:
        raise BadInput("input.field", f"{min(strange)} is never given to a service's code")


def _forges(words: tuple[str, ...], wait: int) -> "Forges":
    from functools import partial

    from aurora.fleet.forges.known import Forges, connect

    return Forges(words, connect=partial(connect, patience=wait, say=say))


def _template(
    url: str, version: str, folder: str, *, others: tuple[str, ...], forges: "Forges", listed: str
) -> "Template":
    from aurora.fleet.template import fetch

    if not url:
        raise BadInput("input.field", "nobody says which template: give --template, or write it into the list")
    hosted = forges.of(url)
    names = (*others, *([listed] if listed else []))
    return fetch(url, version, Path(folder), names, hosted.access.for_git(url) if hosted else {})


@click.command(epilog="Example: aurora fleet plan --trust --to v4.3.0 --waves 1,10%,rest --out plan.json")
@fleet_option
@shard_option
@click.option(
    "--to", "version", required=True, metavar="VERSION", help="A tag of the template, or a branch to look ahead."
)
@click.option("--waves", default="1,10%,rest", show_default=True, help="Numbers, shares of all, and the rest.")
@click.option("--first", multiple=True, metavar="NAME", help="A service that goes before all others; may be repeated.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("plan.json"), show_default=True, metavar="FILE")
@click.option("--template", default="", metavar="URL", help="The template's repository [default: the list's].")
@click.option("--tests", default="make test", show_default=True, metavar="COMMAND", help="A service's own tests.")
@click.option("--skip-tests", is_flag=True, help="Run no tests, here and in the rollout.")
@source_option
@pass_option
@deadline_option
@jobs_option
@wait_option
@forge_option
@trust_option
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
    others: tuple[str, ...],
    passed: tuple[str, ...],
    deadline: float,
    jobs: int,
    wait: int,
    forges: tuple[str, ...],
    trust: bool,
    output: str,
) -> None:
    """Try each service's update in a throw-away clone, and write what came of it into a plan. Nobody is bothered.

    Copier runs the template's code, and the tests are the service's own: with --trust they run here, as you, without
    your environment and its tokens. It is no sandbox; use a machine or a container that has nothing else to lose.
    """
    from aurora.cli.main import printable
    from aurora.files import write_whole
    from aurora.fleet import waves as shares
    from aurora.fleet.plan import BLOCKED, make
    from aurora.fleet.update import How, copier

    _agreed(trust, passed)
    shares.parse(waves)
    copier()
    fleet = services_of(file, shard)
    known = _forges(forges, wait)
    first = tuple(name for name in first if shard.takes(name))
    how = How(() if skip_tests else tuple(shlex.split(tests)), deadline, passed)
    with TemporaryDirectory(prefix="aurora-") as folder:
        where = _template(
            template or fleet.template, version, folder, others=others, forges=known, listed=fleet.template
        )
        made = make(fleet, where, waves, how, forges=known, first=first, jobs=jobs, say=say)
    write_whole(out, made.format())
    rows = made.services
    lines = [
        f"{row.name}  {row.state}"
        + (f"  wave {row.wave}" if row.wave else "")
        + (f"  {row.message} [{row.code}]" if row.code else "")
        + "".join(f"\n  {path}" for path in map(printable, (*row.conflicts, *row.failed)))
        for row in rows
    ]
    blocked = sum(row.state == BLOCKED for row in rows)
    ready = sum(row.wave > 0 for row in rows)
    ending = f"{counted(ready, 'service')} in {counted(made.last, 'wave')}, {blocked} blocked: {out}"
    data = {"plan": made.document(), "digest": made.digest, "file": str(out)}
    emit(data, output, *(line for text in lines for line in text.split("\n")), ending)


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
@source_option
@pass_option
@deadline_option
@jobs_option
@wait_option
@forge_option
@trust_option
@shown
def rollout(
    file_of_plan: Path,
    file: Path,
    shard: "Shard",
    *,
    wave: int | None,
    despite: tuple[str, ...],
    others: tuple[str, ...],
    passed: tuple[str, ...],
    deadline: float,
    jobs: int,
    wait: int,
    forges: tuple[str, ...],
    trust: bool,
    output: str,
) -> int:
    """Carry a plan out: for each service a branch, the update, its own tests, one commit, a push and a request.

    The next wave begins when each request of the one before is merged, or its checks are green. Run it again at any
    time: what has been done is asked of the remotes and the forges, and nothing is opened twice. The template's code
    and the services' tests run here, as you and without your tokens.
    """
    from aurora.fleet import listed
    from aurora.fleet.plan import read
    from aurora.fleet.rollout import Rollout
    from aurora.fleet.update import How, copier

    _agreed(trust, passed)
    copier()
    made = read(file_of_plan)
    fleet = listed.read(file)
    known = _forges(forges, wait)
    how = How(made.tests, deadline, passed)
    with TemporaryDirectory(prefix="aurora-") as folder:
        where = _template(made.template, made.version, folder, others=others, forges=known, listed=fleet.template)
        run = Rollout(made, fleet, where, known, how, despite=despite, shard=shard, jobs=jobs, say=say)
        done = run.run(wave)
    rows = [{**_row(row), "light": row.light} for row in done.rows]
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


def _row(row: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row)


@click.command("plan-schema", epilog="Example: aurora fleet plan-schema > fleet-plan.schema.json")
def plan_schema() -> None:
    """Print the JSON Schema of a plan."""
    from aurora.fleet.plan import schema

    click.echo(json.dumps(schema(), indent=2))
