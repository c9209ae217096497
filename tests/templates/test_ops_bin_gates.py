"""The thirteen quality gates: all hold in a generated service, and each has changes that turn it alone red."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ci_render import call, environment, program, repository
from collection import VERSION, commit_all, render
from ops_program import called

# A small service in place of the real one, whose own tests take longer than all the rest here.
APP = '''"""A service with the three endpoints."""

import json
import os
import socket

METRICS = """# TYPE http_requests_total counter
# TYPE http_request_duration_seconds histogram
# TYPE active_connections gauge
"""
PAGES = {"/health": '{"healthy":true}', "/ready": '{"ready":true}', "/metrics": METRICS}

with socket.create_server((os.environ["HOST"], int(os.environ["PORT"]))) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            path = connection.recv(65536).split()[1].decode()
            body = PAGES.get(path, "")
            status = "200 OK" if body else "404 Not Found"
            connection.sendall(f"HTTP/1.0 {status}\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n{body}".encode())
        print(json.dumps({"event": "request", "path": path, "trace_id": "0" * 32}), flush=True)
'''
# Loads the one file of tests, and runs what is in it; pytest takes ten times as long to start.
LOADS = """import sys
tests = {}
exec(open("tests/test_app.py").read(), tests)
if "--collect-only" not in sys.argv:
    tests["test_it"]()
"""
PYTHON = f"""#!/bin/sh
case "$1 $2 ${{REAL_PYTEST:-}}" in
  "-m app "*) exec {sys.executable} -S "$@" ;;
  "-m pytest ") exec {sys.executable} -IS "${{0%/*}}/loads.py" "$@" ;;
esac
# the plugins of this environment take longer to import than the gates to answer
PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 exec {sys.executable} "$@"
"""
TEST = "def test_it() -> None:\n    assert 1 + 1 == 2\n"
REMEMBRANCER = """#!/bin/sh
case $1 in
  --version) echo remembrancer VERSION ;;
  verify-audit) [ "${2:-}" = --help ] || {
    echo "{\\"findings\\": [{\\"outcome\\": \\"open\\", \\"code\\": \\"${CODE:-x.y}\\", \\"message\\": \\"so\\"}]}"
    exit ${AUDIT:-0}; } ;;
esac
""".replace("VERSION", VERSION)
Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def rendered(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete service with a small app, in which every gate holds."""
    target = render(collection, tmp_path_factory.mktemp("gates") / "my-svc", component="my-svc", ci="both", gpu=True)
    shutil.rmtree(target / "app")
    shutil.rmtree(target / "tests")
    (target / "conftest.py").unlink()
    for name, text in {
        "app/__init__.py": "",
        "app/__main__.py": APP,
        "app/service.json": '{"name": "my-svc", "port": 8080, "version": "0.1.0"}\n',
        "tests/test_app.py": TEST,
        "ops/receipts/spawn/aa/aa.receipt": "{}\n",
    }.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text)
    edit(
        target,
        "ops/settings.mk",
        r"TEST_COMMAND := .*",
        "TEST_COMMAND := .venv/bin/python -m pytest -q -p no:cacheprovider",
    )
    for name in ("python", "pytest"):
        program(target / ".venv/bin", name, PYTHON)
    (target / ".venv/bin/loads.py").write_text(LOADS)
    return repository(target)


