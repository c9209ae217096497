"""`aurora evidence`: what proves that a log forked, judged without a network."""

from pathlib import Path

import click

from aurora.cli.main import Lazy, emit
from aurora.cli.main import shown as format_option
from remembrancer.errors import BadInput, Unverifiable


@click.group(
    cls=Lazy,
    table={
        "verify": ("aurora.cli.evidence:verify", "Does this file prove that the log forked?"),
        "schema": ("aurora.cli.evidence:schema", "Print the JSON Schema of such a file."),
    },
    epilog="Example: aurora evidence verify fork.json --key log.example/my-svc+3f5b1c2d+AbCd...",
)
def evidence() -> None:
    """Judge evidence that a log forked, offline."""


@click.command(epilog="Example: aurora evidence verify fork.json --key log.example/my-svc+3f5b1c2d+AbCd...")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", "keys", multiple=True, metavar="VKEY", help="A key of the log, from its owner and not the file.")
@format_option
def verify(file: Path, keys: tuple[str, ...], output: str) -> None:
    """Exit with 0 if the file proves a fork under the log's key, with 1 if it does not."""
    from aurora import evidence as room
    from aurora.files import read_given
    from remembrancer.tlog import VerifierKey

    try:
        known = [VerifierKey.parse(key) for key in keys]
    except ValueError as error:
        raise BadInput("input.field", f"--key: {error}") from None
    found = room.parse(read_given(file, room.MAX_FILE))
    if not known:
        raise Unverifiable("evidence.no-key", f"nothing says which key signs for {found.origin}")
    fork = room.judge(found, known)
    roots = [root.hex() for root in fork.roots]
    emit(
        {"origin": fork.origin, "size": fork.size, "roots": roots, "verdict": "forked"},
        output,
        f"{fork.origin} forked: it signed two trees of size {fork.size}",
        *(f"  {root}" for root in roots),
    )


@click.command(epilog="Example: aurora evidence schema > fork-evidence.schema.json")
def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of a file of evidence."""
    import json

    from aurora import evidence as room

    click.echo(json.dumps(room.schema(), indent=2))
