import json
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

JSON = {"Content-Type": "application/json"}
UNKNOWN = "/items/0190163d-8694-739b-aea5-966c26f8ad91"


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "title"),
    [
        ("GET", "/nothing", None, 404, "Not Found"),
        ("GET", "/health/", None, 404, "Not Found"),
        ("GET", UNKNOWN, None, 404, "Not Found"),
        ("DELETE", "/health", None, 405, "Method Not Allowed"),
        ("POST", "/items", b"{", 422, "Unprocessable"),
        ("POST", "/items", b"\xff\xfe{", 400, "Bad Request"),
        ("POST", "/items", b"[" * 100_000, 400, "Bad Request"),
        ("POST", "/items", b'{"name": "a", "quantity": ' + b"9" * 5000 + b"}", 400, "Bad Request"),
        ("POST", "/items", b'{"name": "a", "quantity": 1e999}', 422, "Unprocessable"),
        ("POST", "/items", b'{"name": "\\ud800"}', 422, "Unprocessable"),
        ("POST", "/items", b'{"name": "a", "\\ud800": 1}', 422, "Unprocessable"),
        ("POST", "/items", b"", 422, "Unprocessable"),
        ("GET", "/items?limit=0", None, 422, "Unprocessable"),
        ("GET", "/items?cursor=x", None, 422, "Unprocessable"),
    ],
)
def test_every_error_is_a_problem_document(
    client: TestClient, method: str, path: str, content: bytes | None, status: int, title: str
) -> None:
    response = client.request(method, path, content=content, headers=JSON)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["title"].startswith(title)
    assert problem["trace_id"] == response.headers["x-trace-id"]


def test_a_fault_says_where_and_what_but_not_the_value(client: TestClient) -> None:
    response = client.post("/items", json={"name": "", "quantity": "my-secret", "colour": "my-secret"})
    assert {fault["location"] for fault in response.json()["errors"]} == {
        "body.name",
        "body.quantity",
        "body.colour",
    }
    assert "my-secret" not in response.text


def test_the_allow_header_has_every_method_of_the_path(client: TestClient) -> None:
    assert client.delete("/items").headers["allow"] == "GET, POST"
    assert client.post("/health").headers["allow"] == "GET"
    assert client.post("/openapi.json").headers["allow"] == "GET, HEAD"


def test_an_unhandled_exception_is_a_problem_without_its_text(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)

    @client.app.get("/fail")
    async def fail() -> None:
        raise RuntimeError("the password is x")

    response = client.get("/fail")
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert "password" not in response.text
    assert response.json()["trace_id"] == response.headers["x-trace-id"]


def test_an_exception_after_the_start_of_a_response_is_the_server_s(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)

    @client.app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            raise RuntimeError("cut")

        return StreamingResponse(parts())

    with pytest.raises(RuntimeError, match="cut"):
        client.get("/stream")


def test_details_and_headers_of_an_http_exception_are_kept(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)

    @client.app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, {"not": "text"}, {"X-Pot": "tea"})

    response = client.get("/teapot")
    assert (response.status_code, response.headers["x-pot"]) == (418, "tea")
    assert "detail" not in response.json()


def test_the_openapi_document_knows_only_problems_as_errors(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert client.get("/openapi.json").json() == document
    assert "HTTPValidationError" not in json.dumps(document)
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"]
