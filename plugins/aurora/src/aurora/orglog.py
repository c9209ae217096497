"""A log of logs: its leaves are the signed checkpoints of an organisation's repositories.

Whoever witnesses this one log has seen all of them: a repository's checkpoint is a leaf here, and each was checked
against the leaf before it, so that a repository that forked is refused by name instead of being included twice. The log
lies under ops/receipts/ledger of its own repository, as every ledger does, so that it can be mirrored and witnessed.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from aurora.evidence import Evidence
from aurora.logs import Log
from aurora.source import Forked, check_extends, open_log, signed
from remembrancer.errors import BadInput, Refused, Rejected, RemembrancerError
from remembrancer.ledger.file_storage import FileStorage
from remembrancer.ledger.files import LedgerFiles, claimed, damaged
from remembrancer.ledger.storage import LogSource, Storage
from remembrancer.repository.lock import exclusive
from remembrancer.tlog import (
    Checkpoint,
    InclusionBundle,
    NoteError,
    ProofError,
    SignerKey,
    TileError,
    TileTree,
    append,
    leaf_hash,
    sign_note,
    verify_consistency,
    verify_inclusion,
)
from remembrancer.tlog.merkle import EMPTY_ROOT
from remembrancer.tlog.note import open_checkpoint
from remembrancer.verify import Above, attach_above, parse_portable

_UPDATE = "`aurora log update` makes the log, in a Git repository of its own; fetch the whole of it if it is somewhere."


class Entered(NamedTuple):
    """What became of one repository: its origin and size, and the leaf that holds it (None: nothing new)."""

    name: str
    origin: str
    size: int
    leaf: int | None


class Failed(NamedTuple):
    """A repository that was refused, and why."""

    name: str
    error: RemembrancerError


class Update(NamedTuple):
    """What one update did, and the size of the log after it."""

    entered: tuple[Entered, ...]
    failed: tuple[Failed, ...]
    size: int


class Leaf(NamedTuple):
    """The newest leaf of one origin."""

    number: int
    checkpoint: Checkpoint
    note: bytes


def update(root: Path, key: SignerKey, logs: Mapping[str, Log], sources: Mapping[str, LogSource]) -> Update:
    """Enter the newest checkpoint of every source (by its name) and sign the longer log, which lies at `root`.

    One repository that is refused stops none of the others. Raises Rejected(log.checkpoint, log.tile, log.missing) when
    the log of logs itself does not hold, Refused(log.origin) for a key of another log, EnvironmentTrouble.
    """
    with exclusive(root) as local:
        storage = FileStorage(root, local)
        note, old = _current(storage, key)
        storage.settle(old.size)
        newest = leaves(storage, old.size, logs)
        entered: list[Entered] = []
        failed: list[Failed] = []
        entries: list[bytes] = []
        for name, source in sources.items():
            try:
                one = _enter(name, source, logs, newest, old.size + len(entries))
            except RemembrancerError as error:
                failed.append(Failed(name, error))
                continue
            entered.append(one)
            if one.leaf is not None:
                entries.append(newest[one.origin].note)
        if entries:
            _extend(storage, note, old, entries, key)
        return Update(tuple(entered), tuple(failed), old.size + len(entries))


def leaves(source: LogSource, size: int, logs: Mapping[str, Log]) -> dict[str, Leaf]:
    """Return the newest leaf of every origin, reading all entries; each was checked when it was entered."""
    found: dict[str, Leaf] = {}
    tree = TileTree(source.read, size)
    try:
        for number in range(size):
            data = tree.entry(number)
            checkpoint = claimed(data)
            if checkpoint is not None and checkpoint.origin in logs:
                found[checkpoint.origin] = Leaf(number, checkpoint, data)
    except (TileError, FileNotFoundError) as error:
        raise damaged(error) from None
    return found


def prove(root: Path, logs: Mapping[str, Log], origin: str) -> tuple[Leaf, InclusionBundle]:
    """Return the newest leaf of an origin and the tlog-proof that it is in the log at `root`, as it is signed now.

    Raises Rejected(log.not-included, log.missing, log.tile, log.checkpoint).
    """
    files = LedgerFiles(root)
    note, here = files.note(), files.claimed()
    if note is None or here is None:
        raise Rejected("log.missing", f"{root} has no log", _UPDATE)
    leaf = leaves(files, here.size, logs).get(origin)
    if leaf is None:
        raise Rejected("log.not-included", f"no checkpoint of {origin} is in {here.origin}")
    try:
        return leaf, InclusionBundle(leaf.number, tuple(files.tree(here.size).inclusion_proof(leaf.number)), note)
    except (TileError, FileNotFoundError) as error:
        raise damaged(error) from None


def above(root: Path, log: Log, data: bytes, fetch: Callable[[str], LogSource]) -> bytes:
    """Return a proof file with the way up from its checkpoint to the log at `root`, checked on the way.

    The entry is the first checkpoint of `log` that is not smaller than the file's. If it is larger, `fetch` has to
    return what the log's URL publishes, whose tiles prove that the one extends the other.

    Raises BadInput(proof.malformed, proof.size, witness.logs), Rejected(log.origin, log.not-included, log.split-view,
    log.missing, log.tile, log.checkpoint, proof.size), EnvironmentTrouble.
    """
    here = claimed(parse_portable(data).checkpoint)
    if here is None or here.origin != log.origin:
        raise Rejected("log.origin", f"the proof file is not of {log.origin}")
    files = LedgerFiles(root)
    note, upper = files.note(), files.claimed()
    if note is None or upper is None:
        raise Rejected("log.missing", f"{root} has no log", _UPDATE)
    tree = files.tree(upper.size)
    try:
        leaf = _first(tree, upper.size, here)
        bundle = InclusionBundle(leaf.number, tuple(tree.inclusion_proof(leaf.number)), note)
        between: tuple[bytes, ...] = ()
        if leaf.checkpoint.size > here.size:
            if not log.url:
                raise BadInput("witness.logs", f"{log.origin} has no URL, and its tiles are needed")
            below = TileTree(fetch(log.url).read, leaf.checkpoint.size)
            between = tuple(below.consistency_proof(here.size))
        verify_consistency(here.size, leaf.checkpoint.size, between, here.root, leaf.checkpoint.root)
        _check_entry(leaf, bundle, upper)
    except (TileError, FileNotFoundError) as error:
        raise damaged(error) from None
    except ProofError as error:
        raise Rejected(
            "log.split-view", f"leaf {leaf.number} does not extend the proof's checkpoint: {error}"
        ) from None
    return attach_above(data, Above(leaf.note, between, bundle))


def _check_entry(leaf: Leaf, bundle: InclusionBundle, upper: Checkpoint) -> None:
    try:
        verify_inclusion(leaf_hash(leaf.note), leaf.number, upper.size, bundle.proof, upper.root)
    except ProofError as error:
        raise Rejected("log.tile", f"the tiles of {upper.origin} do not belong to its checkpoint: {error}") from None


def _first(tree: TileTree, size: int, here: Checkpoint) -> Leaf:
    """Return the first leaf that holds a checkpoint of this origin and no smaller size."""
    for number in range(size):
        note = tree.entry(number)
        checkpoint = claimed(note)
        if checkpoint is not None and checkpoint.origin == here.origin and checkpoint.size >= here.size:
            return Leaf(number, checkpoint, note)
    how = "Run `aurora log update` after the repository has published its checkpoint, then try again."
    raise Rejected("log.not-included", f"no checkpoint of {here.origin} of size {here.size} or more is in the log", how)


def _enter(name: str, source: LogSource, logs: Mapping[str, Log], newest: dict[str, Leaf], number: int) -> Entered:
    log = open_log(source, name, logs)
    origin, size = log.checkpoint.origin, log.checkpoint.size
    last = newest.get(origin)
    if last:
        seen, *_ = signed(last.note, f"leaf {last.number}", logs)
        check_extends(log, seen, last.note)
        if seen.size == size:
            return Entered(name, origin, size, None)
    else:
        check_extends(log, None)
    newest[origin] = Leaf(number, log.checkpoint, log.note)
    return Entered(name, origin, size, number)


def _current(storage: Storage, key: SignerKey) -> tuple[bytes | None, Checkpoint]:
    note = storage.note()
    if note is None:
        if storage.begun():
            raise Rejected("log.missing", "the checkpoint of the log of logs is missing", "Restore it from Git.")
        return None, Checkpoint(key.name, 0, EMPTY_ROOT)
    here = claimed(note)
    if here is not None and here.origin != key.name:
        raise Refused("log.origin", f"this key signs for {key.name}, but the log's origin is {here.origin}")
    try:
        return note, open_checkpoint(note, key.name, [key.verifier()]).checkpoint
    except NoteError as error:
        raise Rejected("log.checkpoint", f"the checkpoint of the log of logs does not hold: {error}") from None


def _extend(storage: Storage, note: bytes | None, old: Checkpoint, entries: Sequence[bytes], key: SignerKey) -> None:
    try:
        growth = append(storage.read, old.size, entries)
    except (TileError, FileNotFoundError) as error:
        raise damaged(error) from None
    if growth.old_root != old.root:
        raise Rejected("log.tile", "the tiles of the log of logs do not have the root of its checkpoint")
    longer = sign_note(Checkpoint(old.origin, growth.size, growth.root).format(), [key])
    try:
        storage.put_new(growth.files, growth.obsolete)
        storage.swap_checkpoint(note, longer)
    except BaseException:
        with suppress(RemembrancerError):
            now = claimed(storage.note())
            storage.settle(now.size if now else 0)
        raise
    storage.settle(growth.size)


def evidence(failed: Failed) -> Evidence | None:
    """Return what proves a fork to anybody, None for any other refusal."""
    return failed.error.evidence if isinstance(failed.error, Forked) else None
