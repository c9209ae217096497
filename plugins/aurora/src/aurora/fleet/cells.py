"""What the page of a fleet shows of one service: a cell for each column, and the details that a reader opens."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from aurora.fleet.html import Markup, element, join, link
from aurora.fleet.parts import Layer
from aurora.fleet.row import STATES, Row, Status


class Column(NamedTuple):
    """A column: its heading, what a cell shows, by what it is sorted, and whether that is a number."""

    heading: str
    shown: Callable[[Row, Status], object]
    key: Callable[[Row, Status], object]
    number: bool = True


def _service(row: Row, _: Status) -> Markup:
    facts = [(label, value) for label, value in _facts(row) if value]
    inside = [part for label, value in facts for part in (element("dt", label), element("dd", value))]
    return element("details", element("summary", row.name), element("dl", *inside))


def _facts(row: Row) -> list[tuple[str, object]]:
    """Return what a row says beside its cells."""
    why = f"{row.message} [{row.code}]" if row.code else ""
    trust = f"{row.trust.verdict}, {row.trust.profile or 'no'} policy of {row.trust.owner}" if row.trust else ""
    read = f"{row.read_commit[:12]} of {row.committed_at}, fetched {row.synced_at}" if row.read_commit else ""
    layers = [element("li", _layer(one)) for one in row.layers]
    waivers = [element("li", f"{one.path} until {one.expires}, {one.owner} {one.code}".rstrip()) for one in row.waivers]
    ends = [element("li", f"{one.what}: {one.until or 'never'}") for one in (row.trust.endings if row.trust else ())]
    conflicts = [element("li", path) for path in row.conflicts]
    ledger = f"{row.ledger.origin}, size {row.ledger.size}, {row.ledger.pending} pending" if row.ledger else ""
    return [
        ("Why", why),
        ("Repository", link(row.url, row.url)),
        ("Read", read),
        ("Layers", element("ul", *layers) if layers else ""),
        ("Waiting for a decision", element("ul", *conflicts) if conflicts else ""),
        ("Trust", trust),
        ("Ledger", ledger),
        ("Ends", element("ul", *ends) if ends else ""),
        ("Waivers", element("ul", *waivers) if waivers else ""),
    ]


def _layer(one: Layer) -> str:
    parts = [f"{one.layer} {one.version}" + ("" if one.proven else " (claimed, not proven)")]
    if one.recorded_at:
        parts.append(f"since {one.recorded_at}")
    if (held := one.standard) is not None:
        parts.append(f"standard: {held.changed} changed, {held.missing} missing, {held.waived} waived")
    if one.seeded:
        parts.append(f"the team's: {one.seeded.edited} of {one.seeded.files} edited")
    return "; ".join(parts)


def _days(text: str, status: Status) -> int | None:
    """Return how many days lie between a time and the status, None without a time."""
    try:
        then, now = (datetime.strptime(one, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for one in (text, status.at))
    except ValueError:
        return None
    return (now - then).days


def _state(row: Row, _: Status) -> Markup:
    return element("span", row.state, class_=f"state {row.state}")


def _versions(row: Row, _: Status) -> Markup:
    only = len(row.layers) == 1
    return join(*(element("div", one.version if only else f"{one.layer} {one.version}") for one in row.layers))


def _release(row: Row, _: Status) -> object:
    return f"{row.release.version} {row.release.verdict}" if row.release else "–"


def _ends(row: Row, _: Status) -> object:
    if not (one := row.next_ending):
        return "–"
    return element("time", one.until[:10], datetime=one.until, title=one.what, class_="soon" if one.soon else False)


def _age(row: Row, status: Status) -> int | None:
    return _days(row.ledger.newest_at, status) if row.ledger else None


def _or(value: object, unit: str = "") -> str:
    return "–" if value is None else f"{value}{unit}"


COLUMNS = (
    Column("Service", _service, lambda row, _: row.name, number=False),
    Column("State", _state, lambda row, _: STATES.index(row.state)),
    Column("Version", _versions, lambda row, _: -row.behind if row.layers else ""),
    Column("Behind", lambda row, _: row.behind or "–", lambda row, _: row.behind),
    Column("Drifted", lambda row, _: row.drifted or "–", lambda row, _: row.drifted),
    Column("Waiting", lambda row, _: row.held or "–", lambda row, _: row.held),
    Column("Release", _release, lambda row, _: row.release.recorded_at if row.release else "", number=False),
    Column("Ledger age", lambda row, status: _or(_age(row, status), " d"), lambda row, status: _key(_age(row, status))),
    Column("Ends next", _ends, lambda row, _: one.until if (one := row.next_ending) else "", number=False),
    Column("Witnesses", lambda row, _: _witnessed(row), lambda row, _: row.witnesses.cosigned if row.witnesses else ""),
    Column("Rating", lambda row, _: _or(row.rating), lambda row, _: _key(row.rating)),
    Column("Renovate", lambda row, _: "yes" if row.renovate else "no", lambda row, _: int(row.renovate)),
)


def _key(value: float | None) -> object:
    return "" if value is None else value


def _witnessed(row: Row) -> str:
    return f"{row.witnesses.cosigned}/{row.witnesses.named}" if row.witnesses else "–"
