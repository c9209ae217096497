"""The small tools under ops/bin: dist, sbom, bump, commit-msg, no-conflict-markers, check-receipts, python."""

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from ci_render import call, environment, program, repository, tool
from collection import ROOT, VERSION, commit_all, git, render
from ops_program import PROGRAMS, called


@pytest.fixture(scope="module")
def rendered(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service as a git repository; tests copy it."""
    return repository(render(collection, tmp_path_factory.mktemp("tools") / "my-svc", component="my-svc", ci="both"))


@pytest.fixture
def repo(rendered: Path, tmp_path: Path) -> Path:
    """A clone that a test may change."""
    git(tmp_path, "clone", "--quiet", str(rendered), "my-svc")
    git(tmp_path / "my-svc", "config", "commit.gpgsign", "false")
    return tmp_path / "my-svc"


def run(repo: Path, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of ops/bin; one that is a program of ops/lib, without a start of its own."""
    if name in PROGRAMS:
        return called(repo, name, arguments, environment(repo.parent, **variables))
    return call([repo / "ops/bin" / name, *arguments], repo, environment(repo.parent, **variables))


def digest(repo: Path, **variables: str) -> str:
    """Make the archive and return its SHA-256."""
    done = run(repo, "dist", **variables)
    assert done.returncode == 0, done.stderr
    said, path = done.stdout.split()
    assert hashlib.sha256((repo / path).read_bytes()).hexdigest() == said
    return said


# ---------------------------------------------------------------- help


PASSING_ON = {"aurora", "python", "remembrancer"}
TOOLS = sorted({path.name for path in (ROOT / "templates/ci/ops/bin").iterdir()} - PASSING_ON)


@pytest.mark.parametrize("name", TOOLS)
def test_help_is_told_and_nothing_else_done(repo: Path, name: str) -> None:
    """The three others pass their arguments on to a program that has its own help."""
    done = call([repo / "ops/bin" / name, "--help"], repo, environment(repo.parent))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.split()) > 8
    assert git(repo, "status", "--porcelain", "--ignored") == ""


def test_record_takes_no_arguments(repo: Path) -> None:
    done = run(repo, "record", "0.1.0")
    assert (done.returncode, "it takes no arguments" in done.stderr) == (2, True)


# ---------------------------------------------------------------- dist


def test_the_archive_has_the_same_bytes_twice_and_elsewhere(repo: Path, rendered: Path, tmp_path: Path) -> None:
    first = digest(repo)
    for path in sorted(repo.glob("app/*.py")):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    assert digest(repo, TZ="Asia/Tokyo", LC_ALL="C") == first
    git(tmp_path, "clone", "--quiet", str(rendered), "elsewhere")
    assert digest(tmp_path / "elsewhere") == first


def test_the_archive_is_headless_sorted_and_nobodys(repo: Path) -> None:
    digest(repo)
    packed = (repo / "dist/my-svc-0.1.0.tar.gz").read_bytes()
    assert packed[4:8] == b"\0\0\0\0", "the gzip header holds a time"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as archive:
        entries = archive.getmembers()
    names = [entry.name for entry in entries]
    assert names == sorted(names)
    assert all(name.startswith("my-svc-0.1.0/") for name in names)
    assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {(0, 0, "", "")}
    assert {entry.mode for entry in entries} <= {0o644, 0o755}
    assert {entry.mtime for entry in entries} == {315532800}, "no time that only a whole history knows"
    assert {name.partition("/")[2] for name in names} == set(git(repo, "ls-files").splitlines())


def test_recording_does_not_change_the_archive(repo: Path) -> None:
    first = digest(repo)
    for name in ("ops/receipts/deploy/my-svc-0.1.0.receipt", "ops/receipts/ledger/checkpoint", "ops/trust/policy.toml"):
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text("x")
    git(repo, "-c", "user.name=x", "add", "--all")
    env = environment(repo.parent) | {"GIT_COMMITTER_DATE": "2035-01-01T00:00:00Z"}
    assert call(["git", "commit", "-qm", "[my-svc] chore: record 0.1.0"], repo, env).returncode == 0
    assert digest(repo) == first


