"""Decisions: their form, where they stand, and the receipts that bind them.

A record has a title, six fields in a fixed order, and a file name that says its number:

>>> from remembrancer.adr import file_name, problems, read, render, slug_of, with_status
>>> title = "Keep orders in PostgreSQL"
>>> text = render(7, title, {
...     "Date": "2026-01-31", "Status": "Draft",
...     "Context": "Orders and their payments change together.",
...     "Decision": "PostgreSQL, one database for each service.",
...     "Consequences": "We get transactions, and have to plan backups.",
...     "Verification": "`make test`",
... })
>>> name = file_name(7, slug_of(title))
>>> name
'ADR-007-keep-orders-in-postgresql.md'

Reading refuses nothing; what keeps a record from the form is asked for:

>>> record = read(name, text)
>>> record.heading, record.status, problems(record)
('ADR-007: Keep orders in PostgreSQL', 'Draft', [])
>>> problems(read(name, text.replace(b"`make test`", b"somebody looks at it")))
['its verification holds no command, such as `make test`']

Deciding changes the Status line and no other byte:

>>> read(name, with_status(text, "Accepted")).status
'Accepted'
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.adr.decide import Decided, Record, create, records, supersede
    from remembrancer.adr.form import Adr, file_name, problems, read, render, slug_of, unwritten, with_status
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "decide": "Decided, Record, create, records, supersede",
            "form": "Adr, file_name, problems, read, render, slug_of, unwritten, with_status",
        },
    )

__all__ = [
    "Adr",
    "Decided",
    "Record",
    "create",
    "file_name",
    "problems",
    "read",
    "records",
    "render",
    "slug_of",
    "supersede",
    "unwritten",
    "with_status",
]
