"""ops/bin/health-check: every line can be healthy, a warning, and broken; without layer 2 it says what it skipped."""

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ci_render import call, environment, program
from collection import ROOT, VERSION, commit_all, git

LIB = ROOT / "templates/ci/ops/lib"
NOTE = "ops/receipts/ledger/checkpoint"
ANSWERS = ".copier-answers.yml"
FOUND = SimpleNamespace(component="my-svc")
Line = tuple[str, str]


def ago(days: float) -> str:
    return f"{datetime.now(UTC) - timedelta(days):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with a receipt, a checkpoint, and a shim; a test says what the Remembrancer answers."""
    for name, text in {
        NOTE: "dev.invalid/my-svc\n12\nroot\n",
        "ops/receipts/spawn/aa/aa.receipt": "{}\n",
        "ops/trust/policy.toml": "",
        "ops/bin/remembrancer": "",
        ".pre-commit-config.yaml": "repos: []\n",
        "README.md": "**Rating**: 10.0/10\n",
        ANSWERS: "_commit: v4.1.0\n_src_path: ./template\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit_all(tmp_path, "[my-svc] feat: begin")
    return tmp_path


@pytest.fixture
def lib(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The modules of ops/lib, at work in the repository, with a Remembrancer that answers what `facts` holds."""
    names = ["service", "probe", "evidence", "gates", "health_lines", "health_check"]
    assert not set(names) & set(sys.modules)
    monkeypatch.syspath_prepend(str(LIB))
    modules: dict[str, ModuleType] = {name: importlib.import_module(name) for name in names}
    health_lines, service, evidence = modules["health_lines"], modules["service"], modules["evidence"]
    monkeypatch.setattr(service, "git", partial(service.git, root=repo))
    monkeypatch.setattr(health_lines, "ROOT", repo)
    monkeypatch.setattr(health_lines, "program", partial(evidence.program, cwd=repo))
    facts: dict[str, Any] = {"pending": 0, "keys": []}
    codes: dict[str, tuple[int, str, set[str]]] = {}
    monkeypatch.setattr(health_lines, "facts", lambda: facts)
    monkeypatch.setattr(health_lines, "verdict", lambda *words: codes.get(words[0], (0, "", set())))
    yield SimpleNamespace(**modules, facts=facts, codes=codes)
    for name in names:
        sys.modules.pop(name, None)


def line(lib: SimpleNamespace, name: str, **more: Any) -> Line:
    """Return state and message of one line."""
    shown = getattr(lib.health_lines, name)(FOUND, **more)
    assert len(shown.message.splitlines()) == 1
    return shown.state, shown.message


# ---------------------------------------------------------------- what the Remembrancer knows


ANSWERED = [
    (0, (), "ok"),
    (3, ("trust.unpinned",), "warning"),
    (3, ("trust.no-policy",), "broken"),
    (3, ("trust.unpinned", "sig.time-unproven"), "broken"),
    (3, (), "broken"),
    (2, ("policy.malformed",), "broken"),
    (4, ("env.git",), "broken"),
    (4, (), "warning"),
    (1, ("log.tile",), "broken"),
    (1, (), "broken"),
]


@pytest.mark.parametrize(("code", "codes", "state"), ANSWERED)
@pytest.mark.parametrize(("name", "command"), [("ledger", "verify-audit"), ("trust", "trust")])
def test_ledger_and_trust(
    lib: SimpleNamespace, name: str, command: str, code: int, codes: tuple[str, ...], state: str
) -> None:
    lib.codes[command] = (code, "it said so", set(codes))
    assert line(lib, name)[0] == state


def test_the_ledger_names_what_is_gravest(lib: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork before an old blob, and what only waits is not broken."""
    lib.codes["verify-audit"] = (1, "it waits", {"log.pending"})
    state, said = line(lib, "ledger")
    assert (state, "some wait [log.pending]" in said) == ("warning", True)
    lib.codes["verify-audit"] = (1, "nobody vouches for it yet", {"log.unwitnessed"})
    said = "nobody vouches for it yet [log.unwitnessed] (ops/bin/remembrancer witness, once it is pushed)"
    assert line(lib, "ledger") == ("broken", said)
    found = [
        {"outcome": "failed", "code": code, "message": f"about {code}"}
        for code in ("log.pending", "blob.mismatch", "log.split-view", "receipt.edited")
    ]
    answer = json.dumps({"exitCode": 1, "findings": found})
    monkeypatch.setattr(lib.evidence, "program", lambda *_: (1, answer))
    monkeypatch.setattr(lib.health_lines, "verdict", lib.evidence.verdict)
    assert line(lib, "ledger") == (
        "broken",
        "about log.split-view [log.split-view, blob.mismatch, receipt.edited, log.pending] "
        "(ops/bin/remembrancer verify-audit)",
    )


def test_a_repository_that_git_refuses_is_not_one_without_a_ledger(
    lib: SimpleNamespace, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / NOTE).unlink()
    (repo / "ops/trust/policy.toml").unlink()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for name in ("ledger", "trust"):
        with pytest.raises(lib.service.Trouble):
            getattr(lib.health_lines, name)(FOUND)


@pytest.mark.parametrize("deleted", ["the policy", "both", "both in a commit"])
def test_a_missing_policy_beside_a_ledger_is_not_one_that_was_not_begun(
    lib: SimpleNamespace, repo: Path, deleted: str
) -> None:
    (repo / "ops/trust/policy.toml").unlink()
    if deleted != "the policy":
        (repo / NOTE).unlink()
    if deleted == "both in a commit":
        git(repo, "commit", "--quiet", "--all", "--message", "[my-svc] fix: forget")
        assert line(lib, "ledger")[0] == "broken"
    assert line(lib, "trust") == ("broken", "the policy of the ledger is missing; git restore ops/trust")


@pytest.mark.parametrize(
    ("days", "pending", "state", "said"),
    [
        (0.06, 3, "ok", "1 hour old"),
        (100, 0, "ok", "100 days old"),
        (6.5, 1, "ok", "6 days old"),
        (8, 1, "warning", "remembrancer seal"),
        (31, 1, "broken", "31 days old, and receipts wait"),
        (-2, 0, "broken", "from the future"),
    ],
)
def test_the_age_of_the_checkpoint(lib: SimpleNamespace, days: float, pending: int, state: str, said: str) -> None:
    lib.facts.update(stamped=ago(days), pending=pending)
    found = line(lib, "checkpoint")
    assert found[0] == state
    assert said in found[1]


def test_a_checkpoint_without_stamp_is_as_old_as_its_commit(lib: SimpleNamespace, repo: Path) -> None:
    assert line(lib, "checkpoint") == ("ok", "0 hours old")
    git(repo, "rm", "--quiet", "--cached", NOTE)
    git(repo, "commit", "--quiet", "--amend", "--message", "[my-svc] feat: begin")
    assert line(lib, "checkpoint")[0] == "warning"
    (repo / NOTE).unlink()
    assert line(lib, "checkpoint") == ("warning", "not begun")


@pytest.mark.parametrize(("pending", "state"), [(0, "ok"), (2, "warning")])
def test_pending_receipts(lib: SimpleNamespace, pending: int, state: str) -> None:
    lib.facts["pending"] = pending
    assert line(lib, "pending")[0] == state


def test_an_edited_receipt_is_broken(lib: SimpleNamespace, repo: Path) -> None:
    (repo / "ops/receipts/spawn/aa/aa.receipt").write_text("{} \n")
    assert line(lib, "pending")[0] == "broken"


@pytest.mark.parametrize(
    ("days", "state", "said"),
    [
        ([None], "ok", "none of 1 ends"),
        ([None, 61], "ok", "2 in use; the first to end is key 1"),
        ([None, 59.5], "warning", "key 1 ends in 59 days; trust renew 1"),
        ([400, 0.11], "warning", "key 1 ends in 2 hours"),
        ([400, -1], "broken", "key 1 ended on"),
    ],
)
def test_keys_and_certificates(lib: SimpleNamespace, days: list[float | None], state: str, said: str) -> None:
    ends = ["" if one is None else ago(-one) for one in days]
    lib.facts["keys"] = [
        {"what": f"key {number}", "until": until, "renew": f"trust renew {number}"} for number, until in enumerate(ends)
    ]
    found = line(lib, "keys")
    assert found[0] == state
    assert said in found[1]


def test_keys_of_a_policy_that_nobody_trusts_here(lib: SimpleNamespace) -> None:
    del lib.facts["keys"]
    assert line(lib, "keys")[0] == "warning"


@pytest.mark.parametrize(
    ("days", "state", "said"),
    [
        (61, "ok", "Kubernetes 1.36, supported until "),
        (
            59.5,
            "warning",
            "; ops/aws/cluster.yaml takes a newer version and its date, and says how the cluster follows",
        ),
        (-0.1, "broken", "; ops/aws/cluster.yaml takes a newer version and its date, and says how the cluster follows"),
    ],
)
def test_a_cluster_s_version_ends(lib: SimpleNamespace, repo: Path, days: float, state: str, said: str) -> None:
    path = repo / "ops/aws/cluster.yaml"
    path.parent.mkdir()
    path.write_text(f'  # Standard support of this version ends on {ago(-days)[:10]}; x\n  version: "1.36"\n')
    end = datetime.now(UTC) + timedelta(days=days)
    found = lib.health_lines.cluster(path)
    assert (found.state, said in found.message, f"{end:%Y-%m-%d}" in found.message) == (state, True, True), found
    path.write_text('  version: "1.36"\n')
    assert lib.health_lines.cluster(path).state == "warning"


# ---------------------------------------------------------------- what needs no Remembrancer


def test_hooks_that_are_not_installed(lib: SimpleNamespace) -> None:
    said = "pre-commit, prepare-commit-msg, commit-msg not installed; run: ops/bin/hooks install"
    assert line(lib, "hooks") == ("warning", said)


def test_hooks(lib: SimpleNamespace, repo: Path) -> None:
    for name in ("pre-commit", "prepare-commit-msg", "commit-msg"):
        program(repo / ".git/hooks", name, "#!/bin/sh\n")
    assert line(lib, "hooks")[0] == "ok"
    (repo / ".git/hooks/commit-msg").chmod(0o644)
    assert line(lib, "hooks") == ("broken", "commit-msg cannot be executed; run: ops/bin/hooks install")
    git(repo, "config", "core.hooksPath", "elsewhere")
    assert line(lib, "hooks")[0] == "warning", "git looks there"


def test_a_template_that_is_here(lib: SimpleNamespace, repo: Path) -> None:
    source = repo / "template"
    source.mkdir()
    git(source, "init", "--quiet")
    assert line(lib, "template")[1].endswith("shows no released versions")
    commit_all(source, "one")
    for tag in ("v4.0.9", "v4.1.0", "v5.0.0-rc.1", "nightly"):
        git(source, "tag", tag)
    assert line(lib, "template") == ("ok", "v4.1.0 is the newest")
    git(source, "tag", "v4.10.0")
    assert line(lib, "template") == ("warning", "v4.1.0 is behind v4.10.0; run: copier update --trust")


@pytest.mark.parametrize("text", ["_src_path: ./template\n", "<<<<<<< before\n_commit: v1\n_src_path: x\n", ""])
def test_an_answers_file_that_leads_nowhere_is_broken(lib: SimpleNamespace, repo: Path, text: str) -> None:
    (repo / ANSWERS).write_text(text)
    assert line(lib, "template")[0] == "broken"
    (repo / ANSWERS).unlink()
    assert line(lib, "template")[0] == "warning"


def test_a_template_elsewhere_is_asked_only_when_told(
    lib: SimpleNamespace, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / ANSWERS).write_text("_commit: v4.1.0\n_src_path: gh:vaultmesh/templates\n")
    asked: list[str] = []

    def server(command: list[str], seconds: float) -> tuple[int, str]:
        asked.append(command[-1])
        return 0, "0000\trefs/tags/v4.2.0\n"

    monkeypatch.setattr(lib.health_lines, "program", server)
    state, said = line(lib, "template")
    assert (state, asked) == ("ok", [])
    assert "needs the network" in said
    assert line(lib, "template", online=True)[0] == "warning"
    assert asked == ["https://github.com/vaultmesh/templates"]


@pytest.mark.parametrize(
    ("rating", "state"),
    [("10.0", "ok"), ("9.2", "warning"), ("0.0", "warning"), ("9.5", "broken"), ("11", "broken"), ("", "warning")],
)
def test_the_gates_and_the_rating(lib: SimpleNamespace, repo: Path, rating: str, state: str) -> None:
    (repo / "README.md").write_text(f"**Rating**: {rating}/10\n")
    assert lib.health_check.thirteen_gates(SimpleNamespace(folder=repo)).state == state


def test_a_rating_does_not_stand_beside_what_is_broken(
    lib: SimpleNamespace, repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What README.md says was true when it was written; a policy that is garbage since then fails gates that held."""
    check, found = lib.health_check, SimpleNamespace(folder=repo, component="my-svc", name="my-svc")
    broken = lib.health_lines.Line("trust", "broken", "the policy is malformed [policy.malformed]")
    monkeypatch.setattr(check, "ROOT", repo)
    monkeypatch.setattr(check, "CHECKS", (lambda _found: broken,))
    assert check.overview(found, as_json=True, online=False) == 1
    data = json.loads(capsys.readouterr().out)
    (gates,) = (one for one in data["checks"] if one["name"] == "gates")
    assert gates["state"] == "warning"
    assert "held" not in gates["message"]
    assert gates["message"].startswith("rating 10.0/10 was written before")
    monkeypatch.setattr(check, "CHECKS", ())
    assert check.overview(found, as_json=False, online=False) == 0
    assert "13 of 13 held, rating 10.0/10" in capsys.readouterr().out


def test_a_fresh_service_was_not_asked(lib: SimpleNamespace, service: Path) -> None:
    """What the template writes isn't an answer."""
    said = lib.health_check.thirteen_gates(SimpleNamespace(folder=service))
    assert (said.state, said.message) == ("warning", "not answered yet: make gates")


# ---------------------------------------------------------------- without layer 2, and as a program


def test_without_layer_2_its_lines_are_skipped(lib: SimpleNamespace, repo: Path) -> None:
    (repo / "ops/bin/remembrancer").unlink()
    lib.facts.clear()
    for name in ("ledger", "trust", "keys"):
        assert line(lib, name) == ("skipped", "the Remembrancer (layer 2) is not part of this repository")
    state, said = line(lib, "pending")
    assert state == "ok"
    assert "layer 2" in said
    assert line(lib, "checkpoint")[0] == "ok"
    shutil.rmtree(repo / "ops/receipts/ledger")
    assert line(lib, "ledger")[0] == "broken"


def test_two_decisions_with_one_number(lib: SimpleNamespace, repo: Path) -> None:
    assert line(lib, "decisions") == ("ok", "none yet")
    folder = repo / "ops/receipts/adr"
    folder.mkdir(parents=True)
    for name in ("ADR-001-a.md", "ADR-002-mine.md", "README.md"):
        (folder / name).write_text("")
    assert line(lib, "decisions") == ("ok", "2, each with its own number")
    (folder / "ADR-002-yours.md").write_text("")
    state, said = line(lib, "decisions")
    assert state == "broken"
    assert said == (
        "ADR-002-mine.md and ADR-002-yours.md have the same number [adr.number]; "
        "ops/bin/remembrancer adr renumber ops/receipts/adr/ADR-002-yours.md"
    )


FAKE = """#!/bin/sh
case $1 in
  --version) echo remembrancer VERSION ;;
  status) echo '{"command": "status", "data": '"$FACTS"'}' ;;
esac
""".replace("VERSION", VERSION)
NAMES = [
    "version",
    "ledger",
    "checkpoint",
    "receipts",
    "decisions",
    "trust",
    "keys",
    "hooks",
    "cluster",
    "template",
    "gates",
]


@pytest.fixture
def run(service: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A generated service's own command, with facts from a stand-in for the Remembrancer."""
    repo = tmp_path / "my-svc"
    shutil.copytree(service, repo, symlinks=True)
    (repo / "ops/receipts/ledger").mkdir(parents=True)
    (repo / NOTE).write_text("dev.invalid/my-svc\n12\nroot\n")
    (repo / "ops/trust").mkdir()
    (repo / "ops/trust/policy.toml").touch()
    git(repo, "init", "--quiet", "--initial-branch", "main")
    commit_all(repo, "[my-svc] feat: begin")
    program(tmp_path / "path", "remembrancer", FAKE)

    def health(facts: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
        env = environment(tmp_path, tmp_path / "path", FACTS=json.dumps(facts))
        return call([repo / "ops/bin/health-check", *arguments], repo, env)

    return health


def test_the_command_says_every_line_and_ends_as_they_do(run: Callable[..., Any]) -> None:
    facts = {"pending": 2, "stamped": ago(8), "keys": [{"what": "signer alice", "until": ago(-3)}]}
    done = run(facts, "--format", "json")
    data = json.loads(done.stdout)
    lines = {one["name"]: one["state"] for one in data["checks"]}
    assert list(lines) == NAMES
    assert (done.returncode, data["healthy"]) == (0, True), data
    assert lines["checkpoint"] == lines["receipts"] == lines["keys"] == lines["gates"] == "warning"
    facts["keys"] = [{"what": "signer alice", "until": ago(3)}]
    done = run(facts)
    assert done.returncode == 1
    assert [words[0] for row in done.stdout.splitlines()[2:] if (words := row.split())] == NAMES
    assert "broken   signer alice ended on" in done.stdout
    assert run(facts, "--gates", "--online").returncode == 2
