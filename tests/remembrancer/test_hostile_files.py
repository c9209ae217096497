"""Files that a committer plants to break a command instead of a proof: each is one sentence, and the rest goes on."""

import pytest

from remembrancer.errors import Rejected
from remembrancer.timestamp.der import DerError, read
from remembrancer.timestamp.response import parse_response


def der(tag: int, contents: bytes) -> bytes:
    size = len(contents).to_bytes((len(contents).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag, *([0x80 | len(size)] if len(contents) > 127 else []), *size]) + contents


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        parse_response(der(0x30, der(0x30, der(2, b"\x7f" * 2000))))
    assert caught.value.code == "time.malformed"
    assert len(caught.value.message) < 200
    assert read(der(2, b"\x7f" * 64)).integer() > 0
    with pytest.raises(DerError, match="too long"):
        read(der(2, b"\x7f" * 65)).integer()


def test_an_unknown_status_is_told_in_a_short_sentence() -> None:
    with pytest.raises(Rejected) as caught:
        parse_response(der(0x30, der(0x30, der(2, b"\x7f" * 64))))
    assert caught.value.code == "time.status"
    assert len(caught.value.message) < 100
