"""Options that take a time: one grammar, one help text, one sentence when it is none."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from remembrancer.clock import SystemClock, instant

Function = Callable[..., Any]


def time_option(
    name: str, meaning: str, *, end: bool = False, ahead: bool = False, required: bool = False, into: str = ""
) -> Callable[[Function], Function]:
    """Return the decorator that adds an option whose value is what `clock.instant` reads, as an aware datetime.

    `end` lets a day count to its end, `ahead` a distance from now on; `into` names the function's parameter. Whatever
    is no time is BadInput(input.time).
    """

    def read(_context: click.Context, option: click.Parameter, given: str | None) -> datetime | None:
        if given is None:
            return None
        try:
            return instant(given, SystemClock().now(), end=end, ahead=ahead)
        except ValueError as error:
            from remembrancer.errors import BadInput

            raise BadInput("input.time", f"{option.opts[0]} {error}") from None

    forms = f"2026-01-31, 2026-01-31T08:00:00Z or 7d {'from now' if ahead else 'ago'}."
    names = (name, into) if into else (name,)
    return click.option(*names, callback=read, metavar="TIME", required=required, help=f"{meaning}: {forms}")
