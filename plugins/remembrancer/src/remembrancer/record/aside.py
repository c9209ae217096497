"""Taking a receipt out that cannot be sealed: named, kept as a blob, and on the record with a reason.

Nothing that the log holds can be set aside. What cannot be sealed is not lost either: its bytes stay as a blob.
"""

from pathlib import Path

from remembrancer.audit.session import Session
from remembrancer.clock import rfc3339
from remembrancer.errors import BadInput, EnvironmentTrouble, Refused, Rejected, RemembrancerError
from remembrancer.ledger.git import is_receipt
from remembrancer.named import NamedTuple
from remembrancer.paths import RECEIPTS
from remembrancer.receipt import statement as receipt
from remembrancer.record.statements import recorded_by
from remembrancer.repository.store import MAX_BLOB


class Aside(NamedTuple):
    """What was done: the receipt's former path and digest, and the path of the receipt that says so, from the root."""

    path: str
    digest: str
    receipt: Path


def set_aside(session: Session, path: Path, reason: str) -> Aside:
    """Take a receipt that was never sealed out of the way, and record that.

    Its bytes become a blob, which the new `aside` receipt names. Raises BadInput(input.file) for what is not a receipt
    here, Refused(receipt.sealed) for what the log holds, or holds another receipt for at this path, BadInput for a
    reason that a receipt cannot hold, Rejected for a damaged ledger, EnvironmentTrouble.
    """
    repository, store = session.repository, session.store
    try:
        name = store.name(path if path.is_absolute() else session.root / path)
        if not is_receipt(name):
            raise BadInput("input.file", f"{path} is not a receipt under {RECEIPTS}")
        data = repository.read(f"{RECEIPTS}/{name}", MAX_BLOB)
    except FileNotFoundError:
        raise BadInput("input.file", f"there is no receipt {path}") from None
    except Rejected as error:
        raise BadInput("input.file", f"{path} cannot be set aside: {error.message}") from None
    _refuse_sealed(session, name)
    predicate = {
        "recordedAt": rfc3339(session.clock.now()),
        "recordedBy": recorded_by(repository),
        "receipt": store.write_blob(data),
        "reason": reason,
    }
    built = receipt.build("aside", [(f"{RECEIPTS}/{name}", predicate["receipt"])], predicate)
    written = store.write_receipt(built)
    try:
        (store.receipts_dir / name).unlink()
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot remove {RECEIPTS}/{name}: {error.strerror}") from error
    return Aside(f"{RECEIPTS}/{name}", predicate["receipt"], written.relative_to(session.root))


def _refuse_sealed(session: Session, name: str) -> None:
    """Raise Refused when the log has a receipt for this path: the file is it, or must become it again."""
    for number, leaf in session.ledger.entries():
        try:
            sealed = receipt.relative_path(receipt.parse(leaf)) == name
        except RemembrancerError:
            continue
        if sealed:
            raise Refused("receipt.sealed", f"{RECEIPTS}/{name} is entry {number} of the ledger, and stays")
