"""The RFC 6962 tree against a naive one, and proofs that must not hold."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remembrancer.tlog import merkle
from tlog_support import naive_root, numbered

ENTRIES = numbered(700)
HASHES = [merkle.leaf_hash(entry) for entry in ENTRIES]
ROOTS = [merkle.root_of_hashes(HASHES[:size]) for size in range(601)]

sizes = st.integers(min_value=1, max_value=600)


def test_root_equals_the_naive_tree_at_every_size_up_to_600() -> None:
    for size in range(601):
        assert merkle.root(ENTRIES[:size]) == naive_root(ENTRIES[:size]) == ROOTS[size]


@pytest.mark.parametrize("size", [1023, 4095, 4096, 4097, 4099, 8192, 8193, 8197, 12291, 65535, 65536, 65537])
def test_root_equals_the_naive_tree_around_chunk_and_tile_boundaries(size: int) -> None:
    entries = numbered(size)
    assert merkle.root(entries) == naive_root(entries)


def test_root_reads_any_iterable_once_and_in_order() -> None:
    def source() -> Iterator[bytes]:
        yield from ENTRIES[:321]

    assert merkle.root(source()) == ROOTS[321]
    assert merkle.root(iter(())) == merkle.EMPTY_ROOT == ROOTS[0]


@given(st.lists(st.binary(max_size=100), max_size=70))
def test_root_of_any_entries(entries: list[bytes]) -> None:
    assert merkle.root(entries) == naive_root(entries)


def test_a_leaf_is_never_mistaken_for_a_node() -> None:
    left, right = HASHES[:2]
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)
    assert merkle.root([b"\x01" + left + right]) != merkle.node_hash(left, right)


def test_every_inclusion_proof_up_to_65_leaves_holds_only_at_its_index() -> None:
    for size in range(1, 66):
        for index in range(size):
            proof = merkle.inclusion_proof(index, HASHES[:size])
            merkle.verify_inclusion(HASHES[index], index, size, proof, ROOTS[size])
            for other in {index ^ 1, index + 1, size - 1 - index} - {index}:
                with pytest.raises(merkle.ProofError):
                    merkle.verify_inclusion(HASHES[index], other, size, proof, ROOTS[size])


def test_every_consistency_proof_up_to_65_leaves_holds() -> None:
    for size2 in range(1, 66):
        for size1 in range(1, size2 + 1):
            proof = merkle.consistency_proof(size1, HASHES[:size2])
            merkle.verify_consistency(size1, size2, proof, ROOTS[size1], ROOTS[size2])


@given(st.data(), sizes)
def test_a_changed_inclusion_proof_is_refused(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, HASHES[:size])
    merkle.verify_inclusion(HASHES[index], index, size, proof, ROOTS[size])
    for changed in _mutations(data, proof):
        with pytest.raises(merkle.ProofError):
            merkle.verify_inclusion(HASHES[index], index, size, changed, ROOTS[size])
    with pytest.raises(merkle.ProofError):
        merkle.verify_inclusion(_flip(data, HASHES[index]), index, size, proof, ROOTS[size])
    with pytest.raises(merkle.ProofError):
        merkle.verify_inclusion(HASHES[index], index, size, proof, _flip(data, ROOTS[size]))


@given(st.data(), sizes, sizes)
def test_a_changed_consistency_proof_is_refused(data: st.DataObject, one: int, other: int) -> None:
    size1, size2 = sorted((one, other))
    proof = merkle.consistency_proof(size1, HASHES[:size2])
    root1, root2 = ROOTS[size1], ROOTS[size2]
    merkle.verify_consistency(size1, size2, proof, root1, root2)
    for changed in _mutations(data, proof):
        with pytest.raises(merkle.ProofError):
            merkle.verify_consistency(size1, size2, changed, root1, root2)
    with pytest.raises(merkle.ProofError):
        merkle.verify_consistency(size1, size2, proof, _flip(data, root1), root2)
    with pytest.raises(merkle.ProofError):
        merkle.verify_consistency(size1, size2, proof, root1, _flip(data, root2))


@given(st.data(), sizes)
def test_a_rewritten_history_has_no_consistency_proof(data: st.DataObject, size2: int) -> None:
    size1 = data.draw(st.integers(1, size2))
    changed = data.draw(st.integers(0, size1 - 1))
    rewritten = [*HASHES[:changed], merkle.leaf_hash(b"another"), *HASHES[changed + 1 : size2]]
    proof = merkle.consistency_proof(size1, rewritten)
    with pytest.raises(merkle.ProofError):
        merkle.verify_consistency(size1, size2, proof, ROOTS[size1], merkle.root_of_hashes(rewritten))


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (5, 4), (0, 0), (0, -1), (1 << 70, 1 << 69)])
def test_an_index_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(merkle.ProofError):
        merkle.verify_inclusion(HASHES[0], index, size, [], ROOTS[1])
    with pytest.raises(merkle.ProofError):
        merkle.inclusion_ranges(index, size)


@pytest.mark.parametrize(("size1", "size2"), [(0, 0), (0, 5), (6, 5), (-1, 5), (1, -1)])
def test_sizes_without_a_consistency_proof_are_refused(size1: int, size2: int) -> None:
    with pytest.raises(merkle.ProofError):
        merkle.verify_consistency(size1, size2, [], ROOTS[0], ROOTS[0])
    with pytest.raises(merkle.ProofError):
        merkle.consistency_ranges(size1, size2)


def test_bytes_cannot_move_between_a_root_and_its_neighbour() -> None:
    proof = merkle.consistency_proof(256, HASHES[:300])
    root1, first = ROOTS[256], proof[0]
    with pytest.raises(merkle.ProofError):
        merkle.verify_consistency(256, 300, [first[1:], *proof[1:]], root1 + first[:1], ROOTS[300])
    with pytest.raises(merkle.ProofError):
        merkle.verify_inclusion(HASHES[0] + HASHES[1][:1], 0, 2, [HASHES[1][1:]], ROOTS[2])


def test_a_proof_in_a_huge_tree_is_as_long_as_the_path() -> None:
    assert len(merkle.inclusion_ranges((1 << 63) - 2, (1 << 63) - 1)) <= 63
    assert merkle.inclusion_ranges(0, 1) == []


def test_neighbouring_sizes_have_different_roots() -> None:
    assert all(one != other for one, other in pairwise(ROOTS))


def _flip(data: st.DataObject, value: bytes) -> bytes:
    position = data.draw(st.integers(0, len(value) * 8 - 1))
    changed = bytearray(value)
    changed[position // 8] ^= 1 << position % 8
    return bytes(changed)


def _mutations(data: st.DataObject, proof: list[bytes]) -> Iterator[list[bytes]]:
    """One bit flipped, a hash cut, left out, added at either end, or swapped with its neighbour."""
    yield [*proof, HASHES[650]]
    yield [HASHES[650], *proof]
    if not proof:
        return
    at = data.draw(st.integers(0, len(proof) - 1))
    yield [*proof[:at], _flip(data, proof[at]), *proof[at + 1 :]]
    yield [*proof[:at], proof[at][:-1], *proof[at + 1 :]]
    yield [*proof[:at], *proof[at + 1 :]]
    if at:
        yield [*proof[: at - 1], proof[at], proof[at - 1], *proof[at + 1 :]]
