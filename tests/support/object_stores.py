"""Mirrors in object stores that nobody here wrote, by `aurora mirror` and obstore, and servers of their protocols."""

import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import witness_support as log
from collection import ROOT
from git_log_support import Team
from tool_environment import private_environment

LOCK = ROOT / "tests/aurora/mirror/objects.lock"
BASE = f"mirror/{hashlib.sha256(log.ORIGIN.encode()).hexdigest()}"
PLACES = [str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer")]
CHILD = "import sys; sys.path.append(sys.argv.pop(1)); from aurora.cli.main import main; sys.exit(main())"
# reads the whole mirror back as an auditor would: its checkpoint, then every tile and entry
AUDIT = """
import json, sys
site, target, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
sys.path.append(site)
from aurora.mirror.objects import Objects
from remembrancer.ledger.files import claimed
from remembrancer.tlog.tree import audit
place = Objects(target, options)
def read(path):
    held = place.read(path)
    if held is None:
        raise FileNotFoundError(path)
    return held.data
here = claimed(read("checkpoint"))
found = audit(read, here.size)
print(json.dumps([here.size, found.root == here.root, len(found.problems)]))
"""


def objects() -> Path:
    """The environment with obstore and moto."""
    return private_environment("objects", LOCK)


class Mirrored:
    """A team's log, and its mirror in one store."""

    def __init__(self, base: Path, target: str, options: Sequence[str]) -> None:
        self.team = Team(base / "team", log.ORIGIN)
        self.team.key = log.KEY
        self.logs, self.target, self.options = base / "logs", target, list(options)
        self.logs.write_text(f"log {log.KEY.verifier()}\n")
        self.site = next((objects() / "lib").glob("python*/site-packages"))
        self.env = os.environ | {"PYTHONPATH": os.pathsep.join(PLACES), "HOME": str(base)}

    def mirror(self, target: str = "") -> tuple[int, dict[str, object]]:
        """Run `aurora mirror`; return its exit status and report."""
        words = ["mirror", str(self.team.remote), "--logs", str(self.logs), "--to", target or self.target]
        words += ["--format", "json", *(word for one in self.options for word in ("--option", one))]
        done = self._python(CHILD, str(self.site), *words)
        assert "Traceback" not in done.stderr, done.stderr
        said: dict[str, object] = json.loads(done.stdout)
        return done.returncode, said

    def audit(self) -> list[object]:
        """Return the size of what lies in the store, whether its tiles have its root, and how many do not fit."""
        options = json.dumps(dict(one.split("=", 1) for one in self.options))
        target = f"{self.target}/{BASE.rpartition('/')[2]}"
        done = self._python(AUDIT, str(self.site), target, options)
        assert done.returncode == 0, done.stderr
        found: list[object] = json.loads(done.stdout)
        return found

    def _python(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", *words]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=False, timeout=120)

    def grows_and_never_shrinks(self) -> None:
        """Mirror a log that grows, is rolled back and forks; what lies in the store is whole after each."""
        for before, size in ((0, 3), (3, 300), (300, 300)):
            self.team.grow(size)
            status, said = self.mirror()
            assert (status, said.get("before"), said.get("size")) == (0, before, size), said
            assert self.audit() == [size, True, 0]
        for count, branch, code in ((299, "", "log.rollback"), (400, "x", "log.split-view")):
            self.team.grow(count, branch)
            status, said = self.mirror()
            assert (status, said["error"]["code"]) == (1, code), said  # type: ignore[index]
            assert self.audit() == [300, True, 0]


@contextmanager
def serving(command: Callable[[int], Sequence[str]]) -> Iterator[str]:
    """Run a server on a free port until the block ends; yields its URL once it takes connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([*command(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=5).close()
                    break
                except OSError:
                    assert server.poll() is None, f"{command(port)[0]} has ended"
                    assert time.monotonic() < until, f"{command(port)[0]} does not listen"
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def azure_container(url: str, account: str, key: str, name: str) -> None:
    """Make a container, which obstore cannot: one request signed with the account's key (SharedKey)."""
    head = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2023-11-03"}
    headers = "".join(f"{name}:{value}\n" for name, value in sorted(head.items()))
    text = "PUT" + "\n" * 12 + headers + f"/{account}/{account}/{name}\nrestype:container"
    signature = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    head["Authorization"] = f"SharedKey {account}:{base64.b64encode(signature).decode()}"
    place = f"{url}/{account}/{name}?restype=container"
    urllib.request.urlopen(urllib.request.Request(place, method="PUT", headers=head), timeout=20).close()
