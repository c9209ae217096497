"""A Markdown document cut into its parts: front matter, title, what stands above the first heading, and sections.

Pure, and linear in the size of the document. Every line of it is in exactly one part.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from remembrancer.adr.form import marked

# taken without what `bare` takes away, so that no pattern ends in something that could be tried twice
_ATX = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_LABEL = re.compile(r"(\*\*|__)([A-Za-z][A-Za-z &/]{1,48})(?::(?:\*\*|__)|(?:\*\*|__)[ \t]*:)(.*)")
_ALONE = re.compile(r"(\*\*|__)([A-Za-z][A-Za-z &/]{1,48}):?(?:\*\*|__):?")
_UNDERLINE = re.compile(r"=+|-{2,}")
_OPENS = ("#", ">", "|", "<", "- ", "* ", "+ ", "---", "===", "```", "~~~", "    ", "\t")


@dataclass(slots=True)
class Part:
    """A heading (its words as they stand there, "" above the first one), its level, and the lines below it."""

    heading: str = ""
    level: int = 0
    known: bool = False
    lines: list[str] = field(default_factory=list)

    @property
    def body(self) -> str:
        """The lines without empty ones around them."""
        return block(self.lines)


@dataclass(slots=True)
class Document:
    """A document's front matter with its marks ("" when it has none), its title's words, and its parts."""

    front: str = ""
    title: str = ""
    parts: list[Part] = field(default_factory=list)


def block(lines: list[str]) -> str:
    """Return lines as one text without the empty ones around them; spaces before the first word stay."""
    first, last = 0, len(lines)
    while first < last and not lines[first].strip():
        first += 1
    while last > first and not lines[last - 1].strip():
        last -= 1
    return "\n".join(lines[first:last])


def cut(text: str, known: Callable[[str], bool], *, nested: bool = False) -> Document:
    """Return the parts of a document; `known` says of a heading's words whether a decision has a place for them.

    A heading of the first two levels begins a part, and so does a deeper one that is known, unless it belongs to a
    section that is not known; with `nested` it does even there. Headings in code and comments are text.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = Document()
    if lines[0].strip() == "---":
        end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() in ("---", "...")), 0)
        found.front, lines = "\n".join(lines[: end + 1]) if end else "", lines[end + 1 :] if end else lines
    part = Part()
    found.parts.append(part)
    for line, heading, level, rest in _headings(lines, known):
        if heading and not found.title and level and not known(heading) and (level == 1 or part.level == 0):
            found.title = heading
        elif heading and _begins(part, level, mine=known(heading), nested=nested):
            part = Part(heading, level or max(part.level, 2), known(heading), [rest] if rest else [])
            found.parts.append(part)
        else:
            part.lines.extend(line)
    return found


def _begins(part: Part, level: int, *, mine: bool, nested: bool) -> bool:
    if not level:  # a label belongs where it stands, unless that is a section of another name
        return mine and (nested or part.known or not part.level)
    if mine:
        return nested or part.known or not part.level or level <= part.level
    return level <= max(2, part.level)


def _headings(lines: list[str], known: Callable[[str], bool]) -> Iterator[tuple[list[str], str, int, str]]:
    """Yield the lines of each step; with a heading's words and level when they are one, and what follows a label."""
    comment, skip = False, False
    texts = list(marked(lines))
    for at, (line, code) in enumerate(texts):
        if skip:
            skip = False
            continue
        if comment or code or line.lstrip().startswith("<!--"):
            opened = comment or (not code and line.lstrip().startswith("<!--"))
            comment = opened and "-->" not in line
            yield [line], "", 0, ""
            continue
        indented = len(line) - len(line.lstrip(" ")) > 3
        plain = bare(line.strip())
        if not indented and (atx := _ATX.fullmatch(plain)):
            yield [line], atx[2], len(atx[1]), ""
        elif not indented and (label := _ALONE.fullmatch(plain)) and known(label[2]):
            yield [line], label[2], 0, ""
        elif not indented and (label := _LABEL.fullmatch(plain)) and known(label[2]):
            yield [line], label[2], 0, label[3].strip()
        elif level := _setext(texts, at):
            skip = True
            yield [line, texts[at + 1][0]], plain, level, ""
        else:
            yield [line], "", 0, ""


def _setext(texts: list[tuple[str, bool]], at: int) -> int:
    """Return the level of a heading that is underlined: one line of text, and nothing but = or - in the next one."""
    line = texts[at][0]
    if at + 1 >= len(texts) or texts[at + 1][1] or not line.strip() or line.startswith(_OPENS):
        return 0
    if at and texts[at - 1][0].strip() and not texts[at - 1][1]:
        return 0
    under = texts[at + 1][0].strip()
    return (1 if under[0] == "=" else 2) if _UNDERLINE.fullmatch(under) else 0


def bare(line: str) -> str:
    """Return a heading without the spaces and the closing marks at its end, which belong to none of its words."""
    line = line.rstrip()
    opened = line.rstrip("#")
    return opened.rstrip() if opened[-1:].isspace() else line
