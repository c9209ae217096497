"""The one commit that may remove what is recorded: closing a development ledger moves it into the archive."""

from collections import defaultdict
from collections.abc import Iterable

from remembrancer.hooks.staged import Change, Staged
from remembrancer.paths import RECEIPTS

_CHECKPOINT = f"{RECEIPTS}/ledger/checkpoint"
_ARCHIVE = f"{RECEIPTS}/archive/"
_DEVELOPMENT = b"dev.invalid/"


def archived_by(staged: Staged, changes: Iterable[Change]) -> set[str]:
    """Return the blobs that this commit moves into an archive.

    Closing a development ledger does that, and only that counts: the archive must hold HEAD's own checkpoint, and its
    origin must be a development one.
    """
    folders: defaultdict[str, set[str]] = defaultdict(set)
    checkpoint = ""
    for change in changes:
        if change.status == "A" and change.path.startswith(_ARCHIVE):
            folders[change.path.removeprefix(_ARCHIVE).partition("/")[0]].add(change.new)
        elif change.path == _CHECKPOINT and change.status in "MD":
            checkpoint = change.old
    moved = set().union(*(held for held in folders.values() if checkpoint in held))
    return moved if moved and (staged.read(checkpoint) or b"").startswith(_DEVELOPMENT) else set()
