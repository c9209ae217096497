"""docs/gitops.md, run: its commands change what kustomize builds, and its objects fit the operators and the overlay."""

import copy
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci_render import call, environment, program, repository, tool
from collection import ROOT, git
from k8s_render import Object, kustomize
from operator_schemas import faults

PAGE = (ROOT / "docs/gitops.md").read_text(encoding="utf-8")
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
OBJECTS: list[Object] = [
    item for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) for item in yaml.safe_load_all(block)
]
DIGEST = f"sha256:{'ab' * 32}"


@pytest.fixture
def repo(service: Path, tmp_path: Path) -> Path:
    """A committed service with a remote, and kubectl on PATH."""
    folder = repository(Path(shutil.copytree(service, tmp_path / "my-svc")))
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    git(folder, "remote", "add", "origin", str(tmp_path / "remote.git"))
    program(tmp_path / "path", "kubectl", f'#!/bin/sh\nGOGC=off GOMAXPROCS=1 exec {tool("kubectl")} "$@"\n')
    return folder


def images(repo: Path) -> dict[str, str]:
    """Return what two overlays build."""
    return {name: kustomize(repo / "ops/k8s/overlays" / name).stdout for name in ("staging", "production")}


def shell(repo: Path, text: str, **variables: str) -> str:
    """Run lines of the page; they have to succeed."""
    done = call(text, repo, environment(repo.parent, repo.parent / "path", **variables))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_commands_of_the_page(repo: Path) -> None:
    assert len(SHELL) == 2
    (repo / "dist").mkdir(exist_ok=True)
    (repo / "dist/image.digest").write_text(f"{DIGEST}\n")
    (repo / "dist/image.pushed").write_text(f"0.1.0 {git(repo, 'rev-parse', 'HEAD')}\n")
    before = images(repo)
    shell(repo, SHELL[0])
    after = images(repo)
    assert [name for name in before if before[name] != after[name]] == ["production"]
    old, new = before["production"].splitlines(), after["production"].splitlines()
    assert [line.strip() for line in old if line not in new] == ["image: ghcr.io/vaultmesh/my-svc:0.1.0"]
    assert [line.strip() for line in new if line not in old] == [f"image: ghcr.io/vaultmesh/my-svc@{DIGEST}"]
    assert git(repo, "show", "--stat", "--format=%s").splitlines()[0] == (
        "[my-svc] chore: run the signed image in production"
    )
    assert git(repo, "diff", "--name-only", "HEAD~", "HEAD") == "ops/k8s/overlays/production/kustomization.yaml"
    assert git(repo, "status", "--porcelain") == ""
    shell(repo, "ops/bin/bump --check")
    shell(repo, SHELL[1])
    assert images(repo) == before
    assert git(repo, "ls-remote", "origin", "refs/heads/main").split()[0] == git(repo, "rev-parse", "HEAD")
    subjects = git(repo, "log", "--format=%s", "-2").splitlines()
    assert all(re.fullmatch(r"\[my-svc\] (chore|revert): .+", one) for one in subjects)
    shell(repo, 'ops/bin/commit-msg "HEAD~2..HEAD"')


def test_pinning_again_and_in_another_overlay(repo: Path) -> None:
    other = f"sha256:{'cd' * 32}"
    for digest in (DIGEST, other, other):
        said = shell(repo, "make pin OVERLAY=staging", DIGEST=digest)
        assert said.strip() == f"ops/k8s/overlays/staging/kustomization.yaml runs ghcr.io/vaultmesh/my-svc@{digest}"
    assert f"image: ghcr.io/vaultmesh/my-svc@{other}" in images(repo)["staging"]
    assert len(git(repo, "diff", "--unified=0").splitlines()) == 7