def recorded(repo: Path) -> str:
    """Commit a record on top; return the archive's digest."""
    (repo / "ops/receipts/blobs").mkdir(parents=True, exist_ok=True)
    (repo / "ops/receipts/blobs/aa").write_text("x")
    env = environment(repo.parent) | {"GIT_COMMITTER_DATE": "2035-01-01T00:00:00Z"}
    git(repo, "add", "--all")
    assert call(["git", "commit", "-qm", "[my-svc] chore: record 0.1.0"], repo, env).returncode == 0
    return digest(repo)


def test_a_shallow_clone_and_a_linked_work_tree_make_the_same_bytes(repo: Path, tmp_path: Path) -> None:
    whole = recorded(repo)
    git(tmp_path, "clone", "--quiet", "--depth", "1", repo.as_uri(), "shallow")
    assert git(tmp_path / "shallow", "rev-parse", "--is-shallow-repository") == "true"
    assert digest(tmp_path / "shallow") == whole
    git(repo, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    assert digest(tmp_path / "linked") == whole


def test_a_folder_of_a_larger_repository_makes_the_same_bytes(repo: Path, tmp_path: Path) -> None:
    whole = digest(repo)
    inside = tmp_path / "larger/services/one"
    inside.parent.mkdir(parents=True)
    (tmp_path / "larger/salaries.csv").write_text("not part of the service\n")
    git(tmp_path, "clone", "--quiet", str(repo), str(inside))
    shutil.rmtree(inside / ".git")
    repository(tmp_path / "larger")
    assert digest(inside) == whole
    (tmp_path / "larger/salaries.csv").write_text("changed, and no business of the service\n")
    assert recorded(inside) == whole
    (inside / "app/__init__.py").write_text("# changed\n")
    done = run(inside, "dist")
    assert (done.returncode, done.stderr.startswith("ops/bin/dist: app/__init__.py differs from HEAD")) == (1, True)


def test_any_other_commit_does(repo: Path) -> None:
    first = digest(repo)
    (repo / "app/__init__.py").write_text("# changed\n")
    commit_all(repo, "[my-svc] fix: something")
    assert digest(repo) != first


def test_source_date_epoch_wins(repo: Path) -> None:
    digest(repo, SOURCE_DATE_EPOCH="1700000000")
    with tarfile.open(repo / "dist/my-svc-0.1.0.tar.gz") as archive:
        assert {entry.mtime for entry in archive} == {1700000000}


def test_links_stay_links_and_programs_programs(repo: Path) -> None:
    (repo / "link").symlink_to("README.md")
    commit_all(repo, "[my-svc] feat: a link")
    digest(repo)
    with tarfile.open(repo / "dist/my-svc-0.1.0.tar.gz") as archive:
        assert archive.getmember("my-svc-0.1.0/link").linkname == "README.md"
        assert archive.getmember("my-svc-0.1.0/ops/bin/dist").mode == 0o755


@pytest.mark.parametrize(
    ("spoil", "variables", "code", "said"),
    [
        ("echo x >>app/main.py", {}, 1, "app/main.py differs from HEAD"),
        ("rm Makefile app/main.py", {}, 1, "and 1 more differs from HEAD"),
        (":", {"SOURCE_DATE_EPOCH": "yesterday"}, 2, "SOURCE_DATE_EPOCH is not a number"),
        ("rm -rf .git", {}, 4, "not a git repository"),
        ("sed -i.x /^version/d pyproject.toml", {}, 2, "[project] version in pyproject.toml is not"),
        ("echo [ >pyproject.toml", {}, 2, "pyproject.toml is not valid TOML"),
        ("rm ops/settings.mk", {}, 4, "ops/settings.mk cannot be read"),
    ],
)
def test_what_dist_refuses(repo: Path, spoil: str, variables: dict[str, str], code: int, said: str) -> None:
    assert call(spoil, repo, environment(repo.parent)).returncode == 0
    done = run(repo, "dist", **variables)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (repo / "dist").exists()


# ---------------------------------------------------------------- sbom


def test_the_sbom_names_every_locked_package_with_its_hashes(repo: Path) -> None:
    assert run(repo, "sbom").stdout == "dist/my-svc-0.1.0.cdx.json\n"
    first = (repo / "dist/my-svc-0.1.0.cdx.json").read_bytes()
    run(repo, "sbom")
    assert (repo / "dist/my-svc-0.1.0.cdx.json").read_bytes() == first
    document = json.loads(first)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    locked = set(re.findall(r"(?m)^([a-z0-9._-]+)(?:\[.*\])?==([^ ;\\]+)", (repo / "requirements.lock").read_text()))
    assert {(part["name"], part["version"]) for part in document["components"]} == locked
    count = (repo / "requirements.lock").read_text().count("--hash=sha256:")
    assert sum(len(part["externalReferences"][0]["hashes"]) for part in document["components"]) == count
    refs = {part["bom-ref"] for part in document["components"]}
    assert set(document["dependencies"][0]["dependsOn"]) == refs
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["serialNumber"])


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        ("fastapi==1.0\n", "fastapi has no SHA-256"),
        ("fastapi>=1.0\n", "pins nothing"),
        ("-e .\n", "pins nothing"),
        (f"    --hash=sha256:{'0' * 64}\n", "belongs to no package"),
    ],
)
def test_what_sbom_refuses(repo: Path, lock: str, said: str) -> None:
    (repo / "requirements.lock").write_text(lock)
    done = run(repo, "sbom")
    assert done.returncode == 2
    assert said in done.stderr
    assert not (repo / "dist").exists()


