"""The few shapes that a receipt's fields can have; each checks a value and describes itself as JSON Schema.

Standard library only: the post-generation hook imports this inside Copier's own environment.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from remembrancer.named import NamedTuple

Schema = dict[str, Any]

# C0, DEL, C1, line and paragraph separators, bidirectional controls, lone surrogates: none of them is text
# that a person can check by reading.
CONTROL = "\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff"
_ASCII_CONTROL = "\\x00-\\x1f\\x7f"
LARGEST_INTEGER = 2**53 - 1  # what every JSON reader keeps exactly


class FieldError(ValueError):
    """A value that does not fit its field; `code` is a reason code."""

    def __init__(self, where: str, problem: str, code: str = "input.field") -> None:
        super().__init__(f"{where} {problem}" if where else problem)
        self.code = code


class Field(Protocol):
    """A shape that a JSON value can have."""

    def check(self, value: object, where: str) -> None:
        """Raise FieldError, naming `where`, unless the value has this shape."""
        ...

    def schema(self) -> Schema:
        """Return the JSON Schema (draft 2020-12) of this shape."""
        ...

    @property
    def carrier(self) -> bool:
        """Say whether values of this shape can name blobs."""
        ...

    def blobs(self, value: Any) -> Iterator[str]:
        """Yield the blob digests in a value that was checked."""
        ...


class Text:
    """A string of at most `longest` characters that matches `pattern` as a whole and does not begin with `avoid`.

    Every pattern leaves CONTROL out. `rule` ends the sentence "<field> must be ..."; `blob` says that the string is
    the digest of a stored blob. `fits` is the pattern in other words, for one that is slow to compile.
    """

    def __init__(
        self,
        rule: str,
        pattern: str = f"[^{CONTROL}]+",
        longest: int = 1000,
        code: str = "input.field",
        *,
        blob: bool = False,
        avoid: str = "",
        fits: Callable[[str], object] | None = None,
    ) -> None:
        self.rule, self.longest, self.code, self.blob = rule, longest, code, blob
        self._fits = fits or self._matches
        self._pattern = f"(?!{avoid})(?:{pattern})" if avoid else f"(?:{pattern})"

    @cached_property
    def _match(self) -> re.Pattern[str]:
        """The pattern; most programs meet few kinds of receipts, and need few of them."""
        return re.compile(self._pattern)

    @cached_property
    def _ascii(self) -> re.Pattern[str]:
        """The same for text in ASCII, without what it cannot hold: that takes a third of the time to compile."""
        return re.compile(self._pattern.replace(CONTROL, _ASCII_CONTROL))

    def _matches(self, value: str) -> object:
        return (self._ascii if value.isascii() else self._match).fullmatch(value)

    def check(self, value: object, where: str) -> None:
        """See Field.check."""
        if type(value) is not str or len(value) > self.longest or not self._fits(value):
            raise FieldError(where, f"must be {self.rule}{_shown(value)}", self.code)

    def schema(self) -> Schema:
        """See Field.schema."""
        return {
            "type": "string",
            "description": self.rule[0].upper() + self.rule[1:],
            "pattern": f"^{self._pattern}$",
            "maxLength": self.longest,
            # said apart because `$` also matches before a final newline in some regular expression dialects
            "not": {"pattern": f"[{CONTROL}]"},
        }

    @property
    def carrier(self) -> bool:
        """See Field.carrier."""
        return self.blob

    def blobs(self, value: Any) -> Iterator[str]:
        """See Field.blobs."""
        if self.blob:
            yield value


class Whole(NamedTuple):
    """A whole number from `least` to `most`; true, false and 1.0 are not numbers here."""

    least: int = 0
    most: int = LARGEST_INTEGER

    def check(self, value: object, where: str) -> None:
        """See Field.check."""
        if type(value) is not int or not self.least <= value <= self.most:
            raise FieldError(where, f"must be a whole number from {self.least} to {self.most}{_shown(value)}")

    def schema(self) -> Schema:
        """See Field.schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    @property
    def carrier(self) -> bool:
        """See Field.carrier."""
        return False

    def blobs(self, value: Any) -> Iterator[str]:  # noqa: ARG002 - a number names no blob
        """See Field.blobs."""
        yield from ()


class Choice(NamedTuple):
    """One of a few strings."""

    values: tuple[str, ...]

    def check(self, value: object, where: str) -> None:
        """See Field.check."""
        if type(value) is not str or value not in self.values:
            raise FieldError(where, f"must be one of {', '.join(self.values)}{_shown(value)}")

    def schema(self) -> Schema:
        """See Field.schema."""
        return {"enum": list(self.values)}

    @property
    def carrier(self) -> bool:
        """See Field.carrier."""
        return False

    def blobs(self, value: Any) -> Iterator[str]:  # noqa: ARG002 - a choice names no blob
        """See Field.blobs."""
        yield from ()


