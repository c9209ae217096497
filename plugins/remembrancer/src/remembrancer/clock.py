"""Time as the rest of the package sees it: aware, UTC, whole seconds, from a clock that is passed in."""

import re
from datetime import UTC, datetime, timedelta
from typing import Protocol

# compiled by `re` when a time is first read, which most programs never do
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_INSTANT = rf"{_DAY}[Tt][0-9:]{{8}}(\.[0-9]+)?([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})"
_DISTANCE = "([0-9]{1,5}) ?(h|d|w)"
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_RFC3339 = f"{_DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}Z"


class Clock(Protocol):
    """Anything that knows what time it is."""

    def now(self) -> datetime:
        """Return the current time, aware and in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still, for tests and reproducible output."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        """Return the instant it was made with, in UTC."""
        return self.instant.astimezone(UTC)


def rfc3339(instant: datetime) -> str:
    """Return an aware datetime as `2026-01-02T03:04:05Z` (RFC 3339 in UTC, fractions cut off).

    Raises ValueError for a naive datetime, whose instant is unknown.
    """
    if instant.tzinfo is None:
        raise ValueError("a time without a zone is not an instant")
    utc = instant.astimezone(UTC)
    # strftime("%Y") does not pad years below 1000 on every platform
    return utc.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def parse_rfc3339(text: str) -> datetime:
    """Return the instant that `YYYY-MM-DDTHH:MM:SSZ` names; raises ValueError for any other spelling."""
    if not re.fullmatch(_RFC3339, text):
        raise ValueError("a time must look like 2026-01-02T03:04:05Z")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def instant(text: str, now: datetime, *, end: bool = False, ahead: bool = False) -> datetime:
    """Return the instant that a person means, in UTC and whole seconds.

    It is a day (`2026-01-31`, in UTC: its first second, its last with `end`), an instant in RFC 3339
    (`2026-01-31T08:00:00Z`, `2026-01-31T09:00:00+01:00`), or a distance (`12h`, `7d`, `2w`: before now, after it with
    `ahead`). Raises ValueError for anything else.
    """
    said = text.strip()
    try:
        if distance := re.fullmatch(_DISTANCE, said):
            length = int(distance[1]) * _UNITS[distance[2]]
            return (now + length if ahead else now - length).astimezone(UTC).replace(microsecond=0)
        if re.fullmatch(_DAY, said):
            day = datetime.fromisoformat(said).replace(tzinfo=UTC)
            return day + timedelta(hours=23, minutes=59, seconds=59) if end else day
        if re.fullmatch(_INSTANT, said):
            return datetime.fromisoformat(said.upper()).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"is not a time: {text[:60]!r}")
