"""Mermaid itself reads every picture of every document."""

from collections.abc import Callable
from pathlib import Path

import pytest

from collection import ROOT, files, git
from quoted_extract import documents, pictures
from tool_environment import npm_judge

pytestmark = pytest.mark.system
BROKEN = [
    "A --> B",
    "flowchart XX\nA --> B",
    "flowchart LR\nA -> B",
    "flowchart LR\nA --> B[text (more)]",
    "flowchart LR\nA --> B[text",
    "flowchart LR\nA --> end",
    "flowchart LR\nA --> B\nend",
    "flowchart LR\nsubgraph one [One]\nA --> B",
]
Reader = Callable[[list[str]], list[str]]


@pytest.fixture(scope="module")
def mermaid() -> Reader:
    """Mermaid from the lock file: takes pictures, returns what is wrong with each ("" when it can be read)."""
    return npm_judge(Path(__file__).parent / "mermaid")


def test_every_picture_is_read(mermaid: Reader, service: Path) -> None:
    tracked = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    found = {}
    for root, names in ((ROOT, tracked), (service, sorted(files(service)))):
        for path in documents(root, names):
            found |= {f"{path} {place}": one for place, one in enumerate(pictures(path.read_text()))}
    assert len(found) >= 2
    assert dict(zip(found, mermaid(list(found.values())), strict=True)) == dict.fromkeys(found, "")


def test_broken_pictures_are_refused(mermaid: Reader) -> None:
    said = dict(zip(BROKEN, mermaid(BROKEN), strict=True))
    assert [picture for picture, problem in said.items() if not problem] == []
