"""The release stages as the pipelines run them: the way through, and every way in which they must stop."""

import hashlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ci_release import POLICY, RELEASE, Builds, Pipeline, origin_of
from ci_render import GITLAB, call, environment, load, program, repository
from collection import commit_all, git, render

# one forge runs in make test, the other one in make test-system
PROVIDERS = ("github", pytest.param("gitlab", marks=pytest.mark.system))
CRANE = "sha256:1b1fb24d2b1bb27a9daf81a588157e68463876904e8e537a812edba6284fb252"
RECEIPT = "ops/receipts/deploy/my-svc-0.1.0.receipt"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A throw-away OpenPGP key: its private and its public part, armored."""
    home = Path(tmp_path_factory.mktemp("g"))
    home.chmod(0o700)
    env = environment(home, GNUPGHOME=str(home))

    def gpg(*words: str) -> str:
        done = call(["gpg", "--batch", "--quiet", *words], home, env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    gpg("--passphrase", "", "--quick-generate-key", "release@example.com", "ed25519", "sign", "never")
    yield {"private": gpg("--armor", "--export-secret-keys"), "public": gpg("--armor", "--export")}
    call(["gpgconf", "--kill", "all"], home, env)


@pytest.fixture(scope="module")
def rendered(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service with both pipelines."""
    return repository(render(collection, tmp_path_factory.mktemp("release") / "my-svc", component="my-svc", ci="both"))


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Builds:
    """Every build stage that was run so far."""
    return Builds(tmp_path_factory.mktemp("builds"))


def with_secrets(provider: str, folder: Path, service: Path, key: dict[str, str], builds: Builds) -> Pipeline:
    """Return a pipeline with every secret over a new origin."""
    secrets = {
        "REMEMBRANCER_GPG_KEY": key["private"],
        "REMEMBRANCER_LOG_KEY": "PRIVATE+KEY+x",
        "RELEASE_TOKEN": "t0ken-that-may-push",
    }
    if provider == "gitlab":
        secrets |= {"REGISTRY_USER": "somebody", "REGISTRY_PASSWORD": "t0ken-of-the-registry"}
    return Pipeline(provider, folder, origin_of(service, folder), secrets, builds)


@pytest.fixture
def pipeline(
    request: pytest.FixtureRequest, rendered: Path, key: dict[str, str], builds: Builds, tmp_path: Path
) -> Pipeline:
    """A pipeline of this test alone, which has not run."""
    return with_secrets(request.param, tmp_path, rendered, key, builds)


@pytest.fixture(scope="module")
def timestamped(
    rendered: Path, key: dict[str, str], builds: Builds, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Pipeline]:
    """Give a provider's pipeline whose stages before `record` have run, once; tests take copies of it."""

    @cache
    def made(provider: str) -> Pipeline:
        pipeline = with_secrets(provider, tmp_path_factory.mktemp(provider), rendered, key, builds)
        for done in (pipeline.build(), *(pipeline.run(stage) for stage in RELEASE[:-1])):
            assert done.returncode == 0, done.stderr
        return pipeline

    return made


@pytest.fixture
def late(request: pytest.FixtureRequest, timestamped: Callable[[str], Pipeline], tmp_path: Path) -> Pipeline:
    """A pipeline of this test alone, of which only `record` is left."""
    return timestamped(request.param).copied(tmp_path)


@pytest.fixture(scope="module")
def ended(
    request: pytest.FixtureRequest,
    timestamped: Callable[[str], Pipeline],
    tmp_path_factory: pytest.TempPathFactory,
) -> Pipeline:
    """A pipeline that has made its release; tests only look at it, or do what must not change it."""
    done = timestamped(request.param).copied(tmp_path_factory.mktemp("ended"))
    last = done.run("record")
    assert last.returncode == 0, last.stderr
    return done


