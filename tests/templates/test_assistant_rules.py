"""The assistants' rules, in services and here: complete, true, dated; test_assistant_checks.py runs what they name."""

import re
import shutil
import subprocess
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import aurora
import manifest
import rules
from ci_render import repository
from collection import ROOT, git
from late import Late
from remembrancer import __version__
from remembrancer.cli.main import COMMANDS

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


def test_history_is_asked_before_an_answer_with_tools_that_exist(text: str) -> None:
    before = section(text, "Before every answer")
    (asked,) = [
        part for part in before.split("\n\n") if "check whether the Remembrancer has historical context" in part
    ]
    named = set(re.findall(r"`([a-z_]+)`", asked))
    assert named - set(Late("remembrancer.mcp.server").NAMES) == {"remembrancer", "quoted"}
    assert {"query", "why"} <= named
    for command in re.findall(r"`ops/bin/remembrancer ([a-z-]+)`", asked):
        assert command in COMMANDS


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
    ruled = [number for rule, _ in checks(seals) for number in re.findall(r"[0-9]", rule.partition(":")[0])]
    assert ruled[2:] == list("01234567"), "after the rule on decisions, one for each seal"


def test_the_patterns_have_their_steps(text: str) -> None:
    parts = re.split(r"(?m)^\*\*(.+)\*\*$", section(text, "Response patterns"))[1:]
    assert all(checks(body) for body in parts[1::2]), parts
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
    assert stated["VaultMesh templates"] == project["version"]
    assert stated["Remembrancer"] == printed.stdout.split()[-1] == __version__
    assert stated["Aurora"] == aurora.__version__
    assert len(stated) == 3


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
