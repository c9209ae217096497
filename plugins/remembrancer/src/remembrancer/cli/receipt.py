"""`receipt`: what one receipt states, and whether it is in the ledger as it stands here."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, emit
from remembrancer.cli.terminal import put

if TYPE_CHECKING:
    from remembrancer.findings import Finding
    from remembrancer.receipt.statement import Receipt


@click.command(epilog="Example: remembrancer receipt ops/receipts/deploy/my-svc-1.0.0.receipt")
@click.argument("path", type=click.Path(path_type=Path))
@command(trust=True)
def receipt(session: Session, path: Path) -> int:
    """Show one receipt, and judge it: its blobs are whole, and it is a leaf of the signed ledger.

    What a signature or a time-stamp is worth is the verdict of verify-full about its artifact.
    """
    from remembrancer.errors import BadInput
    from remembrancer.memory.events import summary
    from remembrancer.repository.store import Store

    store = Store(session.root)
    absolute = path if path.is_absolute() else Path.cwd() / path
    if not absolute.is_file() and (session.root / path).is_file():
        absolute = session.root / path
    below = absolute.resolve().is_relative_to(session.root / "ops" / "receipts")
    if not absolute.is_file() or not below:
        what = "a folder" if absolute.is_dir() else "not below ops/receipts"
        said = f"{path} is {what}" if absolute.exists() else f"there is no file {path}"
        raise BadInput("input.file", said, "Name a file below ops/receipts; `remembrancer list receipts` shows each.")
    found = store.read_receipt(absolute)
    findings, profile, index = _judged(session, found)
    data = {"receipt": json.loads(found.data), "sha256": found.digest, "index": index}
    if session.output == "text":
        for line in (f"{found.kind}: {summary(found)}", *_rows(found)):
            put(line, "    ")
    return emit(Report("receipt", str(path), profile, findings, data, session.notices), session.output)


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


def _judged(session: Session, found: "Receipt") -> "tuple[list[Finding], str, int | None]":
    """Return the findings about a receipt, the policy's profile ("" without trust), and its leaf (None: not sealed)."""
    from remembrancer.audit.gather import open_ledger
    from remembrancer.errors import Rejected, RemembrancerError, Unverifiable
    from remembrancer.ledger import Ledger
    from remembrancer.receipt.statement import relative_path
    from remembrancer.verify.artifact import check_inclusion, negative, positive, trust_finding
    from remembrancer.verify.evidence import Entry

    where = f"ops/receipts/{relative_path(found)}"
    try:
        for digest in found.blobs:
            session.repository.blob(digest)
        blobs = positive("blobs", where, f"{len(found.blobs)} blobs are whole")
    except RemembrancerError as error:
        blobs = negative("blobs", where, error)
    try:
        trusted = session.trusted()
    except (Rejected, Unverifiable) as error:
        return [negative("trust", "ops/trust/policy.toml", error), blobs], "", None
    log = open_ledger(session.repository, trusted.policy)
    index = None
    if log.view is not None:
        index = Ledger(session.root).index_of(found.data)
    inclusion = check_inclusion(log, [Entry(found, index, found.data)])
    if index is not None and log.view is not None and inclusion.code == "inclusion.ok":
        inclusion = positive(
            "inclusion", where, f"leaf {index} of the tree of size {log.view.size}", log.view.signed.checkpoint.origin
        )
    return [trust_finding(trusted), blobs, inclusion], str(trusted.policy.profile), index
