"""A stand-in for a collector: it takes OTLP over HTTP and reads it with OpenTelemetry's own protocol package."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.core.running import PATIENCE


def plain(attributes: list[KeyValue]) -> dict[str, str]:
    """Attributes as text."""
    return {one.key: str(getattr(one.value, one.value.WhichOneof("value") or "string_value")) for one in attributes}


class Collector:
    """What has come in so far; `open` lets it answer."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.open = Event()
        self.asked = Event()
        self.resource: dict[str, str] = {}
        self.spans: list[Span] = []
        self.metrics: list[Metric] = []

    def take(self, path: str, body: bytes) -> None:
        """Keep what one request brings."""
        if path == "/v1/traces":
            for traced in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resource = plain(list(traced.resource.attributes))
                self.spans += [span for scope in traced.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            for measured in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics += [metric for scope in measured.scope_metrics for metric in scope.metrics]


@contextmanager
def collecting(opened: bool = True) -> Iterator[Collector]:
    """A collector on a free port; one that is not opened takes requests and does not answer."""

    class Handler(BaseHTTPRequestHandler):
        """One request of an exporter."""

        def do_POST(self) -> None:
            collector.asked.set()
            collector.open.wait(PATIENCE)
            collector.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector = Collector(server.server_port)
    if opened:
        collector.open.set()
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        collector.open.set()
        server.shutdown()
        server.server_close()
