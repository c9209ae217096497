"""ops/bin/image picks a builder that works here, and what buildah drew by chance leaves its archives."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ci_render import call, environment, program, repository
from collection import commit_all, git, render

SMALL = ("sh", "make", "git", "sed", "mktemp", "rm", "cat", "mkdir", "env", "python3", "dirname")
PUSHED = f"sha256:{7:064d}"
# Notes its name and first word; answers `info` as it was told, and writes the files that it is asked for.
BUILDER = """#!/bin/sh
name=$(basename "$0")
echo "$name $*" >>"$NOTES"
case $1 in
  info) [ "{info}" = yes ] ;;
  build) while [ $# -gt 0 ]; do [ "$1" != --iidfile ] || echo sha256:built >"$2"; shift; done ;;
  login) cat >"$NOTES.password"; echo login >"$REGISTRY_AUTH_FILE"; echo "$REGISTRY_AUTH_FILE" >"$NOTES.login" ;;
  push)
    case "$*" in
      *docker-archive:*) cp "$ARCHIVE" dist/image.tar ;;
      *--digestfile*) printf 'sha256:%064d\n' 7 >dist/image.digest ;;
    esac ;;
esac
"""


def archive_bytes(config: dict[str, Any], **more: bytes) -> bytes:
    """Return a docker-archive of one image with one layer."""
    text = json.dumps(config).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": ["r/my-svc:0.1.0"], "Layers": ["layer.tar"]}]
    content = {"layer.tar": b"layer", name: text, "manifest.json": json.dumps(manifest).encode()} | more
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for member, data in content.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def config(chance: str) -> dict[str, Any]:
    """Return an image's configuration as buildah writes it."""
    inner = {"Hostname": chance, "User": "1000:1000", "Healthcheck": {"Test": ["CMD", "true"]}}
    return {"container": chance * 2, "config": inner, "container_config": inner, "rootfs": {"diff_ids": ["sha256:1"]}}


