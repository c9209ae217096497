"""A witness over HTTP: paths, limits, metrics, and an end that finishes what is being answered."""

import hashlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import witness_support as log
from aurora.witness.request import MAX_BODY
from aurora.witness.server import Limits, WitnessServer
from collection import ROOT
from remembrancer.errors import EnvironmentTrouble
from remembrancer.tlog import open_note

PLACE = f"/{hashlib.sha256(log.ORIGIN.encode()).hexdigest()}/checkpoint"


@contextmanager
def served(folder: Path, limits: Limits | None = None) -> Iterator[WitnessServer]:
    server = WitnessServer(log.fresh(folder), log.LOGS, "127.0.0.1", 0, limits)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.close()
        thread.join(20)
        server.state.close()


def test_a_log_submits_and_a_monitor_reads(tmp_path: Path) -> None:
    with served(tmp_path / "witness") as server:
        assert log.ask(server.url, "GET", PLACE)[0] == 404
        status, lines, _ = log.ask(server.url, "POST", "/add-checkpoint", log.step(0, 3))
        assert status == 200
        assert log.ask(server.url, "POST", "/add-checkpoint", log.step(0, 5))[:2] == (409, b"3\n")
        status, note, _ = log.ask(server.url, "GET", PLACE)
        assert (status, note) == (200, log.note(3) + lines)
        open_note(note, [log.KEY.verifier(), *(key.verifier() for key in log.WITNESS)])
        assert log.ask(server.url, "GET", "/")[1].decode().splitlines() == [str(key.verifier()) for key in log.WITNESS]
        assert log.ask(server.url, "GET", "/health")[0] == 200
        for path in ("/nothing", "/" + "0" * 64 + "/checkpoint", PLACE + "/", "/../" + PLACE):
            assert log.ask(server.url, "GET", path)[0] == 404
        log.ask(server.url, "POST", "/add-checkpoint", log.step(3, 3, branch="x"))
        metrics = log.ask(server.url, "GET", "/metrics")[1].decode()
        for line in (
            'aurora_witness_answers_total{path="/add-checkpoint",status="200"} 1',
            'aurora_witness_answers_total{path="/add-checkpoint",status="422"} 1',
            'aurora_witness_evidence{kind="fork"} 1',
            f'aurora_witness_size{{origin="{log.ORIGIN}"}} 3',
        ):
            assert line in metrics.splitlines()


def test_connections_are_kept(tmp_path: Path) -> None:
    with served(tmp_path / "witness") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
        for old, new in ((0, 1), (1, 2), (2, 3)):
            connection.request("POST", "/add-checkpoint", log.step(old, new))
            answer = connection.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True)
        own = connection.sock.getsockname()
        connection.request("GET", "/health")
        connection.getresponse().read()
        assert connection.sock.getsockname() == own
        connection.close()


def test_limits(tmp_path: Path) -> None:
    with served(tmp_path / "witness", Limits(minute=2)) as server:
        assert log.ask(server.url, "POST", "/add-checkpoint", bytes(MAX_BODY + 1))[0] == 413
        assert log.ask(server.url, "POST", "/other", b"x")[0] == 404
        for number in range(2):
            assert log.ask(server.url, "POST", "/add-checkpoint", log.step(number, number + 1))[0] == 200
        assert log.ask(server.url, "POST", "/add-checkpoint", log.step(2, 3))[0] == 429
        assert (
            log.ask(server.url, "POST", "/add-checkpoint", log.step(2, 3, key=log.WITNESS[0]._replace(algorithm=1)))[0]
            == 404
        )
        with socket.create_connection(server.server_address[:2], timeout=20) as raw:
            raw.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 411")


def test_nobody_but_the_log_itself_uses_up_its_submissions(tmp_path: Path) -> None:
    """What a log publishes can be replayed by anybody; it is answered, and the log's next checkpoint is cosigned."""
    with served(tmp_path / "witness", Limits(minute=2)) as server:
        first, lines, _ = log.ask(server.url, "POST", "/add-checkpoint", log.step(0, 3))
        assert first == 200
        older = [log.body(3, [], log.note(size)) for size in (2, 1)]
        for body, said in ((log.step(0, 3), 409), (log.step(3, 3), 200), (older[0], 400), (older[1], 400)):
            for _ in range(3):
                status, answer, _ = log.ask(server.url, "POST", "/add-checkpoint", body)
                assert status == said
                assert said != 200 or answer == lines, "the same again is signed once a minute, and written once"
        assert log.ask(server.url, "POST", "/add-checkpoint", log.step(3, 4))[0] == 200
        assert log.ask(server.url, "POST", "/add-checkpoint", log.step(4, 5))[0] == 429


def test_a_slow_connection_ends_and_others_are_answered(tmp_path: Path) -> None:
    with served(tmp_path / "witness", Limits(connections=2, seconds=2)) as server:
        slow = [socket.create_connection(server.server_address[:2], timeout=20) for _ in range(2)]
        for one in slow:
            one.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 10\r\n\r\nold")
        assert all(one.recv(10) == b"" for one in slow)
        until = time.monotonic() + 20
        while "aurora_witness_connections 0" not in server.metrics().splitlines():
            assert time.monotonic() < until
        assert log.ask(server.url, "POST", "/add-checkpoint", log.step(0, 3))[0] == 200
        for one in slow:
            one.close()


def test_a_state_that_fails_is_said(tmp_path: Path) -> None:
    with served(tmp_path / "witness") as server:
        server.state.close()
        for method, path in (("POST", "/add-checkpoint"), ("GET", PLACE), ("GET", "/health"), ("GET", "/metrics")):
            status, text, _ = log.ask(server.url, method, path, log.step(0, 3))
            assert (status, b"[env.io]" in text) == (503, True)
        with pytest.raises(EnvironmentTrouble, match="cannot be opened"):
            WitnessServer(server.state, log.LOGS, "127.0.0.1", server.server_address[1])


def run(*words: str) -> "subprocess.Popen[str]":
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join(str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer"))
    }
    return subprocess.Popen(
        [sys.executable, "-m", "aurora", *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_program_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    state = tmp_path / "witness"
    made = run("witness", "init", "--state", str(state), "--name", log.NAME)
    keys, errors = made.communicate(timeout=60)
    assert (made.returncode, len(keys.splitlines())) == (0, 2), errors
    (tmp_path / "logs").write_text(f"log {log.KEY.verifier()}\n")
    words = ("witness", "serve", "--state", str(state), "--logs", str(tmp_path / "logs"), "--listen", "127.0.0.1:0")
    server = run(*words)
    assert server.stdout is not None
    url = server.stdout.readline().split()[2].rstrip(",")
    assert log.ask(url, "POST", "/add-checkpoint", log.step(0, 3))[0] == 200
    idle = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    idle.request("GET", "/health")
    idle.getresponse().read()
    half = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20)
    with server, closing(idle), half:
        submitted = log.step(3, 5)
        half.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(submitted))
        half.sendall(submitted)
        assert half.recv(12) == b"HTTP/1.1 200"
        begun = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        assert time.monotonic() - begun < 10  # an idle connection keeps nobody waiting
    (state / "witness.sqlite3").unlink()
    refused = run(*words)
    _, errors = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert "[witness.lost-state]" in errors
