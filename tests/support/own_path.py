"""The PATH of the tests: a bare environment of this interpreter is what a search for Python finds.

The tests run thousands of small scripts. The programs of pyenv and asdf are scripts that look for the version that was
chosen, a tenth of a second each time; an interpreter with packages runs what those want at each start (`*.pth`).
"""

import os
import sys
import venv
from pathlib import Path

from once import Shared


def own_path(path: str) -> str:
    """Return the path with the bare environment's programs first, and without the folders of such scripts."""
    entries = [entry for entry in path.split(os.pathsep) if Path(entry).name != "shims"]
    return os.pathsep.join([str(bare_python() / "bin"), *entries])


def bare_python() -> Path:
    """Return an environment of this Python that holds pip alone, made once beside the tests' own."""
    made = Shared(Path(sys.prefix) / "bare").made(
        lambda folder: venv.create(folder, with_pip=True), sys.version, sys.base_prefix
    )
    # after a newer Python has taken the place of the one that the link means
    assert (made / "bin/python").exists(), f"remove {made.parent}"
    return made