@pytest.fixture(scope="module")
def rendered(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service in a repository of its own."""
    return repository(render(collection, tmp_path_factory.mktemp("image") / "my-svc", component="my-svc"))


@pytest.fixture
def repo(rendered: Path, tmp_path: Path) -> Path:
    """A clone on a machine whose PATH has no builder yet."""
    git(tmp_path, "clone", "--quiet", str(rendered), "my-svc")
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in (*SMALL, "basename", "cp", "tee"):
        found = shutil.which(name)
        assert found
        (bare / name).symlink_to(found)
    (tmp_path / "archive").write_bytes(archive_bytes(config("abc")))
    return tmp_path / "my-svc"


def image(repo: Path, command: str, tools: dict[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ops/bin/image where the given builders exist, each with its answer to `info`."""
    for name, info in tools.items():
        program(repo.parent / "bare", name, BUILDER.replace("{info}", info))
    env = environment(repo.parent) | {"PATH": str(repo.parent / "bare"), "NOTES": str(repo.parent / "notes")}
    return call(["ops/bin/image", command], repo, env | {"ARCHIVE": str(repo.parent / "archive")} | variables)


def built(repo: Path) -> None:
    """Leave what a build of HEAD leaves."""
    assert image(repo, "build", {"podman": "yes"}).returncode == 0
    (repo.parent / "notes").unlink()


def notes(repo: Path) -> list[str]:
    """Return what the builders were asked for."""
    path = repo.parent / "notes"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.mark.parametrize(
    ("tools", "insisted", "builder"),
    [
        ({"docker": "yes", "podman": "yes", "buildah": "yes"}, "", "docker buildx build"),
        ({"docker": "no", "podman": "yes", "buildah": "yes"}, "", "podman build"),
        ({"docker": "no", "podman": "no", "buildah": "no"}, "", "buildah build"),
        ({"buildah": "no"}, "", "buildah build"),
        ({"docker": "yes", "buildah": "yes"}, "buildah", "buildah build"),
    ],
)
def test_the_first_builder_that_works_builds(repo: Path, tools: dict[str, str], insisted: str, builder: str) -> None:
    done = image(repo, "build", tools, IMAGE_TOOL=insisted, IMAGE_BUILD_FLAGS="--secret id=pip,src=pip.conf")
    assert done.returncode == 0, done.stderr
    built = [line for line in notes(repo) if line.split()[1] in {"build", "buildx"} and " build " in line]
    assert len(built) == 1
    assert built[0].startswith(builder)
    assert "--secret id=pip,src=pip.conf" in built[0]
    if not builder.startswith("docker"):
        assert f"--timestamp {git(repo, 'log', '-1', '--format=%ct')}" in built[0]
        facts = json.loads((repo / "dist/provenance.json").read_text(encoding="utf-8"))
        assert facts["image.name"] == "ghcr.io/vaultmesh/my-svc:0.1.0"
        with tarfile.open(repo / "dist/image.tar") as archive:
            assert f"{facts['containerimage.config.digest'].removeprefix('sha256:')}.json" in archive.getnames()


@pytest.mark.parametrize(
    ("tools", "insisted", "said"),
    [
        ({}, "", "docker was not found; podman was not found; buildah was not found; install or start one"),
        ({"docker": "no"}, "", "the docker daemon does not answer; podman was not found; buildah was not found;"),
        ({"docker": "yes"}, "podman", "podman was not found; install or start one"),
        ({"docker": "yes", "podman": "no"}, "podman", "podman does not work here; install or start one"),
    ],
)
def test_without_a_builder_each_one_is_named(repo: Path, tools: dict[str, str], insisted: str, said: str) -> None:
    done = image(repo, "build", tools, IMAGE_TOOL=insisted)
    assert done.returncode == 4
    assert done.stderr.startswith(f"ops/bin/image: {said}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("tool", ["podman", "buildah"])
def test_what_was_built_is_pushed_and_the_login_does_not_stay(repo: Path, tool: str) -> None:
    built(repo)
    secrets = {"CI": "true", "GHCR_USER": "somebody", "GHCR_TOKEN": "t0ken"}
    done = image(repo, "push", {tool: "yes"}, IMAGE_TOOL=tool, **secrets)
    assert done.returncode == 0, done.stderr
    said = [line for line in notes(repo) if not line.endswith(" info")]
    assert said == [
        f"{tool} login --username somebody --password-stdin ghcr.io",
        f"{tool} pull --quiet docker-archive:dist/image.tar",
        f"{tool} push --digestfile dist/image.digest ghcr.io/vaultmesh/my-svc:0.1.0",
    ]
    assert (repo / "dist/image.digest").read_text(encoding="utf-8") == f"{PUSHED}\n"
    assert (repo / "dist/image.pushed").read_text(encoding="utf-8") == f"0.1.0 {git(repo, 'rev-parse', 'HEAD')}\n"
    assert (repo.parent / "notes.password").read_text(encoding="utf-8") == "t0ken"
    assert not Path((repo.parent / "notes.login").read_text(encoding="utf-8").strip()).exists()


# ---------------------------------------------------------------- what was pushed


def change(repo: Path, path: str, text: str) -> None:
    """Commit a file."""
    (repo / path).parent.mkdir(parents=True, exist_ok=True)
    (repo / path).write_text(text)
    git(repo, "config", "commit.gpgsign", "false")
    commit_all(repo, "[my-svc] chore: change")


def bumped(repo: Path) -> None:
    """Go on to the next version and commit it."""
    assert call(["ops/bin/bump", "0.2.0"], repo, environment(repo.parent)).returncode == 0
    change(repo, "app/new.py", "")


def test_the_digest_is_that_of_this_version(repo: Path) -> None:
    assert (image(repo, "pushed", {}).returncode, image(repo, "pushed", {}).stdout) == (0, "")
    built(repo)
    assert image(repo, "push", {"podman": "yes"}).returncode == 0
    assert image(repo, "pushed", {}).stdout == f"{PUSHED}\n"
    # Records and manifests are no part of the image.
    change(repo, "ops/receipts/deploy/my-svc-0.1.0.receipt", "{}")
    change(repo, "ops/k8s/overlays/staging/note.yaml", "")
    assert image(repo, "pushed", {}).stdout == f"{PUSHED}\n"


@pytest.mark.parametrize("what", ["version", "commit", "unknown"])
def test_the_digest_of_an_earlier_push_is_refused(repo: Path, what: str) -> None:
    built(repo)
    assert image(repo, "push", {"podman": "yes"}).returncode == 0
    if what == "version":
        bumped(repo)
    elif what == "commit":
        change(repo, "app/new.py", "")
    else:
        (repo / "dist/image.pushed").unlink()
    done = image(repo, "pushed", {})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ops/bin/image: dist/image.digest is of ")
    assert "'make build push'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("what", ["version", "commit"])
def test_an_image_of_another_commit_is_not_pushed(repo: Path, what: str) -> None:
    built(repo)
    if what == "version":
        bumped(repo)
    else:
        change(repo, "app/new.py", "")
    done = image(repo, "push", {"podman": "yes"})
    assert done.returncode == 1
    assert done.stderr.endswith("run 'make build' first.\n")
    assert not any(" push " in line for line in notes(repo))
    assert not (repo / "dist/image.digest").exists()


def test_a_build_forgets_what_was_pushed_before(repo: Path) -> None:
    built(repo)
    assert image(repo, "push", {"podman": "yes"}).returncode == 0
    program(repo.parent / "bare", "podman", BUILDER.replace("{info}", "yes").replace("build)", "build) exit 9;"))
    env = environment(repo.parent) | {"PATH": str(repo.parent / "bare"), "NOTES": str(repo.parent / "notes")}
    assert call(["ops/bin/image", "build"], repo, env).returncode == 9
    left = {path.name for path in (repo / "dist").iterdir()}
    assert left.isdisjoint({"image.digest", "image.pushed", "image.built"})


# ---------------------------------------------------------------- the archive


def rewritten(repo: Path, data: bytes) -> subprocess.CompletedProcess[str]:
    """Run the rewriting over an archive."""
    (repo / "image.tar").write_bytes(data)
    command = ["ops/bin/python", "-B", "ops/lib/image_archive.py", "image.tar"]
    return call(command, repo, environment(repo.parent))


def test_two_builds_differ_by_chance_only(repo: Path) -> None:
    results = []
    for chance in ("abc", "def"):
        done = rewritten(repo, archive_bytes(config(chance), repositories=chance.encode()))
        results.append((done.returncode, done.stdout, (repo / "image.tar").read_bytes()))
    assert results[0] == results[1]
    other = rewritten(repo, archive_bytes(config("abc") | {"rootfs": {"diff_ids": ["sha256:2"]}}))
    assert other.stdout != results[0][1]
    with tarfile.open(repo / "image.tar") as archive:
        name = f"{other.stdout.strip().removeprefix('sha256:')}.json"
        assert archive.getnames() == ["layer.tar", name, "manifest.json"]
        text = (archive.extractfile(name) or io.BytesIO()).read()
        assert (archive.extractfile("layer.tar") or io.BytesIO()).read() == b"layer"
    assert f"{hashlib.sha256(text).hexdigest()}.json" == name
    assert json.loads(text)["config"] == {"User": "1000:1000", "Healthcheck": {"Test": ["CMD", "true"]}}


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", archive_bytes(config("a"))[:700], archive_bytes({}, **{"manifest.json": b"[]"})],
    ids=["empty", "text", "cut", "no-image"],
)
def test_what_is_no_archive_stays_as_it_is_and_is_said(repo: Path, data: bytes) -> None:
    done = rewritten(repo, data)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ops/bin/image: image.tar is not a docker-archive of one image\n"
    assert (repo / "image.tar").read_bytes() == data
    assert [path.name for path in repo.glob(".image*")] == []