# ---------------------------------------------------------------- bump


def versions(repo: Path) -> set[str]:
    """Return every version that the service repeats, as a reader finds it."""
    found = re.findall(r'(?m)^version = "(.+)"$', (repo / "pyproject.toml").read_text())
    found.append(json.loads((repo / "app/service.json").read_text())["version"])
    found += re.findall(r"(?m)^\*\*Version\*\*: (\S+)$", (repo / "README.md").read_text())
    for path in repo.glob("ops/k8s/overlays/*/kustomization.yaml"):
        text = path.read_text()
        found += re.findall(r"newTag: \"?([^\"\n]+)", text)
        found += re.findall(r"app.kubernetes.io/version: \"?([^\"\n]+)", text)
    return set(found)


@pytest.mark.parametrize(
    ("say", "becomes"),
    [("1.2.0", "1.2.0"), ("patch", "0.1.1"), ("minor", "0.2.0"), ("major", "1.0.0"), ("2.0.0-rc.1", "2.0.0-rc.1")],
)
def test_bump_writes_every_copy(repo: Path, say: str, becomes: str) -> None:
    assert versions(repo) == {"0.1.0"}
    done = run(repo, "bump", say)
    assert done.returncode == 0, done.stderr
    assert versions(repo) == {becomes}
    assert run(repo, "bump", "--check").returncode == 0
    assert run(repo, "bump", "--show").stdout == f"{becomes}\n"
    changed = set(git(repo, "diff", "--name-only").splitlines())
    assert {"pyproject.toml", "app/service.json", "README.md"} <= changed
    assert len([name for name in changed if "overlays" in name]) == 4
    said = done.stdout.strip().partition(": ")[2].split(", ")
    assert sorted(said) == sorted(changed), "each file is named once"


def test_bump_changes_nothing_but_versions(repo: Path) -> None:
    run(repo, "bump", "9.8.7")
    for line in git(repo, "diff", "--unified=0").splitlines():
        if line.startswith("+") and not line.startswith("+++"):
            assert "9.8.7" in line
    assert "9.8.7" not in (repo / "requirements.lock").read_text()


