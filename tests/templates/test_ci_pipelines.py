"""Both pipelines: valid, six stages in order, pinned, with few rights, and nothing silenced."""

import itertools
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ci_release import HOLDS
from ci_render import CI, GITHUB, GITLAB, STAGES, by_schema, call, environment, lint, load
from collection import ROOT, files, render

PINS: dict[str, Any] = json.loads((Path(__file__).parent / "action_pins.json").read_text(encoding="utf-8"))
USES = re.compile(r"^\s*-?\s*uses:\s*(\S+)(.*)$", re.MULTILINE)
IMAGE = re.compile(r"\b([a-z0-9./-]+:[A-Za-z0-9.-]+)@(sha256:[0-9a-f]{64})")
RELEASE = STAGES[3:]
JOB_KEYS = {"script", "stage"}
UPLOAD = "actions/upload-artifact@"
PLATFORMS = "linux/amd64,linux/arm64"
# The gate is asked before anybody approves. What GitHub's job does in one go takes two images on GitLab: python checks
# and signs, docker pushes in between.
FIRST = ["test", "lint", "history", "scan"]  # side by side
HUB_JOBS = [*FIRST, "build", "findings", "gate", "sign", "attest", "timestamp", "record"]
LAB_JOBS = [*FIRST, "archive", "build", "scan-image", "gate", "check", "publish", *RELEASE]
# in which stage of the standard a job of GitHub is that has another name
PLACE = {"lint": "test", "history": "test", "findings": "build", "gate": "sign", "attest": "sign"}


