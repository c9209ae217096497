"""The published schemas are current, and judge like the parser."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from receipt_samples import SAMPLES, spoiled, statement
from remembrancer.errors import Rejected
from remembrancer.receipt.fields import TIME, FieldError
from remembrancer.receipt.kinds import KINDS
from remembrancer.receipt.schema import FOLDER, rendered
from remembrancer.receipt.statement import encode, parse


def published(kind: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_files_are_those_that_the_table_gives() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert files == rendered(), "run `python -m remembrancer.receipt.schema`"


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_receipt_is_good_for_both(kind: str) -> None:
    published(kind).validate(statement(kind))
    parse(encode(statement(kind)))


@pytest.mark.parametrize("kind", KINDS)
def test_optional_fields_can_be_left_out(kind: str) -> None:
    value = statement(kind)
    for name in KINDS[kind].predicate.optional:
        value["predicate"].pop(name, None)
    published(kind).validate(value)
    parse(encode(value))


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_receipt_is_bad_for_both(kind: str) -> None:
    schema = published(kind)

    def refused(value: Any) -> bool:
        data = (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
        try:
            parse(data)
        except Rejected:
            return True
        return False

    for name, value in spoiled(kind):
        assert refused(value), name
        assert not schema.is_valid(value), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_receipt_is_good_for_its_own_schema_only(kind: str) -> None:
    assert [other for other in SAMPLES if published(other).is_valid(statement(kind))] == [kind]


def _is_time(value: str) -> bool:
    try:
        TIME.check(value, "recordedAt")
    except FieldError:
        return False
    return True


def test_a_time_is_one_for_both() -> None:
    """The published pattern decides; the parser says the same without compiling it."""
    schema = Draft202012Validator(TIME.schema())
    days = [
        f"{year}-{month}-{day}"
        for year in ("0000", "0001", "1900", "2000", "2024", "2100", "9999")
        for month in ("00", "01", "02", "04", "12", "13")
        for day in ("00", "01", "28", "29", "30", "31", "32")
    ]
    hours = ["00:00:00", "23:59:59", "24:00:00", "23:60:00", "23:59:60", "3:04:05", "03:04", "03:04:5"]
    odd = [
        "2026-W01-1T03:04:05Z",
        "2026-01-02T03:04+05Z",
        "2026-01-02 03:04:05Z",
        "2026-01-02t03:04:05Z",
        "",
        "2026-01-02T03:04:05z",
        "20260102T030405.000Z",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05+00:00Z",
        "\u0662026-01-02T03:04:05Z",
        "2026-01-02T03:04:0\u0665Z",
        "2026-01-02T03:04:05Z\n",
        "\ud8002026-01-02T03:04:0Z",
    ]
    values = [f"{day}T03:04:05Z" for day in days] + [f"2026-01-02T{hour}Z" for hour in hours] + odd
    judged = {value: _is_time(value) for value in values}
    assert judged == {value: schema.is_valid(value) for value in values}
    assert sum(judged.values()) == 100
