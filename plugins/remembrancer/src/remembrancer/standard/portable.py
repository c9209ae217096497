"""A portable answer to "which standard built this?": one file with receipts, their inclusion proofs and manifests.

A third party brings the files, the policy and its owner's fingerprint, and needs neither history nor network. An
inclusion proof shows what is in a log, never that something is not. So the file also holds every entry behind the
generation that it begins with (the oldest of the newest ones): they and the left half of that one's proof give the
signed root, and none of them can be left out. What the log received after that checkpoint only the log can show.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Sequence

from remembrancer.errors import BadInput, Rejected, counted
from remembrancer.named import NamedTuple
from remembrancer.receipt.statement import Receipt, parse
from remembrancer.standard.drift import current
from remembrancer.standard.proven import KINDS, Blob, Recorded, Sifted
from remembrancer.tlog.merkle import ProofError, inclusion_ranges, leaf_hash, root_of_hashes, verify_inclusion
from remembrancer.tlog.proof import InclusionBundle
from remembrancer.trust.policy import Policy
from remembrancer.verify.log import LogView, key_ids, open_checkpoint, proof_of

SCHEMA = "https://vaultmesh.cloud/schema/standard-proof/v2"
PARTIAL = "https://vaultmesh.cloud/schema/standard-proof/v1"
"""Without the entries that follow: such a file leaves open whether its generations are the newest."""
MAX_BYTES = 16 << 20


class Item(NamedTuple):
    """A receipt's bytes, and its tlog-proof."""

    receipt: bytes
    proof: bytes


class StandardProof(NamedTuple):
    """What the file holds: receipts with proofs under one checkpoint, and blobs by their SHA-256 (hex).

    `following` are the entries behind the newest one of these receipts, to the end of the log; None where they are left
    out.
    """

    items: tuple[Item, ...]
    blobs: dict[str, bytes]
    following: tuple[bytes, ...] | None = None

    def blob(self, digest: str) -> bytes:
        """Return a blob; raises Rejected(blob.missing)."""
        if digest not in self.blobs:
            raise Rejected("blob.missing", f"the proof file does not hold the blob {digest}")
        return self.blobs[digest]

    def view(self, policy: Policy) -> LogView:
        """Return the log that the file's checkpoint is of, of which it connects nothing; raises as opening one does."""
        note = InclusionBundle.parse(self.items[0].proof).checkpoint_note
        return LogView(note, open_checkpoint(note, policy), _Unconnected(), key_ids(policy))

    def recorded(self, policy: Policy) -> Recorded:
        """Return the receipts that the file proves under a policy.

        Raises Rejected(log.not-included) for a receipt whose proof does not hold, or entries that are not those which
        follow it, and as opening a checkpoint does.
        """
        proven: list[tuple[Receipt, int]] = []
        size = 0
        last = InclusionBundle.parse(self.items[0].proof)
        for item in self.items:
            bundle = InclusionBundle.parse(item.proof)
            signed = open_checkpoint(bundle.checkpoint_note, policy).checkpoint
            one = parse(item.receipt)
            try:
                verify_inclusion(leaf_hash(item.receipt), bundle.index, signed.size, bundle.proof, signed.root)
            except ProofError as error:
                raise Rejected("log.not-included", f"the receipt {one.digest} is not proven: {error}") from error
            proven.append((one, bundle.index))
            size = signed.size
            last = bundle if bundle.index >= last.index else last
        if self.following is None:
            return Recorded(tuple(proven), size, complete=False)
        if any((one.kind == "waiver") == (index == last.index) for one, index in proven):
            # otherwise a newer generation could lie between one that is shown and what follows
            message = "the entries that follow do not begin behind the only generation that the proof shows"
            raise Rejected("proof.incomplete", message)
        _check_following(last, size, self.following)
        sifted = Sifted()
        for one, index in sorted(proven, key=lambda pair: pair[1]):
            sifted.see(index, one.data)
        for index, entry in enumerate(self.following, last.index + 1):
            sifted.see(index, entry)
        return Recorded(sifted.found(), size, sifted.seals)


def _check_following(last: InclusionBundle, size: int, following: Sequence[bytes]) -> None:
    """Check that these are all entries behind a proven leaf: the right halves of its proof are the roots over them.

    RFC 6962 section 2.1.1: the ranges to the right of a leaf's path are all that follows it. Raises
    Rejected(log.not-included).
    """
    if len(following) != size - last.index - 1:
        message = f"{counted(len(following), 'entry', 'entries')} do not follow leaf {last.index} in a log of {size}"
        raise Rejected("log.not-included", message)
    hashes = [leaf_hash(entry) for entry in following]
    begin = last.index + 1
    for (start, end), sibling in zip(inclusion_ranges(last.index, size), last.proof, strict=True):
        if start >= begin and root_of_hashes(hashes[start - begin : end - begin]) != sibling:
            raise Rejected("log.not-included", f"the entries {start} to {end - 1} are not those of the log")


