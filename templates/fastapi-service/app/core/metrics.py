"""Metrics in Prometheus text format: how many requests, how long, how many right now."""

import prometheus_client as prometheus
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from app.core.service import SERVICE

METRICS_PATH = "/metrics"
_LABELS = ("method", "route", "status")

# One more series per labelled counter would say when it was created, which nobody asks.
prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = prometheus.CollectorRegistry()
        self.active = 0
        self._requests = prometheus.Counter("http_requests_total", "Requests answered.", _LABELS, registry=registry)
        self._durations = prometheus.Histogram(
            "http_request_duration_seconds",
            "Time from the head of a request to the end of its response.",
            _LABELS,
            registry=registry,
        )
        active = prometheus.Gauge(
            "active_connections", "Requests being served right now, scrapes aside.", registry=registry
        )
        active.set_function(lambda: self.active)
        service = prometheus.Info("service", "Name and version of the service.", registry=registry)
        service.info({"name": SERVICE.name, "version": SERVICE.version})
        prometheus.ProcessCollector(registry=registry)
        prometheus.PlatformCollector(registry=registry)
        prometheus.GCCollector(registry=registry)
        # Looking up a labelled child costs more than counting with it; the values of labels are bounded.
        self._children: dict[tuple[str, str, int], tuple[prometheus.Counter, prometheus.Histogram]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request and its duration in seconds."""
        key = (method, route, status)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = (self._requests.labels(*key), self._durations.labels(*key))
        children[0].inc()
        children[1].observe(seconds)


router = APIRouter(tags=["operations"])


@router.get(METRICS_PATH, response_class=PlainTextResponse)
async def read_metrics(request: Request) -> PlainTextResponse:
    """Metrics for Prometheus."""
    metrics: Metrics = request.app.state.metrics
    content = prometheus.generate_latest(metrics.registry)
    return PlainTextResponse(content, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
