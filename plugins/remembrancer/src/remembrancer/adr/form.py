"""Architecture decision records in the standard's form: reading them, what is wrong with one, and its Status line.

Pure. A record is `ADR-{number:03d}-{slug}.md` with the title `# ADR-{number}: {Title}` and six bold fields in a fixed
order. A decided one is Accepted, Rejected or Superseded; one that nobody has decided yet is a Draft.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from remembrancer.paths import DECISIONS

FOLDER = DECISIONS
ACCEPTED, REJECTED, SUPERSEDED, DRAFT = "Accepted", "Rejected", "Superseded", "Draft"
DECIDED = (ACCEPTED, REJECTED, SUPERSEDED)
FIELDS = ("Date", "Status", "Context", "Decision", "Consequences", "Verification")
# what a new record asks its author; a decision that still holds one of these sentences is not written yet
PROMPTS = {
    "Context": "Why is a decision needed, and what constrains it?",
    "Decision": "What do we choose, and over which alternatives?",
    "Consequences": "What becomes easier, and what does it cost?",
    "Verification": "Which command shows that it works? For example `make test`.",
}
MAX_BYTES = 1 << 20  # a longer text is no decision that a person reads

_NAME = re.compile(r"ADR-([0-9]{3,5})-([a-z0-9]+(?:-[a-z0-9]+)*)\.md")
_TITLE = re.compile(r"# ADR-([0-9]{1,5}): (\S.*)")
_FIELD = re.compile(rf"\*\*({'|'.join(FIELDS)})\*\*:[ \t]*(.*)")
_HEADING = re.compile(r"##+ +(\S.*)")
_COMMAND = re.compile(r"`[^`\n]+`|^(```|~~~)[^\n]*\n(?!\1)[^\n]*\S", re.MULTILINE)
_SUPERSEDES = re.compile(r"\bsupersedes\W+(?:\w+\W+){0,2}?ADR-0*([0-9]{1,5})\b", re.IGNORECASE)
_LONGEST_SLUG = 60


@dataclass(frozen=True, slots=True)
class Adr:
    """A record as it stands in its file; what is missing is empty.

    `number` and `slug` come from the file's name, `titled` is the number in the title, `fields` maps each bold field to
    its text, `sections` holds further headings and their texts, `repeated` names fields that stand there twice.
    """

    name: str
    number: int
    slug: str
    titled: int
    title: str
    fields: Mapping[str, str]
    sections: tuple[tuple[str, str], ...]
    repeated: tuple[str, ...]

    @property
    def status(self) -> str:
        """The word in the Status line."""
        return self.fields.get("Status", "")

    @property
    def date(self) -> str:
        """The text of the Date line."""
        return self.fields.get("Date", "")

    @property
    def heading(self) -> str:
        """The title with its number, as the file has it."""
        return f"ADR-{self.titled:03d}: {self.title}" if self.title else ""

    @property
    def supersedes(self) -> tuple[int, ...]:
        """The numbers that the text says it supersedes."""
        texts = [*self.fields.values(), *(text for _, text in self.sections)]
        return tuple(dict.fromkeys(int(found) for text in texts for found in _SUPERSEDES.findall(text)))


def read(name: str, data: bytes) -> Adr:
    """Return the record in a file of this name; bytes that are not UTF-8 are replaced, nothing is refused here."""
    named = _NAME.fullmatch(name)
    titled, title = 0, ""
    fields: dict[str, list[str]] = {}
    sections: list[tuple[str, list[str]]] = []
    repeated: list[str] = []
    current: list[str] = []
    for line, _, code in _lines(data.decode("utf-8", "replace")):
        # the patterns leave the end to us: a lazy match before optional spaces tries every pair of places
        bare = line.rstrip()
        if not code and not title and (found := _TITLE.fullmatch(bare)):
            titled, title = int(found[1]), found[2]
        elif not code and (found := _FIELD.fullmatch(bare)):
            current = [found[2]]
            if found[1] in fields:
                repeated.append(found[1])
            else:
                fields[found[1]] = current
        elif not code and (found := _HEADING.fullmatch(bare)):
            current = []
            sections.append((found[1], current))
        else:
            current.append(line)
    return Adr(
        name,
        int(named[1]) if named else 0,
        named[2] if named else "",
        titled,
        title,
        {name: "\n".join(lines).strip() for name, lines in fields.items()},
        tuple((heading, "\n".join(lines).strip()) for heading, lines in sections),
        tuple(repeated),
    )


def _lines(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield each line, what ends it, and whether it belongs to a fenced block of code."""
    wholes = text.splitlines(keepends=True)
    lines = text.splitlines()
    for (line, code), whole in zip(marked(lines), wholes, strict=True):
        yield line, whole[len(line) :], code


