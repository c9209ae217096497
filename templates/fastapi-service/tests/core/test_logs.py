import contextlib
import io
import json
import logging
import os
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
import structlog.testing
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel

from app.core import logs
from app.core.settings import CoreSettings
from tests.core.conftest import Lines
from tests.core.service import create_app

SECRET = "hunter2-and-more"


def application(client: TestClient) -> FastAPI:
    assert isinstance(client.app, FastAPI)
    return client.app


def test_one_completion_line_for_each_request(client: TestClient, lines: Lines) -> None:
    client.post("/notes", json={"text": "a"})
    client.get("/nothing")
    completed = [line for line in lines() if line["event"] == "request completed"]
    assert [(line["method"], line["route"], line["status"]) for line in completed] == [
        ("POST", "/notes", 201),
        ("GET", "unknown", 404),
    ]
    assert all(0 < line["duration"] < 60 and line["level"] == "info" for line in completed)
    assert all(datetime.fromisoformat(line["timestamp"]).tzinfo is not None for line in completed)


def test_all_lines_of_a_request_share_its_trace(client: TestClient, lines: Lines) -> None:
    @application(client).get("/talk")
    def talk() -> None:
        structlog.get_logger().warning("one", number=1)
        logging.getLogger("library").warning("two\n%s", "more")

    trace = client.get("/talk").headers["x-trace-id"]
    written = lines()
    assert [line["event"] for line in written] == ["one", "two\nmore", "request completed"]
    assert {line["trace_id"] for line in written} == {trace}
    assert (written[0]["number"], written[1]["logger"]) == (1, "library")


def test_lines_outside_a_request_share_the_trace_of_the_process(client: TestClient, lines: Lines) -> None:
    structlog.get_logger().info("one")
    logging.getLogger("uvicorn.error").info("two")
    assert len({line["trace_id"] for line in lines()}) == 1


def test_an_exception_is_described_without_anybody_s_data(client: TestClient, lines: Lines) -> None:
    class Form(BaseModel):
        number: int

    @application(client).get("/fail")
    def fail() -> None:
        password = SECRET
        try:
            Form.model_validate({"number": password})
        except ValueError as error:
            raise LookupError("not found") from error

    trace = client.get("/fail").headers["x-trace-id"]
    failed, completed = lines()
    assert (failed["event"], failed["level"], failed["trace_id"]) == ("unhandled exception", "error", trace)
    newest, oldest = failed["exception"]
    assert (newest["type"], newest["message"]) == ("LookupError", "not found")
    assert (oldest["type"], oldest["message"]) == ("ValidationError", "number: int_parsing")
    assert newest["stack"][-1].endswith(" in fail")
    assert (completed["status"], completed["level"]) == (500, "error")
    assert SECRET not in json.dumps([failed, completed])


def test_no_secret_of_a_request_is_logged(client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"session={SECRET}", "X-Api-Key": SECRET}
    for _ in range(2):
        client.post(f"/notes?token={SECRET}", json={"text": SECRET, "password": SECRET}, headers=headers)
        client.get(f"/{SECRET}", headers=headers)
        client.post("/notes", content=f'{{"{SECRET}', headers=headers | {"Content-Type": "application/json"})
    written = capsys.readouterr()
    assert "request completed" in written.out
    assert SECRET not in written.out + written.err


def test_levels(lines: Lines) -> None:
    def spoken(**settings: Any) -> list[str]:
        logs.configure(CoreSettings(log_format="json", **settings))
        for name in ("debug", "info", "warning"):
            getattr(structlog.get_logger(), name)(name)
            getattr(logging.getLogger("x"), name)(name)
        return [line["event"] for line in lines()]

    assert spoken() == ["info", "info", "warning", "warning"]
    assert spoken(environment="development") == ["debug", "debug", "info", "info", "warning", "warning"]
    assert spoken(environment="development", log_level="warning") == ["warning", "warning"]
    assert spoken(log_level="ERROR") == []


def test_a_refusal_on_purpose_is_no_error(lines: Lines) -> None:
    TestClient(create_app(CoreSettings())).get("/ready")
    assert [(line["status"], line["level"]) for line in lines()] == [(503, "info")]


def test_a_log_that_cannot_be_written_fails_no_request() -> None:
    client = TestClient(create_app(CoreSettings()))
    closed = io.StringIO()
    closed.close()
    with contextlib.redirect_stdout(closed):
        assert client.get("/health").status_code == 200


def test_values_that_are_not_json_and_broken_text_are_still_one_line(client: TestClient, lines: Lines) -> None:
    structlog.get_logger().info("odd\n\ud800", kind=object)
    structlog.get_logger().info("next\u2028line\x85")
    structlog.get_logger().info("number", ratio=float("nan"))
    odd, following, number = lines()
    assert (odd["event"], following["event"], number["ratio"]) == ("odd\n\ud800", "next\u2028line\x85", None)


def test_a_value_looks_the_same_whatever_is_beside_it(client: TestClient, lines: Lines) -> None:
    for word in ("plain", "größe"):
        structlog.get_logger().info(word, when=datetime(2026, 1, 2, tzinfo=UTC), ratio=float("inf"), kind=object)
    plain, other = lines()
    assert plain["when"] == "2026-01-02T00:00:00Z"
    assert plain["kind"] == "<class 'object'>"
    for name in ("when", "ratio", "kind"):
        assert plain[name] == other[name]


def test_exc_info_as_the_standard_library_has_it(client: TestClient, lines: Lines) -> None:
    try:
        os.environ["NO_SUCH_VARIABLE"]
    except KeyError:
        logging.getLogger("x").exception("one")
        structlog.get_logger().exception("two")
        structlog.get_logger().info("three", exc_info=False)
    structlog.get_logger().error("four", exc_info=True)
    one, two, three, four = lines()
    assert one["exception"][0]["type"] == two["exception"][0]["type"] == "KeyError"
    assert "exception" not in three
    assert "exception" not in four


def test_in_development_lines_are_for_people_and_have_the_path(capsys: pytest.CaptureFixture[str]) -> None:
    def spoken(**settings: Any) -> str:
        app = create_app(CoreSettings(environment="development", **settings))

        @app.get("/fail/{number}")
        def fail(number: int) -> None:
            raise RuntimeError(number)

        TestClient(app).get("/fail/7")
        return capsys.readouterr().out

    text = spoken()
    assert "request completed" in text
    assert "/fail/7" in text
    assert "RuntimeError: 7" in text
    assert "{" not in text.splitlines()[0]
    written = [json.loads(line) for line in spoken(log_format="json").splitlines()]
    assert [line["path"] for line in written if line["event"] == "request completed"] == ["/fail/7"]


def test_a_test_of_the_team_s_own_may_capture_what_is_logged(client: TestClient, lines: Lines) -> None:
    with structlog.testing.capture_logs() as captured:
        assert client.get("/health").status_code == 200
    assert [(entry["event"], entry["log_level"], entry["route"]) for entry in captured] == [
        ("request completed", "info", "/health")
    ]
    assert lines() == []


def test_what_a_request_binds_is_on_its_lines(client: TestClient, lines: Lines) -> None:
    @application(client).get("/bind")
    async def bind() -> None:
        structlog.contextvars.bind_contextvars(tenant="t1")
        structlog.get_logger().info("bound")

    client.get("/bind")
    assert [line.get("tenant") for line in lines() if line["event"] == "bound"] == ["t1"]