@pytest.fixture
def repo(rendered: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    shutil.copytree(rendered, tmp_path / "my-svc", symlinks=True)
    program(tmp_path / "path", "remembrancer", REMEMBRANCER)
    return tmp_path / "my-svc"


def edit(repo: Path, name: str, pattern: str, by: str) -> None:
    """Replace what a pattern finds in a file; it must find something."""
    text, count = re.subn(pattern, by, (repo / name).read_text())
    assert count, f"{pattern} is not in {name}"
    (repo / name).write_text(text)


def run(repo: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ops/bin/health-check; without a start of its own, but where pytest is the real one too."""
    env = environment(repo.parent, repo.parent / "path", **variables)
    if "REAL_PYTEST" not in variables:
        return called(repo, "health-check", arguments, env)
    return call([repo / "ops/bin/health-check", *arguments], repo, env)


def only(repo: Path, gate: str, **variables: str) -> str:
    """Answer one gate alone; return its sentence, "" where it holds."""
    done = run(repo, "--gates", "--only", gate, "--format", "json", **variables)
    (answer,) = json.loads(done.stdout)["gates"]
    assert answer["gate"] == gate
    assert answer["passed"] is (done.returncode == 0) is (not answer["message"])
    return str(answer["message"])


def red(repo: Path, *arguments: str, **variables: str) -> dict[str, str]:
    """Answer the gates; return name and sentence of those that do not hold."""
    done = run(repo, "--gates", "--format", "json", *arguments, **variables)
    data: dict[str, Any] = json.loads(done.stdout)
    assert len(data["gates"]) == data["total"] == 13
    assert {gate["gate"] for gate in data["gates"]} == FIRST.keys(), "every gate has a change that turns it red"
    wrong = {gate["gate"]: gate["message"] for gate in data["gates"] if not gate["passed"]}
    assert done.returncode == (1 if wrong else 0)
    assert data["passed"] == 13 - len(wrong)
    assert data["rating"] == f"{(13 - len(wrong)) * 10 / 13:.1f}"
    return wrong


def test_every_gate_holds_in_what_the_template_makes(repo: Path) -> None:
    assert red(repo, REAL_PYTEST="1") == {}
    assert call(["git", "status", "--porcelain"], repo, environment(repo.parent)).stdout == ""


def drop(name: str, pattern: str, by: str = "") -> Change:
    """Return a change that edits one file."""
    return lambda repo: edit(repo, name, pattern, by)


def append(name: str, text: str) -> Change:
    """Return a change that adds to one file."""

    def change(repo: Path) -> None:
        (repo / name).write_text((repo / name).read_text() + text)

    return change


def overlays_without_monitoring(repo: Path) -> None:
    for path in repo.glob("ops/k8s/overlays/*/kustomization.yaml"):
        path.write_text(path.read_text().replace("  - ../../components/monitoring\n", ""))


def lost_ledger(repo: Path) -> None:
    (repo / "ops/receipts/deploy").mkdir()
    (repo / "ops/receipts/deploy/my-svc-0.1.0.receipt").write_text("{}\n")


def remove(name: str) -> Change:
    """Return a change that removes a file."""
    return lambda repo: (repo / name).unlink()


def own_image(repo: Path) -> None:
    """What a team does to its image: a package of the distribution, a stage for both, a word for the reader."""
    edit(
        repo,
        "Dockerfile",
        r"(?m)^WORKDIR /srv$",
        "RUN apt-get update \\\\\n    # what the driver needs\n    && apt-get install -y libpq5\nWORKDIR /srv",
    )
    edit(
        repo,
        "Dockerfile",
        r"(?m)^FROM \$\{BASE_IMAGE_PREFIX\}python:3.11-slim AS builder$",
        "FROM ${BASE_IMAGE_PREFIX}python:3.11-slim AS base\nFROM base AS builder",
    )
    (repo / ".dockerignore").write_text("*\n!app\n!migrations\n!requirements.lock\n")


def test_a_team_s_own_image_holds_every_gate(repo: Path) -> None:
    own_image(repo)
    assert red(repo) == {}


UPPER_FILE = 'from pathlib import Path\n\nTEXT = Path("ops", "remembrancer" + ".json").read_text()\n'
CHANGES: list[tuple[str, str, Change]] = [
    ("tests-pass", "a test fails", drop("tests/test_app.py", "== 2", "== 3")),
    ("monitored", "a metric has another name", drop("app/__main__.py", "http_requests_total", "requests_total")),
    ("monitored", "no metrics page", drop("app/__main__.py", ', "/metrics": METRICS', "")),
    ("production-ready", "unfinished code", append("app/__init__.py", "# TODO: the rest\n")),
    ("production-ready", "a package without hash", append("requirements.lock", "left-pad==1.0\n")),
    (
        "verifiable",
        "an archive with the time of day",
        drop("ops/lib/dist.py", r"entry\.mtime, ", "import time; entry.mtime = time.time_ns() % 10**9; _, "),
    ),
    ("zero-coupled", "an import of layer 2", append("app/__init__.py", "if False:\n    import remembrancer.cli\n")),
    (
        "zero-coupled",
        "an import of layer 3",
        append("tests/test_app.py", "\n\ndef later() -> None:\n    from aurora import psi\n"),
    ),
    (
        "layers-independent",
        "tests that name a layer above",
        append("tests/test_app.py", '\nPATH = "ops/receipts/ledger"\n'),
    ),
    ("layers-independent", "tests that read a file of a layer above", append("tests/test_app.py", UPPER_FILE)),
    (
        "sovereign",
        "a vendor in the base",
        append("ops/k8s/base/service.yaml", "# x\n---\nloadBalancerClass: eks.amazonaws.com/nlb\n"),
    ),
    ("sovereign", "a vendor's package", append("requirements.lock", f"boto3==1.0 \\\n    --hash=sha256:{'0' * 64}\n")),
    ("auditable", "no receipt at all", remove("ops/receipts/spawn/aa/aa.receipt")),
    ("auditable", "a ledger that is gone", lost_ledger),
    ("aligned", "another heading", drop("README.md", "## Troubleshooting", "## Problems")),
    ("aligned", "another name", drop("ops/k8s/base/service.yaml", 'name: "?my-svc-svc"?', "name: my-svc")),
    ("aligned", "another version", drop("app/service.json", "0.1.0", "0.1.1")),
    ("rollback-plan", "nothing in the README", drop("README.md", "(?:make rollback|rollout undo)", "pray")),
    ("rollback-plan", "no target", drop("ops/release.mk", "(?m)^rollback:", "rollout:")),
    (
        "rollback-plan",
        "no revision kept",
        drop("ops/k8s/base/deployment.yaml", "revisionHistoryLimit: 5", "revisionHistoryLimit: 0"),
    ),
    ("health-checked", "no readiness probe", drop("ops/k8s/base/deployment.yaml", "readinessProbe:", "readinessGate:")),
    ("health-checked", "no startup probe", drop("ops/k8s/base/deployment.yaml", "startupProbe:", "# startupProbe:")),
    ("health-checked", "an image without check", drop("Dockerfile", "(?m)^HEALTHCHECK", "# HEALTHCHECK")),
    ("health-checked", "a check of another path", drop("Dockerfile", "8080/health", "8080/")),
    ("health-checked", "a check of another port", drop("Dockerfile", "localhost:8080", "localhost:9090")),
    ("health-checked", "a check that is switched off", append("Dockerfile", "HEALTHCHECK NONE\n")),
    ("production-ready", "an image of one stage", drop("Dockerfile", "(?ms)^FROM .*(?=^FROM)", "")),
    ("production-ready", "an image that takes nothing over", drop("Dockerfile", "COPY --from=builder", "COPY")),
    ("production-ready", "an image that runs as root", drop("Dockerfile", "USER 1000:1000", "USER root")),
    (
        "production-ready",
        "a user of the first stage only",
        drop("Dockerfile", "(?s)(FROM[^\\n]*)(.*)USER 1000:1000", r"\1\nUSER 1000:1000\2"),
    ),
    ("production-ready", "an image that ends as root", append("Dockerfile", "USER 0\n")),
    ("production-ready", "packages without hashes", drop("Dockerfile", "--require-hashes", "--no-deps")),
    ("production-ready", "an image with the history", append(".dockerignore", "!.git\n")),
    ("health-checked", "another answer", drop("app/__main__.py", '{"healthy":true}', '{"healthy":1}')),
    ("observable", "no overlay is watched", overlays_without_monitoring),
    ("observable", "no alerts", remove("ops/k8s/components/monitoring/prometheusrule.yaml")),
    ("observable", "a log that is no JSON", drop("app/__main__.py", r"print\(json\.dumps\(", "print(str(")),
    ("observable", "lines without trace", drop("app/__main__.py", "trace_id", "trace")),
    ("recorded", "a release that does not record", drop("ops/release.mk", r"(?m)^\t@\$\(SELF\) record\n", "")),
    ("recorded", "a release without its records", drop("ops/release.mk", r"\$\(SELF\) recording\b", ":")),
    (
        "recorded",
        "a GitHub pipeline that does not",
        drop(".github/workflows/ci.yml", "sbom sign record", "sbom sign"),
    ),
    ("recorded", "a GitLab pipeline that does not", drop(".gitlab-ci.yml", "(?m)^record:", "other:")),
    ("recorded", "a script that does not", drop("ops/bin/record", "record deploy", "list deployments")),
]


FIRST = {row[0]: row for row in reversed(CHANGES)}


# each change is asked alone below; that it turns no other gate red, make test asks of these only
SAMPLE = ("tests-pass", "health-checked", "recorded")


@pytest.mark.parametrize(
    "gate", [one if one in SAMPLE else pytest.param(one, marks=pytest.mark.system) for one in FIRST]
)
def test_a_change_turns_its_gate_red_and_no_other(repo: Path, gate: str) -> None:
    FIRST[gate][2](repo)
    commit_all(repo, "[my-svc] test: change")
    wrong = red(repo)
    assert list(wrong) == [gate], wrong
    assert len(wrong[gate].splitlines()) == 1


@pytest.mark.parametrize("row", CHANGES, ids=[f"{row[0]}: {row[1]}" for row in CHANGES])
def test_every_change_turns_its_gate_red(repo: Path, row: tuple[str, str, Change]) -> None:
    """Whether or not the change is committed; above it is."""
    row[2](repo)
    real = {"REAL_PYTEST": "1"} if "test" in row[1] else {}
    assert only(repo, row[0], **real)


# ---------------------------------------------------------------- the ledger's verdict


@pytest.mark.parametrize(("code", "holds"), [("0", True), ("3", False), ("1", False), ("2", False), ("4", False)])
def test_the_audit_decides_where_there_is_a_ledger(repo: Path, code: str, holds: bool) -> None:
    (repo / "ops/receipts/ledger").mkdir()
    (repo / "ops/receipts/ledger/checkpoint").write_text("x\n1\n")
    assert (only(repo, "auditable", AUDIT=code) == "") is holds


def test_without_the_remembrancer_its_gates_fail_and_say_so(repo: Path) -> None:
    (repo / "ops/bin/remembrancer").unlink()
    wrong = red(repo)
    assert set(wrong) == {"verifiable", "auditable", "recorded"}
    for said in wrong.values():
        assert "the Remembrancer (layer 2) is not part of this repository" in said
    assert run(repo).returncode == 0


def test_a_service_that_does_not_start_is_named(repo: Path) -> None:
    (repo / "app/__main__.py").write_text("raise SystemExit('no database')\n")
    wrong = red(repo)
    assert set(wrong) == {"monitored", "health-checked", "observable"}
    assert all("no database" in said for said in wrong.values())


@pytest.mark.parametrize("failing", ["", "test", "lint"])
def test_tests_and_lint_of_a_complete_service_run_at_once(repo: Path, failing: str) -> None:
    """Each waits for the other; which of them failed is said."""
    waits = "\t@touch %s.began; for n in $$(seq 600); do test -e %s.began && exit 0; sleep 0.1; done; exit 1\n"
    rules = {"test": waits % ("test", "lint"), "lint": waits % ("lint", "test")}
    rules |= {failing: "\t@touch test.began lint.began; echo one is wrong >&2; exit 1\n"} if failing else {}
    (repo / "Makefile").write_text("".join(f"{target}:\n{rule}" for target, rule in rules.items()))
    edit(repo, "ops/settings.mk", r"TEST_COMMAND := .*", "TEST_COMMAND := make test lint")
    shutil.copy(repo / "requirements-dev.lock", repo / ".venv/requirements-dev.lock")
    done = run(repo, "--gates", "--only", "tests-pass")
    assert done.returncode == (1 if failing else 0), done.stdout
    assert f"`make {failing}` failed: make: ***" in done.stdout if failing else "failed" not in done.stdout


# ---------------------------------------------------------------- the rating


def test_the_rating_is_written_into_the_readme(repo: Path) -> None:
    assert red(repo, "--write") == {}
    assert "**Rating**: 10.0/10\n" in (repo / "README.md").read_text()
    edit(repo, "tests/test_app.py", "== 2", "== 3")
    assert set(red(repo, "--write")) == {"tests-pass"}
    assert "**Rating**: 9.2/10\n" in (repo / "README.md").read_text()


def test_one_gate_can_be_asked_alone(repo: Path) -> None:
    done = run(repo, "--gates", "--only", "rollback-plan", REAL_PYTEST="1")
    assert done.returncode == 0
    assert "Is there a rollback plan?" in done.stdout
    assert "Rating" not in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--write"],
        ["--only", "aligned"],
        ["--gates", "--write", "--only", "aligned"],
        ["--gates", "--only", "x"],
        ["--help-me"],
    ],
)
def test_usage(repo: Path, arguments: list[str]) -> None:
    done = run(repo, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- the screen


def screen(repo: Path, **variables: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Return the code and each line's state and message."""
    done = run(repo, "--format", "json", **variables)
    data = json.loads(done.stdout)
    assert data["healthy"] is (done.returncode == 0)
    return done.returncode, {line["name"]: (line["state"], line["message"]) for line in data["checks"]}


def test_a_fresh_checkout_is_healthy(repo: Path) -> None:
    code, lines = screen(repo)
    assert code == 0
    assert lines["version"] == ("ok", "0.1.0 everywhere")
    assert lines["ledger"][0] == lines["trust"][0] == lines["hooks"][0] == "warning"
    text = run(repo).stdout
    assert max(map(len, text.splitlines())) <= 130
    assert re.search(r"gates +warning +not answered yet: make gates", text)


@pytest.mark.parametrize(
    ("code", "said", "state"),
    [
        ("0", "", "ok"),
        ("3", "trust.unpinned", "warning"),
        ("3", "trust.no-policy", "broken"),
        ("1", "log.tile", "broken"),
        ("4", "env.git", "broken"),
    ],
)
def test_the_ledgers_line(repo: Path, code: str, said: str, state: str) -> None:
    (repo / "ops/receipts/ledger").mkdir()
    (repo / "ops/receipts/ledger/checkpoint").write_text("dev.invalid/my-svc\n12\nroot\n")
    (repo / "ops/trust").mkdir()
    (repo / "ops/trust/policy.toml").touch()
    ended, lines = screen(repo, AUDIT=code, CODE=said)
    assert lines["ledger"][0] == state
    assert ended == (1 if state == "broken" else 0)


@pytest.mark.parametrize(
    "change", [remove("ops/receipts/spawn/aa/aa.receipt"), append("ops/receipts/spawn/aa/aa.receipt", " ")]
)
def test_a_receipt_that_was_changed_is_broken(repo: Path, change: Change) -> None:
    change(repo)
    code, lines = screen(repo)
    assert code == 1
    assert lines["receipts"][0] == "broken"
    assert "git restore ops/receipts/spawn/aa/aa.receipt" in lines["receipts"][1]


def test_a_ledger_that_git_knows_and_nobody_finds_is_broken(repo: Path) -> None:
    (repo / "ops/receipts/ledger").mkdir()
    (repo / "ops/receipts/ledger/checkpoint").write_text("x\n1\n")
    commit_all(repo, "[my-svc] chore: record")
    shutil.rmtree(repo / "ops/receipts/ledger")
    code, lines = screen(repo)
    assert (code, lines["ledger"][0]) == (1, "broken")


def test_a_version_that_differs_is_broken(repo: Path) -> None:
    edit(repo, "app/service.json", "0.1.0", "0.1.1")
    code, lines = screen(repo)
    assert (code, lines["version"]) == (1, ("broken", "app/service.json says 0.1.1, not 0.1.0"))


def test_installed_hooks_are_seen(repo: Path) -> None:
    for name in ("pre-commit", "prepare-commit-msg", "commit-msg"):
        program(repo / ".git/hooks", name, "#!/bin/sh\n")
    assert screen(repo)[1]["hooks"][0] == "ok"


def test_a_folder_that_is_no_repository_is_no_traceback(repo: Path) -> None:
    shutil.rmtree(repo / ".git")
    done = run(repo)
    assert "Traceback" not in done.stderr
    done = run(repo, "--gates")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
