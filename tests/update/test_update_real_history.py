"""A service of an earlier state of this very repository reaches the present one, without a receipt to start from."""

import shutil
from pathlib import Path

import pytest

from collection import ROOT, commit_all, git, snapshot
from update_history import History
from update_support import contents, lines, receipts, spawn, update

FIRST_FILE = "templates/fastapi-service/Makefile"
PAST, PRESENT = "v0.0.1", "v9.9.9"


def first_complete_state() -> str:
    """Return the commit that made the complete service, or the oldest one that a shallow clone knows."""
    made = git(ROOT, "log", "--diff-filter=A", "--format=%H", "--reverse", "--", FIRST_FILE).splitlines()
    return made[0] if made else git(ROOT, "rev-list", "--max-parents=0", "HEAD").splitlines()[0]


@pytest.mark.system
def test_the_first_complete_service_updates_to_the_present(tmp_path: Path) -> None:
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", "--no-checkout", f"file://{ROOT}", str(work))
    git(work, "tag", PAST, first_complete_state())
    present = snapshot(tmp_path / "present")
    shutil.rmtree(present / ".git")
    shutil.copytree(work / ".git", present / ".git")
    commit_all(present, "[spawn] test: the work tree")
    git(present, "tag", PRESENT)
    history = History(present, tmp_path / "cache")

    service = spawn(history, tmp_path / "my-svc", "fastapi-service", PAST, tasks=False)
    assert not (service / "ops/receipts/spawn").exists()
    update(history, service, "fastapi-service", PRESENT)
    fresh = spawn(history, tmp_path / "fresh/my-svc", "fastapi-service", PRESENT, tasks=False, commit=False)
    assert contents(service) == contents(fresh)
    (stated,) = receipts(service, "update")
    assert stated["from"] == {"commit": git(present, "rev-parse", PAST), "version": PAST}
    assert stated["conflicts"] == []
    assert set(lines(service, stated)) == set(contents(fresh))
