"""The way up from a proof file to another log whose entries are checkpoints: a log of logs, and who witnesses that one.

A proof file may carry it (`above`). `verify-proof` reads its form and trusts nothing of it; whoever has the upper log's
key from elsewhere checks it here, with hashes alone (RFC 6962 section 2.1, https://c2sp.org/tlog-proof).
"""

import base64
import json
from collections.abc import Iterable

from remembrancer.errors import Rejected
from remembrancer.named import NamedTuple
from remembrancer.tlog.checkpoint import Checkpoint, NoteError
from remembrancer.tlog.key import VerifierKey
from remembrancer.tlog.merkle import ProofError, leaf_hash, verify_consistency, verify_inclusion
from remembrancer.tlog.note import SignedCheckpoint, parse_note
from remembrancer.verify.bundle import MAX_BYTES, Above, Portable, parse


class Climbed(NamedTuple):
    """What a way up proved: the origin and size of the lower log, and the upper checkpoint with its cosignatures."""

    origin: str
    size: int
    upper: SignedCheckpoint


def claimed(note: bytes) -> Checkpoint:
    """Return what a note says, whoever signed it. Raises Rejected(log.checkpoint)."""
    try:
        return Checkpoint.parse(parse_note(note)[0])
    except NoteError as error:
        raise Rejected("log.checkpoint", f"a checkpoint in the proof file is none: {error}") from None


def attach(data: bytes, above: Above) -> bytes:
    """Return a proof file with this way up in the place of an earlier one. Nothing is checked but the form.

    Raises BadInput(proof.malformed, proof.size), Rejected(proof.size).
    """
    parse(data)
    document = json.loads(data)
    document["above"] = {
        "checkpoint": above.checkpoint.decode(),
        "consistency": [base64.b64encode(part).decode() for part in above.consistency],
        "proof": above.proof.format().decode(),
    }
    made = (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    if len(made) > MAX_BYTES:
        raise Rejected("proof.size", "the proof would be larger than verify-proof accepts")
    return made


def climb(portable: Portable, keys: Iterable[VerifierKey]) -> Climbed:
    """Check the way from every receipt of a proof file up to the log that one of the keys signs.

    1. Each receipt is a leaf of the file's checkpoint.
    2. The entry above has the same origin, and its tree extends the file's (the same root, for one size).
    3. The entry's bytes are a leaf of the upper checkpoint, which one of the keys signed, as its name says; every
       cosignature by a key that is given holds.

    The lower log's signature is not asked for, nor what the receipts say: `verify-proof` does that under a policy.
    Raises Rejected(log.not-included, log.origin, log.rollback, log.split-view, log.checkpoint).
    """
    above = portable.above
    if above is None:
        remedy = "Ask who gave you the file for one with it: `aurora log prove ORIGIN --into FILE` adds it."
        raise Rejected("log.not-included", "the proof file carries no way up to another log", remedy)
    here, entry = claimed(portable.checkpoint), claimed(above.checkpoint)
    _receipts(portable, here)
    if entry.origin != here.origin:
        raise Rejected("log.origin", f"the way up is of {entry.origin}, and the proof is of {here.origin}")
    if entry.size < here.size:
        raise Rejected("log.rollback", f"the way up begins at size {entry.size}, and the proof has size {here.size}")
    try:
        verify_consistency(here.size, entry.size, above.consistency, here.root, entry.root)
    except ProofError as error:
        raise Rejected("log.split-view", f"the entry above does not extend the proof's checkpoint: {error}") from None
    origin = claimed(above.proof.checkpoint_note).origin
    known = tuple(keys)
    try:
        upper = above.proof.verify(leaf_hash(above.checkpoint), known, origin)
    except ProofError as error:
        raise Rejected("log.not-included", f"the checkpoint is no entry of {origin}: {error}") from None
    except NoteError as error:
        remedy = f"Compare --key with the verifier key that the operator of {origin} gives out."
        raise Rejected("log.checkpoint", f"the checkpoint of {origin} does not hold: {error}", remedy) from None
    return Climbed(here.origin, here.size, upper)


def _receipts(portable: Portable, here: Checkpoint) -> None:
    found = portable.evidence
    roles = (found.deploys, found.signs, found.timestamps, found.record_signs, found.signature_times)
    entries = [entry for role in roles for entry in role]
    if not entries:
        raise Rejected("log.not-included", "the proof file holds no receipt")
    for entry in entries:
        index = entry.index if entry.index is not None else here.size
        try:
            verify_inclusion(leaf_hash(entry.receipt.data), index, here.size, portable.proofs[index], here.root)
        except ProofError as error:
            raise Rejected("log.not-included", f"a receipt is not in the proof's checkpoint: {error}") from None
