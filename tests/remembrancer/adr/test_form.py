"""The standard's form of a decision: what is read, what is wrong with it, and what a status change touches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remembrancer.adr import form as adr

GOOD = b"""# ADR-007: Use PostgreSQL for orders

**Date**: 2026-01-31
**Status**: Accepted
**Context**: Orders need transactions.

- two tables at once
- no lost writes
**Decision**: PostgreSQL.
**Consequences**: We run backups. Supersedes ADR-003.
**Verification**: `make test`
"""
NAME = "ADR-007-use-postgresql-for-orders.md"


def changed(old: bytes, new: bytes) -> adr.Adr:
    assert old in GOOD
    return adr.read(NAME, GOOD.replace(old, new))


def test_every_part_is_read() -> None:
    one = adr.read(NAME, GOOD)
    assert adr.problems(one) == []
    assert (one.number, one.slug, one.heading) == (7, "use-postgresql-for-orders", "ADR-007: Use PostgreSQL for orders")
    assert (one.status, one.date, one.supersedes) == ("Accepted", "2026-01-31", (3,))
    assert one.fields["Context"] == "Orders need transactions.\n\n- two tables at once\n- no lost writes"


WRONG = [
    ("another number", b"# ADR-007:", b"# ADR-008:", "its title says ADR-008"),
    ("no title", b"# ADR-007:", b"ADR-007:", "no title line"),
    ("a field is missing", b"**Context**:", b"Context:", "**Context** is missing or empty"),
    ("a field is empty", b"PostgreSQL.\n", b"\n", "**Decision** is missing or empty"),
    ("a field twice", b"**Decision**:", b"**Date**: 2026-01-31\n**Decision**:", "**Date** stands there twice"),
    ("no such day", b"2026-01-31", b"2026-02-30", "is not a day"),
    ("another way to write a day", b"2026-01-31", b"31.01.2026", "is not a day"),
    ("not a status", b"Accepted", b"Proposed", "is none of Accepted, Rejected, Superseded"),
    ("more than a status", b"Accepted", b"Accepted for now", "is none of"),
    ("no command", b"`make test`", b"Look at it.", "holds no command"),
    ("another order", b"**Date**: 2026-01-31\n**Status**: Accepted\n", b"**Status**: Accepted\n**Date**: 2026-01-31\n",
     "not in the order"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "old", "new", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_said(what: str, old: bytes, new: bytes, said: str) -> None:
    found = adr.problems(changed(old, new))
    assert any(said in problem for problem in found)


@pytest.mark.parametrize("name", ["ADR-7-x.md", "ADR-0007-x.md", "adr-007-x.md", "ADR-007-X.md", "0007-x.md", "x.md"])
def test_a_name_of_another_form(name: str) -> None:
    assert any("its name" in problem for problem in adr.problems(adr.read(name, GOOD)))


def test_a_block_of_code_is_a_command_and_hides_what_looks_like_a_field() -> None:
    one = changed(b"`make test`", b"\n\n```sh\nmake test\n**Status**: Rejected\n# ADR-009: x\n```")
    assert adr.problems(one) == []
    assert one.status == "Accepted"
    assert adr.problems(changed(b"`make test`", b"\n\n```\n```")) != []


@pytest.mark.parametrize("fence", [b"```", b"~~~"])
def test_a_status_inside_a_block_of_code_stays_as_it_is(fence: bytes) -> None:
    example = b"%s\n**Status**: Draft\n%s\n\n" % (fence, fence)
    data = GOOD.replace(b"**Date**", example + b"**Date**")
    there = adr.with_status(data, "Rejected")
    assert there == data.replace(b"**Status**: Accepted", b"**Status**: Rejected")
    assert adr.read(NAME, there).status == "Rejected"
    assert adr.with_status(example, "Rejected") == example


def test_further_headings_end_a_field() -> None:
    one = adr.read(NAME, GOOD + b"\n## Imported\n\nFrom elsewhere.\n")
    assert one.fields["Verification"] == "`make test`"
    assert one.sections == (("Imported", "From elsewhere."),)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_and_a_status_touches_one_line(noise: bytes) -> None:
    adr.problems(adr.read(NAME, noise))
    data = GOOD + noise
    there = adr.with_status(data, "Rejected")
    assert there != data
    assert adr.with_status(there, "Accepted") == data
    assert adr.with_status(data, "Accepted") == data


@given(st.text(min_size=1, max_size=200))
def test_a_slug_is_always_one_that_a_receipt_takes(title: str) -> None:
    from remembrancer.receipt.fields import SLUG

    SLUG.check(adr.slug_of(title), "slug")


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Use PostgreSQL for orders", "use-postgresql-for-orders"),
        ("Don't repeat ../../etc/passwd", "dont-repeat-etc-passwd"),
        ("Über-Größe & Kälte", "uber-groe-kalte"),
        ("日本語", "decision"),
        ("word " * 30, "word-word-word-word-word-word-word-word-word-word-word-word"),
    ],
)
def test_slugs(title: str, slug: str) -> None:
    assert adr.slug_of(title) == slug


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("007", 7), ("ADR-7", 7), ("adr-007", 7), (f"ops/receipts/adr/{NAME}", 7), (NAME, 7), ("", 0),
     ("seven", 0), ("-7", 0), ("7.5", 0), ("../7", 7), ("123456", 0)],
)  # fmt: skip
def test_how_people_name_a_decision(text: str, number: int) -> None:
    assert adr.number_of(text) == number
