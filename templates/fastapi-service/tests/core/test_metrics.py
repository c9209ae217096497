import threading

from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from app.core.service import SERVICE


def samples(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of a scrape, read by Prometheus' own parser."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(response.text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def labels(method: str, route: str, status: int, **more: str) -> frozenset[tuple[str, str]]:
    return frozenset({"method": method, "route": route, "status": str(status), **more}.items())


def test_a_request_moves_the_counter_and_the_histogram(client: TestClient) -> None:
    before = samples(client)
    client.get("/health")
    client.get("/health")
    after = samples(client)
    key = labels("GET", "/health", 200)
    assert ("http_requests_total", key) not in before
    assert after["http_requests_total", key] == 2
    assert after["http_request_duration_seconds_count", key] == 2
    assert 0 < after["http_request_duration_seconds_sum", key] < 60
    assert after["http_request_duration_seconds_bucket", labels("GET", "/health", 200, le="+Inf")] == 2


def test_the_gauge_rises_during_a_request_and_returns_to_zero(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    inside, leave = threading.Event(), threading.Event()

    @client.app.get("/wait")
    def wait() -> None:
        inside.set()
        assert leave.wait(60)

    request = threading.Thread(target=client.get, args=("/wait",))
    request.start()
    assert inside.wait(60)
    during = samples(client)["active_connections", frozenset()]
    leave.set()
    request.join(60)
    assert (during, samples(client)["active_connections", frozenset()]) == (1, 0)


def test_routes_are_labelled_by_template_and_unknown_ones_share_a_label(client: TestClient) -> None:
    for path in ("/a", "/b?c=d", "/notes/2", "/notes/x"):
        client.get(path)
    client.request("BREW", "/health")
    found = samples(client)
    assert found["http_requests_total", labels("GET", "unknown", 404)] == 2
    assert found["http_requests_total", labels("GET", "/notes/{number}", 404)] == 1
    assert found["http_requests_total", labels("GET", "/notes/{number}", 422)] == 1
    assert found["http_requests_total", labels("OTHER", "/health", 405)] == 1


def test_the_label_of_an_included_router_has_its_prefix(client: TestClient) -> None:
    router = APIRouter()

    @router.get("/{name}")
    async def read(name: str) -> None:
        del name

    assert isinstance(client.app, FastAPI)
    client.app.include_router(router, prefix="/v2")
    client.get("/v2/x")
    assert samples(client)["http_requests_total", labels("GET", "/v2/{name}", 200)] == 1


def test_a_failure_counts_as_500(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)

    @client.app.get("/fail")
    async def fail() -> None:
        raise RuntimeError("no")

    client.get("/fail")
    found = samples(client)
    assert found["http_requests_total", labels("GET", "/fail", 500)] == 1
    assert found["active_connections", frozenset()] == 0


def test_the_service_says_who_it_is(client: TestClient) -> None:
    key = frozenset({"name": SERVICE.name, "version": SERVICE.version}.items())
    assert samples(client)["service_info", key] == 1
