"""What a recorded signature is over: the artifact's bytes, a large artifact's path, or nothing that is here."""

import os
from pathlib import Path

import pytest

from ledger_world import AT, sha
from remembrancer.audit.gather import signed_content
from remembrancer.receipt.statement import Receipt, build, parse
from remembrancer.repository.reader import Repository


def sign_receipt(name: str, digest: str) -> Receipt:
    predicate = {"recordedAt": AT, "fingerprint": "A" * 40, "signature": sha("signature")}
    return parse(build("sign", [(name, digest)], predicate))


@pytest.mark.parametrize("folder", ["dist", "."])
@pytest.mark.parametrize("size", [0, 1, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, 200_000])
def test_an_artifact(folder: str, size: int, tmp_path: Path) -> None:
    text = "a" * size
    file = tmp_path / folder / "a.tar.gz"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    found = signed_content(Repository(tmp_path), sign_receipt("a.tar.gz", sha(text)))
    assert found == (file if size >= 1 << 16 else text.encode())
    assert signed_content(Repository(tmp_path), sign_receipt("a.tar.gz", sha("other"))) is None


def test_dist_with_other_bytes_does_not_hide_the_right_file(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "a").write_text("other")
    (tmp_path / "a").write_text("right")
    assert signed_content(Repository(tmp_path), sign_receipt("a", sha("right"))) == b"right"


def test_what_is_no_file_is_not_here(tmp_path: Path) -> None:
    (tmp_path / "dist" / "a").mkdir(parents=True)
    os.mkfifo(tmp_path / "a")
    assert signed_content(Repository(tmp_path), sign_receipt("a", sha("x"))) is None
    assert signed_content(Repository(tmp_path), sign_receipt("b", sha("x"))) is None


def test_a_receipt(tmp_path: Path) -> None:
    name = "ops/receipts/waiver/aa/x.receipt"
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text("receipt")
    assert signed_content(Repository(tmp_path), sign_receipt(name, sha("receipt"))) == b"receipt"
    assert signed_content(Repository(tmp_path), sign_receipt(name, sha("other"))) is None
