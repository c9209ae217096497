"""Time as the rest of the package sees it: aware, UTC, whole seconds, from a clock that is passed in."""

import re
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)


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


class FixedClock(NamedTuple):
    """A clock that stands still, for tests and reproducible output."""

    instant: datetime

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
    if not _RFC3339.fullmatch(text):
        raise ValueError("a time must look like 2026-01-02T03:04:05Z")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
