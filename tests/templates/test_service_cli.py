"""The FastAPI CLI serves a service as `make dev` does: found, logged by the service alone, ended in order."""

import os
import signal
import socket
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from collection import ROOT
from service_support import PATIENCE, packages
from tool_environment import private_environment

LOCK = ROOT / "tests/templates/fastapi-cli.lock"
SECRET = "s3cret"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answered(port: int, process: subprocess.Popen[bytes], log: Path) -> int:
    """Ask for /health until somebody answers; return the status."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", f"/health?token={SECRET}")
            return connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError(log.read_text())


@pytest.mark.system
@pytest.mark.parametrize("command", ["run", "dev"])
def test_the_fastapi_cli_serves_it(service: Path, tmp_path: Path, command: str) -> None:
    port, log = free_port(), tmp_path / "log"
    python = private_environment("fastapi-cli", LOCK) / "bin/python"
    words = [str(python), "-B", "-m", "fastapi", command, "--port", str(port)]
    variables = {"PYTHONPATH": str(packages()), "LOG_FORMAT": "json", "NO_COLOR": "1"}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            words, cwd=service, env=os.environ | variables, stdout=output, stderr=output, start_new_session=True
        ) as process,
    ):
        try:
            assert answered(port, process, log) == 200
            process.send_signal(signal.SIGTERM)
            code = process.wait(PATIENCE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    said = log.read_text()
    assert code in (0, -signal.SIGTERM, 128 + signal.SIGTERM), said
    assert said.count('"request completed"') == 1, said
    assert SECRET not in said
    assert ('"path":"/health"' in said) is (command == "dev")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)
