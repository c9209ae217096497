"""Telemetry: the spans and metrics of requests, sent to a collector by OTLP over HTTP.

FastAPI opens the spans and takes the measures; here is who the service is, where its telemetry goes, and what never
gets into it: query strings, raw paths outside development, and the probes. OpenTelemetry's own threads send batches.
While the collector is slow or away, requests do not wait: a queue fills, and then its oldest spans are dropped.

The code may open spans of its own by `trace.get_tracer(__name__)`. Samplers, queues, intervals and headers for the
collector are set by OpenTelemetry's own variables, such as OTEL_TRACES_SAMPLER and OTEL_EXPORTER_OTLP_HEADERS.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from threading import Thread
from time import monotonic
from typing import Annotated, Any, Literal, Self
from uuid import uuid4

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes
from pydantic import AfterValidator
from starlette.datastructures import URL
from starlette.types import Scope

from app.core.metrics import METRICS_PATH
from app.core.service import SERVICE
from app.core.settings import CoreSettings, Seconds, Timeout

_PROBES = frozenset({"/health", "/ready", METRICS_PATH})
_QUERY, _PATH = frozenset({"url.query"}), frozenset({"url.path"})
"""What of an address may hold somebody's data; the template of the route says the rest."""


def _collector(value: str) -> str:
    url = URL(value)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        raise ValueError("needs an address such as http://127.0.0.1:4318")
    return value.rstrip("/")


class TelemetrySettings(CoreSettings):
    """What telemetry adds to the settings."""

    otel_exporter_otlp_endpoint: Annotated[str, AfterValidator(_collector)] | None = None
    """The collector, such as http://127.0.0.1:4318; unset, nothing is exported."""

    otel_traces_exporter: Literal["otlp", "none"] = "otlp"
    """Whether spans go there."""

    otel_metrics_exporter: Literal["otlp", "none"] = "otlp"
    """Whether metrics go there too; /metrics has them anyway."""

    telemetry_export_seconds: Timeout = 5.0
    """Time for the collector to take a batch, tries again included; what it does not take is dropped."""

    telemetry_flush_seconds: Seconds = 5.0
    """After the last request: time for what has not been sent yet."""


class _Private(Sampler):
    """Samples as another sampler does, and keeps some attributes out of every span."""

    def __init__(self, sampler: Sampler, hidden: frozenset[str]) -> None:
        self._sampler = sampler
        self._hidden = hidden

    def should_sample(  # noqa: PLR0913, PLR0917 - OpenTelemetry's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide about one span, before anybody has seen its attributes."""
        kept = {name: value for name, value in (attributes or {}).items() if name not in self._hidden}
        return self._sampler.should_sample(parent_context, trace_id, name, kind, kept, links, trace_state)

    def get_description(self) -> str:
        """What the other sampler says of itself."""
        return self._sampler.get_description()


class Telemetry:
    """The spans and metrics of one application, and the threads that send them."""

    def __init__(self, settings: TelemetrySettings) -> None:
        self._settings = settings
        resource = Resource.create(
            {
                "service.name": SERVICE.name,
                "service.version": SERVICE.version,
                # Tells the replicas apart.
                "service.instance.id": str(uuid4()),
                "deployment.environment.name": settings.environment,
            }
        )
        self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._tracers.sampler = _Private(self._tracers.sampler, _QUERY if settings.development else _QUERY | _PATH)
        self._meters = MeterProvider(resource=resource, shutdown_on_exit=False)

    @property
    def options(self) -> Mapping[str, Any] | None:
        """What `build` takes as `telemetry`; nothing without a collector."""
        if not self._settings.otel_exporter_otlp_endpoint:
            return None
        return {
            "tracer_provider": self._tracers,
            "meter_provider": self._meters,
            "tracing": self._settings.otel_traces_exporter != "none",
            "metrics": self._settings.otel_metrics_exporter != "none",
            "exclude": _is_probe,
            # One span for each request; lines of the log say more, and go where logs go.
            "operation_spans": False,
            "logs": False,
            "auto_configure": False,
        }

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Self]:
        """Send what there is; when the block is left, the rest too, if the collector takes it in time."""
        address = self._settings.otel_exporter_otlp_endpoint
        if not address:
            yield self
            return
        seconds = self._settings.telemetry_export_seconds
        ending: list[Callable[[], None]] = []
        if self._settings.otel_traces_exporter != "none":
            spans = OTLPSpanExporter(f"{address}/v1/traces", timeout=seconds)
            self._tracers.add_span_processor(BatchSpanProcessor(spans))
            ending.append(self._tracers.shutdown)
            if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
                trace.set_tracer_provider(self._tracers)
        if self._settings.otel_metrics_exporter != "none":
            reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{address}/v1/metrics", timeout=seconds))
            self._meters.add_metric_reader(reader)
            ending.append(reader.shutdown)
            metrics.set_meter_provider(self._meters)
        try:
            yield self
        finally:
            # Daemons, because OpenTelemetry waits for half a minute and the process does not.
            threads = [Thread(target=end, daemon=True) for end in ending]
            for thread in threads:
                thread.start()
            await asyncio.to_thread(_join, threads, self._settings.telemetry_flush_seconds)


def _join(threads: Sequence[Thread], seconds: float) -> None:
    until = monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - monotonic()))


def _is_probe(scope: Scope) -> bool:
    return scope["path"] in _PROBES
