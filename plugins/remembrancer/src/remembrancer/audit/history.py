"""Is the log append-only? Compared with a checkpoint that the auditor brings, and with those in the repository's
own history."""

from remembrancer.audit.committed import checkpoints
from remembrancer.audit.remembered import SUBJECT
from remembrancer.errors import Rejected, RemembrancerError, counted
from remembrancer.findings import Finding, negative, positive
from remembrancer.repository.reader import Repository
from remembrancer.trust.policy import Policy
from remembrancer.verify.log import LogView, cosigners, open_checkpoint, prefix_root


def since(view: LogView, data: bytes, policy: Policy) -> Finding:
    """Compare the log with a signed checkpoint that the auditor kept: the log must extend it."""
    try:
        old = open_checkpoint(data, policy, stamped=True).checkpoint
        _extends(view, old.size, old.root, "the given checkpoint")
    except RemembrancerError as error:
        return negative("append-only", SUBJECT, error)
    return positive("append-only", SUBJECT, f"extends the given checkpoint of size {old.size}")


def _extends(view: LogView, size: int, root: bytes, what: str) -> None:
    if size > view.size:
        raise Rejected("log.rollback", f"the log has size {view.size}, {what} has size {size}")
    if prefix_root(view, size) != root:
        raise Rejected("log.split-view", f"the log of size {view.size} contradicts {what} of size {size}")


def committed(view: LogView, repository: Repository, policy: Policy) -> tuple[Finding | None, str]:
    """Compare the log with every checkpoint in a commit that HEAD reaches and that the policy's keys signed.

    Returns the finding (None when there is nothing to compare with) and a notice for what cannot be known. Raises
    EnvironmentTrouble `env.git` when Git refuses to read the repository, or fails before the last of them.
    """
    if not repository.head():
        return None, "no Git history: earlier checkpoints were not compared"
    absent = 0
    sizes: dict[int, bytes] = {}
    for note in checkpoints(repository.root, SUBJECT):
        if note is None:
            absent += 1
            continue
        try:
            old = open_checkpoint(note, policy, stamped=True).checkpoint
        except RemembrancerError:
            continue  # nothing that the log's key signed, so nothing that it has to answer for
        if sizes.get(old.size) == old.root:
            continue
        try:
            _extends(view, old.size, old.root, "a committed checkpoint")
        except RemembrancerError as error:
            return negative("history", SUBJECT, error), _unknown(repository, absent)
        sizes[old.size] = old.root
    notice = _unknown(repository, absent)
    if not sizes:
        nothing = "no commit holds an earlier checkpoint of this log, so none was compared"
        return None, "; ".join(one for one in (nothing, notice) if one)
    return positive("history", SUBJECT, f"extends {counted(len(sizes), 'committed checkpoint')}"), notice


def _unknown(repository: Repository, absent: int) -> str:
    """Say which of the history's checkpoints this clone does not have."""
    said = []
    if repository.is_shallow():
        said.append("this clone is shallow: checkpoints before its first commit were not compared")
    if absent:
        said.append(f"this clone is partial: {absent} committed checkpoints are not here and were not compared")
    return "; ".join(said)


def unremembered(view: LogView, policy: Policy) -> Finding:
    """The finding where nothing older is remembered: who else vouches that the log has only grown, or openly nobody."""
    if policy.quorum.required == "none":
        return positive("append-only", SUBJECT, "rollback: not checked, no earlier checkpoint is remembered")
    upto = view.up_to_witnessed()
    grown = "has only grown" if upto is view else f"has only grown up to size {upto.size}"
    return positive("append-only", SUBJECT, f"{grown}, say its witnesses", ", ".join(cosigners(upto.signed, policy)))
