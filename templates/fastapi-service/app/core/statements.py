"""Statements: a span for each one that the database gets, below the span of the request that causes it.

A span says which operation on which tables, how long it took and how it failed. It never holds the statement, whose
text may have values in it, nor the words of an error, which quote them. Attributes are those of OpenTelemetry's
conventions for database clients (https://opentelemetry.io/docs/specs/semconv/db/database-spans/).
"""

import re
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry import trace
from sqlalchemy import Connection, Table, event
from sqlalchemy.engine import Compiled, ExceptionContext, ExecutionContext
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql import visitors

_OPERATION = re.compile(r"\s*([A-Za-z]+)")
_tracer = trace.get_tracer(__name__)


def trace_statements(engine: AsyncEngine) -> None:
    """Open a span for each statement of this engine, where a tracer provider is set."""
    spans: WeakKeyDictionary[Connection, trace.Span] = WeakKeyDictionary()
    summaries: WeakKeyDictionary[Compiled, str] = WeakKeyDictionary()
    known = {"server.address": engine.url.host, "server.port": engine.url.port, "db.namespace": engine.url.database}
    where = {"db.system.name": "postgresql"} | {name: value for name, value in known.items() if value}

    def summary(statement: str, compiled: Compiled | None) -> str:
        if compiled is None:
            return _summary(statement, None)
        # SQLAlchemy keeps what it has compiled; to look for the tables once is enough.
        if compiled not in summaries:
            summaries[compiled] = _summary(statement, compiled)
        return summaries[compiled]

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def begin(
        connection: Connection, _cursor: Any, statement: str, _values: Any, context: ExecutionContext, _many: bool
    ) -> None:
        said = summary(statement, context.compiled)
        attributes = where | ({"db.query.summary": said, "db.operation.name": said.split(" ", 1)[0]} if said else {})
        spans[connection] = _tracer.start_span(said or "postgresql", kind=trace.SpanKind.CLIENT, attributes=attributes)

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def end(connection: Connection, *_: Any) -> None:
        if span := spans.pop(connection, None):
            span.end()

    @event.listens_for(engine.sync_engine, "handle_error")
    def fail(failure: ExceptionContext) -> None:
        span = spans.pop(failure.connection, None) if failure.connection else None
        if span:
            error = failure.original_exception
            if state := getattr(error, "sqlstate", None):
                span.set_attribute("db.response.status_code", state)
            span.set_attribute("error.type", state or type(error).__qualname__)
            span.set_status(trace.StatusCode.ERROR)
            span.end()


def _summary(statement: str, compiled: Compiled | None) -> str:
    """The operation and its tables, such as `SELECT items`; of what was written by hand the operation alone."""
    found = _OPERATION.match(statement)
    if not found:
        return ""
    parts = visitors.iterate(compiled.statement) if compiled is not None and compiled.statement is not None else ()
    return " ".join([found[1].upper(), *sorted({part.name for part in parts if isinstance(part, Table)})])
