"""`ledger.hashing` against hashlib and against published values."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from ledger import hashing
from tests import reference

HASHES = st.binary(min_size=32, max_size=32)


def test_published_values() -> None:
    # FIPS 180-4's example "abc", and the empty tree and empty leaf as Certificate Transparency's test data have them.
    assert hashing.sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hashing.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert hashing.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@given(st.binary())
def test_leaf_hash_is_prefixed_with_zero(data: bytes) -> None:
    assert hashing.leaf_hash(data) == hashlib.sha256(b"\x00" + data).digest() == reference.leaf(data)


@given(HASHES, HASHES)
def test_node_hash_is_prefixed_with_one(left: bytes, right: bytes) -> None:
    assert hashing.node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()
    # The 64 bytes of a node, taken as a leaf, hash to something else.
    assert hashing.node_hash(left, right) != hashing.leaf_hash(left + right)


@given(st.lists(st.binary(), max_size=20))
def test_in_bulk_as_one_by_one(many: list[bytes]) -> None:
    assert hashing.leaf_hashes(many) == [hashing.leaf_hash(data) for data in many]
    assert hashing.leaf_hashes(iter(many)) == hashing.leaf_hashes(many)


@given(st.lists(HASHES, max_size=9))
def test_pairs_leave_out_a_last_one_alone(hashes: list[bytes]) -> None:
    expected = [hashing.node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
    assert hashing.pair_hashes(hashes) == expected


def test_the_prefilled_objects_are_never_spent() -> None:
    """Many threads share the two objects that are copied; none may see another's data."""
    inputs = [bytes([n % 256]) * (n % 5000) for n in range(2_000)]
    expected = [reference.leaf(data) for data in inputs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(hashing.leaf_hash, inputs)) == expected


def test_contexts_cannot_be_confused() -> None:
    contexts = [hashing.ENTRY, hashing.HEADER, hashing.KEY_POSSESSION]
    assert hashing.signed_message(hashing.ENTRY, b"x") == b"sogoc/v1/entry\x00x"
    assert len(set(contexts)) == len(contexts)
    # The first zero byte ends the context, so no context and data run together into another pair.
    assert all(context.isascii() and b"\x00" not in context for context in contexts)


@given(st.sampled_from([hashing.ENTRY, hashing.HEADER, hashing.KEY_POSSESSION]), st.binary())
def test_a_signed_message_splits_one_way(context: bytes, data: bytes) -> None:
    head, _, tail = hashing.signed_message(context, data).partition(b"\x00")
    assert (head, tail) == (context, data)
