"""The job by which two teams witness each other with no server: what it may, and what it does between two remotes."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import witness_support as log
from ci_render import call, environment, lint, load, program
from collection import ROOT, VERSION, files, git, render
from git_log_support import Team
from remembrancer.tlog import SignerKey, VerifierKey, open_checkpoint

PINS: dict[str, Any] = json.loads((Path(__file__).parent / "action_pins.json").read_text(encoding="utf-8"))
USES = re.compile(r"^\s*-?\s*uses:\s*(\S+)(.*)$", re.MULTILINE)
IMAGE = re.compile(r"\b([a-z0-9./-]+:[A-Za-z0-9.-]+)@(sha256:[0-9a-f]{64})")
HUB, LAB = ".github/workflows/witness.yml", ".gitlab/witness.yml"
SHARED = {"ops/witness.txt", "ops/bin/aurora", "ops/ci/witness"}
SECRETS = {"look": {"AURORA_WITNESS_KEYS", "WITNESS_TOKEN"}, "collect": {"RELEASE_TOKEN", "WITNESS_TOKEN"}}


@pytest.fixture(scope="module")
def both(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer with both platforms."""
    target = tmp_path_factory.mktemp("witness") / "my-svc"
    return render(collection, target, component="my-svc", layer="ci", ci="both", witness="git")


@pytest.fixture(scope="module")
def github(both: Path) -> dict[Any, Any]:
    return load(both / HUB)


@pytest.fixture(scope="module")
def gitlab(both: Path) -> dict[Any, Any]:
    return load(both / LAB)


@pytest.mark.parametrize(
    ("layer", "ci"), [("fastapi-service", "github"), ("fastapi-service", "gitlab"), ("ci", "both"), ("ci", "gitlab")]
)
def test_each_platform_gets_its_file_and_no_other(collection: Path, tmp_path: Path, layer: str, ci: str) -> None:
    made = files(render(collection, tmp_path / "x", layer=layer, component="my-svc", ci=ci, witness="git"))
    assert made >= SHARED
    assert (HUB in made, LAB in made) == (ci != "gitlab", ci != "github")


def test_published_checks_find_nothing(both: Path) -> None:
    for schema, path in (("vendor.github-workflows", HUB), ("vendor.gitlab-ci", LAB)):
        done = lint(["check-jsonschema", "--builtin-schema", schema, both / path])
        assert done.returncode == 0, done.stdout
    done = lint(["zizmor", "--offline", "--no-progress", "--persona", "pedantic", both / HUB])
    assert done.returncode == 0, done.stdout
    done = lint(["shellcheck", "--external-sources", *(both / one for one in SHARED if one.startswith("ops/c"))], both)
    assert done.returncode == 0, done.stdout
    assert all((both / one).stat().st_mode & 0o111 for one in SHARED if "." not in one)


def test_pins_are_those_of_the_pipelines(both: Path) -> None:
    used = USES.findall((both / HUB).read_text())
    for reference, rest in used:
        name, _, sha = reference.partition("@")
        assert (sha, rest.strip()) == (PINS["actions"][name]["sha"], f"# {PINS['actions'][name]['version']}")
    assert len(used) == 4
    found = IMAGE.findall((both / LAB).read_text())
    assert [digest for _, digest in found] == [PINS["images"][name]["digest"] for name, _ in found]
    assert len(found) == 1


def test_each_job_holds_what_it_needs_and_no_more(github: dict[Any, Any], gitlab: dict[Any, Any]) -> None:
    assert github["permissions"] == {}
    assert set(github["on" if "on" in github else True]) == {"schedule", "workflow_dispatch"}
    assert set(github["jobs"]) == set(SECRETS) == {name for name, job in gitlab.items() if "script" in job}
    for name, place in (("look", "witness"), ("collect", "ledger")):
        job, same = github["jobs"][name], gitlab[name]
        assert job["permissions"] == {"contents": "write"}
        assert (job["environment"], same["environment"]["name"]) == (place, place)
        assert same["resource_group"] == place
        assert set(re.findall(r"secrets\.(\w+)", json.dumps(job))) == SECRETS[name]
        assert [step["run"] for step in job["steps"] if "run" in step] == same["script"] == [f"ops/ci/witness {name}"]
        checkout, *_ = job["steps"]
        assert checkout["with"]["persist-credentials"] is False
        assert 0 < job["timeout-minutes"] <= 30
        assert "timeout" in same
    assert "secrets." not in json.dumps([job.get("env") for job in github["jobs"].values()])
    assert github["concurrency"]["cancel-in-progress"] is False
    assert all("schedule" in rule["if"] or "web" in rule["if"] for rule in gitlab["workflow"]["rules"])


