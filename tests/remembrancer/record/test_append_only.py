"""The key signs nothing that contradicts what it signed before: reverts, restored backups, clones that lag behind."""

import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cli_support import ledger, receipts
from production_support import Production, production
from remembrancer.record import append_only

LEDGER = "ops/receipts/ledger"


@pytest.fixture
def made() -> Iterator[Production]:
    with production() as one:
        yield one


@pytest.fixture
def released() -> Iterator[Production]:
    with production(released=True) as one:
        yield one


def refused(made: Production, code: str, *parts: str) -> None:
    """Assert that a seal by somebody who remembers nothing is refused with a true reason, and signs nothing."""
    before = made.scratch.snapshot()
    done = made.scratch.json("seal", **{**made.key, "HOME": made.stranger()["HOME"]})
    assert (done.status, done.codes) == (2, {code}), done.out
    error = done.report["error"]
    assert all(part in error["message"] + error["remedy"] for part in parts), error
    assert made.scratch.snapshot() == before


def take_back(made: Production) -> None:
    """Do what the refusal says, and see that the log goes on."""
    done = made.scratch.json("seal", **made.key)
    command = done.report["error"]["remedy"].partition("`")[2].partition("`")[0].split()
    assert command[0] == "git", done.out
    made.scratch.git(*command[1:])
    made.scratch.ok("seal", **made.key)
    made.push("the ledger is back")
    for home in (made.stranger(), {}):
        audit = made.scratch.json("verify-audit", **home)
        assert (audit.status, audit.codes) == (0, set()), audit.out


def test_a_reverted_record_is_not_sealed_over(released: Production) -> None:
    artifact = "dist/my-svc-0.1.0.tar.gz"
    at = released.scratch.git("rev-parse", "HEAD")
    released.scratch.git("revert", "--no-edit", "HEAD")
    released.prove("0.2.0")
    refused(released, "log.rollback", at[:12], "size 1", "reverted or restored")
    take_back(released)
    assert released.scratch.run("verify-full", artifact).status == 0


def test_a_restored_backup_is_not_sealed_over(made: Production) -> None:
    backup = made.scratch.base / "backup"
    shutil.copytree(made.scratch.root / "ops", backup)
    made.release("0.1.0")
    shutil.rmtree(made.scratch.root / "ops")
    shutil.copytree(backup, made.scratch.root / "ops")
    made.push("restored from the backup")
    made.prove("0.2.0")
    refused(made, "log.rollback", "reverted or restored")
    take_back(made)


def test_a_backup_without_the_ledger_begins_no_second_log(released: Production) -> None:
    shutil.rmtree(ledger(released.scratch))
    released.push("lost")
    released.prove("0.2.0")
    refused(released, "log.rollback", "no ledger")
    take_back(released)


def test_what_is_published_but_not_merged_is_not_forked(made: Production) -> None:
    before = made.scratch.git("rev-parse", "HEAD")
    made.release("0.1.0")
    made.scratch.git("fetch", "-q", "origin")
    made.scratch.git("reset", "-q", "--hard", before)
    made.prove("0.2.0")
    refused(made, "log.behind", "git merge", "main")


def test_a_tagged_release_is_not_left_behind(made: Production) -> None:
    before = made.scratch.git("rev-parse", "HEAD")
    made.prove("0.1.0")
    made.scratch.ok("seal", **made.key)
    made.scratch.commit("not pushed")
    made.scratch.git("tag", "-a", "-m", "a release", "v0.1.0")
    made.scratch.git("tag", "odd", made.scratch.git("rev-parse", "HEAD:.gitignore"))
    made.scratch.git("reset", "-q", "--hard", before)
    made.prove("0.2.0")
    refused(made, "log.behind", "v0.1.0 has one of size")


def test_a_fork_that_is_committed_is_not_sealed_over(made: Production) -> None:
    before = made.scratch.git("rev-parse", "HEAD")
    made.release("0.1.0")
    made.scratch.git("remote", "remove", "origin")
    made.scratch.git("branch", "-q", "-m", "hidden")
    made.scratch.git("switch", "-q", "-c", "main", before)
    made.prove("0.2.0")
    made.scratch.ok("seal", **made.key)
    made.scratch.commit("a fork that a key signed where nobody could see the other side")
    made.scratch.git("merge", "-q", "-s", "ours", "-m", "both sides", "hidden")
    made.prove("0.3.0")
    refused(made, "log.split-view", "docs/years.md")


