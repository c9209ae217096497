"""How git is asked, so that no variable of a hook or alias and no setting of the user's changes the answer.

Standard library only; the tools under ops/, the generators and what Copier runs use it. In shell: ops/lib/git.sh.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

SETTINGS = Path(__file__).resolve().with_name("neutral.gitconfig")
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
    "GIT_EXTERNAL_DIFF",
)


def environment(base: Mapping[str, str] | None = None, *, hook: bool = False) -> dict[str, str]:
    """Return the environment in which git, and whatever calls git, is to be started.

    Args:
        base: the environment to begin with; the current one by default.
        hook: keep what says which index is being committed; only hooks of the repository itself ask for it.
    """
    foreign = {*_REDIRECTING, *(() if hook else _COMMITTED_TO)}
    kept = {name: value for name, value in (os.environ if base is None else base).items() if name not in foreign}
    return with_settings(kept, [("include.path", str(SETTINGS))])


def with_settings(base: Mapping[str, str], settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return an environment that gives git these settings, after those that it gives already."""
    count = base.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isascii() and count.isdigit() and len(count) < 9 else 0
    found = {**base, "GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (key, value) in enumerate(settings, first):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found
