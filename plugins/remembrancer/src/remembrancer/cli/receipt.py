"""`receipt`: what one receipt states, and whether it is in the ledger as it stands here."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import emit_verdict
from remembrancer.cli.terminal import put

if TYPE_CHECKING:
    from remembrancer.receipt.statement import Receipt


@click.command(epilog="Example: remembrancer receipt ops/receipts/deploy/my-svc-1.0.0.receipt")
@click.argument("path", type=click.Path(path_type=Path))
@command(trust=True)
def receipt(session: Session, shown: Shown, path: Path) -> int:
    """Show one receipt, and judge it: its blobs are whole, and it is a leaf of the signed ledger.

    What a signature or a timestamp is worth is the verdict of verify-full about its artifact.
    """
    from remembrancer.audit.one_receipt import judge_receipt
    from remembrancer.memory.events import summary

    found, verdict, leaf = judge_receipt(session, path)
    data = {"receipt": json.loads(found.data), "sha256": found.digest, "index": leaf}
    if shown.format == "text":
        for line in (f"{found.kind}: {summary(found)}", *_rows(found)):
            put(line, "    ")
    return emit_verdict("receipt", verdict._replace(data=data), session, shown.format)


def _rows(found: "Receipt") -> Iterator[str]:
    """Yield the receipt's fields as aligned lines, nested names joined by dots."""
    rows = list(_flat("", {"subject": found.subject[0].name, "sha256": found.subject[0].sha256, **found.predicate}))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        yield f"  {name.ljust(width)}  {value}"


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, member)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _flat(f"{prefix}[{number}]", member)
        if not value:
            yield prefix, "none"
    else:
        yield prefix, str(value)
