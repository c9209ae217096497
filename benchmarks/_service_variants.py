"""The service with more or less of its middleware, as a server that says what it costs; runs in its own environment.

python _service_variants.py bare|metrics|logged|whole|instrumentator
"""

import sys
import time

from app import errors, health, items, logs, metrics
from app.health import Readiness
from app.items import ItemStore
from app.logs import RequestLogMiddleware
from app.main import create_app
from app.metrics import Metrics, MetricsMiddleware
from app.server import make_server
from app.settings import Settings
from app.tracing import TracingMiddleware
from fastapi import FastAPI
from starlette.middleware import Middleware


def variant(name: str, settings: Settings) -> FastAPI:
    """Return the application with the named amount of middleware; the routes are the same in each."""
    if name == "whole":
        return create_app(settings)
    logs.configure(settings)
    measured = Metrics()
    counted = Middleware(MetricsMiddleware, metrics=measured)
    stacks: dict[str, list[Middleware]] = {
        "bare": [],
        "metrics": [counted],
        "logged": [Middleware(TracingMiddleware), Middleware(RequestLogMiddleware), counted],
        "instrumentator": [],
    }
    app = FastAPI(middleware=stacks[name], redirect_slashes=False, docs_url=None, redoc_url=None)
    app.state.readiness, app.state.metrics = Readiness(), measured
    app.state.items = ItemStore(settings.items_capacity)
    errors.install(app)
    for router in (health.router, metrics.router, items.router):
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

    make_server(app, settings).run()


if __name__ == "__main__":
    main()
