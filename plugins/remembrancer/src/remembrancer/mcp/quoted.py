"""Others' text on its way to an assistant: no control or direction characters, no more than a cap."""

import unicodedata

CUT = " […]"
SHORT, PASSAGE, WHOLE = 300, 1_200, 60_000  # characters: a line, a passage, a document
# Cc control, Cf format (direction marks, joiners, tags), Cs surrogates, Co private use, Cn unassigned, Zl and Zp breaks
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(text: str, most: int = SHORT, *, lines: bool = False) -> str:
    """Return text that shows all of itself, at most `most` characters of it; with `lines` line breaks stay."""
    kept: list[str] = []
    length = 0
    for char in text:
        if char in "\t\n\r":
            char = "\n" if lines and char == "\n" else " "  # noqa: PLW2901
        elif unicodedata.category(char) in _UNSAFE:
            continue
        length += 1
        if length > most:
            return "".join(kept[: most - len(CUT)]) + CUT
        kept.append(char)
    return "".join(kept)
