"""docs/reason-codes.md is what the table of reason codes gives."""

import re

from reason_table import AREAS, DOCUMENT, REASONS, document


def test_the_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_every_code_has_one_row_with_cause_and_remedy() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.+\.) \| (.+\.) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert {code: (cause, remedy) for code, cause, remedy in rows} == {code: tuple(REASONS[code]) for code in REASONS}
    assert len(rows) == len(REASONS)


def test_every_area_is_named() -> None:
    assert {code.partition(".")[0] for code in REASONS} == AREAS.keys()
