"""An update is taken back before its commit, after it and after its seal; the record says so, and the next is clean."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import small_template
from cli_support import Scratch
from collection import git
from small_template import Small
from update_support import contents, end_world, new_world, receipts, spawn, update

SERVICE = "fastapi-service"
ANSWERS = ".copier-answers.yml"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Small:
    made = small_template.begin(tmp_path_factory.mktemp("small") / "template")
    small_template.second(made)
    made.change("Makefile", "echo five", "echo FIVE")
    made.publish("v3.0.0")
    return made


@pytest.fixture(scope="module")
def updated(template: Small, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """A service with a development ledger, whose update to v2.0.0 is committed and sealed; the team went on since."""
    service = new_world(spawn(template, tmp_path_factory.mktemp("spawned") / "my-svc", SERVICE, "v1.0.0"))
    service.ok("init", "--dev", "--component", "my-svc")
    service.commit("[my-svc] chore: begin a ledger")
    update(template, service.root, SERVICE, "v2.0.0")
    service.commit("[my-svc] chore: follow the standard")
    service.ok("seal")
    service.commit("[my-svc] chore: seal")
    service.write("own.txt", "ours\n")
    service.write("README.md", (service.root / "README.md").read_text() + "\nours\n")
    service.commit("[my-svc] feat: ours")
    yield service
    end_world(service)


@pytest.fixture
def service(updated: Scratch) -> Iterator[Scratch]:
    copy = updated.copy()
    yield copy
    end_world(copy)


def test_undone_after_the_seal_and_updated_again(template: Small, service: Scratch) -> None:
    root = service.root
    done = service.ok("undo", "update")
    assert "took the update from v1.0.0 to v2.0.0 back" in done.out
    assert "_commit: v1.0.0" in (root / ANSWERS).read_text()
    assert (root / "README.md").read_text() == "# my-svc\n\none\n\ntwo\n\nthree\n\nours\n"
    assert (root / "own.txt").read_text() == "ours\n"
    assert (root / "leaving.txt").is_file()
    assert not (root / "arriving.txt").exists()
    first, back = receipts(root, "update")
    assert (back["from"], back["template"]) == (
        {name: first["template"][name] for name in ("commit", "version")},
        receipts(root, "spawn")[0]["template"],
    )
    assert back["conflicts"] == []
    assert "already recorded" in service.ok("record", "update").out
    assert service.ok("hook", "pre-commit").out == ""
    service.commit("[my-svc] chore: go back")
    service.ok("seal")
    service.commit("[my-svc] chore: seal")
    assert service.run("drift").status == 0
    assert service.run("verify-audit").status == 0
    assert "from v2.0.0 to v1.0.0" in service.ok("timeline").out

    update(template, root, SERVICE, "v3.0.0")
    (*_, newest) = receipts(root, "update")
    assert (newest["from"]["version"], newest["conflicts"], newest.get("skipped")) == ("v1.0.0", [], None)
    assert (root / "README.md").read_text() == "# my-svc\n\none\n\nTWO\n\nthree\n\nours\n"
    assert "echo FIVE" in (root / "Makefile").read_text()


def test_undone_by_hand_and_recorded(service: Scratch) -> None:
    """`git revert` takes sealed receipts with it: drift and timeline name them, and the recipe puts them back."""
    root = service.root
    followed = git(root, "log", "--format=%H", "--grep", "follow the standard")
    git(root, "revert", "--no-commit", followed)
    (gone,) = (
        path for path in git(root, "diff", "--cached", "--name-only", "--diff-filter=D").split() if "/update/" in path
    )
    said = service.json("drift")
    assert any(one["code"] == "receipt.missing" and gone in one["message"] for one in said.report["findings"])
    assert f"{gone} is sealed, and its file is gone [receipt.missing]" in service.ok("timeline").err
    git(root, "checkout", "HEAD", "--", "ops/receipts")
    assert service.json("drift").codes >= {"drift.unrecorded"}, "the way back has no receipt yet"
    service.ok("record", "update")
    _, back = receipts(root, "update")
    assert (back["from"]["version"], back["template"]["version"]) == ("v2.0.0", "v1.0.0")
    service.commit("[my-svc] chore: go back")
    service.ok("seal")
    assert service.run("drift").status == 0


def test_edits_in_the_way_wait_for_a_decision(service: Scratch) -> None:
    root = service.root
    service.write("settings.txt", (root / "settings.txt").read_text().replace("B\n", "B is ours\n"))
    service.commit("[my-svc] feat: in the way")
    done = service.ok("undo", "update")
    assert "settings.txt has conflicts with what was edited since" in done.out
    early = service.json("record", "update", "--resolved")
    assert (early.status, early.codes) == (2, {"receipt.unresolved"})
    service.write("settings.txt", "a\nb is ours\nc\nd\ne\nf\ng\nh\n")
    service.ok("record", "update", "--resolved")
    assert receipts(root, "update")[-1]["conflicts"] == ["settings.txt"]
    service.commit("[my-svc] chore: go back")


def test_what_cannot_be_undone_is_said(template: Small, service: Scratch, tmp_path: Path) -> None:
    root = service.root
    service.write("own.txt", "not committed\n")
    dirty = service.json("undo", "update")
    assert (dirty.status, dirty.codes) == (2, {"receipt.undo"})
    git(root, "checkout", "--quiet", "--", "own.txt")
    before = contents(root)
    update(template, root, SERVICE, "v3.0.0")
    early = service.json("undo", "update")
    assert (early.status, early.codes) == (2, {"receipt.undo"})
    assert "git reset --hard && git clean -d --force" in early.report["error"]["remedy"]
    git(root, "reset", "--quiet", "--hard")
    git(root, "clean", "-d", "--force", "--quiet")
    assert contents(root) == before
    assert service.run("drift").status == 0, "what was thrown away is not on the record"
    service.write(ANSWERS, (root / ANSWERS).read_text().replace("v2.0.0", "v1.0.0"))
    git(root, "commit", "--quiet", "--all", "--no-verify", "--message", "by hand")
    by_hand = service.json("undo", "update")
    assert (by_hand.status, by_hand.codes) == (2, {"receipt.undo"})
    fresh = new_world(spawn(template, tmp_path / "my-svc", SERVICE, "v1.0.0"))
    try:
        never = fresh.json("undo", "update")
        assert (never.status, never.codes) == (2, {"receipt.undo"})
    finally:
        end_world(fresh)


def test_what_comes_later_says_so_within_one_second(template: Small, service: Scratch) -> None:
    """An update straight after the way back starts where that ended, also when both fall into one second."""
    root = service.root
    service.ok("undo", "update")
    (back,) = receipts(root, "update")[-1:]
    service.commit("[my-svc] chore: go back")
    update(template, root, SERVICE, "v3.0.0")
    newest = receipts(root, "update")[-1]
    assert newest["recordedAt"] > back["recordedAt"]
    assert newest["from"]["version"] == "v1.0.0"
