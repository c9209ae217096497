"""The ledger as the rest of the package meets it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from remembrancer.errors import EnvironmentTrouble
from remembrancer.ledger.files import LedgerFiles
from remembrancer.ledger.git import Git
from remembrancer.ledger.pending import find, remember, written_here
from remembrancer.ledger.sealed import entries, find_leaf
from remembrancer.paths import LOCAL
from remembrancer.repository.lock import exclusive
from remembrancer.tlog.checkpoint import Checkpoint
from remembrancer.tlog.merkle import EMPTY_ROOT
from remembrancer.tlog.tree import TileTree

if TYPE_CHECKING:  # cryptography and the process pool are only loaded by what needs them
    from remembrancer.ledger.audit import AuditResult, Collect, Progress
    from remembrancer.ledger.seal import Check, SealResult
    from remembrancer.ledger.stamps import Stamp
    from remembrancer.tlog.note import SignerKey, VerifierKey


class Ledger:
    """The log of the repository at `root`. Nothing here trusts the checkpoint's signature but `seal`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = LedgerFiles(root)

    def checkpoint(self) -> bytes | None:
        """Return the checkpoint's bytes (a signed note), or None when there is no ledger."""
        return self.files.note()

    def claimed(self) -> Checkpoint | None:
        """Return what the checkpoint says, unverified. Raises Rejected `log.checkpoint` when it is malformed."""
        return self.files.claimed()

    def read(self, path: str) -> bytes:
        """Return a file of the ledger (this is a tiles.Reader); raises FileNotFoundError."""
        return self.files.read(path)

    def tree(self) -> TileTree:
        """Return the tree of the size that the checkpoint claims; its proofs are to be verified by the caller."""
        claimed = self.files.claimed()
        return self.files.tree(claimed.size if claimed else 0)

    def entries(self, start: int = 0, size: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield (number, bytes) of the entries from `start`, a bundle at a time; raises Rejected naming the file."""
        return entries(self.files, start, self.tree().size if size is None else size)

    def index_of(self, data: bytes) -> int | None:
        """Return the leaf number of a receipt's bytes, or None; the caller proves it with the tree.

        Asks the local cache first and looks through the lowest tiles when that does not help.
        """
        return find_leaf(self.files, self.root / LOCAL, self.tree().size, data)

    def pending(self, written: Iterable[Path] = (), *, kept: bool = True) -> list[Path]:
        """Return the receipts that are committed in HEAD, or recorded here, and not in the log.

        The cost depends on what changed since the last seal or call, not on the ledger. Nothing is written for the
        next call unless it is `kept`: a copy that goes away has none. Raises Rejected for a damaged ledger,
        EnvironmentTrouble for I/O and Git.
        """
        store = self.files.store
        if not store.receipts_dir.is_dir():
            return []
        more = [store.name(path) for path in written]
        with ExitStack() as stack:
            try:
                local = stack.enter_context(exclusive(self.root, patience=0)) if kept else None
            except EnvironmentTrouble:  # a read-only clone, or a seal in progress: the answer is the same
                local = None
            found = find(self.root, self.root / LOCAL, [*written_here(self.root / LOCAL), *more])
            base = found.sealed.base
            if local is not None and not more and (base is None or found.sealed.recent or base.tree != found.tree):
                claimed = self.files.claimed() or Checkpoint("", 0, EMPTY_ROOT)
                remember(local, found, claimed, [])
        return sorted(store.receipts_dir / one.path for one in found.waiting)

    def uncommitted(self) -> list[Path]:
        """Return the receipts that are new or changed on disk since HEAD; costs what `git status` costs."""
        git, store = Git(self.root), self.files.store
        return sorted(store.receipts_dir / path for path in git.uncommitted()) if git.within() else []

    def audit(
        self,
        size: int,
        collect: "Collect | None" = None,
        jobs: int | None = None,
        progress: "Progress | None" = None,
    ) -> "AuditResult":
        """Re-read everything and recompute the root of the first `size` entries; see `ledger.audit.audit`."""
        from remembrancer.ledger.audit import audit  # noqa: PLC0415

        return audit(self.root, size, collect, jobs, progress)

    def seal(
        self,
        signer: "SignerKey | Sequence[SignerKey]",
        stamps: "Mapping[str, Stamp] | None" = None,
        *,
        trusted: "Sequence[VerifierKey]" = (),
        written: Iterable[Path] = (),
        check: "Check | None" = None,
        begin: bool = False,
        policy: str = "",
    ) -> "SealResult":
        """Append every pending receipt that passes its checks and sign the new checkpoint with every `signer`.

        The keys' name is the origin. The old checkpoint must be signed by one of them or of `trusted` (earlier keys
        of the same origin). `stamps` maps an authority's name to a function from the bytes to stamp to its checked
        response; one that fails leaves `time.pending` in the result's `late`, and the next seal asks again.
        `written` are receipts that count although they are neither committed nor recorded with this store,
        `check` is a further check of each receipt, and `begin` allows a first checkpoint although HEAD still has
        one (after archiving it). `policy` (SHA-256 hex) must not be older than one that the log records. Raises Refused
        `log.origin` `trust.policy-rollback`, Rejected for a damaged ledger, EnvironmentTrouble.
        """
        from remembrancer.ledger import seal as sealing  # noqa: PLC0415
        from remembrancer.ledger.stamps import stamp  # noqa: PLC0415
        from remembrancer.tlog.note import SignerKey  # noqa: PLC0415

        signers = [signer] if isinstance(signer, SignerKey) else list(signer)
        result = sealing.seal(self.root, signers, trusted, written, check, begin=begin, policy=policy)
        if not result.note or not stamps:
            return result
        keys = list(dict.fromkeys([*(one.verifier() for one in signers), *trusted]))
        return replace(result, late=stamp(self.root, result.note, result.size, keys, stamps))

    def try_seal(self, trusted: "Sequence[VerifierKey]", check: "Check | None" = None, *, policy: str) -> "SealResult":
        """Say what `seal` would do; nothing is signed or written. Raises as `seal` does."""
        from remembrancer.ledger.seal import try_seal  # noqa: PLC0415

        return try_seal(self.root, trusted, check, policy=policy)