@pytest.fixture(scope="module")
def both(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service with both pipelines."""
    return render(collection, tmp_path_factory.mktemp("ci") / "my-svc", component="my-svc", ci="both")


@pytest.fixture(scope="module")
def github(both: Path) -> dict[Any, Any]:
    """The GitHub workflow."""
    return load(both / GITHUB)


@pytest.fixture(scope="module")
def gitlab(both: Path) -> dict[Any, Any]:
    """The GitLab pipeline."""
    return load(both / GITLAB)


def steps(github: dict[Any, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return every step with its job's name."""
    return [(name, step) for name, job in github["jobs"].items() for step in job["steps"]]


def commands(github: dict[Any, Any], gitlab: dict[Any, Any]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return, for each provider and stage, the make targets and scripts under ops/ that it calls."""

    def called(text: str) -> set[str]:
        targets = {
            f"make {name}" for line in re.findall(r"make -f ops/release\.mk ([a-z -]+)", text) for name in line.split()
        }
        scripts = r"ops/(?:bin|ci)/[a-z-]+(?:(?<!gate-says) (?:push|pack|unpack|records|try|seal|facts|build)\b)?"
        return targets | set(re.findall(scripts, text))

    runs = {name: "\n".join(step.get("run", "") for step in job["steps"]) for name, job in github["jobs"].items()}
    hub = {stage: called("\n".join(runs[name] for name in runs if PLACE.get(name, name) == stage)) for stage in STAGES}
    jobs = [gitlab[name] for name in LAB_JOBS]
    scripts = {name: [line for job in jobs if job["stage"] == name for line in job["script"]] for name in STAGES}
    lab = {name: called("\n".join(lines)) for name, lines in scripts.items()}
    return hub, lab


def programs(service: Path) -> list[Path]:
    """Return what people (ops/bin) and pipelines (ops/ci) call."""
    return [path for name in ("bin", "ci") for path in sorted((service / "ops" / name).iterdir())]


# ---------------------------------------------------------------- the files that each answer brings


@pytest.mark.parametrize(
    ("layer", "ci"), list(itertools.product(["fastapi-service", "ci"], ["github", "gitlab", "both"]))
)
def test_each_provider_gets_its_files_and_no_other(collection: Path, tmp_path: Path, layer: str, ci: str) -> None:
    made = files(render(collection, tmp_path / "x", layer=layer, component="my-svc", ci=ci))
    assert (GITHUB in made) is (ci != "gitlab")
    assert (GITLAB in made) is (ci != "github")
    shared = {path.relative_to(CI).as_posix().removesuffix(".jinja") for path in CI.rglob("*") if path.is_file()}
    shared = {
        path
        for path in shared
        if not path.startswith((".copier-answers", ".github", ".gitlab")) and "__pycache__" not in path
    }
    shared -= {"ops/witness.txt", "ops/bin/aurora", "ops/ci/witness"}  # for who answers so: test_ci_witness
    assert shared <= made
    assert (".copier-answers.ci.yml" in made) is (layer == "ci")
    for one, other in ((GITHUB, GITLAB), (GITLAB, GITHUB)):
        assert one not in made or other not in (tmp_path / "x" / one).read_text(), f"{one} names {other}, a stranger"


def test_programs_keep_their_mode(both: Path) -> None:
    for path in programs(both):
        assert path.stat().st_mode & 0o111, f"{path.name} cannot be run"


# ---------------------------------------------------------------- published checks, each with something that it catches


@pytest.mark.parametrize(
    ("schema", "path"),
    [("vendor.github-workflows", GITHUB), ("vendor.gitlab-ci", GITLAB), ("vendor.renovate", "renovate.json")],
)
def test_schema(both: Path, schema: str, path: str) -> None:
    done = by_schema(schema, both / path)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("vendor.github-workflows", "on: push\njobs: {test: {steps: []}}\n"),
        ("vendor.gitlab-ci", "test: {stage: [no], script: 1}\n"),
        ("vendor.renovate", '{"packageRules": {"no": 1}}\n'),
    ],
)
def test_schema_catches(tmp_path: Path, schema: str, text: str) -> None:
    (tmp_path / "broken.yml").write_text(text)
    assert by_schema(schema, tmp_path / "broken.yml").exit_code == 1


def test_zizmor_finds_nothing(both: Path) -> None:
    done = lint(["zizmor", "--offline", "--no-progress", "--persona", "pedantic", both / GITHUB])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("old", "new", "audit"),
    [
        ("permissions:\n      contents: read # checkout\n", "permissions: write-all\n", "excessive-permissions"),
        ("          persist-credentials: false\n", "          lfs: false\n", "artipacked"),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@main", "unpinned-uses"),
        ("  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
        ('ops/bin/commit-msg "$BASE..$HEAD"', "echo ${{ github.event.pull_request.title }}", "template-injection"),
    ],
)
def test_zizmor_catches(both: Path, tmp_path: Path, old: str, new: str, audit: str) -> None:
    text = (both / GITHUB).read_text()
    assert old in text
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "ci.yml").write_text(text.replace(old, new, 1))
    done = lint(["zizmor", "--offline", "--no-progress", folder / "ci.yml"])
    assert done.returncode != 0
    assert audit in done.stdout


def test_shellcheck_finds_nothing(both: Path) -> None:
    scripts = programs(both)
    assert all(path.read_text().startswith("#!/bin/sh") for path in scripts)
    done = lint(["shellcheck", "--external-sources", *scripts], both)
    assert done.returncode == 0, done.stdout


def test_shellcheck_catches_what_is_no_posix_shell(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("#!/bin/sh\nwords=(a b)\nrm -rf $1/*\n")
    done = lint(["shellcheck", tmp_path / "broken"])
    assert done.returncode == 1
    assert "SC3030" in done.stdout


def test_the_tools_are_typed() -> None:
    done = lint(["mypy", "--strict", "--cache-dir", os.devnull, *sorted((CI / "ops/lib").glob("*.py"))], CI / "ops/lib")
    assert done.returncode == 0, done.stdout


def test_scripts_in_pipelines_are_clean_too(github: dict[Any, Any], gitlab: dict[Any, Any], tmp_path: Path) -> None:
    lines = [step["run"] for _, step in steps(github) if "run" in step]
    lines += [line for name in LAB_JOBS for line in gitlab[name]["script"]]
    assert len(lines) > 20
    script = tmp_path / "lines"
    script.write_text("#!/bin/sh\n# shellcheck disable=SC2154,SC1091\n" + "\n".join(lines) + "\n")
    done = lint(["shellcheck", script])
    assert done.returncode == 0, done.stdout


# ---------------------------------------------------------------- the stages


def test_six_stages_in_order(github: dict[Any, Any], gitlab: dict[Any, Any]) -> None:
    assert list(github["jobs"]) == HUB_JOBS
    assert gitlab["stages"] == STAGES
    chain = ["build", "gate", "sign", "timestamp", "record"]
    for before, after in itertools.pairwise(chain):
        assert github["jobs"][after]["needs"] == (before if after != "record" else ["gate", before])
    for before, after in itertools.pairwise(LAB_JOBS[4:]):
        assert gitlab[after]["needs"][-1] == before
    for name in STAGES:
        assert github["jobs"][name]["name"] == name
        assert gitlab[name]["stage"] == name


def test_no_other_job_hides_in_the_gitlab_pipeline(gitlab: dict[Any, Any]) -> None:
    jobs = {name for name, value in gitlab.items() if isinstance(value, dict) and JOB_KEYS & set(value)}
    assert {name for name in jobs if not name.startswith(".")} == set(LAB_JOBS)


def test_both_providers_call_the_same_things(github: dict[Any, Any], gitlab: dict[Any, Any]) -> None:
    hub, lab = commands(github, gitlab)
    for name in RELEASE:
        # what GitHub hands on between jobs is an output, on GitLab a file
        assert hub[name] == lab[name] - {"ops/ci/gate-says", "ops/bin/image facts"}, name
    # Only the release environment holds the registry's password, and no pull request comes there.
    assert [name for name in STAGES if "ops/bin/image push" in lab[name]] == ["sign"]
    same = {"make build": "ops/bin/image build", "make scan": "ops/bin/scan", "make scan-image": "ops/bin/scan"}
    lab = {name: calls - {"ops/ci/gate-says"} for name, calls in lab.items()}
    everything = {frozenset(same.get(one, one) for stage in part.values() for one in stage) for part in (hub, lab)}
    only_one = frozenset.symmetric_difference(*everything) if len(everything) == 2 else frozenset()
    # The GitLab builder has no Python, so an earlier job writes down what it needs.
    assert only_one <= {"ops/bin/image facts"}


def test_tests_lint_history_and_scan_begin_at_once(github: dict[Any, Any], gitlab: dict[Any, Any]) -> None:
    """And the image waits for each of them, on both; each alone has the history that it needs."""
    assert github["jobs"]["build"]["needs"] == gitlab["archive"]["needs"] == FIRST
    assert not [name for name in FIRST if "needs" in github["jobs"][name] or gitlab[name].get("needs")]
    # GitLab begins a stage when the one before has ended, but for jobs that say what they need
    assert gitlab["scan"]["needs"] == []
    deep = {name for name, step in steps(github) if step.get("with", {}).get("fetch-depth") == 0}
    assert deep == {"history", "gate", "sign", "timestamp", "record"}
    assert gitlab["variables"]["GIT_DEPTH"] == "1"
    deep = {name for name, job in gitlab.items() if job_variables(job).get("GIT_DEPTH") == "0"}
    assert deep == {"history", ".release"}


def parents(job: Any) -> list[str]:
    """Return what a GitLab job extends."""
    found = job.get("extends", []) if isinstance(job, dict) else []
    return [found] if isinstance(found, str) else found


def job_variables(job: Any) -> dict[str, str]:
    """Return a GitLab job's own variables."""
    found: dict[str, str] = job.get("variables", {}) if isinstance(job, dict) else {}
    return found


def test_caches_are_keyed_by_the_locks_and_no_release_uses_one(
    github: dict[Any, Any], gitlab: dict[Any, Any], service: Path
) -> None:
    cached = {name: step["with"] for name, step in steps(github) if "cache" in step.get("with", {})}
    assert set(cached) == {"test", "lint"}
    for settings in cached.values():
        patterns = settings["cache-dependency-path"].split()
        found = {path.relative_to(service).as_posix() for pattern in patterns for path in service.glob(pattern)}
        assert found == {"requirements.lock", "requirements-dev.lock", "ops/remembrancer.lock"}
    assert gitlab[".cached"]["cache"]["key"]["files"] == ["requirements.lock", "requirements-dev.lock"]
    assert gitlab[".cached"]["variables"]["PIP_CACHE_DIR"].endswith("/" + gitlab[".cached"]["cache"]["paths"][0])
    assert {name for name, job in gitlab.items() if ".cached" in parents(job)} == set(cached)
    assert not any("cache" in gitlab[name] for name in LAB_JOBS)


def test_reports_reach_those_who_read_them(github: dict[Any, Any], gitlab: dict[Any, Any]) -> None:
    """JUnit and SARIF are kept when a job fails, which is when somebody reads them."""
    kept = {step["with"]["name"]: step for _, step in steps(github) if step.get("uses", "").startswith(UPLOAD)}
    for name in ("tests", "scan-fs", "scan-image"):
        assert kept[name]["if"] == "${{ !cancelled() }}"
        assert kept[name]["with"]["path"] == "dist/reports/"
    assert "--junitxml=${{ github.workspace }}/dist/reports/junit.xml" in json.dumps(github["jobs"]["test"])
    files = [step["with"]["sarif_file"] for _, step in steps(github) if "upload-sarif@" in step.get("uses", "")]
    assert files == [f"reports/{name}.sarif" for name in ("fs", "fs-secret", "image-amd64", "image-arm64")]
    assert gitlab["test"]["artifacts"]["reports"] == {"junit": "dist/reports/junit.xml"}
    assert gitlab["test"]["artifacts"]["when"] == gitlab[".trivy"]["artifacts"]["when"] == "always"
    assert gitlab[".trivy"]["variables"] == {"SCAN_REPORTS": "1"}
    assert gitlab["archive"]["artifacts"]["reports"] == {"cyclonedx": "dist/*.cdx.json"}


def test_the_image_is_for_both_machines_and_provenance_stands_beside_the_record(
    github: dict[Any, Any], gitlab: dict[Any, Any], both: Path
) -> None:
    (building,) = [step for _, step in steps(github) if step.get("run", "").endswith(" build")]
    assert building["env"]["IMAGE_PLATFORMS"] == gitlab["build"]["variables"]["IMAGE_PLATFORMS"] == PLATFORMS
    script = (both / "ops/bin/image").read_text()
    assert '--attest "type=sbom,generator=$SBOM_SCANNER" --attest type=provenance' in script
    attest = github["jobs"]["attest"]
    assert attest["if"] == "github.event.repository.visibility == 'public' || vars.ATTESTATIONS == 'true'"
    (archive, image) = [step["with"] for step in attest["steps"] if step.get("uses", "").startswith("actions/attest@")]
    assert archive == {"subject-path": "dist/*.tar.gz"}
    assert set(image) == {"subject-name", "subject-digest"}
    assert "attest" not in github["jobs"]["record"]["needs"], "our record does not wait for it"
    for name in ("archive", "build"):
        assert gitlab[name]["variables"]["RUNNER_GENERATE_ARTIFACTS_METADATA"] == "true"


def test_what_attest_reads_is_data(github: dict[Any, Any], tmp_path: Path) -> None:
    """A file of an earlier job sets no other output and runs nothing."""
    (script,) = [step["run"] for step in github["jobs"]["attest"]["steps"] if "run" in step]
    (tmp_path / "dist").mkdir()
    digest = f"sha256:{'d' * 64}"
    for image, pushed, said in (
        ("IMAGE=ghcr.io/a/b\nIMAGE_VERSION=1\n", f"{digest}\n", ["name=ghcr.io/a/b", f"digest={digest}"]),
        ("IMAGE=$(touch ran)\nname=x\n", f"{digest}\nname=y\n", [f"digest={digest}"]),
        ("IMAGE=a b\n", "sha256:1\n", []),
    ):
        (tmp_path / "dist/build.env").write_text(image)
        (tmp_path / "dist/image.digest").write_text(pushed)
        (tmp_path / "output").write_text("")
        done = call(script, tmp_path, environment(tmp_path, GITHUB_OUTPUT="output"))
        assert (done.returncode, (tmp_path / "output").read_text().splitlines()) == (0, said)
    assert not (tmp_path / "ran").exists()


def test_what_each_stage_does(github: dict[Any, Any], gitlab: dict[Any, Any]) -> None:
    hub, lab = commands(github, gitlab)
    for stage, wanted in (
        ("test", {"make ci-test", "make ci-lint", "ops/bin/no-conflict-markers", "ops/bin/bump", "ops/bin/commit-msg"}),
        ("test", {"ops/ci/check-range"}),
        ("sign", {"ops/ci/release-gate", "ops/ci/publish try", "ops/bin/artifact", "make check-key"}),
        ("sign", {"make sbom", "make sign", "make record", "ops/ci/with-signing-key", "ops/bin/image push"}),
        ("timestamp", {"make timestamp", "ops/ci/publish unpack"}),
        ("record", {"ops/ci/publish push", "ops/ci/publish seal"}),
    ):
        assert wanted <= hub[stage], stage
        assert wanted <= lab[stage], stage


def test_a_complete_service_is_linted_in_its_pipeline(service: Path) -> None:
    """What ci-lint runs there; a layer alone has the checks of this house only."""
    assert "\nLINT_COMMAND := make lint\n" in (service / "ops/settings.mk").read_text()


def test_what_only_pipelines_call_lies_apart(both: Path) -> None:
    """ops/bin is what people, make and hooks call; ops/ci what a pipeline alone does."""
    pipelines = [both / GITHUB, both / GITLAB]
    called = {path: path.read_text(encoding="utf-8") for path in programs(both)}
    others = [path for path in both.rglob("*") if path.is_file() and path.suffix in {".md", ".mk", ".yaml"}]
    texts = [
        path.read_text(encoding="utf-8") for path in [*others, both / "Makefile", both / ".pre-commit-config.yaml"]
    ]
    for path in called:
        name = path.relative_to(both).as_posix()
        rest = [text for other, text in called.items() if other != path and other.parent == path.parent]
        by_people = any(f"{name}" in text for text in texts + rest) or path.name in {"python", "commit-msg"}
        by_pipelines = any(name in pipeline.read_text(encoding="utf-8") for pipeline in pipelines)
        assert by_people is (path.parent.name == "bin"), name
        assert by_pipelines or path.parent.name == "bin", name


def test_trivy_fails_both_pipelines_before_and_after_the_build(github: dict[Any, Any], gitlab: dict[Any, Any]) -> None:
    """One call for people and both pipelines: ops/bin/scan, which test_ci_trivy runs with Trivy itself."""
    names = [step.get("run", "") for step in github["jobs"]["build"]["steps"]]
    assert names.index("make -f ops/release.mk build") < names.index("make -f ops/release.mk scan-image")
    assert [step["run"] for step in github["jobs"]["scan"]["steps"] if "run" in step] == ["make -f ops/release.mk scan"]
    assert gitlab["scan"]["script"] == ["ops/bin/scan fs"]
    assert gitlab["build"]["script"] == ["ops/bin/image build"]
    assert gitlab["scan-image"]["script"] == ["ops/bin/scan image"]
    assert "scan-image" in gitlab["gate"]["needs"], "nothing is signed that was not scanned"
    assert "trivy-action" not in str(github)


# ---------------------------------------------------------------- pins


def test_actions_are_pinned_to_commits_that_two_sources_name(both: Path) -> None:
    text = (both / GITHUB).read_text()
    used = set()
    for reference, rest in USES.findall(text):
        name, _, sha = reference.partition("@")
        known = PINS["actions"][name]
        assert sha == known["sha"]
        assert rest.strip() == f"# {known['version']}"
        used.add(name)
    assert used == set(PINS["actions"]), "a pin that nothing uses, or a use without a pin"


def test_images_are_pinned_to_digests_that_two_sources_name(both: Path) -> None:
    texts = {path: (both / path).read_text() for path in (GITLAB, "ops/bin/image", "ops/bin/scan")}
    used = set()
    for text in texts.values():
        for name, digest in IMAGE.findall(text):
            assert digest == PINS["images"][name]["digest"]
            used.add(name)
    assert used == set(PINS["images"])
    for line in re.findall(r"(?m)^\s*(?:- )?(?:image|name): (?!\s*$)(.+)$", texts[GITLAB]):
        assert IMAGE.search(line) or line in {"release", "ledger"}, f"not pinned: {line}"


@pytest.mark.parametrize("kind", ["actions", "images"])
def test_every_pin_has_two_independent_sources(kind: str) -> None:
    for name, pin in PINS[kind].items():
        owners = {source["repository"].split("/")[0].lower() for source in pin["sources"]}
        assert len(owners) >= 2, f"{name} rests on one source"
        assert re.fullmatch(r"[0-9a-f]{40}|sha256:[0-9a-f]{64}", pin.get("sha") or pin["digest"])


# ---------------------------------------------------------------- rights, forks, time


def test_rights_are_given_one_by_one_with_a_reason(both: Path, github: dict[Any, Any]) -> None:
    assert github["permissions"] == {}
    wanted = {name: {"contents": "read"} for name in HUB_JOBS}
    wanted |= {"sign": {"contents": "read", "packages": "write"}, "record": {"contents": "write"}}
    wanted["findings"] = {"contents": "read", "actions": "read", "security-events": "write"}
    wanted["attest"] = {"id-token": "write", "attestations": "write"}
    assert {name: job["permissions"] for name, job in github["jobs"].items()} == wanted
    given = re.findall(r"(?m)^      [a-z-]+: (?:read|write)\b.*$", (both / GITHUB).read_text())
    assert len(given) == sum(len(rights) for rights in wanted.values())
    for line in given:
        assert " # " in line, f"no reason: {line}"
    # who may write beyond the run runs nothing that the repository brings
    for name in ("findings", "attest"):
        assert not re.search(r"\b(?:make|ops/)", json.dumps(github["jobs"][name]["steps"]))


def test_release_stages_run_on_the_protected_branch_only(github: dict[Any, Any], gitlab: dict[Any, Any]) -> None:
    gate = github["jobs"]["gate"]
    assert "github.event_name != 'pull_request'" in gate["if"]
    assert "github.event.repository.default_branch" in gate["if"]
    assert gate["env"]["RELEASE_PROTECTED"] == "${{ github.ref_protected }}"
    assert gate["env"]["RELEASE_FORK"] == "${{ github.event.repository.fork }}"
    assert github["jobs"]["sign"]["if"] == "needs.gate.outputs.release == 'true'"
    assert "if" not in github["jobs"]["timestamp"], "it runs where signing did"
    record = github["jobs"]["record"]["if"]
    assert "needs.timestamp.result == 'success'" in record
    assert "needs.gate.outputs.release == 'false' && needs.gate.outputs.seal == 'true'" in record
    # nobody is asked to approve before the gate found a release, nor twice for one
    places = {name: job["environment"] for name, job in github["jobs"].items() if "environment" in job}
    assert places == {"sign": "release", "record": "ledger"}
    for name in LAB_JOBS[8:]:
        lines = gitlab[name]["script"]
        asked = lines.index("release=$(ops/ci/gate-says release)")  # of its own: a refusal must end the job
        assert all(line.startswith(('if [ "$release', "seal=$(")) for line in lines[asked + 1 :])
        assert "gate" in gitlab[name]["needs"]
    assert [gitlab[name]["extends"] for name in LAB_JOBS[7:]] == [
        *(".release", ".configured"),
        [".docker", ".configured"],
        *[".configured"] * 3,
    ]
    protected = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH || $CI_COMMIT_BRANCH =~ /^release\\//"
    assert gitlab[".release"]["rules"] == [{"if": protected}]
    assert gitlab[".configured"]["rules"] == [{"if": protected, "exists": ["ops/trust/policy.toml"]}]
    assert gitlab["variables"]["RELEASE_PROTECTED"] == "$CI_COMMIT_REF_PROTECTED"


def test_every_push_to_a_release_branch_ends_its_run(github: dict[Any, Any], gitlab: dict[Any, Any]) -> None:
    """Three quick bumps are three releases: no run is dropped for a newer one, none is cancelled while it waits."""
    group = github["concurrency"]["group"]
    assert group == "ci-${{ github.event_name == 'pull_request' && github.ref || github.sha }}"
    assert github["jobs"]["record"]["concurrency"] == {"group": "ledger", "cancel-in-progress": False, "queue": "max"}
    assert gitlab["workflow"]["rules"][1]["auto_cancel"] == {"on_new_commit": "none"}
    assert gitlab["record"]["resource_group"] == "ledger"


def test_secrets_are_read_by_single_steps_of_the_release_environment(github: dict[Any, Any]) -> None:
    assert "secrets." not in json.dumps({name: job.get("env", {}) for name, job in github["jobs"].items()})
    for name, step in steps(github):
        if "secrets." in json.dumps(step):
            assert "run" in step
            read = set(re.findall(r"secrets\.(\w+)", json.dumps(step)))
            assert read <= HOLDS[github["jobs"][name]["environment"]]
    holders = {name for name, step in steps(github) if "secrets." in json.dumps(step)}
    assert holders == {"sign", "record"}
    pushing = [step for _, step in steps(github) if "RELEASE_TOKEN" in json.dumps(step)]
    assert [step["run"].split()[-1] for step in pushing] == ["push", "seal"]
    assert {step["env"]["RELEASE_TOKEN"] for step in pushing} == {"${{ secrets.RELEASE_TOKEN || github.token }}"}


def test_the_gitlab_jobs_that_need_a_secret_are_in_the_release_environment(gitlab: dict[Any, Any]) -> None:
    inside = {name: gitlab[name]["environment"]["name"] for name in LAB_JOBS if "environment" in gitlab[name]}
    assert inside == {"check": "release", "publish": "release", "sign": "release", "record": "ledger"}


@pytest.mark.parametrize("path", [GITHUB, GITLAB])
def test_the_head_of_each_pipeline_says_what_it_reads_and_where(both: Path, path: str) -> None:
    text = (both / path).read_text()
    head = text[: re.search(r"(?m)^[a-z]", text).start()]  # type: ignore[union-attr]
    apart, release, ledger = re.split('"(?:release|ledger)"', head)
    assert "REMEMBRANCER_TRUST" in apart
    for place, said in (("release", release), ("ledger", ledger)):
        assert {name for names in HOLDS.values() for name in names if name in said} == HOLDS[place]
    assert not any(name in apart for names in HOLDS.values() for name in names)


def test_checkouts_keep_no_credentials(github: dict[Any, Any]) -> None:
    checkouts = [step for _, step in steps(github) if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(HUB_JOBS) - 1, "what attests needs no checkout"
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_everything_ends_and_nothing_overlaps(github: dict[Any, Any], gitlab: dict[Any, Any]) -> None:
    assert all(0 < job["timeout-minutes"] <= 30 for job in github["jobs"].values())
    timed = {".release", ".configured", ".trivy"}
    assert all("timeout" in gitlab[name] or timed & set(parents(gitlab[name])) for name in LAB_JOBS)
    assert "timeout" in gitlab[".release"]
    assert gitlab[".release"]["interruptible"] is False


SILENCED = (
    "|| true",
    "|| :",
    "continue-on-error",
    "allow_failure",
    ":latest",
    "ubuntu-latest",
    "@master",
    "@main",
    "pull_request_target",
)


def test_nothing_is_silenced_or_moving(both: Path) -> None:
    paths = [both / GITHUB, both / GITLAB, both / "ops" / "release.mk", *(both / "ops" / "bin").iterdir()]
    for path in paths:
        text = path.read_text()
        for word in SILENCED:
            assert word not in text, f"{path.name}: {word}"


# ---------------------------------------------------------------- where it comes from


def test_no_pipeline_names_this_project_s_own_repository(both: Path) -> None:
    assert str(ROOT) not in "".join((both / path).read_text() for path in (GITHUB, GITLAB, "ops/release.mk"))
