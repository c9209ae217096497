import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from threading import Thread
from time import monotonic
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from app.core.application import build
from app.core.outgoing import Http, Outgoing, OutgoingSettings
from app.core.service import SERVICE
from tests.core.running import PATIENCE

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
Answer = Callable[[socket.socket, int], None]

router = APIRouter()


@router.api_route("/call", methods=["GET", "POST"])
async def call(http: Http, method: str, url: str) -> int:
    """Call somebody and say what came."""
    return (await http.request(method, url)).status_code


def create_app(**settings: Any) -> FastAPI:
    """An application with a client and the route above."""
    given = OutgoingSettings(**settings)
    outgoing = Outgoing(given)

    @asynccontextmanager
    async def resources() -> AsyncIterator[dict[str, Any]]:
        async with outgoing.opened() as http:
            yield {"http": http}

    app = build(given, routers=[router], resources=resources)
    outgoing.install(app)
    return app


class Other:
    """Another service, which answers by the number of the connection; it closes each one after its answer."""

    def __init__(self, answer: Answer) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answer = answer
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heads: list[bytes] = []
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while True:
                connection, _ = self._listener.accept()
                Thread(target=self._one, args=(connection,), daemon=True).start()
        except OSError:
            return

    def _one(self, connection: socket.socket) -> None:
        with connection:
            self.heads.append(connection.recv(65_536))
            try:
                self._answer(connection, len(self.heads))
            except OSError:
                return

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


@contextmanager
def answering(answer: Answer) -> Iterator[Other]:
    """Another service, as long as the block runs."""
    other = Other(answer)
    try:
        yield other
    finally:
        other.close()


def say(*answers: bytes) -> Answer:
    """Answer with these in turn, and with the last one from then on."""
    return lambda connection, number: connection.sendall(answers[min(number, len(answers)) - 1])


def trickle(connection: socket.socket, _number: int) -> None:
    """Say so little at a time that no single wait is long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    connection.settimeout(0.02)
    while True:
        connection.sendall(b"x")
        try:
            if not connection.recv(1):
                return
        except TimeoutError:
            continue


def silent(connection: socket.socket, _number: int) -> None:
    """Take the request and say nothing."""
    connection.settimeout(PATIENCE)
    connection.recv(1)


def ask(client: TestClient, other: Other, method: str = "GET") -> httpx.Response:
    url = f"{other.address}/x?secret=hunter2"
    response: httpx.Response = client.get("/call", params={"method": method, "url": url})
    return response


@pytest.mark.parametrize("broken", [BUSY, b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"])
def test_what_may_be_repeated_is_tried_again(broken: bytes) -> None:
    with answering(say(broken, broken, OK)) as other, TestClient(create_app()) as client:
        assert ask(client, other).json() == 200
        assert len(other.heads) == 3


@pytest.mark.parametrize(("broken", "status", "said"), [(BUSY, 200, "503"), (b"", 502, "Another service failed.")])
def test_what_may_not_be_repeated_is_sent_once(broken: bytes, status: int, said: str) -> None:
    with answering(say(broken)) as other, TestClient(create_app()) as client:
        response = ask(client, other, "POST")
        assert response.status_code == status
        assert said in response.text
        assert len(other.heads) == 1


def test_tries_end(lines: Callable[[], list[dict[str, Any]]]) -> None:
    with answering(say(BUSY)) as other, TestClient(create_app(outgoing_retries=1)) as client:
        assert ask(client, other).json() == 503
        assert len(other.heads) == 2
    with TestClient(create_app(outgoing_retries=1)) as client:
        response = ask(client, other)
        assert (response.status_code, response.json()["detail"]) == (502, "Another service failed.")
    written = lines()
    assert [line["reason"] for line in written if line["event"] == "call failed"] == ["ConnectError"]
    assert "hunter2" not in str(written)


@pytest.mark.parametrize("slow", [silent, trickle])
def test_a_slow_service_is_waited_for_no_longer_than_the_settings_say(slow: Answer) -> None:
    limits = {"outgoing_read_seconds": 0.5, "outgoing_total_seconds": 0.6}
    with answering(slow) as other, TestClient(create_app(**limits)) as client:
        started = monotonic()
        response = ask(client, other)
        assert (response.status_code, response.json()["detail"]) == (504, "Another service took too long.")
        assert monotonic() - started < PATIENCE / 4


def test_every_try_carries_the_trace_and_who_asks() -> None:
    with answering(say(BUSY, OK)) as other, TestClient(create_app()) as client:
        response = ask(client, other)
        assert len(other.heads) == 2
        for head in other.heads:
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            assert fields[b"traceparent"].decode()[3:35] == response.headers["x-trace-id"]
            assert fields[b"user-agent"].decode() == f"{SERVICE.name}/{SERVICE.version}".lower()


def test_connections_are_kept_and_closed_with_the_application() -> None:
    closed = []

    def twice(connection: socket.socket, _number: int) -> None:
        connection.sendall(OK)
        connection.settimeout(PATIENCE)
        while connection.recv(65_536):
            connection.sendall(OK)
        closed.append(True)

    with answering(twice) as other:
        with TestClient(create_app()) as client:
            assert [ask(client, other, "POST").json() for _ in range(3)] == [200] * 3
            assert len(other.heads) == 1
            assert not closed
        until = monotonic() + PATIENCE
        while not closed:
            assert monotonic() < until


def test_no_more_connections_than_the_settings_say() -> None:
    async def called(other: Other) -> list[str]:
        settings = OutgoingSettings(outgoing_connections=1, outgoing_connect_seconds=0.2, outgoing_retries=0)
        async with Outgoing(settings).opened() as http:
            found = await asyncio.gather(*(http.get(other.address) for _ in range(2)), return_exceptions=True)
            return sorted(type(one).__name__ for one in found)

    def late(connection: socket.socket, _number: int) -> None:
        connection.settimeout(0.6)
        try:
            connection.recv(1)
        except TimeoutError:
            connection.sendall(OK)

    with answering(late) as other:
        assert asyncio.run(called(other)) == ["PoolTimeout", "Response"]
