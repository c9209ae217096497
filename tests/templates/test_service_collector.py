"""Telemetry of a service with the OpenTelemetry Collector itself, built from its own modules, on loopback."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

import peers
import service_database
from collection import render
from service_support import PATIENCE, Running, started

pytestmark = pytest.mark.system
PARTS = frozenset({"telemetry"})
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """One process, and what it has written."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._out = folder / "received.json"
        self._log = folder / "collector.log"
        self._configuration = folder / "collector.yaml"
        pipeline = {"receivers": ["otlp"], "exporters": ["file"]}
        configuration = {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}}},
            "exporters": {"file": {"path": str(self._out), "flush_interval": "100ms"}},
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"traces": pipeline, "metrics": pipeline},
            },
        }
        self._configuration.write_text(json.dumps(configuration))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            command = [peers.program("collector"), f"--config={self._configuration}"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < until, self._log.read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it in order, so that all is written."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None

    def received(self, kind: str) -> list[dict[str, Any]]:
        """Every resourceSpans or resourceMetrics so far."""
        lines = self._out.read_text().splitlines() if self._out.exists() else []
        return [one for line in lines for one in json.loads(line).get(kind, ())]

    def requests(self, kind: int = 2) -> list[dict[str, Any]]:
        """Every span of a request so far; kind 3 are those of what the service asked others."""
        scopes = [scope for one in self.received("resourceSpans") for scope in one["scopeSpans"]]
        return [span for scope in scopes for span in scope["spans"] if span["kind"] == kind]


@contextmanager
def collecting(folder: Path) -> Iterator[Collector]:
    """A collector, ended with the block."""
    collector = Collector(folder)
    try:
        yield collector
    finally:
        collector.stop()


@pytest.fixture(scope="module")
def traced(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with telemetry."""
    return render(collection, tmp_path_factory.mktemp("traced") / "my-svc", component="my-svc", telemetry="otlp")


def plain(attributes: list[dict[str, Any]]) -> dict[str, str]:
    return {one["key"]: str(next(iter(one["value"].values()))) for one in attributes}


def ask(service: Running, path: str, **headers: str) -> dict[str, str]:
    """The headers of one answer."""
    connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 200
        return dict(response.getheaders())
    finally:
        connection.close()


def variables(collector: Collector, **more: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "DRAIN_SECONDS": "0",
    } | more


def test_the_collector_gets_the_span_that_answer_and_log_name(traced: Path, tmp_path: Path) -> None:
    with collecting(tmp_path) as collector:
        collector.start()
        named = {"OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=my-pod"}
        with started(traced, tmp_path / "log", PARTS, **variables(collector, **named)) as service:
            for path in ("/health", "/ready", "/metrics"):
                ask(service, path)
            answer = ask(service, "/products/lamp?token=hunter2", traceparent=f"00-{TRACE}-{SPAN}-01")
            assert service.stop() == 0
        collector.stop()
        (span,) = collector.requests()
        assert (span["traceId"], span["parentSpanId"], span["name"]) == (TRACE, SPAN, "GET /products/{name}")
        assert answer["traceparent"] == f"00-{TRACE}-{span['spanId']}-01"
        (line,) = [line for line in service.lines() if line.get("route") == "/products/{name}"]
        assert line["trace_id"] == TRACE
        written = (tmp_path / "received.json").read_text()
        assert not [word for word in ("hunter2", "/products/lamp", "/health", "/ready") if word in written]
        facts = json.loads((traced / "app/service.json").read_text())
        for kind in ("resourceSpans", "resourceMetrics"):
            resource = plain(collector.received(kind)[0]["resource"]["attributes"])
            assert (resource["service.name"], resource["service.version"]) == (facts["name"], facts["version"])
            assert resource["k8s.pod.name"] == "my-pod"


def test_a_collector_that_goes_and_comes_back_costs_no_request(traced: Path, tmp_path: Path) -> None:
    with collecting(tmp_path) as collector:
        collector.start()
        with started(traced, tmp_path / "log", PARTS, **variables(collector)) as service:
            ask(service, "/products")
            collector.stop()
            for _ in range(20):
                ask(service, "/products")
            collector.start()
            last = ask(service, "/products")["traceparent"].split("-")[1]
            until = time.monotonic() + PATIENCE
            while last not in {span["traceId"] for span in collector.requests()}:
                assert time.monotonic() < until
                time.sleep(0.1)
            assert service.stop() == 0


def test_the_collector_gets_the_statements_of_a_request_without_their_words(collection: Path, tmp_path: Path) -> None:
    both = {"database": "postgresql", "telemetry": "otlp"}
    stored = render(collection, tmp_path / "stored/my-svc", component="my-svc", **both)
    parts = frozenset(both)
    with service_database.served(stored) as server, collecting(tmp_path) as collector:
        collector.start()
        given = variables(collector, DATABASE_URL=server.url)
        with started(stored, tmp_path / "log", parts, **given) as service:
            connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
            head = {"Content-Type": "application/json", "traceparent": f"00-{TRACE}-{SPAN}-01"}
            connection.request("POST", "/items", b'{"name": "hunter2"}', head)
            assert connection.getresponse().status == 201
            connection.close()
            ask(service, "/items")
            assert service.stop() == 0
        collector.stop()
        kept, listed = collector.requests(kind=3)
        assert (kept["name"], listed["name"]) == ("INSERT items", "SELECT items")
        (created,) = [one for one in collector.requests() if one["name"] == "POST /items"]
        assert (kept["traceId"], kept["parentSpanId"]) == (TRACE, created["spanId"])
        facts = plain(kept["attributes"])
        assert facts.items() >= {"db.system.name": "postgresql", "db.query.summary": "INSERT items"}.items()
        written = (tmp_path / "received.json").read_text()
        assert not [word for word in ("hunter2", "VALUES", "RETURNING", "FROM items") if word in written]
