"""A reader for DER (X.690 sections 8 and 10) that knows one reading of every input, or none.

Two programs look at every token, this one and OpenSSL. Only an encoding that cannot be read in two ways makes sure that
both see the same thing, so everything that BER would allow is an error here.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Self

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, UTF8_STRING = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C
GENERALIZED_TIME, SEQUENCE, SET = 0x18, 0x30, 0x31
_MAX_DEPTH = 32
_CONSTRUCTED = 0x20
_SHORT_FORM = 0x80
_CERTIFICATES = 0xA0
_LONGEST_INTEGER = 64  # bytes; no number of these formats needs more, and Python writes none of 4,300 digits
_WORTH_KEEPING = 40  # bytes: looking a smaller value up takes as long as reading it
_NO_PARTS: "tuple[Value, ...]" = ()


class DerError(ValueError):
    """Bytes that are not the DER value that they should be; the message says in what way."""


class Value:
    """One value: its tag byte, its contents, its whole encoding, and its parts if it is constructed."""

    __slots__ = ("_data", "_end", "_inside", "_start", "parts", "tag")

    def __init__(self, data: bytes, start: int, inside: int, end: int, parts: Sequence[Self]) -> None:
        self._data, self._start, self._inside, self._end = data, start, inside, end
        self.tag = data[start]
        self.parts = parts

    @property
    def contents(self) -> bytes:
        """Return the bytes after tag and length."""
        return self._data[self._inside : self._end]

    @property
    def encoded(self) -> bytes:
        """Return tag, length and contents."""
        return self._data[self._start : self._end]

    def integer(self) -> int:
        """Return the number that an INTEGER (or one with another implicit tag) holds; raises DerError."""
        raw = self.contents
        if len(raw) > _LONGEST_INTEGER:
            raise DerError("an integer is too long")
        if not raw or (len(raw) > 1 and (raw[0], raw[1] & 0x80) in {(0x00, 0x00), (0xFF, 0x80)}):
            raise DerError("an integer is empty or padded")
        return int.from_bytes(raw, "big", signed=True)

    def boolean(self) -> bool:
        """Return what a BOOLEAN holds; raises DerError unless it is 0x00 or 0xFF."""
        if self.contents not in {b"\x00", b"\xff"}:
            raise DerError("a boolean is neither true nor false")
        return self.contents == b"\xff"

    def oid(self) -> str:
        """Return an OBJECT IDENTIFIER in dotted form; raises DerError."""
        return _dotted(self.contents)


class Fields:
    """The parts of a constructed value, taken one after the other."""

    __slots__ = ("_parts", "_position")

    def __init__(self, value: Value, tag: int = SEQUENCE) -> None:
        if value.tag != tag:
            raise DerError(f"a value has tag 0x{value.tag:02X} instead of 0x{tag:02X}")
        self._parts, self._position = value.parts, 0

    def take(self, tag: int) -> Value:
        """Return the next part, which must have this tag; raises DerError."""
        found = self.maybe(tag)
        if found is None:
            raise DerError(f"a value with tag 0x{tag:02X} is missing")
        return found

    def maybe(self, tag: int) -> Value | None:
        """Return the next part if it has this tag, else None and stay."""
        if self._position < len(self._parts) and self._parts[self._position].tag == tag:
            self._position += 1
            return self._parts[self._position - 1]
        return None

    def end(self) -> None:
        """Raise DerError unless every part was taken."""
        if self._position != len(self._parts):
            raise DerError(f"a value with tag 0x{self._parts[self._position].tag:02X} is not expected")


def read(data: bytes) -> Value:
    """Return the one value that data encodes, read to the bottom.

    Raises DerError for bytes after it, the indefinite form, lengths that are not minimal, tags in the long form (none
    of the formats read here has one), and more than 32 levels.
    """
    found = _values(data, 0, len(data), 0, 0)
    if not found:
        raise DerError("a value is cut off")
    if len(found) > 1:
        raise DerError(f"{len(data) - len(found[0].encoded)} bytes follow the value")
    return found[0]


def encode(tag: int, parts: Iterable[bytes]) -> bytes:
    """Return the DER encoding of a value with this tag byte, whose contents are the parts one after the other."""
    contents = b"".join(parts)
    length = len(contents)
    if length < _SHORT_FORM:
        return bytes((tag, length)) + contents
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT_FORM | len(size))) + size + contents


def _values(data: bytes, position: int, end: int, depth: int, holder: int) -> list[Value]:
    """Return the values that fill data from position to end; holder is the tag around them, 0 for none."""
    if depth > _MAX_DEPTH:
        raise DerError("a value is nested too deeply")
    found: list[Value] = []
    while position < end:
        if end - position < 2:
            raise DerError("a value is cut off")
        tag, length, inside = data[position], data[position + 1], position + 2
        if tag & 0x1F == 0x1F:
            raise DerError("a tag in the long form is not expected")
        if length >= _SHORT_FORM:
            length, inside = _long_length(data, inside, end, length & 0x7F)
        after = inside + length
        if after > end:
            raise DerError("a value is longer than what holds it")
        if tag & _CONSTRUCTED and length >= _WORTH_KEEPING and (holder == _CERTIFICATES or length < _SHORT_FORM):
            found.append(_again(data[position:after], inside - position, depth))
        elif tag & _CONSTRUCTED:
            found.append(Value(data, position, inside, after, _values(data, inside, after, depth + 1, tag)))
        else:
            found.append(Value(data, position, inside, after, _NO_PARTS))
        position = after
    return found


@lru_cache(maxsize=64)
def _again(encoded: bytes, inside: int, depth: int) -> Value:
    """Return a value that the tokens of one authority have in common: its certificates, and names in them."""
    return Value(encoded, 0, inside, len(encoded), _values(encoded, inside, len(encoded), depth + 1, encoded[0]))


def _long_length(data: bytes, position: int, limit: int, count: int) -> tuple[int, int]:
    if not 1 <= count <= 4 or limit - position < count:
        raise DerError("a length is indefinite, too large or cut off")
    length = int.from_bytes(data[position : position + count], "big")
    if length < _SHORT_FORM or length >> (8 * (count - 1)) == 0:
        raise DerError("a length is not in its shortest form")
    return length, position + count


@lru_cache(maxsize=256)
def _dotted(contents: bytes) -> str:
    if not contents or contents[-1] & 0x80 or len(contents) > 64:
        raise DerError("an object identifier is empty, cut off or too long")
    arcs, arc, fresh = [], 0, True
    for byte in contents:
        if fresh and byte == 0x80:
            raise DerError("an object identifier is padded")
        arc = arc << 7 | byte & 0x7F
        fresh = not byte & 0x80
        if fresh:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(number) for number in (first, arcs[0] - 40 * first, *arcs[1:]))
