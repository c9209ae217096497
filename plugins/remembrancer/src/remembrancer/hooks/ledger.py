"""`check-ledger`: what is staged of the ledger continues the one in HEAD, and holds the receipts that it says.

A merge continues both sides: what the log's key has signed in a commit that HEAD reaches, the log has to answer for.
Only a side whose checkpoint the policy's keys did not sign may be left behind; its receipts are pending again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from remembrancer.errors import Rejected, RemembrancerError, counted
from remembrancer.findings import Finding
from remembrancer.hooks.archived import archived_by
from remembrancer.hooks.refusal import refusal
from remembrancer.hooks.staged import IRREGULAR, Change, Staged
from remembrancer.ledger.extra import is_ledger_file
from remembrancer.ledger.files import CHECKPOINT, LedgerFiles, damaged, is_live
from remembrancer.ledger.sealed import entries
from remembrancer.paths import LEDGER, POLICY, RECEIPTS
from remembrancer.receipt.statement import parse, relative_path
from remembrancer.tlog import merkle
from remembrancer.tlog.checkpoint import Checkpoint, NoteError
from remembrancer.tlog.tile import TileError
from remembrancer.trust import policy

CHECK = "check-ledger"
_NOTE = f"{LEDGER}/{CHECKPOINT}"
_TAKE = (
    "Rebase onto the published side instead of merging it (git rebase), leave the seals of your own side out, "
    "and run `remembrancer seal`."
)
_REVERTED = (
    "Take back what `git revert` has staged (git reset --merge), or the ledger (git restore --source=HEAD --staged "
    f"--worktree -- {RECEIPTS}), and record what happened instead."
)


@dataclass(frozen=True, slots=True)
class _Index(LedgerFiles):
    """The ledger's folder in Git's index."""

    staged: Staged

    def read(self, path: str) -> bytes:
        data = self.staged.file(f"{LEDGER}/{path}")
        if data is None:
            raise FileNotFoundError(path)
        return data


def check(staged: Staged, changes: Iterable[Change]) -> list[Finding]:
    """Return the refusals for what is staged. Raises EnvironmentTrouble(env.git)."""
    changes = list(changes)
    ours = [change for change in changes if change.path.startswith(f"{LEDGER}/")]
    if not ours and not staged.merging:
        return []
    archived = archived_by(staged, changes)
    try:
        return list(_check(staged, [change for change in ours if change.old not in archived], bool(archived)))
    except Rejected as error:
        reverted = error.code == "log.rollback" and not staged.merging
        return [refusal(CHECK, error.code, _NOTE, error.message, _REVERTED if reverted else error.remedy)]


def sealed_in(staged: Staged, receipts: set[bytes]) -> set[bytes]:
    """Return which of these receipts the ledger in the index has; all of them where HEAD has one and the index none.

    Raises Rejected for a ledger that cannot be read.
    """
    note = staged.file(_NOTE)
    if note is None:
        return set() if staged.read(f"HEAD:./{_NOTE}") is None else receipts
    found = entries(_Index(Path(staged.root), staged), 0, _claimed(note).size)
    return {entry for _, entry in found if entry in receipts}


def _check(staged: Staged, changes: list[Change], archived: bool) -> Iterator[Finding]:
    note = staged.file(_NOTE)
    if note is None:
        if changes:
            yield refusal(
                CHECK, "log.missing", _NOTE, "is removed, or files of a ledger are staged without it", _REVERTED
            )
        return
    new = _opened(staged, note)
    files = _Index(Path(staged.root), staged)
    if archived:
        _continues(files, None, new)
        base, changed = None, changes
    else:
        base, changed = _base(staged, files, new, changes)
    for change in changes:
        if change.status != "D" and change.mode in IRREGULAR:
            yield refusal(CHECK, "input.file", change.path, f"{change.path} is not a regular file")
    for change in changed:
        yield from _file(change, new.size)
    for change in changes:
        path = change.path.removeprefix(f"{LEDGER}/")
        if change.status != "D" and not is_ledger_file(path):
            remedy = f"Leave it out: git rm --cached {change.path}"
            yield refusal(CHECK, "log.extra-file", change.path, "no log has a file of this name", remedy)
    yield from _sealed(staged, files, base.size if base else 0, new.size)


def _opened(staged: Staged, note: bytes) -> Checkpoint:
    """Return the staged checkpoint, whose signature must hold under the staged policy; whom to trust is not asked."""
    text = staged.file(POLICY)
    if text is not None:
        from remembrancer.verify.log import open_checkpoint  # noqa: PLC0415 - cryptography, needed only where a seal is staged

        # who witnesses it can only do so once it is published
        return open_checkpoint(note, policy.parse(text), witnessed=False).checkpoint
    return _claimed(note)


def _claimed(note: bytes) -> Checkpoint:
    try:
        return Checkpoint.parse(note.decode().rpartition("\n\n")[0] + "\n")
    except (NoteError, UnicodeDecodeError) as error:
        raise Rejected("log.checkpoint", f"the checkpoint is malformed: {error}") from None


def _base(
    staged: Staged, files: _Index, new: Checkpoint, changes: list[Change]
) -> tuple[Checkpoint | None, list[Change]]:
    """Return the checkpoint that the new one continues, and what differs from its commit.

    Raises Rejected(log.rollback, log.split-view, log.origin, log.tile, log.missing).
    """
    troubles: list[Rejected] = []
    found: tuple[Checkpoint | None, list[Change]] | None = None
    for commit in ("HEAD", staged.merged):
        if not commit:
            continue
        data = staged.read(f"{commit}:./{_NOTE}")
        if data is None:
            if commit == "HEAD":
                _continues(files, None, new)
                found = None, changes
            continue
        old = _claimed(data)
        try:
            _continues(files, old, new)
        except Rejected as error:
            if staged.merged and _binds(staged, data):
                raise
            troubles.append(error)
            continue
        found = found or (old, changes if commit == "HEAD" else staged.changes(LEDGER, against=commit))
    if found is None:
        raise troubles[0]
    return found


def _binds(staged: Staged, note: bytes) -> bool:
    """Say whether a checkpoint is signed by a log key of the staged policy, which no merge may then contradict."""
    from remembrancer.verify.log import open_checkpoint  # noqa: PLC0415 - only where two sides have sealed

    text = staged.file("ops/trust/policy.toml")
    try:
        return text is not None and bool(open_checkpoint(note, policy.parse(text), stamped=True))
    except RemembrancerError:
        return False


def _continues(files: LedgerFiles, old: Checkpoint | None, new: Checkpoint) -> None:
    """Raise Rejected unless the staged tiles give the new root, and the old tree is a prefix of the new one."""
    tree = files.tree(new.size)
    if old is not None:
        if old.origin != new.origin:
            raise Rejected("log.origin", f"the ledger of {old.origin} cannot become that of {new.origin}")
        if new.size < old.size:
            raise Rejected(
                "log.rollback", f"the ledger shrinks from {old.size} to {counted(new.size, 'receipt')}", _TAKE
            )
    try:
        if tree.root() != new.root:
            raise Rejected("log.tile", "the staged tiles do not give the root that the checkpoint states")
        if old is None or old.size == 0:
            return
        proof = [] if old.size == new.size else tree.consistency_proof(old.size)
        merkle.verify_consistency(old.size, new.size, proof, old.root, new.root)
    except (TileError, FileNotFoundError) as error:
        raise damaged(error) from None
    except merkle.ProofError:
        message = (
            f"the ledger of {counted(new.size, 'receipt')} contradicts the committed one of {old.size if old else 0}"
        )
        raise Rejected("log.split-view", message, _TAKE) from None


def _file(change: Change, size: int) -> Iterator[Finding]:
    """A tile or timestamp that is committed stays, until a larger tile replaces it."""
    path = change.path.removeprefix(f"{LEDGER}/")
    restore = f"Take it back: git restore --source=HEAD --staged --worktree -- {change.path}"
    if path.startswith("tile/"):
        if change.status in "MT":
            yield refusal(CHECK, "log.tile", change.path, "is committed and never changes", restore)
        elif change.status == "D" and is_live(path, size):
            yield refusal(CHECK, "log.missing", change.path, f"is removed, but a ledger of {size} needs it", restore)
    elif path.startswith("timestamps/") and change.status != "A":
        yield refusal(CHECK, "log.stamp", change.path, "is evidence of when the ledger had a size; it stays", restore)


def _sealed(staged: Staged, files: _Index, start: int, size: int) -> Iterator[Finding]:
    """Every entry that the commit adds to the ledger is a receipt that the index has, byte for byte."""
    tree = files.tree(size)
    for number, entry in entries(files, start, size):
        try:
            path = f"{RECEIPTS}/{relative_path(parse(entry))}"
        except RemembrancerError as error:
            yield refusal(CHECK, error.code, f"{LEDGER} entry {number}", error.message)
            continue
        try:
            same = tree.leaf_hash(number) == merkle.leaf_hash(entry)
        except (TileError, FileNotFoundError) as error:
            raise damaged(error) from None
        if not same:
            yield refusal(CHECK, "log.tile", path, f"is entry {number}, but not leaf {number} of the tiles")
        there = staged.file(path)
        if there is None:
            remedy = f"Stage it too: git add {path}"
            yield refusal(CHECK, "receipt.missing", path, "is sealed, but not staged", remedy)
        elif there != entry:
            yield refusal(CHECK, "receipt.edited", path, "has other bytes than those that were sealed")
