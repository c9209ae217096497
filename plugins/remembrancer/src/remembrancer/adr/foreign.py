"""Decisions of another form: MADR, adr-tools (Nygard) and the standard's own, read into the standard's fields.

Pure. Dates and statuses are kept. Sections that the standard has no field for stay below the record under their own
headings, so nothing of the text is lost.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from remembrancer.adr import form as adr

_NUMBERED = re.compile(r"(?:adr[-_ ]?)?0*([0-9]{1,5})[-_ .]", re.IGNORECASE)
# these take lines without what `_bare` takes away, so that no pattern ends in something that could be tried twice
_TITLE = re.compile(r"#\s+(?:(?:ADR[-\s]*)?[0-9]+\s*[.:–—-]\s*)?(\S.*)")
_HEADING = re.compile(r"(#{2,6})\s+(\S.*)")
# `Date: 2020-01-31`, `* Status: accepted`, `- **Date:** …`, `**Status**: …`
_FACT = re.compile(r"(?:[-*+]\s+)?(?:\*\*|__)?(Status|Date)(?:\*\*|__)?\s*:\s*(?:\*\*|__)?\s*(.*)", re.IGNORECASE)
_FRONT = re.compile(r"([A-Za-z-]+)\s*:\s*(.*)")
_DAY = re.compile(r"\b([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})\b")
_BY = re.compile(r"supersed(?:ed|es)\s+by[^0-9\n]{0,40}?0*([0-9]{1,5})\b", re.IGNORECASE)

_STATUSES = {
    "accepted": adr.ACCEPTED,
    "approved": adr.ACCEPTED,
    "decided": adr.ACCEPTED,
    "implemented": adr.ACCEPTED,
    "rejected": adr.REJECTED,
    "declined": adr.REJECTED,
    "superseded": adr.SUPERSEDED,
    "superceded": adr.SUPERSEDED,
    "deprecated": adr.SUPERSEDED,
    "amended": adr.ACCEPTED,
    "proposed": adr.DRAFT,
    "draft": adr.DRAFT,
    "pending": adr.DRAFT,
}
_CONTEXT = ("context", "context and problem statement", "problem statement", "problem", "motivation", "background")
_DECISION = ("decision", "decision outcome", "decision made", "proposal", "solution")
_CONSEQUENCES = ("consequences", "positive consequences", "negative consequences", "implications", "impact", "results")
_VERIFICATION = ("verification", "confirmation", "validation", "compliance")
_HOMES = {
    **dict.fromkeys(_CONTEXT, "Context"),
    **dict.fromkeys(_DECISION, "Decision"),
    **dict.fromkeys(_CONSEQUENCES, "Consequences"),
    **dict.fromkeys(_VERIFICATION, "Verification"),
}


@dataclass
class Foreign:
    """A decision as it was read: its number (0: none), title, day ("": none), status ("": none), the fields that it
    has, further sections, and the number of the decision that supersedes it (0: none is named)."""

    number: int = 0
    title: str = ""
    date: str = ""
    status: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    sections: list[tuple[str, str]] = field(default_factory=list)
    superseded_by: int = 0


def read(name: str, data: bytes) -> Foreign | None:
    """Return the decision in a file of this name, or None for a file that is none (an index, a template)."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    own = adr.read(name, data)
    if not adr.problems(own) or (own.title and set(adr.FIELDS) <= own.fields.keys()):
        return _own(own)
    found = Foreign()
    numbered = _NUMBERED.match(name)
    found.number = int(numbered[1]) if numbered else 0
    parts = list(_parts(text.splitlines(), found))
    if not found.title or not any(heading and _home(heading) for heading, _ in parts):
        return None
    pieces: dict[str, list[str]] = {}
    for heading, body in parts:
        _place(found, pieces, heading, body)
    found.fields = {home: "\n\n".join(texts) for home, texts in pieces.items()}
    if found.superseded_by and found.status != adr.ACCEPTED:
        found.status = adr.SUPERSEDED
    return found


def _own(own: adr.Adr) -> Foreign:
    fields = {name: own.fields[name] for name in adr.PROMPTS}
    status = own.status if own.status in adr.DECIDED else _status(own.status)
    return Foreign(own.number or own.titled, own.title, _day(own.date), status, fields, list(own.sections))


def _parts(lines: list[str], found: Foreign) -> Iterator[tuple[str, str]]:
    """Yield (heading, text) of each part of a document; facts above the first heading go into `found` at once."""
    if lines and lines[0].strip() == "---" and "---" in (rest := [line.strip() for line in lines[1:]]):
        end = rest.index("---") + 1
        for line in lines[1:end]:
            if fact := _FRONT.fullmatch(line.rstrip()):
                _fact(found, fact[1], fact[2].strip("\"'"))
        lines = lines[end + 1 :]
    heading, body, fence, above = "", [], "", True
    for line in lines:
        mark = line.lstrip()[:3]
        if fence or mark in ("```", "~~~"):
            fence = "" if fence and mark == fence else fence or mark
            body.append(line)
        elif not found.title and (title := _TITLE.fullmatch(_bare(line))):
            found.title = title[1]
        elif (inner := _HEADING.fullmatch(_bare(line))) and (
            len(inner[1]) == 2 or _home(inner[2]) or _is_status(inner[2])
        ):
            yield heading, "\n".join(body).strip()
            heading, body, above = inner[2], [], False
        elif above and (fact := _FACT.fullmatch(line.strip())):
            _fact(found, fact[1], fact[2])
        else:
            body.append(line)
    yield heading, "\n".join(body).strip()


def _bare(line: str) -> str:
    """Return a heading without the spaces and the closing marks at its end, which belong to none of its words."""
    line = line.rstrip()
    opened = line.rstrip("#")
    return opened.rstrip() if opened[-1:].isspace() else line


def _place(found: Foreign, pieces: dict[str, list[str]], heading: str, body: str) -> None:
    """Put one part where it belongs: a fact, a piece of one of the fields, or a section of its own."""
    if not body:
        return
    if _is_status(heading):
        _fact(found, "status", body)
        return
    if heading.lower() == "date":
        _fact(found, "date", body)
        return
    home = _home(heading)
    if home:
        whole = body if heading.lower() == home.lower() or home not in pieces else f"{heading}: {body}"
        pieces.setdefault(home, []).append(whole)
    elif heading:
        found.sections.append((heading, body))
    else:
        pieces["Context"] = [body]


def _fact(found: Foreign, name: str, value: str) -> None:
    if name.lower() == "date":
        found.date = found.date or _day(value)
    elif name.lower() == "status":
        found.status = found.status or _status(value)
        found.date = found.date or _day(value)
        if by := _BY.search(value):
            found.superseded_by = int(by[1])
            found.status = adr.SUPERSEDED


def _status(text: str) -> str:
    """Return the last status that a text names: later lines are later news."""
    words = re.findall(r"[a-z]+", re.sub(r"\([^()]*\)", "", text.lower()))
    known = [_STATUSES[word] for word in words if word in _STATUSES]
    return known[-1] if known else ""


def _day(text: str) -> str:
    for year, month, day in _DAY.findall(text):
        try:
            return date(int(year), int(month), int(day)).isoformat()
        except ValueError:
            continue
    return ""


def _home(heading: str) -> str:
    return _HOMES.get(heading.lower().strip(" :"), "")


def _is_status(heading: str) -> bool:
    return heading.lower().strip(" :") == "status"


def _belongs(heading: str) -> bool:
    return bool(_home(heading)) or _is_status(heading)