class Record:
    """An object with exactly the `required` members and any of the `optional` ones."""

    def __init__(self, required: Mapping[str, Field], optional: Mapping[str, Field] | None = None) -> None:
        self.required, self.optional = required, optional or {}
        self._fields = {**self.required, **self.optional}
        self._carriers = {name: shape for name, shape in self._fields.items() if shape.carrier}

    def check(self, value: object, where: str) -> None:
        """See Field.check."""
        if type(value) is not dict:
            raise FieldError(where, "must be an object")
        prefix = f"{where}." if where else ""
        known = self._fields
        for name, member in value.items():
            shape = known.get(name)
            if shape is None:
                raise FieldError(where or "the receipt", f"has an unknown field{_shown(name)}")
            shape.check(member, prefix + name)
        for name in self.required:
            if name not in value:
                raise FieldError(prefix + name, "is missing")

    def schema(self) -> Schema:
        """See Field.schema."""
        return {
            "type": "object",
            "properties": {name: shape.schema() for name, shape in self._fields.items()},
            "required": sorted(self.required),
            "additionalProperties": False,
        }

    @property
    def carrier(self) -> bool:
        """See Field.carrier."""
        return bool(self._carriers)

    def blobs(self, value: Any) -> Iterator[str]:
        """See Field.blobs."""
        for name, shape in self._carriers.items():
            if name in value:
                yield from shape.blobs(value[name])


class Many(NamedTuple):
    """A list of `least` to `most` values of one shape."""

    item: Field
    least: int = 0
    most: int = 10_000

    def check(self, value: object, where: str) -> None:
        """See Field.check."""
        if type(value) is not list or not self.least <= len(value) <= self.most:
            raise FieldError(where, f"must be a list of {self.least} to {self.most} values")
        for index, member in enumerate(value):
            self.item.check(member, f"{where}[{index}]")

    def schema(self) -> Schema:
        """See Field.schema."""
        return {"type": "array", "items": self.item.schema(), "minItems": self.least, "maxItems": self.most}

    @property
    def carrier(self) -> bool:
        """See Field.carrier."""
        return self.item.carrier

    def blobs(self, value: Any) -> Iterator[str]:
        """See Field.blobs."""
        for member in value:
            yield from self.item.blobs(member)


def _shown(value: object) -> str:
    """Return the refused value as it can be printed safely on one line, shortened."""
    if type(value) not in (str, int, float, bool, type(None)):
        return f", not a {type(value).__name__}"
    text = ascii(value) if not (type(value) is int and abs(value) > LARGEST_INTEGER) else "a larger number"
    return f", not {text if len(text) <= 60 else text[:57] + '...'}"


def _is_time(text: str) -> bool:
    """Say whether 20 characters are what TIME's pattern matches: a time that is written back as it was read."""
    try:
        return f"{datetime.fromisoformat(text[:-1]).isoformat()}Z" == text
    except ValueError:
        return False


_LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
_DAY = (
    "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_SEGMENT = f"[^/\\\\{CONTROL}]+"

DIGEST_RULE = "a SHA-256 digest, exactly 64 lower-case hexadecimal digits"
COMPONENT = Text(
    "a lower-case DNS-1123 label of at most 40 characters that starts with a letter",
    "[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?",
    40,
    "input.component",
)
VERSION = Text(
    "a version such as 1.4.0 or 1.4.0-rc.1: at most 100 letters, digits, dots, hyphens and plus signs",
    "[0-9A-Za-z][0-9A-Za-z+-]*(?:\\.[0-9A-Za-z+-]+)*",
    100,
    "input.version",
)
DIGEST = Text(DIGEST_RULE, "[0-9a-f]{64}", 64, "input.digest")
BLOB = Text("the SHA-256 digest of a file under ops/receipts/blobs", "[0-9a-f]{64}", 64, "input.digest", blob=True)
TIME = Text(
    "a time in UTC such as 2026-01-02T03:04:05Z",
    f"(?!0000)(?:{_DAY}|{_LEAP})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z",
    20,
    fits=_is_time,
)
LINE = Text("one line of 1 to 1000 characters without control characters")
COMMIT = Text("a full Git commit id", "[0-9a-f]{40}(?:[0-9a-f]{24})?", 64)
FINGERPRINT = Text(
    "an OpenPGP fingerprint of 40 or 64 upper-case hexadecimal digits", "[0-9A-F]{40}(?:[0-9A-F]{24})?", 64
)
PATH = Text(
    "a relative path with / between its parts and no . or .. part",
    f"(?:(?!\\.{{1,2}}/){_SEGMENT}/)*(?!\\.{{1,2}}$){_SEGMENT}",
    1024,
)
URL = Text(
    "an address of at most 1000 characters that carries no credential",
    f"[^ {CONTROL}]+",
    avoid="https?://[^/]*@|[A-Za-z][A-Za-z0-9+.-]*://[^/@]*:[^/]*@",
)
ENVIRONMENT = Text("an environment's name: a lower-case DNS-1123 label", "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", 63)
AUTHORITY = Text(
    "an authority's name: lower-case letters, digits, dots, hyphens and underscores",
    "[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?",
    64,
)
IMAGE = Text("an image digest such as sha256:<64 hexadecimal digits>", "sha256:[0-9a-f]{64}", 71)
SLUG = Text("lower-case words joined by single hyphens", "[a-z0-9]+(?:-[a-z0-9]+)*", 60)
NONCE = Text("a nonce of 1 to 40 lower-case hexadecimal digits", "[0-9a-f]{1,40}", 40)
