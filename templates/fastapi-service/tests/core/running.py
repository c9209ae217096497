"""A real process of the service: started, read, asked, stopped. Nothing here waits for a time, only for an event."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.core.server import DrainingServer, bind

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
"""Seconds after which a test fails that waits for something that does not come."""

Line = dict[str, Any]


class RunningService:
    """One process, its log lines so far, and its port once it listens."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[Line] = []
        self._queue: queue.Queue[Line | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port: int = self.wait_for(lambda line: line["event"] == "listening")["port"]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            self._queue.put(json.loads(text))
        self._queue.put(None)

    def wait_for(self, wanted: Callable[[Line], bool]) -> Line:
        """The next log line that is wanted."""
        while (line := self._queue.get(timeout=PATIENCE)) is not None:
            self.lines.append(line)
            if wanted(line):
                return line
        raise AssertionError(f"the process ended first, with code {self.process.wait(PATIENCE)}")

    def connect(self) -> socket.socket:
        """A connection for sending raw bytes."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of one GET on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the process."""
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for the end of the process; every line that it wrote is in `lines` afterwards."""
        code = self.process.wait(timeout=PATIENCE)
        while (line := self._queue.get(timeout=PATIENCE)) is not None:
            self.lines.append(line)
        return code


@contextmanager
def running_service(module: str = "tests.core.service", **environment: str) -> Iterator[RunningService]:
    """Start `python -m MODULE` on a free port, and end it when the block is left."""
    with subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**os.environ, "PORT": "0", "HOST": "127.0.0.1", "LOG_FORMAT": "json", **environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield RunningService(process)
        finally:
            if process.poll() is None:
                process.kill()


@contextmanager
def serving(app: FastAPI) -> Iterator[int]:
    """Serve an application in a thread of this process, for routes that the service itself does not have."""
    server = DrainingServer(app)
    listener = bind(app.state.settings)
    listening = threading.Event()
    ready = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await ready(sockets)
        listening.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    assert listening.wait(PATIENCE)
    port: int = listener.getsockname()[1]
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


def read_all(connection: socket.socket) -> bytes:
    """Everything that comes until the other side hangs up."""
    data = b""
    try:
        while chunk := connection.recv(65_536):
            data += chunk
    except ConnectionResetError:
        pass
    return data
