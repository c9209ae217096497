"""The ledger: a C2SP tlog-tiles log of receipts under ops/receipts/ledger/, and sealing receipts into it.

Receipts that were recorded wait; a seal puts them into the log and signs the checkpoint over it:

>>> from hashlib import sha256
>>> from pathlib import Path
>>> from remembrancer.ledger import Ledger
>>> from remembrancer.receipt import build
>>> from remembrancer.repository import Store
>>> from remembrancer.tlog import SignerKey
>>> root = Path("my-svc")
>>> root.mkdir()
>>> receipt = build("waiver", [("Dockerfile", sha256(b"FROM gpu").hexdigest())], {
...     "recordedAt": "2026-01-02T03:04:05Z", "recordedBy": "ops", "owner": "payments",
...     "reason": "GPU base image", "expires": "2026-12-31T23:59:59Z",
... })
>>> path = Store(root).write_receipt(receipt)
>>> ledger = Ledger(root)
>>> ledger.pending() == [path]
True
>>> sealed = ledger.seal(SignerKey.generate("dev.invalid/my-svc"))
>>> sealed.size, ledger.index_of(receipt), ledger.pending()
(1, 0, [])

An audit reads everything again, recomputes the root, and names each file that is not what was sealed:

>>> audited = ledger.audit(sealed.size)
>>> audited.root == sealed.root, audited.problems
(True, ())
>>> _ = path.write_bytes(receipt.replace(b"payments", b"somebody"))
>>> [(problem.code, problem.subject == path.relative_to(root).as_posix()) for problem in ledger.audit(1).problems]
[('receipt.edited', True)]
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.ledger.audit import AuditResult
    from remembrancer.ledger.file_storage import FileStorage
    from remembrancer.ledger.ledger import Ledger
    from remembrancer.ledger.seal import SealResult
    from remembrancer.ledger.stamps import Stamp
    from remembrancer.ledger.storage import LogSource, Storage
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "audit": "AuditResult",
            "file_storage": "FileStorage",
            "ledger": "Ledger",
            "seal": "SealResult",
            "stamps": "Stamp",
            "storage": "LogSource, Storage",
        },
    )

__all__ = ["AuditResult", "FileStorage", "Ledger", "LogSource", "SealResult", "Stamp", "Storage"]
