import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from time import monotonic

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from app.core.application import build
from app.core.server import run
from app.core.service import SERVICE
from app.core.settings import SettingsError
from app.core.telemetry import Telemetry, TelemetrySettings
from tests.core.collector import Collector, collecting, plain
from tests.core.running import PATIENCE, RunningService, running_service

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRET = "hunter2"
MODULE = "tests.core.test_telemetry"

router = APIRouter()


@router.get("/things/{name}")
async def read_thing(name: str, fail: bool = False) -> str:
    """A thing, and a span of the service's own."""
    with trace.get_tracer(__name__).start_as_current_span("look"):
        if fail:
            raise RuntimeError(name)
    return name


def create_app() -> FastAPI:
    """An application with telemetry and the route above."""
    settings = TelemetrySettings.load()
    telemetry = Telemetry(settings)

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        async with telemetry.opened():
            yield None

    return build(settings, routers=[router], resources=resources, telemetry=telemetry.options)


def get(service: RunningService, path: str, **headers: str) -> tuple[int, str]:
    """Status and `traceparent` of one answer."""
    connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("traceparent", "")
    finally:
        connection.close()


def ended(service: RunningService) -> float:
    """Stop the service in order; the seconds that it took."""
    started = monotonic()
    service.signal()
    assert service.exit_code() == 0
    return monotonic() - started


def of_requests(collector: Collector) -> list[Span]:
    return [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]


def test_a_request_is_one_span_that_log_and_answer_name() -> None:
    with collecting() as collector:
        with running_service(MODULE, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address, DRAIN_SECONDS="0") as service:
            asked = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
            status, returned = get(service, f"/things/{SECRET}?password={SECRET}", **asked)
            assert status == 200
            ended(service)
        (span,) = of_requests(collector)
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)
        assert returned == f"00-{TRACE}-{span.span_id.hex()}-01"
        (own,) = [one for one in collector.spans if one.name == "look"]
        assert own.parent_span_id == span.span_id
        (line,) = [line for line in service.lines if line["event"] == "request completed"]
        assert line["trace_id"] == TRACE
        assert span.name == "GET /things/{name}"
        attributes = plain(list(span.attributes))
        assert (attributes["http.route"], attributes["http.response.status_code"]) == ("/things/{name}", "200")
        assert SECRET not in str(collector.spans)
        assert collector.resource["service.name"] == SERVICE.name
        assert collector.resource["service.version"] == SERVICE.version
        assert collector.resource["deployment.environment.name"] == "production"
        assert re.fullmatch(r"[0-9a-f-]{36}", collector.resource["service.instance.id"])


def test_a_failure_is_an_error_without_its_words() -> None:
    with collecting() as collector:
        with running_service(MODULE, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address, DRAIN_SECONDS="0") as service:
            assert get(service, "/things/x?fail=true")[0] == 500
            ended(service)
        (span,) = of_requests(collector)
        assert span.status.code == 2


def test_measures_have_the_route_and_probes_are_neither_traced_nor_measured() -> None:
    with collecting() as collector:
        with running_service(MODULE, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address, DRAIN_SECONDS="0") as service:
            for path in ("/health", "/ready", "/metrics", "/things/a", "/things/b"):
                assert get(service, path)[0] == 200
            ended(service)
        assert [span.name for span in of_requests(collector)] == ["GET /things/{name}"] * 2
        (duration,) = [metric for metric in collector.metrics if metric.name == "http.server.request.duration"]
        (point,) = duration.histogram.data_points
        assert (plain(list(point.attributes))["http.route"], point.count) == ("/things/{name}", 2)


def test_in_development_a_span_has_the_path_but_no_query() -> None:
    with collecting() as collector:
        names = {"ENVIRONMENT": "development", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "DRAIN_SECONDS": "0"}
        with running_service(MODULE, **names) as service:
            get(service, f"/things/a?password={SECRET}")
            ended(service)
        (span,) = of_requests(collector)
        assert plain(list(span.attributes))["url.path"] == "/things/a"
        assert SECRET not in str(collector.spans)


def test_a_collector_that_is_away_costs_no_request_and_no_time_at_the_end() -> None:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "TELEMETRY_FLUSH_SECONDS": "0.5"}
    with running_service(MODULE, DRAIN_SECONDS="0", OTEL_BSP_SCHEDULE_DELAY="10", **settings) as service:
        assert [get(service, "/things/a")[0] for _ in range(20)] == [200] * 20
        assert ended(service) < PATIENCE / 4


def test_a_collector_that_does_not_answer_fills_the_queue_and_blocks_nobody() -> None:
    with collecting(opened=False) as collector:
        queue = {"OTEL_BSP_MAX_QUEUE_SIZE": "4", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4", "OTEL_BSP_SCHEDULE_DELAY": "10"}
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "TELEMETRY_FLUSH_SECONDS": "0.5"}
        with running_service(MODULE, DRAIN_SECONDS="0", **queue, **settings) as service:
            get(service, "/things/a")
            assert collector.asked.wait(PATIENCE)
            started = monotonic()
            assert [get(service, "/things/a")[0] for _ in range(50)] == [200] * 50
            assert monotonic() - started < PATIENCE / 4
            assert ended(service) < PATIENCE / 4
        assert "Queue full, dropping Span." in [line["event"] for line in service.lines]


def test_either_may_be_left_out() -> None:
    for left_out in ("TRACES", "METRICS"):
        with collecting() as collector:
            names = {f"OTEL_{left_out}_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address}
            with running_service(MODULE, DRAIN_SECONDS="0", **names) as service:
                assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]", get(service, "/things/a")[1])
                ended(service)
            assert (bool(collector.spans), bool(collector.metrics)) == (left_out == "METRICS", left_out == "TRACES")


def test_without_a_collector_nothing_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    assert Telemetry(TelemetrySettings.load()).options is None
    with TestClient(create_app()) as client:
        answered = client.get("/things/a", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    assert answered.headers["x-trace-id"] == TRACE


@pytest.mark.parametrize("value", ["127.0.0.1:4318", "grpc://x:4317", "http://", "http://x?token=hunter2"])
def test_a_wrong_address_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", value)
    with pytest.raises(SettingsError, match=r"^OTEL_EXPORTER_OTLP_ENDPOINT: ") as caught:
        TelemetrySettings.load()
    assert SECRET not in str(caught.value)


if __name__ == "__main__":
    sys.exit(run(create_app))
