"""Where a version came from: signed tags are recorded and judged, moved ones are noticed."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli_support import Scratch, new_key
from collection import git
from update_history import NEWEST, OLDER, History, draft
from update_support import ANSWERS, receipts, run

Spawned = Callable[[str, str], Path]


NEXT = "v99.0.0"


@pytest.fixture
def mine(history: History, tmp_path: Path) -> History:
    """A template repository that this test may change."""
    return History(Path(shutil.copytree(history.bare, tmp_path / "bare.git")), tmp_path / "cache")


@pytest.fixture
def service(world: Callable[[str, str], Scratch]) -> Iterator[Scratch]:
    made = world("ci", OLDER)
    made.ok("init", "--dev", "--component", "my-svc")
    made.commit("[my-svc] chore: begin a ledger")
    return made


def copier_update(history: History, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "copier", "update", "--trust", "--defaults", "--quiet", "-a", ANSWERS["ci"]]
    done = run(root, *command, **history.variables)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.system
def test_a_moved_tag_is_noticed_and_stays_on_record(mine: History, service: Scratch, tmp_path: Path) -> None:
    root = service.root
    recorded = git(mine.bare, "rev-parse", f"{OLDER}^{{commit}}")
    work = draft(mine, tmp_path, OLDER)
    (work.folder / "templates/ci/ops/extra.txt").write_text("another base\n")
    moved = work.publish("[ci] fix: something else", OLDER)
    done = copier_update(mine, root)
    warning = f"receipt: warning: {OLDER} was {recorded[:12]} when it was recorded and is {moved[:12]} now"
    assert warning in done.stderr
    (stated,) = receipts(root, "update")
    assert stated["from"] == {"commit": recorded, "version": OLDER, "movedTo": moved}

    assert stated["conflicts"] == [], "nobody edited what the moved tag would have merged wrongly"
    service.commit("[my-svc] chore: follow the standard")

    # the tag that the service is at now is moved too: nothing newer, and yet other content
    recorded = git(mine.bare, "rev-parse", f"{NEWEST}^{{commit}}")
    work = draft(mine, tmp_path / "again", NEWEST)
    (work.folder / "templates/ci/ops/late.txt").write_text("put under a tag that was there already\n")
    moved = work.publish("[ci] fix: one more file", NEWEST)
    assert f"{NEWEST} was {recorded[:12]}" in copier_update(mine, root).stderr
    stated = receipts(root, "update")[-1]
    assert stated["from"] == {"commit": recorded, "version": NEWEST, "movedTo": moved}
    assert stated["template"]["commit"] == moved
    service.commit("[my-svc] chore: follow the moved tag")
    service.ok("seal")
    report = service.json("drift").report
    assert any(f"the tag {NEWEST} had been moved from {recorded} to {moved}" in notice for notice in report["notices"])
    # Copier took the moved tag for the old state, and so the differences for the team's; the recorded state knew better
    assert {one["path"] for one in report["data"]["files"] if one["status"] != "identical"} == set()
    assert (root / "ops/late.txt").is_file()


def test_a_signed_tag_is_recorded_and_judged(mine: History, service: Scratch, tmp_path: Path) -> None:
    root = service.root
    fingerprint = new_key(service, "Platform <platform@example.invalid>")
    work = draft(mine, tmp_path, NEWEST)
    (work.folder / "templates/ci/renovate.json.jinja").write_text("{}\n")
    commit = work.publish("[ci] feat: a release")
    service.git("-c", f"user.signingkey={fingerprint}", "tag", "--sign", "-m", NEXT, NEXT, cwd=work.folder)
    work.publish("", NEXT)
    copier_update(mine, root)
    (stated,) = receipts(root, "update")
    assert (stated["template"]["version"], stated["template"]["commit"]) == (NEXT, commit)
    tag = (root / "ops/receipts/blobs" / stated["template"]["tagSignature"]).read_bytes()
    assert tag.startswith(f"object {commit}\ntype commit\ntag {NEXT}\n".encode())
    service.commit("[my-svc] chore: follow the standard")
    service.ok("seal")
    service.ok("verify-audit")

    key = tmp_path / "platform.asc"
    exported = ["gpg", "--batch", "--armor", "--export", fingerprint]
    key.write_bytes(subprocess.run(exported, env=service.environment(), check=True, capture_output=True).stdout)
    done = service.json("drift", "--template-key", str(key))
    assert done.status == 0, done.out
    (finding,) = (one for one in done.report["findings"] if one["check"] == "template")
    assert finding["details"]["who"] == fingerprint
    assert any(f"the tag {NEXT} is signed" in notice for notice in service.json("drift").report["notices"])

    # a template without a signed tag fails where a signature is asked for
    git(root, "revert", "--no-edit", "--no-commit", "HEAD")
    shutil.rmtree(root / "ops/receipts/update", ignore_errors=True)
    assert json.loads(service.json("drift", "--template-key", str(key)).out)["exitCode"] == 1
