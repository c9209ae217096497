"""The application, put together: `build` is the one place that knows every part."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from app.core import documentation, errors, health, logs, metrics, tracing
from app.core.requests import RequestMiddleware
from app.core.service import SERVICE
from app.core.settings import CoreSettings

Resources = Callable[[], AbstractAsyncContextManager[Mapping[str, Any] | None]]
ROUTERS = (health.router, metrics.router)
_EXPOSED = ["Location", "Retry-After", "WWW-Authenticate", "X-Trace-Id"]
_CORS: dict[str, Any] = {"allow_methods": ["*"], "allow_headers": ["*"], "expose_headers": _EXPOSED}


def build(
    settings: CoreSettings,
    routers: Sequence[APIRouter] = (),
    middleware: Sequence[Middleware] = (),
    resources: Resources = nullcontext,
    telemetry: Mapping[str, Any] | None = None,
) -> FastAPI:
    """Make an application of these routers, behind the standard's own routers and middleware.

    Middleware given here runs inside the standard's. `resources` makes a context manager whose value becomes
    `request.state`; it is entered before /ready says 200 and left after the last request. `telemetry` is what FastAPI
    takes under this name.
    """
    logs.configure(settings)
    tracing.install()
    readiness, measured = health.Readiness(), metrics.Metrics()
    cors = [Middleware(CORSMiddleware, allow_origins=settings.cors_origins, **_CORS)] if settings.cors_origins else []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with resources() as opened:
            readiness.start()
            yield opened or {}
            readiness.drain()

    app = documentation.application(
        settings.development,
        title=SERVICE.name,
        version=SERVICE.version,
        description=SERVICE.description,
        lifespan=lifespan,
        telemetry=telemetry,
        # A redirect would be built from the Host header, which anybody can set.
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        # The outermost comes first: what is inside is traced, logged and measured, its failures too.
        middleware=[
            # Pages of other origins can read errors too.
            *cors,
            Middleware(RequestMiddleware, settings=settings, metrics=measured),
            *middleware,
        ],
    )
    app.state.settings, app.state.readiness, app.state.metrics = settings, readiness, measured
    errors.install(app)
    for router in (*ROUTERS, *routers):
        app.include_router(router)
    if settings.development:
        # After the team's own, which may have a front page.
        app.get("/", include_in_schema=False)(documentation.read_root)
    return app
