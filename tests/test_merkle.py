"""`ledger.merkle` against the recursive definition of RFC 9162 and against published test data."""

from __future__ import annotations

import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import hashing, merkle
from ledger.errors import FormatError, VerificationError
from tests import reference

# The test tree of Certificate Transparency (RFC 6962 hashing) and its roots at sizes 0 to 8, as its implementations
# have them in their own tests.
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

HUGE = pytest.param(10**5000, id="too many digits to print")

LEAVES = [n.to_bytes(2, "big") * (n % 7) + bytes([n]) for n in range(130)]
HASHES = hashing.leaf_hashes(LEAVES)
SIZES = st.integers(0, len(LEAVES))


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    assert merkle.root(CT_LEAVES[:size]).hex() == CT_ROOTS[size]
    assert reference.mth(CT_LEAVES[:size]).hex() == CT_ROOTS[size]


@pytest.mark.parametrize("size", range(len(LEAVES) + 1))
def test_roots_as_defined(size: int) -> None:
    expected = reference.mth(LEAVES[:size])
    assert merkle.root(LEAVES[:size]) == expected
    assert merkle.root(iter(LEAVES[:size])) == expected
    assert merkle.root_of_hashes(HASHES[:size]) == expected
    assert merkle.root_of_hashes(tuple(HASHES[:size])) == expected
    assert merkle.CompactRange().extend(HASHES[:size]).root() == expected


def test_a_root_takes_its_leaves_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merkle, "_CHUNK", 4)
    for size in range(20):
        assert merkle.root(iter(LEAVES[:size])) == reference.mth(LEAVES[:size])


def test_the_hashes_given_are_left_alone() -> None:
    hashes = list(HASHES[:7])
    merkle.root_of_hashes(hashes)
    merkle.CompactRange().extend(hashes)
    assert hashes == HASHES[:7]


def test_a_last_leaf_is_not_doubled() -> None:
    """The flaw of trees that double an odd node: [a, b, c] and [a, b, c, c] with one root."""
    assert merkle.root(LEAVES[:3]) != merkle.root([*LEAVES[:3], LEAVES[2]])


def test_a_node_cannot_pass_for_a_leaf() -> None:
    pair = HASHES[0] + HASHES[1]
    assert merkle.root([pair]) != merkle.root(LEAVES[:2])


# --- compact ranges ---------------------------------------------------------------------------------------------------


@given(st.lists(SIZES, max_size=6))
def test_extending_in_steps_is_extending_at_once(cuts: list[int]) -> None:
    tree = merkle.CompactRange()
    bounds = [0, *sorted(cuts), len(HASHES)]
    for start, end in pairwise(bounds):
        tree = tree.extend(HASHES[start:end])
        assert tree == merkle.CompactRange().extend(HASHES[:end])
        assert tree.root() == merkle.root_of_hashes(HASHES[:end])


def test_appending_one_by_one() -> None:
    tree = merkle.CompactRange()
    for size, leaf in enumerate(HASHES, 1):
        before = tree
        tree = tree.append(leaf)
        assert (tree.size, tree.root()) == (size, merkle.root_of_hashes(HASHES[:size]))
        assert before.size == size - 1  # frozen: the tree appended to is still there


@given(SIZES)
def test_peaks_are_the_complete_subtrees(size: int) -> None:
    tree = merkle.CompactRange().extend(HASHES[:size])
    position, expected = 0, []
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            expected.append(reference.mth(LEAVES[position : position + (1 << level)]))
            position += 1 << level
    assert tree.peaks == tuple(expected)
    assert pickle.loads(pickle.dumps(tree)) == tree  # noqa: S301 - audits hand trees to workers


@pytest.mark.parametrize(
    ("size", "peaks", "rule"),
    [
        (-1, (), "merkle.size"),
        (2**63, (bytes(32),), "merkle.size"),
        (True, (bytes(32),), "merkle.size"),
        (1.0, (bytes(32),), "merkle.size"),
        pytest.param(10**5000, (), "merkle.size", id="too many digits to print"),
        (0, (bytes(32),), "merkle.peaks"),
        (3, (bytes(32),), "merkle.peaks"),
        (1, (bytes(31),), "merkle.peaks"),
        (2, ("x" * 32,), "merkle.peaks"),
    ],
)
def test_a_compact_range_of_the_wrong_shape_is_refused(
    size: int, peaks: tuple[bytes, ...], rule: str
) -> None:
    with pytest.raises(FormatError) as caught:
        merkle.CompactRange(size, peaks)
    assert caught.value.rule == rule