def notes(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Return what the Remembrancer was asked for."""
    path = pipeline.tmp / "notes"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if line["words"] != ["--version"]]


def subjects(pipeline: Pipeline) -> list[str]:
    """Return the subjects on the published branch, newest first."""
    return git(pipeline.origin, "log", "--format=%s", "main").splitlines()


def published(pipeline: Pipeline, path: str) -> str:
    """Return a file of the published branch."""
    return git(pipeline.origin, "show", f"main:{path}")


# ---------------------------------------------------------------- the way through


@pytest.mark.parametrize("ended", PROVIDERS, indirect=True, scope="module")
def test_a_release_ends_on_the_published_branch(ended: Pipeline) -> None:
    pipeline = ended
    assert subjects(pipeline) == ["[my-svc] chore: record 0.1.0", "[my-svc] chore: trust", "[my-svc] feat: begin"]
    sealed = published(pipeline, "ops/receipts/ledger/checkpoint").split()
    assert [path.split("/")[2] for path in sorted(sealed)] == ["deploy", "sign", "timestamp"]
    recorded = json.loads(published(pipeline, RECEIPT))
    assert recorded["sbom"] == "dist/my-svc-0.1.0.cdx.json"
    # what can refuse is asked first: policy, authorities, the seal, then the key, and only then the image goes out
    asked = [
        " ".join(note["words"][:2] if note["words"][1:2] in (["--check"], ["--dry-run"]) else note["words"][:1])
        for note in notes(pipeline)
    ]
    assert asked == [
        *("trust", "status", "timestamp", "record", "seal --dry-run", "sign --check"),
        *("sign", "record", "timestamp", "seal", "verify-full", "witness", "verify-full"),
    ]
    assert "--require production" in " ".join(notes(pipeline)[-1]["words"])
    changed = git(pipeline.origin, "diff", "--name-only", "main~1", "main").splitlines()
    assert all(name.startswith("ops/receipts/") for name in changed)


@pytest.mark.parametrize("ended", PROVIDERS, indirect=True, scope="module")
def test_each_secret_is_seen_by_the_step_that_needs_it_only(ended: Pipeline) -> None:
    pipeline, noted = ended, notes(ended)
    assert noted
    for note in noted:
        command = note["words"][0]
        assert note["REMEMBRANCER_GPG_KEY"] == "" or (pipeline.provider == "gitlab" and not note["GNUPGHOME"])
        tried = "--dry-run" in note["words"] or note is next(one for one in noted if one["words"][0] == "record")
        assert bool(note["GNUPGHOME"]) is (command in ("sign", "record") and not tried)
        assert note["REMEMBRANCER_TRUST"] == "F" * 40
        assert note["log key"] is (command in ("seal", "verify-full") and not tried)
        if note["GNUPGHOME"]:
            assert len(note["GNUPGHOME"]) < 40
            assert not Path(note["GNUPGHOME"]).exists()


@pytest.mark.parametrize("ended", PROVIDERS, indirect=True, scope="module")
def test_the_same_pipeline_again_changes_nothing(ended: Pipeline, tmp_path: Path) -> None:
    before = git(ended.origin, "rev-parse", "main")
    again = replace(ended, tmp=tmp_path, output="")
    again.commit = ended.commit
    assert again.all().returncode == 0
    assert "0.1.0 is recorded already" in again.output
    assert git(ended.origin, "rev-parse", "main") == before
    assert [note["words"][0] for note in notes(again)] == ["trust", "status"]


@pytest.mark.parametrize("ended", PROVIDERS, indirect=True, scope="module")
def test_a_job_that_died_after_its_push_is_run_again(ended: Pipeline) -> None:
    """The gate was passed, main has the receipts already: the job proves them and succeeds."""
    pipeline = ended
    clone = pipeline.checkout("again")
    pipeline.bring("stamped" if pipeline.provider == "github" else "timestamp", clone)
    env = pipeline.env(RELEASE_BRANCH="main", REMEMBRANCER_LOG_KEY="x")
    done = call("ops/ci/publish unpack && ops/ci/publish push", clone, env)
    before = git(pipeline.origin, "rev-parse", "main")
    assert done.returncode == 0, done.stderr
    assert "is on main" in done.stdout
    assert git(pipeline.origin, "rev-parse", "main") == before


@pytest.mark.parametrize("late", PROVIDERS, indirect=True)
def test_a_race_is_sealed_again_on_the_newest_branch(late: Pipeline) -> None:
    other = late.tmp / "race.sh"
    work = late.tmp / "other"
    git(late.tmp, "clone", "--quiet", late.origin.as_uri(), "other")
    (work / "ops/receipts/sign/00").mkdir(parents=True)
    (work / "ops/receipts/ledger").mkdir(parents=True)
    (work / "ops/receipts/sign/00/other.receipt").write_text("{}")
    (work / "ops/receipts/ledger/checkpoint").write_text("ops/receipts/sign/00/other.receipt\n")
    commit_all(work, "[my-svc] chore: record another")
    other.write_text(f"git -C {work} push --quiet origin HEAD:main\n")
    late.extra["RACE"] = str(other)
    done = late.run("record")
    assert done.returncode == 0, done.stderr
    assert subjects(late)[:2] == ["[my-svc] chore: record 0.1.0", "[my-svc] chore: record another"]
    sealed = published(late, "ops/receipts/ledger/checkpoint").split()
    assert sealed[0] == "ops/receipts/sign/00/other.receipt"
    assert len(sealed) == len(set(sealed)) == 4
    assert "try 1 of 5" in late.output


@pytest.mark.system
@pytest.mark.parametrize("pipeline", ["github"], indirect=True)
def test_receipts_that_gitignore_names_are_published_all_the_same(pipeline: Pipeline) -> None:
    """The log commits to their bytes, and nobody has them once the job's machine is gone."""
    work = pipeline.tmp / "other"
    git(pipeline.tmp, "clone", "--quiet", pipeline.origin.as_uri(), "other")
    with (work / ".gitignore").open("a") as file:
        file.write("deploy/\n")
    commit_all(work, "[my-svc] chore: ignore what is built")
    git(work, "push", "--quiet", "origin", "HEAD:main")
    pipeline.commit = git(pipeline.origin, "rev-parse", "main")
    done = pipeline.all()
    assert done.returncode == 0, done.stderr
    for path in published(pipeline, "ops/receipts/ledger/checkpoint").split():
        assert published(pipeline, path)
    assert RECEIPT in published(pipeline, "ops/receipts/ledger/checkpoint")
    assert ".local" not in git(pipeline.origin, "ls-tree", "-r", "--name-only", "main")


@pytest.mark.parametrize(
    ("late", "secret", "used"),
    [
        ("github", "t0ken-that-may-push", "t0ken-that-may-push"),
        ("github", "", "t0ken-of-the-run"),
        pytest.param("gitlab", "t0ken-that-may-push", "t0ken-that-may-push", marks=pytest.mark.system),
    ],
    indirect=["late"],
)
def test_the_token_that_may_push_is_used_where_there_is_one(late: Pipeline, secret: str, used: str) -> None:
    late.secrets["RELEASE_TOKEN"] = secret
    program(late.origin / "hooks", "pre-receive", f'#!/bin/sh\necho "$RELEASE_TOKEN" >{late.tmp}/token\n')
    done = late.run("record")
    assert done.returncode == 0, done.stderr
    assert (late.tmp / "token").read_text() == f"{used}\n"
    # a person's token, unlike the run's own, would begin another run with its push
    assert git(late.origin, "log", "-1", "--format=%b", "main") == "[skip ci]"


# ---------------------------------------------------------------- every way in which it stops


@pytest.mark.parametrize("late", PROVIDERS, indirect=True)
def test_a_branch_that_refuses_is_tried_five_times(late: Pipeline) -> None:
    program(late.origin / "hooks", "pre-receive", "#!/bin/sh\nexit 1\n")
    done = late.run("record")
    assert done.returncode == 1
    assert "refused five times" in done.stderr
    assert done.stderr.count("refused the push") == 5
    assert len(subjects(late)) == 2


@pytest.mark.parametrize("pipeline", PROVIDERS, indirect=True)
def test_with_a_production_policy_a_missing_signing_key_fails(pipeline: Pipeline) -> None:
    pipeline.secrets["REMEMBRANCER_GPG_KEY"] = ""
    done = pipeline.all()
    assert done.returncode == 1
    assert "the secret REMEMBRANCER_GPG_KEY is missing" in done.stderr
    assert len(notes(pipeline)) == 5
    assert len(subjects(pipeline)) == 2
    assert not (pipeline.tmp / "notes.docker").exists(), "the image is pushed after the key is checked"


@pytest.mark.parametrize("late", PROVIDERS, indirect=True)
def test_with_a_production_policy_a_missing_log_key_fails(late: Pipeline) -> None:
    """No job before the last one holds it."""
    late.secrets["REMEMBRANCER_LOG_KEY"] = ""
    done = late.run("record")
    assert done.returncode == 1
    assert "the secret REMEMBRANCER_LOG_KEY is missing" in done.stderr
    assert len(notes(late)) == 9
    assert len(subjects(late)) == 2
    assert (late.tmp / "notes.docker").exists()


@pytest.mark.parametrize("pipeline", PROVIDERS, indirect=True)
def test_an_authority_that_is_down_stops_before_anything_is_pushed_or_signed(pipeline: Pipeline) -> None:
    pipeline.extra["AUTHORITY_DOWN"] = "1"
    done = pipeline.all()
    assert done.returncode != 0
    assert "time.unreachable" in done.stderr
    assert [note["words"][0] for note in notes(pipeline)] == ["trust", "status", "timestamp"]
    assert not (pipeline.tmp / "notes.docker").exists()
    assert len(subjects(pipeline)) == 2


@pytest.mark.parametrize("pipeline", PROVIDERS, indirect=True)
def test_a_release_that_the_seal_would_refuse_stops_before_anything_is_pushed_or_signed(pipeline: Pipeline) -> None:
    pipeline.extra["REFUSES"] = "1"
    done = pipeline.all()
    assert done.returncode == 1
    assert f"{RECEIPT} is of this release and would never be sealed" in done.stderr
    assert not (pipeline.tmp / "notes.docker").exists()
    assert len(subjects(pipeline)) == 2


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("policy", ["", 'version = 1\nprofile = "development"\n'])
def test_without_a_production_policy_every_stage_is_neutral(
    rendered: Path, builds: Builds, tmp_path: Path, provider: str, policy: str
) -> None:
    pipeline = Pipeline(provider, tmp_path, origin_of(rendered, tmp_path, policy=policy), {}, builds)
    assert pipeline.all().returncode == 0
    assert pipeline.output.count("not configured: run init --production") == 1
    assert notes(pipeline) == []
    assert not (tmp_path / "notes.docker").exists()


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("policy", ["profile = [", "version = 1\n", 'profile = "Production"\n', 'profile = "none"\n'])
def test_a_policy_that_cannot_be_read_is_never_taken_for_none(
    rendered: Path, builds: Builds, tmp_path: Path, provider: str, policy: str
) -> None:
    pipeline = Pipeline(provider, tmp_path, origin_of(rendered, tmp_path, policy=policy), {}, builds)
    done = pipeline.all()
    assert done.returncode == 2
    assert "ops/trust/policy.toml" in done.stderr
    assert notes(pipeline) == []


@pytest.mark.parametrize("pipeline", ["github"], indirect=True)
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"RELEASE_FORK": "true"}, "this is a fork"),
        ({"RELEASE_FORK": ""}, "this is a fork"),
        ({"RELEASE_PROTECTED": "false"}, "this ref is not protected"),
        ({"RELEASE_PROTECTED": ""}, "this ref is not protected"),
    ],
)
def test_forks_and_unprotected_refs_stop_before_signing_and_say_why(
    pipeline: Pipeline, variables: dict[str, str], said: str
) -> None:
    pipeline.extra |= variables
    assert pipeline.all().returncode == 0
    assert pipeline.output.count(said) == 1
    assert notes(pipeline) == []