@pytest.mark.parametrize(
    ("first", "part", "then"),
    [
        ("1.0.0-rc.1", "patch", "1.0.0"),
        ("1.1.0-rc.1", "minor", "1.1.0"),
        ("2.0.0-rc.2", "major", "2.0.0"),
        ("1.1.1-rc.1", "minor", "1.2.0"),
    ],
)
def test_a_pre_release_ends_in_its_own_version(repo: Path, first: str, part: str, then: str) -> None:
    run(repo, "bump", first)
    assert run(repo, "bump", part).stdout.startswith(f"{first} -> {then}:")


@pytest.mark.parametrize("path", ["app/service.json", "README.md", "ops/k8s/overlays/staging/kustomization.yaml"])
def test_a_copy_that_differs_is_named(repo: Path, path: str) -> None:
    text = (repo / path).read_text()
    (repo / path).write_text(text.replace("0.1.0", "0.1.9"))
    done = run(repo, "bump", "--check")
    assert done.returncode == 1
    assert done.stdout.count(f"{path} says 0.1.9") == 1


@pytest.mark.parametrize("order", ["name: {}\n    digest: {}", "digest: {1}\n    name: {0}"])
def test_an_overlay_that_pins_a_digest_is_no_copy(repo: Path, order: str) -> None:
    path = repo / "ops/k8s/overlays/production/kustomization.yaml"
    entry = order.format("ghcr.io/vaultmesh/my-svc", f"sha256:{'a' * 64}")
    path.write_text(re.sub(r"name: \S+\n    newTag: .*", entry, path.read_text()))
    assert f"  - {entry}\n" in path.read_text()
    pinned = path.read_text()
    assert run(repo, "bump", "0.2.0").returncode == 0
    assert path.read_text() == pinned
    assert run(repo, "bump", "--check").returncode == 0
    # Another image's digest pins nothing of this one.
    sidecar = f'name: ghcr.io/vaultmesh/my-svc\n    newTag: "0.1.0"\n  - name: sidecar\n    digest: sha256:{"a" * 64}'
    path.write_text(pinned.replace(entry, sidecar))
    done = run(repo, "bump", "--check")
    assert done.returncode == 1
    assert "overlays/production/kustomization.yaml says 0.1.0" in done.stdout


@pytest.mark.parametrize("say", ["1.2", "v1.2.3", "1.2.3+build", "01.2.3", "1.2.3-beta", "../1", "1.2.3\n", "$(x)", ""])
def test_bump_refuses_what_is_no_version(repo: Path, say: str) -> None:
    assert run(repo, "bump", say).returncode == 2
    assert git(repo, "status", "--porcelain") == ""


def test_make_bump_passes_the_version_as_data(repo: Path) -> None:
    done = call(["make", "bump", "VERSION=$(touch hacked); `touch hacked`"], repo, environment(repo.parent))
    assert done.returncode != 0
    assert not (repo / "hacked").exists()


# ---------------------------------------------------------------- hooks


