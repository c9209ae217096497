"""A witness over HTTP: `POST /add-checkpoint`, `GET /<origin hash>/checkpoint`, `GET /metrics` (c2sp.org/tlog-witness).

Whoever reaches the port may ask; what is answered depends on the log's signature alone. TLS and names belong to a proxy
in front of it. Limits: bytes of a body, connections at a time, seconds of one, new checkpoints of one log in a minute.
"""

import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from aurora import __version__
from aurora.logs import Log
from aurora.witness import request
from aurora.witness.request import MAX_BODY, Answer, Submission
from aurora.witness.state import State
from remembrancer.errors import EnvironmentTrouble

_PLACE = re.compile("/([0-9a-f]{64})/checkpoint", re.ASCII)


class Limits(NamedTuple):
    """What one witness bears: connections at a time, seconds of one, new checkpoints of one log in a minute."""

    connections: int = 64
    seconds: float = 60.0
    minute: int = 60


class WitnessServer(ThreadingHTTPServer):
    """Answers for a state and the logs that it serves; binds at once, `serve()` runs until SIGTERM or SIGINT.

    Port 0 takes a free one; `url` says which. Raises EnvironmentTrouble(env.network) when the port is taken.
    """

    daemon_threads = False
    block_on_close = True  # the end waits for whoever is being answered
    request_queue_size = 128

    def __init__(
        self, state: State, logs: Mapping[str, Log], host: str, port: int, limits: Limits | None = None
    ) -> None:
        self.state, self.logs, self.limits = state, logs, limits or Limits()
        self.answers: Counter[tuple[str, int]] = Counter()
        self._open: dict[socket.socket, float] = {}
        self._asked: dict[str, dict[bytes, float]] = {}
        self._guard = threading.Lock()
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise EnvironmentTrouble("env.network", f"{host} port {port} cannot be opened: {error}") from None

    @property
    def url(self) -> str:
        """Return the address that a log asks."""
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}" if self.address_family == socket.AF_INET6 else f"http://{host!s}:{port}"

    def serve(self) -> None:
        """Answer until a signal; then accept nobody, finish what is being answered, and return."""

        def stop(_number: int, _frame: object) -> None:
            threading.Thread(target=self.shutdown).start()  # it waits for the loop, which this thread runs

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.serve_forever(poll_interval=0.2)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self.close()

    def close(self) -> None:
        """Let idle connections end, wait for the others, and close the port."""
        with self._guard:
            for connection in self._open:
                _end(connection, socket.SHUT_RD)
        self.server_close()

    def answer(self, body: bytes) -> Answer:
        """Return what is answered to the body of a submission."""
        asked = request.read(body, self.logs)
        if isinstance(asked, Answer):
            return asked
        try:
            if self._too_often(asked):
                return Answer(429, "this log asks too often; try again in a minute\n")
            return self.state.submit(asked)
        except EnvironmentTrouble as error:
            return Answer(503, f"{error.message} [{error.code}]\n")

    def metrics(self) -> str:
        """Return the counters in the text format of Prometheus (version 0.0.4)."""
        kinds = Counter(kept.kind for kept in self.state.evidence())
        with self._guard:
            answers, connections = sorted(self.answers.items()), len(self._open)
        lines = ["# TYPE aurora_witness_answers_total counter"]
        lines += [f'aurora_witness_answers_total{{path="{p}",status="{s}"}} {count}' for (p, s), count in answers]
        lines += ["# TYPE aurora_witness_evidence gauge"]
        lines += [f'aurora_witness_evidence{{kind="{kind}"}} {kinds[kind]}' for kind in ("fork", "unproven", "lost")]
        lines += ["# TYPE aurora_witness_logs gauge", f"aurora_witness_logs {len(self.logs)}"]
        lines += ["# TYPE aurora_witness_connections gauge", f"aurora_witness_connections {connections}"]
        lines += ["# TYPE aurora_witness_size gauge"]
        lines += [f'aurora_witness_size{{origin="{_label(one.origin)}"}} {one.size}' for one in self.state.known()]
        return "\n".join(lines) + "\n"

    def count(self, path: str, status: int) -> None:
        """Count one answer."""
        with self._guard:
            self.answers[path, status] += 1

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the base class names them
        """Take a connection when there is room for it."""
        with self._guard:
            if len(self._open) >= self.limits.connections:
                return False
            self._open[request] = time.monotonic() + self.limits.seconds
        return True

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        with self._guard:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End connections that have lasted their time, whatever they are doing."""
        now = time.monotonic()
        with self._guard:
            late = [connection for connection, until in self._open.items() if until < now]
            for connection in late:
                self._open[connection] = now + self.limits.seconds
        for connection in late:
            _end(connection, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a connection that broke is its client's, and what was decided is in the database."""

    def _too_often(self, asked: Submission) -> bool:
        """Count a log's checkpoints of a minute; what anybody can replay, older or repeated ones, is not counted."""
        origin, digest, now = asked.checkpoint.origin, sha256(asked.text.encode()).digest(), time.monotonic()
        if asked.checkpoint.size < self.state.size(origin):
            return False
        with self._guard:
            recent = {one: when for one, when in self._asked.get(origin, {}).items() if when > now - 60}
            self._asked[origin] = recent
            if digest not in recent and len(recent) >= self.limits.minute:
                return True
            recent.setdefault(digest, now)
        return False


class _Handler(BaseHTTPRequestHandler):
    server_version = f"aurora/{__version__}"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = 30.0
    server: WitnessServer

    def do_POST(self) -> None:
        """Answer one submission."""
        length = self.headers.get("Content-Length", "")
        if self.path != "/add-checkpoint":
            self._refuse(404, "there is only /add-checkpoint to post to\n")
        elif not (length.isascii() and length.isdigit()):
            self._refuse(411, "the length of the body is missing\n")
        elif len(length) > 9 or int(length) > MAX_BODY:
            self._refuse(413, f"a submission has at most {MAX_BODY} bytes\n")
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self._say("/add-checkpoint", self.server.answer(body))
            else:
                self.close_connection = True

    def do_GET(self) -> None:
        """Answer what monitors, operators and probes ask."""
        place = _PLACE.fullmatch(self.path)
        try:
            if place:
                note = self.server.state.note(place[1])
                found = (
                    Answer(404, "no checkpoint of this log was cosigned\n") if note is None else _text(note.decode())
                )
                self._say("/checkpoint", found)
            elif self.path == "/metrics":
                self._say(self.path, Answer(200, self.server.metrics(), "text/plain; version=0.0.4; charset=utf-8"))
            elif self.path == "/health":
                self.server.state.known()
                self._say(self.path, _text("ok\n"))
            elif self.path == "/":
                self._say(self.path, _text("".join(f"{key}\n" for key in self.server.state.verifiers)))
            else:
                self._say("other", Answer(404, "there is nothing here\n"))
        except EnvironmentTrouble as error:
            self._say("other", Answer(503, f"{error.message} [{error.code}]\n"))

    def _refuse(self, status: int, why: str) -> None:
        """Answer without reading the body, which ends the connection."""
        self.close_connection = True
        self._say("other", Answer(status, why))

    def _say(self, path: str, answer: Answer) -> None:
        body = answer.body.encode()
        self.server.count(path, answer.status)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(body)))
        if answer.status == 429:
            self.send_header("Retry-After", "60")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Write nothing: the metrics count, and the database keeps."""


def _text(body: str) -> Answer:
    return Answer(200, body)


def _label(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"")


def _end(connection: socket.socket, how: int) -> None:
    with suppress(OSError):  # it has ended by itself
        connection.shutdown(how)
