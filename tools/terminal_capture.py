"""The screen in docs/verdict.svg: a real terminal on which a release is verified, and again after one byte was changed.

Run `PYTHONPATH=tests/support .venv/bin/python tools/terminal_capture.py` to take it again; keys and times are new then.
"""

import io
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cli_support import ARTIFACT, Scratch, end_agents, released
from terminal import terminal

PICTURE = Path(__file__).parent.parent / "docs" / "verdict.svg"
FONTS = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono"
WIDTH = 132
_SPACE = "\u00a0"
_TEXT = re.compile(r'<text( class="verdict-r.*?)x="([0-9.]+)"(.*?)textLength="([0-9.]+)"(.*?)>(.*?)</text>')
VERIFY = ("verify-full", ARTIFACT)
CHANGE = f"printf x >> {ARTIFACT}"


def screen(scratch: Scratch) -> str:
    """Return what a terminal shows, with its colours; the artifact is changed in between."""
    scratch.ok(*VERIFY)  # so that the picture has something to compare with
    before = terminal(scratch, *VERIFY, width=WIDTH)
    with (scratch.root / ARTIFACT).open("a") as file:
        file.write("x")
    after = terminal(scratch, *VERIFY, width=WIDTH)
    asked = f"$ remembrancer {' '.join(VERIFY)}\n"
    return f"{asked}{before}\n$ {CHANGE}\n{asked}{after}"


def picture(shown: str) -> str:
    """Return a screen as SVG that loads nothing from elsewhere."""
    console = Console(record=True, width=WIDTH, force_terminal=True, color_system="truecolor", file=io.StringIO())
    console.print(Text.from_ansi(shown), end="")
    drawn = console.export_svg(title="remembrancer", unique_id="verdict").replace("&#160;", _SPACE)
    drawn = _TEXT.sub(_without_spaces, drawn)
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL).replace("Fira Code", FONTS)
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def _without_spaces(found: re.Match[str]) -> str:
    """Put a text where its first letter is: some programs leave spaces at the beginning out."""
    kind, left, rest, length, more, text = found.groups()
    inner = text.strip(_SPACE)
    before, after = (len(text) - len(strip(_SPACE)) for strip in (text.lstrip, text.rstrip))
    if not inner:
        return ""
    cells = 12.2  # what rich takes for the width of a letter
    x = float(left) + cells * before
    return (
        f'<text{kind}x="{x:.1f}"{rest}textLength="{float(length) - cells * (before + after):.1f}"{more}>{inner}</text>'
    )


def main() -> None:
    """Take the picture and write it beside the documents."""
    scratch = released()
    try:
        PICTURE.write_text(picture(screen(scratch)), encoding="utf-8")
    finally:
        end_agents(scratch)
        scratch.remove()


if __name__ == "__main__":
    main()