def test_the_gate_needs_to_be_told_that_the_ref_is_protected(rendered: Path, tmp_path: Path) -> None:
    clone = tmp_path / "x"
    git(tmp_path, "clone", "--quiet", origin_of(rendered, tmp_path).as_uri(), "x")
    done = call(["ops/ci/release-gate", "--output", "answer"], clone, environment(tmp_path))
    assert (done.returncode, (clone / "answer").read_text()) == (0, "release=false\nseal=false\n")


# ---------------------------------------------------------------- the image


@pytest.mark.parametrize(
    ("ended", "password"),
    [
        ("github", "t0ken-of-the-run"),
        pytest.param("gitlab", "t0ken-of-the-registry", marks=pytest.mark.system),
    ],
    indirect=["ended"],
    scope="module",
)
def test_the_image_is_published_and_recorded_by_digest(ended: Pipeline, password: str) -> None:
    pipeline = ended
    asked = (pipeline.tmp / "notes.docker").read_text().splitlines()
    assert [line.split()[1] for line in asked] == ["info", "login", "run", "run"]
    image = "ghcr.io/vaultmesh/my-svc:0.1.0"
    assert [line.split(f"{CRANE} ")[-1] for line in asked[2:]] == [f"push dist/image {image}", f"digest {image}"]
    assert asked[1] == "docker login --username somebody --password-stdin ghcr.io"
    assert (pipeline.tmp / "notes.password").read_text() == password
    assert json.loads(published(pipeline, RECEIPT))["image"] == f"sha256:{'d' * 64}"


