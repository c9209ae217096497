"""C2SP tlog-proof: one text with an inclusion proof and the checkpoint that it leads to (https://c2sp.org/tlog-proof).

The proof travels without the repository: whoever has the entry's bytes, the origin and the log's key can check it
offline. Pure functions over bytes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from remembrancer.tlog.checkpoint import MAX_INT, NoteError, decode_base64, encode_base64
from remembrancer.tlog.merkle import HASH_SIZE, ProofError, verify_inclusion
from remembrancer.tlog.note import SignedCheckpoint, VerifierKey, open_checkpoint

MAX_PROOF = 2_000_000

_HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile("index (0|[1-9][0-9]{0,18})", re.ASCII)
_EXTRA_MARK = "extra "


@dataclass(frozen=True, slots=True)
class InclusionBundle:
    """A leaf's index from 0, its inclusion proof (32-byte hashes), the checkpoint note, and extra bytes (unsigned)."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint_note: bytes
    extra: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Return the bundle in a tlog-proof text; the note inside is not opened yet. Raises ProofError."""
        if len(data) > MAX_PROOF:
            raise ProofError(f"a tlog-proof has at most {MAX_PROOF} bytes, not {len(data)}")
        head, blank, checkpoint = data.partition(b"\n\n")
        if not blank or not checkpoint:
            raise ProofError("a tlog-proof has a checkpoint after a blank line")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise ProofError("the head of a tlog-proof is ASCII text") from None
        if lines.pop(0) != _HEADER:
            raise ProofError(f"a tlog-proof begins with {_HEADER}")
        extra = b""
        if lines and lines[0].startswith(_EXTRA_MARK):
            extra = _decode(lines.pop(0).removeprefix(_EXTRA_MARK))
            if not extra:
                raise ProofError("a tlog-proof leaves out an empty extra line")
        match = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if match is None or int(match[1]) > MAX_INT:
            raise ProofError("a tlog-proof has an index line with a decimal number")
        bundle = cls(int(match[1]), tuple(map(_decode, lines)), checkpoint, extra)
        bundle._check()
        return bundle

    def format(self) -> bytes:
        """Return the tlog-proof text. Raises ProofError when a hash or the index does not fit the format."""
        self._check()
        lines = [_HEADER]
        if self.extra:
            lines.append(_EXTRA_MARK + encode_base64(self.extra))
        lines += [f"index {self.index}", *map(encode_base64, self.proof), "", ""]
        return "\n".join(lines).encode() + self.checkpoint_note

    def verify(
        self,
        leaf_hash: bytes,
        verifiers: Iterable[VerifierKey],
        origin: str,
    ) -> SignedCheckpoint:
        """Check that the leaf with this 32-byte hash is in the log of this origin; returns the signed checkpoint.

        The verifiers are the origin's log keys and known witnesses; one log key must have signed, and every
        cosignature of a known witness must verify. Whether the cosignatures are enough is the caller's policy.
        Raises ProofError when the proof does not lead to the checkpoint's root, NoteError when the checkpoint is bad.
        """
        keys = tuple(verifiers)
        signed = open_checkpoint(self.checkpoint_note, origin, keys, keys)
        verify_inclusion(leaf_hash, self.index, signed.checkpoint.size, self.proof, signed.checkpoint.root)
        return signed

    def _check(self) -> None:
        if not 0 <= self.index <= MAX_INT:
            raise ProofError(f"not the index of a leaf: {self.index}")
        # A tree of 2**63 leaves has no longer proof.
        if len(self.proof) > MAX_INT.bit_length():
            raise ProofError(f"an inclusion proof has at most {MAX_INT.bit_length()} hashes, not {len(self.proof)}")
        if any(len(value) != HASH_SIZE for value in self.proof):
            raise ProofError(f"every hash of an inclusion proof has {HASH_SIZE} bytes")
        if not self.checkpoint_note:
            raise ProofError("a tlog-proof has a checkpoint")


def _decode(text: str) -> bytes:
    try:
        return decode_base64(text)
    except NoteError as error:
        raise ProofError(str(error)) from None
