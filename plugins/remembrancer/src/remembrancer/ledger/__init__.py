"""The ledger: a C2SP tlog-tiles log of receipts under ops/receipts/ledger/, and sealing receipts into it."""

from typing import TYPE_CHECKING, Any

from remembrancer.ledger.ledger import Ledger

if TYPE_CHECKING:
    from remembrancer.ledger.audit import AuditResult
    from remembrancer.ledger.seal import SealResult

__all__ = ["AuditResult", "Ledger", "SealResult"]


def __getattr__(name: str) -> Any:
    """Load what needs cryptography or processes only when it is asked for (PEP 562)."""
    from importlib import import_module  # noqa: PLC0415

    homes = {"AuditResult": "audit", "SealResult": "seal"}
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{homes[name]}"), name)
