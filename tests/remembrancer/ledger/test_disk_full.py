"""A file system that is really full: `tests/support/disk_full.py` on a tmpfs of two megabytes, mounted for the test."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.system
SCRIPT = Path(__file__).resolve().parents[2] / "support" / "disk_full.py"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True, capture_output=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def test_every_refusal_is_told_and_nothing_is_lost(small_disk: Path) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), str(small_disk)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refusals, rest = done.stdout.split(maxsplit=1)
    assert int(refusals) > 0
    assert rest == "refusals by the disk, 80 receipts sealed\n"
