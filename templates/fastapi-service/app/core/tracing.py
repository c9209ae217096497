"""Trace context: one trace id for everything that a request causes, here and in other services.

OpenTelemetry's context holds the span of a request. Where a tracer provider is set, FastAPI opens that span and exports
it; elsewhere a span that is never exported stands in. Logs, problem documents and the returned `traceparent` all name
whichever it is. W3C Trace Context (https://www.w3.org/TR/trace-context/) is read by OpenTelemetry; where a caller sends
none, an `X-Trace-Id` of 32 hex digits is taken over.
"""

import functools
import re
import secrets
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import Getter, default_getter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TRACE_ID_HEADER = "x-trace-id"
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
PROCESS_TRACE_ID = secrets.token_hex(16)
"""What lines outside any request carry: all lines of one run of the process share it."""


def trace_id() -> str:
    """The id of the current trace: 32 lower-case hex digits."""
    span = trace.get_current_span()
    if isinstance(span, _LocalSpan):
        return span.trace_id
    found = span.get_span_context()
    return format(found.trace_id, "032x") if found.is_valid else PROCESS_TRACE_ID


class TracePropagator(TraceContextTextMapPropagator):
    """Reads `traceparent`, and takes over `X-Trace-Id` where nobody has named a trace."""

    def extract(self, carrier: Any, context: Context | None = None, getter: Getter[Any] = default_getter) -> Context:
        """The given context, with the trace that the headers name."""
        found = super().extract(carrier, context, getter)
        given = getter.get(carrier, TRACE_ID_HEADER) or [""]
        if trace.get_current_span(found).get_span_context().is_valid or not _TRACE_ID.fullmatch(given[0]):
            return found
        # Sampled: the provider's own sampler, not the absence of a flag, decides whether a span is exported.
        return super().extract({"traceparent": f"00-{given[0]}-{secrets.randbits(64) or 1:016x}-01"}, context)


_NAMES = frozenset({b"traceparent", b"tracestate", TRACE_ID_HEADER.encode()})
_PROPAGATOR = TracePropagator()


@functools.cache
def install() -> None:
    """Let FastAPI's spans take over `X-Trace-Id` too."""
    propagate.set_global_textmap(CompositePropagator([propagate.get_global_textmap(), _PROPAGATOR]))


class _LocalSpan(NonRecordingSpan):
    """The span of a request that nobody exports; its trace id is written out once."""

    def __init__(self, span: SpanContext) -> None:
        super().__init__(span)
        self.trace_id = format(span.trace_id, "032x")


def _local_span(headers: list[tuple[bytes, bytes]]) -> SpanContext:
    """Start the span of a request, in the trace of its caller if the headers name one."""
    trace_id, span_id = divmod(secrets.randbits(192), 1 << 64)
    flags = TraceFlags.DEFAULT
    if named := [(name.decode(), value.decode("latin-1")) for name, value in headers if name in _NAMES]:
        carrier = {name: [value for other, value in named if other == name] for name, _ in named}
        # Section 3.2 of the standard wants a repeated traceparent to count as none.
        if len(carrier.get("traceparent", ())) > 1:
            del carrier["traceparent"]
        parent = trace.get_current_span(_PROPAGATOR.extract(carrier, Context())).get_span_context()
        trace_id, flags = parent.trace_id or trace_id, parent.trace_flags & TraceFlags.SAMPLED
    return SpanContext(trace_id or 1, span_id or 1, is_remote=False, trace_flags=TraceFlags(flags))


class TracingMiddleware:
    """Give the request a span, unless a tracer provider has, and return it as `traceparent` and `X-Trace-Id`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        current = trace.get_current_span()
        span = current.get_span_context()
        # A pipelined request inherits the context of the one before it.
        if not span.is_valid or isinstance(current, _LocalSpan):
            span = _local_span(scope["headers"])
            # Not detached: each request has a task of its own, and the server's error lines belong to the trace.
            context.attach(trace.set_span_in_context(_LocalSpan(span)))
        named = trace_id()
        headers = [
            (b"traceparent", f"00-{named}-{span.span_id:016x}-{span.trace_flags:02x}".encode()),
            (b"x-trace-id", named.encode()),
        ]

        async def send_traced(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        await self._app(scope, receive, send_traced)
