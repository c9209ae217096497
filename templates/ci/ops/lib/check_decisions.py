"""Check that every decision names the seals that it rests on: "Seal 0", or "Seals 0 and 2".

The seals are in .amazonq/rules/philosophical-foundation.md.
"""

import argparse
import re
import sys
from pathlib import Path

import service
from service import EXIT_FAILED, EXIT_USAGE, ROOT, Trouble

NAMED = re.compile(r"\b[Ss]eals? ([0-9]+(?:(?:, | and |, and )[0-9]+)*)\b")
DECIDED = re.compile(r"(?m)^\*\*Status\*\*: *(Accepted|Rejected|Superseded)\b")
HIGHEST = 7


def problem(text: str) -> str:
    """Return what is wrong with a decision's text, or ""; a draft is no decision yet."""
    if not DECIDED.search(text):
        return ""
    numbers = [int(number) for found in NAMED.findall(text) for number in re.findall(r"[0-9]+", found)]
    if not numbers:
        return "names no seal; write for example 'Seals 0 and 2' into its Context"
    beyond = [number for number in numbers if number > HIGHEST]
    return f"names seal {beyond[0]}, but they are numbered from 0 to {HIGHEST}" if beyond else ""


def main(arguments: list[str]) -> int:
    """Check every decision in a folder; return 0, or 1 when one names no seal.

    Raises:
        Trouble: the folder that was named does not exist, or a decision is not text.
    """
    parser = argparse.ArgumentParser(prog="ops/bin/check-decisions", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="where the decisions are (default ops/receipts/adr)")
    folder = parser.parse_args(arguments).folder
    if folder is not None and not folder.is_dir():
        raise Trouble(f"there is no folder {folder}", EXIT_USAGE)
    wrong = 0
    for path in sorted((folder or ROOT / "ops" / "receipts" / "adr").glob("ADR-*.md")):
        try:
            said = problem(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise Trouble(f"{path.name} is not UTF-8 text") from error
        if said:
            print(f"check-decisions: {path.name} {said}", file=sys.stderr)
            wrong += 1
    return EXIT_FAILED if wrong else 0


if __name__ == "__main__":
    service.run_main("ops/bin/check-decisions", main)
