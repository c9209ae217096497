"""What `aurora fleet plan` and `aurora fleet rollout` share: how updates are tried, and the consent to it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click

from aurora.cli.fleet import cache_option, jobs_option, say, wait_option
from remembrancer.errors import BadInput, Refused

if TYPE_CHECKING:
    from aurora.fleet.forges.known import Forges
    from aurora.fleet.listed import Fleet
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
    jobs_option(None, "Services that are tried at once."),
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
    jobs: int | None
    wait: int
    cache: Path
    forges: tuple[str, ...]
    trust: bool


def trying(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say how updates are tried."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def agreed(given: Trying) -> None:
    """Raise Refused(fleet.consent) without --trust, BadInput(input.field) for a token that code of others would see."""
    from aurora.fleet.forges.access import SECRETS

    if not given["trust"]:
        raise Refused("fleet.consent", CONSENT)
    if strange := SECRETS & {*given["passed"]}:
        raise BadInput("input.field", f"{min(strange)} is never given to a service's code")


def forges_of(given: Trying) -> "Forges":
    """Return the forges that are known, with those of the options."""
    from functools import partial

    from aurora.fleet.forges.known import Forges, connect

    return Forges(given["forges"], connect=partial(connect, patience=given["wait"], say=say))


def template_url(template: str, fleet: "Fleet") -> str:
    """Return the template that somebody here names. Raises BadInput(input.field)."""
    if url := template or fleet.template:
        return url
    raise BadInput("input.field", "nobody says which template: give --template, or write it into the list")


def fetched(url: str, version: str, folder: str, others: tuple[str, ...], forges: "Forges") -> "Template":
    """Return the template at a version, fetched into a folder. Raises as `template.fetch`."""
    from aurora.fleet.template import fetch

    return fetch(url, version, Path(folder), others, forges.for_git(url))


def other_names(fleet: "Fleet", given: Trying) -> tuple[str, ...]:
    """Return the further addresses by which services name the template."""
    return (*given["others"], *([fleet.template] if fleet.template else []))


def jobs_of(given: Trying) -> int:
    """Return how many services are tried at once."""
    from aurora.fleet.pool import processors

    return given["jobs"] or processors()
