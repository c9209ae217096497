"""The application, put together: `create_app` is the one place that knows every part."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware

from app import errors, health, items, logs, metrics
from app.errors import ErrorMiddleware
from app.health import Readiness
from app.items import ItemStore
from app.limits import BodyLimitMiddleware
from app.logs import RequestLogMiddleware
from app.metrics import Metrics, MetricsMiddleware
from app.service import SERVICE
from app.settings import Settings
from app.tracing import TracingMiddleware


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application; without settings they come from the environment. Raises SettingsError."""
    settings = settings or Settings.from_environment()
    logs.configure(settings)
    readiness = Readiness()
    measured = Metrics()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # Open what the service needs before this line, close it after the yield; until then /ready is 503.
        readiness.start()
        yield
        readiness.drain()

    app = FastAPI(
        title=SERVICE.name,
        version=SERVICE.version,
        description=SERVICE.description,
        lifespan=lifespan,
        # Interactive documentation loads scripts from elsewhere: not in production.
        docs_url="/docs" if settings.development else None,
        redoc_url=None,
        # A redirect would be built from the Host header, which anybody can set.
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        # The outermost comes first: what is inside is traced, logged and measured, its failures too.
        middleware=[
            Middleware(TracingMiddleware),
            Middleware(RequestLogMiddleware),
            Middleware(MetricsMiddleware, metrics=measured),
            Middleware(ErrorMiddleware),
            Middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes, seconds=settings.body_seconds),
        ],
    )
    app.state.readiness = readiness
    app.state.metrics = measured
    app.state.items = ItemStore(settings.items_capacity)
    errors.install(app)
    for router in (health.router, metrics.router, items.router):
        app.include_router(router)
    return app
