"""The assistants' rules, in services and here: complete, true, dated, and each named check fails when it should."""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import manifest
import rules
from cli_support import Scratch, end_agents
from collection import ROOT, commit_all, git, render
from remembrancer import __version__
from templates.ci_render import call, program, repository
from templates.test_ops_bin_gates import FIRST as GATE_CHANGES

COMPANIONS = {
    "philosophical-foundation.md": ("why, or a design", "Seven Seals"),
    "operational-rituals.md": ("a deployment or a release", "Operational Ritual block"),
    "adr-pattern.md": ("choosing X or Y", "ADR"),
    "psi-field-awareness.md": ("memory, prediction or a swarm", "Psi-Field Reflection"),
    "evolution-roadmap.md": ("the future, or contributing", "Evolution Roadmap"),
    "four-covenants.md": ("anything", "Four Covenants"),
}
NAMES = ["vaultmesh.md", *COMPANIONS]
GATES = (ROOT / "templates/ci/ops/lib/gates.py").read_text(encoding="utf-8")
LINEAGE = ("vm-spawn v4.0.1", "Spawn Elite v2.4", "Remembrancer v4.0", "Aurora GA v1.0.0", "MCP server v4.0")
SOURCE = "templates/fastapi-service"


@pytest.fixture(scope="module", params=["service/.amazonq", "service/AGENTS.md", "here/.amazonq", "here/AGENTS.md"])
def text(request: pytest.FixtureRequest, service: Path) -> str:
    """The interaction rules in each of their four places."""
    where, kind = request.param.split("/")
    name = "AGENTS.md" if kind == "AGENTS.md" else ".amazonq/rules/vaultmesh.md"
    return ((service if where == "service" else ROOT) / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Return what stands below a heading, up to the next one."""
    found = re.search(rf"(?ms)^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text)
    assert found, heading
    return found[1]


def checks(text: str) -> list[tuple[str, str]]:
    """Return rule and command of every table with the head `rule | check`."""
    rows = []
    for table in re.findall(r"(?m)^\| rule \| check \|\n\|---\|---\|\n((?:\|.*\n?)+)", text):
        for line in table.splitlines():
            rule, command = re.fullmatch(r"\| (.+) \| `([^`|]+)` \|", line).groups()  # type: ignore[union-attr]
            rows.append((rule, command))
    return rows


def every_check() -> list[tuple[str, str]]:
    found = [*checks((ROOT / "AGENTS.md").read_text(encoding="utf-8"))]
    for name in COMPANIONS:
        rows = checks((ROOT / ".amazonq/rules" / name).read_text(encoding="utf-8"))
        assert rows, f"{name} names no check"
        found += rows
    return found


# ---------------------------------------------------------------- O-01, O-02: there, linked, one source


def test_all_files_are_there_and_have_one_source(service: Path) -> None:
    for root in (service, ROOT):
        assert sorted(path.name for path in (root / ".amazonq/rules").iterdir()) == sorted(NAMES)
        assert (root / "AGENTS.md").is_file()
    for name in COMPANIONS:
        here = ROOT / ".amazonq/rules" / name
        assert here.is_symlink()
        assert here.resolve() == ROOT / SOURCE / ".amazonq/rules" / name
        assert here.read_bytes() == (service / ".amazonq/rules" / name).read_bytes()
    assert rules.stale() == [], "run: .venv/bin/python generators/rules.py"


def test_a_stale_copy_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / SOURCE, tmp_path / SOURCE, symlinks=True)
    assert rules.stale(tmp_path) == list(rules.WRITTEN)
    for name in rules.WRITTEN:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(rules.rendered(name, tmp_path), encoding="utf-8")
    assert rules.stale(tmp_path) == []
    (tmp_path / "AGENTS.md").write_text("other\n", encoding="utf-8")
    assert rules.stale(tmp_path) == ["AGENTS.md"]


def test_links_lead_to_files(service: Path) -> None:
    for root in (service, ROOT):
        for path in [root / "AGENTS.md", *(root / ".amazonq/rules").iterdir()]:
            for link in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
                assert (path.parent / link).is_file(), f"{path}: {link}"


def test_both_say_the_same(service: Path) -> None:
    for root in (service, ROOT):
        amazonq = (root / ".amazonq/rules/vaultmesh.md").read_text(encoding="utf-8")
        agents = (root / "AGENTS.md").read_text(encoding="utf-8")
        assert agents.replace("(.amazonq/rules/", "(").rstrip() == amazonq.rstrip()


def test_the_template_owns_them() -> None:
    seeded = manifest.seeded_patterns(ROOT / "hooks/ownership.toml")
    assert {manifest.owner_of(f".amazonq/rules/{name}", seeded) for name in NAMES} == {"standard"}
    assert [manifest.owner_of(path, seeded) for path in ("AGENTS.md", "README.md")] == ["standard", "seeded"]


# ---------------------------------------------------------------- O-03 to O-11: what they say


def test_every_trigger_leads_to_its_companion(text: str) -> None:
    rows = re.findall(r"(?m)^\| ([^|]+) \| ([^|]+) \| \[([^]]+)\]", section(text, "Before every answer"))
    assert {name: intent for intent, _, name in rows} == {name: intent for name, (intent, _) in COMPANIONS.items()}
    for _, action, name in rows:
        assert COMPANIONS[name][1].casefold() in action.casefold()
    assert "Hold the answer against the [four covenants]" in text


@pytest.mark.parametrize("name", COMPANIONS)
def test_every_companion_says_when_and_how_to_answer(name: str) -> None:
    said = (ROOT / ".amazonq/rules" / name).read_text(encoding="utf-8")
    assert "**Trigger**: " in said
    assert "**Answer with**: " in said or name == "four-covenants.md"


def test_the_covenants_and_the_seals() -> None:
    covenants = (ROOT / ".amazonq/rules/four-covenants.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^## (\S+) (\S+) \((\w+)\)$", covenants) == [
        ("I", "Integrity", "Nigredo"),
        ("II", "Reproducibility", "Albedo"),
        ("III", "Federation", "Citrinitas"),
        ("IV", "Proof-chain", "Rubedo"),
    ]
    seals = (ROOT / ".amazonq/rules/philosophical-foundation.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^\| ([0-9]) \| ", seals) == list("01234567")


def test_the_patterns_have_their_steps(text: str) -> None:
    parts = re.split(r"(?m)^\*\*(.+)\*\*$", section(text, "Response patterns"))[1:]
    counted = {title: len(re.findall(r"(?m)^\d\. ", body)) for title, body in zip(parts[::2], parts[1::2], strict=True)}
    assert list(counted.values()) == [4, 4, 6, 4], counted


def test_the_gates_are_those_that_the_command_asks(text: str) -> None:
    rows = [(command.rsplit(" ", 1)[1], rule) for rule, command in checks(section(text, "Quality gates"))]
    assert rows == re.findall(r'(?m)^    Gate\("([a-z-]+)", [A-Z]+, "([^"]+)"', GATES)
    counts = [len(checks(part)) for part in section(text, "Quality gates").split("\nBefore ")[1:]]
    assert counts == [5, 4, 4]


def test_five_never_and_five_always(text: str) -> None:
    assert len(checks(section(text, "Never suggest"))) == 5
    assert len(checks(section(text, "Every interaction"))) == 5


# ---------------------------------------------------------------- O-12 to O-14: versions


def test_versions(text: str) -> None:
    for part in LINEAGE:
        assert part in text.replace("\n", " ")
    stated = dict(re.findall(r"(?m)^\| ([^|]+) \| (\d+\.\d+\.\d+) \| ", section(text, "Versions")))
    printed = subprocess.run([ROOT / "ops/bin/remembrancer", "--version"], capture_output=True, text=True, check=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert stated == {"VaultMesh templates": project["version"], "Remembrancer": printed.stdout.split()[-1]}
    assert stated["Remembrancer"] == __version__


def test_the_path_of_the_lineage() -> None:
    roadmap = (ROOT / ".amazonq/rules/evolution-roadmap.md").read_text(encoding="utf-8").replace("\n", " ")
    assert "v1.0 → v2.0 → v2.2 → v2.4 → v3.0 → v4.0 → v5.0" in roadmap
    assert all(part in roadmap for part in LINEAGE)


# ---------------------------------------------------------------- O-16: dates


def stated_date(path: Path) -> date:
    found = re.findall(r"(?m)^\*\*Last Updated\*\*: (\d{4}-\d{2}-\d{2})$", path.read_text(encoding="utf-8"))
    assert len(found) == 1, path
    return date.fromisoformat(found[0])


def changed_date(root: Path, name: str) -> date:
    """Return the day (UTC) of a file's newest change; the first day where a shallow clone does not hold that commit."""
    if git(root, "status", "--porcelain", "--", name):
        return datetime.now(UTC).date()
    commit, _, seconds = git(root, "log", "-1", "--format=%H %at", "--", name).partition(" ")
    shallow = root / git(root, "rev-parse", "--git-path", "shallow")
    if shallow.is_file() and commit in shallow.read_text(encoding="utf-8").split():
        return date.min
    return datetime.fromtimestamp(int(seconds), UTC).date()


DATED = [f"{SOURCE}/.amazonq/rules/{name}" for name in COMPANIONS] + [f"{SOURCE}/.amazonq/rules/vaultmesh.md.jinja"]


@pytest.mark.parametrize("name", DATED)
def test_the_date_is_not_older_than_the_rules(name: str) -> None:
    assert stated_date(ROOT / name) >= changed_date(ROOT, name), f"{name}: write today's date after Last Updated"


def test_an_old_date_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("**Last Updated**: 2020-01-01\n")
    assert repository(tmp_path).joinpath("a.md").is_file()
    assert stated_date(tmp_path / "a.md") < changed_date(tmp_path, "a.md")
    (tmp_path / "a.md").write_text(f"**Last Updated**: {datetime.now(UTC).date()}\n")
    assert stated_date(tmp_path / "a.md") >= changed_date(tmp_path, "a.md")


# ---------------------------------------------------------------- each check can fail, in a service with a release


@pytest.fixture(scope="module")
def released(collection: Path) -> Iterator[Scratch]:
    """A rendered service with a ledger and one complete release."""
    scratch = Scratch(Path(tempfile.mkdtemp(prefix="rm", dir="/tmp")))
    scratch.home.mkdir()
    render(collection, scratch.root, tasks=True, component="my-svc")
    plugin = ROOT / "plugins/remembrancer/src"
    program(
        scratch.base / "path",
        "remembrancer",
        f'#!/bin/sh\nPYTHONPATH={plugin} exec {sys.executable} -m remembrancer "$@"\n',
    )
    repository(scratch.root)
    scratch.ok("init", "--dev", "--component", "my-svc")
    scratch.commit("[my-svc] chore: begin the ledger")
    assert run(scratch, "ops/bin/dist").returncode == 0
    archive = "dist/my-svc-0.1.0.tar.gz"
    scratch.ok("sign", "--no-seal", archive)
    scratch.ok("timestamp", "--no-seal", archive)
    scratch.ok("record", "deploy", "--component", "my-svc", "--version", "0.1.0")
    scratch.commit("[my-svc] chore: record 0.1.0")
    yield scratch
    end_agents(scratch)
    scratch.remove()


def run(scratch: Scratch, command: str, root: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a quoted command in the service (or a copy of it)."""
    path = f"{scratch.base / 'path'}:{Path(sys.executable).parent}:{scratch.environment()['PATH']}"
    return call(command, root or scratch.root, scratch.environment(PATH=path, PYTHON=sys.executable))


def append(name: str, text: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (path,) = root.glob(name)
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    return change


def unsealed_decision(root: Path) -> None:
    folder = root / "ops/receipts/adr"
    folder.mkdir(exist_ok=True)
    fields = "**Date**: 2026-01-01\n**Status**: Accepted\n**Context**: Because.\n"
    (folder / "ADR-001-x.md").write_text(f"# ADR-001: X\n\n{fields}")


def edited_receipt(root: Path) -> None:
    append("ops/receipts/deploy/my-svc-0.1.0.receipt", " ")(root)
    git(root, "add", "--all")


CHANGES: dict[str, Callable[[Path], object]] = {
    "ops/bin/sbom --check": append("requirements.lock", "left-pad==1.0\n"),
    "ops/bin/bump --check": lambda root: (root / "app/service.json").write_text('{"version": "9.9.9"}\n'),
    "ops/bin/commit-msg HEAD~1..HEAD": lambda root: commit_all(root, "changed things"),
    "ops/bin/no-conflict-markers": append("app/main.py", "<<<<<<< a\n=======\n>>>>>>> b\n"),
    "ops/bin/check-receipts": edited_receipt,
    "ops/bin/remembrancer drift": append("Dockerfile", "USER root\n"),
    "ops/bin/remembrancer verify-audit": append("ops/receipts/deploy/my-svc-0.1.0.receipt", " "),
    "make verify": lambda root: (root / "dist/my-svc-0.1.0.tar.gz").write_bytes(b"other"),
    "ops/bin/check-decisions": unsealed_decision,
    "ops/bin/health-check": edited_receipt,
}


def test_every_rule_names_a_check_with_a_change_that_breaks_it() -> None:
    named = {command for _, command in every_check()}
    gates = {f"ops/bin/health-check --gates --only {gate}" for gate in GATE_CHANGES}
    assert named == CHANGES.keys() | gates


@pytest.mark.parametrize("command", CHANGES)
def test_a_change_makes_the_check_fail(released: Scratch, command: str, tmp_path: Path) -> None:
    before = run(released, command)
    assert before.returncode == 0, before.stdout + before.stderr
    shutil.copytree(released.root, tmp_path / "copy", symlinks=True)
    CHANGES[command](tmp_path / "copy")
    after = run(released, command, tmp_path / "copy")
    assert after.returncode in (1, 2), after.stdout + after.stderr
    assert "Traceback" not in after.stdout + after.stderr


@pytest.mark.parametrize(
    ("said", "code"),
    [("Seal 0", 0), ("Seals 1, 2 and 7", 0), ("seals 6 and 8", 1), ("Seal", 1), ("sealed 3 times", 1)],
)
def test_which_seals_a_decision_may_name(tmp_path: Path, said: str, code: int) -> None:
    text = f"# ADR-001: X\n\n**Status**: Accepted\n**Context**: {said}.\n"
    (tmp_path / "ADR-001-x.md").write_text(text)
    (tmp_path / "ADR-002-y.md").write_text("# ADR-002: Y\n\n**Status**: Draft\n")
    done = subprocess.run([ROOT / "ops/bin/check-decisions", tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (code, code)
