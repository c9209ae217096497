"""A mirror in an object store that nobody here wrote: moto speaks S3, and honours the conditions of a write."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import witness_support as log
from collection import ROOT
from git_log_support import Team
from remembrancer.tlog import Checkpoint, open_note
from remembrancer.tlog.tree import audit
from tool_environment import private_environment

pytestmark = pytest.mark.system

LOCK = Path(__file__).with_name("objects.lock")
BASE = f"mirror/{hashlib.sha256(log.ORIGIN.encode()).hexdigest()}"
CHILD = "import sys; sys.path.append(sys.argv.pop(1)); from aurora.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def objects() -> Path:
    """An environment with obstore and moto beside pytest's cache, made once per lock file and Python."""
    return private_environment("objects", LOCK)


@pytest.fixture
def store(objects: Path) -> Iterator[str]:
    """The URL of a moto server with one bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(objects / "bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if "Running on" in line:
                break
        url = f"http://127.0.0.1:{port}"
        urllib.request.urlopen(urllib.request.Request(f"{url}/logs", method="PUT"), timeout=20).close()
        yield url
        server.terminate()
        server.stdout.read()


def read(store: str, path: str) -> bytes:
    try:
        # moto wants to know who asks, and does not look at the signature
        who = {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request"}
        asked = urllib.request.Request(f"{store}/logs/{BASE}/{path}", headers=who)
        with urllib.request.urlopen(asked, timeout=20) as answer:
            data: bytes = answer.read()
            return data
    except urllib.error.HTTPError:
        raise FileNotFoundError(path) from None


def test_a_mirror_in_s3(objects: Path, store: str, tmp_path: Path) -> None:
    team = Team(tmp_path / "team", log.ORIGIN)
    team.key = log.KEY
    logs = tmp_path / "logs"
    logs.write_text(f"log {log.KEY.verifier()}\n")
    site = next((objects / "lib").glob("python*/site-packages"))
    places = [str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(places), "HOME": str(tmp_path)}
    options = [f"endpoint={store}", "region=us-east-1", "access_key_id=a", "secret_access_key=b", "allow_http=true"]

    def mirror(target: str = "s3://logs/mirror") -> tuple[int, dict[str, object]]:
        words = ["mirror", str(team.remote), "--logs", str(logs), "--to", target, "--format", "json"]
        command = [
            sys.executable,
            "-c",
            CHILD,
            str(site),
            *words,
            *(word for one in options for word in ("--option", one)),
        ]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        said: dict[str, object] = json.loads(done.stdout)
        return done.returncode, said

    for before, size in ((0, 3), (3, 300), (300, 300)):
        team.grow(size)
        status, said = mirror()
        assert (status, said["before"], said["size"]) == (0, before, size), said
        checkpoint = Checkpoint.parse(open_note(read(store, "checkpoint"), [log.KEY.verifier()]).text)
        found = audit(lambda path: read(store, path), checkpoint.size)
        assert (checkpoint.size, found.root, found.problems) == (size, checkpoint.root, [])
    for count, branch, code in ((299, "", "log.rollback"), (400, "x", "log.split-view")):
        team.grow(count, branch)
        status, said = mirror()
        assert (status, said["error"]["code"]) == (1, code)  # type: ignore[index]
        assert b"\n300\n" in read(store, "checkpoint")
    assert mirror("s3://nobody/mirror")[0] == 4
    assert mirror("ftp://logs")[0] == 2
    options.append("no-setting")
    assert mirror()[0] == 2
    options[-1] = "nonsense=1"
    assert mirror()[0] == 2