@pytest.mark.parametrize("url", ["https://git.example.com/us/my-svc", "https://git.example.com/us/my-svc.git"])
def test_a_token_is_given_to_the_repository_that_it_is_for(both: Path, tmp_path: Path, url: str) -> None:
    service = tmp_path / "s"
    shutil.copytree(both / "ops", service / "ops")
    git(service, "init", "--quiet")
    git(service, "remote", "add", "origin", url)
    (service / "ops/witness.txt").write_text("log x\n")
    asked = "".join(
        f"printf 'protocol=https\\nhost={host}\\npath={path}\\n\\n' | git credential fill | grep ^pass || echo none\n"
        for host, path in (
            ("git.example.com", url.partition(".com/")[2]),
            ("git.example.com", "others/svc.git"),
            ("git.example.com", "us/my-svc-2.git"),
            ("elsewhere.example.com", "us/my-svc.git"),
        )
    )
    program(service / "ops/bin", "aurora", f'#!/bin/sh\n{asked}cat "$XDG_CONFIG_HOME/git/config"\n')
    tokens = {"RELEASE_TOKEN": "ours-ours", "WITNESS_TOKEN": "theirs-theirs"}
    plain = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "false", "TMPDIR": str(tmp_path)}
    env = environment(tmp_path, **tokens, **plain)
    done = call([service / "ops/ci/witness", "look"], service, {k: v for k, v in env.items() if k[:10] != "GIT_CONFIG"})
    assert done.returncode == 0, done.stderr
    said = done.stdout.split("\n")
    assert said[:4] == ["password=ours-ours", "password=theirs-theirs", "password=theirs-theirs", "none"]
    assert not any(token in line for line in said[4:] for token in tokens.values())
    assert not list(tmp_path.glob("tmp.*"))


def test_nobody_listed_is_nothing_to_do(both: Path, tmp_path: Path) -> None:
    service = tmp_path / "s"
    shutil.copytree(both / "ops", service / "ops")
    git(service, "init", "--quiet")
    git(service, "remote", "add", "origin", "x")
    for word in ("look", "collect"):
        done = call([service / "ops/ci/witness", word], service, environment(tmp_path))
        assert (done.returncode, "nothing to do" in done.stdout) == (0, True), done.stderr
    assert call([service / "ops/ci/witness", "begin"], service, environment(tmp_path)).returncode == 2


@pytest.mark.system
def test_aurora_comes_from_the_collection_at_its_commit(collection: Path, tmp_path: Path) -> None:
    target = render(collection, tmp_path / "svc", component="my-svc", layer="ci", witness="git")
    made = json.loads((target / "ops/remembrancer.json").read_text())
    assert made["commit"] == git(collection, "rev-parse", "HEAD")
    done = call(["ops/bin/aurora", "--version"], target, environment(tmp_path))
    assert (done.stdout, done.returncode) == (f"aurora {VERSION}\n", 0), done.stderr


