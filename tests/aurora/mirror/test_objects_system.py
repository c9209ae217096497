"""A mirror in an object store that nobody here wrote: moto speaks S3, and honours the conditions of a write."""

import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import witness_support as log
from object_stores import BASE, Mirrored, objects
from remembrancer.tlog import Checkpoint, open_note
from remembrancer.tlog.tree import audit

pytestmark = pytest.mark.system


@pytest.fixture
def store() -> Iterator[str]:
    """The URL of a moto server with one bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(objects() / "bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)]
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


def test_a_mirror_in_s3(store: str, tmp_path: Path) -> None:
    options = [f"endpoint={store}", "region=us-east-1", "access_key_id=a", "secret_access_key=b", "allow_http=true"]
    mirrored = Mirrored(tmp_path, "s3://logs/mirror", options)
    team, mirror = mirrored.team, mirrored.mirror
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
    mirrored.options.append("no-setting")
    assert mirror()[0] == 2
    mirrored.options[-1] = "nonsense=1"
    assert mirror()[0] == 2
