import asyncio
import contextlib
import queue
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from time import monotonic, sleep

import pytest
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from app.core.settings import CoreSettings
from tests.core.running import PATIENCE, RunningService, read_all, running_service, serving
from tests.core.service import create_app

POST = b"POST /notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    """A process that loses patience quickly."""
    limits = {"HEADER_SECONDS": "0.3", "BODY_SECONDS": "0.3", "MAX_BODY_BYTES": "1000", "MAX_HEADER_BYTES": "2000"}
    with running_service(**limits, DRAIN_SECONDS="0") as service:
        yield service
        service.signal()
        assert service.exit_code() == 0


def answer(service: RunningService, *sent: bytes) -> bytes:
    """What comes back until the service hangs up."""
    with service.connect() as connection:
        for data in sent:
            connection.sendall(data)
        return read_all(connection)


def test_a_body_may_be_as_large_as_the_limit() -> None:
    client = TestClient(create_app(CoreSettings(max_body_bytes=20)))
    headers = {"Content-Type": "application/json"}
    assert client.post("/notes", content=b'{"text": "123456"}  ', headers=headers).status_code == 201
    response = client.post("/notes", content=b'{"text": "123456"}   ', headers=headers)
    assert (response.status_code, response.headers["connection"]) == (413, "close")
    assert response.json()["detail"] == "A request body may have 20 bytes."


def test_a_body_of_unknown_length_is_counted() -> None:
    client = TestClient(create_app(CoreSettings(max_body_bytes=20)))
    headers = {"Content-Type": "application/json"}
    assert client.post("/notes", content=iter([b'{"text"', b': "a"}']), headers=headers).status_code == 201
    assert client.post("/notes", content=iter([b" " * 20, b"{}"]), headers=headers).status_code == 413


def test_after_the_body_the_deadline_is_out_of_the_way() -> None:
    settings = CoreSettings(port=0, body_seconds=0.1)
    app = create_app(settings)
    told: queue.Queue[str] = queue.Queue()

    @app.post("/wait")
    async def wait(request: Request) -> None:
        await request.body()
        told.put("body")
        told.put((await request.receive())["type"])

    with serving(app) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(b"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
            assert told.get(timeout=PATIENCE) == "body"
            with pytest.raises(queue.Empty):
                told.get(timeout=0.3)
        assert told.get(timeout=PATIENCE) == "http.disconnect"


def test_a_length_that_is_no_number_is_no_way_around_the_limit() -> None:
    client = TestClient(create_app(CoreSettings(max_body_bytes=20)))
    headers = {"Content-Type": "application/json", "Content-Length": "+1"}
    assert client.post("/notes", content=b" " * 21, headers=headers).status_code == 413


def test_a_large_body_is_refused_before_it_is_sent(service: RunningService) -> None:
    response = answer(service, POST + b"Content-Length: 1001\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in response


def test_a_large_chunked_body_is_cut_off(service: RunningService) -> None:
    chunk = b"200\r\n" + b" " * 512 + b"\r\n"
    assert answer(service, POST + b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk).startswith(b"HTTP/1.1 413 ")


def test_a_slow_body_is_cut_off(service: RunningService) -> None:
    response = answer(service, POST + b'Content-Length: 20\r\n\r\n{"text"')
    assert response.startswith(b"HTTP/1.1 408 ")
    assert b"must arrive within 0.3 seconds" in response


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="target"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 3000 + b"\r\n\r\n", id="field"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 500 + b"\r\n", id="fields"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 500_000, id="endless field"),
        pytest.param(b"GET /" + b"a" * 500_000, id="endless target"),
    ],
)
def test_a_large_head_is_refused(service: RunningService, head: bytes) -> None:
    with service.connect() as connection:
        try:
            connection.sendall(head)
        except (BrokenPipeError, ConnectionResetError):
            return  # it hung up while we were still talking
        response = read_all(connection)
    # A reset may overtake the answer when more has been sent than was read.
    assert response == b"" or response.startswith(b"HTTP/1.1 431 ")


def test_a_head_within_the_limit_is_served(service: RunningService) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + b"a" * 1800 + b"\r\n\r\n"
    assert answer(service, head).startswith(b"HTTP/1.1 200 ")


def test_a_slow_head_is_cut_off(service: RunningService) -> None:
    response = answer(service, b"GET /health HTTP/1.1\r\nHost")
    assert response.startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_says_nothing_is_closed(service: RunningService) -> None:
    assert answer(service) == b""


def test_a_connection_that_sends_only_line_ends_is_closed(service: RunningService) -> None:
    with service.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        response = b""
        while not response.endswith(b"}"):
            response += connection.recv(65_536)
        connection.sendall(b"\r\n")
        assert read_all(connection) == b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n",
        POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        POST + b"Content-Length: +1\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_what_is_not_http_is_a_problem_too(service: RunningService, request_bytes: bytes) -> None:
    response = answer(service, request_bytes)
    assert response.startswith(b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n")


def test_http_1_0_needs_no_host(service: RunningService) -> None:
    assert answer(service, b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_broken_body_gets_one_answer(service: RunningService) -> None:
    response = answer(service, POST + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n")
    assert response.count(b"HTTP/1.1 ") == 1
    assert response.startswith(b"HTTP/1.1 400 ")


def test_pipelined_requests_are_answered_in_order(service: RunningService) -> None:
    get = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    response = answer(
        service, get + get + get.replace(b"health", b"nothing").replace(b"Host: x", b"Host: x\r\nConnection: close")
    )
    assert [part[:3] for part in response.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"404"]


def test_a_flood_of_pipelined_requests_is_cut_off(service: RunningService) -> None:
    with service.connect() as connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while True:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
    assert service.get("/health")[0] == 200


def test_a_client_that_does_not_read_is_dropped() -> None:
    app = create_app(CoreSettings(port=0, write_seconds=0.3))
    began = threading.Event()

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        async def zeros() -> AsyncIterator[bytes]:
            while True:
                yield bytes(65_536)
                began.set()
                await asyncio.sleep(0)

        return StreamingResponse(zeros())

    with serving(app) as port, socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert began.wait(PATIENCE)
        until = monotonic() + PATIENCE
        while app.state.metrics.active:
            assert monotonic() < until
            sleep(0.02)


def test_a_client_that_reads_slowly_is_served() -> None:
    settings = CoreSettings(port=0, write_seconds=60)
    app = create_app(settings)

    @app.get("/large")
    async def large() -> Response:
        return Response(bytes(8_000_000))

    with serving(app) as port, socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert len(read_all(connection)) > 8_000_000