def marked(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield each line, and whether it belongs to a fenced block of code (its fences do)."""
    return ((line, code) for line, code, _ in _fenced(lines))


def _fenced(lines: Iterable[str]) -> Iterator[tuple[str, bool, str]]:
    """Yield each line, whether it belongs to a fenced block of code, and the fence that is open behind it.

    A block ends with a line of nothing but as many of its fence's marks, or more (CommonMark 0.31, section 4.5).
    """
    fence = ""
    for line in lines:
        bare = line.strip()
        mark = bare[: len(bare) - len(bare.lstrip(bare[0]))] if bare[:1] in ("`", "~") else ""
        if fence:
            fence = "" if mark == bare and mark.startswith(fence) else fence
            yield line, True, fence
        elif len(mark) >= 3 and not (mark[0] == "`" and "`" in bare[len(mark) :]):
            fence = mark
            yield line, True, fence
        else:
            yield line, False, ""


def inert(text: str) -> str:
    """Return a text that can stand in a record: no line of it reads as one of the record's fields or headings.

    Such a line gets one space in front, with which Markdown shows the same; a block of code without an end gets one.
    """
    lines, fence = [], ""
    for line, code, fence in _fenced(text.splitlines()):  # noqa: B007
        mine = not code and (_FIELD.fullmatch(line.rstrip()) or _HEADING.fullmatch(line.rstrip()))
        lines.append(f" {line}" if mine else line)
    return "\n".join([*lines, fence] if fence else lines)


def problems(adr: Adr) -> list[str]:
    """Return what keeps a record from the standard's form, one clause each; empty when it has it."""
    found = []
    if not adr.number:
        found.append("its name is not ADR-{three digits}-{slug}.md")
    elif adr.name != file_name(adr.number, adr.slug):
        found.append(f"its name should be {file_name(adr.number, adr.slug)}")
    if not adr.title:
        found.append(f"it has no title line '# ADR-{adr.number:03d}: Title'")
    elif adr.titled != adr.number:
        found.append(f"its title says ADR-{adr.titled:03d}")
    missing = [name for name in FIELDS if not adr.fields.get(name)]
    if missing:
        found.append(
            f"{' and '.join(f'**{name}**' for name in missing)} {'are' if missing[1:] else 'is'} missing or empty"
        )
    if adr.repeated:
        found.append(f"**{adr.repeated[0]}** stands there twice")
    if not missing and tuple(adr.fields) != FIELDS:
        found.append(f"its fields are not in the order {', '.join(FIELDS)}")
    if adr.date and not is_day(adr.date):
        found.append(f"its date {adr.date[:40]!r} is not a day such as 2026-01-31")
    if adr.status and adr.status not in (*DECIDED, DRAFT):
        found.append(f"its status {adr.status[:40]!r} is none of {', '.join(DECIDED)}")
    if adr.fields.get("Verification") and not _COMMAND.search(adr.fields["Verification"]):
        found.append("its verification holds no command, such as `make test`")
    return found


def unwritten(adr: Adr) -> list[str]:
    """Return the names of the fields in which the question to the author still stands."""
    return [name for name, prompt in PROMPTS.items() if adr.fields.get(name) == prompt]


def render(number: int, title: str, fields: Mapping[str, str], sections: tuple[tuple[str, str], ...] = ()) -> bytes:
    """Return the bytes of a record: the title, the six fields, and further sections under their headings."""
    lines = [f"# ADR-{number:03d}: {title}", ""]
    for name in FIELDS:
        value = fields[name]
        # a list or a block of code has to begin on a line of its own to be one
        gap = "\n\n" if value.startswith(("- ", "* ", "+ ", "```", "~~~", "1. ", "|", ">", " ", "\t", "<")) else " "
        lines.append(f"**{name}**:{gap}{value}")
    for heading, text in sections:
        lines += ["", f"## {heading}", "", text]
    return ("\n".join(lines) + "\n").encode()


def with_status(data: bytes, status: str) -> bytes:
    """Return the same bytes with another Status line (the first one outside code); everything else stays."""
    lines, done = [], False
    for line, end, code in _lines(data.decode("utf-8", "surrogateescape")):
        mine = not (done or code) and line.startswith("**Status**:")
        lines.append(f"**Status**: {status}{end}" if mine else f"{line}{end}")
        done = done or mine
    return "".join(lines).encode("utf-8", "surrogateescape")


def with_number(data: bytes, number: int) -> bytes:
    """Return the same bytes with another number in the title line (the first one outside code)."""
    lines, done = [], False
    for line, end, code in _lines(data.decode("utf-8", "surrogateescape")):
        found = None if done or code else _TITLE.fullmatch(line.rstrip())
        lines.append(f"# ADR-{number:03d}{line[found.end(1) :]}{end}" if found else f"{line}{end}")
        done = done or found is not None
    return "".join(lines).encode("utf-8", "surrogateescape")


def file_name(number: int, slug: str) -> str:
    """Return the name of a record's file."""
    return f"ADR-{number:03d}-{slug}.md"


def number_of(text: str) -> int:
    """Return the number that a person means by `7`, `007`, `ADR-007` or a path to the file; 0 for anything else."""
    name = text.rpartition("/")[2]
    found = re.fullmatch(r"(?:ADR-)?([0-9]{1,5})(?:-[a-z0-9-]*\.md)?", name, re.IGNORECASE)
    return int(found[1]) if found else 0


def slug_of(title: str) -> str:
    """Return lower-case words joined by hyphens, at most 60 characters, cut between words where that is possible."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall(r"[a-z0-9]+", plain.replace("'", "")))
    if len(words) > _LONGEST_SLUG:
        words = words[: _LONGEST_SLUG + 1].rpartition("-")[0] or words[:_LONGEST_SLUG]
    return words or "decision"


def is_day(text: str) -> bool:
    """Say whether a text is a day of the calendar in the form YYYY-MM-DD."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
