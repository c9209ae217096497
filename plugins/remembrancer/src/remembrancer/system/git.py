"""How Git is asked, by every part of the package: in an environment and with settings that leave nothing to others.

Neither a variable of the caller nor a setting in the repository's own configuration may choose another repository,
fetch, write, or run a program. Standard library only: the hooks use this.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# A hook's environment points at the repository that is being committed to, not always at the one that is asked about.
_COMMITTED_TO = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
_REDIRECTING = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)
_FOREIGN = frozenset((*_COMMITTED_TO, *_REDIRECTING))
_READING = {
    "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "none",  # an older Git does not know the next one
    "GIT_GRAFT_FILE": "/dev/null/none",  # the repository's own could take commits away from history
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}
# each of these would run a program that the repository's configuration names, print what nobody asked for, or answer
# from a file that repeats what the commits say
_SETTINGS = (
    *("-c", "log.showSignature=false", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    *("-c", "core.commitGraph=false"),
)


def command(root: "Path | str", arguments: "Sequence[str]") -> list[str]:
    """Return the command line of a Git call in a folder that only reads."""
    return ["git", "-C", str(root), *_SETTINGS, *arguments]


def environment() -> dict[str, str]:
    """Return the environment of a Git call that only reads the repository at the folder that it is given."""
    return {**{name: value for name, value in os.environ.items() if name not in _FOREIGN}, **_READING}


def settings(values: "Mapping[str, str]") -> dict[str, str]:
    """Return the variables that give Git these settings, after those that the caller gives it in the same way."""
    count = os.environ.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdigit() and len(count) < 9 else 0
    found = {"GIT_CONFIG_COUNT": str(first + len(values))}
    for number, (key, value) in enumerate(values.items(), first):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def hook_environment() -> dict[str, str]:
    """Return a hook's own: Git says there which index is being committed, relative to the current folder."""
    kept = {**os.environ, **_READING}
    for name in ("GIT_INDEX_FILE", "GIT_DIR", "GIT_WORK_TREE"):
        if name in kept:
            kept[name] = os.path.abspath(kept[name])  # noqa: PTH100 - pathlib costs a hook a tenth of its time
    return kept
