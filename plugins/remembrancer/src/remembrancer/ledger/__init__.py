"""The ledger: a C2SP tlog-tiles log of receipts under ops/receipts/ledger/, and sealing receipts into it."""

from remembrancer.ledger.ledger import Ledger

__all__ = ["Ledger"]