def test_a_sound_history_is_sealed_as_before(made: Production) -> None:
    for version in ("0.1.0", "0.2.0"):
        made.release(version)
    assert len(receipts(made.scratch, "deploy")) == 2
    assert made.scratch.run("verify-audit", **made.stranger()).status == 0


def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Note which commits' checkpoints are asked for."""
    found: list[tuple[str, ...]] = []
    true = append_only.checkpoints

    def noted(root: Path, place: str, revisions: Sequence[str]) -> Iterator[bytes | None]:
        found.append(tuple(revisions))
        return true(root, place, revisions)

    monkeypatch.setattr(append_only, "checkpoints", noted)
    return found


def test_a_history_is_compared_once(released: Production, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the log is not the one that it was compared with, or what is kept of that is damaged."""
    released.release("0.2.0")
    head = released.scratch.git("rev-parse", "HEAD")
    found = asked(monkeypatch)
    released.prove("0.3.0")
    released.scratch.ok("seal", **released.key)
    assert found[0] == (head, f"^{released.scratch.git('rev-parse', 'HEAD~1')}")
    (kept,) = (released.scratch.home / ".local/state/remembrancer/compared").iterdir()
    for damage in ("", "[]", "{}", '{"commit": "--all", "size": 1, "root": ""}'):
        kept.write_text(damage)
        found.clear()
        released.scratch.ok("seal", **released.key)
        assert found[0] == (head,), damage
    released.push("record 0.3.0")
    released.scratch.git("revert", "--no-edit", "HEAD")
    found.clear()
    released.prove("0.4.0")
    done = released.scratch.json("seal", **released.key)
    assert (done.status, done.codes) == (2, {"log.rollback"})
    assert found[0] == (released.scratch.git("rev-parse", "HEAD"),)


def test_a_clone_that_lacks_a_part_keeps_nothing(released: Production) -> None:
    shallow = released.scratch.base / "shallow"
    released.scratch.git("clone", "-q", "--depth", "1", released.origin.as_uri(), str(shallow))
    home = released.scratch.base / "nobody"
    released.scratch.ok("seal", cwd=shallow, **{**released.key, "HOME": str(home)})
    assert not (home / ".local/state/remembrancer/compared").exists()


def forked(made: Production) -> tuple[str, str]:
    """Publish a history in which the key has signed two logs; returns the last commit of the first, and the newest."""
    before = made.scratch.git("rev-parse", "HEAD")
    made.release("0.1.0")
    kept = made.scratch.git("rev-parse", "HEAD")
    hidden = made.scratch.base / "git"
    made.scratch.git("checkout", "-q", before, "--", "ops/receipts/ledger")
    made.scratch.git("clean", "-qfdx", "ops/receipts/.local")
    (made.scratch.root / ".git").rename(hidden)  # a sealer that could not see the first one
    made.prove("0.2.0")
    made.scratch.ok("seal", **made.key)
    hidden.rename(made.scratch.root / ".git")
    made.push("the other side")
    return kept, made.scratch.git("rev-parse", "HEAD")


@pytest.mark.section("After a fork")
def test_the_way_back_after_a_fork_is_the_guide_s(made: Production, commands: list[str]) -> None:
    kept, left = forked(made)
    mine = made.stranger()
    done = made.scratch.json("verify-audit", **mine)
    assert (done.status, "log.split-view" in done.codes) == (1, True), done.out
    (block,) = commands
    *git, seal = block.strip().splitlines()
    for line in git:
        made.scratch.git(*shlex.split(line.replace("$KEPT", kept).replace("$LEFT", left))[1:])
    assert seal == "remembrancer seal"
    made.scratch.ok("seal", **made.key)
    made.push("sealed again")
    clone = made.clone("anew")
    for artifact in ("dist/my-svc-0.1.0.tar.gz", "dist/my-svc-0.2.0.tar.gz"):
        (clone / "dist").mkdir(exist_ok=True)
        shutil.copy(made.scratch.root / artifact, clone / artifact)
        full = made.scratch.json("verify-full", artifact, cwd=clone, **mine)
        assert (full.status, full.codes) == (0, set()), full.out
    done = made.scratch.json("verify-audit", cwd=clone, **mine)
    assert (done.status, done.codes) == (0, set()), done.out
