"""What a release of the collection takes for "but for its witnesses", and what it does not."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collection import ROOT

UNWITNESSED = {"outcome": "unverifiable", "code": "log.unwitnessed"}
WRONG = {"outcome": "failed", "code": "hash.mismatch"}
FINE = {"outcome": "verified", "code": "hash.match"}


@pytest.fixture
def aside() -> Iterator[Any]:
    """The module of ops/lib, which finds its own beside it."""
    before, loaded = sys.path[:], {*sys.modules}
    sys.path[:0] = [str(ROOT / "ops/lib")]
    try:
        import aside

        yield aside
    finally:
        sys.path[:] = before
        for name in {*sys.modules} - loaded:
            del sys.modules[name]  # a service has modules of the same names


@pytest.mark.parametrize(
    ("findings", "status", "expected"),
    [
        ([FINE], 0, True),
        ([FINE, UNWITNESSED], 3, False),
        ([UNWITNESSED, WRONG], 1, None),
        ([WRONG], 1, None),
        ([], 1, None),
        ("no JSON", 4, None),
    ],
)
def test_nothing_else_may_be_missing(
    aside: Any, monkeypatch: pytest.MonkeyPatch, findings: object, status: int, expected: bool | None
) -> None:
    said = findings if isinstance(findings, str) else json.dumps({"findings": findings})
    done = subprocess.CompletedProcess(["remembrancer"], status, said, "")
    monkeypatch.setattr(aside.Aside, "_done", lambda *_: done)
    tree = aside.Aside(Path())
    if expected is None:
        with pytest.raises(aside.Trouble, match="remembrancer verify-full x failed"):
            tree.witnessed("verify-full", "x")
    else:
        assert tree.witnessed("verify-full", "x") is expected
