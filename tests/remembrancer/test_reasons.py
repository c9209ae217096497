"""The table of reason codes; `reasons_met` sees to it that each one is met, and that no other one is given."""

import re

from reasons_met import AURORA, REASONS, SHARED

AREAS = "|".join(sorted({code.partition(".")[0] for code in REASONS}))
CODE = re.compile(rf"(?:{AREAS})\.[a-z0-9]+(?:-[a-z0-9]+)*")


def test_the_table_is_sorted() -> None:
    assert list(SHARED) == sorted(SHARED)
    assert list(AURORA) == sorted(AURORA)
    assert not AURORA.keys() & SHARED.keys()


def test_each_explanation_is_one_sentence_of_text() -> None:
    for code, reason in REASONS.items():
        assert CODE.fullmatch(code), code
        for text in reason:
            assert text.endswith("."), code
            assert not re.search(r"[.!?] [A-Z]", text), code
            assert "\n" not in text, code
            assert len(text) < 220, code
