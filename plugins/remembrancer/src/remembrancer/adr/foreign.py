"""Decisions of another form: MADR, adr-tools (Nygard) and the standard's own, read into the standard's fields.

Pure. What the standard has a field for goes there; everything else stays below the record under its own heading, and
what was renamed on the way is named there too. So no word of the text is lost; `lost` asks that of the result.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from remembrancer.adr import form as adr
from remembrancer.adr.markdown import Document, Part, cut
from remembrancer.adr.status import ENDED, PARTLY, Successor, day_of, status_of, successors_of

_NUMBERED = re.compile(r"(?:adr[-_ ]?)?0{0,9}([0-9]{1,5})(?=[-_ .])", re.IGNORECASE)
_DATED = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})(?=[-_. ])")
_PREFIX = re.compile(
    r"(?:(?:ADR[- #]{0,3})?[0-9]{1,9}[ ]{0,3}[.:–—-][ ]{0,3}|ADR[- #]{0,3}[0-9]{1,9}[ ]{1,3})(?=\S)", re.I
)
# `Date: 2020-01-31`, `* Status: accepted`, `- **Date:** …`, `**Status**: …`, `| Status | accepted |`
_FACT = re.compile(
    r"(?:[-*+|][ \t]+)?(?:\*\*|__)?(Status|Date|Decision date|Decided on|Introduced|Created)(?:\*\*|__)?"
    r"[ \t]*[:|][ \t]*(?:\*\*|__)?(.*)",
    re.IGNORECASE,
)
_FRONT = re.compile(r"[\"']?([A-Za-z][A-Za-z _-]{0,40})[\"']?[ \t]*:(.*)")
_SEPARATORS = re.compile(r"[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_MARKS = "#*_:=-|\"'`<>()[]{}.,;+“”\ufeff"
_CHOICE = re.compile(r"\b(proposed|draft|rejected|accepted|deprecated|superseded)\b[^|\n]{0,60}[|/]", re.IGNORECASE)
_ABOUT_TEMPLATES = {"template", "templates", "adr", "madr", "nygard", "decision", "record", "bare", "minimal", "full"}
_ABOUT_TEMPLATES |= {
    "short",
    "long",
    "example",
    "architecture",
    "architectural",
    "the",
    "md",
    "0000",
    "000",
    "00",
    "xxxx",
}

_CONTEXT = "context|context and problem statement|context and problem|context & problem statement|problem statement"
_CONTEXT += (
    "|problem|the problem|problem description|motivation|background|issue|context and background|problem context"
)
_DECISION = "decision|decisions|the decision|decision outcome|decision made|our decision|proposed decision|resolution"
_DECISION += "|proposal|solution|proposed solution|outcome|decision result|decision and outcome"
_CONSEQUENCES = "consequences|consequence|positive consequences|negative consequences|neutral consequences|implications"
_CONSEQUENCES += "|impact|impacts|results|ramifications|effects|result|decision consequences"
_VERIFICATION = "verification|confirmation|validation|compliance"
_HOMES = {
    name: home
    for home, names in {
        "Context": _CONTEXT,
        "Decision": _DECISION,
        "Consequences": _CONSEQUENCES,
        "Verification": _VERIFICATION,
        "Status": "status|decision status",
        "Date": "date|decision date|decided on|introduced|created",
    }.items()
    for name in names.split("|")
}
_PREAMBLE, _AS_IMPORTED = "Preamble", {"Status": "Status as imported", "Date": "Date as imported"}


@dataclass
class Foreign:
    """A decision as it was read.

    `number` is None where the file's name has none, `date` is "" where the text names none. `renamed` says what stands
    under another name than in the source, `notes` what was decided about it, and `unplaced` what the standard has no
    place for, one clause each.
    """

    number: int | None = None
    title: str = ""
    date: str = ""
    status: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    sections: list[tuple[str, str]] = field(default_factory=list)
    successors: list[Successor] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)


def read(name: str, text: str) -> Foreign | None:
    """Return the decision in a file of this name, or None for a text that is none."""
    text = text.removeprefix("\ufeff")
    document = cut(text, _known)
    if not _homes(document):
        document = cut(text, _known, nested=True)
    found = Foreign(_number(name), date=_dated(name))
    facts: dict[str, list[str]] = {"Status": [], "Date": []}
    _front(document, found, facts)
    front = {home: len(said) for home, said in facts.items()}
    stated = [*facts["Status"], *_facts(document.parts[0])["Status"]]
    stated += [part.body for part in document.parts if _home(part) == "Status"]
    if not (_homes(document) or status_of("\n".join(stated))):
        return None
    _title(document, name, found)
    pieces: dict[str, list[str]] = {}
    for part in document.parts:
        _place(part, found, pieces, facts)
    found.fields = {home: "\n\n".join(texts) for home, texts in pieces.items() if texts}
    _stand(found, "\n".join(facts["Status"]), "\n".join(facts["Date"]))
    # what is said once, and in the record's words, stands in the record's own lines
    once = {home for home, said in facts.items() if len(said) - front[home] == 1}
    found.sections = [one for one in found.sections if not _told(found, one, once)]
    return found


def is_template(name: str, text: str) -> bool:
    """Say whether a file is what decisions are copied from: by its name, a title in brackets, or a status to choose."""
    words = re.findall(r"[a-z]+|[0-9]+", name.lower())
    if "template" in words and not set(words) - _ABOUT_TEMPLATES:
        return True
    document = cut(text.removeprefix("\ufeff"), _known)
    title = _PREFIX.sub("", document.title)
    if (title[:1], title[-1:]) in (("[", "]"), ("{", "}"), ("<", ">")) or title.upper() in ("TITLE", "NUMBER. TITLE"):
        return True
    facts = [*_facts(document.parts[0])["Status"], *(part.body for part in document.parts if _home(part) == "Status")]
    facts += [line.partition(":")[2] for line in document.front.split("\n") if line.lower().startswith("status")]
    return any(len(set(map(str.lower, _CHOICE.findall(said)))) >= 2 for said in facts)


def lost(text: str, record: str) -> list[str]:
    """Return the words of a source that a record of it does not have, each as often as it is missing."""
    there = Counter(_words(record))
    there.subtract(Counter(_words(text)))
    return sorted(word for word, count in there.items() if count < 0 for _ in range(-count))


def _words(text: str) -> list[str]:
    return [word for word in (found.strip(_MARKS) for found in text.casefold().split()) if word]


def _known(heading: str) -> bool:
    return _plain(heading) in _HOMES


def _plain(heading: str) -> str:
    """Return a heading's words without what decorates them: a number in front, emphasis, a colon behind."""
    words = heading.strip(" *_:#`?.").lower()
    return re.sub(r"^[0-9]{1,3}(?:\.[0-9]{1,3})?[.):]? +", "", words)


