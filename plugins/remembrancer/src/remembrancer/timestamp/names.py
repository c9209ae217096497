"""Comparing distinguished names by RFC 5280 section 7.1: what they say counts, not how it is encoded.

>>> utf8, printable = (bytes.fromhex(f"300e310c300a06035504030c03{text}") for text in ("526f74", "726f74"))
>>> utf8, printable = utf8, printable.replace(b"\\x0c\\x03", b"\\x13\\x03")
>>> same_name(utf8, printable)
True
"""

from functools import lru_cache

from remembrancer.timestamp import der
from remembrancer.timestamp.der import DerError, Fields, Value

_UTF8, _PRINTABLE, _IA5, _UNIVERSAL, _BMP = 0x0C, 0x13, 0x16, 0x1C, 0x1E
# TeletexString is missing: its letters beyond ASCII are read in more than one way
_ENCODINGS = {_UTF8: "utf-8", _PRINTABLE: "ascii", _IA5: "ascii", _UNIVERSAL: "utf-32-be", _BMP: "utf-16-be"}

_Attribute = tuple[str, int, bytes | str]
_Canonical = tuple[tuple[_Attribute, ...], ...]


def same_name(one: bytes, other: bytes) -> bool:
    """Return whether two DER names match; a malformed one matches itself alone."""
    if one == other:
        return True
    try:
        return canonical_name(one) == canonical_name(other)
    except DerError:
        return False


@lru_cache(maxsize=512)
def canonical_name(encoded: bytes) -> _Canonical:
    """Return a DER name in a form that is equal for names that match; raises DerError."""
    name = der.read(encoded)
    if name.tag != der.SEQUENCE:
        raise DerError("a name is not a sequence")
    return tuple(_relative(part) for part in name.parts)


def _relative(part: Value) -> tuple[_Attribute, ...]:
    if part.tag != der.SET or not part.parts:
        raise DerError("a part of a name is not a set of attributes")
    return tuple(sorted((_attribute(one) for one in part.parts), key=repr))


def _attribute(attribute: Value) -> _Attribute:
    """Return type, kind (0 for text) and value: text prepared as RFC 4518 says, anything else as its bytes."""
    fields = Fields(attribute)
    kind = fields.take(der.OID).oid()
    if len(attribute.parts) != 2:
        raise DerError("an attribute of a name does not have one type and one value")
    value = attribute.parts[1]
    encoding = _ENCODINGS.get(value.tag)
    if encoding is None:
        return kind, value.tag, value.contents
    try:
        text = value.contents.decode(encoding)
    except UnicodeDecodeError:
        return kind, value.tag, value.contents
    import unicodedata  # noqa: PLC0415 - names are nearly always the same bytes

    prepared = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return kind, 0, " ".join(prepared.split())
