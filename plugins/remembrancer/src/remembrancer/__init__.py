"""Remembrancer: receipts for what happened to a service, a ledger over them, verdicts without a network."""

__version__ = "4.1.0"
