import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from typing import Any
from uuid import uuid4

import pytest
from fastapi import APIRouter, FastAPI
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import Column, MetaData, String, Table, insert, make_url, select, text

from app.core.application import build
from app.core.database import Database, DatabaseSettings, Session
from app.core.server import run
from app.core.statements import trace_statements
from app.core.telemetry import Telemetry, TelemetrySettings
from tests.core.collector import Collector, collecting, plain
from tests.core.database import ask
from tests.core.running import PATIENCE, running_service

MODULE = "tests.core.test_statements"
SECRET = "hunter2"
OWNERS = Table("owners", MetaData(), Column("name", String, primary_key=True))
PETS = Table("pets", OWNERS.metadata, Column("name", String, primary_key=True), Column("owner", String))

router = APIRouter()


class Settings(DatabaseSettings, TelemetrySettings):
    """Both parts."""


@router.get("/pets/{name}")
async def read_pet(name: str, session: Session) -> bool:
    """Whether its owner has the same name."""
    joined = select(PETS.c.name).join(OWNERS, OWNERS.c.name == PETS.c.owner).where(OWNERS.c.name == name)
    return await session.scalar(joined) is not None


@router.post("/owners/{name}")
async def keep_owner(name: str, session: Session) -> None:
    """Keep a name, once."""
    await session.execute(insert(OWNERS).values(name=name))


@router.get("/by-hand/{name}")
async def by_hand(name: str, session: Session) -> None:
    """As nobody should write it."""
    await session.execute(text(f"SELECT '{name}'"))
    await session.execute(text(f"/* {name} */ SELECT 1"))


@router.get("/slow")
async def slow(session: Session) -> None:
    """Longer than a statement may take."""
    await session.execute(text("SELECT pg_sleep(60)"))


def create_app() -> FastAPI:
    """An application with both parts and the routes above."""
    settings = Settings.load()
    database, telemetry = Database(settings), Telemetry(settings)

    @asynccontextmanager
    async def resources() -> AsyncIterator[dict[str, Any]]:
        async with telemetry.opened(), database.opened():
            yield {"database": database}

    app = build(settings, routers=[router], resources=resources, telemetry=telemetry.options)
    database.install(app)
    trace_statements(database.engine)
    return app


@pytest.fixture
def tables(database_url: str) -> str:
    """A database with the tables above."""
    ask(database_url, "CREATE TABLE owners (name text PRIMARY KEY)")
    ask(database_url, "CREATE TABLE pets (name text PRIMARY KEY, owner text)")
    return database_url


def spans_of(requests: list[tuple[str, str, int]], **variables: str) -> Collector:
    """What a collector gets when these requests, which have these answers, are sent to a service of its own."""
    with collecting() as collector:
        variables |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "DRAIN_SECONDS": "0"}
        with running_service(MODULE, **variables) as service:
            for method, path, status in requests:
                connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
                connection.request(method, path)
                assert connection.getresponse().status == status
                connection.close()
            service.signal()
            assert service.exit_code() == 0
    return collector


def statements(collector: Collector) -> list[Span]:
    return [span for span in collector.spans if span.kind == Span.SPAN_KIND_CLIENT]


def test_a_statement_is_a_span_below_its_request_and_holds_no_value(tables: str) -> None:
    collector = spans_of([("POST", f"/owners/{SECRET}", 200), ("GET", f"/pets/{SECRET}", 200), ("GET", "/ready", 200)])
    kept, found = statements(collector)
    assert (kept.name, found.name) == ("INSERT owners", "SELECT owners pets")
    above = {span.span_id: span.name for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER}
    assert [above[span.parent_span_id] for span in (kept, found)] == ["POST /owners/{name}", "GET /pets/{name}"]
    facts = plain(list(kept.attributes))
    assert (facts["db.system.name"], facts["db.operation.name"]) == ("postgresql", "INSERT")
    assert facts["db.query.summary"] == kept.name
    assert facts["db.namespace"] == make_url(tables).database
    assert kept.start_time_unix_nano < kept.end_time_unix_nano
    assert SECRET not in str(collector.spans)
    assert not {"db.query.text", "db.statement", "db.user"} & facts.keys()


def test_a_failure_has_the_state_of_the_server_and_none_of_its_words(tables: str) -> None:
    name = str(uuid4())
    kept = statements(spans_of([("POST", f"/owners/{name}", 200), ("POST", f"/owners/{name}", 500)]))
    assert [span.status.code for span in kept] == [0, 2]
    facts = plain(list(kept[1].attributes))
    assert (facts["db.response.status_code"], facts["error.type"]) == ("23505", "23505")
    assert not kept[1].status.message
    assert not kept[1].events
    assert name not in str(kept)


def test_what_was_written_by_hand_is_named_by_its_operation_alone(tables: str) -> None:
    collector = spans_of([("GET", f"/by-hand/{SECRET}", 200)])
    assert [span.name for span in statements(collector)] == ["SELECT", "postgresql"]
    assert SECRET not in str(collector.spans)


def test_a_statement_that_the_server_ends_has_a_span(tables: str) -> None:
    (ended,) = statements(spans_of([("GET", "/slow", 503)], DATABASE_STATEMENT_SECONDS="0.2"))
    assert (ended.name, plain(list(ended.attributes))["error.type"]) == ("SELECT", "57014")


if __name__ == "__main__":
    sys.exit(run(create_app))
