"""Run the service once, ask its endpoints, and keep what it said."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 20.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(slots=True)
class Answers:
    """What the endpoints answered (status and body by path), the log lines, and why it did not start, if so."""

    pages: dict[str, tuple[int, str]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    trouble: str = ""

    def body(self, path: str) -> str:
        """Return the body that a path answered with status 200, else ""."""
        status, text = self.pages.get(path, (0, ""))
        return text if status == 200 else ""

    def json_lines(self) -> list[dict[str, object]]:
        """Return the log lines that are JSON objects."""
        found = []
        for line in self.log:
            with contextlib.suppress(ValueError):
                value = json.loads(line)
                if isinstance(value, dict):
                    found.append(value)
        return found


def interpreter(folder: Path) -> str:
    """Return the Python of the service's own environment, or the one that runs this."""
    own = folder / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def ask(port: int, path: str) -> tuple[int, str]:
    """Return status and body of one request; status 0 when nothing answered."""
    try:
        with _DIRECT.open(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status, response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, ""
    except (OSError, ValueError):
        return 0, ""


def example(folder: Path) -> dict[str, str]:
    """Return the settings that the service has to have, as .env.example gives them; nobody is asked there."""
    try:
        lines = (folder / ".env.example").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def run_service(folder: Path, paths: tuple[str, ...]) -> Answers:
    """Start `python -m app` in `folder` on a free port, ask the paths, and stop it."""
    answers = Answers()
    if not (folder / "app" / "__main__.py").is_file():
        answers.trouble = "there is no app package to start"
        return answers
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = (
        example(folder)
        | os.environ
        | {"HOST": "127.0.0.1", "PORT": str(port), "DRAIN_SECONDS": "0", "LOG_LEVEL": "INFO"}
    )
    environment |= {"LOG_FORMAT": "json"}
    command = [interpreter(folder), "-m", "app"]
    if (folder / "ops/postgres.py").is_file():
        command = [command[0], "ops/postgres.py", *command]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline and ask(port, "/ready")[0] != 200:
            time.sleep(0.05)
        answers.pages = {path: ask(port, path) for path in paths}
        process.terminate()
        try:
            said, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
        answers.log = said.splitlines()
    if not any(status for status, _ in answers.pages.values()):
        answers.trouble = f"`python -m app` answered nothing: {answers.log[-1][:160] if answers.log else 'no output'}"
    return answers
