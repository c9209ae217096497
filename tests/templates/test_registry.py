"""An image for two machines goes to a real registry and comes back as it was, with SBOM and provenance beside it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_render import call, environment, program, repository
from collection import git, render
from registry import PREDICATES, Registry, built, registry

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry of the tests in this file."""
    with registry(tmp_path_factory.mktemp("registry") / "path") as one:
        yield one


@pytest.fixture(scope="module")
def rendered(collection: Path, served: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service whose images go to that registry."""
    target = tmp_path_factory.mktemp("service") / "my-svc"
    return repository(render(collection, target, component="my-svc", registry=f"{served.address}/team"))


@pytest.fixture
def repo(rendered: Path, tmp_path: Path) -> Path:
    """A checkout of it."""
    git(tmp_path, "clone", "--quiet", rendered.as_uri(), "my-svc")
    return tmp_path / "my-svc"


def test_what_is_pushed_comes_back_with_the_same_digest(repo: Path, served: Registry, tmp_path: Path) -> None:
    digest = built(repo, git(repo, "rev-parse", "HEAD"))
    env = environment(tmp_path, served.path, REGISTRY_USER="somebody", REGISTRY_PASSWORD="s3cret", CI="true")
    done = call(["ops/bin/image", "push"], repo, env)
    assert done.returncode == 0, done.stderr
    assert (repo / "dist/image.digest").read_text().strip() == digest
    assert call(["ops/bin/image", "pushed"], repo, env).stdout.strip() == digest
    assert not list((repo / "dist").glob("login.*")), "the login ends with the step"
    assert not (tmp_path / "home/.docker").exists()

    image = f"{served.address}/team/my-svc"
    served.crane("pull", "--format=oci", f"{image}@{digest}", tmp_path / "back")
    (entry,) = json.loads((tmp_path / "back/index.json").read_text())["manifests"]
    assert entry["digest"] == digest
    blobs = {path.name: path.read_bytes() for path in (repo / "dist/image/blobs/sha256").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "back/blobs/sha256").iterdir()} == blobs
    listed = json.loads(served.crane("manifest", f"{image}:0.1.0"))["manifests"]
    assert [one["platform"]["architecture"] for one in listed] == ["amd64", "arm64", "unknown", "unknown"]
    for of, about in zip(listed[:2], listed[2:], strict=True):
        assert about["annotations"]["vnd.docker.reference.digest"] == of["digest"]
        held = json.loads(served.crane("manifest", f"{image}@{about['digest']}"))["layers"]
        assert tuple(one["annotations"]["in-toto.io/predicate-type"] for one in held) == PREDICATES
    for machine in ("amd64", "arm64"):
        files = served.crane("export", "--platform", f"linux/{machine}", f"{image}:0.1.0", tmp_path / machine)
        assert machine.encode() in (tmp_path / machine).read_bytes(), files


def test_a_registry_that_names_another_digest_is_not_believed(repo: Path, served: Registry, tmp_path: Path) -> None:
    built(repo, git(repo, "rev-parse", "HEAD"))
    other = f"sha256:{'0' * 64}"
    program(tmp_path / "path", "crane", f'#!/bin/sh\n[ "$1" != digest ] || echo {other}\n')
    done = call(["ops/bin/image", "push"], repo, environment(tmp_path, tmp_path / "path"))
    assert done.returncode == 1
    assert f"the registry names {other} for what was pushed" in done.stderr
    assert not (repo / "dist/image.digest").exists()


def test_after_a_registry_that_is_down_nothing_counts_as_pushed(repo: Path, served: Registry, tmp_path: Path) -> None:
    built(repo, git(repo, "rev-parse", "HEAD"))
    settings = repo / "ops/settings.mk"
    settings.write_text(settings.read_text().replace(served.address, "127.0.0.1:1"))
    done = call(["ops/bin/image", "push"], repo, environment(tmp_path, served.path))
    assert done.returncode == 1
    assert "connection refused" in done.stderr
    assert not (repo / "dist/image.pushed").exists()


def test_a_damaged_layout_is_not_pushed(repo: Path, served: Registry, tmp_path: Path) -> None:
    digest = built(repo, git(repo, "rev-parse", "HEAD"))
    blob = repo / "dist/image/blobs/sha256" / digest.removeprefix("sha256:")
    blob.write_bytes(blob.read_bytes() + b" ")
    shutil.rmtree(repo / "dist/image.digest", ignore_errors=True)
    done = call(["ops/bin/image", "push"], repo, environment(tmp_path, served.path))
    assert done.returncode == 1, done.stdout
    assert not (repo / "dist/image.pushed").exists()
