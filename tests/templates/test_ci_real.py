"""The release jobs of both pipelines with the real Remembrancer, a production policy and an authority that answers."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_release import Builds, Pipeline
from ci_render import call, program
from cli_support import new_key
from collection import ROOT, git, render
from production_support import Production, production

PROVIDERS = ("github", "gitlab")


@pytest.fixture(scope="module")
def layer(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer of the pipelines on its own."""
    target = tmp_path_factory.mktemp("layer") / "my-svc"
    return render(collection, target, layer="ci", component="my-svc", ci="both", dist_command="ops/bin/dist")


@pytest.fixture
def made(layer: Path) -> Iterator[Production]:
    """A repository in production that has the pipelines."""
    with production() as one:
        shutil.copytree(layer, one.scratch.root, symlinks=True, dirs_exist_ok=True)
        one.scratch.write("VERSION", "0.1.0\n")
        one.push("[my-svc] ci: the pipelines")
        one.scratch.git("config", "--file", str(one.origin / "config"), "receive.advertisePushOptions", "true")
        yield one


def pipeline_of(made: Production, provider: str, tmp: Path) -> Pipeline:
    """Return a pipeline of that repository, with the secrets that its settings would hold."""
    program(
        tmp / "path",
        "remembrancer",
        f'#!/bin/sh\nPYTHONPATH={ROOT}/plugins/remembrancer/src exec {sys.executable} -P -m remembrancer "$@"\n',
    )
    export = ["gpg", "--batch", "--armor", "--export-secret-keys", made.signer]
    key = subprocess.run(export, env=made.scratch.environment(), capture_output=True, text=True, check=True).stdout
    secrets = {
        "REMEMBRANCER_GPG_KEY": key,
        "REMEMBRANCER_LOG_KEY": (made.scratch.base / "log.key").read_text().strip(),
        "RELEASE_TOKEN": "t0ken-that-may-push",
        "REGISTRY_USER": "somebody",
        "REGISTRY_PASSWORD": "t0ken-of-the-registry",
    }
    return Pipeline(provider, tmp, made.origin, secrets, Builds(tmp / "builds"), owner=made.owner, real=True)


def second(made: Production) -> str:
    """Return the certificate of another key of the scratch user."""
    fingerprint = new_key(made.scratch, "Next <next@example.invalid>")
    export = ["gpg", "--batch", "--armor", "--export", fingerprint]
    return subprocess.run(export, env=made.scratch.environment(), capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("provider", PROVIDERS)
def test_years_of_a_pipeline(made: Production, tmp_path: Path, provider: str) -> None:
    """A release; a change of trust that is sealed without one; a fix of an older line; and a revert that is refused."""
    pipeline = pipeline_of(made, provider, tmp_path)
    scratch = made.scratch
    scratch.git("push", "-q", "origin", "HEAD:release/0.1")
    done = pipeline.all()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "production trust" in pipeline.output
    receipt = json.loads(git(made.origin, "show", "main:ops/receipts/deploy/my-svc-0.1.0.receipt"))
    file = ".github/workflows/ci.yml" if provider == "github" else "/.gitlab-ci.yml"
    assert receipt["predicate"]["recordedBy"] == f"team/my-svc/{file}@refs/heads/main"
    assert receipt["predicate"]["imageDigest"] == f"sha256:{'d' * 64}"

    # the owner adds a signer in a clone without the log key: the receipt waits, and the next run seals it
    scratch.git("fetch", "-q", "origin")
    scratch.git("reset", "-q", "--hard", "origin/main")
    scratch.write("next.asc", second(made))
    scratch.ok("trust", "add", "--signer", "next", "--key", str(scratch.root / "next.asc"))
    (scratch.root / "next.asc").unlink()
    made.push("[my-svc] chore: another signer")
    assert scratch.json("status").report["data"]["pending"] == 1
    pipeline.begin()
    done = pipeline.all()
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(made.origin, "log", "-1", "--format=%s", "main") == "[my-svc] chore: seal what was recorded"
    fresh = made.clone("fresh")
    audit = scratch.run("verify-audit", "--require", "production", cwd=fresh, **made.stranger())
    assert audit.status == 0, audit.out

    # a fix of the line that began before all this
    work = made.clone("fix")
    git(work, "checkout", "--quiet", "-B", "release/0.1", "origin/release/0.1")
    (work / "VERSION").write_text("0.1.1\n")
    git(work, "commit", "--quiet", "--all", "--message", "[my-svc] fix: a fault of the line")
    git(work, "push", "--quiet", "origin", "release/0.1")
    pipeline.branch = "release/0.1"
    pipeline.begin()
    done = pipeline.all()
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(made.origin, "ls-tree", "--name-only", "main", "ops/receipts/deploy/").count("my-svc-0.1.") == 2

    # a clean revert of a record is a commit like any other, and no hook has seen it
    work = made.clone("reverted")
    base = git(work, "rev-parse", "HEAD")
    git(work, "revert", "--no-edit", "HEAD")
    refused = call(f"ops/ci/check-range {base}..HEAD", work, pipeline.env())
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert call(f"ops/ci/check-range {base}~1..{base}", work, pipeline.env()).returncode == 0