@pytest.mark.parametrize(
    "message",
    [
        "[my-svc] feat: add x",
        "[spawn] fix!: y",
        "[a/b] docs: z\n\nbody",
        "# comment\n[deps] build: update x",
        "Merge branch 'x'",
        'Revert "y"',
        "fixup! z",
        'Reapply "y"',
        "Merge pull request #3 from x/y",
        "Bump starlette from 0.40.0 to 0.41.0",
        "Bump the production group across 1 directory with 2 updates",
        "build(deps): bump starlette from 0.40.0 to 0.41.0",
        "build(deps-dev): bump the dev group with 3 updates",
        "Update dependency fastapi to v0.120.0",
        "chore(deps): update dependency fastapi to v0.120.0",
        "fix(deps): update fastapi",
        "Update actions/checkout action to v7",
        "Update python:3.11-slim Docker digest to 35d3a4a",
        "Lock file maintenance",
        "Pin dependencies",
        "Bump certifi, idna and urllib3",
        "Bump certifi and idna in /services/orders",
        "[Security] Bump certifi from 2026.1 to 2026.2",
        "Update fastapi requirement from >=0.104.0 to >=0.142.0",
        "chore(deps): replace dependency fastapi with starlette 1.0",
        "chore(config): migrate config renovate.json",
        "Migrate config renovate.json",
        "Add renovate.json",
        "Configure Renovate",
        "Update all non-major dependencies",
        "Update opentelemetry-python monorepo to v1.45",
        "Update kubernetes packages",
        "Update pre-commit hook astral-sh/ruff-pre-commit to v1",
        "Update Helm release prometheus to v80",
        "Pin dependency structlog to 26.1.0",
        "Pin actions/checkout action to 1af3b93",
        "Roll back dependency uvicorn to v0.54",
        "Replace dependency fastapi with starlette 1.0",
        "Potential fix for code scanning alert no. 3: clear text in a log",
        "Apply suggestions from code review",
        "Apply suggestion from @reviewer",
        "Apply 2 suggestion(s) to 1 file(s)",
    ],
)
def test_messages_in_the_house_format(repo: Path, message: str) -> None:
    (repo / "M").write_text(message)
    assert run(repo, "commit-msg", "M").returncode == 0


@pytest.mark.parametrize(
    "message",
    [
        "",
        "feat: x",
        "[my-svc] x",
        "[my-svc] feat:x",
        "[my-svc] feat: ",
        "[my-svc] stuff: x",
        "[] feat: x",
        "[my-svc]feat: x",
        f"[a] feat: {'x' * 120}",
        "# only a comment",
        "Update the readme",
        "Update all the things",
        "Update packages",
        "Update README.md",
        "Bump and grind it",
        "Add renovate.json and more",
        "Pin it to the wall",
        "Squashed commit of the following:",
        "Apply what was said",
        "chore(deps): something",
    ],
)
def test_messages_that_are_refused(repo: Path, message: str) -> None:
    (repo / "M").write_text(message)
    done = run(repo, "commit-msg", "M")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_range_names_the_wrong_commit(repo: Path) -> None:
    base = git(repo, "rev-parse", "HEAD")
    good = commit_all(repo, "[my-svc] feat: good")
    assert run(repo, "commit-msg", f"{base}..{good}").returncode == 0
    bad = commit_all(repo, "oops")
    done = run(repo, "commit-msg", f"{base}..{bad}")
    assert done.returncode == 1
    assert git(repo, "rev-parse", "--short", bad) in done.stderr
    assert run(repo, "commit-msg", f"{'0' * 40}..{bad}").returncode == 4


def test_a_bots_commit_passes_in_a_range(repo: Path) -> None:
    base = git(repo, "rev-parse", "HEAD")
    env = environment(repo.parent, GIT_AUTHOR_NAME="renovate[bot]")
    words = ["git", "commit", "--quiet", "--allow-empty", "-m", "Configure something"]
    assert call(words, repo, env).returncode == 0
    assert run(repo, "commit-msg", f"{base}..HEAD").returncode == 0


def test_the_check_can_be_switched_off(repo: Path) -> None:
    settings = repo / "ops/settings.mk"
    assert "COMMIT_CHECK := true\n" in settings.read_text()
    settings.write_text(settings.read_text().replace("COMMIT_CHECK := true", "COMMIT_CHECK := false"))
    (repo / "M").write_text("wrong")
    assert run(repo, "commit-msg", "M").returncode == 0


def test_a_repository_that_takes_the_layer_keeps_its_own_messages(collection: Path, tmp_path: Path) -> None:
    made = render(collection, tmp_path / "shop", layer="ci", component="shop")
    assert "COMMIT_CHECK := false\n" in (made / "ops/settings.mk").read_text()


