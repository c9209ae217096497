import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.application import build
from app.core.database import AWAY, Database, DatabaseSettings, Session
from app.core.server import run
from app.core.service import SERVICE
from app.core.settings import SettingsError
from ops.postgres import Server
from tests.core.conftest import Lines
from tests.core.database import ask
from tests.core.running import PATIENCE, running_service

router = APIRouter()


@router.post("/notes/{note}")
async def keep(note: str, session: Session, refuse: bool = False) -> None:
    """Keep a note, or refuse it after all."""
    await session.execute(text("INSERT INTO notes VALUES (:note)"), {"note": note})
    if refuse:
        raise HTTPException(409, "Not this one.")


@router.get("/notes")
async def count(session: Session) -> int:
    """How many there are."""
    return int(await session.scalar(text("SELECT count(*) FROM notes")) or 0)


@router.get("/sleep")
async def sleep(session: Session, seconds: float) -> None:
    """Keep the database busy."""
    await session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


@router.get("/wrong")
async def wrong(session: Session) -> None:
    """A fault of the service."""
    await session.execute(text("SELECT :secret FROM nowhere"), {"secret": "hunter2"})


def create_app(**settings: Any) -> FastAPI:
    """An application with a database and the routes above."""
    given = DatabaseSettings(**settings)
    database = Database(given)

    @asynccontextmanager
    async def resources() -> AsyncIterator[dict[str, Any]]:
        async with database.opened():
            yield {"database": database}

    app = build(given, routers=[router], resources=resources)
    database.install(app)
    return app


@pytest.fixture
def client(database_url: str) -> Iterator[TestClient]:
    """A started application with a table of notes."""
    ask(database_url, "CREATE TABLE notes (note text PRIMARY KEY)")
    with TestClient(create_app()) as client:
        yield client


def test_a_transaction_is_kept_before_the_answer_and_undone_by_a_refusal(client: TestClient, database_url: str) -> None:
    assert client.post("/notes/a").status_code == 200
    assert ask(database_url, "SELECT * FROM notes") == [("a",)]
    assert client.post("/notes/b?refuse=true").status_code == 409
    assert client.get("/notes").json() == 1


def test_a_commit_that_fails_is_no_success(client: TestClient, database_url: str) -> None:
    ask(database_url, "ALTER TABLE notes ADD CONSTRAINT late UNIQUE (note) DEFERRABLE INITIALLY DEFERRED")
    ask(database_url, "ALTER TABLE notes DROP CONSTRAINT notes_pkey")
    assert client.post("/notes/a").status_code == 200
    assert client.post("/notes/a").status_code == 500


def test_a_fault_is_500_and_the_log_quotes_no_value(client: TestClient, lines: Lines) -> None:
    assert client.get("/wrong").status_code == 500
    log = str(lines())
    assert "nowhere" in log
    assert "hunter2" not in log


def test_a_statement_that_takes_too_long_is_ended(database_url: str) -> None:
    with TestClient(create_app(database_statement_seconds=0.1)) as client:
        response = client.get("/sleep?seconds=60")
        assert (response.status_code, response.json()["detail"]) == (503, "The database took too long.")
        assert response.headers["retry-after"] == "5"
        assert client.get("/sleep?seconds=0").status_code == 200


def test_a_busy_pool_is_said_and_does_not_make_the_service_unready(database_url: str) -> None:
    app = create_app(database_pool_size=1, database_pool_seconds=0.2)
    with TestClient(app) as client, ThreadPoolExecutor(4) as asking:
        found = list(asking.map(client.get, ["/sleep?seconds=1", "/sleep?seconds=1", "/ready", "/ready"]))
    assert [response.status_code for response in found[2:]] == [200, 200]
    assert sorted(response.status_code for response in found[:2]) == [200, 503]
    assert "The database has no free connection." in found[0].text + found[1].text


def test_ready_follows_the_database_and_the_service_recovers_by_itself(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setattr("app.core.database._FRESH_SECONDS", -1.0)
    server = Server()
    monkeypatch.setenv("DATABASE_URL", server.url)
    try:
        with TestClient(create_app(database_connect_seconds=2)) as client:
            for _ in range(2):
                response = client.get("/ready")
                assert (response.status_code, response.json()["detail"]) == (503, AWAY)
                assert client.get("/health").status_code == 200
                assert client.get("/sleep?seconds=0").json()["detail"] == AWAY
                server.start()
                assert client.get("/ready").status_code == 200
                assert client.get("/sleep?seconds=0").status_code == 200
                server.stop()
    finally:
        server.remove()
    events = [line["event"] for line in lines() if line["event"] in ("database away", "database back")]
    assert events == ["database away", "database back"] * 2


@pytest.mark.parametrize("url", ["", "mysql://host/x", "hunter2", "postgresql+asyncpg://u:hunter2@host/x"])
def test_a_wrong_address_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(SettingsError, match=r"^DATABASE_URL: ") as caught:
        DatabaseSettings.load()
    assert "hunter2" not in str(caught.value)


def test_the_address_is_a_secret_and_its_options_stay(database_url: str) -> None:
    settings = DatabaseSettings(database_url=f"{database_url}&options=-c%20work_mem%3D1234kB")  # type: ignore[arg-type]
    assert database_url not in repr(settings)

    async def asked() -> list[str]:
        database = Database(settings)
        async with database.opened(), database.sessions() as session:
            names = ("work_mem", "statement_timeout", "application_name")
            return [str(await session.scalar(text(f"SHOW {name}"))) for name in names]

    assert asyncio.run(asked()) == ["1234kB", "10s", SERVICE.name]


def test_sigterm_closes_the_pool_after_the_last_request(database_url: str) -> None:
    open_now = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with running_service("tests.core.test_database", DRAIN_SECONDS="0") as service:
        with service.connect() as waiting:
            waiting.sendall(b"GET /sleep?seconds=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            until = monotonic() + PATIENCE
            while ask(database_url, open_now) == [(0,)]:
                assert monotonic() < until
            service.signal()
            assert waiting.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert service.exit_code() == 0
    assert ask(database_url, open_now) == [(0,)]
    assert not [line for line in service.lines if line["level"] in ("warning", "error")]


if __name__ == "__main__":
    sys.exit(run(create_app))
