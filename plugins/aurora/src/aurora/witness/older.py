"""Is what a witness remembers older than what it cosigned? Its own cosignature on a newer checkpoint shows that.

A database from a backup, or a branch that was set back, would cosign a fork of what came after it. What a witness has
cosigned lies in the ledgers of others, and comes back to it with what they submit and publish.
"""

from collections.abc import Sequence
from contextlib import suppress

from aurora.foreign.snapshot import Snapshot
from remembrancer.ledger.files import WITNESSED
from remembrancer.paths import LEDGER
from remembrancer.tlog import Checkpoint, NoteError, VerifierKey, open_note


def cosigned(note: bytes, keys: Sequence[VerifierKey]) -> Checkpoint | None:
    """Return the checkpoint of a note that one of a witness's own keys has cosigned, None for any other note."""
    try:
        return Checkpoint.parse(open_note(note, keys).text)
    except NoteError:
        return None


def is_older(size: int, root: bytes, note: bytes, keys: Sequence[VerifierKey]) -> bool:
    """Say whether a witness that remembers this size and root of a log has cosigned another or a longer tree of it."""
    own = cosigned(note, keys)
    return own is not None and (own.size > size or (own.size == size and own.root != root))


def published(source: Snapshot) -> list[bytes]:
    """Return the checkpoints that a repository publishes: the newest, and the newest witnessed one."""
    found = [source.note()]
    with suppress(FileNotFoundError):
        found.append(source.file(f"{LEDGER}/{WITNESSED}"))
    return [note for note in found if note is not None]
