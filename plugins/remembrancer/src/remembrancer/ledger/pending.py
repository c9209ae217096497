"""Finding the receipts that are recorded but not in the log, at a cost that does not grow with the log.

Candidates are what differs between the Git tree of the last snapshot and HEAD's, what was left open then, and what
record commands wrote here since. Each one is looked up by the hash of its bytes. Without a snapshot (right after a
clone) one pass over the entry bundles and one listing of HEAD's tree find the same; without Git, a scan of all files.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from remembrancer.errors import Rejected
from remembrancer.ledger.files import LedgerFiles, claimed
from remembrancer.ledger.git import Git, blob_id, is_receipt
from remembrancer.ledger.index import Index, Snapshot
from remembrancer.ledger.sealed import Sealed, entries, keys_of
from remembrancer.ledger.storage import LogSource
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import MAX_BYTES
from remembrancer.repository.lock import SCRATCH, WRITTEN
from remembrancer.repository.store import Store
from remembrancer.system.files import put, read_regular
from remembrancer.tlog.checkpoint import Checkpoint
from remembrancer.tlog.merkle import EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class Waiting:
    """A receipt that is not in the log: its path relative to ops/receipts/, its blob id in HEAD ("" when it is not
    committed), its bytes, and why it cannot be read (then the bytes are empty).
    """

    path: str
    blob: str
    data: bytes
    trouble: Rejected | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What is waiting, what the log holds, HEAD's tree ("" for none), and committed receipts without a file here."""

    sealed: Sealed
    tree: str
    waiting: tuple[Waiting, ...]
    absent: dict[str, str]

    def still_open(self, done: Iterable[str] = ()) -> dict[str, str]:
        """Return the committed receipts (path to blob id) that stay outside the log when `done` go into it."""
        gone = set(done)
        left = {one.path: one.blob for one in self.waiting if one.blob and one.path not in gone}
        return {**left, **self.absent}


def find(root: Path, local: Path, written: Iterable[str] = (), log: LogSource | None = None) -> Found:
    """Return what is waiting in the repository at `root`, whose local folder is `local`.

    `written` are receipts that count although they are not committed; `log` is where the log is read, by default the
    ledger's files. Raises Rejected for a damaged ledger,
    EnvironmentTrouble for I/O and Git.
    """
    files, git = LedgerFiles(root), Git(root)
    log, store = log or files, files.store
    now = claimed(log.note())
    size, root_hash = (now.size, now.root) if now else (0, EMPTY_ROOT)
    sealed = Sealed(log, Index(local), size, root_hash)
    tree = ""
    if git.within():
        tree = git.tree()
        candidates = _committed(git, tree, log, sealed)
    else:
        candidates = dict.fromkeys(store.receipts(), "")
    for path in written:
        candidates.setdefault(path, "")
    waiting, absent = _unsealed(store, git, sealed, candidates)
    return Found(sealed, tree, waiting, absent)


def _committed(git: Git, tree: str, log: LogSource, sealed: Sealed) -> dict[str, str]:
    """Return the receipts of HEAD that may not be in the log."""
    if not tree:
        return {}
    base = sealed.base
    if base is not None and base.tree:
        changes = {} if base.tree == tree else git.changes(base.tree, tree)
        if changes is not None:
            return {path: blob for path, blob in {**base.open, **changes}.items() if blob}
    known = {bytes.fromhex(blob_id(entry, tree)) for _, entry in entries(log, 0, sealed.size)}
    return {path: blob for path, blob in git.listing(tree) if bytes.fromhex(blob) not in known}


def _unsealed(
    store: Store, git: Git, sealed: Sealed, candidates: dict[str, str]
) -> tuple[tuple[Waiting, ...], dict[str, str]]:
    read: list[Waiting] = []
    folder = str(store.receipts_dir)
    absent: dict[str, str] = {}
    for path, blob in candidates.items():
        try:
            data = read_regular(f"{folder}/{path}", MAX_BYTES)
        except FileNotFoundError:
            if blob:
                absent[path] = blob
            continue
        except Rejected as error:
            read.append(Waiting(path, blob, b"", error))
            continue
        if blob and len(data) <= MAX_BYTES and blob_id(data, blob) != blob:
            committed = git.blob(blob)
            message = f"{RECEIPTS}/{path} has other bytes on disk than in HEAD."
            read.append(Waiting(path, blob, committed, Rejected("receipt.edited", message)))
        else:
            read.append(Waiting(path, blob, data))
    known = sealed.leaves(one.data for one in read if one.data)
    return tuple(one for one in read if one.data not in known), absent


def written_here(local: Path) -> list[str]:
    """Return the receipts that record commands wrote in this work tree and no seal has taken up since."""
    try:
        text = read_regular(local / WRITTEN).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [path for path in dict.fromkeys(text.splitlines()) if is_receipt(path) and ".." not in path.split("/")]


def remember(local: Path, found: Found, now: Checkpoint, good: Sequence[Waiting]) -> None:
    """Bring the cache up to the log as it is now, and forget what record commands had noted."""
    sealed = found.sealed
    paths = {one.path for one in good}
    places = dict(sealed.recent)
    for number, one in enumerate(good, sealed.size):
        places.update(dict.fromkeys(keys_of(one.data), number))
    snapshot = Snapshot(now.size, now.root, found.tree, found.still_open(paths))
    if places or sealed.base != snapshot:
        Index(local).save(snapshot, sealed.after, places)
    keep = [one.path for one in found.waiting if not one.blob and one.path not in paths]
    put(local, {WRITTEN: "".join(f"{path}\n" for path in keep).encode()}, local / SCRATCH)
