"""The generated service: processor time of one request with metrics, and with the access log, against bare FastAPI.

Every variant is a real process that serves the same routes over a kept connection; the process says itself what it has
spent, so the client costs nothing here. The variants take turns, so that they share what else the machine does.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import benchmarks
from benchmarks.measure import Row, command

ROOT = Path(benchmarks.__path__[0]).parent
HERE = Path(__file__).parent
VARIANTS = ("bare", "metrics", "logged", "whole", "instrumentator", "traced")
ROUNDS = 9
REQUESTS = 1000


class Client:
    """A kept connection to one variant, with as little between the bytes and the caller as possible."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def ask(self, request: bytes) -> bytes:
        """Send one request and return the body of its response."""
        self._socket.sendall(request)
        data = self._more()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head = data[:end].lower()
        length = int(head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        while len(data) < end + 4 + length:
            data += self._more()
        return data[end + 4 :]

    def _more(self) -> bytes:
        data = self._socket.recv(65_536)
        if not data:
            raise RuntimeError("a variant of the service has hung up")
        return data

    def spent(self) -> float:
        """Return the processor seconds that the server has spent so far."""
        return float(self.ask(get("/cost")))

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


@contextmanager
def served(python: Path, service: Path, name: str, **variables: str) -> Iterator[Client]:
    """Start one variant; its log goes to a file, as a container's does."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [str(python), str(HERE / "_service_variants.py"), name],
            cwd=service,
            env=os.environ | {"PYTHONPATH": str(service), "ENVIRONMENT": "production", "LOG_LEVEL": "INFO"} | variables,
            stdout=log,
        )
        try:
            client = Client(listening(process, log.fileno()))
            client.spent()  # a connection that says nothing is closed
            yield client
            client.close()
        finally:
            process.terminate()
            process.wait(60)


def listening(process: subprocess.Popen[bytes], log: int) -> int:
    """Wait for the log line that names the port; return the port."""
    while process.poll() is None:
        for line in os.pread(log, 65_536, 0).splitlines():
            facts = json.loads(line)
            if facts["event"] == "listening":
                return int(facts["port"])
    said = os.pread(log, 65_536, 0).decode(errors="replace")
    raise RuntimeError(f"a variant of the service ended with {process.returncode}: {said}")


class Sink(BaseHTTPRequestHandler):
    """A stand-in for a collector: it takes everything and keeps nothing, in this process."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def sink() -> Iterator[str]:
    """Return the address of a sink, as long as the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def environment(folder: Path, service: Path) -> Path:
    """Make an environment with the service's locked packages and the instrumentator; return its interpreter."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    command([*install, "-r", service / "requirements.lock"])
    command([*install, "--no-deps", "-r", HERE / "service_cost.lock"])
    return python


def get(path: str) -> bytes:
    """Return the bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n".encode()


def costs(plain: tuple[Path, Path], traced: tuple[Path, Path]) -> dict[str, list[float]]:
    """Return the processor seconds of one request for each variant, one value for each round.

    Each of the two services comes with the interpreter of its environment; what sends its telemetry counts too.
    """
    samples: dict[str, list[float]] = {name: [] for name in VARIANTS}
    with ExitStack() as stack:
        clients = {name: stack.enter_context(served(*plain, name)) for name in VARIANTS if name != "traced"}
        where = stack.enter_context(sink())
        clients["traced"] = stack.enter_context(served(*traced, "whole", OTEL_EXPORTER_OTLP_ENDPOINT=where))
        request = get("/products/lamp")
        for number in range(ROUNDS + 1):
            for name, client in clients.items():
                before = client.spent()
                for _ in range(REQUESTS):
                    client.ask(request)
                # The first round warms up caches and the allocator.
                if number:
                    samples[name].append((client.spent() - before) / REQUESTS)
    return samples


def rows() -> list[Row]:
    """Measure in whole processes, as a pod runs them."""
    sys.path.insert(0, str(ROOT / "tests/support"))
    from collection import render, snapshot

    with tempfile.TemporaryDirectory(prefix="bench-service.") as folder:
        base = Path(folder)
        source = snapshot(base / "source")
        plain = render(source, base / "my-svc", component="my-svc")
        traced = render(source, base / "traced/my-svc", component="my-svc", telemetry="otlp")
        cost = costs((environment(base / "venv", plain), plain), (environment(base / "traced/venv", traced), traced))

    def against(what: str, one: str, other: str, budget: float, floor: str) -> Row:
        # Both of a round ran within the same second or two: their ratio is steadier than that of the medians.
        ratio = statistics.median(mine / theirs for mine, theirs in zip(cost[one], cost[other], strict=True))
        mine, theirs = (statistics.median(cost[name]) * 1e6 for name in (one, other))
        return Row(what, ratio, budget, floor, detail=f"{mine:.0f} µs / {theirs:.0f} µs of processor time")

    return [
        against("request with metrics", "metrics", "bare", 1.15, "bare FastAPI"),
        against("request with metrics and access log", "logged", "metrics", 1.25, "metrics alone"),
        against("request to the whole service", "whole", "metrics", 1.25, "metrics alone"),
        against("request with metrics", "metrics", "instrumentator", 1.0, "prometheus-fastapi-instrumentator"),
        against("request to the whole service with telemetry", "traced", "whole", 2.5, "the whole service without"),
    ]
