"""`aurora fleet plan` and `aurora fleet rollout`: a newer standard for many services, tried first and then in waves."""

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

from aurora.cli.fleet import cache_option, fleet_option, say, shard_option, wait_option
from aurora.cli.main import emit, shown
from remembrancer.errors import BadInput, Refused, counted

if TYPE_CHECKING:
    from aurora.fleet.forges.known import Forges
    from aurora.fleet.listed import Fleet
    from aurora.fleet.shard import Shard
    from aurora.fleet.template import Template

CONSENT = "this runs the template's code and each service's own tests on this machine, as you"

_OPTIONS = (
    click.option(
        "--source", "others", multiple=True, metavar="URL", help="Another address by which services name the template."
    ),
    click.option(
        "--pass", "passed", multiple=True, metavar="NAME", help="A further variable that the services' code may see."
    ),
    click.option(
        "--deadline",
        type=click.FloatRange(1),
        default=900,
        show_default=True,
        help="Seconds of one update or test run.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(1, 256),
        default=os.cpu_count() or 1,
        help="How many services at once [default: cores].",
    ),
    wait_option,
    cache_option,
    click.option(
        "--forge",
        "forges",
        multiple=True,
        metavar="HOST=KIND",
        help="A forge of your own: git.example.com=github or =gitlab, and =KIND@URL where its interface is elsewhere.",
    ),
    click.option(
        "--trust",
        is_flag=True,
        help="Agree that the template's code and the services' tests run here, as you.",
    ),
)


template_option = click.option(
    "--template", default="", metavar="URL", help="The template's repository [default: the list's]."
)


class Trying(TypedDict):
    """What the options of `trying` give to a command."""

    others: tuple[str, ...]
    passed: tuple[str, ...]
    deadline: float
    jobs: int
    wait: int
    cache: Path
    forges: tuple[str, ...]
    trust: bool


def trying(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say how updates are tried."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _agreed(given: Trying) -> None:
    from aurora.fleet.forges.access import SECRETS

    if not given["trust"]:
        raise Refused("fleet.consent", CONSENT)
    if strange := SECRETS & {*given["passed"]}:
        raise BadInput("input.field", f"{min(strange)} is never given to a service's code")


def _forges(given: Trying) -> "Forges":
    from functools import partial

    from aurora.fleet.forges.known import Forges, connect

    return Forges(given["forges"], connect=partial(connect, patience=given["wait"], say=say))


def _asked(template: str, fleet: "Fleet") -> str:
    """Return the template that somebody here names. Raises BadInput(input.field)."""
    if url := template or fleet.template:
        return url
    raise BadInput("input.field", "nobody says which template: give --template, or write it into the list")


def _template(url: str, version: str, folder: str, others: tuple[str, ...], forges: "Forges") -> "Template":
    from aurora.fleet.template import fetch

    return fetch(url, version, Path(folder), others, forges.for_git(url))


def _names(fleet: "Fleet", given: Trying) -> tuple[str, ...]:
    """Return the further addresses by which services name the template."""
    return (*given["others"], *([fleet.template] if fleet.template else []))


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
    from aurora.cli.main import printable
    from aurora.files import write_whole
    from aurora.fleet import listed
    from aurora.fleet import waves as shares
    from aurora.fleet.plan import BLOCKED, make
    from aurora.fleet.update import How, copier

    _agreed(given)
    shares.parse(waves)
    copier()
    fleet = listed.read(file)
    asked = _asked(template, fleet)
    known = _forges(given)
    how = How(() if skip_tests else tuple(shlex.split(tests)), given["deadline"], given["passed"])
    with TemporaryDirectory(prefix="aurora-") as folder:
        where = _template(asked, version, folder, _names(fleet, given), known)
        made = make(
            fleet,
            where,
            waves,
            how,
            forges=known,
            first=first,
            shard=shard,
            cache=given["cache"],
            jobs=given["jobs"],
            say=say,
        )
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
    emit(data, output, *(line for text in lines for line in text.split("\n")), ending, f"SHA-256 {made.digest}")


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

    _agreed(given)
    copier()
    made = read(file_of_plan)
    if digest and digest.lower() != made.digest:
        raise BadInput("fleet.plan", f"the plan has the digest {made.digest}, which is not the one that was given")
    fleet = listed.read(file)
    asked = _asked(template, fleet)
    check_template(made, asked, given["others"])
    known = _forges(given)
    how = How(made.tests, given["deadline"], given["passed"])
    with TemporaryDirectory(prefix="aurora-") as folder:
        where = _template(asked, made.version, folder, _names(fleet, given), known)
        run = Rollout(
            made,
            fleet,
            where,
            known,
            how,
            despite=despite,
            shard=shard,
            cache=given["cache"],
            jobs=given["jobs"],
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


@click.command("plan-schema", epilog="Example: aurora fleet plan-schema > fleet-plan.schema.json")
def plan_schema() -> None:
    """Print the JSON Schema of a plan."""
    from aurora.fleet.plan import schema

    click.echo(json.dumps(schema(), indent=2))
