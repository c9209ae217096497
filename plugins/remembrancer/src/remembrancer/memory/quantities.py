"""The five quantities of one repository's ledger, from its receipts as they lie there."""

from remembrancer.audit.session import Session
from remembrancer.memory import events
from remembrancer.memory.reflect import Quantity, reflect


def quantities_of(session: Session, pending: int) -> tuple[Quantity, ...]:
    """Return the quantities; `pending` is how many receipts wait for a seal. What cannot be read is a notice."""
    newest_first = events.found(session.store, events.Wanted(), session.notices)
    receipts = [receipt for _, receipt in newest_first][::-1]
    claimed = session.ledger.claimed()
    return reflect(receipts, sealed=claimed.size if claimed else 0, pending=pending)
