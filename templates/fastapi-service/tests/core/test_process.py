import json
import re
import signal
import socket
import threading
from http.client import HTTPConnection
from time import monotonic

import pytest
from fastapi import Request

from app.core.server import run
from app.core.service import SERVICE
from app.core.settings import CoreSettings
from tests.core.conftest import Lines
from tests.core.running import PATIENCE, RunningService, read_all, running_service, serving
from tests.core.service import create_app

BODY = b'{"text": "in flight"}'
HEAD = (
    b"POST /notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: " + str(len(BODY)).encode() + b"\r\n\r\n"
)


UPGRADE = (
    b"GET /notes/echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)


def wait_for_active(service: RunningService, count: int) -> None:
    """Ask until so many requests are being served."""
    until = monotonic() + PATIENCE
    while f"active_connections {count}.0".encode() not in service.get("/metrics")[1]:
        assert monotonic() < until


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
        idle.request("GET", "/notes?limit=1")
        last = idle.getresponse()
        assert (last.status, last.read(), last.headers["connection"]) == (
            200,
            b"[0]",
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
    completed = [line for line in service.lines if line.get("route") == "/notes" and line["status"] == 201]
    assert len(completed) == 20
    assert service.lines[-1]["event"].startswith("Finished server process")
    # Every line of the run is JSON with a trace id, the server's own too.
    assert {"listening", "request completed", "draining", "Application startup complete."} <= {
        line["event"] for line in service.lines
    }
    assert all(re.fullmatch("[0-9a-f]{32}", line["trace_id"]) for line in service.lines)
    assert any(line.get("logger") == "uvicorn.error" for line in service.lines)


def test_steady_load_loses_nothing_when_the_process_leaves() -> None:
    failures: list[object] = []
    answered: list[int] = []

    def client(service: RunningService, stop: threading.Event) -> None:
        """A load balancer's connection: it leaves when it is told to, and comes back until the process is unready."""
        connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
        try:
            while not stop.is_set():
                connection.request("POST", "/notes", BODY, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                answered.append(response.status)
        except OSError as error:
            failures.append(error)
        finally:
            connection.close()

    with running_service(DRAIN_SECONDS="3600") as service:
        unready = threading.Event()
        clients = [threading.Thread(target=client, args=(service, unready)) for _ in range(8)]
        for thread in clients:
            thread.start()
        while len(answered) < 200:
            service.wait_for(lambda line: line["event"] == "request completed")
        service.signal()
        until = monotonic() + PATIENCE
        while service.get("/ready")[0] == 200:
            assert monotonic() < until
        count = len(answered)
        while len(answered) < count + 200:
            service.wait_for(lambda line: line["event"] == "request completed")
        unready.set()
        for thread in clients:
            thread.join(PATIENCE)
        service.signal()
        assert service.exit_code() == 0
    assert failures == []
    assert set(answered) == {201}
    assert len([line for line in service.lines if line.get("status") == 201]) == len(answered)


def test_an_interrupt_does_not_wait_and_counts_once_when_it_is_passed_on() -> None:
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


@pytest.mark.parametrize(("host", "families"), [("::", "46"), ("0.0.0.0", "4"), ("::1", "6"), ("localhost", "4")])
def test_the_image_s_address_answers_ipv4_and_ipv6(host: str, families: str) -> None:
    with serving(create_app(CoreSettings(host=host, port=0))) as port:
        for family, address in (("4", "127.0.0.1"), ("6", "::1")):
            connection = HTTPConnection(address, port, timeout=PATIENCE)
            try:
                connection.request("GET", "/health")
                answered = connection.getresponse().status == 200
            except OSError:
                answered = False
            finally:
                connection.close()
            assert answered == (family in families)


@pytest.mark.parametrize(
    ("trusted", "scheme"), [("127.0.0.1", "https"), ("*", "https"), ("10.0.0.1", "http"), ("", "http")]
)
def test_behind_a_trusted_proxy_the_scheme_is_the_client_s(trusted: str, scheme: str) -> None:
    app = create_app(CoreSettings(port=0, trusted_proxies=trusted))

    @app.get("/scheme")
    async def read_scheme(request: Request) -> list[str]:
        return [request.url.scheme, request.client.host if request.client else ""]

    with serving(app) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("GET", "/scheme", headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"})
        found = json.loads(connection.getresponse().read())
        connection.close()
    assert found == [scheme, "192.0.2.1" if scheme == "https" else "127.0.0.1"]


def test_websockets_are_a_setting() -> None:
    def asked(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(UPGRADE)
            answer = connection.recv(65_536)
            if answer.startswith(b"HTTP/1.1 101 "):
                # Longer than a slow head may take: the deadline of a request is not that of a WebSocket.
                connection.settimeout(1)
                with pytest.raises(TimeoutError):
                    connection.recv(1)
                connection.settimeout(PATIENCE)
                connection.sendall(b"\x81\x82\x00\x00\x00\x00hi")  # the text hi, masked with zeros
                answer += connection.recv(65_536)
            return answer

    with serving(create_app(CoreSettings(port=0, websockets=True, header_seconds=0.3))) as port:
        answer = asked(port)
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"traceparent: 00-" in answer.lower()
        assert b"\x81\x02hi" in answer
    with serving(create_app(CoreSettings(port=0))) as port:
        assert asked(port).startswith(b"HTTP/1.1 422 ")  # an ordinary request for a note with that number


def test_a_port_in_use_is_said_in_the_log(lines: Lines) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = CoreSettings(port=taken.getsockname()[1])
        assert run(lambda: create_app(settings)) == 3
    assert [(line["event"], line["port"]) for line in lines()] == [("cannot listen", settings.port)]


def test_the_default_port_is_the_service_s_own() -> None:
    assert 1024 <= SERVICE.port <= 65_535
