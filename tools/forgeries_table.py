"""The tables of docs/forged-proofs.md, made from the forgeries that the tests make.

Run `make documents` to write them into the document again.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import pgp_forgeries
import tsa_forgeries

DOCUMENT = Path(__file__).parent.parent / "docs" / "forged-proofs.md"
TOOLS = {
    "timestamps": {
        "message": "rfc3161-client `verify_message`",
        "digest": "rfc3161-client `verify`",
        "openssl": "`openssl ts -verify -data`",
        "query": "`openssl ts -verify -queryfile`",
        "rfc3161ng": "rfc3161ng",
    },
    "signatures": {"gpg": "`gpg --verify`", "gpgv": "`gpgv`", "pysequoia": "pysequoia `verify`"},
}


class _Forgery(Protocol):
    @property
    def what(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def accepted_by(self) -> Iterable[str]: ...


def _table(forgeries: Sequence[_Forgery], tools: dict[str, str]) -> str:
    lines = [f"| forgery | {' | '.join(tools.values())} | here |", "|---|" + "---|" * (len(tools) + 1)]
    for forgery in forgeries:
        verdicts = ["**accepts**" if tool in forgery.accepted_by else "refuses" for tool in tools]
        lines.append(f"| {forgery.what} | {' | '.join(verdicts)} | `{forgery.code}` |")
    fooled = [str(sum(tool in forgery.accepted_by for forgery in forgeries)) for tool in tools]
    lines.append(f"| *accepted, of {len(forgeries)}* | {' | '.join(fooled)} | 0 |")
    return "\n".join(lines)


def filled(document: str) -> str:
    """Return the document with both tables as they should be."""
    tables = {
        "timestamps": _table(tsa_forgeries.FORGERIES, TOOLS["timestamps"]),
        "signatures": _table(pgp_forgeries.FORGERIES, TOOLS["signatures"]),
    }
    for name, table in tables.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        document = pattern.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", document)  # type: ignore[misc]
    return document


if __name__ == "__main__":
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
