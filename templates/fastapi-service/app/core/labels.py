"""Names of routes: bounded labels for metrics and logs."""

from starlette.types import Scope

UNKNOWN_ROUTE = "unknown"
OTHER_METHOD = "OTHER"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})


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
