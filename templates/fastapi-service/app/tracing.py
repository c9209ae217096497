"""Trace context: one trace id for everything that a request causes, here and in other services.

W3C Trace Context (https://www.w3.org/TR/trace-context/): a valid `traceparent` is continued; a missing, repeated
or malformed one starts a new trace, as section 3.2 demands. Where there is none, an `X-Trace-Id` of 32 hex digits
is taken over.
"""

import os
import re
from contextvars import ContextVar
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_TRACE_ID = re.compile(rb"[0-9a-f]{32}")
_NO_TRACE = b"0" * 32
_NO_SPAN = b"0" * 16
_SAMPLED = 0x01


class Trace(NamedTuple):
    """The trace of a request: 32 and 16 lower-case hex digits, and whether the caller samples it."""

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def traceparent(self) -> str:
        """The header value that tells another service about this span."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"


PROCESS_TRACE = Trace(os.urandom(16).hex(), os.urandom(8).hex(), sampled=False)
"""What lines outside any request carry: all lines of one run of the process share it."""

current_trace: ContextVar[Trace] = ContextVar("current_trace", default=PROCESS_TRACE)


def parse_traceparent(value: bytes) -> tuple[str, bool] | None:
    """Read a traceparent header: (trace id, sampled), or None where the standard says to start anew."""
    match = _TRACEPARENT.fullmatch(value)
    if match is None:
        return None
    version, trace_id, parent_id, flags, rest = match.groups()
    # ff is forbidden; version 00 ends after the flags, later ones may append fields.
    if version == b"ff" or (version == b"00" and rest is not None):
        return None
    if trace_id == _NO_TRACE or parent_id == _NO_SPAN:
        return None
    return trace_id.decode(), bool(int(flags, 16) & _SAMPLED)


def trace_of(headers: list[tuple[bytes, bytes]]) -> Trace:
    """The trace of a request with these headers (lower-case names): continued if they allow it, or new."""
    parents = 0
    parent = alternative = b""
    for name, value in headers:
        if name == b"traceparent":
            parents += 1
            parent = value
        elif name == b"x-trace-id":
            alternative = value
    if parents == 1 and (context := parse_traceparent(parent)) is not None:
        return Trace(context[0], os.urandom(8).hex(), context[1])
    if alternative != _NO_TRACE and _TRACE_ID.fullmatch(alternative):
        return Trace(alternative.decode(), os.urandom(8).hex(), sampled=False)
    fresh = os.urandom(24).hex()
    return Trace(fresh[:32], fresh[32:], sampled=False)


class TracingMiddleware:
    """Set the current trace for the request and return it as `traceparent` and `X-Trace-Id`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = trace_of(scope["headers"])
        # Not reset: each request has a task of its own, and the server's error lines belong to the trace.
        current_trace.set(trace)

        async def send_traced(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"traceparent", trace.traceparent.encode()),
                    (b"x-trace-id", trace.trace_id.encode()),
                ]
            await send(message)

        await self._app(scope, receive, send_traced)
