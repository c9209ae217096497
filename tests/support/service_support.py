"""A generated service as a real process, with exactly the packages that its own lock file names."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from service_locks import blocks, rendered
from wheels import from_wheels

PATIENCE = 60.0


def packages(parts: frozenset[str] = frozenset(), name: str = "requirements.lock", only: str = "") -> Path:
    """The folder with the locked packages of a service with these parts, or with one of them alone.

    Installed once, beside the tests' own.
    """
    lock = rendered(name, parts)
    if only:
        (lock,) = (block for block in blocks(lock)[1] if block.startswith(f"{only}=="))
    folder = Path(sys.prefix) / f"service-{hashlib.sha256(lock.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(prefix="service-new.", dir=sys.prefix) as scratch:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            Path(scratch, "lock").write_text(lock)
            command += ["--no-deps", "--require-hashes", "--target", f"{scratch}/packages", "-r", f"{scratch}/lock"]
            # what a service with every part does not have, an index has
            for source in (from_wheels(), {}):
                env = os.environ | source
                done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
                if done.returncode == 0:
                    break
            assert done.returncode == 0, done.stderr
            try:
                Path(scratch, "packages").rename(folder)
            except OSError:
                assert folder.is_dir()  # another worker was first
    return folder


def environment(parts: frozenset[str] = frozenset(), **more: str) -> dict[str, str]:
    """Variables under which this interpreter runs a service with these parts with its own packages."""
    return os.environ | {"PYTHONPATH": str(packages(parts)), "HOST": "127.0.0.1", "PORT": "0"} | more


@dataclass
class Running:
    """One process of the service: its port, and the file that takes its log."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int = 0

    def lines(self) -> list[dict[str, Any]]:
        """Every complete log line so far."""
        whole = self.log.read_text(encoding="utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def wait_for(self, event: str) -> dict[str, Any]:
        """The log line with this event."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            ended = self.process.poll() is not None
            for line in self.lines():
                if line["event"] == event:
                    return line
            assert not ended, f"the service ended with {self.process.returncode}: {self.log.read_text()}"
            time.sleep(0.02)
        raise AssertionError(f"no line {event!r}: {self.log.read_text()}")

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of one GET."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def stop(self) -> int:
        """Ask the process to end, as a cluster does; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@contextmanager
def started(service: Path, log: Path, parts: frozenset[str] = frozenset(), **variables: str) -> Iterator[Running]:
    """Start the service on a free port; what is left of it when the block ends is ended by its id."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-B", "-m", "app"], cwd=service, env=environment(parts, **variables), stdout=output
        ) as process,
    ):
        try:
            running = Running(process, log)
            running.port = running.wait_for("listening")["port"]
            yield running
        finally:
            if process.poll() is None:
                process.kill()
