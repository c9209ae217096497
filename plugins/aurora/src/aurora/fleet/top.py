"""Whether a repository has a service at its top, which is where a fleet looks; where else one seems to be, if not.

One service in each repository is what the whole collection is made for: a pipeline, a policy and a ledger of its own.
"""

from collections.abc import Iterator

from aurora.foreign.objects import FOLDER, Tree
from aurora.foreign.unpack import FOLDERS, SINGLE
from aurora.words import one_line
from remembrancer.errors import RemembrancerError, Unverifiable
from remembrancer.paths import POLICY

_DEEPEST = 3  # folders inside each other that are looked into
_MOST = 300  # folders
_NAMED = 3


def check(tree: Tree) -> None:
    """Raise Unverifiable(fleet.no-service) for a commit that has nothing of a service at its top.

    A commit that has receipts, a policy or an answers file there is judged, whatever of them is missing.
    """
    if any(tree.entry(path) is not None for path in (*SINGLE, *FOLDERS)):
        return
    found: list[str] = []
    try:
        for folder in _folders(tree):
            if any(tree.entry(f"{folder}/{path}") is not None for path in (*SINGLE, POLICY)):
                found.append(folder)
    except RemembrancerError:
        pass  # of a tree that cannot be read, what was seen so far is hint enough
    why = "there is no service at the top of the repository"
    if found:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        why += f", but below {one_line(', '.join(found[:_NAMED]), 200)}{more}"
    raise Unverifiable("fleet.no-service", why)


def _folders(tree: Tree) -> Iterator[str]:
    """Yield the folders of a commit, the upper ones first, as many and as deep as is worth a look."""
    level = [""]
    seen = 0
    for _ in range(_DEEPEST):
        below = []
        for place in level:
            for name, found in sorted(tree.folder(place).items()):
                if found.mode == FOLDER and seen < _MOST:
                    seen += 1
                    below.append(f"{place}/{name}" if place else name)
        yield from below
        level = below
