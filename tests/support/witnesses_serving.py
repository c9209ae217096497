"""Witnesses that answer over HTTP: the one of this repository (`aurora`), and others that answer as a test wants."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aurora.logs import Log
from aurora.witness.server import WitnessServer
from aurora.witness.state import State
from remembrancer.clock import SystemClock
from remembrancer.tlog import SignerKey, VerifierKey

Reply = tuple[int, bytes, dict[str, str]]


@contextmanager
def witness(folder: Path, keys: list[SignerKey], origin: str, log_keys: list[VerifierKey]) -> Iterator[WitnessServer]:
    """Serve a witness with these keys for one log; its state is kept in the folder."""
    if not folder.exists():
        State.create(folder, keys)
    server = WitnessServer(State.open(folder, SystemClock()), {origin: Log(origin, tuple(log_keys))}, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.close()
        thread.join()


@contextmanager
def answering(reply: Callable[[str, str, bytes], Reply]) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Serve what `reply` gives for method, path and body; yields the URL, and (path, body) of all that is asked."""
    asked: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.path, body))
            status, data, headers = reply(self.command, self.path, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
