"""A log that somebody publishes, opened under the keys that its reader knows, and compared with what was seen of it.

Witnesses, mirrors and logs of logs ask the same two things: is this the log's own word, and does it extend that one?
"""

from collections.abc import Mapping
from typing import NamedTuple

from aurora.evidence import Evidence, Prefix
from aurora.logs import Log
from remembrancer.errors import Rejected
from remembrancer.ledger.storage import LogSource
from remembrancer.tlog import Checkpoint, NoteError, ProofError, TileError, TileTree, open_note, verify_consistency
from remembrancer.tlog.tile import Reader


class Forked(Rejected):
    """A log contradicts what was seen of it: `log.split-view`, with what proves it to anybody."""

    def __init__(self, message: str, evidence: Evidence) -> None:
        super().__init__("log.split-view", message)
        self.evidence = evidence


class OpenLog(NamedTuple):
    """A log under known keys: its checkpoint, the whole note, the note with the log's own lines, and its tiles."""

    checkpoint: Checkpoint
    published: bytes
    note: bytes
    text: str
    read: Reader

    @property
    def tree(self) -> TileTree:
        """The tree of the checkpoint's size, as trustworthy as the tiles are."""
        return TileTree(self.read, self.checkpoint.size)


def open_log(source: LogSource, name: str, logs: Mapping[str, Log]) -> OpenLog:
    """Open what a source publishes; `name` says in messages where that is.

    Raises Rejected(log.missing, log.origin, log.checkpoint), EnvironmentTrouble.
    """
    data = source.note()
    if data is None:
        raise Rejected("log.missing", f"{name} has no ledger")
    return OpenLog(*signed(data, name, logs), source.read)


def signed(data: bytes, name: str, logs: Mapping[str, Log]) -> tuple[Checkpoint, bytes, bytes, str]:
    """Return checkpoint, whole note, the note with the log's own lines, and text, once a known key has signed it.

    Raises Rejected(log.origin, log.checkpoint).
    """
    try:
        origin = Checkpoint.parse(data.decode().rpartition("\n\n")[0] + "\n").origin
        log = logs.get(origin)
        opened = open_note(data, log.keys) if log else None
    except (NoteError, UnicodeDecodeError) as error:
        raise Rejected("log.checkpoint", f"the checkpoint of {name} does not hold: {error}") from None
    if opened is None:
        raise Rejected("log.origin", f"{name} is the log {origin}, of which no key is known here")
    note = (opened.text + "\n" + "".join(line.line for line in opened.signatures)).encode()
    return Checkpoint.parse(opened.text), data, note, opened.text


def check_extends(log: OpenLog, seen: Checkpoint | None, note: bytes = b"") -> None:
    """Check that a log extends a checkpoint that was seen of it, whose signed note is `note`; None: nothing was seen.

    Raises Rejected(log.rollback) for a shorter log, Forked for one that has another root at that size, Rejected(
    log.tile, log.missing) when its tiles do not belong to its checkpoint.
    """
    new = log.checkpoint
    if seen and new.size < seen.size:
        raise Rejected("log.rollback", f"{new.origin} has size {new.size}, but size {seen.size} was seen before")
    prefix = _prefix(log, seen.size if seen else 0)
    if seen and prefix.root != seen.root:
        between = prefix if seen.size < new.size else None
        message = f"{new.origin} forked: its size {seen.size} has another root than the one that was seen before"
        raise Forked(message, Evidence(new.origin, (note, log.note), between))


def _prefix(log: OpenLog, size: int) -> Prefix:
    """Return the root that the log has at an earlier size, proven under the one that it signed."""
    origin, new = log.checkpoint.origin, log.checkpoint
    if new.size == size:
        return Prefix(size, new.root, ())
    tree = log.tree
    try:
        root, proof = tree.root(size), tuple(tree.consistency_proof(size)) if size else ()
        if size:
            verify_consistency(size, new.size, proof, root, new.root)
        whole = size or tree.root() == new.root
    except FileNotFoundError as error:
        raise Rejected("log.missing", f"{error.args[-1]} of {origin} is missing") from None
    except (TileError, ProofError) as error:
        raise Rejected("log.tile", f"the tiles of {origin} do not belong to its checkpoint: {error}") from None
    if not whole:
        raise Rejected("log.tile", f"the tiles of {origin} have another root than its checkpoint")
    return Prefix(size, root, proof)
