import json
import re
import signal
import threading
from http.client import HTTPConnection

import pytest

from app.service import SERVICE
from tests.running import PATIENCE, RunningService, read_all, running_service

BODY = b'{"name": "in flight"}'
HEAD = (
    b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: " + str(len(BODY)).encode() + b"\r\n\r\n"
)


def wait_for_active(service: RunningService, count: int) -> None:
    """Ask until so many requests are being served."""
    while f"active_connections {count}.0".encode() not in service.get("/metrics")[1]:
        pass


def test_every_line_of_a_run_is_json_with_a_trace_id() -> None:
    with running_service(DRAIN_SECONDS="0") as service:
        assert service.get("/health") == (200, b'{"healthy":true}')
        service.signal()
        assert service.exit_code() == 0
    assert {"listening", "request completed", "draining", "Application startup complete."} <= {
        line["event"] for line in service.lines
    }
    assert all(re.fullmatch("[0-9a-f]{32}", line["trace_id"]) for line in service.lines)
    assert any(line.get("logger") == "uvicorn.error" for line in service.lines)


def test_sigterm_drains_and_loses_no_request_in_flight() -> None:
    with running_service(DRAIN_SECONDS="3600", BODY_SECONDS="3600") as service:
        waiting = [service.connect() for _ in range(20)]
        idle = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
        idle.request("GET", "/health")
        assert idle.getresponse().read() == b'{"healthy":true}'
        for connection in waiting:
            connection.sendall(HEAD + BODY[:5])
        wait_for_active(service, 20)

        service.signal()
        service.wait_for(lambda line: line["event"] == "draining")
        status, body = service.get("/ready")
        assert (status, json.loads(body)["detail"]) == (503, "The service is draining.")
        # Load balancers that have not noticed yet are still served, and told to connect elsewhere.
        assert service.get("/health")[0] == 200
        idle.request("GET", "/items")
        last = idle.getresponse()
        assert (last.status, last.read(), last.headers["connection"]) == (
            200,
            b'{"items":[],"next_cursor":null}',
            "close",
        )

        service.signal()  # skips the rest of the wait
        service.wait_for(lambda line: line["event"] == "Shutting down")
        for connection in waiting:
            connection.sendall(BODY[5:])
        answers = [read_all(connection) for connection in waiting]
        assert service.exit_code() == 0
    assert all(answer.startswith(b"HTTP/1.1 201 Created\r\n") for answer in answers)
    assert all(b"connection: close" in answer for answer in answers)
    completed = [line for line in service.lines if line.get("route") == "/items" and line["status"] == 201]
    assert len(completed) == 20
    assert service.lines[-1]["event"].startswith("Finished server process")


def test_steady_load_loses_nothing_when_the_process_leaves() -> None:
    failures: list[object] = []
    answered: list[int] = []

    def client(service: RunningService, stop: threading.Event) -> None:
        """A load balancer's connection: it leaves when it is told to, and comes back until the process is unready."""
        connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
        try:
            while not stop.is_set():
                connection.request("POST", "/items", BODY, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                answered.append(response.status)
        except OSError as error:
            failures.append(error)
        finally:
            connection.close()

    with running_service(DRAIN_SECONDS="3600", ITEMS_CAPACITY="1000000") as service:
        unready = threading.Event()
        clients = [threading.Thread(target=client, args=(service, unready)) for _ in range(8)]
        for thread in clients:
            thread.start()
        while len(answered) < 200:
            service.wait_for(lambda line: line["event"] == "request completed")
        service.signal()
        while service.get("/ready")[0] == 200:
            pass
        count = len(answered)
        while len(answered) < count + 200:
            service.wait_for(lambda line: line["event"] == "request completed")
        unready.set()
        for thread in clients:
            thread.join()
        service.signal()
        assert service.exit_code() == 0
    assert failures == []
    assert set(answered) == {201}
    assert len([line for line in service.lines if line.get("status") == 201]) == len(answered)


def test_an_interrupt_from_the_terminal_does_not_wait() -> None:
    with running_service(DRAIN_SECONDS="3600") as service:
        service.signal(signal.SIGINT)
        assert service.exit_code() == 0


def test_an_interrupt_that_is_passed_on_counts_once() -> None:
    with running_service(DRAIN_SECONDS="3600") as service, service.connect() as connection:
        connection.sendall(HEAD)
        wait_for_active(service, 1)
        service.signal(signal.SIGINT)
        service.wait_for(lambda line: line["event"] == "Shutting down")
        service.signal(signal.SIGINT)
        connection.sendall(BODY)
        assert read_all(connection).startswith(b"HTTP/1.1 201 Created\r\n")
        assert service.exit_code() == 0
    assert "Application shutdown complete." in [line["event"] for line in service.lines]


def test_a_third_signal_ends_at_once() -> None:
    patience = {"DRAIN_SECONDS": "3600", "SHUTDOWN_SECONDS": "3600", "BODY_SECONDS": "3600"}
    with running_service(**patience) as service, service.connect() as connection:
        connection.sendall(HEAD)
        wait_for_active(service, 1)
        service.signal()
        service.wait_for(lambda line: line["event"] == "draining")
        service.signal()
        service.wait_for(lambda line: line["event"] == "Shutting down")
        service.signal()
        assert service.exit_code() == 0


def test_a_request_that_takes_too_long_is_cut_off() -> None:
    with running_service(DRAIN_SECONDS="0", SHUTDOWN_SECONDS="1", BODY_SECONDS="3600") as service:
        with service.connect() as connection:
            connection.sendall(HEAD)
            wait_for_active(service, 1)
            service.signal()
            assert service.exit_code() == 0
        assert any("timeout graceful shutdown exceeded" in line["event"] for line in service.lines)


def test_a_port_in_use_is_said_in_the_log() -> None:
    with (
        running_service() as first,
        pytest.raises(AssertionError, match="code 3"),
        running_service(PORT=str(first.port)),
    ):
        pass


def test_the_default_port_is_the_service_s_own() -> None:
    assert 1024 <= SERVICE.port <= 65_535
