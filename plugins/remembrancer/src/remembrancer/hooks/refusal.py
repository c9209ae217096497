"""How a hook says no: what is wrong with which file, and what to do instead."""

import sys
from collections.abc import Iterable

from remembrancer.findings import Finding, Outcome
from remembrancer.reasons import REASONS

_MOST = 20


def refusal(check: str, code: str, subject: str, message: str, remedy: str = "") -> Finding:
    """Return one refusal; without a remedy of its own it has that of its reason code."""
    return Finding(check, Outcome.FAILED, code, subject, message.rstrip("."), remedy or REASONS[code].remedy)


def tell(found: Iterable[Finding]) -> int:
    """Print refusals to stderr, each remedy once below the last one that has it; return 1, or 0 when there are none."""
    refusals = list(found)
    shown = refusals[:_MOST]
    for number, one in enumerate(shown):
        where = "" if one.subject and one.subject in one.message else f"{one.subject}: "
        print(_plain(f"{one.check}: {where if one.subject else ''}{one.message} [{one.code}]"), file=sys.stderr)
        if one.remedy and one.remedy not in {later.remedy for later in shown[number + 1 :]}:
            print(_plain(f"  {one.remedy}"), file=sys.stderr)
    if refusals[_MOST:]:
        print(f"and {len(refusals) - _MOST} more", file=sys.stderr)
    return 1 if refusals else 0


def _plain(text: str) -> str:
    """Return text in which no character of a file's name can reach the terminal as anything but text."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
