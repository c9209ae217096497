"""docs/threat-model.md has a table for each attacker, and names reason codes that exist."""

import re
from collections.abc import Iterator

from collection import ROOT
from reason_table import REASONS

TEXT = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
AREAS = "|".join(sorted({code.partition(".")[0] for code in REASONS}))
CODE = re.compile(rf"`((?:{AREAS})\.[a-z0-9-]+)`")
ATTACKERS = {
    "Whoever hands you the artifact",
    "Whoever can write to the repository",
    "Whoever holds the log key",
    "Whoever stole a signer's key",
    "A timestamp authority that lies or was broken",
    "Whoever controls the network",
    "Whoever controls the template's source",
    "A fork, a pull request, a job",
    "A service, or a forge, that a rollout meets",
    "The auditor's own machine, and accidents",
}


def rows() -> Iterator[list[str]]:
    """Yield the cells of every row of every table."""
    for line in TEXT.splitlines():
        if line.startswith("| ") and not line.startswith(("| they try", "| what happens")):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_every_attacker_has_a_table() -> None:
    parts = dict(part.split("\n", 1) for part in TEXT.split("\n## ")[1:])
    assert parts.keys() == ATTACKERS | {"What no check here can answer"}
    assert all(parts[name].count("\n| ") >= 6 for name in ATTACKERS)
    assert parts["What no check here can answer"].count("\n- **") >= 8


def test_every_code_exists() -> None:
    codes = set(CODE.findall(TEXT))
    assert len(codes) > 45
    assert codes - REASONS.keys() - {"policy.toml"} == set()


def test_every_row_says_what_answers() -> None:
    found = list(rows())
    assert len(found) > 60
    for what, answer, codes in found:
        assert what
        assert answer, what
        assert codes == " ".join(f"`{code}`" for code in CODE.findall(codes)), what
