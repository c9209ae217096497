"""make deployment, its single steps, and make release with the real Remembrancer."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from ci_render import call, environment, program, repository, tool
from collection import VERSION, commit_all, git, render
from remembrancer.tlog import SignerKey, VerifierKey
from short_path import short_path
from witnesses_serving import witness

DIGEST = f"sha256:{'e' * 64}"
# Notes what it is asked for; `kustomize` is answered by the real one.
KUBECTL = """#!/bin/sh
echo "kubectl $*" >>"$NOTES"
case "$1 $2" in
  "kustomize "*) GOGC=off GOMAXPROCS=1 exec {real} "$@" ;;
  "apply -f") cp "$3" "$NOTES.manifest" ;;
esac
"""
DOCKER = """#!/bin/sh
echo "docker $1 $2" >>"$NOTES"
case "$*" in
  *dest=dist/image.tar*) mkdir -p dist && echo image >dist/image.tar && echo "$*" >"$NOTES.build" ;;
  "push "*) echo "0.1.0: digest: {digest} size: 1234" ;;
esac
"""
NOTER = f"""#!/bin/sh
[ "$1" != --version ] || {{ echo remembrancer {VERSION}; exit; }}
echo "$(basename "$0") $*" >>"$NOTES"
"""
SMALL = ("env", "sh", "bash", "make", "git", "sed", "mktemp", "rm", "cat", "mkdir", "tr", "cp", "dirname", "basename")


@pytest.fixture(scope="module")
def rendered(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service whose tests are quick."""
    target = render(collection, tmp_path_factory.mktemp("deploy") / "my-svc", component="my-svc")
    settings = target / "ops/settings.mk"
    text = settings.read_text().replace("LINT_COMMAND := make lint", "LINT_COMMAND := true")
    settings.write_text(text.replace("TEST_COMMAND := make test", "TEST_COMMAND := ./quick"))
    program(target, "quick", '#!/bin/sh\n[ -z "${NOTES:-}" ] || echo tests >>"$NOTES"\n')
    return repository(target)


@pytest.fixture
def repo(rendered: Path, tmp_path: Path) -> Path:
    """A copy that a test may change, with every tool on PATH."""
    git(tmp_path, "clone", "--quiet", str(rendered), "my-svc")
    (tmp_path / "my-svc/ops/trust").mkdir()
    (tmp_path / "my-svc/ops/trust/policy.toml").write_text('version = 1\nprofile = "development"\n')
    tools = tmp_path / "path"
    program(tools, "kubectl", KUBECTL.replace("{real}", tool("kubectl")))
    program(tools, "docker", DOCKER.replace("{digest}", DIGEST))
    for name in ("trivy", "remembrancer"):
        program(tools, name, NOTER)
    return tmp_path / "my-svc"


