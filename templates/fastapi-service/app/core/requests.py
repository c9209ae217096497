"""Around each request: a trace, bounds, one count, one line in the log, and a problem document if nobody has answered.

Pure ASGI and one layer: no task, no queue and no request object of its own.
"""

import logging
from http import HTTPMethod
from time import perf_counter

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import tracing
from app.core.errors import problem_of, problem_response
from app.core.limits import bounded
from app.core.metrics import METRICS_PATH, Metrics
from app.core.settings import CoreSettings

UNKNOWN_ROUTE, OTHER_METHOD = "unknown", "OTHER"
METHODS = frozenset(HTTPMethod)


def route_of(scope: Scope) -> str:
    """The template of the chosen route, such as /items/{item_id}; one name for all unknown paths."""
    # Newer releases of FastAPI keep an included router's route, with its prefix, in a context.
    selected = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    template = getattr(selected, "path_format", None)
    return template if isinstance(template, str) else UNKNOWN_ROUTE


def method_of(scope: Scope) -> str:
    """The request method, or one name for all that RFC 9110 and RFC 5789 do not define."""
    method: str = scope["method"]
    return method if method in METHODS else OTHER_METHOD


def _answer(error: Exception) -> Response:
    """The problem document for what nobody inside has answered."""
    if isinstance(error, HTTPException):
        return problem_of(error)
    structlog.get_logger().error("unhandled exception", exc_info=error)
    return problem_response(500, "The service failed; the trace id leads to the reason in its logs.")


class RequestMiddleware:
    """What the standard does for every request; outside development no line has its path, which may hold secrets."""

    def __init__(self, app: ASGIApp, settings: CoreSettings, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._with_path = settings.development
        self._bounds = settings.max_body_bytes, settings.body_seconds
        # Bound once: a logger that is looked up anew takes half as long again.
        self._log = structlog.get_logger().bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; after the start of the response a failure is the server's, which hangs up."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        headers = tracing.begin(scope["headers"])
        status = 0

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.accept"):
                status = message.get("status", 101)
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        if scope["type"] == "websocket":
            return await self._app(scope, receive, send_observed)
        # A scrape would otherwise always find itself.
        weight = scope["path"] != METRICS_PATH
        self._metrics.active += weight
        started = perf_counter()
        try:
            await self._app(scope, bounded(scope, receive, *self._bounds), send_observed)
        except Exception as error:
            if status:
                raise
            await _answer(error)(scope, receive, send_observed)
        finally:
            self._metrics.active -= weight
            self._complete(scope, status or 500, perf_counter() - started)

    def _complete(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = method_of(scope), route_of(scope)
        self._metrics.observe(method, route, status, seconds)
        facts = {"method": method, "route": route, "status": status, "duration": round(seconds, 6)}
        if self._with_path:
            facts["path"] = scope["path"]
        # 503 is said on purpose, by a process that drains for example.
        level = logging.INFO if status < 500 or status == 503 else logging.ERROR
        self._log.log(level, "request completed", **facts)