class _Unconnected:
    """A tree of which nothing but its root is known."""

    def root(self, size: int) -> bytes:
        """Raise FileNotFoundError, as the other two."""
        raise FileNotFoundError(f"root of size {size}")

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:  # noqa: ARG002 - it has none
        raise FileNotFoundError(f"proof of leaf {index}")

    def consistency_proof(self, size1: int, size: int | None = None) -> list[bytes]:  # noqa: ARG002 - as above
        raise FileNotFoundError(f"consistency proof of size {size1}")


def export(recorded: Recorded, view: LogView, blob: Blob, entries: Callable[[int], Iterable[bytes]]) -> bytes:
    """Return the proof file of the newest generation of each layer and of every waiver, in one deterministic form.

    `entries(start)` gives the log's entries from there on. Raises Rejected(drift.unrecorded) where there is no
    generation.
    """
    newest = {one.leaf for one in current(recorded.generations(blob)).values()}
    if not newest:
        raise Rejected("drift.unrecorded", "no receipt states that a standard was ever applied here")
    # of what may be one seal the order of leaves says nothing, so all of it is shown
    first = min(recorded.seals.get(leaf, leaf) for leaf in newest)
    items = []
    blobs: dict[str, bytes] = {}
    for receipt, index in recorded.receipts:
        if index == first or (receipt.kind == "waiver" and index < first):
            bundle = InclusionBundle(index, tuple(proof_of(view, index)), view.data)
            items.append(Item(receipt.data, bundle.format()))
        if index >= first:
            blobs.update({digest: blob(digest) for digest in receipt.blobs})
    whole = _encode(StandardProof(tuple(items), blobs, tuple(entries(first + 1))))
    return whole if len(whole) <= MAX_BYTES else _partial(recorded, view, blob, newest)


def _partial(recorded: Recorded, view: LogView, blob: Blob, newest: Collection[int]) -> bytes:
    """The same without what follows, where that is too much for a file."""
    items = []
    blobs: dict[str, bytes] = {}
    for receipt, index in recorded.receipts:
        if receipt.kind == "waiver" or index in newest:
            bundle = InclusionBundle(index, tuple(proof_of(view, index)), view.data)
            items.append(Item(receipt.data, bundle.format()))
            blobs.update({digest: blob(digest) for digest in receipt.blobs})
    return _encode(StandardProof(tuple(items), blobs))


def _encode(proof: StandardProof) -> bytes:
    document = {
        "schema": PARTIAL if proof.following is None else SCHEMA,
        "receipts": [{"receipt": one.receipt.decode(), "proof": one.proof.decode()} for one in proof.items],
        "blobs": {digest: base64.b64encode(data).decode() for digest, data in proof.blobs.items()},
        **({} if proof.following is None else {"following": [one.decode() for one in proof.following]}),
    }
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read(data: bytes) -> StandardProof:
    """Return what a proof file holds; no proof of it is checked yet.

    Raises BadInput(proof.malformed, proof.size) for anything that `export` would not have written.
    """
    if len(data) > MAX_BYTES:
        raise BadInput("proof.size", f"the proof file is larger than {MAX_BYTES} bytes")
    try:
        document = json.loads(data.decode("utf-8"))
        items = tuple(Item(one["receipt"].encode(), one["proof"].encode()) for one in document["receipts"])
        blobs = {digest: base64.b64decode(text) for digest, text in document["blobs"].items()}
        following = document.get("following")
        proof = StandardProof(items, blobs, None if following is None else tuple(one.encode() for one in following))
        notes = {InclusionBundle.parse(one.proof).checkpoint_note for one in items}
        kinds = {parse(one.receipt).kind for one in items}
        canonical = _encode(proof) == data
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError, Rejected) as error:
        raise BadInput("proof.malformed", f"the proof file cannot be read: {str(error)[:200]}") from None
    if not canonical or len(notes) != 1 or not kinds <= set(KINDS):
        raise BadInput("proof.malformed", "the proof file is not what `drift --export` writes")
    if any(hashlib.sha256(content).hexdigest() != digest for digest, content in blobs.items()):
        raise BadInput("proof.malformed", "the proof file has a blob that is not what its name says")
    return proof
