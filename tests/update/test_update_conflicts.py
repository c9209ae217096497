"""A service that was changed: edits survive, clashes are shown, wait for a decision, and are sealed only after it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli_support import Scratch
from collection import git
from update_history import NEWEST, OLDER, History
from update_support import MARKS, end_world, lines, new_world, receipts, run

SERVICE = "fastapi-service"
CLASHES = ["app/core/limits.py", "app/core/logging_json.py", "ops/release.mk", "setup.cfg"]
MINE = "# Standard 3.9, and we also read settings.local.mk."


def customise(root: Path) -> None:
    """What a team does to a service: own files, own edits, and edits where the standard changes something too."""
    (root / "Makefile").write_text((root / "Makefile").read_text() + "\nours: ## our own target\n\t@echo ours\n")
    (root / "app/quotes.py").write_text((root / "app/quotes.py").read_text() + "\nOURS = 1\n")
    (root / "app/ours.py").write_text("OURS = 2\n")
    git(root, "rm", "--quiet", "renovate.json")
    # clashes: a line that the standard drops, a file that both add, two edited files that the standard drops
    release = root / "ops/release.mk"
    release.write_text(release.read_text().replace("# Standard 3.9.", MINE))
    (root / "app/core/limits.py").write_text("LIMIT = 7\n")
    (root / "setup.cfg").write_text("[flake8]\nmax-line-length = 99\n")
    (root / "app/core/logging_json.py").write_text((root / "app/core/logging_json.py").read_text() + "\nOURS = 3\n")


def copier_update(history: History, root: Path) -> subprocess.CompletedProcess[str]:
    return run(root, sys.executable, "-m", "copier", "update", "--trust", "--defaults", "--quiet", **history.variables)


def checks(root: Path) -> subprocess.CompletedProcess[str]:
    return run(root, "ops/bin/no-conflict-markers")


@pytest.fixture(scope="module")
def clashed(generated: Callable[[str, str], Path], history: History) -> Iterator[Scratch]:
    """A changed service with a development ledger, right after `copier update` met clashes."""
    service = new_world(generated(SERVICE, OLDER))
    service.ok("init", "--dev", "--component", "my-svc")
    service.commit("[my-svc] chore: begin a ledger")
    customise(service.root)
    service.commit("[my-svc] feat: make it ours")
    assert checks(service.root).returncode == 0
    done = copier_update(history, service.root)
    assert done.returncode == 0, "Copier itself does not call a conflict an error"
    for path in CLASHES:
        assert f"receipt: {path} " in done.stderr
    assert "record update --resolved" in done.stderr
    yield service
    end_world(service)


@pytest.fixture
def clashing(clashed: Scratch) -> Iterator[Scratch]:
    service = clashed.copy()
    yield service
    end_world(service)


def sealed_size(service: Scratch) -> int:
    return int((service.root / "ops/receipts/ledger/checkpoint").read_text().splitlines()[1])


def test_clashes_wait_for_a_decision_and_edits_survive(clashing: Scratch) -> None:
    root = clashing.root
    assert "@echo ours" in (root / "Makefile").read_text()
    assert "Tools are installed by hand" not in (root / "Makefile").read_text()
    assert "OURS = 1" in (root / "app/quotes.py").read_text()
    assert (root / "app/ours.py").read_text() == "OURS = 2\n"
    assert not (root / "renovate.json").exists(), "a file that the team removed does not come back"
    for path in ("app/core/limits.py", "ops/release.mk"):
        assert all(mark in (root / path).read_bytes() for mark in MARKS), path
    assert (root / "setup.cfg").read_text() == "[flake8]\nmax-line-length = 99\n", "an edited file is never lost"
    assert (root / "app/core/logging_json.py").read_text().endswith("OURS = 3\n")
    assert (root / "app/core/logs.py").is_file()

    (waiting,) = receipts(root, "update")
    assert waiting["conflicts"] == CLASHES
    assert "resolvedAt" not in waiting
    spawned = (root / "ops/receipts/spawn").rglob("*.receipt")
    assert git(root, "status", "--porcelain", "--", *(str(path.relative_to(root)) for path in spawned)) == ""

    refused = checks(root)
    assert refused.returncode == 1
    assert "app/core/limits.py:1 holds a merge conflict" in refused.stderr
    assert "ops/release.mk:" in refused.stderr

    # it is neither sealed nor committed while it waits
    size = sealed_size(clashing)
    clashing.ok("seal")
    assert sealed_size(clashing) == size
    git(root, "add", "--all")
    hook = run(root, "ops/bin/check-receipts")
    assert hook.returncode == 1
    assert "waits for a decision" in hook.stderr
    facts = (root / "ops/remembrancer.json").rename(clashing.base / "facts.json")
    hook = run(root, "ops/bin/check-receipts")
    assert (hook.returncode, "waits for a decision" in hook.stderr) == (1, True), "git alone can tell too"
    facts.rename(root / "ops/remembrancer.json")
    early = clashing.json("record", "update", "--resolved")
    assert (early.status, early.codes) == (2, {"receipt.unresolved"})
    assert receipts(root, "update") == [waiting]

    # the person decides
    (root / "app/core/limits.py").write_text("LIMIT = 7\n")
    release = (root / "ops/release.mk").read_text().splitlines()
    kept = [line for line in release if not line.startswith(("<<<<<<< ", "=======", ">>>>>>> ")) and line != MINE]
    (root / "ops/release.mk").write_text("\n".join(kept) + "\n")
    (root / "app/core/logging_json.py").unlink()
    assert checks(root).returncode == 0
    done = clashing.ok("record", "update", "--resolved")
    assert "sealed by the first `remembrancer seal` after its commit" in done.out
    assert sealed_size(clashing) == size, "the tree can still be thrown away"

    (resolved,) = receipts(root, "update")
    assert resolved["conflicts"] == CLASHES, "what had clashed stays on record"
    assert resolved["resolvedAt"] >= resolved["recordedAt"] == waiting["recordedAt"]
    assert resolved["template"] == waiting["template"]
    assert resolved["from"]["version"] == OLDER
    assert resolved["template"]["version"] == NEWEST
    manifest = lines(root, resolved)
    assert manifest["app/core/limits.py"]["disk"] != manifest["app/core/limits.py"]["rendered"]
    assert manifest["app/core/logs.py"]["disk"] == manifest["app/core/logs.py"]["rendered"]
    assert manifest["renovate.json"]["disk"] == ""
    clashing.commit(f"[my-svc] chore: follow the standard to {NEWEST}")
    assert "sealed 1 receipt;" in clashing.ok("seal").out
    assert sealed_size(clashing) == size + 1
    clashing.commit("[my-svc] chore: seal")
    assert clashing.run("verify-audit").status == 0
    again = clashing.json("record", "update", "--resolved")
    assert (again.status, again.codes) == (2, {"receipt.generation"})


@pytest.mark.parametrize("cleaning", [True, False])
def test_an_aborted_update_leaves_nothing_sealed(clashing: Scratch, cleaning: bool) -> None:
    """The second way forgets the untracked receipt, as `git checkout .` alone does."""
    root = clashing.root
    size = sealed_size(clashing)
    git(root, "reset", "--quiet", "--hard")
    if cleaning:
        git(root, "clean", "-d", "--force", "--quiet")
        assert not (root / "ops/receipts/update").exists()
    status = git(root, "status", "--porcelain").splitlines()
    assert [line for line in status if cleaning or not line.startswith("?? ")] == []
    clashing.ok("seal")
    assert sealed_size(clashing) == size
