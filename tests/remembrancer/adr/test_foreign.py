"""Reading decisions of another form: what belongs to a heading, and documents made to take forever."""

import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remembrancer.adr import foreign as adr_import
from remembrancer.adr import form as adr
from remembrancer.adr import status

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
    found = adr_import.read("0001-x.md", DOCUMENT.replace("# 1. Use tiles", heading, 1))
    assert found is not None
    assert (found.title, found.status, found.fields) == (title, "Accepted", {"Context": "A.", "Decision": "B."})


def test_closed_headings_and_a_status_with_its_reason() -> None:
    text = DOCUMENT.replace("## Context", "## Context ##").replace("Accepted", "Accepted (not Rejected)")
    found = adr_import.read("0001-x.md", text)
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
        assert adr_import.read("0001-x.md", LONG[what]) is not None


LONG_STATUSES = {
    "links": "superseded by " + "[a](b " * (SIZE // 6),
    "spellings": "supersc" * (SIZE // 7),
    "days": "1 of " * (SIZE // 5),
    "brackets": "accepted (" * (SIZE // 10),
}


@pytest.mark.parametrize("what", LONG_STATUSES)
def test_a_megabyte_of_status_is_read(what: str) -> None:
    with at_most(SECONDS):
        status.status_of(LONG_STATUSES[what]), status.successors_of(LONG_STATUSES[what])
        status.day_of(LONG_STATUSES[what])


@pytest.mark.parametrize("what", [*LONG, *LONG_STATUSES])
def test_twice_the_text_takes_about_twice_the_time(what: str) -> None:
    """A quadratic pattern takes four times as long; a busy machine gets more than one try, and the best ones count."""
    text = LONG.get(what) or f"# 1. X\n\n## Status\n\n{LONG_STATUSES[what]}\n\n## Context\n\nA.\n"
    whole, half = text[: SIZE // 4], text[: SIZE // 8]

    def seconds(one: str) -> float:
        start = time.process_time()
        adr_import.read("0001-x.md", one)
        return time.process_time() - start

    tries: list[tuple[float, float]] = []
    for _ in range(3):
        tries.append((seconds(whole), seconds(half)))
        best, of_half = (min(times) for times in zip(*tries, strict=True))
        if best < 3.2 * of_half + 0.05:
            return
    pytest.fail(f"twice the text: {tries}")


STATUSES = [
    ("Accepted", "Accepted"),
    ("Superceeded by [3. X](0003-x.md)", "Superseded"),
    ("Accepted\n\nSuperseded by ADR-0003", "Superseded"),
    ("superceded by 12", "Superseded"),
    ("Partly superseded", status.PARTLY),
    ("Superseded in part by ADR-4", status.PARTLY),
    ("partially superseded by [4](0004-x.md)", status.PARTLY),
    ("Deprecated", status.ENDED),
    ("Accepted, never implemented", "Accepted"),
    ("Not accepted", ""),
    ("Accepted. It superseded ADR-002", "Accepted"),
    ("Accepted\n\nSupersedes [2. X](0002-x.md)", "Accepted"),
    ("Rejected (was accepted)", "Rejected"),
    ("✅ Accepted", "Accepted"),
    ("Proposed", "Draft"),
    ("🤔 Incomplete", ""),
]


@pytest.mark.parametrize(("said", "meant"), STATUSES, ids=[row[0] for row in STATUSES])
def test_a_status_in_the_words_of_others(said: str, meant: str) -> None:
    assert status.status_of(said) == meant


SUCCESSORS = [
    ("Superseded by [Use OAuth2](0012-use-oauth2.md)", [("0012-use-oauth2.md", 12)]),
    ("superseded by ADR-0005 and ADR-6", [("", 5), ("", 6)]),
    ("Superseded by [5](0005-a.md) and [6](./adr/0006-b.md#x)", [("0005-a.md", 5), ("0006-b.md", 6)]),
    ("superseded by 7 on 2020-01-02", [("", 7)]),
    ("Superseded by\n\n[A long title of more than forty characters, indeed](0009-x.md)", [("0009-x.md", 9)]),
    ("Supersedes ADR-0005", []),
]


@pytest.mark.parametrize(("said", "named"), SUCCESSORS, ids=[row[0] for row in SUCCESSORS])
def test_successors_are_all_read(said: str, named: list[tuple[str, int]]) -> None:
    assert status.successors_of(said) == named


DAYS = [
    ("2020-02-29", "2020-02-29"),
    ("2020/2/9", "2020-02-09"),
    ("31.12.2019", "2019-12-31"),
    ("4 March 2020", "2020-03-04"),
    ("March 4th, 2020", "2020-03-04"),
    ("04/03/2020", ""),
    ("2020-02-30", ""),
    ("soon", ""),
]


@pytest.mark.parametrize(("said", "day"), DAYS, ids=[row[0] for row in DAYS])
def test_days(said: str, day: str) -> None:
    assert status.day_of(said) == day


FORMS = {
    "level one": "# 3. Use tiles\n\n# Status\n\nAccepted\n\n# Context\n\nA.\n\n# Decision\n\nB.\n",
    "setext": "3. Use tiles\n===\n\nStatus\n---\n\nAccepted\n\nContext\n---\nA.\n\nDecision\n---\nB.\n",
    "labels": "# Use tiles\n\n**Status:** Accepted\n\n**Context:** A.\n\n**Decision:** B.\n",
    "numbered": "# Use tiles\n\n## 1. Status\n\nAccepted\n\n## 2. Context\n\nA.\n\n## 3. Decision\n\nB.\n",
    "level three": "# Use tiles\n### Status\nAccepted\n### Context\nA.\n### Decision\nB.\n",
    "other names": "# Use tiles\n\n* Status: Accepted\n\n## Problem Statement\n\nA.\n\n## Resolution\n\nB.\n",
    "front matter": "---\ntitle: Use tiles\nstatus: Accepted\n---\n\n## Context\n\nA.\n\n## Outcome\n\nB.\n",
    "in a wrapper": "# Use tiles\n\n## Record\n\n### Status\nAccepted\n### Context\nA.\n### Decision\nB.\n",
}


@pytest.mark.parametrize("what", FORMS)
def test_headings_of_every_kind(what: str) -> None:
    found = adr_import.read("0003-x.md", FORMS[what])
    assert found is not None
    assert (found.number, found.title, found.status) == (3, "Use tiles", "Accepted")
    assert (found.fields["Context"], found.fields["Decision"]) == ("A.", "B.")


TEMPLATES = [
    ("template.md", "# Title\n\n## Context\n"),
    ("0000-adr-template.md", "# X\n\n## Context\n"),
    (
        "x.md",
        "# [short title of solved problem and solution]\n\n* Status: [proposed | rejected | accepted]\n\n## Context\n",
    ),
    ("x.md", '---\nstatus: "{proposed | rejected | accepted | deprecated}"\n---\n# X\n\n## Context\n'),
    ("x.md", "# NUMBER. TITLE\n\n## Status\n\nSTATUS\n\n## Context\n"),
]


@pytest.mark.parametrize(("name", "text"), TEMPLATES)
def test_templates(name: str, text: str) -> None:
    assert adr_import.is_template(name, text)


def test_a_decision_about_templates_is_none() -> None:
    assert not adr_import.is_template("0005-use-copier-template.md", DOCUMENT)


PIECES = st.sampled_from(
    [
        "# 1. Use tiles",
        "Use tiles\n=========",
        "# Context",
        "## Context",
        "## Context and Problem Statement",
        "## Status",
        "### Consequences",
        "#### Deep",
        "## Options",
        "Decision\n--------",
        "**Decision:** B.",
        "**Status**: Accepted",
        "Date: 2020-01-02",
        "* Status: superseded by [4](0004-x.md)",
        "Superseded by 5 and 6, never implemented",
        "Accepted",
        "[1]: https://example.org/a",
        "```",
        "````",
        "~~~ yaml",
        "<!-- a comment",
        "-->",
        "---",
        "| a | b |",
        "- one",
        "    indented",
        "**Decision**: again",
        "## ",
        "\u2028**Status**: Draft",
        "a\x0c## Context",
        "word\r\nother",
        "",
        "",
    ]
)


@settings(max_examples=300)
@given(
    st.lists(PIECES | st.text(max_size=20), max_size=25),
    st.sampled_from(["---\nstatus: accepted\ntags: [a]\n---\n", ""]),
)
def test_no_word_is_lost(pieces: list[str], front: str) -> None:
    """Every line of a source is in what is made of it, in one piece and as often as in the source."""
    text = front + "\n".join(pieces)
    found = adr_import.read("0001-x.md", text)
    if found is None:
        return
    fields = {**dict.fromkeys(adr.FIELDS, ""), **found.fields, "Status": found.status, "Date": found.date}
    sections = (*found.sections, ("Imported", "\n".join(found.renamed)))
    record = adr.render(1, found.title, fields, sections).decode()
    assert adr_import.lost(text, record) == []
    for counted in (words, signs):
        assert not counted(text) - counted(record)


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.casefold()))


def signs(text: str) -> Counter[str]:
    """Count the characters that are no spaces and no marks of a heading, a list or an emphasis."""
    return Counter(sign for sign in text.casefold() if not (sign.isspace() or sign in "#=-*_:|'\"+"))


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=25))
def test_whatever_stands_in_a_field_stays_in_it(pieces: list[str]) -> None:
    text = adr.inert("\n".join(pieces))
    fields = {"Date": "2020-01-02", "Status": "Accepted", "Context": text, "Decision": "B.", "Consequences": "C."}
    record = adr.render(1, "X", {**fields, "Verification": "`true`"}, (("More", text), ("Last", "z")))
    one = adr.read("ADR-001-x.md", record)
    assert (one.fields["Decision"], one.fields["Verification"]) == ("B.", "`true`")
    assert one.repeated == ()
    assert [heading for heading, _ in one.sections] == ["More", "Last"]
    assert "".join(one.fields["Context"].split()) == "".join(text.split())
