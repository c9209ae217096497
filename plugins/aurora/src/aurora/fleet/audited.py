"""What the audit of a fleet comes to, and its document: `aurora fleet audit --format json`.

>>> import json
>>> audit = Audit("shop", "2026-01-02T03:04:05Z", (Audited("payments", "https://git.example.org/p.git", "verified"),))
>>> audit.exit_code, parse(json.dumps(audit.document()).encode()) == audit
(0, True)

All texts that came out of a repository are on one line and printable, but are still somebody else's words.
"""

import re
from dataclasses import dataclass
from typing import Any

from aurora import __version__
from aurora.files import packaged
from aurora.fleet.members import Malformed, decoded, made, plain, services
from aurora.fleet.shard import Joined
from remembrancer.errors import BadInput

SCHEMA = "https://vaultmesh.cloud/schema/fleet-audit/v1"
STATUS = {"failed": 1, "unreachable": 4, "unverifiable": 3, "verified": 0}
"""Each verdict with the exit status that it leads to; 1 goes before 4, and 4 before 3."""
_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """A check that does not hold: which, its reason code, about what, and why."""

    check: str
    code: str
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Audited:
    """The verdict on one service: verified, failed, unverifiable or unreachable, and the first reason for it.

    `evidence` are the SHA-256 of all files of evidence that the fleet's memory has about its log.
    """

    name: str
    url: str
    verdict: str
    code: str = ""
    message: str = ""
    commit: str = ""
    origin: str = ""
    size: int = 0
    root: str = ""
    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """The verdicts on a fleet, or on the share of it that one machine looked at, sorted by name; and when that was.

    `memory` is where logs and evidence are remembered, "" where several machines have each their own. `listed` is the
    digest of the whole list, "" where nobody said; `version` that of the program that looked; `shares` are the
    documents that this one was joined from, none for one run.
    """

    fleet: str
    at: str
    rows: tuple[Audited, ...] = ()
    memory: str = ""
    shard: str = "0/1"
    listed: str = ""
    version: str = __version__
    shares: tuple[Joined, ...] = ()

    @property
    def exit_code(self) -> int:
        """The exit status of the worst."""
        return exit_code(self.rows)

    def document(self) -> dict[str, Any]:
        """Return what `aurora fleet audit --format json` prints."""
        return {
            "schema": SCHEMA,
            "exitCode": self.exit_code,
            "fleet": self.fleet,
            "at": self.at,
            "shard": self.shard,
            "listed": self.listed,
            "version": self.version,
            "shares": plain(self.shares),
            "memory": self.memory,
            "services": plain(self.rows),
        }


def exit_code(audited: "tuple[Audited, ...] | list[Audited]") -> int:
    """Return the exit status of the worst: 1 failed, else 4 unreachable, else 3 unverifiable, else 0."""
    found = {STATUS[one.verdict] for one in audited}
    return next((status for status in (1, 4, 3) if status in found), 0)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return packaged("fleet-audit.schema.json")


def parse(data: bytes) -> Audit:
    """Return what a document says. Raises BadInput(fleet.audit) for anything that `Audit.document` does not write."""
    return from_document(decoded(data))


def from_document(said: object) -> Audit:
    """Return what `Audit.document` gave. Raises BadInput(fleet.audit)."""
    try:
        found, members = services(said, SCHEMA)
        rows = tuple(made(Audited, one, "a service") for one in found)
        audit = made(Audit, {**members, "rows": []}, "the document", rows=rows)
    except Malformed as error:
        raise _malformed(str(error)) from None
    for one in rows:
        if one.verdict not in STATUS:
            raise _malformed("a service has another verdict than there are")
        if not all(map(_DIGEST.fullmatch, one.evidence)):
            raise _malformed("evidence is named by something else than its SHA-256")
    return audit


def _malformed(why: str) -> BadInput:
    return BadInput("fleet.audit", f"this is not the audit of a fleet: {why}")
