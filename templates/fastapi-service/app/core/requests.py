"""Around each request: one line in the log, one count, and a problem document where nobody else has answered.

Pure ASGI: no task, no queue and no request object of its own.
"""

from http import HTTPMethod
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import problem_response
from app.core.metrics import METRICS_PATH, Metrics

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


class RequestMiddleware:
    """Measure, log and answer for every request; outside development no line has its path, which may hold secrets."""

    def __init__(self, app: ASGIApp, metrics: Metrics, with_path: bool = False) -> None:
        self._app = app
        self._metrics = metrics
        self._with_path = with_path
        self._log = structlog.get_logger().bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; after the start of the response a failure is the server's, which hangs up."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        # A scrape would otherwise always find itself.
        weight = scope["path"] != METRICS_PATH
        self._metrics.active += weight
        started = perf_counter()
        try:
            await self._app(scope, receive, send_observed)
        except Exception as error:
            if status:
                raise
            self._log.error("unhandled exception", exc_info=error)
            detail = "The service failed; the trace id leads to the reason in its logs."
            await problem_response(500, detail)(scope, receive, send_observed)
        finally:
            self._metrics.active -= weight
            self._complete(scope, status or 500, perf_counter() - started)

    def _complete(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = method_of(scope), route_of(scope)
        self._metrics.observe(method, route, status, seconds)
        # 503 is said on purpose, by a process that drains for example.
        write = self._log.info if status < 500 or status == 503 else self._log.error
        path = {"path": scope["path"]} if self._with_path else {}
        write("request completed", method=method, route=route, status=status, duration=round(seconds, 6), **path)
