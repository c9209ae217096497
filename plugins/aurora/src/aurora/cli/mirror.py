"""`aurora mirror`: a read-only copy of a log in a folder or an object store."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora.cli.main import emit, logs_option, shown
from remembrancer.errors import BadInput, counted

if TYPE_CHECKING:
    from aurora.mirror.place import Place


@click.command(epilog="Example: aurora mirror https://git.example.org/us/my-svc.git --logs logs.txt --to ./mirror")
@click.argument("repository")
@logs_option("Lines `log <verifier key>` (tlog-policy): the keys under which the log is opened.")
@click.option(
    "--to",
    "target",
    required=True,
    metavar="PLACE",
    help="A folder, or the URL of an object store: s3://, gs://, az://.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the object store, such as endpoint=https://s3.example.org or region=eu-west-1.",
)
@shown
def mirror(repository: str, *, logs: Path, target: str, options: tuple[str, ...], output: str) -> None:
    """Copy what a repository publishes below PLACE/<SHA-256 of the origin>/: tiles first, then the checkpoint.

    The copy is never shorter or another log than it was; killed at any moment, it is a valid prefix. A store that
    ignores the conditions of a write is refused before anything is copied.
    """
    from aurora import logs as known
    from aurora.foreign.snapshot import Snapshot
    from aurora.mirror.copy import mirror as copy
    from aurora.mirror.place import Folder, probe

    place: Place
    if "://" in target:
        from aurora.mirror.objects import Objects

        if any("=" not in one for one in options):
            raise BadInput("input.field", "--option is KEY=VALUE")
        place = Objects(target, dict(one.split("=", 1) for one in options))
    else:
        place = Folder(Path(target))
    listed = known.read(logs)
    probe(place, target)
    with Snapshot(repository) as source:
        done = copy(source, repository, listed, place)
    emit(
        done._asdict(),
        output,
        f"{done.origin}: from size {done.before} to {done.size}, {counted(done.files, 'new file')}",
    )
