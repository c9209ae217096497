"""How the three layers compose: links, conditions on files, refusals."""

from pathlib import Path

import pytest
import yaml

from collection import ROOT, commit_all, copier, files, git, render

TEMPLATES = ROOT / "templates"


def test_links_are_relative_stay_inside_and_end_somewhere() -> None:
    links = [path for path in TEMPLATES.rglob("*") if path.is_symlink()]
    assert links
    for link in links:
        assert not link.readlink().is_absolute(), link
        assert link.resolve(strict=True).is_relative_to(TEMPLATES), link


def test_no_file_name_needs_rendering() -> None:
    assert not [path for path in TEMPLATES.rglob("*") if "{" in path.name]


def test_every_suffix_is_earned() -> None:
    """A file with the template suffix uses an expression; a file without one is copied as it is."""
    for path in TEMPLATES.rglob("*.jinja"):
        # git reads no link of these names, and the collection itself has such links
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".git"):
            text = path.read_text(encoding="utf-8")
            assert "{{" in text or "{%" in text, path


def test_the_complete_service_holds_both_layers(service: Path, collection: Path, tmp_path: Path) -> None:
    for layer in ("k8s", "ci"):
        alone = render(collection, tmp_path / "my-svc", layer=layer, component="my-svc")
        missing = files(alone) - files(service) - {f".copier-answers.{layer}.yml"}
        # a layer alone may bring a few files that the complete service has in another form
        assert not missing, (layer, missing)
        for path in sorted(tmp_path.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


CONDITIONS = [
    ({"ci": "github"}, {".github/workflows/ci.yml"}, {".gitlab-ci.yml"}),
    ({"ci": "gitlab"}, {".gitlab-ci.yml"}, {".github/workflows/ci.yml"}),
    ({"ci": "both"}, {".gitlab-ci.yml", ".github/workflows/ci.yml"}, set()),
    ({"gpu": False}, set(), {"ops/k8s/components/gpu/kustomization.yaml"}),
    ({"gpu": True}, {"ops/k8s/components/gpu/kustomization.yaml"}, set()),
    (
        {"overlays": ["development"]},
        {"ops/k8s/overlays/development/kustomization.yaml"},
        {
            "ops/k8s/overlays/staging/kustomization.yaml",
            "ops/k8s/overlays/staging-eks/kustomization.yaml",
            "ops/k8s/overlays/production/kustomization.yaml",
            "ops/aws/verify-aurora-week1.sh",
        },
    ),
    (
        {"overlays": ["staging-eks"]},
        {"ops/k8s/overlays/staging-eks/kustomization.yaml", "ops/aws/verify-aurora-week1.sh"},
        # its namespace and its role are production's
        {"ops/k8s/overlays/development/kustomization.yaml", "ops/k8s/components/secrets-aws/kustomization.yaml"},
    ),
]


@pytest.mark.parametrize(("answers", "present", "absent"), CONDITIONS)
def test_conditions_on_files(
    collection: Path, tmp_path: Path, answers: dict[str, object], present: set[str], absent: set[str]
) -> None:
    found = files(render(collection, tmp_path / "my-svc", **answers))
    assert present <= found
    assert not absent & found


def test_a_checkout_without_links_says_so(collection: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    git(tmp_path, "clone", "--quiet", "--config", "core.symlinks=false", str(collection), str(flat))
    git(flat, "config", "core.symlinks", "false")
    link = flat / "templates/fastapi-service/ops/release.mk"
    assert not link.is_symlink()
    git(flat, "update-index", "--refresh")
    # a zip download has lost the links for good: commit what is on disk as plain files
    git(flat, "config", "core.symlinks", "true")
    commit_all(flat, "[spawn] test: links lost")
    done = copier("copy", "--trust", "--defaults", "--vcs-ref", "HEAD", str(flat), "out", cwd=tmp_path)
    assert done.returncode != 0
    assert "This checkout has no symbolic links" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_layer_over_a_complete_service_is_refused(collection: Path, tmp_path: Path) -> None:
    target = render(collection, tmp_path / "my-svc")
    before = files(target)
    for layer in ("k8s", "ci"):
        with pytest.raises(ValueError, match="a complete service, which has the layer"):
            render(collection, target, layer=layer)
    assert files(target) == before


def test_another_templates_answers_do_not_count(collection: Path, tmp_path: Path) -> None:
    target = tmp_path / "repo"
    target.mkdir()
    (target / ".copier-answers.yml").write_text("_src_path: https://example.com/x.git\nproject: other\n")
    render(collection, target, layer="k8s", component="my-svc")
    assert (target / ".copier-answers.k8s.yml").is_file()
    assert yaml.safe_load((target / ".copier-answers.yml").read_text())["project"] == "other"


def test_without_trust_nothing_is_written(collection: Path, tmp_path: Path) -> None:
    done = copier("copy", "--defaults", "--vcs-ref", "HEAD", str(collection), "out", cwd=tmp_path)
    assert done.returncode == 4
    assert not (tmp_path / "out").exists()
