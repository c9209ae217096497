"""The order of a verdict and of a seal: the code tells it with the numbers of docs/formats.md."""

import inspect
import re

from collection import ROOT
from remembrancer.ledger import seal as sealing
from remembrancer.verify import artifact

STEP = re.compile(r"^(\d+)\. (.+?)(?=^\d+\. |^$|\Z)", re.MULTILINE | re.DOTALL)


def steps(text: str) -> dict[int, str]:
    """Return the numbered steps of the first list in a text, each on one line."""
    found: dict[int, str] = {}
    for number, said in STEP.findall(text):
        if int(number) != len(found) + 1:
            break
        found[int(number)] = " ".join(said.split())
    return found


def section(after: str) -> str:
    return (ROOT / "docs/formats.md").read_text("utf-8").partition(after)[2]


def title(step: str) -> str:
    """Return a step's name: what is bold, or stands before the colon."""
    bold = re.match(r"\*\*(.+?)\.\*\*", step)
    return (bold[1] if bold else step.partition(":")[0]).replace("-", "").lower()


def test_the_verdict_has_the_steps_of_the_document() -> None:
    stated, ours = steps(section("## Verifying, in order")), steps(artifact.__doc__ or "")
    assert len(stated) == 9
    assert {number: title(step) for number, step in ours.items()} == {
        number: title(step) for number, step in stated.items()
    }


def test_sealing_has_the_steps_of_the_document() -> None:
    stated, ours = steps(section("**Sealing** has seven steps")), steps(inspect.getdoc(sealing.seal) or "")
    assert len(stated) == 7
    assert ours.keys() == stated.keys()
    for number, step in ours.items():
        assert stated[number].startswith(step), number