@pytest.mark.parametrize("since", ["HEAD~1", "HEAD^", "HEAD~3"])
def test_a_range_from_before_the_first_commit_is_the_whole_history(repo: Path, since: str) -> None:
    git(repo, "checkout", "--quiet", "--orphan", "anew")
    first = commit_all(repo, "[my-svc] feat: begin")
    assert git(repo, "rev-list", "--count", first) == "1"
    done = run(repo, "commit-msg", f"{since}..HEAD")
    assert (done.returncode, done.stderr) == (0, "")
    git(repo, "commit", "--quiet", "--amend", "--message", "oops")
    assert run(repo, "commit-msg", f"{since}..HEAD").returncode == 1


def test_a_range_that_begins_before_a_shallow_clone_is_not_taken_for_the_whole(repo: Path, tmp_path: Path) -> None:
    commit_all(repo, "oops")
    commit_all(repo, "[my-svc] feat: good")
    git(tmp_path, "clone", "--quiet", "--depth=1", repo.as_uri(), "shallow")
    assert run(tmp_path / "shallow", "commit-msg", "HEAD~2..HEAD").returncode == 4
    assert run(repo, "commit-msg", "HEAD~2..HEAD").returncode == 1


def test_a_range_that_git_does_not_know_is_told_in_its_first_words(repo: Path) -> None:
    done = run(repo, "commit-msg", "no-such-branch~1..HEAD")
    assert done.returncode == 4
    assert "unknown revision" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


MARKERS = "<" * 7 + " ours\na\n" + "=" * 7 + "\nb\n" + ">" * 7 + " theirs\n"


def test_a_half_merged_file_is_named_with_its_line(repo: Path) -> None:
    assert run(repo, "no-conflict-markers").returncode == 0
    (repo / "app/main.py").write_text("x = 1\n" + MARKERS)
    done = run(repo, "no-conflict-markers")
    assert done.returncode == 1
    assert "app/main.py:2 holds a merge conflict" in done.stderr
    assert run(repo, "no-conflict-markers", "README.md").returncode == 0
    assert run(repo, "no-conflict-markers", "app/main.py").returncode == 1


def test_a_heading_of_equal_signs_is_no_conflict(repo: Path) -> None:
    (repo / "README.md").write_text("Title\n=======\n\n<<<<<<< is how a conflict begins\n")
    assert run(repo, "no-conflict-markers").returncode == 0


def test_the_rest_of_an_update_is_refused(repo: Path) -> None:
    (repo / "app/main.py.rej").write_text("x")
    git(repo, "add", "-f", "app/main.py.rej")
    assert "app/main.py.rej" in run(repo, "no-conflict-markers").stderr


def test_the_hooks_work_in_a_real_commit(repo: Path) -> None:
    stub(repo, "exit 0")
    env = environment(repo.parent, repo.parent / "path")
    assert call([tool("pre-commit"), "install"], repo, env).returncode == 0
    (repo / "app/__init__.py").write_text("# change\n")
    git(repo, "add", "--all")
    wrong = call(["git", "commit", "-m", "wrong"], repo, env)
    assert wrong.returncode != 0
    assert "is not in the form of this repository" in wrong.stdout + wrong.stderr
    good = call(["git", "commit", "-m", "[my-svc] fix: right"], repo, env)
    assert good.returncode == 0, good.stdout + good.stderr
    (repo / "app/main.py").write_text(MARKERS)
    git(repo, "add", "--all")
    assert call(["git", "commit", "-m", "[my-svc] fix: half"], repo, env).returncode != 0


def commit(repo: Path, env: dict[str, str], message: str = "[my-svc] fix: right") -> subprocess.CompletedProcess[str]:
    """Commit what is staged, with the hooks."""
    return call(["git", "commit", "-m", message], repo, env)


