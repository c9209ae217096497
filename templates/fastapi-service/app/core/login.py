"""A login in the interactive documentation, whose own page has none."""

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response
from starlette.routing import Route

from app.core.documentation import DOCS_PATH

_FILES = f"{DOCS_PATH}/files"


def install(app: FastAPI, client_id: str) -> None:
    """Serve /docs with a login by authorization code and PKCE (RFC 7636), as this client of the provider."""

    async def read_docs(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            oauth2_redirect_url=f"{root}{app.swagger_ui_oauth2_redirect_url}",
            init_oauth={"clientId": client_id, "usePkceWithAuthorizationCodeGrant": True},
            swagger_js_url=f"{root}{_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_FILES}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_FILES}/favicon.png",
        )

    # The first route that matches answers.
    app.router.routes.insert(0, Route(DOCS_PATH, read_docs, include_in_schema=False))
