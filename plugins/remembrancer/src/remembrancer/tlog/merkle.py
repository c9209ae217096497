"""The RFC 6962 Merkle tree: roots, proofs and their verification.

Leaf hash ``SHA-256(0x00 || data)``, node hash ``SHA-256(0x01 || left || right)``, root of no entries ``SHA-256("")``
(RFC 6962 section 2.1; RFC 9162 section 2.1.3 to 2.1.5 for verification). Everything here is a pure function over bytes.

A proof is first planned as ranges of leaves and then filled with their roots, so that a list of leaf hashes (here) and
a folder of tiles (``tiles``) share one planner.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

# Wide enough to make the work around the hashes cheap, small enough to stay in the processor's cache.
_CHUNK = 4096


class ProofError(ValueError):
    """A proof does not hold, or does not have the only shape that it can have."""


def leaf_hash(data: bytes) -> bytes:
    """Return the 32-byte hash of a leaf with these bytes (RFC 6962 section 2.1)."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of an inner node over two 32-byte hashes (RFC 6962 section 2.1)."""
    return sha256(b"\1" + left + right).digest()


def root(entries: Iterable[bytes]) -> bytes:
    """Return the root over leaf data, read once and in order (RFC 6962 section 2.1).

    Chunks of a power of two are whole subtrees, so their roots form a tree of the same shape above them. Memory is one
    chunk plus one hash per finished chunk.
    """
    sha = sha256
    source = iter(entries)
    roots: list[bytes] = []
    while chunk := list(islice(source, _CHUNK)):
        whole = len(chunk) & ~3
        leaves = iter(chunk[:whole])
        # Two levels in one expression: intermediate hashes never reach a list (the benchmark's budget needs this).
        level = [
            sha(
                b"\1"
                + sha(b"\1" + sha(b"\0" + a).digest() + sha(b"\0" + b).digest()).digest()
                + sha(b"\1" + sha(b"\0" + c).digest() + sha(b"\0" + d).digest()).digest()
            ).digest()
            for a, b, c, d in zip(leaves, leaves, leaves, leaves, strict=True)
        ]
        if rest := [sha(b"\0" + data).digest() for data in chunk[whole:]]:
            level.append(root_of_hashes(rest))
        roots.append(root_of_hashes(level))
    return root_of_hashes(roots)


def root_of_hashes(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, or over roots of whole subtrees of one size and at most one smaller at the end.

    A node without a neighbour moves up unchanged, which gives the split of RFC 6962 section 2.1.
    """
    sha = sha256
    level = list(leaf_hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        lone = level[-1:] if len(level) & 1 else []
        nodes = iter(level[:-1] if lone else level)
        if (len(level) - len(lone)) & 3:
            level = [sha(b"\1" + a + b).digest() for a, b in zip(nodes, nodes, strict=True)]
        else:
            level = [
                sha(b"\1" + sha(b"\1" + a + b).digest() + sha(b"\1" + c + d).digest()).digest()
                for a, b, c, d in zip(nodes, nodes, nodes, nodes, strict=True)
            ]
        level += lone
    return level[0]


def parents(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the level above these nodes: one hash for each pair; a last node without a neighbour is left out."""
    sha = sha256
    pairs = iter(hashes[: len(hashes) & ~1])
    return [sha(b"\1" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Return the ranges ``[start, end)`` of leaves whose roots are the inclusion proof, from the leaf to the root.

    RFC 6962 section 2.1.1 (PATH). Raises ProofError when the index is not in the tree.
    """
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size}")
    start, end = 0, size
    ranges: list[tuple[int, int]] = []
    while end - start > 1:
        # The largest power of two below the width: the left side of every split is a whole subtree.
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    ranges.reverse()
    return ranges


def consistency_ranges(size1: int, size2: int) -> list[tuple[int, int]]:
    """Return the ranges ``[start, end)`` of leaves whose roots are the consistency proof, in the proof's order.

    RFC 6962 section 2.1.2 (SUBPROOF). Raises ProofError unless 1 <= size1 <= size2: every tree extends the empty one,
    so a proof from size 0 would prove nothing.
    """
    if not 1 <= size1 <= size2:
        raise ProofError(f"there is no consistency proof from size {size1} to {size2}")
    start, end = 0, size2
    ranges: list[tuple[int, int]] = []
    while end != size1:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if size1 <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, end))
    ranges.reverse()
    return ranges


def inclusion_proof(index: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """Return the inclusion proof of a leaf in the tree over these leaf hashes (RFC 6962 section 2.1.1).

    Raises ProofError when the index is not in the tree.
    """
    ranges = inclusion_ranges(index, len(leaf_hashes))
    return [root_of_hashes(leaf_hashes[start:end]) for start, end in ranges]


def consistency_proof(size1: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the tree over these leaf hashes extends its first ``size1`` (RFC 6962 section 2.1.2).

    Raises ProofError unless 1 <= size1 <= number of leaf hashes.
    """
    ranges = consistency_ranges(size1, len(leaf_hashes))
    return [root_of_hashes(leaf_hashes[start:end]) for start, end in ranges]


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf is at this index of the tree with this size and root (RFC 9162 section 2.1.3.2).

    Returns nothing; raises ProofError when it is not so.
    """
    _check_hashes(leaf_hash, root, *proof)
    # The ranges fix the length of the proof and the side of every hash in it.
    ranges = inclusion_ranges(index, size)
    if len(proof) != len(ranges):
        raise ProofError(f"an inclusion proof in a tree of {size} has {len(ranges)} hashes here, not {len(proof)}")
    sha = sha256
    node = leaf_hash
    for (start, _), sibling in zip(ranges, proof, strict=True):
        node = sha(b"\1" + node + sibling if index < start else b"\1" + sibling + node).digest()
    if node != root:
        raise ProofError(f"leaf {index} is not under this root of {size} leaves")


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Check that the tree with ``size2`` and ``root2`` extends the one with ``size1`` and ``root1``.

    RFC 9162 section 2.1.4.2. Returns nothing; raises ProofError when it is not so, and for size1 = 0.
    """
    ranges = consistency_ranges(size1, size2)
    if len(proof) != len(ranges):
        raise ProofError(f"a consistency proof from {size1} to {size2} has {len(ranges)} hashes, not {len(proof)}")
    if size1 == size2:
        if root1 != root2:
            raise ProofError(f"two different roots for one size of {size1} leaves")
        return
    _check_hashes(root1, root2, *proof)
    rest: Iterator[tuple[tuple[int, int], bytes]] = zip(ranges, proof, strict=True)
    # The walk begins at the last whole subtree of the old tree: a hash of the proof, or the old root itself.
    old = new = next(rest)[1] if ranges[0][1] == size1 else root1
    for (start, _), sibling in rest:
        if start < size1:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    if old != root1:
        raise ProofError(f"the proof does not lead to the root of {size1} leaves")
    if new != root2:
        raise ProofError(f"the proof does not lead to the root of {size2} leaves")


def _check_hashes(*hashes: bytes) -> None:
    for value in hashes:
        if len(value) != HASH_SIZE:
            raise ProofError(f"a hash has {HASH_SIZE} bytes, not {len(value)}")
