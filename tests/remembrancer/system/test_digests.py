"""The digest of a file that is computed beside other work."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from remembrancer.system.digests import FileDigest


@pytest.mark.parametrize("size", [0, 1, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_files_of_every_size(tmp_path: Path, size: int) -> None:
    data = os.urandom(1000) * (size // 1000 + 1)
    (tmp_path / "file").write_bytes(data[:size])
    assert FileDigest(tmp_path / "file").hexdigest() == hashlib.sha256(data[:size]).hexdigest()


def test_it_can_be_asked_twice(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    digest = FileDigest(tmp_path / "file")
    assert digest.hexdigest() == digest.hexdigest() == hashlib.sha256(b"x").hexdigest()


@pytest.mark.parametrize("path", ["missing", "."])
def test_what_cannot_be_opened(tmp_path: Path, path: str) -> None:
    with pytest.raises(OSError, match=r"No such file|Is a directory"):
        FileDigest(tmp_path / path)


def test_a_pipe_is_no_artifact(tmp_path: Path) -> None:
    """Nobody ever writes to it, so whoever opens it waits; that is why it is asked in another process."""
    os.mkfifo(tmp_path / "pipe")
    code = (
        "import pathlib, sys; from remembrancer.system import digests; digests.start_hashing(pathlib.Path(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "pipe")],
        env=environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert "BadInput" in done.stderr
    assert "is not a regular file" in done.stderr