def run(repo: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the service with the stand-ins."""
    env = environment(repo.parent, repo.parent / "path", NOTES=str(repo.parent / "notes"), **variables)
    return call(list(command), repo, env)


def notes(repo: Path) -> list[str]:
    """Return what the tools were asked for."""
    path = repo.parent / "notes"
    return path.read_text().splitlines() if path.exists() else []


def pushed(repo: Path, version: str = "0.1.0") -> None:
    """Leave what a push of HEAD leaves."""
    (repo / "dist").mkdir(exist_ok=True)
    (repo / "dist/image.digest").write_text(f"{DIGEST}\n")
    (repo / "dist/image.pushed").write_text(f"{version} {git(repo, 'rev-parse', 'HEAD')}\n")


def test_the_sequence_is_the_standards_with_a_timestamp(repo: Path) -> None:
    done = run(repo, "make", "deployment")
    assert done.returncode == 0, done.stdout + done.stderr
    said = [
        line for line in notes(repo) if not line.startswith(("docker info", "docker buildx inspect", "docker load"))
    ]
    order = [
        r"remembrancer sign --check dist/my-svc-0\.1\.0\.tar\.gz",
        r"docker buildx build",
        r"tests",
        r"trivy fs --scanners vuln,misconfig .*--exit-code 1",
        r"trivy fs --scanners secret .*--exit-code 1",
        r"trivy image .*--input dist/image\.tar",
        r"docker push ghcr\.io/vaultmesh/my-svc:0\.1\.0",
        r"kubectl kustomize ops/k8s/overlays/staging-eks",
        r"kubectl apply -f ",
        r"kubectl -n aurora-staging rollout status deployment/my-svc-deploy",
        r"kubectl -n aurora-staging get pods -l app=my-svc",
        r"kubectl -n aurora-staging logs -l app=my-svc",
        r"remembrancer record deploy --no-seal --component my-svc --version 0\.1\.0 "
        r"--evidence dist/my-svc-0\.1\.0\.tar\.gz --sha256 [0-9a-f]{64} .*--image-digest sha256:e{64} "
        r"(.* )?--environment staging-eks$",
        r"remembrancer sign --no-seal dist/my-svc-0\.1\.0\.tar\.gz",
        r"remembrancer timestamp --no-seal dist/my-svc-0\.1\.0\.tar\.gz",
        r"remembrancer seal",
        r"remembrancer verify-full --component my-svc --version 0\.1\.0 dist/my-svc-0\.1\.0\.tar\.gz",
    ]
    assert len(said) == len(order), said
    for line, pattern in zip(said, order, strict=True):
        assert re.match(pattern, line), (line, pattern)
    applied = (repo.parent / "notes.manifest").read_text()
    assert f"image: ghcr.io/vaultmesh/my-svc@{DIGEST}\n" in applied


RECEIPT = '{"subject": [{"name": "my-svc-0.1.0.tar.gz", "digest": {"sha256": "%s"}}]}'


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("rm ops/trust/policy.toml", "run 'ops/bin/remembrancer init --dev'"),
        ("echo x >>app/main.py", "app/main.py differs from HEAD; commit the changes first"),
        ("echo x >app/new.py", "app/new.py differs from HEAD; commit the changes first"),
        ("echo 'profile = 1' >ops/trust/policy.toml", "names no profile"),
        (f"echo '{RECEIPT % ('0' * 64)}' >ops/receipts/deploy/my-svc-0.1.0.receipt", "recorded with another digest"),
        ("echo '[]' >ops/receipts/deploy/my-svc-0.1.0.receipt", "restore it from git"),
        (
            "cd ops/receipts/deploy && echo x >a.receipt && git add . && "
            "git -c user.name=x -c user.email=x@example.com commit -qm x && rm a.receipt",
            "ops/receipts/deploy/a.receipt is not as HEAD has it; commit what 'init --dev --again' archived",
        ),
    ],
)
def test_what_cannot_be_recorded_never_reaches_the_cluster(repo: Path, spoil: str, said: str) -> None:
    (repo / "ops/receipts/deploy").mkdir(parents=True, exist_ok=True)
    assert call(spoil, repo, environment(repo.parent)).returncode == 0
    done = run(repo, "make", "deployment")
    assert done.returncode != 0
    first = done.stderr.splitlines()[0]
    assert first.startswith("ops/bin/artifact: ")
    assert said in first
    assert {*notes(repo)} <= {"remembrancer sign --check dist/my-svc-0.1.0.tar.gz"}, "which writes nothing"
    assert not list((repo / "dist").glob("*.tar.gz"))


@pytest.mark.parametrize("target", ["release", "deployment"])
@pytest.mark.reason("env.log-key")
def test_a_key_that_is_not_here_is_missed_before_anything_is_made(repo: Path, target: str) -> None:
    """Neither tests nor builders run, and nothing is signed: the first thing that is asked ends it."""
    said = "remembrancer: the log key is not here, so nothing could be sealed [env.log-key]"
    program(repo.parent / "path", "remembrancer", f"""{NOTER}echo '{said}' >&2\n[ "$1 $2" != "sign --check" ]\n""")
    assert run(repo, "ops/bin/artifact", "--for", target).returncode == 1
    done = run(repo, "make", target)
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == said.replace("remembrancer", "ops/bin/artifact")
    assert notes(repo) == ["remembrancer sign --check dist/my-svc-0.1.0.tar.gz"] * 2
    assert not list((repo / "dist").glob("*.tar.gz"))


def test_what_is_recorded_with_the_same_bytes_is_deployed_again(repo: Path) -> None:
    assert run(repo, "ops/bin/dist").returncode == 0
    digest = hashlib.sha256((repo / "dist/my-svc-0.1.0.tar.gz").read_bytes()).hexdigest()
    (repo / "ops/receipts/deploy").mkdir(parents=True, exist_ok=True)
    (repo / "ops/receipts/deploy/my-svc-0.1.0.receipt").write_text(RECEIPT % digest)
    done = run(repo, "make", "deployment")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("failing", ["docker", "trivy", "kubectl", "remembrancer"])
def test_a_step_that_fails_ends_the_sequence(repo: Path, failing: str) -> None:
    first = f'[ "$1" != --version ] || {{ echo remembrancer {VERSION}; exit; }}\n[ "$1" != info ] || exit 0\n'
    text = f'#!/bin/sh\n{first}echo "{failing} $*" >>"$NOTES"\nexit 9\n'
    program(repo.parent / "path", failing, text)
    done = run(repo, "make", "deployment")
    assert done.returncode != 0
    assert not any(line.startswith("remembrancer verify-full") for line in notes(repo))
    assert len([line for line in notes(repo) if line.startswith(f"{failing} ")]) <= 2


@pytest.mark.parametrize(
    ("target", "missing"),
    [
        ("build", "docker"),
        ("image", "docker"),
        ("scan", "trivy"),
        ("scan-image", "trivy"),
        ("deploy", "kubectl"),
        ("verify-deploy", "kubectl"),
        ("rollback", "kubectl"),
    ],
)
def test_each_step_runs_alone_and_names_the_tool_it_misses(repo: Path, target: str, missing: str) -> None:
    bare = repo.parent / "bare"
    bare.mkdir()
    for name in SMALL:
        found = shutil.which(name)
        assert found
        (bare / name).symlink_to(found)
    done = run(repo, "make", target, PATH=str(bare))
    assert done.returncode != 0
    assert f"{missing} was not found" in done.stderr


def test_a_scan_without_trivy_runs_the_pinned_image(repo: Path) -> None:
    """What a pipeline does, whose machines have docker and no Trivy."""
    (repo.parent / "path/trivy").unlink()
    program(repo.parent / "path", "docker", NOTER)
    assert run(repo, "make", "scan").returncode == 0
    asked = [line for line in notes(repo) if line.startswith("docker run")]
    scans = (r"vuln,misconfig --skip-dirs \S+ --file-patterns \S+", r"secret --skip-dirs \.venv,dist")
    for said, scan in zip(asked, scans, strict=True):
        assert re.fullmatch(
            r"docker run --rm --volume \S+/my-svc:/work:ro --workdir /work aquasec/trivy:[\d.]+@sha256:[0-9a-f]{64} "
            rf"fs --scanners {scan} \. "
            r"--severity HIGH,CRITICAL --ignore-unfixed --exit-code 1 --ignorefile ops/trivyignore\.yaml",
            said,
        )


def test_the_image_is_built_the_same_way_each_time(repo: Path) -> None:
    assert run(repo, "make", "build").returncode == 0
    asked = (repo.parent / "notes.build").read_text()
    epoch = git(repo, "log", "-1", "--format=%ct")
    for word in (
        f"--build-arg SOURCE_DATE_EPOCH={epoch}",
        "rewrite-timestamp=true",
        "--build-arg VERSION=0.1.0",
        f"REVISION={git(repo, 'rev-parse', 'HEAD')}",
        "--provenance=false",
    ):
        assert word in asked


# ---------------------------------------------------------------- deploy


@pytest.mark.parametrize("overlay", ["development", "staging", "staging-eks", "production"])
def test_what_was_pushed_is_deployed_by_digest(repo: Path, overlay: str) -> None:
    pushed(repo)
    done = run(repo, "make", "deploy", f"OVERLAY={overlay}")
    assert done.returncode == 0, done.stderr
    applied = list(yaml.safe_load_all((repo.parent / "notes.manifest").read_text()))
    images = [
        container["image"]
        for item in applied
        if item["kind"] == "Deployment"
        for container in item["spec"]["template"]["spec"]["containers"]
    ]
    assert images == [f"ghcr.io/vaultmesh/my-svc@{DIGEST}"]
    plain = subprocess.run(
        [tool("kubectl"), "kustomize", f"ops/k8s/overlays/{overlay}"],
        cwd=repo,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(applied) == len(list(yaml.safe_load_all(plain.stdout)))


def test_a_pinned_overlay_is_deployed_with_the_version_of_the_pushed_image(repo: Path) -> None:
    assert run(repo, "make", "pin", "OVERLAY=production", "VERSION=0.0.9", DIGEST=f"sha256:{'a' * 64}").returncode == 0
    pushed(repo)
    done = run(repo, "make", "deploy", "OVERLAY=production")
    assert done.returncode == 0, done.stderr
    text = (repo.parent / "notes.manifest").read_text()
    assert DIGEST in text
    assert set(re.findall(r"app\.kubernetes\.io/version: (\S+)", text)) == {"0.1.0"}


@pytest.mark.parametrize("target", ["deploy", "pin", "record"])
def test_the_digest_of_another_version_goes_nowhere(repo: Path, target: str) -> None:
    pushed(repo, version="0.0.9")
    done = run(repo, "make", target)
    assert done.returncode != 0
    said = done.stderr.splitlines()[0]
    assert said.startswith("ops/bin/image: dist/image.digest is of 0.0.9")
    assert "'make build push'" in said
    assert notes(repo) == []
    assert git(repo, "diff", "--name-only") == ""


def test_the_record_names_the_digest_of_this_version(repo: Path) -> None:
    assert run(repo, "make", "record").returncode == 0
    pushed(repo)
    assert run(repo, "make", "record").returncode == 0
    assert [f"--image-digest {DIGEST}" in line for line in notes(repo)] == [False, True]


def test_an_overlay_without_the_image_is_refused(repo: Path) -> None:
    pushed(repo)
    path = repo / "ops/settings.mk"
    path.write_text(path.read_text().replace("my-svc", "other"))
    done = run(repo, "make", "deploy")
    assert done.returncode != 0
    assert "no image of other to pin" in done.stderr
    assert not any(line.startswith("kubectl apply") for line in notes(repo))


@pytest.mark.parametrize("overlay", ["../../base", "no-such", "a b", "$(touch hacked)"])
def test_only_an_overlay_is_deployed(repo: Path, overlay: str) -> None:
    done = run(repo, "ops/bin/deploy", "apply", OVERLAY=overlay)
    assert done.returncode == 2
    assert notes(repo) == []
    assert not (repo / "hacked").exists()


# ---------------------------------------------------------------- the overlay that nobody names


@pytest.mark.parametrize(
    ("overlays", "default"),
    [
        (["development"], "development"),
        (["development", "production"], "development"),
        (["development", "staging", "production"], "staging"),
        (["staging", "staging-eks"], "staging-eks"),
    ],
)
def test_the_default_overlay_is_one_that_the_service_has(
    collection: Path, tmp_path: Path, overlays: list[str], default: str
) -> None:
    target = render(collection, tmp_path / "my-svc", component="my-svc", overlays=overlays)
    done = call(["ops/bin/deploy", "overlay"], target, environment(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"{default}\n"), done.stderr
    assert f"make deployment OVERLAY={default}" in (target / "README.md").read_text()
    assert f"ops/k8s/overlays/{default}`" in (target / "AGENTS.md").read_text()
    named = {
        name
        for text in (call("make help", target, environment(tmp_path)).stdout, rituals(target))
        for name in re.findall(r"OVERLAY=([a-z-]+)", text)
    }
    assert named == set(), "no text that is the same everywhere names an overlay"


def rituals(target: Path) -> str:
    """Return the assistants' rules on deployments."""
    return (target / ".amazonq/rules/operational-rituals.md").read_text()


def test_the_record_names_the_default_overlay(repo: Path) -> None:
    settings = repo / "ops/settings.mk"
    settings.write_text(
        settings.read_text().replace("DEFAULT_OVERLAY := staging-eks", "DEFAULT_OVERLAY := development")
    )
    commit_all(repo, "[my-svc] chore: another default")
    assert run(repo, "make", "deployment").returncode == 0
    said = " ".join(notes(repo))
    assert "kubectl kustomize ops/k8s/overlays/development " in said
    assert "--environment development " in f"{said} "
    assert "staging" not in said.replace("aurora-staging", "")


@pytest.mark.parametrize(
    ("overlays", "default"),
    [(["qa"], "qa"), (["production", "staging"], "staging"), (["staging-eks", "a"], "staging-eks")],
)
def test_the_ci_layer_takes_an_overlay_that_is_there(
    collection: Path, tmp_path: Path, overlays: list[str], default: str
) -> None:
    target = render(collection, tmp_path / "legacy", layer="ci", component="legacy")
    assert "OVERLAY" not in (target / "ops/settings.mk").read_text()
    done = call(["ops/bin/deploy", "overlay"], target, environment(tmp_path))
    said = "ops/bin/deploy: there is no overlay below ops/k8s/overlays; the k8s layer brings some.\n"
    assert (done.returncode, done.stderr) == (2, said)
    for name in overlays:
        (target / "ops/k8s/overlays" / name).mkdir(parents=True)
        (target / "ops/k8s/overlays" / name / "kustomization.yaml").write_text("namespace: x\n")
    assert call(["ops/bin/deploy", "overlay"], target, environment(tmp_path)).stdout == f"{default}\n"


# ---------------------------------------------------------------- a layer in a repository that exists


def test_the_ci_layer_packs_what_the_repository_makes(collection: Path, tmp_path: Path) -> None:
    target = render(
        collection,
        tmp_path / "legacy",
        layer="ci",
        component="legacy",
        working_directory="services/orders",
        test_command="./check.sh all",
        dist_command="./pack.sh",
    )
    home = target / "services/orders"
    program(home, "check.sh", '#!/bin/sh\necho "checked $1 in $(basename "$PWD")"\n')
    program(home, "pack.sh", "#!/bin/sh\nmkdir -p dist && echo packed >dist/legacy-3.2.1.tar.gz\n")
    (home / "VERSION").write_text("3.2.1\n")
    repository(target)
    env = environment(tmp_path)
    assert call("make -f ops/release.mk ci-test", target, env).stdout == "checked all in orders\n"
    done = call("make -f ops/release.mk artifact sbom", target, env)
    assert done.returncode == 0, done.stderr
    assert (target / "dist/legacy-3.2.1.tar.gz").read_text() == "packed\n"
    assert "no SBOM is recorded" in done.stdout
    (home / "VERSION").write_text("3.2.2\n")
    done = call("make -f ops/release.mk artifact", target, env)
    assert done.returncode != 0
    assert "legacy-3.2.2.tar.gz" in done.stderr


def test_the_ci_layer_begins_with_the_version_that_was_answered(collection: Path, tmp_path: Path) -> None:
    target = repository(render(collection, tmp_path / "legacy", layer="ci", component="legacy", version="2.0.0"))
    env = environment(tmp_path)
    assert call(["ops/bin/bump", "--show"], target, env).stdout == "2.0.0\n"
    assert call(["ops/bin/bump", "--check"], target, env).returncode == 0
    assert call(["ops/bin/bump", "minor"], target, env).stdout == "2.0.0 -> 2.1.0: VERSION\n"
    assert call(["ops/bin/bump", "--show"], target, env).stdout == "2.1.0\n"
    (target / "VERSION").write_text("soon\n")
    done = call("make -f ops/release.mk sign", target, env)
    assert done.returncode != 0
    assert "VERSION is not MAJOR.MINOR.PATCH" in done.stderr


# ---------------------------------------------------------------- make release with the real Remembrancer


def contents(repo: Path) -> dict[str, bytes]:
    """Return what lies below dist/."""
    return {path.name: path.read_bytes() for path in (repo / "dist").iterdir()}


def refused_before_anything_is_signed(repo: Path, env: dict[str, str], state: Path) -> None:
    """Q-08: a ledger that is behind, a key that is not here and an image of another version stop a release at once."""
    git(repo, "reset", "--quiet", "--hard", "v0.1.0~1")  # before what was sealed
    restored = ["git", "checkout", "--quiet", "v0.1.0", "--", "ops/trust"]
    assert call(restored, repo, env).returncode == 0
    assert call(["make", "bump", "VERSION=0.2.0"], repo, env).returncode == 0
    commit_all(repo, "[my-svc] chore: 0.2.0")
    behind = call(["make", "release"], repo, env)
    git(repo, "checkout", "--quiet", "v0.1.0", "--", "ops/receipts")
    commit_all(repo, "[my-svc] chore: the ledger again")
    (keys,) = {path.parent for path in state.rglob("pubring.kbx")}
    keys.rename(keys.with_name("away"))
    keys.mkdir(mode=0o700)
    keyless = call(["make", "release"], repo, env)
    shutil.rmtree(keys)
    keys.with_name("away").rename(keys)
    (log_key,) = state.rglob("log.key")
    log_key.rename(log_key.with_name("away"))
    unsealable = call(["make", "release"], repo, env)
    log_key.with_name("away").rename(log_key)
    assert not (repo / "dist/my-svc-0.2.0.tar.gz").exists(), "it was not made for nothing"
    (repo / "dist/image.digest").write_text(f"sha256:{'a' * 64}\n")
    stale = call(["make", "release"], repo, env)
    (repo / "dist/image.digest").unlink()
    keys_missed = ((keyless, "[sig.no-key]"), (unsealable, "[env.log-key]"))
    for done, said in ((behind, "[log.behind]"), *keys_missed, (stale, "dist/image.digest is of")):
        assert done.returncode != 0
        assert said in done.stdout + done.stderr, done.stdout + done.stderr
        assert "signed " not in done.stdout
    assert not list((repo / "dist").glob("my-svc-0.2.0*.asc"))
    assert git(repo, "status", "--porcelain") == "", "nothing was noted"


@pytest.mark.system
def test_make_release_ends_with_a_verdict_and_again_changes_nothing(rendered: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(rendered), "my-svc")
    repo = tmp_path / "my-svc"
    git(repo, "config", "commit.gpgsign", "false")
    # The socket of the development key's agent lies in the state folder, and its path must be short.
    state = Path(
        subprocess.run(["mktemp", "-d", "/tmp/s.XXXXXX"], capture_output=True, text=True, check=True).stdout.strip()
    )
    env = environment(tmp_path, Path(sys.executable).parent, XDG_STATE_HOME=str(state))
    try:
        assert call("ops/bin/remembrancer init --dev", repo, env).returncode == 0
        first = call(["make", "release"], repo, env)
        assert first.returncode == 0, first.stdout + first.stderr
        assert "VERIFIED dist/my-svc-0.1.0.tar.gz" in first.stdout
        assert first.stdout.count("sealed ") == 1, "one seal for the whole release"
        commit_all(repo, "[my-svc] chore: record 0.1.0")
        again = call(["make", "release"], repo, env)
        assert again.returncode == 0, again.stdout + again.stderr
        assert "is released already" in again.stdout
        assert git(repo, "status", "--porcelain") == ""
        verdict = call("ops/bin/health-check", repo, env)
        assert verdict.returncode == 0, verdict.stdout
        released = contents(repo)
        (repo / "app/__init__.py").write_text("# changed without a new version\n")
        commit_all(repo, "[my-svc] fix: something")
        changed = call(["make", "release"], repo, env)
        assert changed.returncode != 0
        assert "my-svc 0.1.0 is recorded with another digest" in changed.stderr.splitlines()[0]
        assert "'make bump VERSION=patch'" in changed.stderr.splitlines()[0]
        assert contents(repo) == released
        assert git(repo, "status", "--porcelain") == "", "nothing was signed or noted"
        git(repo, "reset", "--quiet", "--hard", "HEAD~1")
        assert "name it: git tag v0.1.0" in first.stdout
        git(repo, "tag", "v0.1.0")
        assert "git tag" not in call(["make", "release"], repo, env).stdout
        refused_before_anything_is_signed(repo, env, state)
        git(repo, "reset", "--quiet", "--hard", "v0.1.0")
        (repo / "dist/my-svc-0.1.0.tar.gz").write_bytes(released["my-svc-0.1.0.tar.gz"])
        assert call(["make", "verify"], repo, env).returncode == 0, "the released archive is still the one that was"
        (repo / "dist/my-svc-0.1.0.tar.gz").write_bytes(b"other")
        assert call(["make", "verify"], repo, env).returncode != 0
    finally:
        call("gpgconf --kill all", repo, env | {"GNUPGHOME": str(state)})
        shutil.rmtree(state, ignore_errors=True)
        assert os.path.lexists(repo)


class Witnessed(NamedTuple):
    """A published service whose policy demands one witness, and what that witness answered."""

    repo: Path
    env: dict[str, str]
    answers: dict[tuple[str, int], int]

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run make."""
        return call(["make", *words], self.repo, self.env)

    def publish(self, what: str) -> None:
        """Commit and push everything."""
        commit_all(self.repo, f"[my-svc] chore: {what}")
        git(self.repo, "push", "--quiet", "origin", "HEAD:main")

    def changed(self) -> set[str]:
        """Return the names of the files that are not committed."""
        listed = git(self.repo, "status", "--porcelain", "--untracked-files=all").splitlines()
        return {Path(line.split()[-1]).name for line in listed}


@pytest.fixture
def witnessed(rendered: Path, tmp_path: Path) -> Iterator[Witnessed]:
    """A service with a development ledger, published, whose cluster, images and scans are stand-ins."""
    git(tmp_path, "clone", "--quiet", str(rendered), "my-svc")
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch", "main", "origin.git")
    repo = tmp_path / "my-svc"
    git(repo, "config", "commit.gpgsign", "false")
    git(repo, "remote", "set-url", "origin", str(tmp_path / "origin.git"))
    tools = tmp_path / "path"
    program(tools, "kubectl", KUBECTL.replace("{real}", tool("kubectl")))
    program(tools, "docker", DOCKER.replace("{digest}", DIGEST))
    program(tools, "trivy", NOTER)
    state = Path(short_path("s"))
    env = environment(
        tmp_path,
        Path(f"{tools}{os.pathsep}{Path(sys.executable).parent}"),
        XDG_STATE_HOME=str(state),
        NOTES=str(tmp_path / "notes"),
    )
    try:
        assert call("ops/bin/remembrancer init --dev", repo, env).returncode == 0
        policy = tomllib.loads((repo / "ops/trust/policy.toml").read_text())
        log_key = VerifierKey.parse(policy["log-key"][0]["key"])
        keys = [SignerKey.from_seed("w1.example", bytes(32), 0x06)]
        with witness(tmp_path / "w1", keys, log_key.name, [log_key]) as server:
            add = f"ops/bin/remembrancer trust add --witness w1 --key {keys[0].verifier()} --url {server.url}"
            done = call(f"{add} && ops/bin/remembrancer trust quorum 1", repo, env)
            assert done.returncode == 0, done.stderr
            found = Witnessed(repo, env, server.answers)
            found.publish("a witness")
            yield found
    finally:
        call("gpgconf --kill all", repo, env | {"GNUPGHOME": str(state)})
        shutil.rmtree(state, ignore_errors=True)


@pytest.mark.system
@pytest.mark.parametrize(("sequence", "then"), [("release", "release"), ("deployment", "witness")])
def test_under_a_quorum_the_witnesses_are_asked_after_the_push(witnessed: Witnessed, sequence: str, then: str) -> None:
    """Push, then witness, then push the cosignatures: by hand in the order of the pipelines, each step said."""
    first = witnessed.make(sequence)
    assert first.returncode == 2, first.stdout + first.stderr
    assert "my-svc 0.1.0 verifies, but for its witnesses, who are asked only about what is" in first.stderr
    assert "git push\n  then make witness" in first.stderr
    assert "FAILED" not in first.stdout, "nothing is wrong with what was made"
    assert witnessed.answers == {}, "nobody is asked about what may be thrown away"
    made = contents(witnessed.repo)
    witnessed.publish("record 0.1.0")
    again = witnessed.make(then)
    assert again.returncode == 0, again.stdout + again.stderr
    assert ("my-svc-0.1.0 is sealed already" in again.stdout) == (then == "release")
    assert "VERIFIED dist/my-svc-0.1.0.tar.gz" in again.stdout
    assert "the witnesses have cosigned; commit and push that as well" in again.stderr
    assert witnessed.answers == {("/add-checkpoint", 200): 1}
    assert contents(witnessed.repo) == made
    assert witnessed.changed() == {"checkpoint", "witnessed"}
    witnessed.publish("keep cosignatures")
    third = witnessed.make("release")
    assert third.returncode == 0, third.stdout + third.stderr
    assert "is released already" in third.stdout
    assert witnessed.changed() == set()
    assert witnessed.answers == {("/add-checkpoint", 200): 1}, "who has cosigned it is not asked again"
