"""The ledger: a C2SP tlog-tiles log of receipts under ops/receipts/ledger/, and sealing receipts into it."""

from remembrancer.ledger.ledger import Ledger
from remembrancer.ledger.seal import SealResult

__all__ = ["Ledger", "SealResult"]
