"""What the tests of this service share: `client` talks to the whole, started application."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.main import create_app


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A client of a started application with default settings."""
    with TestClient(create_app()) as client:
        yield client
