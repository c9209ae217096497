"""The service with more or less of its middleware, as a server that says what it costs; runs in its own environment.

python _service_variants.py bare|metrics|logged|whole|instrumentator
"""

import sys
import time

from app import quotes
from app.core import errors, health, logs, metrics
from app.core.health import Readiness
from app.core.metrics import Metrics
from app.core.requests import RequestMiddleware, method_of, route_of
from app.core.server import DrainingServer, bind
from app.main import create_app
from app.settings import Settings
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class CountingMiddleware:
    """What counts a request and does nothing else for it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.active += 1
        started = time.perf_counter()
        try:
            await self._app(scope, receive, send_observed)
        finally:
            self._metrics.active -= 1
            self._metrics.observe(method_of(scope), route_of(scope), status, time.perf_counter() - started)


def variant(name: str, settings: Settings) -> FastAPI:
    """Return the application with the named amount of middleware; the routes are the same in each."""
    if name == "whole":
        return create_app(settings)
    logs.configure(settings)
    measured = Metrics()
    stacks: dict[str, list[Middleware]] = {
        "bare": [],
        "metrics": [Middleware(CountingMiddleware, metrics=measured)],
        "logged": [Middleware(RequestMiddleware, settings=settings, metrics=measured)],
        "instrumentator": [],
    }

    app = FastAPI(middleware=stacks[name], redirect_slashes=False, docs_url=None, redoc_url=None)
    app.state.settings, app.state.readiness, app.state.metrics = settings, Readiness(), measured
    errors.install(app)
    for router in (health.router, metrics.router, quotes.quotes_router):
        app.include_router(router)
    if name == "instrumentator":
        from prometheus_fastapi_instrumentator import Instrumentator

        Instrumentator().instrument(app)
    return app


def main() -> None:
    """Serve the variant on a free port until a signal comes."""
    settings = Settings(port=0, drain_seconds=0, keep_alive_seconds=3600)
    app = variant(sys.argv[1], settings)

    @app.get("/cost", include_in_schema=False)
    async def cost() -> float:
        """Processor seconds of this process so far."""
        return time.process_time()

    DrainingServer(app).run(sockets=[bind(settings)])


if __name__ == "__main__":
    main()
