"""Options that many commands share: they become a session, and how its results are shown."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from remembrancer.audit.session import Session
from remembrancer.named import NamedTuple


class Shown(NamedTuple):
    """How a command shows its result: `format` is text or json, `verbose` says more."""

    format: str = "text"
    verbose: bool = False


def expectation(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    """Return what the user expects, "" without the option.

    Raises click.BadParameter for an empty one: a variable that nobody has set must not ask for less.
    """
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty; leave the option out if anything will do")
    return value or ""


class PathName(click.Path):
    """A path that is not empty: a variable that nobody has set must not mean the working directory."""

    def __init__(self) -> None:
        """Give `Path` objects, of anything or nothing at all."""
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; fails for the empty one."""
        if value == "":
            self.fail("it is empty; name a path, or leave it out", param, ctx)
        return super().convert(value, param, ctx)


_ROOT = PathName()  # one for all: each looks for a translation of its name


def command(*, trust: bool = False, root: bool = True) -> Callable[[Callable[..., int | None]], Callable[..., int]]:
    """Decorate a command's function: adds `--format`, `-v` and (wanted) `--root`, `--trust`, `--require`, `--origin`.

    The function gets the session and how to show the result as its first arguments, and returns its exit status (None
    is 0).
    """

    def decorate(function: Callable[..., int | None]) -> Callable[..., int]:
        @functools.wraps(function)
        def run(output: str, verbose: bool, **options: Any) -> int:
            session = Session(
                options.pop("root", None),
                owners=options.pop("owners", ()),
                require_production=options.pop("require", None) == "production",
                origin=(options.pop("origin", None) or "") if trust else "",  # a command's own --origin is another
            )
            return function(session, Shown(output, verbose), **options) or 0

        options = [
            click.option(
                "--format",
                "output",
                type=click.Choice(["text", "json"]),
                default="text",
                help="Output for people or programs.",
            ),
            click.option("-v", "--verbose", is_flag=True, help="Say more."),
        ]
        if root:
            options.append(
                click.option(
                    "--root",
                    type=_ROOT,
                    metavar="DIR",
                    help="The repository. Default: the nearest folder upwards with ops/receipts or .git.",
                )
            )
        if trust:
            options += [
                click.option(
                    "--trust",
                    "owners",
                    multiple=True,
                    metavar="FPR",
                    help="Trust this owner in this run (also REMEMBRANCER_TRUST). Default: the pinned owners.",
                ),
                click.option(
                    "--require",
                    type=click.Choice(["production"]),
                    help="Fail unless the policy's profile is production.",
                ),
                click.option(
                    "--origin",
                    metavar="ORIGIN",
                    callback=expectation,
                    help="Fail unless the ledger is this one (also REMEMBRANCER_ORIGIN).",
                ),
            ]
        for option in reversed(options):
            run = option(run)
        return run

    return decorate