def _home(part: Part) -> str:
    return _HOMES.get(_plain(part.heading), "") if part.known else ""


def _homes(document: Document) -> bool:
    return any(_home(part) in adr.PROMPTS for part in document.parts)


def _number(name: str) -> int | None:
    found = None if _DATED.match(name) else _NUMBERED.match(name)
    return int(found[1]) if found else None


def _dated(name: str) -> str:
    """Return the day that a file's name begins with, or ""."""
    found = _DATED.match(name)
    digits = found[0].replace("-", "") if found else ""
    return day_of(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}") if digits else ""


def _front(document: Document, found: Foreign, facts: dict[str, list[str]]) -> None:
    """Take status and day from the front matter, which is kept as it is."""
    for line in document.front.split("\n"):
        if (fact := _FRONT.fullmatch(line.rstrip())) and (home := _HOMES.get(fact[1].lower())) in facts:
            facts[home].append(fact[2].strip(" \"'"))
        elif fact and fact[1].lower() == "title" and not document.title:
            found.title = fact[2].strip(" \"'")
    if document.front:
        fence = "`" * (max(map(len, re.findall("`+", document.front)), default=2) + 1)
        found.sections.append(("Front matter", f"{max(fence, '```')}yaml\n{document.front}\n{max(fence, '```')}"))


