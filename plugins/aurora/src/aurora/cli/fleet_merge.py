"""`aurora fleet merge`: the results of several machines as those of one."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from aurora.cli.fleet import leave, results_option, say
from aurora.cli.fleet_show import Shown, check, show, shown_as
from remembrancer.errors import BadInput, counted

if TYPE_CHECKING:
    from aurora.fleet.audited import Audit
    from aurora.fleet.plan import Plan
    from aurora.fleet.results import Result, Taken


@click.command(epilog="Example: aurora fleet merge results/ --fleet fleet.toml --html site")
@click.argument("shares", nargs=-1, required=True, metavar="PLACE...")
@click.option(
    "--fleet",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also refuse what lacks a service of this list, has another one, or was made with another list.",
)
@results_option
@shown_as
def merge(shares: tuple[str, ...], *, file: Path | None, results: str | None, **given: Unpack[Shown]) -> int:
    """Join what `aurora fleet status`, `audit` or `plan` with --shard i/n wrote on n machines.

    PLACE is a document, or what --results was: a folder or the URL of an object store. The result is what one run
    gives, and names the digest of each share. A share that is missing, given twice, of another run or of another fleet
    is refused, and evidence that is not what its name says. Exits as `status` or `audit` does. Plans become one plan,
    its waves counted over the whole fleet, in the file of --output.
    """
    from aurora.fleet import listed
    from aurora.fleet.merge import merge as merged
    from aurora.fleet.results import take
    from aurora.fleet.row import Status

    if plans := _plans(shares):
        return _plan(plans, file, results, given)
    check(given)
    taken = [one for place in shares for one in take(place)]
    fleet = listed.read(file) if file else None
    names, digest = ([one.name for one in fleet.services], fleet.digest) if fleet else (None, "")
    joined = tuple(sorted((one.joined for one in taken), key=lambda one: int(one.shard.partition("/")[0])))
    whole: Result = merged([one.result for one in taken], names, digest)
    found = replace(whole, shares=joined)
    if isinstance(found, Status):
        leave(results, found, {})
        return show(found, given)
    return _audit(found, taken, results, given)


def _plans(shares: tuple[str, ...]) -> "list[Plan]":
    """Return the plans among the documents, none where there is only something else."""
    from aurora.files import read_given
    from aurora.fleet.plan import MAX_FILE, loads
    from aurora.fleet.plan_shares import MARK

    files = [Path(one) for one in shares if "://" not in one and Path(one).is_file()]
    found = [data for one in files if MARK in (data := read_given(one, MAX_FILE))]
    if found and len(found) != len(shares):
        raise BadInput("fleet.shard-foreign", "some of these are plans, and others are not")
    return [loads(data) for data in found]


def _plan(plans: "list[Plan]", file: Path | None, results: str | None, given: Shown) -> int:
    from aurora.files import write_whole
    from aurora.fleet import listed
    from aurora.fleet.plan_shares import joined

    if results or given["html"] or given["sqlite"] or given["form"] == "backstage":
        raise click.UsageError(
            "--results, --html, --sqlite and --format backstage are of a status, and these are plans"
        )
    fleet = listed.read(file) if file else None
    made = joined(plans, [one.name for one in fleet.services] if fleet else None, fleet.digest if fleet else "")
    if given["output"]:
        write_whole(given["output"], made.format())
    else:
        click.echo(made.format().decode(), nl=False)
    return 0


def _audit(found: "Audit", taken: "list[Taken]", results: str | None, given: Shown) -> int:
    from aurora.cli.fleet_audit import show_audit
    from aurora.files import write_whole
    from aurora.fleet.results import data_of

    if given["html"] or given["sqlite"] or given["form"] == "backstage":
        raise click.UsageError("--html, --sqlite and --format backstage are of a status, and these shares of an audit")
    if absent := {digest for one in taken for digest in one.absent}:
        where = f"{counted(len(absent), 'file')} of evidence not beside the shares: {min(absent)}"
        if results:
            raise BadInput("fleet.evidence", where)
        say(where)
    leave(results, found, {digest: data for one in taken for digest, data in one.evidence.items()})
    if given["output"]:
        write_whole(given["output"], data_of(found))
    else:
        show_audit(found, given["form"])
    return 0 if given["exit_zero"] else found.exit_code
