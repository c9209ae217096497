"""`list`, `receipt` and `status`: what is recorded. Nothing here is a verdict."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, emit_json, say, table

if TYPE_CHECKING:
    from remembrancer.receipt import Receipt


def _receipts(session: Session, *kinds: str) -> Iterator[tuple[str, "Receipt"]]:
    """Yield path (from the repository's root) and receipt of every readable receipt; others become notices."""
    from remembrancer.errors import Rejected
    from remembrancer.repository import RECEIPTS
    from remembrancer.store import Store

    store = Store(session.root)
    for name in sorted(store.receipts()):
        if kinds and name.split("/")[0] not in kinds:
            continue
        try:
            yield f"{RECEIPTS}/{name}", store.read_receipt(name)
        except Rejected as error:
            session.notices.append(f"{error.message} [{error.code}]")


@click.command(epilog="Example: remembrancer list deployments --format json")
@click.option("--component", metavar="NAME", help="Only this component.")
@command()
def deployments(session: Session, component: str | None) -> int:
    """List every recorded version, rollout and rollback, newest first."""
    rows = []
    for path, receipt in _receipts(session, "deploy", "rollout", "rollback"):
        said = receipt.predicate
        if component is None or said["component"] == component:
            rows.append(
                {
                    "recordedAt": said["recordedAt"],
                    "event": receipt.kind,
                    "component": said["component"],
                    "version": said["version"],
                    "environment": said["environment"],
                    "sha256": receipt.subject[0].sha256,
                    "receipt": path,
                }
            )
    rows.sort(key=lambda row: (str(row["recordedAt"]), str(row["receipt"])), reverse=True)
    return _list(session, "list deployments", rows)


@click.command(epilog="Example: remembrancer list adrs")
@command()
def adrs(session: Session) -> int:
    """List the architecture decision records in ops/receipts/adr, with number, title, status and date as they
    stand there."""
    import re

    rows = []
    folder = session.root / "ops/receipts/adr"
    recorded = {receipt.subject[0].sha256 for _, receipt in _receipts(session, "adr")}
    for path in sorted(folder.glob("ADR-*.md")) if folder.is_dir() else []:
        import hashlib

        data = path.read_bytes()
        text = data.decode("utf-8", errors="replace")
        title = re.search(r"^# (ADR-\d+: .*)$", text, re.MULTILINE)
        fields = dict(re.findall(r"^\*\*(Status|Date)\*\*: *(.*?) *$", text, re.MULTILINE))
        rows.append(
            {
                "file": path.relative_to(session.root).as_posix(),
                "title": title[1] if title else "",
                "status": fields.get("Status", ""),
                "date": fields.get("Date", ""),
                "recorded": "yes" if hashlib.sha256(data).hexdigest() in recorded else "no",
            }
        )
    return _list(session, "list adrs", rows)


@click.command(epilog="Example: remembrancer list receipts --kind sign")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind; may be repeated.")
@command()
def receipts(session: Session, kinds: tuple[str, ...]) -> int:
    """List every receipt, newest first."""
    from remembrancer.errors import BadInput
    from remembrancer.kinds import KINDS

    for kind in kinds:
        if kind not in KINDS:
            raise BadInput("input.kind", f"there is no kind {kind[:60]!r}; the kinds are {', '.join(sorted(KINDS))}")
    rows = [
        {
            "recordedAt": receipt.predicate["recordedAt"],
            "kind": receipt.kind,
            "subject": receipt.subject[0].name,
            "sha256": receipt.subject[0].sha256,
            "receipt": path,
        }
        for path, receipt in _receipts(session, *kinds)
    ]
    rows.sort(key=lambda row: (str(row["recordedAt"]), str(row["receipt"])), reverse=True)
    return _list(session, "list receipts", rows)


def _list(session: Session, name: str, rows: list[dict[str, Any]]) -> int:
    report = Report(name, data={"items": rows}, notices=session.notices)
    if session.output == "json":
        return emit_json(report)
    if rows:
        table(list(rows[0]), [[str(value) for value in row.values()] for row in rows])
    return say(report, "text", *([] if rows else ["nothing is recorded"]))


@click.command(epilog="Example: remembrancer receipt ops/receipts/deploy/my-svc-1.0.0.receipt")
@click.argument("path", type=click.Path(path_type=Path))
@command(trust=True)
def receipt(session: Session, path: Path) -> int:
    """Show one receipt: what it states, and where it stands in the ledger."""
    from remembrancer.errors import BadInput, Rejected, Unverifiable
    from remembrancer.gather import open_ledger
    from remembrancer.store import Store

    store = Store(session.root)
    absolute = path if path.is_absolute() else Path.cwd() / path
    if not absolute.is_file() and (session.root / path).is_file():
        absolute = session.root / path
    if not absolute.is_file():
        raise BadInput("input.file", f"there is no file {path}")
    found = store.read_receipt(absolute)
    standing, index = "unknown: no pinned trust", None
    try:
        view = open_ledger(session.repository, session.trusted().policy).view
        standing = "there is no ledger that can be used"
        if view is not None:
            standing = "pending"
            subject = found.subject[0].sha256
            for entry in session.repository.sealed_about([subject], view.size):
                if entry.receipt.digest == found.digest and entry.index is not None:
                    view.includes(found.data, entry.index, str(path))
                    standing, index = f"leaf {entry.index} of the tree of size {view.size}", entry.index
    except (Rejected, Unverifiable) as error:
        standing = f"unknown: {error.message} [{error.code}]"
    data = {"receipt": json.loads(found.data), "sha256": found.digest, "standing": standing, "index": index}
    text = found.data.decode().rstrip("\n").split("\n")
    return say(
        Report("receipt", str(path), data=data, notices=session.notices), session.output, *text, f"ledger: {standing}"
    )


@click.command(epilog="Example: remembrancer status")
@command(trust=True)
def status(session: Session) -> int:
    """Show the ledger's origin, profile and size, what is pending, and whether this user trusts the policy."""
    from remembrancer.errors import Rejected, Unverifiable
    from remembrancer.gather import open_ledger
    from remembrancer.sealing import pending

    data: dict[str, Any] = {"root": str(session.root)}
    try:
        policy = session.trusted().policy
    except (Rejected, Unverifiable) as error:
        data["trust"] = f"{error.message} [{error.code}]"
    else:
        data.update(trust="pinned", profile=str(policy.profile), origin=policy.origin, owner=policy.owner)
        log = open_ledger(session.repository, policy)
        if log.view is None:
            data["ledger"] = f"{log.trouble.message} [{log.trouble.code}]" if log.trouble else "none"
        else:
            data.update(size=log.view.size, ledgerRoot=log.view.root.hex())
    data["pending"] = len(pending(session.repository))
    lines = [f"{name}: {value}" for name, value in data.items()]
    return say(Report("status", data=data, notices=session.notices), session.output, *lines)
