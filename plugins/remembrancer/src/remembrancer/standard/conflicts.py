"""The marks that a merge leaves in a file where a person has to decide. Pure."""

from collections.abc import Iterator

_OPEN, _MIDDLE, _CLOSE = b"<" * 7 + b" ", b"=" * 7, b">" * 7 + b" "


def conflict_lines(data: bytes) -> Iterator[int]:
    """Yield the number of the first line of every complete conflict in a file's bytes."""
    begun, middle = 0, False
    for number, line in enumerate(data.splitlines(), 1):
        if line.startswith(_OPEN):
            begun, middle = number, False
        elif begun and line == _MIDDLE:
            middle = True
        elif begun and middle and line.startswith(_CLOSE):
            yield begun
            begun = 0
