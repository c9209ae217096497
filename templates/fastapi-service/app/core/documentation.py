"""Interactive documentation for development: /docs, with Swagger's files from here, and / leads there."""

from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

DOCS_PATH = "/docs"
_FILES_PATH = f"{DOCS_PATH}/files"


def install(app: FastAPI) -> None:
    """Add the routes; a route of the team's own for / comes first."""

    @app.get(DOCS_PATH, include_in_schema=False)
    async def read_docs(request: Request) -> HTMLResponse:
        """Swagger UI."""
        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            swagger_js_url=f"{root}{_FILES_PATH}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_FILES_PATH}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_FILES_PATH}/favicon.png",
        )

    @app.get("/", include_in_schema=False)
    async def read_root(request: Request) -> RedirectResponse:
        """Lead a browser to the documentation."""
        return RedirectResponse(f"{request.scope.get('root_path', '')}{DOCS_PATH}")

    app.mount(_FILES_PATH, StaticFiles(directory=str(files("fastapi_offline") / "static")))
