"""Repositories that exist take a layer without losing a byte of their own, and follow the standard from then on."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from collection import IDENTITY, commit_all, git
from newcomer import prepared
from update_history import NEWEST, OLDER, URL, History
from update_support import ANSWERS, contents, lines, receipts, update

REPOSITORIES = Path(__file__).with_name("adopt")
Generate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def generate(history: History, tmp_path_factory: pytest.TempPathFactory) -> Generate:
    """Run a generator of a clone at the older version, with Copier's private environment made already."""
    base = tmp_path_factory.mktemp("clone")
    clone = base / "vaultmesh"
    git(base, "clone", "--quiet", str(history.bare), str(clone))
    git(clone, "checkout", "--quiet", OLDER)
    git(clone, "remote", "set-url", "origin", URL)
    prepared(base / "home", clone)

    def run(layer: str, target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        variables = {"HOME": str(base / "home"), "PATH": os.environ["PATH"], "PYTHON": sys.executable, **IDENTITY}
        return subprocess.run(
            [str(clone / f"generators/{layer}.sh"), str(target), *arguments],
            env=variables,
            cwd=clone,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def repository(tmp_path: Path, name: str) -> Path:
    """Make one of the repositories, as a team has it."""
    repo = Path(shutil.copytree(REPOSITORIES / name, tmp_path / name))
    git(repo, "init", "--quiet", "--initial-branch", "main")
    commit_all(repo, f"[{name}] feat: begin")
    return repo


def adopt(generate: Generate, layer: str, target: Path, *data: str) -> str:
    """Add a layer; check that the plan it prints told the truth and that nothing of the team's changed."""
    answers = [part for pair in data for part in ("--data", pair)]
    before = contents(target)
    done = generate(layer, target, "--yes", *answers)
    assert done.returncode == 0, done.stderr
    planned = set(re.findall(r"^  add +(\S+)$", done.stdout, re.MULTILINE))
    after = contents(target)
    assert {path: after[path] for path in before} == before
    assert set(after) - set(before) == planned
    assert git(target, "status", "--porcelain") == ""
    assert git(target, "diff", "--diff-filter=MDRT", "--name-only", "HEAD~1") == ""
    assert "Traceback" not in done.stderr
    return done.stdout


def follow(history: History, target: Path, layer: str, own: set[str]) -> None:
    """Update an adopted layer to the newest version: its receipts fit, and the team's files stay as they are."""
    before = contents(target)
    (spawned,) = (one for one in receipts(target, "spawn") if one["layer"] == layer)
    assert spawned["template"]["version"] == OLDER
    assert spawned["template"]["source"] == URL
    update(history, target, layer)
    (stated,) = (one for one in receipts(target, "update") if one["layer"] == layer)
    assert (stated["from"]["version"], stated["template"]["version"]) == (OLDER, NEWEST)
    assert stated["conflicts"] == []
    after = contents(target)
    assert {path: after[path] for path in own} == {path: before[path] for path in own}
    assert not own & set(lines(target, stated))
    commit_all(target, "[shop] chore: follow the standard")


@pytest.mark.system
def test_a_flask_service_takes_both_layers_and_follows_them(
    generate: Generate, history: History, tmp_path: Path
) -> None:
    shop = repository(tmp_path, "flask-shop")
    own = set(contents(shop))
    plan = generate("k8s", shop, "--plan")
    assert plan.returncode == 0, plan.stderr
    assert git(shop, "status", "--porcelain", "--ignored") == "", "a plan changes nothing"
    k8s = adopt(generate, "k8s", shop, "component=shop", "port=5000", "health_path=/healthz", "ready_path=/healthz")
    assert k8s.startswith(plan.stdout)
    assert "/healthz" in (shop / "ops/k8s/base/deployment.yaml").read_text()
    ci = adopt(generate, "ci", shop, "component=shop", "test_command=python -m unittest")
    assert "TEST_COMMAND := python -m unittest" in (shop / "ops/settings.mk").read_text()
    assert "clash" not in k8s + ci
    follow(history, shop, "ci", own)


def test_own_manifests_clash_before_anything_is_written(generate: Generate, tmp_path: Path) -> None:
    legacy = repository(tmp_path, "old-fastapi")
    (legacy / "ops/k8s").mkdir(parents=True)
    git(legacy, "mv", "deploy", "ops/k8s/base")
    commit_all(legacy, "[legacy] refactor: manifests elsewhere")
    before = contents(legacy)
    for arguments in (["--plan"], ["--yes"]):
        done = generate("k8s", legacy, *arguments)
        assert re.search(r"^  clash \(yours differs\) +ops/k8s/base/deployment.yaml$", done.stdout, re.MULTILINE)
        assert re.search(r"^  clash \(yours differs\) +ops/k8s/base/kustomization.yaml$", done.stdout, re.MULTILINE)
        assert done.returncode == (0 if arguments == ["--plan"] else 2)
        assert contents(legacy) == before
        assert git(legacy, "status", "--porcelain", "--ignored") == ""
    assert "2 of your files would change; move them or merge by hand first" in done.stderr


def test_a_file_that_is_there_already_with_the_same_bytes_is_kept(generate: Generate, tmp_path: Path) -> None:
    legacy = repository(tmp_path, "old-fastapi")
    (legacy / ".gitignore").write_text("*.lock\n")
    commit_all(legacy, "[legacy] chore: ignore locks")
    refused = generate("ci", legacy, "--yes")
    assert refused.returncode == 2
    assert re.search(r"^  clash \(git ignores it\) +ops/remembrancer.lock$", refused.stdout, re.MULTILINE)
    assert "your .gitignore keeps 1 of the layer's files out of every commit" in refused.stderr
    assert git(legacy, "status", "--porcelain", "--ignored") == ""

    (legacy / ".gitignore").unlink()
    same = REPOSITORIES.parents[2] / "templates/ci/ops/trivyignore.yaml"
    (legacy / "ops").mkdir()
    shutil.copy2(same, legacy / "ops/trivyignore.yaml")
    commit_all(legacy, "[legacy] chore: allow locks")
    plan = adopt(generate, "ci", legacy, "component=legacy")
    assert re.search(r"^  keep \(identical\) +ops/trivyignore.yaml$", plan, re.MULTILINE)


def test_a_service_in_a_folder_of_a_larger_repository(generate: Generate, history: History, tmp_path: Path) -> None:
    whole = repository(tmp_path, "monorepo")
    orders = whole / "services/orders"
    own = set(contents(orders))
    (whole / "services/billing/main.py").write_text("print('work in progress')\n")
    git(whole, "add", "services/billing/main.py")
    (whole / "notes.txt").write_text("somebody's\n")

    done = generate("k8s", orders, "--yes", "--data", "component=orders")
    assert done.returncode == 0, done.stderr
    touched = git(whole, "diff", "--name-only", "HEAD~1", "HEAD").splitlines()
    assert touched
    assert all(path.startswith("services/orders/") for path in touched)
    assert git(whole, "status", "--porcelain").splitlines() == ["M  services/billing/main.py", "?? notes.txt"]
    git(whole, "rm", "--quiet", "--cached", "--", "services/billing/main.py")
    commit_all(whole, "[billing] feat: go on")

    follow(history, orders, "k8s", own)

    adopt(generate, "ci", whole, "component=orders", "working_directory=services/orders")
    assert "WORKING_DIRECTORY := services/orders" in (whole / "ops/settings.mk").read_text()
    assert (whole / ANSWERS["ci"]).is_file()
    assert (whole / ".github/workflows/ci.yml").is_file()


def test_a_run_that_fails_late_leaves_nothing(generate: Generate, tmp_path: Path) -> None:
    shop = repository(tmp_path, "flask-shop")
    commit_hook = shop / ".git/hooks/pre-commit"
    commit_hook.write_text("#!/bin/sh\nexit 1\n")
    commit_hook.chmod(0o755)
    before = contents(shop)
    done = generate("k8s", shop, "--yes", "--data", "component=shop")
    assert done.returncode == 4
    assert contents(shop) == before
    assert not (shop / "ops").exists()
    assert git(shop, "status", "--porcelain", "--ignored") == ""
