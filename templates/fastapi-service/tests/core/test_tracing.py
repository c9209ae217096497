import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.settings import CoreSettings
from tests.core.conftest import Lines
from tests.core.service import create_app

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def returned(client: TestClient, headers: list[tuple[str, str]]) -> tuple[str, str, str]:
    """Trace id, span id and flags that the service returns."""
    response = client.get("/health", headers=headers)
    match = re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", response.headers["traceparent"])
    assert match is not None
    assert response.headers["x-trace-id"] == match[1]
    return match[1], match[2], match[3]


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_valid_traceparent_is_continued_with_a_span_of_its_own(client: TestClient, flags: str) -> None:
    trace, span, returned_flags = returned(client, [("traceparent", f"00-{TRACE}-{SPAN}-{flags}")])
    assert (trace, returned_flags) == (TRACE, flags)
    assert span not in (SPAN, "0" * 16)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-extra",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}a-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-zz",
        f"ff-{TRACE}-{SPAN}-01",
        f"0g-{TRACE}-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"00-{TRACE}-{SPAN}-01, 00-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01x",
        "00-" + "a" * 100_00,
        '00-{"a":1}-' + SPAN + "-01",
    ],
)
def test_a_hostile_traceparent_starts_a_new_trace(client: TestClient, value: str) -> None:
    trace, _, flags = returned(client, [("traceparent", value)])
    assert trace not in (TRACE, "0" * 32)
    assert flags == "00"


def test_a_later_version_may_have_more_fields(client: TestClient) -> None:
    for value, flags in ((f"01-{TRACE}-{SPAN}-01-anything", "01"), (f"cc-{TRACE}-{SPAN}-02", "00")):
        trace, _, returned_flags = returned(client, [("traceparent", value)])
        assert (trace, returned_flags) == (TRACE, flags)


def test_two_traceparents_are_none(client: TestClient) -> None:
    header = ("traceparent", f"00-{TRACE}-{SPAN}-01")
    assert returned(client, [header, header])[0] != TRACE


def test_x_trace_id_is_taken_over_where_there_is_no_traceparent(client: TestClient) -> None:
    other = "a" * 32
    assert returned(client, [("x-trace-id", TRACE)])[0] == TRACE
    assert returned(client, [("x-trace-id", other), ("traceparent", f"00-{TRACE}-{SPAN}-01")])[0] == TRACE
    for hostile in ("0" * 32, TRACE.upper(), TRACE + "0", '"}{"x":"'):
        assert returned(client, [("x-trace-id", hostile)])[0] != hostile


def test_every_request_without_context_has_a_trace_of_its_own(client: TestClient) -> None:
    assert len({returned(client, [])[0] for _ in range(50)}) == 50


def test_errors_are_traced_too(client: TestClient, lines: Lines) -> None:
    response = client.get("/nothing", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    assert response.headers["x-trace-id"] == response.json()["trace_id"] == TRACE
    assert [line["trace_id"] for line in lines() if line["event"] == "request completed"] == [TRACE]


def spans_of(provided: TracerProvider) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provided.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


class SpanMiddleware:
    """Stands for whatever opens a span around the application: FastAPI itself, or an instrumentation library."""

    def __init__(self, app: ASGIApp, tracer: trace.Tracer) -> None:
        self.app = app
        self.tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parent = propagate.extract({name.decode(): value.decode() for name, value in scope.get("headers", ())})
        with self.tracer.start_as_current_span("request", context=parent):
            await self.app(scope, receive, send)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({}, None), ({"traceparent": f"00-{TRACE}-{SPAN}-01"}, TRACE), ({"x-trace-id": TRACE}, TRACE)],
)
def test_log_problem_and_exported_span_have_one_trace(
    lines: Lines, headers: dict[str, str], expected: str | None
) -> None:
    provider = TracerProvider()
    exporter = spans_of(provider)
    app = create_app(CoreSettings())
    response = TestClient(SpanMiddleware(app, provider.get_tracer("test"))).get("/nothing", headers=headers)
    (span,) = exporter.get_finished_spans()
    found = format(span.context.trace_id, "032x")
    assert found == response.json()["trace_id"] == response.headers["x-trace-id"]
    assert [line["trace_id"] for line in lines() if line["event"] == "request completed"] == [found]
    assert response.headers["traceparent"].split("-")[1:3] == [found, format(span.context.span_id, "016x")]
    assert expected in (None, found)


def test_a_call_to_another_service_carries_the_trace(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)

    @client.app.get("/outgoing")
    def outgoing() -> dict[str, str]:
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier

    response = client.get("/outgoing")
    assert response.json()["traceparent"] == response.headers["traceparent"]
