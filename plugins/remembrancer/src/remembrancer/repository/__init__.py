"""The checkout: where its files are, read without being fooled, written without being half-done.

Receipts and blobs are written through the store, each whole or not at all, at the one place where it belongs:

>>> from hashlib import sha256
>>> from pathlib import Path
>>> from remembrancer.receipt import build
>>> from remembrancer.repository import Repository, find_root
>>> root = Path("my-svc").resolve()
>>> root.mkdir()
>>> repository = Repository(root)
>>> store = repository.store
>>> written = store.write_receipt(build("waiver", [("Dockerfile", sha256(b"FROM gpu").hexdigest())], {
...     "recordedAt": "2026-01-02T03:04:05Z", "recordedBy": "ops", "owner": "payments",
...     "reason": "GPU base image", "expires": "2026-12-31T23:59:59Z",
... }))
>>> store.read_receipt(written).predicate["owner"]
'payments'
>>> find_root(written.parent) == root
True

Whoever judges reads through the repository, where no link leads outside and no blob has other bytes than its name says:

>>> digest = store.write_blob(b"a signature")
>>> repository.blob(digest)
b'a signature'
>>> _ = store.blob_path(digest).write_bytes(b"another one")
>>> repository.blob(digest)
Traceback (most recent call last):
remembrancer.errors.Rejected: ops/receipts/blobs/... does not have the digest that its name states...
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.repository.lock import exclusive
    from remembrancer.repository.place import find_root
    from remembrancer.repository.reader import Repository, policy_beside
    from remembrancer.repository.store import Store
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "lock": "exclusive",
            "place": "find_root",
            "reader": "Repository, policy_beside",
            "store": "Store",
        },
    )

__all__ = ["Repository", "Store", "exclusive", "find_root", "policy_beside"]
