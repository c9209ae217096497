"""What is known of one service of a fleet, and the document of many: `aurora fleet status --format json`.

Whoever shows a fleet in another way (a page, a database, a catalogue) takes a `Status` and changes nothing in it:

- from a run: `aurora.fleet.status.status(...)` returns one
- from a document, as `aurora fleet status --format json` wrote it: `parse(data)`
- into a document: `Status.document()`, and `schema()` describes it

>>> row = Row("payments", "https://git.example.org/payments.git", layers=(Layer("ci", "v4.1.0", behind=2),))
>>> row.state
'behind'
>>> import json
>>> parse(json.dumps(Status("shop", "2026-01-02T03:04:05Z", (row,)).document()).encode()).rows == (row,)
True

Every time is RFC 3339 in UTC, "" where there is none; None means that it isn't known. All texts that came out of a
repository are on one line and printable, but are still somebody else's words: escape them wherever they are shown.
"""

from dataclasses import dataclass
from typing import Any

from aurora import __version__
from aurora.files import packaged
from aurora.fleet.members import Malformed, decoded, made, plain, services
from aurora.fleet.parts import Ending, Layer, Ledger, Release, Trust, Waiver, Witnesses
from aurora.fleet.shard import Joined
from remembrancer.errors import BadInput

SCHEMA = "https://vaultmesh.cloud/schema/fleet-status/v1"
STATES = ("unreachable", "failed", "unverifiable", "conflicting", "drifted", "behind", "current")
"""What a row comes to, from the worst to the best."""
UNREACHABLE = frozenset({"fleet.unreachable", "fleet.endless", "fleet.not-synced", "fleet.no-branch"})


@dataclass(frozen=True, slots=True)
class Row:
    """One service. `code` and `message` say what is wrong first of all, "" where nothing is.

    `verdict` is what its proofs come to, drift and conflicts aside: verified, failed, unverifiable, "" if unread.
    `read_commit` is the commit that was read, `synced_at` when the mirror was last up to date. `held` is the number
    of updates that wait for somebody's decisions, `conflicts` the files that they wait for.
    """

    name: str
    url: str
    branch: str = ""
    read_commit: str = ""
    committed_at: str = ""
    synced_at: str = ""
    verdict: str = ""
    code: str = ""
    message: str = ""
    layers: tuple[Layer, ...] = ()
    conflicts: tuple[str, ...] = ()
    held: int = 0
    release: Release | None = None
    ledger: Ledger | None = None
    trust: Trust | None = None
    waivers: tuple[Waiver, ...] = ()
    witnesses: Witnesses | None = None
    rating: float | None = None
    renovate: bool = False
    catalog: bool = False

    @property
    def state(self) -> str:
        """What the row comes to: one of STATES."""
        if self.code in UNREACHABLE:
            return "unreachable"
        if self.verdict in ("failed", "unverifiable"):
            return self.verdict
        if self.conflicts or self.held:
            return "conflicting"
        if self.drifted:
            return "drifted"
        return "behind" if self.behind else "current"

    @property
    def behind(self) -> int:
        """By how many releases its oldest layer is behind, 0 where that is not known."""
        return max((one.behind or 0 for one in self.layers), default=0)

    @property
    def drifted(self) -> int:
        """How many files of all layers drifted."""
        return sum(one.drifted for one in self.layers)

    @property
    def next_ending(self) -> Ending | None:
        """What ends next of what the row stands on: keys, certificates and waivers."""
        found = [one for one in (self.trust.endings if self.trust else ()) if one.until]
        found += [Ending(f"waiver of {one.path}", one.expires, soon=False) for one in self.waivers if one.expires]
        return min(found, key=lambda one: one.until, default=None)

    def document(self) -> dict[str, Any]:
        """Return the row as JSON wants it."""
        return {**plain(self), "state": self.state}


@dataclass(frozen=True, slots=True)
class Template:
    """The template's releases, oldest first, as its own repository has them."""

    url: str
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """The rows of a fleet, or of the share of it that one machine looked at, sorted by name; and when it was.

    `listed` is the digest of the whole list, "" where nobody said; `version` that of the program that looked; `shares`
    are the documents that this one was joined from, none for one run.
    """

    fleet: str
    at: str
    rows: tuple[Row, ...] = ()
    template: Template | None = None
    shard: str = "0/1"
    listed: str = ""
    version: str = __version__
    shares: tuple[Joined, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 if every row is current or merely behind, 1 if one drifted, conflicts or failed, else 4, else 3."""
        states = {row.state for row in self.rows}
        if states & {"failed", "conflicting", "drifted"}:
            return 1
        return 4 if "unreachable" in states else 3 if "unverifiable" in states else 0

    def document(self) -> dict[str, Any]:
        """Return what `aurora fleet status --format json` prints."""
        return {
            "schema": SCHEMA,
            "exitCode": self.exit_code,
            "fleet": self.fleet,
            "at": self.at,
            "shard": self.shard,
            "listed": self.listed,
            "version": self.version,
            "shares": plain(self.shares),
            "template": plain(self.template),
            "services": [row.document() for row in self.rows],
        }


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return packaged("fleet-status.schema.json")


def parse(data: bytes) -> Status:
    """Return what a document says. Raises BadInput(fleet.status) for anything that `Status.document` does not write."""
    return from_document(decoded(data))


def from_document(said: object) -> Status:
    """Return what `Status.document` gave. Raises BadInput(fleet.status)."""
    try:
        found, members = services(said, SCHEMA)
        return made(Status, {**members, "rows": []}, "the document", rows=tuple(map(read_row, found)))
    except Malformed as error:
        raise _malformed(str(error)) from None


def read_row(said: object) -> Row:
    """Return what `Row.document` wrote. Raises BadInput(fleet.status)."""
    try:
        return made(Row, _stateless(said), "a row")
    except Malformed as error:
        raise _malformed(str(error)) from None


def _stateless(row: object) -> object:
    return {name: value for name, value in row.items() if name != "state"} if isinstance(row, dict) else row


def _malformed(why: str) -> BadInput:
    return BadInput("fleet.status", f"this is not the status of a fleet: {why}")
