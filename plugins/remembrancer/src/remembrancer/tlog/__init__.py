"""Transparency logs by the book (RFC 6962, C2SP): trees, tiles, notes, proofs, quorums. Pure functions over bytes.

A log is a list of entries and a key. Its checkpoint, a signed note, states the size and the root of the tree over them:

>>> from remembrancer.tlog import Checkpoint, SignerKey, leaf_hash, merkle_root, sign_note
>>> entries = [b"built 1.0.0", b"deployed 1.0.0", b"built 1.0.1"]
>>> key = SignerKey.generate("example.com/log")
>>> note = sign_note(Checkpoint(key.name, len(entries), merkle_root(entries)).format(), [key])
>>> public = str(key.verifier())

A proof that an entry is in the log travels without the log. Whoever got the public key elsewhere checks it offline:

>>> from remembrancer.tlog import InclusionBundle, VerifierKey, inclusion_proof
>>> proof = inclusion_proof(1, [leaf_hash(entry) for entry in entries])
>>> sent = InclusionBundle(1, tuple(proof), note).format()
>>> received, trusted = InclusionBundle.parse(sent), VerifierKey.parse(public)
>>> received.verify(leaf_hash(b"deployed 1.0.0"), [trusted], "example.com/log").checkpoint.size
3
>>> received.verify(leaf_hash(b"deployed 6.6.6"), [trusted], "example.com/log")
Traceback (most recent call last):
remembrancer.tlog.merkle.ProofError: ...

The log grows only at its end; a consistency proof shows that the old checkpoint is a prefix of the new one:

>>> from remembrancer.tlog import consistency_proof, verify_consistency
>>> longer = [*entries, b"rolled back to 1.0.0"]
>>> proof = consistency_proof(3, [leaf_hash(entry) for entry in longer])
>>> verify_consistency(3, 4, proof, merkle_root(entries), merkle_root(longer))
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.tlog.checkpoint import Checkpoint, NoteError
    from remembrancer.tlog.key import SignerKey, VerifierKey
    from remembrancer.tlog.merkle import (
        ProofError,
        consistency_proof,
        inclusion_proof,
        leaf_hash,
        verify_consistency,
        verify_inclusion,
    )
    from remembrancer.tlog.merkle import root as merkle_root
    from remembrancer.tlog.note import SignedCheckpoint, cosign, open_checkpoint, open_note, sign_note
    from remembrancer.tlog.proof import InclusionBundle
    from remembrancer.tlog.quorum import Quorum
    from remembrancer.tlog.quorum import parse as parse_quorum
    from remembrancer.tlog.tile import Tile, TileError
    from remembrancer.tlog.tree import TileTree, append
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "checkpoint": "Checkpoint, NoteError",
            "key": "SignerKey, VerifierKey",
            "merkle": "ProofError, consistency_proof, inclusion_proof, leaf_hash, root as merkle_root, "
            "verify_consistency, verify_inclusion",
            "note": "SignedCheckpoint, cosign, open_checkpoint, open_note, sign_note",
            "proof": "InclusionBundle",
            "quorum": "Quorum, parse as parse_quorum",
            "tile": "Tile, TileError",
            "tree": "TileTree, append",
        },
    )

__all__ = [
    "Checkpoint",
    "InclusionBundle",
    "NoteError",
    "ProofError",
    "Quorum",
    "SignedCheckpoint",
    "SignerKey",
    "Tile",
    "TileError",
    "TileTree",
    "VerifierKey",
    "append",
    "consistency_proof",
    "cosign",
    "inclusion_proof",
    "leaf_hash",
    "merkle_root",
    "open_checkpoint",
    "open_note",
    "parse_quorum",
    "sign_note",
    "verify_consistency",
    "verify_inclusion",
]
