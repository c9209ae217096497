"""`make observe` with the real Prometheus on a really running service: its target, its alert rules, its dashboard."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from service_support import PATIENCE, Running, started

MONITORING = "ops/k8s/components/monitoring"
# What only a cluster adds, and what only rules record: not the service's own.
OTHERS = re.compile(r"^(up|job:.*)$")


@pytest.fixture(scope="module")
def ready(service: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service with an environment that counts as installed: `make observe` itself needs the standard library."""
    folder = shutil.copytree(service, tmp_path_factory.mktemp("observed") / "my-svc")
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    shutil.copy(folder / "requirements-dev.lock", folder / ".venv")
    return folder


@pytest.fixture(scope="module")
def running(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The running service, with some requests behind it."""
    with started(ready, tmp_path_factory.mktemp("log") / "log", DRAIN_SECONDS="0") as one:
        for path in ("/products", "/health", "/nowhere"):
            one.get(path)
        yield one


def make(ready: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", "observe", f"ARGS={' '.join(arguments)}"],
        cwd=ready,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def children(command: str) -> set[int]:
    """The Prometheus processes with this text in the path of their data."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(b"tsdb.path=" in word and command.encode() in word for word in words):
            found.add(int(folder.name))
    return found


@contextmanager
def observed(ready: Path, port: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`make observe` until the block ends; yields Prometheus's address once the target is up."""
    with subprocess.Popen(
        [sys.executable, "ops/observe.py", "--port", str(port)], cwd=ready, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"up: http://127.0.0.1:{port}/metrics\n"
            address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert address is not None
            yield address[0], process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE)


def ask(address: str, path: str, **parameters: str) -> Any:
    """The data of an answer of Prometheus's API."""
    url = f"{address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        return json.load(response)["data"]


def exposed(running: Running) -> set[str]:
    """Every series name on /metrics."""
    return set(re.findall(r"(?m)^([a-z_]+)(?:\{| )", running.get("/metrics")[1].decode()))


def dashboard(ready: Path) -> list[str]:
    """Every query of the dashboard, with Grafana's variables filled in."""
    panels = json.loads((ready / MONITORING / "dashboard.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(queries) >= 5
    return [query.replace("$__rate_interval", "1m").replace("$namespace", "local") for query in queries]


def test_rules_and_dashboard_use_only_what_the_service_exposes(ready: Path, running: Running) -> None:
    rules = (ready / MONITORING / "prometheusrule.yaml").read_text()
    used = {name for text in [rules, *dashboard(ready)] for name in re.findall(r"\b([a-z][a-z0-9_:]*)\{(?! ?\{)", text)}
    own = {name for name in used if not OTHERS.match(name)}
    assert own >= {"http_requests_total", "http_request_duration_seconds_bucket", "active_connections"}
    assert own <= exposed(running)
    assert "http_errors_total" not in exposed(running)


def test_without_prometheus_the_package_is_named(ready: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("make", "sh", "cmp", "touch"):
        program = shutil.which(name)
        assert program is not None
        (tmp_path / "bin" / name).symlink_to(program)
    done = make(ready, "--once", PATH=str(tmp_path / "bin"))
    assert done.returncode == 2
    sentence = "observe: prometheus was not found; apt-get install prometheus, or brew install prometheus"
    assert done.stderr.splitlines()[0] == sentence


@pytest.mark.system
def test_the_target_is_up_and_nothing_stays(ready: Path, running: Running) -> None:
    done = make(ready, "--once", f"--port={running.port}")
    assert (done.returncode, done.stdout) == (0, f"up: http://127.0.0.1:{running.port}/metrics\n"), done.stderr
    assert children("/observe.") == set()


@pytest.mark.system
def test_a_service_that_does_not_run_is_said(ready: Path) -> None:
    done = make(ready, "--once", "--port=1", "--patience=3")
    assert done.returncode == 2
    assert done.stderr.startswith("observe: http://127.0.0.1:1/metrics is not up: ")
    assert "start the service with make dev" in done.stderr
    assert "Traceback" not in done.stderr
    assert children("/observe.") == set()


@pytest.mark.system
def test_every_query_of_the_dashboard_has_an_answer(ready: Path, running: Running) -> None:
    """Prometheus itself evaluates each query on the running service; only those about errors may have none."""
    with observed(ready, running.port) as (address, process):
        until = time.monotonic() + PATIENCE
        silent = dashboard(ready)
        while silent and time.monotonic() < until:
            running.get("/products")
            silent = [query for query in silent if not ask(address, "query", query=query)["result"]]
            time.sleep(0.3)
            if all('status=~"5.."' in query or "job:" in query for query in silent):
                break
        assert [query for query in silent if 'status=~"5.."' not in query and "job:" not in query] == []
        groups = ask(address, "rules")["groups"]
        assert sum(len(group["rules"]) for group in groups) == 12
        assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
        assert len(children("/observe.")) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert children("/observe.") == set()
