"""Is the log append-only? Compared with a checkpoint that the auditor brings, and with those in the repository's
own history."""

from remembrancer.errors import Rejected, RemembrancerError
from remembrancer.findings import Finding, Outcome
from remembrancer.logview import LogView, open_checkpoint, prefix_root
from remembrancer.policy import Policy
from remembrancer.recall import SUBJECT
from remembrancer.repository import Repository
from remembrancer.verify import negative, positive

MOST_COMMITS = 10_000


def since(view: LogView, data: bytes, policy: Policy) -> Finding:
    """Compare the log with a signed checkpoint that the auditor kept: the log must extend it."""
    try:
        old = open_checkpoint(data, policy).checkpoint
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
    """Compare the log with every checkpoint on HEAD's first-parent history that the policy's keys signed.

    Returns the finding (None when there is nothing to compare with) and a notice for what cannot be known.
    """
    listed = repository.git(
        "log", "--first-parent", f"--max-count={MOST_COMMITS}", "--format=%H", "HEAD", "--", SUBJECT
    )
    if listed is None or listed.returncode:
        return None, "no Git history: earlier checkpoints were not compared"
    commits = listed.stdout.decode().split()
    shallow = repository.git("rev-parse", "--is-shallow-repository")
    notice = ""
    if shallow is not None and shallow.stdout.strip() == b"true":
        notice = "this clone is shallow: checkpoints before its first commit were not compared"
    sizes: dict[int, bytes] = {}
    for note in _blobs(repository, commits):
        try:
            old = open_checkpoint(note, policy).checkpoint
            sizes[old.size] = old.root
            _extends(view, old.size, old.root, "a committed checkpoint")
        except Rejected as error:
            if error.code in ("log.rollback", "log.split-view", "log.tile", "log.missing"):
                return negative("history", SUBJECT, error), notice
    if not sizes:
        return None, notice
    return positive("history", SUBJECT, f"extends {len(sizes)} committed checkpoints"), notice


def _blobs(repository: Repository, commits: list[str]) -> list[bytes]:
    if not commits:
        return []
    asked = "".join(f"{commit}:./{SUBJECT}\n" for commit in commits).encode()
    done = repository.git("cat-file", "--batch", data=asked)
    found: list[bytes] = []
    rest = done.stdout if done else b""
    while rest:
        head, _, rest = rest.partition(b"\n")
        fields = head.split(b" ")
        if len(fields) == 3 and fields[1] == b"blob" and fields[2].isdigit():
            size = int(fields[2])
            found.append(rest[:size])
            rest = rest[size + 1 :]
    return found


def not_checked() -> Finding:
    """The finding that says openly that nothing older was there to compare with."""
    return Finding(
        "append-only",
        Outcome.VERIFIED,
        "append-only.ok",
        SUBJECT,
        "rollback: not checked, no earlier checkpoint is remembered; from now on this one is",
    )
