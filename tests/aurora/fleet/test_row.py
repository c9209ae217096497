"""The row of a service and the document of many: what is written is what the schema says, and is read back."""

import doctest
import json

import pytest
from jsonschema import Draft202012Validator

from aurora.cli.main import main
from aurora.fleet import row as room
from aurora.fleet.parts import Ending, Layer, Ledger, Release, Seeded, Standard, Step, Trust, Waiver, Witnesses
from aurora.fleet.row import Row, Status, Template, parse
from remembrancer.errors import RemembrancerError

AT = "2026-01-02T03:04:05Z"
FULL = Row(
    "payments",
    "https://git.example.org/payments.git",
    "main",
    40 * "a",
    AT,
    AT,
    "failed",
    "drift.changed",
    "Dockerfile differs",
    (
        Layer(
            *("ci", "v1.0.0", "https://t.example", 40 * "b", AT, True, 2),
            *(Standard(1, 2, 3, 4, 5), Seeded(3, 2, 1), 9, (Step(AT, "v1.0.0"),)),
        ),
    ),
    ("Makefile",),
    1,
    Release("payments", "1.0.0", AT, "verified"),
    Ledger("log.example/payments", 12, AT, AT, 3),
    Trust("verified", "", 40 * "A", "production", 2, (Ending("the owner's key", AT, True),)),
    (Waiver("Dockerfile", "us", AT, "drift.waiver-expired"),),
    Witnesses(2, 1, 11),
    9.2,
    True,
    True,
)
STATUS = Status("shop", AT, (FULL, Row("b", "b")), Template("https://t.example", ("v1.0.0",)), "1/2")


def test_the_examples_hold() -> None:
    assert doctest.testmod(room).failed == 0


def test_a_document_is_what_the_schema_says_and_is_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    schema = room.schema()
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    for status in (STATUS, Status("shop", AT)):
        judge.validate(status.document())
        assert parse(json.dumps(status.document()).encode()) == status
    assert main(["fleet", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema


def test_what_a_row_comes_to() -> None:
    rows = {
        "unreachable": Row("a", "a", code="fleet.unreachable"),
        "failed": FULL,
        "unverifiable": Row("a", "a", verdict="unverifiable", code="trust.unpinned", held=1),
        "conflicting": Row("a", "a", verdict="verified", conflicts=("a",)),
        "drifted": Row("a", "a", layers=(Layer("ci", "v1", behind=1, drifted=1),)),
        "behind": Row("a", "a", layers=(Layer("ci", "v1", behind=1), Layer("k8s", "v1"))),
        "current": Row("a", "a", layers=(Layer("ci", "v1", behind=0),)),
    }
    assert tuple(rows) == room.STATES
    assert {state: one.state for state, one in rows.items()} == {state: state for state in rows}
    codes = [Status("shop", AT, (one,)).exit_code for one in rows.values()]
    assert codes == [4, 1, 3, 1, 1, 0, 0]


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.update(schema="https://vaultmesh.cloud/schema/fleet-status/v2"),
        lambda said: said.update(extra=1),
        lambda said: said.pop("services"),
        lambda said: said.pop("fleet"),
        lambda said: said["services"].append(1),
        lambda said: said["services"][0].update(name=1),
        lambda said: said["services"][0].update(held=True),
        lambda said: said["services"][0].update(layers={}),
        lambda said: said["services"][0]["release"].update(more=""),
        lambda said: said["services"][0]["layers"][0].pop("version"),
    ],
)
def test_another_document_is_refused(change) -> None:
    said = STATUS.document()
    change(said)
    with pytest.raises(RemembrancerError) as caught:
        parse(json.dumps(said).encode())
    assert caught.value.code == "fleet.status"


def test_what_is_no_json_is_refused() -> None:
    for data in (b"", b"[", b"[" * 100_000, b"1"):
        with pytest.raises(RemembrancerError, match="status of a fleet"):
            parse(data)