def test_a_pinned_overlay_keeps_its_version_until_it_is_pinned_again(repo: Path) -> None:
    """Digest and label change together: a bump alone would roll pods and name a version that does not run."""
    before = images(repo)
    shell(repo, "make pin OVERLAY=production", DIGEST=DIGEST)
    pinned = images(repo)["production"]
    assert pinned.count("app.kubernetes.io/version: 0.1.0") == before["production"].count("app.kubernetes.io/version:")
    shell(repo, "make bump VERSION=0.2.0")
    assert images(repo)["production"] == pinned
    assert "my-svc:0.2.0" in images(repo)["staging"]
    shell(repo, "ops/bin/bump --check")
    other = f"sha256:{'cd' * 32}"
    shell(repo, "make pin OVERLAY=production", DIGEST=other)
    assert images(repo)["production"] == pinned.replace(DIGEST, other).replace("version: 0.1.0", "version: 0.2.0")
    shell(repo, "make pin OVERLAY=production VERSION=0.1.0", DIGEST=DIGEST)
    assert images(repo)["production"] == pinned


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"VERSION": "0.0.9"}, "say which image 0.0.9 is"),
        ({"VERSION": "newest", "DIGEST": DIGEST}, "VERSION is the version of that image"),
        ({"VERSION": '1.0.0"; x', "DIGEST": DIGEST}, "VERSION is the version of that image"),
    ],
)
def test_a_version_that_is_not_the_images_is_refused(repo: Path, variables: dict[str, str], said: str) -> None:
    done = call(["ops/bin/deploy", "pin"], repo, environment(repo.parent, OVERLAY="production", **variables))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
    assert git(repo, "status", "--porcelain") == ""


@pytest.mark.parametrize("digest", ["", "latest", "sha256:ab", f"sha256:{'AB' * 32}", f"sha512:{'ab' * 32}", "ab" * 32])
def test_what_is_no_digest_is_refused_and_changes_nothing(repo: Path, digest: str) -> None:
    done = call(["ops/bin/deploy", "pin"], repo, environment(repo.parent, OVERLAY="production", DIGEST=digest))
    assert done.returncode == 2
    assert done.stderr.startswith("ops/bin/deploy: ")
    assert len(done.stderr.splitlines()) == 1
    assert git(repo, "status", "--porcelain") == ""


def test_an_overlay_without_the_image_is_refused(repo: Path) -> None:
    file = repo / "ops/k8s/overlays/production/kustomization.yaml"
    file.write_text(file.read_text().replace("ghcr.io/vaultmesh/my-svc", "ghcr.io/vaultmesh/other"))
    text = file.read_text()
    done = call(["ops/bin/deploy", "pin"], repo, environment(repo.parent, OVERLAY="production", DIGEST=DIGEST))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no image of my-svc to pin" in done.stderr
    assert file.read_text() == text


def test_the_objects_fit_the_operators_and_the_overlay(service: Path) -> None:
    assert [item["kind"] for item in OBJECTS] == ["Application", "GitRepository", "Kustomization"]
    for item in OBJECTS:
        assert faults(item) == []
    argo, source, flux = (item["spec"] for item in OBJECTS)
    for path in (argo["source"]["path"], flux["path"]):
        home = yaml.safe_load((service / path / "kustomization.yaml").read_text())["namespace"]
        assert argo["destination"]["namespace"] == flux["targetNamespace"] == home
    assert flux["sourceRef"] == {"kind": "GitRepository", "name": OBJECTS[1]["metadata"]["name"]}
    assert argo["source"]["repoURL"] == source["url"]
    assert argo["source"]["targetRevision"] == source["ref"]["branch"] == "main"


def test_the_mesh_component_fits_its_operator() -> None:
    # No overlay lists it; the operators' kinds of the overlays are checked in test_k8s_overlays.
    mesh = ROOT / "templates/k8s/ops/k8s/components/mtls/peerauthentication.yaml.jinja"
    assert faults(yaml.safe_load(re.sub(r"\{\{.*?\}\}", "x", mesh.read_text()))) == []


BROKEN: dict[str, tuple[int, tuple[str, ...], Any]] = {
    "unknown field": (0, ("spec", "syncPolicy", "automate"), True),
    "wrong type": (0, ("spec", "source", "path"), 1),
    "no destination": (0, ("spec", "destination"), None),
    "interval": (1, ("spec", "interval"), "soon"),
    "kind of source": (2, ("spec", "sourceRef", "kind"), "Repository"),
    "prune": (2, ("spec", "prune"), "yes"),
}


@pytest.mark.parametrize(("place", "path", "value"), BROKEN.values(), ids=list(BROKEN))
def test_the_schemas_catch(place: int, path: tuple[str, ...], value: Any) -> None:
    item = copy.deepcopy(OBJECTS[place])
    target = item
    for key in path[:-1]:
        target = target[key]
    if value is None:
        target.pop(path[-1])
    else:
        target[path[-1]] = value
    assert faults(item)
    assert faults({"apiVersion": "example.org/v1", "kind": "Gadget"}) == ["no schema for example.org/v1 Gadget"]
