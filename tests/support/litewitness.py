"""A litewitness of a test's own: its key in an ssh-agent, its database in a folder that goes with it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from remembrancer.tlog import SignerKey, VerifierKey
from short_path import short_path
from witness_peers import program


@contextmanager
def litewitness(witness: SignerKey, log: VerifierKey) -> Iterator[str]:
    """Serve a litewitness that has this key (0x04) and knows this log; yields its URL."""
    base = Path(short_path("lw"))
    agent_socket, database, key = base / "agent", base / "db", base / "key"
    raw = Ed25519PrivateKey.from_private_bytes(witness.seed)
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
        for words in (["add-log"], ["add-key", "-key", str(log)]):
            command = [*admin, words[0], "-db", str(database), "-origin", log.name, *words[1:]]
            subprocess.run(command, check=True, capture_output=True)
        command = [program("litewitness"), "-db", str(database), "-ssh-agent", str(agent_socket), "-name", witness.name]
        command += ["-key", listed.stdout.split()[1], "-listen", f"127.0.0.1:{port}"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.append(server)
        _wait(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        for one in reversed(running):
            one.terminate()
            one.wait(20)
        shutil.rmtree(base, ignore_errors=True)


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None, "it ended"
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("it does not listen")
