"""A portable answer to "which standard built this?": one file with receipts, their inclusion proofs and manifests.

A third party brings the files, the policy and its owner's fingerprint, and needs neither history nor network. The file
proves what was recorded up to its checkpoint. That nothing newer exists only the log itself can show.
"""

import base64
import hashlib
import json
from typing import NamedTuple

from remembrancer.errors import BadInput, Rejected
from remembrancer.receipt.statement import Receipt, parse
from remembrancer.standard.drift import current
from remembrancer.standard.proven import KINDS, Blob, Recorded
from remembrancer.tlog.merkle import ProofError, leaf_hash, verify_inclusion
from remembrancer.tlog.proof import InclusionBundle
from remembrancer.trust.policy import Policy
from remembrancer.verify.log import LogView, key_ids, open_checkpoint, proof_of

SCHEMA = "https://vaultmesh.cloud/schema/standard-proof/v1"
MAX_BYTES = 16 << 20


class Item(NamedTuple):
    """A receipt's bytes, and its tlog-proof."""

    receipt: bytes
    proof: bytes


class StandardProof(NamedTuple):
    """What the file holds: receipts with proofs under one checkpoint, and blobs by their SHA-256 (hex)."""

    items: tuple[Item, ...]
    blobs: dict[str, bytes]

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

        Raises Rejected(log.not-included) for a receipt whose proof does not hold, and as opening a checkpoint does.
        """
        proven: list[tuple[Receipt, int]] = []
        size = 0
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
        return Recorded(tuple(proven), size)


class _Unconnected:
    """A tree of which nothing but its root is known."""

    def root(self, size: int) -> bytes:
        """Raise FileNotFoundError, as the other two."""
        raise FileNotFoundError(f"root of size {size}")

    def inclusion_proof(self, index: int) -> list[bytes]:
        raise FileNotFoundError(f"proof of leaf {index}")

    def consistency_proof(self, size1: int) -> list[bytes]:
        raise FileNotFoundError(f"consistency proof of size {size1}")


def export(recorded: Recorded, view: LogView, blob: Blob) -> bytes:
    """Return the proof file of the newest generation of each layer and of every waiver, in one deterministic form."""
    newest = {one.receipt.digest for one in current(recorded.generations(blob)).values()}
    items = []
    blobs: dict[str, bytes] = {}
    for receipt, index in recorded.receipts:
        if receipt.kind == "waiver" or receipt.digest in newest:
            bundle = InclusionBundle(index, tuple(proof_of(view, index)), view.data)
            items.append(Item(receipt.data, bundle.format()))
            blobs.update({digest: blob(digest) for digest in receipt.blobs})
    return _encode(StandardProof(tuple(items), blobs))


def _encode(proof: StandardProof) -> bytes:
    document = {
        "schema": SCHEMA,
        "receipts": [{"receipt": one.receipt.decode(), "proof": one.proof.decode()} for one in proof.items],
        "blobs": {digest: base64.b64encode(data).decode() for digest, data in proof.blobs.items()},
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
        proof = StandardProof(items, blobs)
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
