"""Trace context: one trace id for everything that a request causes, here and in other services.

OpenTelemetry's context holds the span of a request. Where a tracer provider is set, FastAPI opens that span and exports
it; elsewhere a span that is never exported stands in. Logs, problem documents and the returned `traceparent` all name
whichever it is. W3C Trace Context (https://www.w3.org/TR/trace-context/) is read by OpenTelemetry; where a caller sends
none, an `X-Trace-Id` of 32 hex digits is taken over.
"""

import functools
import re
import secrets
from random import getrandbits
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import Getter, default_getter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Headers = list[tuple[bytes, bytes]]
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
        return super().extract({"traceparent": f"00-{given[0]}-{getrandbits(64) or 1:016x}-01"}, context)


_NAMES = frozenset({b"traceparent", b"tracestate", TRACE_ID_HEADER.encode()})
_PROPAGATOR = TracePropagator()


@functools.cache
def install() -> None:
    """Let FastAPI's spans take over `X-Trace-Id` too."""
    propagate.set_global_textmap(CompositePropagator([propagate.get_global_textmap(), _PROPAGATOR]))


class _LocalSpan(NonRecordingSpan):
    """The span of a request that nobody exports: written out once, and an object only for who asks."""

    def __init__(self, trace_id: int, span_id: int, flags: int) -> None:
        self._ids = trace_id, span_id, flags
        self.trace_id = f"{trace_id:032x}"
        self.traceparent = f"00-{self.trace_id}-{span_id:016x}-{flags:02x}"

    def get_span_context(self) -> SpanContext:
        """The same as OpenTelemetry has it."""
        trace_id, span_id, flags = self._ids
        return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(flags))


def _local_span(headers: Headers) -> _LocalSpan:
    """Start the span of a request, in the trace of its caller if the headers name one."""
    trace_id, flags = getrandbits(128), 0
    if named := [(name.decode(), value.decode("latin-1")) for name, value in headers if name in _NAMES]:
        carrier = {name: [value for other, value in named if other == name] for name, _ in named}
        # Section 3.2 of the standard wants a repeated traceparent to count as none.
        if len(carrier.get("traceparent", ())) > 1:
            del carrier["traceparent"]
        parent = trace.get_current_span(_PROPAGATOR.extract(carrier, Context())).get_span_context()
        trace_id, flags = parent.trace_id or trace_id, parent.trace_flags & TraceFlags.SAMPLED
    return _LocalSpan(trace_id or 1, getrandbits(64) or 1, flags)


def begin(headers: Headers) -> Headers:
    """Give a request a span, unless a tracer provider has; return the headers that name it in the response."""
    current = trace.get_current_span()
    # A pipelined request inherits the context of the one before it.
    if isinstance(current, _LocalSpan) or not current.get_span_context().is_valid:
        current = _local_span(headers)
        # Not detached: each request has a task of its own, and the server's error lines belong to the trace.
        context.attach(trace.set_span_in_context(current))
    else:
        span = current.get_span_context()
        current = _LocalSpan(span.trace_id, span.span_id, span.trace_flags)
    return [(b"traceparent", current.traceparent.encode()), (b"x-trace-id", current.trace_id.encode())]
