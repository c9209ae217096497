"""The memory that people ask: decisions and receipts as documents, a search index over them, ranked answers.

The index is a cache in the user's cache folder. It is rebuilt when it is behind, and no verdict ever reads it.

>>> from contextlib import closing
>>> from pathlib import Path
>>> from remembrancer.adr import file_name, render
>>> from remembrancer.memory import answers_to, open_index
>>> root = Path("my-svc")
>>> (root / "ops/receipts/adr").mkdir(parents=True)
>>> _ = (root / "ops/receipts/adr" / file_name(7, "keep-orders-in-postgresql")).write_bytes(
...     render(7, "Keep orders in PostgreSQL", {
...         "Date": "2026-01-31", "Status": "Accepted",
...         "Context": "Orders and their payments change together.",
...         "Decision": "PostgreSQL, one database for each service.",
...         "Consequences": "We get transactions, and have to plan backups.",
...         "Verification": "`make test`",
...     })
... )

A question is asked in its own words, and an answer is a passage with the file that it is from:

>>> with closing(open_index(root, Path("cache"))) as index:
...     for answer in answers_to(index, "why did we choose postgres?"):
...         print(answer.title, answer.status, sep=", ")
ADR-007: Keep orders in PostgreSQL, Accepted
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.memory.ask import Answer
    from remembrancer.memory.ask import ask as answers_to
    from remembrancer.memory.events import Wanted, actor, summary
    from remembrancer.memory.events import found as find_events
    from remembrancer.memory.index import opened as open_index
    from remembrancer.memory.reflect import Quantity
    from remembrancer.memory.reflect import reflect as reflection
    from remembrancer.memory.standing import Seals, Standing
    from remembrancer.memory.why import why as what_touched
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "ask": "Answer, ask as answers_to",
            "events": "Wanted, actor, found as find_events, summary",
            "index": "opened as open_index",
            "reflect": "Quantity, reflect as reflection",
            "standing": "Seals, Standing",
            "why": "why as what_touched",
        },
    )

__all__ = [
    "Answer",
    "Quantity",
    "Seals",
    "Standing",
    "Wanted",
    "actor",
    "answers_to",
    "find_events",
    "open_index",
    "reflection",
    "summary",
    "what_touched",
]
