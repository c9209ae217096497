"""Interactive documentation for development: /docs, with Swagger's files from here, and / leads there."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline

DOCS_PATH = "/docs"


def application(documented: bool, **options: Any) -> FastAPI:
    """A FastAPI with these options, and with documentation or without."""
    if documented:
        return FastAPIOffline(DOCS_PATH, None, static_url=f"{DOCS_PATH}/files", **options)
    return FastAPI(docs_url=None, redoc_url=None, **options)


async def read_root(request: Request) -> RedirectResponse:
    """Lead a browser to the documentation."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}{DOCS_PATH}")