def test_the_hooks_are_installed_without_another_program(repo: Path) -> None:
    """Q-13: also what is only in the index counts, and what is only in the work tree does not."""
    stub(repo, "exit 0")
    env = environment(repo.parent, repo.parent / "path")
    assert call(["make", "hooks"], repo, env).returncode == 0
    half = repo / "app/main.py"
    whole = half.read_text()
    half.write_text(whole + MARKERS)
    git(repo, "add", "--all")
    half.write_text(whole)
    done = commit(repo, env)
    assert (done.returncode, "app/main.py:" in done.stderr) == (1, True), done.stderr
    git(repo, "add", "--all")
    (repo / "app/__init__.py").write_text("# changed\n")
    git(repo, "add", "--all")
    half.write_text(whole + MARKERS)
    assert "is not in the form of this repository" in commit(repo, env, "wrong").stderr
    done = commit(repo, env)
    assert done.returncode == 0, done.stderr
    half.write_text(whole)
    (repo / "README.md").write_text((repo / "README.md").read_text().replace("0.1.0", "0.1.9"))
    done = call(["git", "commit", "-am", "[my-svc] docs: other"], repo, env)
    assert (done.returncode, "README.md says 0.1.9" in done.stderr) == (1, True), done.stderr
    stub(repo, "exit 1")
    assert call(["git", "commit", "--allow-empty", "-m", "[my-svc] fix: x"], repo, env).returncode == 1


@pytest.mark.parametrize("install", [["ops/bin/hooks", "install"], [tool("pre-commit"), "install"]])
def test_a_revert_of_a_record_is_asked_about(repo: Path, install: list[str]) -> None:
    """And nothing but that: what records nothing is reverted without a program that starts for it."""
    stub(repo, f"echo $2 >>{repo.parent}/asked")
    env = environment(repo.parent, repo.parent / "path")
    assert call(install, repo, env).returncode == 0
    revert = ["git", "revert", "--no-edit", "HEAD"]
    for path in ("notes.md", "ops/receipts/deploy/my-svc-9.0.0.receipt"):
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_text("{}\n")
        git(repo, "add", "--all", "--force")
        assert commit(repo, env).returncode == 0
        asked = (repo.parent / "asked").read_text()
        if path == "notes.md":
            assert call(revert, repo, env).returncode == 0
            assert (repo.parent / "asked").read_text() == asked
    stub(repo, "exit 1")
    done = call(revert, repo, env)
    assert done.returncode != 0
    assert "git reset --merge" in done.stdout + done.stderr
    git(repo, "reset", "--merge")
    assert git(repo, "status", "--porcelain") == ""


