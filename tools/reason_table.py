"""docs/reason-codes.md, made from the table of reason codes.

Run `make documents` to write it again.
"""

from itertools import groupby
from pathlib import Path

from aurora.reasons import REASONS as AURORA
from remembrancer.reasons import REASONS as SHARED

REASONS = dict(sorted({**SHARED, **AURORA}.items()))
DOCUMENT = Path(__file__).parent.parent / "docs" / "reason-codes.md"
AREAS = {
    "adr": "Decision records.",
    "blob": "Files under `ops/receipts/blobs`.",
    "commit": "What the hooks check before a commit.",
    "drift": "Generated files beside the standard they came from.",
    "evidence": "Evidence that a log forked, as `aurora evidence verify` judges it.",
    "env": "The machine: files, network, programs. Exit code 4.",
    "fleet": "Many services at once, as `aurora fleet` sees them.",
    "hash": "The artifact's digest.",
    "input": "What a command was given. Exit code 2.",
    "log": "The ledger and its checkpoint.",
    "mirror": "Copies of logs in folders and object stores.",
    "peer": "Other teams' ledgers, as `aurora sync` takes them in.",
    "policy": "The content of the trust policy.",
    "proof": "Proof files of `export-proof`.",
    "receipt": "Receipts as files.",
    "sig": "OpenPGP signatures.",
    "time": "RFC 3161 timestamps.",
    "trust": "Who signed the trust policy, and which policy counts.",
    "witness": "Witnesses that cosign the checkpoints of others.",
}
HEAD = """\
# Reason codes

Generated from `reasons.py` of both plugins by `make documents`; a test keeps it so.

Every check that does not hold carries one of these codes, in text output and in `--format json`. The code is stable;
the sentence beside it may change. A check that holds carries `<check>.ok`; `log.behind`, `log.leftover` and
`blob.unreferenced` are notices that fail nothing. Exit codes: 0 all verified, 1 failed, 2 wrong usage, bad input or a
refused recording, 3 unverifiable, 4 environment.
"""


def document() -> str:
    """Return the document: one table for each area, one row for each code."""
    parts = [HEAD]
    for area, codes in groupby(REASONS, lambda code: code.partition(".")[0]):
        rows = [f"| `{code}` | {_cell(REASONS[code].cause)} | {_cell(REASONS[code].remedy)} |" for code in codes]
        table = "\n".join(["| code | cause | remedy |", "|---|---|---|", *rows])
        parts.append(f"## {area}\n\n{AREAS[area]}\n\n{table}\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
