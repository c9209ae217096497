"""Outgoing HTTP: one client for the whole application, with limits on everything, that passes the trace on.

`Http` is what a route asks for. Every call ends after `OUTGOING_TOTAL_SECONDS`, whatever the other side does. Calls
that may be repeated by their method (RFC 9110, section 9.2.2: GET, HEAD, PUT, DELETE, OPTIONS, TRACE) are tried again
after a failed connection, a timeout, or 429, 502, 503 and 504; the others never are. Each try has a span of its own,
which is exported where there is telemetry, and its `traceparent`. No proxy is taken from the environment.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import structlog
from fastapi import Depends, FastAPI, Request
from httpx_retries import Retry, RetryTransport
from opentelemetry import propagate, trace
from pydantic import Field
from starlette.responses import Response

from app.core.errors import problem_response
from app.core.service import SERVICE
from app.core.settings import CoreSettings, Timeout

_log = structlog.get_logger()
_tracer = trace.get_tracer(__name__)


class OutgoingSettings(CoreSettings):
    """What outgoing calls add to the settings."""

    outgoing_connect_seconds: Timeout = 2.0
    """Time for a connection, and to wait for a free one."""

    outgoing_read_seconds: Timeout = 5.0
    """Time for the other side to say or take something."""

    outgoing_total_seconds: Timeout = 10.0
    """Time for a call with all of its tries and its whole answer."""

    outgoing_connections: int = Field(default=100, ge=1, le=10_000)
    """Connections at once."""

    outgoing_retries: int = Field(default=2, ge=0, le=10)
    """How often a call that may be repeated is tried again."""


class _TracedTransport(httpx.AsyncHTTPTransport):
    """Gives each try a span, whose attributes hold no path and no query."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        url = request.url
        attributes: dict[str, str | int] = {"http.request.method": request.method, "server.address": url.host}
        attributes["server.port"] = url.port or {"https": 443}.get(url.scheme, 80)
        kind = trace.SpanKind.CLIENT
        with _tracer.start_as_current_span(
            request.method, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            propagate.inject(request.headers)
            try:
                response = await super().handle_async_request(request)
            except BaseException as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(trace.StatusCode.ERROR)
                raise
            span.set_attribute("http.response.status_code", response.status_code)
            if response.is_error:
                span.set_attribute("error.type", str(response.status_code))
                span.set_status(trace.StatusCode.ERROR)
            return response


class _Client(httpx.AsyncClient):
    """A client whose every call has a deadline."""

    def __init__(self, seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self._seconds = seconds

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request; what is streamed has the deadline for its head alone. Raises httpx.TransportError."""
        try:
            async with asyncio.timeout(self._seconds):
                return await super().send(request, **options)
        except TimeoutError:
            raise httpx.ReadTimeout("The call took too long.", request=request) from None


class Outgoing:
    """The client's life, and what clients of this service hear when somebody else fails."""

    def __init__(self, settings: OutgoingSettings) -> None:
        self._settings = settings

    def install(self, app: FastAPI) -> None:
        """Answer 504 when a call took too long, and 502 when it failed, where a route does not say more."""
        app.add_exception_handler(httpx.TransportError, _on_failed_call)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[httpx.AsyncClient]:
        """The client, open until the last request is through."""
        settings = self._settings
        connect = settings.outgoing_connect_seconds
        most = settings.outgoing_connections
        transport = _TracedTransport(limits=httpx.Limits(max_connections=most, max_keepalive_connections=most))
        retry = Retry(total=settings.outgoing_retries, backoff_factor=0.1, max_backoff_wait=1.0)
        async with _Client(
            settings.outgoing_total_seconds,
            transport=RetryTransport(transport, retry),
            timeout=httpx.Timeout(settings.outgoing_read_seconds, connect=connect, pool=connect),
            follow_redirects=False,
            headers={"User-Agent": f"{SERVICE.name}/{SERVICE.version}"},
        ) as client:
            yield client


async def _client(request: Request) -> httpx.AsyncClient:
    client: httpx.AsyncClient = request.state.http
    return client


Http = Annotated[httpx.AsyncClient, Depends(_client)]
"""The application's client: `response = await http.get(url)`."""


async def _on_failed_call(_request: Request, error: Exception) -> Response:
    _log.warning("call failed", reason=type(error).__qualname__)
    if isinstance(error, httpx.TimeoutException):
        return problem_response(504, "Another service took too long.")
    return problem_response(502, "Another service failed.")
