"""The digest of a file that is computed beside other work."""

import hashlib
import os
from pathlib import Path

import pytest

from remembrancer.digests import FileDigest


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
