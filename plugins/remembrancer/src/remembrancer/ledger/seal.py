"""Sealing: check every waiting receipt, put the good ones into the log in the order of their SHA-256, sign."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from remembrancer.errors import Refused, Rejected, RemembrancerError
from remembrancer.findings import Finding, Outcome
from remembrancer.ledger.file_storage import FileStorage
from remembrancer.ledger.files import CHECKPOINT, LedgerFiles, claimed, damaged
from remembrancer.ledger.git import Git
from remembrancer.ledger.pending import Found, Waiting, find, remember, written_here
from remembrancer.ledger.storage import Storage
from remembrancer.paths import LEDGER, LOCAL, RECEIPTS
from remembrancer.receipt.statement import Receipt, parse, relative_path
from remembrancer.repository.lock import exclusive
from remembrancer.repository.store import Store, refuse_other
from remembrancer.tlog.checkpoint import Checkpoint
from remembrancer.tlog.merkle import EMPTY_ROOT
from remembrancer.tlog.note import NoteError, SignerKey, VerifierKey, open_checkpoint, sign_note
from remembrancer.tlog.tile import TileError
from remembrancer.tlog.tree import append

Check = Callable[[Receipt], None]
"""A further check of a receipt before it is sealed; raises RemembrancerError to refuse it."""


_HELD = ("receipt.held", "receipt.waiting")


@dataclass(frozen=True, slots=True)
class SealResult:
    """What a seal did.

    The log has `size` entries with this `root` (32 bytes) and `note` is its checkpoint (empty while there is no
    ledger). `sealed` are the receipts that went in, in their order in the log. `refused` failed a check, `held`
    wait for something (open conflicts, a second signer), `late` are timestamps that the next seal asks for again.
    """

    size: int
    root: bytes
    note: bytes
    sealed: tuple[Path, ...]
    refused: tuple[Finding, ...]
    held: tuple[Finding, ...] = ()
    late: tuple[Finding, ...] = ()


def seal(
    root: Path,
    signers: Sequence[SignerKey],
    trusted: Sequence[VerifierKey] = (),
    written: Iterable[Path] = (),
    check: Check | None = None,
    *,
    begin: bool = False,
    storage: Storage | None = None,
    policy: str = "",
) -> SealResult:
    """Seal what is waiting in the repository at `root`; see `Ledger.seal`. `storage` keeps the log, else files do.

    `policy` is the SHA-256 (hex) of the policy that is sealed under; Refused(trust.policy-rollback) where the log
    records one that follows it.

    The order is that of docs/formats.md, "Sealing":

    1. Hold the repository's lock, and take away what a killed seal left.
    2. Open the checkpoint: a known key signed it, and its origin is the signers'.
    3. Find what is recorded and not in the log, and check every receipt; one that fails is refused by name.
    4. Order the others by the SHA-256 of their bytes, and extend the tree, whose old root must be the checkpoint's.
    5. Write the new tiles beside the old ones, so that both trees can be read.
    6. Replace the checkpoint: this is when the log grows.
    7. Take away the partial tiles that only the old tree needed, and bring the cache up to date.
    """
    store = LedgerFiles(root).store
    with exclusive(root) as local:
        log = storage or FileStorage(root, local)
        if log.note() is None:
            log.settle(0)  # what a killed first seal left must not look like a log
        keys = [*(signer.verifier() for signer in signers), *trusted]
        note, old = _current(root, log, signers[0].name, keys, begin=begin)
        log.settle(old.size)
        here = [*written_here(local), *(store.name(path) for path in written)]
        found = find(root, local, here, log)
        _refuse_older(found, policy)
        good, refused, held = _judge(store, found, check)
        if not good:
            remember(local, found, old, [])
            return SealResult(old.size, old.root, note or b"", (), refused, held)
        signed, new = _extend(log, note, old, [one.data for one in good], signers)
        remember(local, found, new, good)
        paths = tuple(store.receipts_dir / one.path for one in good)
        return SealResult(new.size, new.root, signed, paths, refused, held)


def try_seal(root: Path, trusted: Sequence[VerifierKey], check: Check | None = None, *, policy: str) -> SealResult:
    """Say what `seal` would do, without a key that signs and without writing anything.

    `size`, `root` and `note` of the result are those of the log as it is, `sealed` what would go in. Raises as `seal`.
    """
    local = root / LOCAL
    note, old = _current(root, FileStorage(root, local), trusted[0].name, trusted, begin=False)
    found = find(root, local, written_here(local))
    _refuse_older(found, policy)
    store = LedgerFiles(root).store
    good, refused, held = _judge(store, found, check)
    paths = tuple(store.receipts_dir / one.path for one in good)
    return SealResult(old.size, old.root, note or b"", paths, refused, held)


def _refuse_older(found: Found, policy: str) -> None:
    if policy and (newer := found.sealed.follower(policy)):
        version = parse(newer).predicate["policyVersion"]
        raise Refused("trust.policy-rollback", f"the log records policy version {version}, the one here is older")


def _extend(
    log: Storage, note: bytes | None, old: Checkpoint, entries: Sequence[bytes], signers: Sequence[SignerKey]
) -> tuple[bytes, Checkpoint]:
    """Append the entries behind the checkpoint `old`, whose note is `note`; return the new note and checkpoint."""
    try:
        growth = append(log.read, old.size, entries)
    except (TileError, FileNotFoundError) as error:
        raise damaged(error) from None
    if growth.old_root != old.root:
        raise Rejected(
            "log.tile",
            f"the tiles in {LEDGER} do not have the root of the checkpoint, so nothing was sealed",
        )
    new = Checkpoint(old.origin, growth.size, growth.root)
    signed = sign_note(new.format(), signers)
    try:
        log.put_new(growth.files, growth.obsolete)
        log.swap_checkpoint(note, signed)
    except BaseException:
        with suppress(RemembrancerError):
            now = claimed(log.note())
            log.settle(now.size if now else 0)
        raise
    log.settle(growth.size)
    return signed, new


def _current(
    root: Path, log: Storage, origin: str, trusted: Sequence[VerifierKey], *, begin: bool
) -> tuple[bytes | None, Checkpoint]:
    """Return the checkpoint that is to be extended, its signature verified; None and an empty one for a new log."""
    note = log.note()
    if note is None:
        git = Git(root)
        if log.begun() or (not begin and git.within() and git.has(f"{LEDGER}/{CHECKPOINT}")):
            raise Rejected(
                "log.missing", f"{LEDGER}/{CHECKPOINT} is missing, so nothing was sealed", "Restore it from Git."
            )
        return None, Checkpoint(origin, 0, EMPTY_ROOT)
    said = claimed(note)
    if said is not None and said.origin != origin:
        raise Refused("log.origin", f"this key signs for {origin}, but the ledger's origin is {said.origin}")
    try:
        signed = open_checkpoint(note, origin, dict.fromkeys(trusted))
    except NoteError as error:
        raise Rejected("log.checkpoint", f"{LEDGER}/{CHECKPOINT} does not hold: {error}") from None
    return note, signed.checkpoint


def _judge(
    store: Store, found: Found, check: Check | None
) -> tuple[list[Waiting], tuple[Finding, ...], tuple[Finding, ...]]:
    """Return what can be sealed, in log order, and a finding for everything that cannot."""
    good: dict[str, Waiting] = {}
    refused: list[Finding] = []
    held: list[Finding] = []
    taken = found.sealed.named(one.path for one in found.waiting if one.path.startswith("deploy/"))
    for one in found.waiting:
        try:
            receipt = _checked(store, taken.get(one.path), one)
            if receipt.held:
                held.append(_finding(one, Rejected("receipt.held", "the update still has open conflicts")))
                continue
            if check is not None:
                check(receipt)
        except RemembrancerError as error:
            (held if error.code in _HELD else refused).append(_finding(one, error))
        else:
            good[sha256(one.data).hexdigest()] = one
    order = [good[digest] for digest in sorted(good)]
    return order, tuple(refused), tuple(held)


def _checked(store: Store, first: bytes | None, one: Waiting) -> Receipt:
    """Return a waiting receipt after every check that needs no trust: form, place, blobs, uniqueness.

    `first` is the deploy receipt that the log already holds under the same file name.
    """
    if one.trouble is not None:
        raise one.trouble
    receipt = parse(one.data)
    if (right := relative_path(receipt)) != one.path:
        raise Rejected("receipt.path", f"it belongs at {RECEIPTS}/{right}")
    for digest in receipt.blobs:
        store.read_blob(digest)
    if first is not None:
        refuse_other(parse(first), receipt)
        raise Rejected("receipt.conflict", "this version is already sealed by another receipt with the same digest")
    return receipt


def _finding(one: Waiting, error: RemembrancerError) -> Finding:
    outcome = Outcome.UNVERIFIABLE if error.code in _HELD else Outcome.FAILED
    return Finding("seal", outcome, error.code, f"{RECEIPTS}/{one.path}", error.message, error.remedy)