def test_the_digest_travels_with_the_version_that_it_is_of(rendered: Path) -> None:
    """GitLab hands on exactly what a job names; without the second file the record refuses the first."""
    assert load(rendered / GITLAB)["publish"]["artifacts"]["paths"] == ["dist/image.digest", "dist/image.pushed"]


@pytest.mark.parametrize("registry", ["registry.example.com/team", "ghcr.io.example.com/x"])
def test_the_hosts_own_token_goes_to_no_other_registry(
    rendered: Path, builds: Builds, tmp_path: Path, registry: str
) -> None:
    pipeline = Pipeline("github", tmp_path, origin_of(rendered, tmp_path), {"RELEASE_TOKEN": "t0ken"}, builds)
    pipeline.build()
    clone = pipeline.checkout("push")
    pipeline.bring("built", clone)
    settings = clone / "ops/settings.mk"
    settings.write_text(re.sub(r"REGISTRY := .*", f"REGISTRY := {registry}", settings.read_text()))
    (clone / "dist/build.env").unlink()
    env = pipeline.env(
        GHCR_USER="a", GHCR_TOKEN="t0ken", CI_REGISTRY="r.example.com", CI_REGISTRY_USER="b", CI_REGISTRY_PASSWORD="p"
    )
    done = call(["ops/bin/image", "push"], clone, env)
    assert done.returncode == 1
    assert "the secret REGISTRY_PASSWORD is missing" in done.stderr
    assert "login" not in (tmp_path / "notes.docker").read_text()


