"""How far ahead of the present a receipt's own clock may be. Light enough for a hook."""

from datetime import datetime, timedelta

from remembrancer.clock import rfc3339
from remembrancer.errors import Rejected
from remembrancer.receipt.statement import Receipt

AHEAD = timedelta(days=1)  # what a wrong zone or clock may be off; further ahead, a receipt would rule for too long


def refuse_future(receipt: Receipt, now: datetime) -> None:
    """Raise Rejected(receipt.future) for a receipt that says it is of later than a day from now."""
    recorded = str(receipt.predicate["recordedAt"])
    if recorded > rfc3339(now + AHEAD):
        raise Rejected("receipt.future", f"the receipt says that it was recorded at {recorded}")
