"""The five quantities: known answers for each formula, unknown where data is too little, the document says the same."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_support import Scratch, end_agents, new_scratch
from receipt_samples import SAMPLES, A, B, C
from remembrancer.clock import rfc3339
from remembrancer.memory.reflect import FORMULAS, NAMES, intervals, reflect
from remembrancer.memory.reflect import __dict__ as code
from remembrancer.receipt.statement import Receipt, build, parse

DOCUMENT = Path(__file__).parents[3] / "templates/fastapi-service/.amazonq/rules/psi-field-awareness.md"
SOURCE = Path(__file__).parents[3] / "plugins/remembrancer/src"
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = 3600


def at(seconds: int) -> str:
    return rfc3339(START + timedelta(seconds=seconds))


def one(kind: str, seconds: int = 0, *, without: Sequence[str] = (), **said: Any) -> Receipt:
    """Return a receipt of a kind, like the sample but for what is said."""
    subject, sample = SAMPLES[kind]
    predicate = {**sample, "recordedAt": at(seconds), **said}
    for name in without:
        del predicate[name]
    return parse(build(kind, subject, predicate))


def release(version: str, seconds: int, component: str = "my-svc", environment: str = "release") -> Receipt:
    return one("deploy", seconds, component=component, version=version, environment=environment)


def template(commit: str) -> dict[str, str]:
    return {"source": "https://example.org/vaultmesh.git", "commit": commit * 40, "version": "4.1.0"}


def updated(layer: str, before: str, after: str) -> Receipt:
    start = {"commit": before * 40, "version": "4.1.0"}
    return one("update", layer=layer, template=template(after), **{"from": start})


def spawned(layer: str, commit: str) -> Receipt:
    return one("spawn", layer=layer, template=template(commit))


def values(receipts: Sequence[Receipt], sealed: int | None = None, pending: int = 0) -> dict[str, float | None]:
    size = len(receipts) - pending if sealed is None else sealed
    return {quantity.symbol: quantity.value for quantity in reflect(receipts, sealed=size, pending=pending)}


def releases(*gaps: int) -> list[Receipt]:
    """Return deploy receipts with these seconds between them."""
    return [release(f"0.{number}.0", sum(gaps[:number])) for number in range(len(gaps) + 1)]


CONTINUITY: list[tuple[str, list[Receipt], int, int, float | None]] = [
    ("nothing", [], 0, 0, None),
    ("all sealed", releases(1, 1, 1), 4, 0, 1.0),
    ("one of four waits", releases(1, 1, 1), 3, 1, 3 / 4),
    ("no ledger yet", releases(1), 0, 2, 0.0),
    ("one sealed receipt is gone", releases(1, 1), 4, 0, 3 / 4),
    ("a rollout of a recorded version", [release("0.1.0", 0), one("rollout")], 2, 0, 1.0),
    ("a rollout of another version", [release("0.2.0", 0), one("rollout")], 2, 0, 2 / 3),
    ("a rollout of other bytes", [release("0.1.0", 0), one("rollout")][1:], 1, 0, 1 / 2),
    ("an update from what was spawned", [spawned("ci", "a"), updated("ci", "a", "b")], 2, 0, 1.0),
    ("an update from elsewhere", [spawned("ci", "a"), updated("ci", "c", "b")], 2, 0, 2 / 3),
    ("an update of another layer", [spawned("k8s", "a"), updated("ci", "a", "b")], 2, 0, 2 / 3),
    ("a policy whose predecessor is gone", [one("trust")], 1, 0, 1 / 2),
    ("a policy without predecessor", [one("trust", without=["previous"])], 1, 0, 1.0),
    ("a policy after the one before", [one("trust"), one("trust", previous=A)], 2, 0, 3 / 4),
]


@pytest.mark.parametrize("row", CONTINUITY, ids=lambda row: row[0])
def test_continuity(row: tuple[str, list[Receipt], int, int, float | None]) -> None:
    _, receipts, sealed, pending, expected = row
    assert values(receipts, sealed, pending)["C"] == expected


STAGING = one("rollout", 50, version="0.2.0")
FUTURITY: list[tuple[str, list[Receipt], float | None]] = [
    ("nothing is deployed", [spawned("ci", "a")], None),
    ("a first version", [release("0.1.0", 0)], 0.0),
    ("a second version", [release("0.1.0", 0), release("0.2.0", 9)], 1.0),
    (
        "one place of two",
        [release("0.1.0", 0), release("0.2.0", 9), one("rollout", 10, version="0.1.0")],
        1 / 2,
    ),
    (
        "back to the first one",
        [release("0.1.0", 0), release("0.2.0", 9), STAGING, one("rollback", 60, version="0.1.0")],
        1 / 2,
    ),
    ("another component's versions do not count", [release("0.1.0", 0), release("0.2.0", 9, "other")], 0.0),
]


@pytest.mark.parametrize("row", FUTURITY, ids=lambda row: row[0])
def test_futurity(row: tuple[str, list[Receipt], float | None]) -> None:
    assert values(row[1])["U"] == row[2]


COHERENCE: list[tuple[str, list[Receipt], float | None]] = [
    ("one part", [spawned("ci", "a"), release("0.1.0", 0)], None),
    ("two layers at one commit", [spawned("ci", "a"), spawned("k8s", "a")], 1.0),
    ("one layer is one behind", [spawned("ci", "a"), spawned("k8s", "a"), updated("ci", "a", "b")], (1 + 1 / 2) / 2),
    (
        "one layer is two behind",
        [spawned("ci", "a"), spawned("k8s", "a"), updated("ci", "a", "b"), updated("ci", "b", "c")],
        (1 + 1 / 3) / 2,
    ),
    (
        "three environments, lags 0, 1 and 2",
        [
            release("0.1.0", 0, environment="production"),
            release("0.2.0", 1, environment="staging"),
            release("0.3.0", 2, environment="development"),
        ],
        (1 + 1 / 2 + 1 / 3) / 3,
    ),
]


@pytest.mark.parametrize("row", COHERENCE, ids=lambda row: row[0])
def test_phase_coherence(row: tuple[str, list[Receipt], float | None]) -> None:
    assert values(row[1])["Φ"] == (None if row[2] is None else pytest.approx(row[2]))


GAPS: list[tuple[tuple[int, ...], float | None, float | None]] = [
    ((), None, None),
    ((HOUR,), None, None),
    ((HOUR, HOUR, HOUR, HOUR), 0.0, 0.0),
    ((0, 0, 0), 0.0, 0.0),
    ((0, 8), 1.0, 1.0),
    # classes 4-7 and 8-15, two each: 1 bit of 2
    ((4, 8, 7, 15), 0.5, (4 / 8 + abs(7 - 6) / 7 + abs(15 - 7) / 15) / 3),
    ((2, 4, 8, 16), 1.0, (2 / 4 + 5 / 8 + 12 / 16) / 3),
    ((HOUR, 2 * HOUR, HOUR), 0.5793801642856950, (1 / 2 + 1 / 3) / 2),
]


@pytest.mark.parametrize("row", GAPS, ids=lambda row: str(row[0]))
def test_entropy_and_prediction_error(row: tuple[tuple[int, ...], float | None, float | None]) -> None:
    gaps, entropy, error = row
    receipts = releases(*gaps)
    assert list(intervals(receipts)) == [list(gaps)]
    said = values(receipts)
    assert said["H"] == (None if entropy is None else pytest.approx(entropy))
    assert said["PE"] == (None if error is None else pytest.approx(error))


def test_intervals_are_a_components_own() -> None:
    receipts = [release("1", 0), release("1", 5, "other"), release("2", 10), release("2", 25, "other")]
    assert list(intervals(receipts)) == [[10], [20]]
    said = values(receipts)
    assert (said["H"], said["PE"]) == (1.0, None)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 10**8), max_size=12), st.integers(0, 20), st.integers(0, 20))
def test_every_value_is_unknown_or_from_0_to_1(gaps: list[int], sealed: int, pending: int) -> None:
    for value in values(releases(*gaps), sealed, pending).values():
        assert value is None or 0.0 <= value <= 1.0


# ---------------------------------------------------------------- a ledger on disk


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    made = new_scratch()
    yield made
    end_agents(made)
    made.remove()


def reflection(scratch: Scratch) -> dict[str, Any]:
    rows = scratch.json("status", "--reflect").report["data"]["reflection"]
    assert [(row["symbol"], row["name"], row["formula"]) for row in rows] == [
        (symbol, NAMES[symbol], FORMULAS[symbol]) for symbol in NAMES
    ]
    assert all(row["basis"] for row in rows)
    return {row["symbol"]: row["value"] for row in rows}


def test_the_command_on_a_known_ledger(scratch: Scratch) -> None:
    assert reflection(scratch) == dict.fromkeys(NAMES)
    text = scratch.ok("status", "--reflect").out
    assert len(re.findall(r"(?m)^\S+ +[a-z ]+ unknown ", text)) == 5
    assert "reflection" not in scratch.json("status").report["data"]
    scratch.ok("init", "--dev", "--component", "my-svc")
    environments = ("production", "staging", "development")
    for number, (seconds, environment) in enumerate(zip((0, HOUR, 3 * HOUR), environments, strict=True)):
        receipt = release(f"0.{number}.0", seconds, environment=environment)
        scratch.write(f"ops/receipts/deploy/my-svc-0.{number}.0.receipt", receipt.data)
    scratch.commit("three versions")
    said = reflection(scratch)
    assert (said["U"], said["Φ"]) == (pytest.approx(2 / 3), pytest.approx((1 + 1 / 2 + 1 / 3) / 3))
    # the trust receipt is sealed, the three deployments wait
    assert (said["C"], said["H"], said["PE"]) == (1 / 4, 1.0, 1 / 2)
    scratch.ok("seal")
    assert reflection(scratch)["C"] == 1.0
    text = scratch.ok("status", "--reflect").out
    assert re.search(r"(?m)^U +futurity +0\.667 +U = places with", text)
    (scratch.root / "ops/receipts/deploy/my-svc-0.1.0.receipt").unlink()
    assert reflection(scratch)["C"] == 3 / 4


# ---------------------------------------------------------------- the document


def test_the_document_has_the_codes_formulas() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert re.findall(r"(?m)^`((?:C|U|Φ|H|PE) = [^`]+)`$", text) == list(FORMULAS.values())
    for symbol, name in NAMES.items():
        assert re.search(rf"(?mi)^## {name} {symbol}$", text)


def test_the_functions_docstrings_have_them_too() -> None:
    said = {str(found.__doc__).splitlines()[0] for found in code.values() if callable(found) and found.__doc__}
    assert {f"{formula}." for formula in FORMULAS.values()} <= said


def test_the_samples_digests_differ() -> None:
    assert len({A, B, C}) == 3


def test_reflecting_imports_little_more_than_status(scratch: Scratch) -> None:
    """Both commands run in one fresh interpreter; what only the second one loads is named."""
    program = (
        "import sys; from remembrancer.cli.main import main; main(['status']); before = set(sys.modules);"
        "main(['status', '--reflect']); print(sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=scratch.root,
        env=scratch.environment(PYTHONPATH=str(SOURCE)),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(ast.literal_eval(done.stderr.splitlines()[-1]))
    small = {"_strptime", "getpass", "termios"}
    assert loaded <= {
        *small,
        "remembrancer.memory",
        "remembrancer.memory.events",
        "remembrancer.record",
        "remembrancer.record.statements",
        "remembrancer.memory.quantities",
        "remembrancer.memory.reflect",
    }
