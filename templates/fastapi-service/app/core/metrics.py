"""Metrics in Prometheus text format: how many requests, how long, how many right now."""

from time import perf_counter

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.labels import method_of, route_of
from app.core.service import SERVICE

METRICS_PATH = "/metrics"
_LABELS = ("method", "route", "status")
_TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"

# One more series per labelled counter would say when it was created, which nobody asks.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.active = 0
        self._requests = Counter("http_requests_total", "Requests answered.", _LABELS, registry=self.registry)
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time from the head of a request to the end of its response.",
            _LABELS,
            registry=self.registry,
        )
        Gauge(
            "active_connections", "Requests being served right now, scrapes aside.", registry=self.registry
        ).set_function(lambda: self.active)
        Info("service", "Name and version of the service.", registry=self.registry).info(
            {"name": SERVICE.name, "version": SERVICE.version}
        )
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        # Looking up a labelled child costs more than counting with it; the values of labels are bounded.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request and its duration in seconds."""
        key = (method, route, status)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = (self._requests.labels(*key), self._durations.labels(*key))
        children[0].inc()
        children[1].observe(seconds)

    def text(self) -> bytes:
        """Everything in the registry, in Prometheus text format 0.0.4."""
        return generate_latest(self.registry)


class MetricsMiddleware:
    """Observe every request. Pure ASGI: no task, no queue and no request object of its own."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        # A scrape would otherwise always find itself.
        weight = scope["path"] != METRICS_PATH
        self._metrics.active += weight
        started = perf_counter()
        try:
            await self._app(scope, receive, send_observed)
        finally:
            self._metrics.active -= weight
            self._metrics.observe(method_of(scope), route_of(scope), status, perf_counter() - started)


router = APIRouter(tags=["operations"])


class MetricsResponse(Response):
    """A response in Prometheus text format."""

    media_type = _TEXT_FORMAT


@router.get(METRICS_PATH, response_class=MetricsResponse)
async def read_metrics(request: Request) -> MetricsResponse:
    """Metrics for Prometheus."""
    metrics: Metrics = request.app.state.metrics
    # Said once more, because older releases of Starlette add a second charset to a media type of text.
    return MetricsResponse(metrics.text(), headers={"Content-Type": _TEXT_FORMAT})