def test_a_tree_does_not_grow_past_the_largest_size() -> None:
    full = merkle.CompactRange(2**63 - 1, (bytes(32),) * 63)
    with pytest.raises(FormatError) as caught:
        full.append(bytes(32))
    assert caught.value.rule == "merkle.size"


# --- proofs and the nodes they need -----------------------------------------------------------------------------------


def covered(node: merkle.Node) -> tuple[int, int]:
    level, index = node
    return index << level, (index + 1) << level


def hash_at(node: merkle.Node) -> bytes:
    start, end = covered(node)
    assert end <= len(LEAVES)
    return reference.mth(LEAVES[start:end])


@pytest.mark.parametrize("size", [*range(34), 63, 64, 65, 127, 128, 129])
def test_paths_as_defined(size: int) -> None:
    for index in range(size):
        assert merkle.inclusion_path(HASHES[:size], index) == reference.path(index, LEAVES[:size])
    for size1 in range(1, size + 1):
        assert merkle.consistency_path(HASHES[:size], size1) == reference.proof(size1, LEAVES[:size])
    assert merkle.consistency_path(HASHES[:size], 0) == []


@pytest.mark.parametrize("size", range(len(LEAVES) + 1))
def test_a_tree_that_is_held_gives_the_same_paths(size: int) -> None:
    tree = merkle.HeldTree(HASHES[:size])
    for index in range(size):
        assert tree.path(index) == merkle.inclusion_path(HASHES[:size], index)


@given(st.data())
def test_inclusion_nodes_fold_to_the_path(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    groups = merkle.inclusion_nodes(index, size)
    assert all(covered(node)[1] <= size for group in groups for node in group)
    hashes = [merkle.fold([hash_at(node) for node in group]) for group in groups]
    assert hashes == reference.path(index, LEAVES[:size])
    assert sum(len(group) > 1 for group in groups) <= 1


@given(st.data())
def test_consistency_nodes_fold_to_the_proof(data: st.DataObject) -> None:
    size2 = data.draw(st.integers(1, len(LEAVES)))
    size1 = data.draw(st.integers(1, size2))
    groups = merkle.consistency_nodes(size1, size2)
    hashes = [merkle.fold([hash_at(node) for node in group]) for group in groups]
    assert hashes == reference.proof(size1, LEAVES[:size2])
    assert sum(len(group) > 1 for group in groups) <= 1


@given(st.data())
def test_nodes_of_huge_trees_are_found_at_once(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 2**63 - 1))
    index = data.draw(st.integers(0, size - 1))
    groups = merkle.inclusion_nodes(index, size)
    assert len(groups) <= 63
    spans = sorted(covered(node) for group in groups for node in group)
    # The siblings and the leaf itself cover the tree exactly, without overlap.
    spans = sorted([*spans, (index, index + 1)])
    assert spans[0][0] == 0
    assert spans[-1][1] == size
    assert all(left[1] == right[0] for left, right in pairwise(spans))


@given(SIZES)
def test_range_nodes_cover_the_tree(size: int) -> None:
    nodes = merkle.range_nodes(0, size)
    assert merkle.fold([hash_at(node) for node in nodes]) == reference.mth(LEAVES[:size])


@pytest.mark.parametrize("index", [-1, 5, 6, True, 1.0, None, 2**64, HUGE])
def test_there_is_no_path_to_a_leaf_that_is_not_there(index: int) -> None:
    for attempt in (
        lambda: merkle.inclusion_path(HASHES[:5], index),
        lambda: merkle.HeldTree(HASHES[:5]).path(index),
        lambda: merkle.inclusion_nodes(index, 5),
    ):
        with pytest.raises(VerificationError) as caught:
            attempt()
        assert caught.value.rule == "proof.index"


@pytest.mark.parametrize("size", [-1, True, 2**63, "5", None, HUGE])
def test_sizes_out_of_range_are_refused(size: int) -> None:
    for attempt in (
        lambda: merkle.inclusion_nodes(0, size),
        lambda: merkle.consistency_nodes(size, 2**63 - 1),
        lambda: merkle.consistency_nodes(0, size),
        lambda: merkle.consistency_path(HASHES[:5], size),
    ):
        with pytest.raises(VerificationError) as caught:
            attempt()
        assert caught.value.rule == "proof.size"


def test_a_tree_does_not_shrink() -> None:
    with pytest.raises(VerificationError) as caught:
        merkle.consistency_path(HASHES[:5], 6)
    assert caught.value.rule == "proof.size"
