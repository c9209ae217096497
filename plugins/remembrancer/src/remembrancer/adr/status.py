"""Where a decision of another form stands: its status, its day, and what supersedes it, read from free text.

Pure, and linear in the size of the text.
"""

import re
from collections.abc import Iterator
from datetime import date

from remembrancer.adr import form as adr
from remembrancer.named import NamedTuple

PARTLY, ENDED = "Partly superseded", "Deprecated"
_STATUSES = {
    **dict.fromkeys(("accepted", "approved", "agreed", "adopted", "decided", "implemented", "ratified"), adr.ACCEPTED),
    "amended": adr.ACCEPTED,
    **dict.fromkeys(("rejected", "declined"), adr.REJECTED),
    **dict.fromkeys(("superseded", "replaced"), adr.SUPERSEDED),
    **dict.fromkeys(("deprecated", "obsolete", "obsoleted", "retired"), ENDED),
    **dict.fromkeys(("proposed", "draft", "pending", "open", "wip"), adr.DRAFT),
}
_SPELLED = re.compile(r"super(?:s|c|sc)ee?ded")  # superceded, superceeded, …
_WORD = re.compile(r"[a-z]+")
_NOT = ("not", "never", "no", "longer", "yet", "be", "isn", "wasn", "hasn", "without", "un")
_PARTLY = ("partly", "partially")
_BRACKETS = re.compile(r"\([^()]*\)")
_BY = re.compile(r"\b(?:super(?:s|c|sc)ee?de[ds]|replaced|deprecated|obsoleted)[*_]*[ \t]+by\b[ \t:*_]*", re.IGNORECASE)
_LINK = re.compile(r"\]\(([^()\s]{1,300})")
_NUMBER = re.compile(r"\b(?:ADR)?[-_ #]?0{0,9}([0-9]{1,5})\b", re.IGNORECASE)
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH = rf"({'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in _MONTHS)}|sept)\b\.?"
_DAYS = (
    re.compile(r"\b([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?![0-9])"),
    re.compile(r"\b([0-9]{1,2})\.[ ]?([0-9]{1,2})\.[ ]?([0-9]{4})\b"),
    re.compile(rf"\b([0-9]{{1,2}})(?:st|nd|rd|th)?[ -](?:of )?{_MONTH},?[ -]([0-9]{{4}})\b", re.IGNORECASE),
    re.compile(rf"\b{_MONTH} ([0-9]{{1,2}})(?:st|nd|rd|th)?,? ([0-9]{{4}})\b", re.IGNORECASE),
)


class Successor(NamedTuple):
    """What supersedes a decision: the name of its file ("" when a text says only a number), and its number or 0."""

    file: str
    number: int


def status_of(text: str) -> str:
    """Return the status that a text says: one of the standard's, PARTLY, ENDED, or "" when it says none of them.

    A decision that was superseded as a whole is Superseded, whatever stands beside it; else later words are later news.
    """
    plain = _BRACKETS.sub("", text.lower())
    found: list[str] = []
    before: list[str] = ["", ""]
    for match in _WORD.finditer(plain):
        word = match[0]
        said = adr.SUPERSEDED if _SPELLED.fullmatch(word) else _STATUSES.get(word, "")
        after = plain[match.end() : match.end() + 16].lstrip(" *_")
        if said and before[-1] not in _NOT:
            if said == adr.SUPERSEDED and _partly(before, after):
                said = PARTLY
            elif word == "replaced" and not after.startswith("by"):
                said = ""
            elif said == adr.SUPERSEDED and found and re.match(r"(?:\[|adr|#?[0-9])", after):
                said = ""  # "accepted; it superseded ADR-2": that one is another decision
            found += [said] if said else []
        before = [before[-1], word]
    if adr.SUPERSEDED in found:
        return adr.SUPERSEDED
    return found[-1] if found else ""


def _partly(before: list[str], after: str) -> bool:
    return bool({*before} & {*_PARTLY}) or after.startswith(("in part", "partly", "partially"))


def successors_of(text: str) -> list[Successor]:
    """Return what a text says supersedes its decision, in the order in which it stands there."""
    found: list[Successor] = []
    lines = text.split("\n")
    for at, line in enumerate(lines):
        # the last one of a line stands for it: nobody writes two
        for match in list(_BY.finditer(line))[-1:]:
            rest = line[match.end() :]
            if not rest.strip():
                rest = next((later for later in lines[at + 1 : at + 3] if later.strip()), "")
            found += _targets(rest)
    return list(dict.fromkeys(found))


def _targets(text: str) -> Iterator[Successor]:
    links = [link.rpartition("/")[2].partition("#")[0] for link in _LINK.findall(text)]
    files = [name for name in links if name.endswith((".md", ".markdown"))]
    if files:
        for name in files:
            number = re.match(r"(?:adr[-_ ]?)?0{0,9}([0-9]{1,5})(?![0-9])", name, re.IGNORECASE)
            yield Successor(name, int(number[1]) if number else 0)
        return
    for pattern in _DAYS:
        text = pattern.sub("", text)
    for number in _NUMBER.findall(text)[:9]:
        if int(number):
            yield Successor("", int(number))


def day_of(text: str) -> str:
    """Return the first day that a text names, as YYYY-MM-DD, or ""; 03/04/2020 names none, for it can be two."""
    for pattern, order in zip(_DAYS, ("ymd", "dmy", "dmy", "mdy"), strict=True):
        for parts in pattern.findall(text):
            named = dict(zip(order, parts, strict=True))
            try:
                return date(int(named["y"]), _month(named["m"]), int(named["d"])).isoformat()
            except ValueError:
                continue
    return ""


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    return next(at for at, name in enumerate(_MONTHS, 1) if name.startswith(text.lower()[:3]))
