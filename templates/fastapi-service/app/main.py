"""The application: your routers, your middleware, and what is opened before the first request.

`app` is what `fastapi dev` and every other ASGI server finds; `python -m app` is how the image starts it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from app.core.application import build
from app.items import ItemStore, items_router
from app.settings import Settings

ROUTERS: list[APIRouter] = [
    items_router,  # the example; its ItemStore is opened below
]

MIDDLEWARE: list[Middleware] = []
"""It runs inside the standard's own: traced, logged and measured, its failures problem documents."""


@asynccontextmanager
async def resources(settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """Open what requests use as `request.state.NAME`; /ready is 503 before the yield. Close it after the yield."""
    opened: dict[str, Any] = {"settings": settings}
    opened["items"] = ItemStore(settings.items_capacity)
    yield opened


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application; without settings they come from the environment. Raises SettingsError."""
    settings = settings or Settings.load()
    return build(settings, routers=ROUTERS, middleware=MIDDLEWARE, resources=lambda: resources(settings))


app = create_app()
