"""Before the log key signs: nothing that it signed earlier may be contradicted or left behind.

Compared are the checkpoints of every commit that HEAD reaches (a revert and a restored backup leave them there), those
of the published branch, and what this user remembers. Of a history that was compared before only the rest is: the
user's state says up to which commit, and with which log.
"""

import re
from collections.abc import Sequence

from remembrancer.audit.committed import checkpoints, is_partial
from remembrancer.audit.published import Tips, commit_of, published, reaches
from remembrancer.audit.remembered import SUBJECT
from remembrancer.audit.session import Session
from remembrancer.errors import Refused, RemembrancerError
from remembrancer.ledger.git import Git
from remembrancer.named import NamedTuple
from remembrancer.paths import RECEIPTS
from remembrancer.repository.reader import Repository
from remembrancer.tlog.tree import TileTree
from remembrancer.trust.policy import Policy
from remembrancer.user.state import Compared
from remembrancer.verify.log import LogView, key_ids, open_checkpoint, prefix_root

_COMMIT = re.compile("[0-9a-f]{40}([0-9a-f]{24})?")
_FORGET = "if nobody has seen that one, `remembrancer trust forget` says what forgetting it means"


class _Other(NamedTuple):
    """A checkpoint that the log here does not extend: its note, its size, and whether it is a later state."""

    note: bytes
    size: int
    later: bool


def refuse_fork(session: Session, policy: Policy, *, begin: bool = False, keep: bool = False) -> None:
    """Raise Refused when sealing here would sign another log than one that the policy's keys have signed before.

    `log.rollback`: HEAD reaches a commit with a larger log. `log.behind`: the published branch has one, or it was seen
    before. `log.split-view`: one of them contradicts the log here. With `keep`, how far was compared is kept for the
    next time. Raises Rejected for a damaged ledger, and EnvironmentTrouble(env.git): what Git could not say is never
    "no".
    """
    repository, note = session.repository, session.ledger.checkpoint()
    if note is None and not begin and repository.head() and Git(session.root).has(SUBJECT):
        return  # sealing itself says that the file is gone
    claimed = session.ledger.claimed()
    if claimed is not None and claimed.origin != policy.origin:
        return  # as above: the key is another log's
    view = None if note is None else _opened(note, repository, policy)
    if head := repository.head():
        past = _Past(session, policy, view, head)
        if other := past.contradicting():
            raise _in_history(view, other, commit_of(repository, SUBJECT, other.note, (head,)))
        branches = {name: tip for name, tip in published(repository, policy).items() if tip != head}
        if branches and (other := _contradicting(view, repository, policy, (*branches.values(), f"^{head}"))):
            raise _elsewhere(view, other, _branch_with(repository, branches, other.note))
        if keep:
            past.keep()
    _refuse_unseen(session, policy, view)


class _Past:
    """The checkpoints that HEAD reaches, without those that were compared with this very log, or a prefix of it."""

    def __init__(self, session: Session, policy: Policy, view: LogView | None, head: str) -> None:
        self._state, self._repository, self._policy = session.state, session.repository, policy
        self._view, self._head = view, head
        self._keys = sorted(key_ids(policy))
        self._known = self._compared()

    def contradicting(self) -> _Other | None:
        """As `_contradicting`, for what HEAD reaches."""
        since = (f"^{self._known.commit}",) if self._known else ()
        return _contradicting(self._view, self._repository, self._policy, (self._head, *since))

    def keep(self) -> None:
        """Keep that all of it was compared; not in a clone that lacks a part, which may come to it later."""
        if self._view is None or (self._known and self._known.commit == self._head):
            return
        if not is_partial(self._repository.root) and not self._repository.is_shallow():
            done = Compared(self._head, self._view.size, self._view.root.hex())
            self._state.remember_compared(self._policy.origin, self._keys, done)

    def _compared(self) -> Compared | None:
        known = self._state.compared(self._policy.origin, self._keys)
        if known is None or self._view is None or not 0 <= known.size <= self._view.size:
            return None
        try:
            if prefix_root(self._view, known.size).hex() != known.root:
                return None
        except RemembrancerError:
            return None
        if not _COMMIT.fullmatch(known.commit):
            return None
        return None if self._repository.git("cat-file", "-e", f"{known.commit}^{{commit}}").returncode else known