class Party:
    """A team on one platform: its published repository with the rendered job, its witness's keys and its settings."""

    def __init__(self, base: Path, platform: str, rendered: Path) -> None:
        self.base, self.platform = base, platform
        self.team = Team(base, f"log.example/{base.name}")
        shutil.copytree(rendered / "ops", self.team.work / "ops")
        for path in (HUB, LAB):
            (self.team.work / path).parent.mkdir(parents=True)
            shutil.copy(rendered / path, self.team.work / path)
        pins = self.team.work / "ops/remembrancer.json"
        pins.write_text(json.dumps(json.loads(pins.read_text()) | {"version": VERSION}, indent=2))
        self.team.log(log.entries(3, base.name))
        self.keys = [SignerKey.from_seed(f"w.example/{base.name}", bytes([number]) * 32, number) for number in (4, 6)]
        (base / "keys").write_text("".join(f"{key.encode()}\n" for key in self.keys))
        (base / "keys").chmod(0o600)
        places = f"{ROOT}/plugins/aurora/src:{ROOT}/plugins/remembrancer/src"
        for name in ("aurora", "remembrancer"):
            text = f'#!/bin/sh\nPYTHONPATH={places} exec {sys.executable} -m {name} "$@"\n'
            program(base / "path", name, text)

    def lists(self, other: "Party") -> None:
        lines = [f"log {other.team.vkey} {other.team.remote}"]
        lines += [f"witness w{n} {key.verifier()} {other.team.remote}" for n, key in enumerate(other.keys)]
        path = self.team.work / "ops/witness.txt"
        path.write_text(path.read_text() + "\n".join(lines) + "\n")
        self.team.publish("whose witness we are")

    def begin(self) -> None:
        """Do what docs/federation.md asks of a person, word for word."""
        text = (ROOT / "docs/federation.md").read_text(encoding="utf-8").partition("## The same as scheduled jobs")[2]
        begin, on_gitlab = re.findall(r"(?ms)^```sh\n(.*?)^```$", text.partition("\n## ")[0])
        shutil.copy2(self.base / "keys", self.team.work / "witness.keys")
        done = call(f"set -eu\n{begin}{on_gitlab if self.platform == 'gitlab' else ''}", self.team.work, self.env())
        assert done.returncode == 0, done.stdout + done.stderr
        (self.team.work / "witness.keys").unlink()

    def env(self, **more: str) -> dict[str, str]:
        return environment(self.base, self.base / "path", CI="true", RELEASE_WAIT="0", **more)

    def job(self, name: str) -> "subprocess.CompletedProcess[str]":
        """Run a job as its platform does: a fresh checkout, and the lines of its script."""
        clone = self.base / "clone"
        shutil.rmtree(clone, ignore_errors=True)
        secret = {"AURORA_WITNESS_KEYS": (self.base / "keys").read_text()} if name == "look" else {}
        if self.platform == "github":
            git(self.base, "clone", "--quiet", self.team.remote.as_uri(), "clone")
            (step,) = [one for one in load(clone / HUB)["jobs"][name]["steps"] if "run" in one]
            return call(step["run"], clone, self.env(RELEASE_BRANCH="main", **secret))
        git(self.base, "clone", "--quiet", "--branch", "witness", self.team.remote.as_uri(), "clone")
        (included,) = load(clone / ".gitlab-ci.yml")["include"]
        assert included["project"] == "$CI_PROJECT_PATH"
        pipeline = load(self.team.work / included["file"])
        given = {"CI_PROJECT_DIR": str(clone), "CI_PROJECT_URL": self.team.remote.as_uri().removesuffix(".git")}
        given |= {"CI_DEFAULT_BRANCH": "main", **pipeline["variables"], "RELEASE_BRANCH": "main", **secret}
        given |= {
            "PYTHON": sys.executable,
            "RELEASE_PUSH_OPTIONS": "",
            "GIT_CONFIG_GLOBAL": str(self.base / "gitconfig"),
        }
        lines = [*pipeline["default"]["before_script"], *pipeline[name]["script"]]
        return call("\n".join(lines), clone, self.env(**given))

    def published(self) -> bytes:
        return git(self.team.remote, "show", "main:ops/receipts/ledger/checkpoint").encode() + b"\n"


def test_two_teams_cosign_each_other_and_a_fork_is_seen(both: Path, tmp_path: Path) -> None:
    ours, theirs = (Party(tmp_path / name, name, both) for name in ("github", "gitlab"))
    for one, other in ((ours, theirs), (theirs, ours)):
        one.lists(other)
        one.begin()
    done = ours.job("collect")  # they have looked when they began, of course
    assert done.returncode == 0, done.stderr
    for one in (ours, theirs):
        assert one.job("look").returncode == 0
    for one, other in ((ours, theirs), (theirs, ours)):
        done = one.job("collect")
        assert done.returncode == 0, done.stdout + done.stderr
        witnesses = [VerifierKey.parse(str(key.verifier())) for key in other.keys]
        opened = open_checkpoint(one.published(), one.team.key.name, [one.team.key.verifier()], witnesses)
        assert len(opened.cosignatures) == 2
        assert "Keep" in git(one.team.remote, "log", "-1", "--format=%s", "main").title()
        before = git(one.team.remote, "rev-parse", "main")
        assert one.job("collect").returncode == 0
        assert git(one.team.remote, "rev-parse", "main") == before, "nothing new is no commit"
    # the log grows, and nobody has looked yet: the next run asks again
    git(theirs.team.work, "pull", "-q", "--rebase", "origin", "main")
    theirs.team.log(log.entries(5, theirs.base.name))
    done = theirs.job("collect")
    assert (done.returncode, "log.unwitnessed" in done.stdout) == (0, True), done.stderr
    done = ours.job("look")
    assert (done.returncode, "cosigned at size 5" in done.stdout) == (0, True), done.stderr
    # and forks: the job fails, the evidence stays
    theirs.team.log(log.entries(5, "another"))
    done = ours.job("look")
    assert (done.returncode, "log.split-view" in done.stdout) == (1, True), done.stderr
    assert "/evidence/" in git(ours.team.remote, "ls-tree", "-r", "--name-only", "witness")


def test_each_file_says_who_may_run_the_job_that_holds_the_key(both: Path) -> None:
    expected = {HUB: ("Deployment branches", "reviewers"), LAB: ("protected environments", "Protected variables")}
    for name, words in expected.items():
        head = (both / name).read_text(encoding="utf-8").partition("\n\n")[0].partition("stages:")[0]
        said = " ".join(line.removeprefix("# ") for line in head.splitlines())
        assert all(word in said for word in (*words, "cosign any fork")), name
