"""docs/years.md: its blocks, which the tests run."""

import re

from collection import ROOT

TEXT = (ROOT / "docs/years.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in TEXT.split("\n## ")[1:]}


def blocks(heading: str) -> list[str]:
    """Return the commands of a section; it has some."""
    found = re.findall(r"(?ms)^```sh\n(.*?)^```$", SECTIONS[heading])
    assert found, heading
    return found
