"""`ledger.proofs`: every proof of the definition is accepted, and every change to one is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import hashing, merkle, proofs
from ledger.errors import VerificationError
from tests import reference

LEAVES = [bytes([n]) * (n % 5) + b"leaf" for n in range(70)]
HASHES = [reference.leaf(leaf) for leaf in LEAVES]
ROOTS = [reference.mth(LEAVES[:size]) for size in range(len(LEAVES) + 1)]


def refused(attempt: object, *arguments: object) -> str:
    """Return the rule by which `attempt` refuses the arguments."""
    assert callable(attempt)
    with pytest.raises(VerificationError) as caught:
        attempt(*arguments)
    return caught.value.rule


# --- inclusion --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(1, 70))
def test_every_inclusion_proof_holds(size: int) -> None:
    for index in range(size):
        path = reference.path(index, LEAVES[:size])
        proofs.verify_inclusion(HASHES[index], index, size, path, ROOTS[size])
        proofs.verify_inclusion(HASHES[index], index, size, tuple(path), ROOTS[size])
        assert proofs.root_from_inclusion(HASHES[index], index, size, path) == ROOTS[size]


@st.composite
def inclusions(draw: st.DrawFn) -> tuple[bytes, int, int, list[bytes], bytes]:
    size = draw(st.integers(1, len(LEAVES)))
    index = draw(st.integers(0, size - 1))
    return HASHES[index], index, size, reference.path(index, LEAVES[:size]), ROOTS[size]


def flipped(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


BITS = st.integers(0, 255)


@given(inclusions(), st.data())
def test_every_change_to_an_inclusion_proof_is_refused(
    valid: tuple[bytes, int, int, list[bytes], bytes], data: st.DataObject
) -> None:
    leaf, index, size, path, root = valid
    bit = data.draw(BITS)
    mismatch = "proof.root-mismatch"
    assert refused(proofs.verify_inclusion, flipped(leaf, bit), index, size, path, root) == mismatch
    assert refused(proofs.verify_inclusion, leaf, index, size, path, flipped(root, bit)) == mismatch
    for position in range(len(path)):
        changed = [*path[:position], flipped(path[position], bit), *path[position + 1 :]]
        assert refused(proofs.verify_inclusion, leaf, index, size, changed, root) == mismatch
        dropped = path[:position] + path[position + 1 :]
        assert refused(proofs.verify_inclusion, leaf, index, size, dropped, root) == "proof.length"
    for position in range(len(path) + 1):
        longer = [*path[:position], data.draw(st.sampled_from([leaf, root, bytes(32)])), *path[position:]]
        assert refused(proofs.verify_inclusion, leaf, index, size, longer, root) == "proof.length"
    for position in range(len(path) - 1):
        swapped = [*path[:position], path[position + 1], path[position], *path[position + 2 :]]
        assert refused(proofs.verify_inclusion, leaf, index, size, swapped, root) == mismatch
    for other in range(size):
        if other != index:
            rule = refused(proofs.verify_inclusion, leaf, other, size, path, root)
            assert rule in (mismatch, "proof.length")


@given(inclusions(), st.integers(0, 2**63 - 1))
def test_a_proof_for_another_size_is_refused_where_the_way_differs(
    valid: tuple[bytes, int, int, list[bytes], bytes], other: int
) -> None:
    """RFC 9162 binds a proof to the size by the root; alone it binds the way up only. So the verdict may be None for
    another size with the very same way, but never for one with another way.
    """
    leaf, index, size, path, root = valid

    def way(tree: int) -> tuple[int, str]:
        inner = (index ^ (tree - 1)).bit_length()
        return len(merkle.inclusion_nodes(index, tree)), f"{index & ((1 << inner) - 1):0{inner}b}"

    if index >= other:
        assert refused(proofs.verify_inclusion, leaf, index, other, path, root) == "proof.index"
    elif way(other) != way(size):
        rule = refused(proofs.verify_inclusion, leaf, index, other, path, root)
        assert rule in ("proof.root-mismatch", "proof.length")


@given(inclusions())
def test_an_inner_node_is_not_a_leaf(valid: tuple[bytes, int, int, list[bytes], bytes]) -> None:
    """Stepping in one level higher, with the parent in place of the leaf, has the wrong length at any index."""
    leaf, index, size, path, root = valid
    if path:
        pair = (path[0], leaf) if index & 1 else (leaf, path[0])
        parent = hashing.node_hash(*pair)
        assert refused(proofs.verify_inclusion, parent, index, size, path[1:], root) == "proof.length"


def test_the_longest_proof() -> None:
    """2**63-1 leaves: 63 hashes at index 0, and 62 at the far end (one for each peak before it)."""
    size = 2**63 - 1
    for index, length in ((0, 63), (size - 1, 62)):
        path = [bytes([n]) * 32 for n in range(length)]
        root = proofs.root_from_inclusion(bytes(32), index, size, path)
        proofs.verify_inclusion(bytes(32), index, size, path, root)
        assert len(merkle.inclusion_nodes(index, size)) == length
    assert refused(proofs.verify_inclusion, bytes(32), 0, size, [bytes(32)] * 65, bytes(32)) == "proof.length"


# --- consistency ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size2", range(1, 70))
def test_every_consistency_proof_holds(size2: int) -> None:
    for size1 in range(1, size2 + 1):
        proof = reference.proof(size1, LEAVES[:size2])
        proofs.verify_consistency(size1, size2, proof, ROOTS[size1], ROOTS[size2])
        proofs.verify_consistency(size1, size2, tuple(proof), ROOTS[size1], ROOTS[size2])


@st.composite
def growths(draw: st.DrawFn) -> tuple[int, int, list[bytes], bytes, bytes]:
    size2 = draw(st.integers(2, len(LEAVES)))
    size1 = draw(st.integers(1, size2 - 1))
    return size1, size2, reference.proof(size1, LEAVES[:size2]), ROOTS[size1], ROOTS[size2]


@given(growths(), st.data())
def test_every_change_to_a_consistency_proof_is_refused(
    valid: tuple[int, int, list[bytes], bytes, bytes], data: st.DataObject
) -> None:
    size1, size2, proof, root1, root2 = valid
    bit = data.draw(BITS)
    check, mismatch = proofs.verify_consistency, "proof.root-mismatch"
    assert refused(check, size1, size2, proof, flipped(root1, bit), root2) == mismatch
    assert refused(check, size1, size2, proof, root1, flipped(root2, bit)) == mismatch
    assert refused(check, size1, size2, proof, root2, root1) == mismatch
    for position in range(len(proof)):
        changed = [*proof[:position], flipped(proof[position], bit), *proof[position + 1 :]]
        assert refused(check, size1, size2, changed, root1, root2) == mismatch
        dropped = proof[:position] + proof[position + 1 :]
        assert refused(check, size1, size2, dropped, root1, root2) == "proof.length"
    for position in range(len(proof) + 1):
        longer = [*proof[:position], data.draw(st.sampled_from([root1, root2])), *proof[position:]]
        assert refused(check, size1, size2, longer, root1, root2) == "proof.length"
    for position in range(len(proof) - 1):
        swapped = [*proof[:position], proof[position + 1], proof[position], *proof[position + 2 :]]
        assert refused(check, size1, size2, swapped, root1, root2) == mismatch


@given(growths(), st.data())
def test_a_rewritten_history_has_no_proof(
    valid: tuple[int, int, list[bytes], bytes, bytes], data: st.DataObject
) -> None:
    size1, size2, _, _, root2 = valid
    where = data.draw(st.integers(0, size1 - 1))
    forged = [*LEAVES[:where], b"forged", *LEAVES[where + 1 : size1]]
    forged_root = reference.mth(forged)
    for proof in (
        reference.proof(size1, LEAVES[:size2]),
        reference.proof(size1, [*forged, *LEAVES[size1:size2]]),
    ):
        rule = refused(proofs.verify_consistency, size1, size2, proof, forged_root, root2)
        assert rule == "proof.root-mismatch"


def test_equal_sizes() -> None:
    proofs.verify_consistency(5, 5, [], ROOTS[5], ROOTS[5])
    assert refused(proofs.verify_consistency, 5, 5, [], ROOTS[5], ROOTS[6]) == "proof.root-mismatch"
    assert refused(proofs.verify_consistency, 5, 5, [ROOTS[5]], ROOTS[5], ROOTS[5]) == "proof.length"


def test_from_the_empty_tree() -> None:
    proofs.verify_consistency(0, 0, [], hashing.EMPTY_ROOT, hashing.EMPTY_ROOT)
    proofs.verify_consistency(0, 5, [], hashing.EMPTY_ROOT, ROOTS[5])
    check = proofs.verify_consistency
    assert refused(check, 0, 5, [ROOTS[5]], hashing.EMPTY_ROOT, ROOTS[5]) == "proof.length"
    assert refused(check, 0, 5, [], ROOTS[5], ROOTS[5]) == "proof.root-mismatch"
    assert refused(check, 0, 5, [], bytes(32), ROOTS[5]) == "proof.root-mismatch"
    assert refused(check, 0, 0, [], hashing.EMPTY_ROOT, ROOTS[5]) == "proof.root-mismatch"
    assert refused(check, 0, 0, [], ROOTS[5], ROOTS[5]) == "proof.root-mismatch"


def test_a_tree_does_not_shrink() -> None:
    assert refused(proofs.verify_consistency, 6, 5, [], ROOTS[6], ROOTS[5]) == "proof.size"
    assert refused(proofs.verify_consistency, 1, 0, [], ROOTS[1], ROOTS[0]) == "proof.size"


# --- inputs that are no numbers, no hashes, no proofs -----------------------------------------------------------------

HUGE = pytest.param(10**5000, id="too many digits to print")
NO_NUMBERS = [-1, True, False, 1.0, "1", None, b"\x01", 2**63, 2**64, -(2**63), HUGE, [1]]
NO_HASHES = [b"", bytes(31), bytes(33), "0" * 32, None, 7, [0] * 32, bytearray(32), memoryview(bytes(32))]
NO_PROOFS: list[object] = [None, "", b"", 0, {}, iter([]), bytes(64)]


@pytest.mark.parametrize("number", NO_NUMBERS, ids=lambda value: str(type(value).__name__))
def test_numbers_of_the_wrong_kind_are_refused(number: object) -> None:
    path = reference.path(1, LEAVES[:3])
    assert refused(proofs.verify_inclusion, HASHES[1], number, 3, path, ROOTS[3]) == "proof.index"
    assert refused(proofs.root_from_inclusion, HASHES[1], number, 3, path) == "proof.index"
    assert refused(proofs.verify_inclusion, HASHES[1], 1, number, path, ROOTS[3]) in (
        "proof.size",
        "proof.index",
    )
    proof = reference.proof(1, LEAVES[:3])
    assert refused(proofs.verify_consistency, number, 3, proof, ROOTS[1], ROOTS[3]) == "proof.size"
    assert refused(proofs.verify_consistency, 1, number, proof, ROOTS[1], ROOTS[3]) == "proof.size"
    assert refused(proofs.verify_consistency, number, number, [], ROOTS[1], ROOTS[1]) == "proof.size"


@pytest.mark.parametrize("value", NO_HASHES, ids=lambda value: str(type(value).__name__))
def test_hashes_of_the_wrong_kind_are_refused(value: object) -> None:
    path = reference.path(1, LEAVES[:3])
    assert refused(proofs.verify_inclusion, value, 1, 3, path, ROOTS[3]) == "proof.hash"
    assert refused(proofs.verify_inclusion, HASHES[1], 1, 3, path, value) == "proof.hash"
    assert refused(proofs.verify_inclusion, HASHES[1], 1, 3, [path[0], value], ROOTS[3]) == "proof.hash"
    proof = reference.proof(1, LEAVES[:3])
    assert refused(proofs.verify_consistency, 1, 3, proof, value, ROOTS[3]) == "proof.hash"
    assert refused(proofs.verify_consistency, 1, 3, proof, ROOTS[1], value) == "proof.hash"
    assert refused(proofs.verify_consistency, 1, 3, [value, proof[1]], ROOTS[1], ROOTS[3]) == "proof.hash"
    assert refused(proofs.verify_consistency, 3, 3, [], value, value) == "proof.hash"


@pytest.mark.parametrize("proof", NO_PROOFS, ids=lambda value: str(type(value).__name__))
def test_what_is_no_list_of_hashes_is_no_proof(proof: object) -> None:
    assert refused(proofs.verify_inclusion, HASHES[0], 0, 1, proof, ROOTS[1]) == "proof.hash"
    assert refused(proofs.verify_consistency, 2, 2, proof, ROOTS[2], ROOTS[2]) == "proof.hash"
    assert refused(proofs.verify_consistency, 0, 2, proof, ROOTS[0], ROOTS[2]) == "proof.hash"


def test_a_mismatch_says_what_was_expected_and_what_was_found() -> None:
    with pytest.raises(VerificationError) as caught:
        proofs.verify_inclusion(HASHES[0], 0, 1, [], ROOTS[2])
    assert (caught.value.expected, caught.value.got) == (ROOTS[2], HASHES[0])
    assert ROOTS[2].hex() in caught.value.detail


@given(
    st.one_of(st.integers(), st.just(None)),
    st.one_of(st.integers(-2, 2**64), st.integers(0, 9)),
    st.lists(st.binary(max_size=40) | st.binary(min_size=32, max_size=32), max_size=70),
    st.binary(max_size=40) | st.just(bytes(32)),
)
def test_noise_is_refused_and_nothing_else_happens(
    number: int, size: int, proof: list[bytes], value: bytes
) -> None:
    with pytest.raises(VerificationError):
        proofs.verify_inclusion(value, number, size, proof, bytes(range(32)))
    with pytest.raises(VerificationError):
        proofs.verify_consistency(number, size, proof, value, bytes(range(31)))