def test_the_hooks_of_a_user_and_of_others_stay(repo: Path, tmp_path: Path) -> None:
    stub(repo, "exit 0")
    settings = tmp_path / "gitconfig"
    program(tmp_path / "own", "pre-commit", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    git(tmp_path, "config", "--file", str(settings), "core.hooksPath", str(tmp_path / "own"))
    env = environment(repo.parent, repo.parent / "path", GIT_CONFIG_GLOBAL=str(settings))
    assert run(repo, "hooks", "install", GIT_CONFIG_GLOBAL=str(settings)).returncode == 0
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["pre-commit"]
    (repo / "app/__init__.py").write_text("# changed\n")
    git(repo, "add", "--all")
    assert commit(repo, env, "wrong").returncode == 1
    assert commit(repo, env).returncode == 0
    assert (tmp_path / "ran").exists()
    theirs = program(repo / ".git/hooks", "commit-msg", "#!/bin/sh\n# theirs\n")
    done = run(repo, "hooks", "install", GIT_CONFIG_GLOBAL=str(settings))
    assert (done.returncode, "another program wrote commit-msg" in done.stderr) == (1, True)
    assert theirs.read_text() == "#!/bin/sh\n# theirs\n"


def test_the_hooks_of_a_service_in_a_larger_repository_and_a_linked_work_tree(repo: Path, tmp_path: Path) -> None:
    stub(repo, "exit 0")
    env = environment(repo.parent, repo.parent / "path")
    inside = tmp_path / "larger/services/one"
    inside.parent.mkdir(parents=True)
    git(tmp_path, "clone", "--quiet", str(repo), str(inside))
    shutil.rmtree(inside / ".git")
    repository(tmp_path / "larger")
    assert run(inside, "hooks", "install").returncode == 0
    git(tmp_path / "larger", "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    for top in (tmp_path / "larger", tmp_path / "linked"):
        (top / "services/one/app/main.py").write_text(MARKERS)
        git(top, "add", "--all")
        done = commit(top, env)
        assert (done.returncode, "app/main.py:1 holds a merge conflict" in done.stderr) == (1, True), done.stderr


def stub(repo: Path, check: str) -> None:
    """Put a Remembrancer on PATH whose `hook` does this."""
    text = f"#!/bin/sh\ncase $1 in --version) echo remembrancer {VERSION} ;; hook) {check} ;; esac\n"
    program(repo.parent / "path", "remembrancer", text)


def without_remembrancer(repo: Path) -> dict[str, str]:
    """Return an environment in which ops/bin/remembrancer can neither find nor make one."""
    program(repo.parent / "path", "remembrancer", "#!/bin/sh\necho remembrancer 0.0.0\n")
    return environment(repo.parent, repo.parent / "path", REMEMBRANCER_COMMIT="none")


@pytest.mark.parametrize("edit", ["echo x >>", "rm"])
@pytest.mark.parametrize("path", ["ops/receipts/deploy/my-svc-0.1.0.receipt", "ops/receipts/blobs/aa"])
def test_receipts_are_only_added(repo: Path, path: str, edit: str) -> None:
    env = without_remembrancer(repo)
    (repo / path).parent.mkdir(parents=True, exist_ok=True)
    (repo / path).write_text("{}\n")
    git(repo, "add", "--all")
    assert call(["ops/bin/check-receipts"], repo, env).returncode == 0
    commit_all(repo, "[my-svc] chore: record")
    call(f"{edit} {path}", repo, env)
    git(repo, "add", "--all")
    done = call(["ops/bin/check-receipts"], repo, env)
    assert done.returncode == 1
    assert f"{path} is recorded" in done.stderr


@pytest.mark.parametrize(("bytes_", "code"), [("{}\n", 0), ("{ }\n", 1)])
def test_receipts_may_move_into_the_archive_unchanged(repo: Path, bytes_: str, code: int) -> None:
    env = without_remembrancer(repo)
    recorded = repo / "ops/receipts/deploy/my-svc-0.1.0.receipt"
    recorded.parent.mkdir(parents=True)
    recorded.write_text("{}\n")
    commit_all(repo, "[my-svc] chore: record")
    recorded.unlink()
    (repo / "ops/receipts/archive/aa/deploy").mkdir(parents=True)
    (repo / "ops/receipts/archive/aa/deploy/my-svc-0.1.0.receipt").write_text(bytes_)
    git(repo, "add", "--all")
    assert call(["ops/bin/check-receipts"], repo, env).returncode == code


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
def test_the_remembrancers_own_check_decides_where_it_can_be_run(repo: Path, code: int) -> None:
    stub(repo, f"exit {code}")
    env = environment(repo.parent, repo.parent / "path")
    assert call(["ops/bin/check-receipts"], repo, env).returncode == code


# ---------------------------------------------------------------- python


def test_the_chooser_passes_over_what_does_not_work(repo: Path) -> None:
    program(repo.parent / "path", "python3", "#!/bin/sh\necho not chosen >&2\nexit 127\n")
    done = call([repo / "ops/bin/bump", "--show"], repo, environment(repo.parent, repo.parent / "path", PYTHON=""))
    assert done.stdout == "0.1.0\n", done.stderr


def test_tools_leave_no_byte_code_behind(repo: Path) -> None:
    call([repo / "ops/bin/bump", "--check"], repo, environment(repo.parent))
    assert not list(repo.glob("ops/lib/__pycache__"))
