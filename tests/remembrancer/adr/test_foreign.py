"""Reading decisions of another form: what belongs to a heading, and documents made to take forever."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from remembrancer.adr import foreign as adr_import

SECONDS = 60  # a pattern that tries the square of a megabyte would need days
SIZE = 1 << 20
DOCUMENT = "# 1. Use tiles\n\n## Status\n\nAccepted\n\n## Context\n\nA.\n\n## Decision\n\nB.\n"


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"still reading after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("# 1. Use C#", "Use C#"),
        ("# Use tiles ##", "Use tiles"),
        ("#   ADR-0007: Use tiles   ", "Use tiles"),
        ("# ADR 12 — Use tiles #", "Use tiles"),
        ("# 007 - Use  two  spaces", "Use  two  spaces"),
        ("# 3 databases", "3 databases"),
    ],
)
def test_titles(heading: str, title: str) -> None:
    found = adr_import.read("0001-x.md", DOCUMENT.replace("# 1. Use tiles", heading, 1).encode())
    assert found is not None
    assert (found.title, found.status, found.fields) == (title, "Accepted", {"Context": "A.", "Decision": "B."})


def test_closed_headings_and_a_status_with_its_reason() -> None:
    text = DOCUMENT.replace("## Context", "## Context ##").replace("Accepted", "Accepted (not Rejected)")
    found = adr_import.read("0001-x.md", text.encode())
    assert found is not None
    assert (found.status, found.fields["Context"]) == ("Accepted", "A.")


LONG = {
    "spaces in a title": f"# a{' ' * SIZE}b\n{DOCUMENT}",
    "digits in a title": f"# {'0' * SIZE}x\n{DOCUMENT}",
    "spaces in a heading": f"{DOCUMENT}\n## a{' ' * SIZE}b\n",
    "closing marks": f"{DOCUMENT}\n## a{' #' * (SIZE // 2)}b\n",
    "spaces in a fact": f"# 1. X\nStatus: a{' ' * SIZE}b\n## Context\nA.\n",
    "opened brackets": f"# 1. X\nStatus: {'(' * SIZE}\n## Context\nA.\n",
    "brackets in each other": f"# 1. X\nStatus: {'(' * (SIZE // 2)}{')' * (SIZE // 2)}\n## Context\nA.\n",
    "facts before the text": f"---\na: b{' ' * SIZE}c\n---\n{DOCUMENT}",
    "one field in many pieces": DOCUMENT + "\n## Consequences\n\nC.\n" * (SIZE // 25),
    "successors": f"# 1. X\nStatus: {'superseded by ' * (SIZE // 14)}\n## Context\nA.\n",
    "zeros of a successor": f"# 1. X\nStatus: superseded by {'0' * SIZE}x\n## Context\nA.\n",
}


@pytest.mark.parametrize("what", LONG)
def test_a_megabyte_of_anything_is_read(what: str) -> None:
    with at_most(SECONDS):
        assert adr_import.read("0001-x.md", LONG[what].encode()) is not None