# ---------------------------------------------------------------- the key


def with_key(folder: Path, secret: str, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command through ops/ci/with-signing-key."""
    env = environment(folder.parent, REMEMBRANCER_GPG_KEY=secret, **variables)
    return call([folder / "ops/ci/with-signing-key", "sh", "-c", command], folder, env)


def test_the_key_is_there_for_the_command_and_gone_afterwards(rendered: Path, key: dict[str, str]) -> None:
    done = with_key(
        rendered,
        key["private"],
        'gpg --list-secret-keys; echo "at $GNUPGHOME with ${REMEMBRANCER_GPG_KEY:-nothing}"; exit 7',
    )
    assert done.returncode == 7
    assert "release@example.com" in done.stdout
    home = re.search(r"at (\S+) with nothing", done.stdout)
    assert home
    assert not Path(home[1]).exists()
    assert not (rendered.parent / "home/.gnupg").exists()


def test_a_long_temporary_folder_does_not_matter(rendered: Path, key: dict[str, str], tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    done = with_key(rendered, key["private"], "echo text | gpg --batch --armor --sign", TMPDIR=str(long))
    assert done.returncode == 0, done.stderr
    assert "BEGIN PGP MESSAGE" in done.stdout


@pytest.mark.parametrize(
    ("secret", "said"),
    [("", "is missing"), ("not a key", "not an armored OpenPGP private key"), ("public", "holds a public key only")],
)
def test_what_is_no_private_key_is_refused(rendered: Path, key: dict[str, str], secret: str, said: str) -> None:
    done = with_key(rendered, key["public"] if secret == "public" else secret, "echo ran")
    assert done.returncode == 1
    assert said in done.stderr
    assert "ran" not in done.stdout


# ---------------------------------------------------------------- the years after the first release


def push(pipeline: Pipeline, message: str, branch: str = "main", **changes: str) -> str:
    """Commit files to a branch of the origin, and let the pipeline begin there."""
    work = pipeline.tmp / "work"
    if not work.exists():
        git(pipeline.tmp, "clone", "--quiet", pipeline.origin.as_uri(), "work")
    git(work, "fetch", "--quiet", "origin")
    known = git(work, "branch", "--remotes", "--list", f"origin/{branch}")
    git(work, "checkout", "--quiet", "-B", branch, f"origin/{branch}" if known else "HEAD")
    for path, text in changes.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
    commit = commit_all(work, message)
    git(work, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    pipeline.branch = branch
    pipeline.begin()
    return commit


def bump(pipeline: Pipeline, version: str, branch: str = "main") -> str:
    """Push another version to a branch."""
    text = git(pipeline.origin, "show", "main:pyproject.toml") + "\n"
    changed = re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', text)
    return push(pipeline, f"[my-svc] chore: {version}", branch, **{"pyproject.toml": changed})


def recorded(pipeline: Pipeline) -> list[str]:
    """Return the versions that the published branch records."""
    listed = git(pipeline.origin, "ls-tree", "--name-only", "main:ops/receipts/deploy").splitlines()
    return sorted(name.removeprefix("my-svc-").removesuffix(".receipt") for name in listed)


@pytest.mark.parametrize("late", PROVIDERS[:1], indirect=True)
def test_witnesses_are_asked_about_what_is_published_and_take_nothing_back(late: Pipeline) -> None:
    pipeline = late
    pipeline.extra |= {"WITNESSES": "1", "WITNESS_STATUS": "4"}
    done = pipeline.run("record")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0.1.0 verifies, but for its witnesses" in pipeline.output
    assert "some witnesses could not be asked" in pipeline.output
    assert subjects(pipeline)[:2] == ["[my-svc] chore: keep cosignatures", "[my-svc] chore: record 0.1.0"]
    assert published(pipeline, "ops/receipts/ledger/witnessed").startswith("cosigned ")
    # the job is run again, and a witness has seen another log meanwhile
    clone = pipeline.checkout("again")
    pipeline.bring("stamped", clone)
    pipeline.extra["WITNESS_STATUS"] = "1"
    env = pipeline.env(RELEASE_BRANCH="main", REMEMBRANCER_LOG_KEY="x")
    done = call("ops/ci/publish unpack && ops/ci/publish push", clone, env)
    assert (done.returncode, "a witness refuses or contradicts this log" in done.stderr) == (1, True), done.stderr
    assert subjects(pipeline)[0] == "[my-svc] chore: keep cosignatures"


@pytest.mark.parametrize("pipeline", PROVIDERS[:1], indirect=True)
def test_a_run_with_nothing_to_seal_asks_the_witnesses_that_were_down(pipeline: Pipeline) -> None:
    pipeline.extra |= {"WITNESSES": "1", "WITNESS_STATUS": "4", "WITNESS_DOWN": "1"}
    pipeline.all()
    assert subjects(pipeline)[0] == "[my-svc] chore: record 0.1.0"
    pipeline.extra |= {"WITNESS_STATUS": "0", "WITNESS_DOWN": ""}
    pipeline.begin()
    done = pipeline.all()
    assert done.returncode == 0, done.stdout + done.stderr
    assert subjects(pipeline)[:2] == ["[my-svc] chore: keep cosignatures", "[my-svc] chore: record 0.1.0"]
    pipeline.begin()
    assert pipeline.all().returncode == 0
    assert "nothing waits to be sealed" in pipeline.output
    # witnesses that only look by themselves are nobody to ask
    pipeline.extra["WITNESSES"] = "0"
    push(pipeline, "[my-svc] chore: unseen", **{"ops/receipts/ledger/witnessed": "cosigned 0"})
    pipeline.begin()
    pipeline.all()
    assert "nothing waits to be sealed" in pipeline.output


@pytest.mark.parametrize("pipeline", PROVIDERS, indirect=True)
def test_what_waits_is_sealed_without_a_new_version(pipeline: Pipeline) -> None:
    """A revocation or a decision, and nobody with the signing key is asked for it."""
    pipeline.secrets["REMEMBRANCER_GPG_KEY"] = ""
    waits = "ops/receipts/trust/00/a.receipt"
    push(pipeline, "[my-svc] chore: revoke a key", **{waits: "{}", RECEIPT: "{}"})
    done = pipeline.all()
    assert done.returncode == 0, done.stderr
    assert "0.1.0 is recorded already" in pipeline.output
    assert subjects(pipeline)[0] == "[my-svc] chore: seal what was recorded"
    assert waits in published(pipeline, "ops/receipts/ledger/checkpoint").split()
    asked = [note["words"][0] for note in notes(pipeline)]
    assert asked == ["trust", "status", "seal", "witness", "seal", "verify-audit"]
    assert "--require production" in " ".join(notes(pipeline)[-1]["words"])
    before = git(pipeline.origin, "rev-parse", "main")
    pipeline.begin()
    assert pipeline.all().returncode == 0
    assert "nothing waits to be sealed" in pipeline.output
    assert git(pipeline.origin, "rev-parse", "main") == before


@pytest.mark.parametrize("pipeline", ["github"], indirect=True)
def test_a_policy_that_nobody_vouches_for_stops_the_gate(pipeline: Pipeline) -> None:
    """The profile that a file states is not believed."""
    push(pipeline, "[my-svc] chore: soften", **{"ops/trust/policy.toml": POLICY + "# changed\n"})
    done = pipeline.all()
    assert done.returncode == 1
    assert "it was changed [trust.policy-signature]" in done.stderr
    development = 'version = 1\nprofile = "development"\n'
    log = "example.com/my-svc\n1\n"
    push(pipeline, "[my-svc] x", **{"ops/trust/policy.toml": development, "ops/receipts/ledger/checkpoint": log})
    done = pipeline.all()
    assert done.returncode == 1
    assert "the log is a production log, and ops/trust/policy.toml says development" in done.stderr


@pytest.mark.system
@pytest.mark.parametrize("pipeline", ["gitlab"], indirect=True)
def test_three_quick_bumps_release_three_versions(pipeline: Pipeline) -> None:
    commits = [bump(pipeline, version) for version in ("0.1.1", "0.1.2", "0.1.3")]
    # the run of the first one waits longest
    for commit in (commits[1], commits[2], commits[0]):
        pipeline.begin()
        pipeline.commit = commit
        done = pipeline.all()
        assert done.returncode == 0, done.stderr
    assert recorded(pipeline) == ["0.1.1", "0.1.2", "0.1.3"]


@pytest.mark.system
@pytest.mark.parametrize("pipeline", ["github"], indirect=True)
def test_a_version_that_was_left_out_is_named_and_a_lower_one_is_refused(pipeline: Pipeline) -> None:
    assert pipeline.all().returncode == 0
    left = bump(pipeline, "0.2.0-rc.1")
    bump(pipeline, "0.2.0")
    assert pipeline.build().returncode == pipeline.run("gate").returncode == 0
    assert f"0.2.0-rc.1 was left out: run the pipeline of {left[:12]} again" in pipeline.output
    bump(pipeline, "0.1.5")
    pipeline.build()
    done = pipeline.run("gate")
    assert done.returncode == 1
    assert "0.1.5 is lower than 0.2.0, which this branch had before" in done.stderr
    assert "release/0.1" in done.stderr


@pytest.mark.system
@pytest.mark.parametrize("pipeline", PROVIDERS, indirect=True)
def test_a_fix_of_an_older_line_is_released_from_its_branch(pipeline: Pipeline) -> None:
    """Under the policy of today, and recorded on the published branch."""
    push(pipeline, "[my-svc] feat: begin the line", "release/0.1")
    newer = POLICY + "# of today\n"
    signed = hashlib.sha256(newer.encode()).hexdigest()
    changed = {"ops/trust/policy.toml": newer, "ops/trust/policy.toml.asc": signed}
    push(pipeline, "[my-svc] chore: trust", **changed, **{"ops/receipts/deploy/my-svc-0.2.0.receipt": "{}"})
    bump(pipeline, "0.1.1", "release/0.1")
    done = pipeline.all()
    assert done.returncode == 0, done.stderr
    assert recorded(pipeline) == ["0.1.1", "0.2.0"]
    assert published(pipeline, "ops/trust/policy.toml") == newer.strip()
    assert "what waits is sealed on main" in pipeline.output
    bump(pipeline, "0.2.1", "release/0.1")
    pipeline.build()
    done = pipeline.run("gate")
    assert done.returncode == 1
    assert "0.2.1 is not of the line 0.1" in done.stderr
