"""Strict reading of one TOML table: every field is asked for by name and type, and what is left over is refused."""

import re
from datetime import UTC, datetime
from typing import Any

from remembrancer.errors import BadInput


class Table:
    """One TOML table that is read field by field; what is left unread at the end is an unknown field."""

    def __init__(self, where: str, values: object) -> None:
        if not isinstance(values, dict):
            raise BadInput("policy.malformed", f"policy: {where} must be a table")
        self.where, self.values = where, dict(values)

    def bad(self, name: str, why: str) -> BadInput:
        """Return the refusal of a field; `why` ends the sentence."""
        return BadInput("policy.malformed", f"policy: {name} in {self.where} {why}")

    def take(self, name: str, kind: type, default: object = None) -> Any:
        """Return a field of exactly this type; without a default it must be there."""
        if name not in self.values:
            if default is None:
                raise self.bad(name, "is missing")
            return default
        value = self.values.pop(name)
        if type(value) is not kind:
            raise self.bad(name, f"must be of type {kind.__name__}")
        return value

    def text(self, name: str, pattern: re.Pattern[str], default: str | None = None) -> str:
        """Return a string that matches the pattern as a whole; the default "" may stay empty."""
        value: str = self.take(name, str, default)
        if not (default == "" and value == "") and not pattern.fullmatch(value):
            raise self.bad(name, "has a value of the wrong form")
        return value

    def count(self, name: str, default: int | None = None, least: int = 0) -> int:
        """Return a whole number of at least `least`."""
        value: int = self.take(name, int, default)
        if not least <= value < 2**63:
            raise self.bad(name, "is out of range")
        return value

    def texts(self, name: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
        """Return a list of different strings that match the pattern."""
        values: list[object] = self.take(name, list, [])
        if not all(isinstance(value, str) and pattern.fullmatch(value) for value in values):
            raise self.bad(name, "has a value of the wrong form")
        if len(set(map(str, values))) != len(values):
            raise self.bad(name, "lists a value twice")
        return tuple(map(str, values))

    def time(self, name: str) -> datetime | None:
        """Return an aware time in UTC and whole seconds, None when the field is not there."""
        value = self.take(name, datetime, False)
        if value is False:
            return None
        if value.tzinfo is None or value.microsecond:
            raise self.bad(name, "must be a time with a zone, in whole seconds")
        try:
            instant: datetime = value.astimezone(UTC)
        except OverflowError:
            raise self.bad(name, "is no time in UTC") from None
        return instant

    def tables(self, name: str) -> list["Table"]:
        """Return an array of tables."""
        rows = self.take(name, list, [])
        return [Table(f"[[{name}]] {number}", row) for number, row in enumerate(rows, 1)]

    def done(self) -> None:
        """Raise BadInput(policy.malformed) when a field was not asked for."""
        if self.values:
            raise BadInput("policy.malformed", f"policy: unknown field {sorted(self.values)[0]!r} in {self.where}")
