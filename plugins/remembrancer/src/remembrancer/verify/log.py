"""A log as a verifier sees it: its checkpoint under the policy's keys, and proofs that are computed from its tiles.

Pure: file contents come from a reader that the caller passes in. Whatever the tiles say is checked against the
root that the log key signed, so a wrong tile can only make a proof fail.
"""

import hashlib
from datetime import datetime
from typing import Protocol

from remembrancer.clock import rfc3339
from remembrancer.errors import Rejected
from remembrancer.named import NamedTuple
from remembrancer.timestamp.model import Authority, TimestampFacts
from remembrancer.tlog import merkle, note
from remembrancer.tlog.note import NoteError, SignedCheckpoint
from remembrancer.tlog.tile import Reader, TileError
from remembrancer.tlog.tree import TileTree
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Policy, TimeAuthority

WITNESSED = "witnessed"
"""Where a ledger keeps its newest checkpoint with enough cosignatures."""


class Stamp(NamedTuple):
    """A timestamp of one checkpoint: its tree size, the authority's name in the policy, the log-signed note, the
    response."""

    size: int
    authority: str
    note: bytes
    response: bytes


class TreeSource(Protocol):
    """Where proofs come from: the tiles of a ledger, or a proof file. What it says is checked, never believed."""

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves."""
        ...

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the proof of a leaf under the whole tree, or under its first `size` leaves."""
        ...

    def consistency_proof(self, size1: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the first `size1` leaves are a prefix of the whole tree (or of its first `size`)."""
        ...


class Witnessed(NamedTuple):
    """The newest checkpoint of a log that enough witnesses have cosigned: the note's bytes, and what it says."""

    data: bytes
    signed: SignedCheckpoint

    @property
    def size(self) -> int:
        """The number of leaves that witnesses vouch for."""
        return self.signed.checkpoint.size


class LogView(NamedTuple):
    """An opened log: the signed note's bytes, what it says, the tree below it, and the ids of all the log's keys.

    `witnessed` is an older checkpoint where the newest one lacks witnesses that the policy requires: leaves beyond it
    are not vouched for. None: the newest one has what is required.
    """

    data: bytes
    signed: SignedCheckpoint
    tree: TreeSource
    key_ids: tuple[str, ...]
    witnessed: Witnessed | None = None

    @property
    def size(self) -> int:
        """The number of leaves that the checkpoint commits to."""
        return self.signed.checkpoint.size

    @property
    def root(self) -> bytes:
        """The root that the log key signed (32 bytes)."""
        return self.signed.checkpoint.root

    def includes(self, data: bytes, index: int, what: str) -> None:
        """Check that the tree has exactly these bytes as the leaf of this index.

        Raises Rejected(log.not-included, log.unwitnessed, log.tile, log.missing); `what` names the receipt in the
        sentence.
        """
        proof = proof_of(self, index)
        try:
            merkle.verify_inclusion(merkle.leaf_hash(data), index, self.size, proof, self.root)
        except merkle.ProofError as error:
            raise Rejected("log.not-included", f"{what} is not leaf {index} of the signed tree") from error
        self.refuse_unwitnessed(index, what)

    def refuse_unwitnessed(self, index: int, what: str) -> None:
        """Raise Rejected(log.unwitnessed) for a leaf that the policy's witnesses have not vouched for yet."""
        if self.witnessed and index >= self.witnessed.size:
            message = f"{what} is leaf {index}, and witnesses vouch for the first {self.witnessed.size} of {self.size}"
            raise Rejected("log.unwitnessed", message)

    def up_to_witnessed(self) -> "LogView":
        """Return the log as its witnesses vouch for it: itself, or what it was at the newest witnessed checkpoint."""
        if self.witnessed is None:
            return self
        return LogView(*self.witnessed, _Prefix(self.tree, self.witnessed.size), self.key_ids)


class _Prefix:
    """The tree of the first `size` leaves of a tree that can prove things about those too."""

    def __init__(self, tree: TreeSource, size: int) -> None:
        self._tree, self._size = tree, size

    def root(self, size: int) -> bytes:
        return self._tree.root(size)

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        return self._tree.inclusion_proof(index, size or self._size)

    def consistency_proof(self, size1: int, size: int | None = None) -> list[bytes]:
        return self._tree.consistency_proof(size1, size or self._size)


def proof_of(view: LogView, index: int) -> list[bytes]:
    """Return the inclusion proof of a leaf, unchecked. Raises Rejected(log.tile, log.missing, log.not-included)."""
    if not 0 <= index < view.size:
        raise Rejected("log.not-included", f"leaf {index} is beyond the tree of size {view.size}")
    try:
        return view.tree.inclusion_proof(index)
    except TileError as error:
        raise Rejected("log.tile", f"the ledger's {error}") from error
    except FileNotFoundError as error:
        raise Rejected("log.missing", f"the ledger's {error.args[-1]} is missing") from error


def open_checkpoint(data: bytes, policy: Policy, *, stamped: bool = False, witnessed: bool = True) -> SignedCheckpoint:
    """Return a checkpoint that every log key responsible for its size has signed and enough witnesses have cosigned.

    A `stamped` note, or any other one of the past, was kept as it was then: one responsible key is enough, because a
    later rotation may have made another one responsible too, and it may have no cosignatures. Without `witnessed`, as
    before anybody could cosign, the log's own keys are enough.

    Raises Rejected(log.checkpoint, log.key-range, log.unwitnessed).
    """
    keys = [log_key.key for log_key in policy.log_keys]
    try:
        signed = note.open_checkpoint(data, policy.origin, keys, policy.quorum.witnesses.values())
    except NoteError as error:
        raise Rejected("log.checkpoint", f"the checkpoint does not hold: {error}") from error
    size = signed.checkpoint.size
    needed = {log_key.key.key_id for log_key in policy.log_keys if log_key.covers(size)}
    by = {signature.key_id for signature in signed.signatures}
    if not (needed & by if stamped else needed and needed <= by):
        raise Rejected("log.key-range", f"the checkpoint of size {size} is not signed by every log key for that size")
    if not stamped and witnessed and not has_quorum(signed, policy):
        raise Rejected("log.unwitnessed", f"the checkpoint of size {size} lacks witnesses that the policy requires")
    return signed


def cosigners(signed: SignedCheckpoint, policy: Policy) -> list[str]:
    """Return the names of the policy's witnesses that have cosigned a checkpoint."""
    return policy.quorum.cosigned_by({(line.name, line.key_id) for line in signed.cosignatures})


def has_quorum(signed: SignedCheckpoint, policy: Policy) -> bool:
    """Say whether as many witnesses as the policy requires have cosigned a checkpoint."""
    return policy.quorum.satisfied_by(cosigners(signed, policy))


def open_log(data: bytes, read: Reader, policy: Policy) -> LogView:
    """Return the log below a checkpoint note; raises as `open_checkpoint` does.

    While the newest checkpoint lacks witnesses, the file `witnessed` beside it may hold an older one that has them and
    that the log continues: then the log is opened, and what is beyond that one is not vouched for.
    """
    signed = open_checkpoint(data, policy, witnessed=False)
    view = LogView(data, signed, TileTree(read, signed.checkpoint.size), key_ids(policy))
    if has_quorum(signed, policy):
        return view
    older = _witnessed(read, policy)
    if older is None or older.size > view.size:
        size = signed.checkpoint.size
        raise Rejected("log.unwitnessed", f"the checkpoint of size {size} lacks witnesses that the policy requires")
    if prefix_root(view, older.size) != older.signed.checkpoint.root:
        message = f"the log of size {view.size} contradicts the one of size {older.size} that its witnesses have seen"
        raise Rejected("log.split-view", message)
    return view._replace(witnessed=older)


def _witnessed(read: Reader, policy: Policy) -> Witnessed | None:
    """Return the newest checkpoint that was kept with its cosignatures; None where it is not there or not enough."""
    try:
        kept = read(WITNESSED)
    except FileNotFoundError:
        return None
    try:
        signed = open_checkpoint(kept, policy, stamped=True)
    except Rejected as error:
        raise Rejected(error.code, f"{WITNESSED}: {error.message}") from error
    return Witnessed(kept, signed) if has_quorum(signed, policy) else None


def key_ids(policy: Policy) -> tuple[str, ...]:
    """Return the ids of the keys that sign this log or have signed it: what each of them signed is of one log."""
    return tuple(log_key.key.key_id for log_key in policy.log_keys)


def authority_of(trusted: Trusted, name: str) -> tuple[Authority, TimeAuthority]:
    """Return an authority as the checks want it, with its roots' bytes; raises Rejected(time.unknown-authority,
    trust.key-file)."""
    listed = trusted.policy.authority(name)
    if listed is None:
        raise Rejected("time.unknown-authority", f"the policy lists no timestamp authority {name!r}")
    roots = tuple(trusted.material(root) for root in listed.roots)
    extra = tuple(trusted.material(certificate) for certificate in listed.intermediates)
    authority = Authority(
        name=listed.name,
        url=listed.url,
        roots=roots,
        policy_oids=listed.policy_oids,
        allow_ess_v1=listed.allow_ess_v1,
        self_asserted=listed.self_asserted,
        intermediates=extra,
    )
    return authority, listed


def check_token(
    trusted: Trusted, name: str, response: bytes, digest: bytes, nonce: int | None
) -> tuple[TimestampFacts, TimeAuthority]:
    """Check an RFC 3161 response over a SHA-256 digest by one of the policy's authorities; its term is not judged here.

    Raises Rejected with a `time.*` code.
    """
    from remembrancer.timestamp import checks  # noqa: PLC0415 - the heaviest import, and not every verdict needs it

    authority, listed = authority_of(trusted, name)
    return checks.check_response(response, digest, authority, nonce), listed


def check_stamp(view: LogView, stamp: Stamp, trusted: Trusted) -> tuple[TimestampFacts, TimeAuthority]:
    """Check a checkpoint's timestamp: the stamped note is a prefix of this log, and the token is over its signed
    bytes.

    Raises Rejected(log.checkpoint, log.split-view, log.tile, log.missing, time.*).
    """
    old = open_checkpoint(stamp.note, trusted.policy, stamped=True)
    if old.checkpoint.size != stamp.size or old.checkpoint.size > view.size:
        raise Rejected("log.checkpoint", f"the stamped checkpoint is of size {old.checkpoint.size}, not {stamp.size}")
    root = prefix_root(view, stamp.size)
    if root != old.checkpoint.root:
        raise Rejected("log.split-view", f"the stamped checkpoint of size {stamp.size} is of another tree")
    signed = note.log_signed_bytes(stamp.note, *(log_key.key for log_key in trusted.policy.log_keys))
    return check_token(trusted, stamp.authority, stamp.response, hashlib.sha256(signed).digest(), None)


def prefix_root(view: LogView, size: int) -> bytes:
    """Return the root of the first `size` leaves, proven against the signed root by a consistency proof.

    Raises Rejected(log.tile, log.missing, log.split-view).
    """
    if size == view.size:
        return view.root
    try:
        root = view.tree.root(size)
        if size:
            merkle.verify_consistency(size, view.size, view.tree.consistency_proof(size), root, view.root)
    except TileError as error:
        raise Rejected("log.tile", f"the ledger's {error}") from error
    except FileNotFoundError as error:
        raise Rejected("log.missing", f"the ledger's file {error.args[-1]} is missing") from error
    except merkle.ProofError as error:
        raise Rejected("log.tile", f"the tiles below size {size} do not belong to the signed tree") from error
    return root


def describe(when: datetime | None) -> str:
    """Return a time for people, or a dash."""
    return rfc3339(when) if when else "-"
