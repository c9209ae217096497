from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.core.health import Readiness, State
from app.core.settings import CoreSettings
from tests.core.service import create_app


def readiness_of(client: TestClient) -> Readiness:
    assert isinstance(client.app, FastAPI)
    readiness: Readiness = client.app.state.readiness
    return readiness


def test_health_is_exactly_healthy(client: TestClient) -> None:
    response = client.get("/health")
    assert (response.status_code, response.json()) == (200, {"healthy": True})


def test_ready_after_start_up(client: TestClient) -> None:
    response = client.get("/ready")
    assert (response.status_code, response.json()) == (200, {"ready": True})


def test_not_ready_before_start_up_but_healthy() -> None:
    client = TestClient(create_app(CoreSettings()))  # not entered: the lifespan has not run
    assert client.get("/health").status_code == 200
    response = client.get("/ready")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == "The service is starting."


def test_not_ready_while_draining_but_healthy(client: TestClient) -> None:
    readiness_of(client).drain()
    response = client.get("/ready")
    assert (response.status_code, response.json()["detail"]) == (503, "The service is draining.")
    assert response.headers["retry-after"] == "5"
    assert client.get("/health").json() == {"healthy": True}


def test_the_end_of_the_lifespan_drains() -> None:
    with TestClient(create_app(CoreSettings())) as client:
        readiness = readiness_of(client)
        assert readiness.state is State.READY
    assert str(readiness.state) == "draining"


def test_a_process_told_to_stop_while_starting_does_not_become_ready() -> None:
    readiness = Readiness()
    readiness.drain()
    readiness.start()
    assert str(readiness.state) == "draining"


def test_head_is_answered_like_get(client: TestClient) -> None:
    assert (client.head("/health").status_code, client.head("/ready").status_code) == (200, 200)
    assert client.head("/health").content == b""
    readiness_of(client).drain()
    assert (client.head("/health").status_code, client.head("/ready").status_code) == (200, 503)