def _opened(note: bytes, repository: Repository, policy: Policy) -> LogView:
    """Return the log here; its checkpoint needs no witness yet to be extended."""
    signed = open_checkpoint(note, policy, stamped=True)
    return LogView(note, signed, TileTree(repository.ledger_reader, signed.checkpoint.size), key_ids(policy))


def _contradicting(
    view: LogView | None, repository: Repository, policy: Policy, revisions: Sequence[str]
) -> _Other | None:
    """Return the largest later checkpoint of these commits, else one that the log here contradicts, else None."""
    later: _Other | None = None
    known: dict[int, bytes] = {}
    for note in checkpoints(repository.root, SUBJECT, revisions):
        if note is None:
            continue
        try:
            old = open_checkpoint(note, policy, stamped=True).checkpoint
        except RemembrancerError:
            continue  # nothing that the log's key signed, so nothing that it has to answer for
        if known.get(old.size) == old.root:
            continue
        known[old.size] = old.root
        if view is None or old.size > view.size:
            if later is None or old.size > later.size:
                later = _Other(note, old.size, later=True)
        elif prefix_root(view, old.size) != old.root:
            return _Other(note, old.size, later=False)
    return later


def _branch_with(repository: Repository, branches: Tips, note: bytes) -> str:
    commit = commit_of(repository, SUBJECT, note, tuple(branches.values()))
    return next(name for name, tip in branches.items() if not commit or reaches(repository, tip, commit))


def _size(view: LogView | None) -> str:
    return "there is no ledger here" if view is None else f"the ledger here has size {view.size}"


def _in_history(view: LogView | None, other: _Other, commit: str) -> Refused:
    if other.later:
        return Refused(
            "log.rollback",
            f"{_size(view)}, but commit {commit[:12]} in the history of HEAD has one of size {other.size}: it was "
            "reverted or restored from an older state, and sealing would sign a second log",
            f"Take what was sealed back with `git checkout {commit} -- {RECEIPTS}`, and seal again; what was recorded "
            "since stays, and is sealed behind it.",
        )
    return Refused(
        "log.split-view",
        f"{_size(view)} and contradicts the one of size {other.size} in commit {commit[:12]}, which HEAD reaches",
        'Nothing can be sealed on both; "After a fork" in docs/years.md says how one side is left, and what is lost.',
    )


def _elsewhere(view: LogView | None, other: _Other, name: str) -> Refused:
    if other.later:
        return Refused(
            "log.behind",
            f"{_size(view)}, but {name} has one of size {other.size}: sealing would fork the log",
            f"Bring it in with `git merge {name}`, or `git rebase {name}` where this side has sealed, and seal again.",
        )
    return Refused(
        "log.split-view",
        f"{_size(view)} and contradicts the one of size {other.size} on {name}",
        f"Leave the seals of this side out (`git rebase {name}` without them), and seal again.",
    )


def _refuse_unseen(session: Session, policy: Policy, view: LogView | None) -> None:
    """Compare with what this user remembers of any key of the log: a rotation makes nobody forget."""
    known = [seen for key_id in key_ids(policy) if (seen := session.state.seen(policy.origin, key_id))]
    if not known:
        return
    seen = max(known, key=lambda one: one.size)
    if view is None or view.size < seen.size:
        raise Refused(
            "log.behind",
            f"{_size(view)}, but size {seen.size} was seen before: sealing would fork the log",
            f"Merge the branch that holds the newer ledger, and seal again; {_FORGET}.",
        )
    if prefix_root(view, seen.size).hex() != seen.roots[seen.size]:
        raise Refused(
            "log.split-view",
            f"{_size(view)} and contradicts the one of size {seen.size} that was seen before",
            f"Merge the branch that holds that ledger, and leave the seals of this side out; {_FORGET}.",
        )
