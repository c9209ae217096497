import json
from collections.abc import AsyncIterator
from time import process_time

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from pydantic import ValidationError
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.application import build
from app.core.settings import CoreSettings
from tests.core.conftest import Lines
from tests.core.service import Note

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "title"),
    [
        ("GET", "/nothing", None, 404, "Not Found"),
        ("GET", "/health/", None, 404, "Not Found"),
        ("GET", "/notes/2", None, 404, "Not Found"),
        ("DELETE", "/health", None, 405, "Method Not Allowed"),
        ("POST", "/notes", b"{", 422, "Unprocessable"),
        ("POST", "/notes", b"\xff\xfe{", 400, "Bad Request"),
        ("POST", "/notes", b"[" * 100_000, 400, "Bad Request"),
        ("POST", "/notes", b'{"text": "a", "priority": ' + b"9" * 5000 + b"}", 400, "Bad Request"),
        ("POST", "/notes", b'{"text": "a", "priority": 1e999}', 422, "Unprocessable"),
        ("POST", "/notes", b'{"text": "\\ud800"}', 422, "Unprocessable"),
        ("POST", "/notes", b'{"text": "a", "\\ud800": 1}', 422, "Unprocessable"),
        ("POST", "/notes", b"", 422, "Unprocessable"),
        ("GET", "/notes?limit=0", None, 422, "Unprocessable"),
        ("GET", "/notes/x", None, 422, "Unprocessable"),
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
    response = client.post("/notes", json={"text": "", "priority": "my-secret", "colour": "my-secret"})
    assert {fault["location"] for fault in response.json()["errors"]} == {
        "body.text",
        "body.priority",
        "body.*",
    }
    assert "my-secret" not in response.text
    assert "colour" not in response.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/notes", b'{"text":"x",' + b",".join(b'"%x":0' % i for i in range(90_000)) + b"}"),
        ("/notes/loose", b'{"numbers":{' + b",".join(b'"%x":""' % i for i in range(70_000)) + b"}}"),
    ],
)
def test_a_hundred_thousand_faults_make_a_short_answer(client: TestClient, path: str, body: bytes) -> None:
    response = client.post(path, content=body, headers=JSON)
    assert response.status_code == 422
    assert len(response.content) < 10_000
    assert len(response.json()["errors"]) <= 20
    assert "1ffff" not in response.text


def test_an_input_refuses_a_hundred_thousand_members_as_cheaply_as_it_takes_them() -> None:
    def seconds(names: str) -> float:
        body = {"text": "x", **{f"{names}{number}": 0 for number in range(100_000)}}
        began = process_time()
        with pytest.raises(ValidationError) as caught:
            Note.model_validate(body)
        assert caught.value.error_count() == 1
        return process_time() - began

    assert seconds("n") < 1


def test_a_whole_number_may_be_written_with_a_fraction(client: TestClient) -> None:
    assert client.post("/notes", json={"text": "a", "priority": 3.0}).json()["priority"] == 3
    assert client.post("/notes", json={"text": "a", "priority": 3.5}).status_code == 422


def test_nothing_that_the_client_named_is_quoted(client: TestClient) -> None:
    response = client.post("/notes/loose", json={"numbers": {"my-secret": "x"}})
    assert [fault["location"] for fault in response.json()["errors"]] == ["body.numbers.*"]
    assert "my-secret" not in response.text


def test_the_allow_header_has_every_method_of_the_path(client: TestClient) -> None:
    assert client.delete("/notes").headers["allow"] == "GET, POST"
    assert client.post("/health").headers["allow"] == "GET, HEAD"
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


def test_what_a_middleware_of_the_team_s_own_refuses_is_a_problem(lines: Lines) -> None:
    class Closed:
        def __init__(self, app: ASGIApp) -> None:
            pass

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise HTTPException(403, {"not": "text"}, {"X-Door": "shut"})

    client = TestClient(build(CoreSettings(), middleware=[Middleware(Closed)]))
    response = client.get("/notes")
    assert (response.status_code, response.headers["x-door"]) == (403, "shut")
    assert response.json() == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "trace_id": response.headers["x-trace-id"],
    }
    assert [(line["event"], line["status"]) for line in lines()] == [("request completed", 403)]


def test_the_openapi_document_knows_only_problems_as_errors(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert client.get("/openapi.json").json() == document
    assert "HTTPValidationError" not in json.dumps(document)
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"]


def test_a_path_parameter_needs_no_further_words(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)

    @client.app.get("/greet/{name}")
    async def greet(name: str) -> str:
        return name

    responses = client.get("/openapi.json").json()["paths"]["/greet/{name}"]["get"]["responses"]
    assert responses.keys() == {"200", "404", "422"}
    assert list(responses["422"]["content"]) == ["application/problem+json"]


def test_what_the_standard_answers_to_a_body_is_documented(client: TestClient) -> None:
    document = client.get("/openapi.json").json()["paths"]
    assert document["/notes"]["post"]["responses"].keys() == {"201", "400", "408", "413", "422"}
    assert document["/notes"]["get"]["responses"].keys() == {"200", "422"}
    assert document["/health"]["get"]["responses"].keys() == {"200"}
