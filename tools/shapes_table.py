"""The table of docs/timestamp-authorities.md, made from the shapes that the tests make.

Run `make documents` to write it into the document again.
"""

import re
from pathlib import Path

from tsa_shapes import SHAPES

DOCUMENT = Path(__file__).parent.parent / "docs" / "timestamp-authorities.md"


def _table() -> str:
    lines = ["| shape | OpenSSL | rfc3161-client | here | because |", "|---|---|---|---|---|"]
    for shape in SHAPES:
        theirs = ["accepts" if tool in shape.accepted_by else "refuses" for tool in ("openssl", "client")]
        ours = f"`{shape.decision}`" if shape.decision else "verified"
        lines.append(f"| {shape.what} | {' | '.join(theirs)} | {ours} | {shape.why} |")
    return "\n".join(lines)


def filled(document: str) -> str:
    """Return the document with the table as it should be."""
    pattern = re.compile(r"(<!-- shapes -->\n).*?(<!-- /shapes -->)", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}{_table()}\n{found[2]}", document)


if __name__ == "__main__":
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
