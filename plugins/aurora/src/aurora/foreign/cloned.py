"""A commit of a bare mirror as an audit needs it: what a clone would hold, without what it would run or follow.

Only what the Remembrancer reads is written, each kind with a limit, so that neither a tree that holds itself a thousand
times nor one file under ten thousand names fills the disk.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from aurora.foreign.objects import Objects, Tree, borrow, show
from aurora.foreign.unpack import SINGLE, unpack
from aurora.git import is_branch
from remembrancer.errors import Rejected, RemembrancerError
from remembrancer.paths import POLICY
from remembrancer.receipt.statement import parse as parse_receipt
from remembrancer.repository.reader import Repository
from remembrancer.repository.store import Store
from remembrancer.trust.policy import MAX_BYTES, parse

GIT = "git"  # the Git directory beside the folder: one for the objects that are read and for the history


class Cloned(Repository):
    """What `as_cloned` wrote: a commit whose id we gave, with all of its history, so that Git need not be asked."""

    def __init__(self, root: Path, commit: str) -> None:
        super().__init__(root)
        self._commit = commit

    def head(self) -> str:
        """Return the id of the commit."""
        return self._commit

    def is_shallow(self) -> bool:
        """Say no: a mirror has all, and what it lacks is noticed when it is read."""
        return False


@contextmanager
def opened(mirror: Path, commit: str) -> Iterator[tuple[Tree, Path]]:
    """Give the tree of a mirror's commit and an empty folder, both gone at the end. Raises EnvironmentTrouble."""
    base = Path(mkdtemp(prefix="aurora-"))
    try:
        borrow(base / GIT, mirror, commit)
        folder = base / "tree"
        folder.mkdir()
        with Objects(base / GIT) as objects:
            yield Tree(objects, commit), folder
    finally:
        shutil.rmtree(base, ignore_errors=True)


def as_cloned(tree: Tree, folder: Path) -> None:
    """Write a commit of a mirror and its history into the empty folder that `opened` gave with it.

    Raises as `Tree`, Unverifiable(fleet.oversized), Rejected(fleet.tree), EnvironmentTrouble(env.io).
    """
    unpack(tree, folder)
    _put_artifacts(tree, folder)
    _put_history(tree, folder)


def _put_artifacts(tree: Tree, folder: Path) -> None:
    """Write what signatures are over, where somebody has committed it: those are checked again too."""
    store = Store(folder)
    names = set()
    for name in store.walk("sign"):
        try:
            subject = parse_receipt((store.receipts_dir / name).read_bytes()).subject[0].name
        except (OSError, RemembrancerError):
            continue  # the audit names it
        names |= {path for path in (subject, f"dist/{subject}") if "/" not in subject and path not in SINGLE}
    for name in names:
        found = tree.entry(name)
        if found is not None and found.is_file:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(tree.objects.read(found.oid, "blob"))


def _put_history(tree: Tree, folder: Path) -> None:
    """Let the folder be a clone of the branch, under the name that the policy gives to the branch that is sealed.

    Whatever a repository calls its branches: what is looked at is what others are shown, so a log that is shorter
    there than it was went back.
    """
    try:
        branch = parse(tree.read(POLICY, MAX_BYTES) or b"").seal_branch
    except RemembrancerError:
        branch = "main"  # the audit says what is wrong with the policy
    if not is_branch(branch):
        raise Rejected("fleet.tree", f"{POLICY} names a branch that Git could not have")
    show(folder.parent / GIT, tree.commit, branch)
    (folder / ".git").write_text(f"gitdir: ../{GIT}\n", "utf-8")
