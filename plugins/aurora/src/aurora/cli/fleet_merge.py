"""`aurora fleet merge`: the results of several machines as those of one."""

from pathlib import Path
from typing import Unpack

import click

from aurora.cli.fleet_show import Shown, check, show, shown_as


@click.command(epilog="Example: aurora fleet merge results/status-*.json --fleet fleet.toml --html site")
@click.argument("shares", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--fleet",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also refuse what lacks a service of this list, or has another one.",
)
@shown_as
def merge(shares: tuple[Path, ...], *, file: Path | None, **given: Unpack[Shown]) -> int:
    """Join what `aurora fleet status --shard i/n --format json` wrote on n machines.

    The result is exactly what one run gives. A share that is missing, given twice, or of another fleet is refused.
    Exits as `aurora fleet status` does.
    """
    from aurora.files import read_given
    from aurora.fleet import listed
    from aurora.fleet.merge import merge as merged
    from aurora.fleet.row import MAX_FILE, parse

    check(given)
    names = [one.name for one in listed.read(file).services] if file else None
    return show(merged([parse(read_given(one, MAX_FILE)) for one in shares], names), given)
