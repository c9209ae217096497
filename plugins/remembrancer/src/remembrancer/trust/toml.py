"""TOML from somebody else, read with a limit on its size and on dotted keys.

The standard library's reader looks at every beginning of a dotted key, so that the work grows with the square of the
key's length: one key that fills a megabyte would take hours. No file of ours has a dotted key at all.
"""

import re
import tomllib
from typing import Any

MAX_BYTES = 1 << 20
_MOST_DOTS = 16
# strings of all four kinds and comments, to the end of the text when they are not closed
_QUOTED = (
    r'(?s)"""(?:[^\\]|\\.)*?(?:"{3,5}|\\?\Z)'
    r"|'''.*?(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]|\\[^\n])*"?'
    r"|'[^'\n]*'?"
    r"|#[^\n]*"
)


def loads(data: bytes) -> dict[str, Any]:
    """Return the table in UTF-8 TOML of at most 1 MiB; raises ValueError for anything that is not."""
    if len(data) > MAX_BYTES:
        raise ValueError("the file is larger than 1 MiB")
    text = data.decode("utf-8")
    # texts are looked for only where it matters: most files have few dots in any line
    if any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
        for number, line in enumerate(re.sub(_QUOTED, _kept_lines, text).split("\n"), 1):
            if line.count(".") > _MOST_DOTS:
                raise ValueError(f"line {number} has more than {_MOST_DOTS} dots outside of texts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _kept_lines(quoted: re.Match[str]) -> str:
    """Return what takes a text's place: as many line breaks, so that lines keep their numbers."""
    return "\n" * quoted[0].count("\n")
