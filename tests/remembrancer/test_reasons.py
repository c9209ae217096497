"""Every reason code in the sources is explained, and every explanation is of a code that is used."""

import ast
import re
from pathlib import Path

import remembrancer
from remembrancer.reasons import REASONS

SOURCES = Path(remembrancer.__file__).parent
AREAS = "|".join(sorted({code.partition(".")[0] for code in REASONS}))
CODE = re.compile(rf"(?:{AREAS})\.[a-z0-9]+(?:-[a-z0-9]+)*")


def used() -> set[str]:
    """Return every literal of the sources that has the form of a code; `<check>.ok` is what a verified check has."""
    found: set[str] = set()
    for path in SOURCES.rglob("*.py"):
        if path.name == "reasons.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                found.add(node.value)
    return found


NO_CODES = {
    "log.key",  # a file of the user's state
    "policy.toml",
}


def made() -> tuple[str, ...]:
    """Return the beginnings of codes whose end is computed, such as f"drift.{state}"."""
    found: set[str] = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            first = node.values[0] if isinstance(node, ast.JoinedStr) and len(node.values) == 2 else None
            if isinstance(first, ast.Constant) and re.fullmatch(rf"(?:{AREAS})\.", str(first.value)):
                found.add(first.value)
    return tuple(found)


def test_every_code_that_is_used_is_explained() -> None:
    assert {code for code in used() - NO_CODES - REASONS.keys() if not code.endswith(".ok")} == set()


def test_every_explained_code_is_used() -> None:
    assert {code for code in REASONS.keys() - used() if not code.startswith(made())} == set()


def test_the_table_is_sorted() -> None:
    assert list(REASONS) == sorted(REASONS)


def test_each_explanation_is_one_sentence_of_text() -> None:
    for code, reason in REASONS.items():
        assert CODE.fullmatch(code), code
        for text in reason:
            assert text.endswith("."), code
            assert not re.search(r"[.!?] [A-Z]", text), code
            assert "\n" not in text, code
            assert len(text) < 220, code


def test_every_code_is_met_by_a_test() -> None:
    """Whatever the program can say, some test makes it say."""
    tests = Path(__file__).parents[1]
    # it only shows what the tables say, or which tests belong to which threat
    apart = {Path(__file__), *tests.glob("docs/test_*.py")}
    texts = [path.read_text(encoding="utf-8") for path in tests.rglob("*.py") if path not in apart]
    met = set(CODE.findall("\n".join(texts)))
    assert sorted(REASONS.keys() - met) == []
