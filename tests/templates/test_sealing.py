"""The witnesses are asked where a version lacks nothing else, and only there: a cosignature is for ever."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from collection import ROOT

LACKS = {"outcome": "failed", "code": "log.unwitnessed", "subject": "x", "message": "too few have cosigned"}
OTHER = {"outcome": "unverifiable", "code": "time.missing", "subject": "x", "message": "no timestamp"}
HOLDS = {"outcome": "verified", "code": "", "subject": "x", "message": ""}
FOUND = SimpleNamespace(component="my-svc")


@pytest.fixture
def sealing(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    before = dict(sys.modules)
    monkeypatch.syspath_prepend(str(ROOT / "templates/ci/ops/lib"))
    made = importlib.import_module("sealing")
    monkeypatch.setattr(made, "listed", lambda: True)
    monkeypatch.setattr(made.service, "version", lambda _: "0.1.0")
    yield made
    for name in ("sealing", "service", "evidence"):
        if name not in before:
            sys.modules.pop(name, None)


def calls(sealing: ModuleType, monkeypatch: pytest.MonkeyPatch, *findings: dict[str, str]) -> list[str]:
    """Return what the Remembrancer is asked in `make witness`, where a verdict has these findings."""
    seen: list[str] = []

    def asked(*words: str) -> dict[str, Any]:
        seen.append(words[0])
        if words[0] == "verify-full":
            return {"findings": list(findings)}
        return {"data": {"witnesses": [{"name": "w1"}], "held": True}}

    monkeypatch.setattr(sealing, "asked", asked)
    sealing.witness(FOUND)
    return seen


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([HOLDS, LACKS], ["verify-full", "witness"]),
        ([LACKS, OTHER], ["verify-full"]),
        ([OTHER], ["verify-full"]),
        ([HOLDS], ["verify-full"]),
        ([], ["verify-full"]),
    ],
)
def test_the_witnesses_are_asked_where_nothing_else_is_missing(
    sealing: ModuleType, monkeypatch: pytest.MonkeyPatch, findings: list[dict[str, str]], expected: list[str]
) -> None:
    assert calls(sealing, monkeypatch, *findings) == expected


def test_a_policy_without_witnesses_asks_nobody(sealing: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "listed", lambda: False)
    assert calls(sealing, monkeypatch, LACKS) == []