def _title(document: Document, name: str, found: Foreign) -> None:
    stem = name.rpartition(".")[0]
    bare = _PREFIX.sub("", document.title, count=1) if document.title else ""
    if document.title:
        found.title = _SEPARATORS.sub(" ", bare)
        if bare != document.title:
            found.renamed.append(f"its title is written: {document.title}")
    elif not found.title:
        found.title = (
            re.sub(r"^(?:adr[-_ ]?)?[0-9]*[-_ .]+", "", stem).replace("-", " ").replace("_", " ").strip() or stem
        )
        found.renamed.append("its title is from the name of its file")


def _facts(part: Part) -> dict[str, list[str]]:
    """Return what the lines above the first heading say of status and day."""
    found: dict[str, list[str]] = {"Status": [], "Date": []}
    for line in part.lines:
        if fact := _FACT.fullmatch(line.strip()):
            found[_HOMES[fact[1].lower()]].append(fact[2].strip(" \t|*_"))
    return found


def _place(part: Part, found: Foreign, pieces: dict[str, list[str]], facts: dict[str, list[str]]) -> None:
    """Put one part where it belongs: a fact, a piece of one of the fields, or a section of its own."""
    heading, body, home = _SEPARATORS.sub(" ", part.heading), part.body, _home(part)
    if not part.heading:
        told = _facts(part)
        for name, values in told.items():
            facts[name] += values
        if any(told.values()):
            found.sections.append((_PREAMBLE, body))
        elif body:
            pieces["Context"] = [body]
    elif home in facts:
        facts[home].append(body)
        found.sections.append((_AS_IMPORTED[home], body))
        if heading != home:
            found.renamed.append(f"the heading “{heading}” stands as {home}")
    elif home in pieces:  # a second one keeps its name
        pieces[home].append(f"{heading}:\n\n{body}" if body else f"{heading}:")
    elif home:
        pieces[home] = [body] if body else []
        if heading != home:
            found.renamed.append(f"the heading “{heading}” stands as {home}")
    else:
        found.sections.append((heading, body))


def _told(found: Foreign, section: tuple[str, str], once: set[str]) -> bool:
    """Say whether a section says nothing but what the record's own Status and Date lines say."""
    heading, body = section
    own = {"Status": found.status.lower(), "Date": found.date}
    if heading == _PREAMBLE:
        facts = [_FACT.fullmatch(line.strip()) for line in body.split("\n") if line.strip()]
        said = [(fact[1].title(), fact[2].strip(" \t*_").lower()) if fact else ("", "") for fact in facts]
    else:
        said = [(home, body.lower()) for home, name in _AS_IMPORTED.items() if name == heading]
    return bool(said) and all(home in once and own[home] == text for home, text in said)


def _stand(found: Foreign, said: str, dated: str) -> None:
    """Decide status, day and successors from the texts about them."""
    found.date = day_of(dated) or day_of(said) or found.date
    found.successors = successors_of(said)
    status = status_of(said)
    if status == ENDED and found.successors:
        status = adr.SUPERSEDED
    if status == PARTLY:
        found.status, found.successors = adr.ACCEPTED, []
    elif status in (*adr.DECIDED, adr.DRAFT):
        found.status = status
    else:
        found.status = adr.DRAFT
        shown = " ".join(said.split())[:60]
        why = f"the standard has no word for its status “{shown}”" if shown else "it names no status"
        told = found.unplaced if shown else found.notes
        told.append(f"{why}; it is a draft until you accept, reject or supersede it")
    if found.status != adr.SUPERSEDED:
        found.successors = []
