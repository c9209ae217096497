"""The PATH of the tests: this interpreter is what a search for Python finds, without asking a version manager.

The programs of pyenv and asdf are scripts that look for the version that was chosen, a tenth of a second each time; a
script of a service that looks for a Python asks several of them, and the tests run hundreds of such scripts.
"""

import os
import sys
from pathlib import Path


def own_path(path: str) -> str:
    """Return the path with this interpreter's folder in the place of such scripts, where there are any."""
    entries = path.split(os.pathsep)
    others = [entry for entry in entries if Path(entry).name != "shims"]
    own = [str(Path(sys.base_prefix, "bin"))] if len(others) < len(entries) else []
    return os.pathsep.join([*own, *others])
