"""A real PostgreSQL for the tests: their own, or the one that DATABASE_URL names; a database for each test."""

import os
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import make_url

from app.core.migrations import main
from ops.postgres import Server

GIVEN = os.environ.get("DATABASE_URL", "")
"""Its user has to be allowed to create databases."""


def on(server: str, name: str) -> str:
    """The address of another database of the same server."""
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    """Run one statement outside a transaction, and return the rows if there are any."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A server with a migrated database, the pattern of those that the tests get."""
    server = None if GIVEN else Server()
    if server:
        server.start()
    url = GIVEN or (server.url if server else "")
    pattern = f"pattern_{os.getpid()}"
    try:
        ask(url, f"CREATE DATABASE {pattern} TEMPLATE template0")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_URL", on(url, pattern))
            assert main([]) == 0
        yield url
    finally:
        if server:
            server.remove()
        else:
            ask(url, f"DROP DATABASE IF EXISTS {pattern} WITH (FORCE)")


@pytest.fixture
def database_url(server_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A migrated database for one test, which DATABASE_URL names as long as that runs."""
    name = f"test_{os.getpid()}"
    ask(server_url, f"CREATE DATABASE {name} TEMPLATE pattern_{os.getpid()}")
    monkeypatch.setenv("DATABASE_URL", on(server_url, name))
    yield on(server_url, name)
    ask(server_url, f"DROP DATABASE {name} WITH (FORCE)")
