"""What a receipt is: one event, one canonical encoding. Pure.

A receipt is built from its kind, what it is about (a name and a SHA-256), and the fields of that kind:

>>> from hashlib import sha256
>>> from remembrancer.receipt import build, parse, relative_path
>>> digest = sha256(b"the base image we had to change").hexdigest()
>>> data = build("waiver", [("Dockerfile", digest)], {
...     "recordedAt": "2026-01-02T03:04:05Z", "recordedBy": "ops", "owner": "payments",
...     "reason": "GPU base image", "expires": "2026-12-31T23:59:59Z",
... })
>>> print(data.decode().splitlines()[1])
  "_type": "https://in-toto.io/Statement/v1",

Its exact bytes are the leaf of the ledger, so reading accepts only what writing produces:

>>> receipt = parse(data)
>>> receipt.kind, receipt.subject[0].name, receipt.predicate["owner"]
('waiver', 'Dockerfile', 'payments')
>>> relative_path(receipt) == f"waiver/{receipt.digest[:2]}/{receipt.digest}.receipt"
True
>>> parse(data + b" ")
Traceback (most recent call last):
remembrancer.errors.Rejected: ...canonical encoding...
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.receipt.kinds import KINDS, Kind
    from remembrancer.receipt.manifest import Line
    from remembrancer.receipt.manifest import read as read_manifest
    from remembrancer.receipt.manifest import stated as manifest_facts
    from remembrancer.receipt.manifest import write as write_manifest
    from remembrancer.receipt.schema import schema as json_schema
    from remembrancer.receipt.statement import Receipt, Subject, build, parse, relative_path
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "kinds": "KINDS, Kind",
            "manifest": "Line, read as read_manifest, stated as manifest_facts, write as write_manifest",
            "schema": "schema as json_schema",
            "statement": "Receipt, Subject, build, parse, relative_path",
        },
    )

__all__ = [
    "KINDS",
    "Kind",
    "Line",
    "Receipt",
    "Subject",
    "build",
    "json_schema",
    "manifest_facts",
    "parse",
    "read_manifest",
    "relative_path",
    "write_manifest",
]
