"""ASCII armor, read strictly (RFC 9580 section 6).

A signature file holds exactly one block and nothing else: text around it, comments in it and a second block are read
by nobody's signature check, so they could tell a reader anything.
"""

import base64
import binascii
import re
from functools import cache

# compiled by `re` when another kind of block, or a header, is first met
_BEGIN = r"-----BEGIN PGP ([A-Z ]+)-----"
_HEADER = r"[A-Za-z][A-Za-z0-9-]*: [^\x00-\x1f\x7f-\x9f]*"
_LINE_LENGTH = 76
_CRC_POLYNOMIAL = 0x1864CFB


class ArmorError(ValueError):
    """Text that is not exactly one armored block."""


def dearmor(data: bytes, kind: str, *, headers: bool) -> bytes:
    """Return the bytes inside a block of this kind (such as `PGP SIGNATURE` without its `PGP`).

    Data that begins like a binary packet is returned as it is. `headers` allows armor headers such as Comment, which
    nothing protects, in UTF-8 (RFC 9580 section 6.2.2.1), and blank lines at the end. Raises ArmorError for anything
    but one block with canonical base64 and, if there is one, a matching CRC-24.
    """
    if data[:1] >= b"\x80":
        return data
    try:
        lines = data.decode("utf-8" if headers else "ascii").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise ArmorError("it is neither binary nor text") from error
    if lines[-1] == "":
        lines.pop()
    while headers and lines and not lines[-1].strip(" \t"):
        lines.pop()
    _require_frame(lines, kind)
    body = lines[1:-1]
    if "" not in body:
        raise ArmorError("the armor has no empty line after its headers")
    split = body.index("")
    if split and not headers:
        raise ArmorError("the armor carries headers, which no signature protects")
    if any(not re.fullmatch(_HEADER, line) for line in body[:split]):
        raise ArmorError("an armor header is malformed")
    return _decode(body[split + 1 :])


def blocks(data: bytes, kind: str) -> list[bytes]:
    """Return the armored blocks of this kind that lie one after the other in data, each with what follows it.

    Data without a second one is returned as it is; nothing is checked here.
    """
    begin = f"-----BEGIN PGP {kind}-----".encode()
    if data[:1] >= b"\x80" or not data.startswith(begin):
        return [data]
    return [begin + part for part in data.split(begin)[1:]]


def _require_frame(lines: list[str], kind: str) -> None:
    if lines[:1] != [f"-----BEGIN PGP {kind}-----"]:
        other = re.fullmatch(_BEGIN, lines[0]) if lines else None
        if other is None:
            raise ArmorError("there is something else before the armor, or no armor at all")
        raise ArmorError(f"it is a PGP {other[1]}, not a PGP {kind}")
    if lines[-1] != f"-----END PGP {kind}-----":
        raise ArmorError("there is something after the armor, or it is cut off")
    if any(line.startswith("-----") for line in lines[1:-1]):
        raise ArmorError("there is more than one armored block")


def _decode(lines: list[str]) -> bytes:
    checksum = lines.pop()[1:] if lines and lines[-1].startswith("=") and len(lines[-1]) == 5 else None
    if not lines or any(not 0 < len(line) <= _LINE_LENGTH for line in lines):
        raise ArmorError("the armor's lines are empty or too long")
    if any(len(line) != len(lines[0]) for line in lines[:-1]) or len(lines[-1]) > len(lines[0]):
        raise ArmorError("the armor's lines differ in length")
    raw = _base64("".join(lines))
    if checksum is not None and _base64(checksum) != crc24(raw).to_bytes(3, "big"):
        raise ArmorError("the armor's checksum is wrong")
    return raw


def _base64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ArmorError("the armor is not base64") from error
    if base64.b64encode(raw).decode() != text:
        raise ArmorError("the armor is not canonical base64")
    return raw


def crc24(data: bytes) -> int:
    """Return the CRC-24 of RFC 9580 section 6.1."""
    table, crc = _crc_table(), 0xB704CE
    for byte in data:
        crc = (crc & 0xFFFF) << 8 ^ table[crc >> 16 ^ byte]
    return crc


@cache
def _crc_table() -> list[int]:
    """Return what each byte does to the checksum."""
    table, bit = [0], _CRC_POLYNOMIAL & 0xFFFFFF  # what the lowest bit does
    for _ in range(8):
        table += [entry ^ bit for entry in table]  # the checksum is linear: of two bits, both
        bit = bit << 1 ^ (_CRC_POLYNOMIAL if bit & 0x800000 else 0)
    return table
