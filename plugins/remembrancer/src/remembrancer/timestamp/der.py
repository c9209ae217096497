"""A walk over DER (X.690 section 10) that refuses what a lenient reader lets through.

Two readers look at every token, asn1crypto and OpenSSL. Only an encoding with a single reading, checked before either
of them, makes sure that both see the same thing.
"""

_MAX_DEPTH = 32
_CONSTRUCTED = 0x20
_SHORT_FORM = 0x80


class DerError(ValueError):
    """Bytes that are not exactly one DER value."""


def require_der(data: bytes) -> None:
    """Raise DerError unless data is exactly one value with definite, minimal lengths at every level.

    Bytes after the value, the indefinite form, padded lengths, tags in the long form (none of the formats read here
    has one) and more than 32 levels are refused. Contents of primitive values are not looked into.
    """
    end = _value(data, 0, len(data), 0)
    if end != len(data):
        raise DerError(f"{len(data) - end} bytes follow the value")


def _value(data: bytes, position: int, limit: int, depth: int) -> int:
    """Check the value at position, which must end at or before limit, and return where it ends."""
    if depth > _MAX_DEPTH:
        raise DerError("the value is nested too deeply")
    if limit - position < 2:
        raise DerError("a value is cut off")
    tag = data[position]
    if tag & 0x1F == 0x1F:
        raise DerError("a tag in the long form is not expected here")
    length = data[position + 1]
    position += 2
    if length >= _SHORT_FORM:
        count = length & 0x7F
        if not 1 <= count <= 4 or limit - position < count:
            raise DerError("a length is indefinite, too large or cut off")
        length = int.from_bytes(data[position : position + count], "big")
        if length < _SHORT_FORM or length >> (8 * (count - 1)) == 0:
            raise DerError("a length is not in its shortest form")
        position += count
    end = position + length
    if end > limit:
        raise DerError("a value is longer than what holds it")
    if tag & _CONSTRUCTED:
        while position < end:
            position = _value(data, position, end, depth + 1)
    return end
