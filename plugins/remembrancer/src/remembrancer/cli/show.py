"""`receipt` and `status`: what is recorded, and where it stands."""

import json
from pathlib import Path
from typing import Any

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, say


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
