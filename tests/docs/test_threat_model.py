"""docs/threat-model.md names reason codes and tests that exist, and each code where the named test asks for it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from collection import ROOT
from remembrancer.reasons import REASONS

TEXT = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
AREAS = "|".join(sorted({code.partition(".")[0] for code in REASONS}))
CODE = re.compile(rf"`((?:{AREAS})\.[a-z0-9-]+)`")
TEST = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")
ATTACKERS = {
    "Whoever hands you the artifact",
    "Whoever can write to the repository",
    "Whoever holds the log key",
    "Whoever stole a signer's key",
    "A time-stamp authority that lies or was broken",
    "Whoever controls the network",
    "Whoever controls the template's source",
    "A fork, a pull request, a job",
    "The auditor's own machine, and accidents",
}


def rows() -> Iterator[list[str]]:
    """Yield the cells of every row of every table."""
    for line in TEXT.splitlines():
        if line.startswith("| ") and not line.startswith(("| they try", "| what happens")):
            yield [cell.strip() for cell in line.strip("|").split("|")]


@cache
def sources(path: Path) -> str:
    """Return a test module's text with that of the helpers in tests/ that it imports."""
    text = path.read_text(encoding="utf-8")
    imported = {str(node.module) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    helpers = [ROOT / "tests/support" / f"{name}.py" for name in imported]
    return text + "".join(helper.read_text(encoding="utf-8") for helper in helpers if helper.is_file())


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_attacker_has_a_table() -> None:
    parts = dict(part.split("\n", 1) for part in TEXT.split("\n## ")[1:])
    assert parts.keys() == ATTACKERS | {"What no check here can answer"}
    assert all(parts[name].count("\n| ") >= 6 for name in ATTACKERS)
    assert parts["What no check here can answer"].count("\n- **") >= 8


def test_every_test_exists() -> None:
    named = TEST.findall(TEXT)
    assert len(set(named)) > 45
    assert [f"{path}::{name}" for path, name in named if name not in functions(ROOT / path)] == []


def test_every_code_exists() -> None:
    codes = set(CODE.findall(TEXT))
    assert len(codes) > 45
    assert codes - REASONS.keys() - {"policy.toml"} == set()


def test_every_row_is_proven_by_a_test_that_asks_for_its_codes() -> None:
    checked = 0
    for what, answer, codes, test in rows():
        assert what
        assert answer, what
        found = TEST.fullmatch(test)
        assert found, what
        assert codes == " ".join(f"`{code}`" for code in CODE.findall(codes)), what
        for code in CODE.findall(codes):
            assert f'"{code}"' in sources(ROOT / found[1]) or f"[{code}]" in sources(ROOT / found[1]), (what, code)
            checked += 1
    assert checked > 60
