"""What the locked releases bring to a service: FastAPI's own spans, and ranges of trusted proxies."""

import json
import subprocess
import sys
from pathlib import Path

from service_support import environment

SPANS = """
import json, secrets
from fastapi.testclient import TestClient
from opentelemetry import trace
from tests.core.service import create_app

SPANS = []

class Tracer(trace.Tracer):
    def start_span(self, name, context=None, kind=trace.SpanKind.INTERNAL, *more, **options):
        parent = trace.get_current_span(context).get_span_context()
        trace_id = parent.trace_id or secrets.randbits(128)
        made = trace.SpanContext(trace_id, secrets.randbits(64), False, parent.trace_flags)
        if kind is trace.SpanKind.SERVER:
            SPANS.append(made)
        return trace.NonRecordingSpan(made)

    start_as_current_span = None

class Provider(trace.TracerProvider):
    def get_tracer(self, *names, **options):
        return Tracer()

trace.set_tracer_provider(Provider())
for headers in HEADERS:
    SPANS.clear()
    response = TestClient(create_app()).get("/nothing", headers=headers)
    (span,) = SPANS
    exported = [format(span.trace_id, "032x"), format(span.span_id, "016x")]
    print(json.dumps([exported, response.headers["traceparent"].split("-")[1:3], response.json()["trace_id"]]))
"""
PROXIES = """
from http.client import HTTPConnection
from fastapi import Request
from app.core.settings import CoreSettings
from tests.core.running import serving
from tests.core.service import create_app

async def read_scheme(request: Request) -> str:
    return request.url.scheme

for trusted in TRUSTED:
    app = create_app(CoreSettings(port=0, log_level="CRITICAL", trusted_proxies=trusted))
    app.get("/scheme")(read_scheme)
    with serving(app) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/scheme", headers={"X-Forwarded-Proto": "https"})
        print(connection.getresponse().read().decode())
"""
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS: list[dict[str, str]] = [{}, {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, {"x-trace-id": TRACE}]
SCHEMES = {"10.0.0.0/8,127.0.0.0/8": "https", "10.0.0.0/8": "http"}


def asked(service: Path, script: str) -> list[str]:
    """The lines that a program prints in the service, with exactly the service's own packages."""
    done = subprocess.run(
        [sys.executable, "-B", "-W", "ignore", "-c", script],
        cwd=service,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_log_problem_and_span_of_a_request_have_one_trace(service: Path) -> None:
    """Each request's lines end with what it was answered."""
    lines = [json.loads(line) for line in asked(service, SPANS.replace("HEADERS", repr(HEADERS)))]
    for headers in HEADERS:
        end = next(at for at, line in enumerate(lines) if isinstance(line, list))
        log, (exported, returned, problem) = lines[:end], lines[end]
        lines = lines[end + 1 :]
        assert exported == returned, headers
        assert problem == exported[0], headers
        assert [line["trace_id"] for line in log] == [exported[0]], headers
        assert not headers or exported[0] == TRACE
    assert lines == []


def test_a_range_of_proxies_is_trusted(service: Path) -> None:
    said = asked(service, PROXIES.replace("TRUSTED", repr(list(SCHEMES))))
    assert said == [f'"{scheme}"' for scheme in SCHEMES.values()]
