"""How the nodes of the state tree are hashed.

Rules (the ICS-23 `SmtSpec`):

* The path of a row is SHA-256(key), its bits taken from the most significant one: 0 is left, 1 is right.
* A leaf is SHA-256(0x00 ‖ SHA-256(key) ‖ SHA-256(value)). Keys and values are never empty.
* A subtree without leaves is 32 zero bytes. A subtree with one leaf is that leaf, however high it stands. Any other is
  SHA-256(0x01 ‖ left ‖ right).

A node alone does not tell whether it stands for one leaf or for many, so it travels with its *weight*: how many leaves
are under it, where 2 means two or more.

Not here: pages, storage, proofs. No I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from ledger.hashing import HASH_SIZE, leaf_hash, node_hash, sha256

EMPTY: Final = bytes(HASH_SIZE)
"""A subtree without leaves."""

MAX_DEPTH: Final = 8 * HASH_SIZE
"""Bits of a path, and so the most nodes between the root and a leaf."""

RECORD_SIZE: Final = 2 * HASH_SIZE
"""Bytes of a leaf record: key hash ‖ leaf hash, all that is needed to hash the nodes above the leaf."""

# As in `ledger.hashing`: copying an object that holds the prefix is faster than hashing a concatenation.
_new_node: Final = hashlib.sha256(b"\x01").copy
_new_leaf: Final = hashlib.sha256(b"\x00").copy


def leaf_record(key: bytes, value: bytes) -> bytes:
    """Return the 64-byte leaf record of a row: SHA-256(key) ‖ leaf hash. `key` and `value` must not be empty."""
    key_hash = sha256(key)
    return key_hash + leaf_hash(key_hash + sha256(value))


def leaf_records(rows: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """Return `leaf_record` of each (key, value), in order; the same as one by one, and faster."""
    new_hash = hashlib.sha256
    records: list[bytes] = []
    append, new_leaf = records.append, _new_leaf
    for key, value in rows:
        key_hash = new_hash(key).digest()
        leaf = new_leaf()
        leaf.update(key_hash + new_hash(value).digest())
        append(key_hash + leaf.digest())
    return records


def bit_of(key_hash: bytes, depth: int) -> int:
    """Return bit `depth` (0 to 255, the first is the most significant) of a 32-byte key hash."""
    return key_hash[depth >> 3] >> (7 - (depth & 7)) & 1


def subtree_hash(records: Sequence[bytes], depth: int) -> bytes:
    """Return the hash of the subtree over `records`, which ascend and share the first `depth` bits of their paths."""
    if not records:
        return EMPTY
    return _subtree_hash(records, 0, len(records), depth >> 3, 0x80 >> (depth & 7))


def _subtree_hash(records: Sequence[bytes], start: int, end: int, byte: int, mask: int) -> bytes:
    """Hash of `records[start:end]`, at least one, split from the bit `mask` of `byte` on."""
    if end - start == 1:
        return records[start][HASH_SIZE:]
    # A quarter of a page holds few records: looking at one after the other beats a binary search.
    middle = start
    while middle < end and not records[middle][byte] & mask:
        middle += 1
    mask >>= 1
    if not mask:
        byte += 1
        mask = 0x80
    digest = _new_node()
    if middle == start:
        digest.update(EMPTY + _subtree_hash(records, start, end, byte, mask))
    elif middle == end:
        digest.update(_subtree_hash(records, start, end, byte, mask) + EMPTY)
    else:
        left = _subtree_hash(records, start, middle, byte, mask)
        digest.update(left + _subtree_hash(records, middle, end, byte, mask))
    return digest.digest()


def join(left: tuple[bytes, int], right: tuple[bytes, int]) -> tuple[bytes, int]:
    """Return (hash, weight) of the node over two children, each given as (hash, weight)."""
    weight = left[1] + right[1]
    if weight < 2:
        return right if right[1] else left
    return node_hash(left[0], right[0]), 2


def join_four(hashes: bytes, weights: Sequence[int]) -> tuple[bytes, int]:
    """Return (hash, weight) of the node two levels above four, given their 4 × 32 bytes and their weights."""
    nodes = [
        (hashes[at : at + HASH_SIZE], weight) for at, weight in zip((0, 32, 64, 96), weights, strict=True)
    ]
    return join(join(nodes[0], nodes[1]), join(nodes[2], nodes[3]))


def hash_four(hashes: bytes) -> bytes:
    """Return the hash two levels above four nodes, if each pair of them has two leaves or more: `join_four`, faster."""
    left = _new_node()
    left.update(hashes[:64])
    right = _new_node()
    right.update(hashes[64:])
    top = _new_node()
    top.update(left.digest() + right.digest())
    return top.digest()
