"""Errors: every one is an RFC 9457 problem document, and none of them quotes what the client sent."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPMethod, HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from app.core.models import MAX_FAULTS
from app.core.tracing import trace_id

PROBLEM_TYPE = "application/problem+json"


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    location: str = Field(description="Where: body, query, path or header, and the field's name after a dot")
    message: str = Field(description="What is wrong with it")


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(default="about:blank", description="What kind of problem; about:blank means what the status says")
    title: str = Field(description="The status in words")
    status: int = Field(description="The HTTP status code")
    detail: str | None = Field(default=None, description="What happened, for a person")
    trace_id: str | None = Field(default=None, description="Names this request in the logs")
    errors: list[Fault] | None = Field(default=None, description="What is wrong with the request, one by one")


def problem_bytes(status: int, detail: str | None = None, errors: list[Fault] | None = None, **more: str) -> bytes:
    """A problem document as JSON in ASCII, so that no text in it can fail to encode."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors, **more)
    return json.dumps(problem.model_dump(exclude_none=True)).encode("ascii")


def problem_response(
    status: int,
    detail: str | None = None,
    errors: list[Fault] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document as a response; detail must not quote the request."""
    content = problem_bytes(status, detail, errors, trace_id=trace_id())
    return Response(content, status, dict(headers or {}), PROBLEM_TYPE)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What `responses=` of a route takes to document that it can answer with these problems."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {PROBLEM_TYPE: {"schema": schema}}}
        for status in statuses
    }


def _allowed(request: Request) -> str:
    """Every method that some route takes for this path, for the Allow header; the router names one route's only."""
    scopes = ({**request.scope, "method": str(method)} for method in sorted(HTTPMethod))
    routes = request.app.router.routes
    return ", ".join(one["method"] for one in scopes if any(route.matches(one)[0] is Match.FULL for route in routes))


def problem_of(error: HTTPException, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document that an exception stands for, with its headers and these."""
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail if isinstance(error.detail, str) and error.detail != phrase else None
    return problem_response(error.status_code, detail, headers={**(error.headers or {}), **(headers or {})})


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    return problem_of(error, {"Allow": _allowed(request)} if error.status_code == 405 else None)


def _names(document: dict[str, Any]) -> Iterator[str]:
    """Yield every name of a field or parameter that the OpenAPI document publishes."""
    for schema in document.get("components", {}).get("schemas", {}).values():
        yield from schema.get("properties", ())
    for operation in _operations(document):
        yield from (parameter["name"] for parameter in operation.get("parameters", ()))


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document.get("paths", {}).values():
        yield from (operation for operation in path.values() if isinstance(operation, dict))


def _fault(fault: dict[str, Any], names: frozenset[str]) -> Fault:
    """One of pydantic's faults, without any name or tag that the client has made up."""
    place = [str(part) if isinstance(part, int) or part in names else "*" for part in fault["loc"][1:]]
    message = "The tag is not known" if fault["type"] == "union_tag_invalid" else fault["msg"]
    return Fault(location=".".join((str(fault["loc"][0]), *place)), message=message)


async def _on_invalid_request(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    names = frozenset(_names(request.app.openapi()))
    detail = "The request does not have the form that this operation takes."
    if len(found) > MAX_FAULTS:
        detail += f" {len(found)} things are wrong; the first {MAX_FAULTS} are listed."
    return problem_response(422, detail, [_fault(fault, names) for fault in found[:MAX_FAULTS]])


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document, in its answers and in its OpenAPI document.

    Nobody has to declare what the standard answers: 422 for what does not have the right form, for bodies also 400
    (unreadable), 408 (too slow) and 413 (too large), and 404 where a slash in a path parameter leads elsewhere.
    """
    app.exception_handler(HTTPException)(_on_http_exception)
    app.exception_handler(RequestValidationError)(_on_invalid_request)
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs"), Problem=problem)
        for operation in _operations(document):
            responses = operation["responses"]
            if "HTTPValidationError" in str(responses.get("422")):
                responses["422"] = problems(422)[422]
            answered = [400, 408, 413] if "requestBody" in operation else []
            if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
                answered.append(404)
            for status, response in problems(*answered).items():
                responses.setdefault(str(status), response)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
