"""The database: one pool for each process, one transaction for each request, and what clients hear while it is away.

`Session` is what a route asks for. Its transaction is committed before the answer begins, and rolled back by any
exception; so an answer of 201 is a promise that was kept. Nothing connects before the first request or probe does: the
service starts without its database, /ready is 503 until it answers, and nobody has to restart anything.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Annotated, Self

import structlog
from fastapi import Depends, FastAPI, Request
from pydantic import AfterValidator, Field, SecretStr
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from starlette.responses import Response

from app.core.errors import problem_response
from app.core.health import Readiness
from app.core.service import SERVICE
from app.core.settings import CoreSettings, Timeout

AWAY = "The database is away."
_AWAY_STATES = ("08", "53", "57P")  # connection exceptions, no resources, shut down (PostgreSQL, appendix A)
_TOO_LONG_STATES = ("57014", "55P03", "25P03", "25P04")  # cancelled by a timeout, or lock not available
_FRESH_SECONDS = 1.0
_log = structlog.get_logger()


def _postgresql(value: SecretStr) -> SecretStr:
    try:
        name = make_url(value.get_secret_value()).drivername
    except ArgumentError:
        name = ""
    if name not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise ValueError("needs the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    return value


class DatabaseSettings(CoreSettings):
    """What the database adds to the settings."""

    database_url: Annotated[SecretStr, AfterValidator(_postgresql)]
    """Where the database is, as postgresql://USER:PASSWORD@HOST:PORT/DATABASE; a secret."""

    database_pool_size: int = Field(default=5, ge=1, le=1000)
    """Connections of one process at most; one more asks for /ready. Times the replicas, it fits into the server."""

    database_pool_seconds: Timeout = 5.0
    """Time for a request to wait for a free connection."""

    database_connect_seconds: int = Field(default=3, ge=2, le=3600)
    """Time for a new connection."""

    database_statement_seconds: Timeout = 10.0
    """Time for one statement; the server ends it."""

    database_idle_seconds: Timeout = 30.0
    """Time that a transaction may wait for its client; the server ends it."""

    def url(self) -> URL:
        """The address as SQLAlchemy takes it, with psycopg as its driver."""
        return make_url(self.database_url.get_secret_value()).set(drivername="postgresql+psycopg")


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


class Database:
    """The pool, and a connection of its own that asks for /ready, so that a busy pool is no missing database."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.engine = _engine(settings, settings.database_pool_size)
        self._probe = _engine(settings, 1)
        self._patience = settings.database_connect_seconds
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._reason: str | None = None
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    def install(self, app: FastAPI) -> None:
        """Let /ready ask the database, and let clients of a missing one hear 503."""
        readiness: Readiness = app.state.readiness
        readiness.checks.append(self.reason_to_wait)
        app.add_exception_handler(DBAPIError, _on_database_error)
        app.add_exception_handler(PoolTimeoutError, _on_database_error)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Self]:
        """Close every connection when the block is left, which the lifespan does after the last request."""
        try:
            yield self
        finally:
            await self.engine.dispose()
            await self._probe.dispose()

    async def reason_to_wait(self) -> str | None:
        """Why the service should not get requests now, if so; an answer is good for a second."""
        async with self._asking:
            if monotonic() - self._asked_at > _FRESH_SECONDS:
                reason = None if await self._answers() else AWAY
                if reason != self._reason:
                    (_log.warning if reason else _log.info)("database away" if reason else "database back")
                self._reason, self._asked_at = reason, monotonic()
            return self._reason

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(self._patience), self._probe.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError):  # a TimeoutError is an OSError
            return False
        return True


def _engine(settings: DatabaseSettings, size: int) -> AsyncEngine:
    limits = {
        "statement_timeout": settings.database_statement_seconds,
        "idle_in_transaction_session_timeout": settings.database_idle_seconds,
    }
    url = settings.url()
    given = url.query.get("options", "")
    options = [
        *([given] if isinstance(given, str) else given),
        *(f"-c {k}={_milliseconds(v)}" for k, v in limits.items()),
    ]
    return create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=settings.database_pool_seconds,
        # A connection that the server has closed is replaced before a request gets it.
        pool_pre_ping=True,
        # Values are somebody's data; an error in the log must not quote them.
        hide_parameters=True,
        connect_args={
            "connect_timeout": settings.database_connect_seconds,
            "application_name": SERVICE.name,
            "options": " ".join(filter(None, options)),
        },
    )


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.state.database
    async with database.sessions.begin() as session:
        yield session


Session = Annotated[AsyncSession, Depends(_session, scope="function")]
"""One transaction for each request: committed before the answer begins, rolled back by an exception."""


async def _on_database_error(_request: Request, error: Exception) -> Response:
    """503 for what passes by itself; anything else is a fault of the service."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    if state in _TOO_LONG_STATES:
        detail = "The database took too long."
    elif isinstance(error, PoolTimeoutError):
        detail = "The database has no free connection."
    elif (
        getattr(error, "connection_invalidated", False) or state.startswith(_AWAY_STATES) or _unconnected(error, state)
    ):
        detail = AWAY
    else:
        raise error
    _log.warning("database error", detail=detail, sqlstate=state or None)
    return problem_response(503, detail, headers={"Retry-After": "5"})


def _unconnected(error: Exception, state: str) -> bool:
    """Whether no connection came about: psycopg says so without a state."""
    return not state and type(getattr(error, "orig", None)).__name__ in ("OperationalError", "ConnectionTimeout")
