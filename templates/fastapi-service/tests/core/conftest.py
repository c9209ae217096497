"""What the tests of the core share: a client of an application of their own, and the log lines that it wrote."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.settings import CoreSettings
from tests.core.service import create_app

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A client of a started application with default settings."""
    with TestClient(create_app(CoreSettings())) as client:
        yield client


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """The log lines since the last call; each must be a JSON object with a trace id."""

    def read() -> list[dict[str, Any]]:
        parsed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert all(len(line["trace_id"]) == 32 for line in parsed)
        return parsed

    return read
