"""A service that nobody changed ends as if the new version had been copied, and the update is one event."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from collection import commit_all, git
from remembrancer.tlog import merkle
from update_history import NEWEST, OLDER, OLDEST, URL, History
from update_support import ANSWERS, changed, contents, lines, receipts, spawn, update

SERVICE = "fastapi-service"


def follow(history: History, service: Path, layer: str, *versions: str) -> None:
    """Update step by step and check what each receipt says about its step."""
    before = {path: path.read_bytes() for path in (service / "ops/receipts").rglob("*.receipt")}
    last = receipts(service, "spawn")[0]["template"]["version"]
    for number, version in enumerate(versions):
        update(history, service, layer, version)
        stated = receipts(service, "update")[number]
        assert (stated["component"], stated["layer"]) == ("my-svc", layer)
        assert (stated["from"]["version"], stated["template"]["version"]) == (last, version)
        assert stated["from"]["commit"] == git(history.bare, "rev-parse", f"{last}^{{commit}}")
        assert stated["template"]["commit"] == git(history.bare, "rev-parse", f"{version}^{{commit}}")
        assert stated["template"]["source"] == URL
        assert stated["conflicts"] == []
        assert "movedTo" not in stated["from"]
        answers = hashlib.sha256((service / ANSWERS[layer]).read_bytes()).hexdigest()
        assert stated["answers"] == {"path": ANSWERS[layer], "sha256": answers}
        commit_all(service, f"[my-svc] chore: follow the standard to {version}")
        last = version
    assert {path: path.read_bytes() for path in before} == before
    assert len(receipts(service, "spawn")) == 1


def is_fresh(history: History, service: Path, folder: Path, layer: str, **answers: object) -> None:
    """Check that a service holds what a fresh copy of the newest version holds, and that its manifest says so."""
    fresh = spawn(history, folder / "my-svc", layer, NEWEST, tasks=False, commit=False, **answers)
    assert contents(service) == contents(fresh)
    stated = receipts(service, "update")[-1]
    manifest = lines(service, stated)
    assert set(manifest) == set(contents(service))
    for path, line in manifest.items():
        assert line["rendered"] == line["disk"] == hashlib.sha256((service / path).read_bytes()).hexdigest(), path
    blob = (service / "ops/receipts/blobs" / stated["manifest"]["sha256"]).read_bytes()
    assert merkle.root(blob.splitlines()).hex() == stated["manifest"]["root"]
    assert stated["manifest"]["files"] == len(blob.splitlines())


def test_a_complete_service_across_two_versions_with_a_renamed_question(history: History, tmp_path: Path) -> None:
    """A clean service ends as a fresh copy; a renamed question keeps its answer, a new one takes its default."""
    service = spawn(history, tmp_path / "my-svc", SERVICE, OLDEST, team="payments")
    old = yaml.safe_load((service / ANSWERS[SERVICE]).read_text())
    assert old["team"] == "payments"
    assert "base_image_prefix" not in old
    follow(history, service, SERVICE, NEWEST)
    new = yaml.safe_load((service / ANSWERS[SERVICE]).read_text())
    assert (new["owner"], new["base_image_prefix"]) == ("payments", "")
    assert "team" not in new
    is_fresh(history, service, tmp_path / "fresh", SERVICE, owner="payments")


@pytest.mark.system
def test_a_layer_then_nothing_new_then_an_answer(
    history: History, spawned: Callable[[str, str], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    service = spawned("k8s", OLDER)
    follow(history, service, "k8s", NEWEST)
    is_fresh(history, service, tmp_path / "fresh", "k8s")

    update(history, service, "k8s")
    assert git(service, "status", "--porcelain") == "", "nothing new writes nothing"

    update(history, service, "k8s", port=9090)
    stated = receipts(service, "update")[-1]
    assert stated["from"]["commit"] == stated["template"]["commit"], "a changed answer alone is an update too"
    assert ".copier-answers.k8s.yml" in changed(service)
    commit_all(service, "[my-svc] chore: another port")

    before = contents(service)
    update(history, service, "k8s", cloud="none")
    left = contents(service)
    assert not [path for path in left if path.startswith("ops/aws/") or "eks" in path or "alb" in path]
    assert not [path for path, text in left.items() if b"staging-eks" in text and "answers" not in path]
    assert {"ops/k8s/overlays/staging/kustomization.yaml", "ops/k8s/overlays/production/ingress.yaml"} <= set(left)
    assert receipts(service, "update")[-1]["conflicts"] == [ANSWERS["k8s"]], "what was said about it is gone"
    assert "overlays was" not in capfd.readouterr().err
    commit_all(service, "[my-svc] chore: leave that cloud")

    update(history, service, "k8s", cloud="eks")
    assert contents(service) == before, "what was chosen for the cloud is not forgotten meanwhile"


def test_files_added_edited_renamed_and_deleted(
    history: History, spawned: Callable[[str, str], Path], tmp_path: Path
) -> None:
    service = spawned("ci", OLDEST)
    assert "Standard 3.8" in (service / "ops/release.mk").read_text()
    follow(history, service, "ci", OLDER, NEWEST)
    touched = set(git(service, "diff", "--no-renames", "--name-only", "HEAD~1").splitlines())
    assert {
        "ops/bin/old-release",
        "ops/lib/bump.py",
        "ops/lib/sbom.py",
        "ops/lib/version.py",
        "ops/release.mk",
    } <= touched
    assert not (service / "ops/bin/old-release").exists()
    assert not (service / "ops/lib/version.py").exists()
    assert os.access(service / "ops/bin/sbom", os.X_OK)
    assert os.access(service / "ops/ci/publish", os.X_OK), "what only pipelines call moved to a folder of its own"
    assert not (service / "ops/bin/publish").exists()
    assert "Standard 3." not in (service / "ops/release.mk").read_text()
    is_fresh(history, service, tmp_path / "fresh", "ci")
