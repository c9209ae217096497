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
from cli_support import GIT_IDENTITY, new_key
from collection import ROOT, VERSION, git, render
from ledger_world import signed
from production_support import Production, production
from remembrancer.repository.store import Store
from remembrancer.tlog import SignerKey
from witnesses_serving import witness

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
        f'#!/bin/sh\n[ "$*" != --version ] || exec echo "remembrancer {VERSION}"\n'
        f'PYTHONPATH={ROOT}/plugins/remembrancer/src exec {sys.executable} -P -m remembrancer "$@"\n',
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


def typed(made: Production, pipeline: Pipeline, block: str, cwd: Path, **variables: str) -> str:
    """Run a block of the guide as a person with keys does; returns what it said."""
    env = pipeline.env(HOME=str(made.scratch.home), REMEMBRANCER_TRUST=made.owner) | GIT_IDENTITY | variables
    done = call(block, cwd, env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def second(made: Production) -> str:
    """Return the certificate of another key of the scratch user."""
    fingerprint = new_key(made.scratch, "Next <next@example.invalid>")
    export = ["gpg", "--batch", "--armor", "--export", fingerprint]
    return subprocess.run(export, env=made.scratch.environment(), capture_output=True, text=True, check=True).stdout


def up_to_date(made: Production) -> None:
    """Bring the owner's clone to what is published."""
    made.scratch.git("fetch", "-q", "origin")
    made.scratch.git("reset", "-q", "--hard", "origin/main")


def again(pipeline: Pipeline) -> str:
    """Run the pipeline on what is published now; it ends well. Returns what it said."""
    pipeline.begin()
    pipeline.output = ""
    done = pipeline.all()
    assert done.returncode == 0, done.stdout + done.stderr
    return pipeline.output


def deployed(made: Production, version: str) -> str:
    """Return the newest published commit's subject about a version's record, and what an audit by a stranger says."""
    subject = git(made.origin, "log", "-1", "--format=%s", "main", "--", "ops/receipts/ledger/checkpoint")
    audit = made.scratch.json(
        "verify-audit", "--require", "production", cwd=made.clone(f"audit-{version}"), **made.stranger()
    )
    return f"{subject}: {', '.join(sorted(audit.codes)) or 'whole'}"


REFUSING = """#!/bin/sh
# refuses the first three pushes to main, and each time somebody else's commit is there first
while read -r _ _ ref; do
  [ "$ref" = refs/heads/main ] || continue
  count=$(cat count 2>/dev/null || echo 0)
  [ "$count" -lt 3 ] || continue
  echo $((count + 1)) >count
  unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
  git update-ref refs/heads/main "refs/heads/other/$((count + 1))"
  exit 1
done
"""


def test_three_refused_pushes_burn_the_log_at_no_witness(made: Production, tmp_path: Path) -> None:
    """Each refused push throws a sealed checkpoint away, and the next one is of another tree: nobody has seen them."""
    scratch = made.scratch
    pipeline = pipeline_of(made, "github", tmp_path)
    keys = [SignerKey.from_seed("w1.example", bytes(32), 0x06)]
    log_key = SignerKey.parse((scratch.base / "log.key").read_text().strip())
    with witness(tmp_path / "w1", keys, log_key.name, [log_key.verifier()]) as server:
        scratch.ok("trust", "add", "--witness", "w1", "--key", str(keys[0].verifier()), "--url", server.url)
        scratch.ok("trust", "quorum", "1")
        made.push("[my-svc] chore: a witness")
        for number in range(1, 4):
            text = ("--context", "c", "--decision", "d", "--consequences", "e", "--verification", "Run `true`.")
            scratch.ok("adr", "create", f"Other {number}", *text)
            scratch.ok("adr", "accept", str(number))
            scratch.commit(f"[my-svc] docs: other {number}")
            scratch.git("push", "-q", "origin", f"HEAD:refs/heads/other/{number}")
        hook = made.origin / "hooks/pre-receive"
        hook.parent.mkdir(exist_ok=True)  # a copy of a repository has no folder for hooks that it lacks
        hook.write_text(REFUSING)
        hook.chmod(0o755)
        clone = pipeline.checkout("seal")
        given = {"REMEMBRANCER_LOG_KEY": pipeline.secrets["REMEMBRANCER_LOG_KEY"], "RELEASE_BRANCH": "main"}
        done = call("ops/ci/publish seal", clone, pipeline.env(REMEMBRANCER_TRUST=made.owner, **given))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "try 3 of 5" in done.stderr
        assert server.answers == {("/add-checkpoint", 200): 1}, "asked once, about what was published"
    assert git(made.origin, "log", "-1", "--format=%s", "main") == "[my-svc] chore: keep cosignatures"
    audit = scratch.json("verify-audit", "--require", "production", cwd=made.clone("audit"), **made.stranger())
    assert (audit.status, audit.codes) == (0, set()), audit.out
    assert "say its witnesses" in audit.out


@pytest.mark.system
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.section("A fix of an older line")
def test_years_of_a_pipeline(made: Production, tmp_path: Path, provider: str, commands: list[str]) -> None:
    """A release; a change of trust that is sealed without one; a fix of an older line; and a revert that is refused."""
    pipeline = pipeline_of(made, provider, tmp_path)
    scratch = made.scratch
    released = scratch.git("rev-parse", "HEAD")
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
    (work / "notes.md").write_text("mended\n")
    git(work, "add", "notes.md")
    git(work, "commit", "--quiet", "--message", "[my-svc] fix: a fault")
    (block,) = commands
    typed(made, pipeline, block, work, RELEASED=released, FIX=git(work, "rev-parse", "HEAD"))
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


@pytest.mark.system
@pytest.mark.parametrize("provider", ["gitlab"])
@pytest.mark.section("Two have to vouch")
def test_a_release_waits_for_its_second_signer(
    made: Production, tmp_path: Path, provider: str, commands: list[str]
) -> None:
    """Pushed as pending by the pipeline, signed by the approver on another machine, sealed by the run of that push."""
    scratch, pipeline = made.scratch, pipeline_of(made, provider, tmp_path)
    scratch.write("next.asc", second(made))
    scratch.ok("trust", "add", "--signer", "next", "--key", str(scratch.root / "next.asc"))
    (scratch.root / "next.asc").unlink()
    scratch.ok("trust", "require", "--signatures", "2")
    made.push("[my-svc] chore: two have to vouch")

    said = again(pipeline)
    assert "this release will wait for its other signers" in said, "the gate knows before anything goes out"
    assert "it waits for the signer next" in said
    assert "not released yet" in said
    assert git(made.origin, "log", "-1", "--format=%s", "main") == "[my-svc] chore: record 0.1.0, which waits"
    assert deployed(made, "waits").endswith(": log.pending")
    assert "it waits for the signer next" in again(pipeline), "and says it again, without an error"

    # main goes on meanwhile; what is approved is the commit that was released
    up_to_date(made)
    scratch.write("notes.md", "more\n")
    made.push("[my-svc] docs: more")
    again(pipeline)
    up_to_date(made)
    shutil.rmtree(scratch.root / "dist", ignore_errors=True)
    # what `make release` says where it could not verify
    said = typed(made, pipeline, "ops/bin/python -B ops/lib/sealing.py --waits", scratch.root)
    assert "my-svc 0.1.0 is not released yet" in said
    assert "make approve VERSION=0.1.0 KEY=NAME" in said
    *_, block = commands
    said = typed(made, pipeline, block, scratch.root)
    assert "signed ops/receipts/deploy/my-svc-0.1.0.receipt too" in said

    again(pipeline)
    assert deployed(made, "released") == "[my-svc] chore: seal what was recorded: whole"
    verdict = scratch.json(
        "verify-full",
        "--require",
        "production",
        str(scratch.root / "dist/my-svc-0.1.0.tar.gz"),
        cwd=made.clone("verdict"),
        **made.stranger(),
    )
    assert (verdict.status, verdict.codes) == (0, set()), verdict.out
    signatures = [one["message"] for one in verdict.report["findings"] if one["check"] == "signature"]
    assert signatures == ["by next, signer-1"] or signatures == ["by signer-1, next"]


def forged(made: Production) -> str:
    """Publish a receipt that no seal takes, as a merge can bring it."""
    store = Store(made.scratch.root)
    path = store.write_receipt(signed(store.write_blob(b"no signature")))
    made.push("[my-svc] chore: a receipt of nobody")
    return path.relative_to(made.scratch.root).as_posix()


@pytest.mark.parametrize("provider", ["github"])
def test_a_refused_receipt_stops_no_release(made: Production, tmp_path: Path, provider: str) -> None:
    pipeline, path = pipeline_of(made, provider, tmp_path), forged(made)
    said = again(pipeline)
    assert said.index(f'set-aside {path} --reason "why"') < said.index("is on main"), "the gate names it"
    assert deployed(made, "beside") == "[my-svc] chore: record 0.1.0: log.pending"

    # without a release the rest is sealed, and the job is red until it is set aside
    up_to_date(made)
    made.scratch.write("next.asc", second(made))
    made.scratch.ok("trust", "add", "--signer", "next", "--key", str(made.scratch.root / "next.asc"))
    (made.scratch.root / "next.asc").unlink()
    made.push("[my-svc] chore: another signer")
    pipeline.begin()
    done = pipeline.all()
    assert (done.returncode, "what is refused (above) was left out" in done.stderr) == (1, True), done.stderr
    assert git(made.origin, "log", "-1", "--format=%s", "main") == "[my-svc] chore: seal what was recorded"
    up_to_date(made)
    made.scratch.ok("set-aside", path, "--reason", "nobody knows it")
    made.push("[my-svc] chore: set aside")
    again(pipeline)
    assert deployed(made, "aside").endswith(": whole")
