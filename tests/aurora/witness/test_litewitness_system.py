"""litewitness beside ours: the same submissions in the same order get the same answers from both."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import witness_support as log
from aurora.witness.server import WitnessServer
from remembrancer.tlog import SignerKey, open_note
from short_path import short_path
from witness_peers import program

pytestmark = pytest.mark.system

THEIRS = SignerKey.from_seed("litewitness.example/w", bytes(range(3, 35)), 0x04)
STRANGER = SignerKey.from_seed(log.ORIGIN, bytes(32))
OTHER = SignerKey.from_seed("log.example/other", bytes(32))
SUBMISSIONS = [
    (404, log.step(0, 3, key=OTHER)),
    (403, log.step(0, 3, key=STRANGER)),
    (400, b"old 0\n"),
    (200, log.step(0, 3)),
    (200, log.step(3, 3)),
    (409, log.step(0, 5)),
    (409, log.step(4, 5)),
    (422, log.body(3, [], log.note(5))),
    (422, log.step(3, 5, branch="x")),
    (422, log.step(3, 3, branch="x")),
    (403, log.step(3, 5).replace(b"\n5\n", b"\n6\n")),
    (400, log.body(6, [], log.note(5))),
    (200, log.step(3, 300)),
    (409, log.body(2, [], log.note(2))),
    (200, log.step(300, 301)),
]


def wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None, "it ended"
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("it does not listen")


@pytest.fixture
def litewitness() -> Iterator[str]:
    """The URL of a litewitness that knows the log, with its key in an ssh-agent of its own."""
    base = Path(short_path("lw"))
    agent_socket, database, key = base / "agent", base / "db", base / "key"
    raw = Ed25519PrivateKey.from_private_bytes(THEIRS.seed)
    key.write_bytes(raw.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    key.chmod(0o600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = os.environ | {"SSH_AUTH_SOCK": str(agent_socket)}
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(agent_socket)], stdout=subprocess.DEVNULL)
    running = [agent]
    try:
        until = time.monotonic() + 30
        while not agent_socket.exists():
            assert time.monotonic() < until
        subprocess.run(["ssh-add", "-q", str(key)], env=env, check=True, capture_output=True)
        listed = subprocess.run(["ssh-keygen", "-lf", str(key)], check=True, capture_output=True, text=True)
        admin = [program("witnessctl")]
        for words in (["add-log"], ["add-key", "-key", str(log.KEY.verifier())]):
            command = [*admin, words[0], "-db", str(database), "-origin", log.ORIGIN, *words[1:]]
            subprocess.run(command, check=True, capture_output=True)
        command = [program("litewitness"), "-db", str(database), "-ssh-agent", str(agent_socket), "-name", THEIRS.name]
        command += ["-key", listed.stdout.split()[1], "-listen", f"127.0.0.1:{port}"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.append(server)
        wait(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        for one in reversed(running):
            one.terminate()
            one.wait(20)
        shutil.rmtree(base, ignore_errors=True)


def test_both_answer_alike(litewitness: str, tmp_path: Path) -> None:
    server = WitnessServer(log.fresh(tmp_path / "witness"), log.LOGS, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        for number, (status, body) in enumerate(SUBMISSIONS):
            theirs = log.ask(litewitness, "POST", "/add-checkpoint", body)
            ours = log.ask(server.url, "POST", "/add-checkpoint", body)
            assert (number, ours[0]) == (number, status), ours
            assert (number, theirs[0]) == (number, status), theirs
            if status == 409:
                assert theirs[1:] == ours[1:]
            if status == 200:
                note = body.partition(b"\n\n")[2] + theirs[1] + ours[1]
                keys = [log.KEY.verifier(), THEIRS.verifier(), *(key.verifier() for key in log.WITNESS)]
                assert len(open_note(note, keys).signatures) == 4
    finally:
        server.shutdown()
        server.close()
        thread.join(20)
