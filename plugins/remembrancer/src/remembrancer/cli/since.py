"""What people mean by a time: a day, an instant, or how long ago."""

import re
from datetime import UTC, datetime, timedelta

from remembrancer.clock import Clock, parse_rfc3339, rfc3339
from remembrancer.errors import BadInput

_AGO = re.compile(r"([0-9]{1,5}) ?(h|d|w)", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def moment(text: str, clock: Clock, *, end: bool = False) -> str:
    """Return the instant (RFC 3339, UTC) that a text names.

    It is a day (`2026-01-31`), an instant (`2026-01-31T08:00:00Z`), or so long ago (`12h`, `7d`, `2w`).
    A day is its first second, or its last one when `end` is true. Raises BadInput(input.time).
    """
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return rfc3339(clock.now() - int(ago[1]) * _UNITS[ago[2]])
        if _DAY.fullmatch(text.strip()):
            day = datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
            return rfc3339(day + timedelta(hours=23, minutes=59, seconds=59) if end else day)
        return rfc3339(parse_rfc3339(text.strip()))
    except (ValueError, OverflowError):
        raise BadInput(
            "input.time", f"not a time: {text[:60]!r}", "Say 2026-01-31, 2026-01-31T08:00:00Z or 7d."
        ) from None
