"""State proofs: that a row is in the state, or that no row has a key.

Rules:

* A proof leads from the leaf at its end to the root, and the bits of SHA-256(key) alone say on which side each sibling
  stands: there is no direction to be taken from the prover.
* The end of a proof of membership is the leaf of that key and value.
* The end of a proof of absence is an empty place, or the leaf of another key whose path agrees with this key's as far
  as the proof reaches: two or more leaves would have made a node there.
* At most 256 siblings of 32 bytes. The deepest is never empty, since a subtree with one leaf is that leaf. Root first.

As a value (`ledger.encoding`):

    [key, value or nil, present, siblings, other leaf or nil]

`present` (bin) has a bit for each sibling, root first and from the most significant bit on, set where the sibling is
not empty; it ends with the byte of the deepest one. `siblings` (bin) are those that are not empty, 32 bytes each.
`other leaf` (bin) is SHA-256(key) ‖ SHA-256(value) of the leaf found in the place of an absent key.

Not here: whether the root deserves trust (a block header's `state_root` under a final checkpoint does), and what keys
and values mean. No I/O beyond the page source and the row reader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

from ledger.encoding import Value
from ledger.errors import FormatError, StoreCorruptError, VerificationError
from ledger.hashing import HASH_SIZE, leaf_hash, node_hash, sha256
from ledger.state.nodes import EMPTY, MAX_DEPTH, bit_of, leaf_record
from ledger.state.pages import PageSource
from ledger.state.walk import walk

RowReader: TypeAlias = Callable[[bytes], tuple[bytes, bytes] | None]
"""Returns the (key, value) stored under a key hash, or None."""

_FIELDS: Final = 5


@dataclass(frozen=True, slots=True)
class StateProof:
    """Evidence about one key, to be held against a state root."""

    key: bytes
    value: bytes | None
    """The value under the key, or None in a proof of absence."""

    siblings: tuple[bytes, ...]
    """32-byte hashes from the root downwards; an empty subtree is 32 zero bytes."""

    other_leaf: tuple[bytes, bytes] | None = None
    """In a proof of absence: (key hash, value hash) of the leaf found instead, or None where there is nothing."""

    def to_value(self) -> list[Value]:
        """Return the proof as a value for `ledger.encoding.encode`; raises FormatError for what has no such form."""
        depth = len(self.siblings)
        bits = 0
        for at, sibling in enumerate(self.siblings[:MAX_DEPTH]):
            if sibling != EMPTY:
                bits |= 1 << (MAX_DEPTH - 1 - at)
        value: list[Value] = [
            self.key,
            self.value,
            bits.to_bytes(HASH_SIZE, "big")[: (depth + 7) // 8],
            b"".join(sibling for sibling in self.siblings if sibling != EMPTY),
            None if self.other_leaf is None else b"".join(self.other_leaf),
        ]
        if StateProof.from_value(value) != self:
            raise FormatError("state-proof.shape", "A state proof with these parts has no encoded form.")
        return value

    @classmethod
    def from_value(cls, value: Value) -> Self:
        """Return the proof that a decoded value is; raises FormatError (`state-proof.*`). It is not yet verified."""
        if not isinstance(value, list) or len(value) != _FIELDS:
            raise FormatError("state-proof.shape", f"A state proof is an array of {_FIELDS}.")
        key, row, present, siblings, other = value
        if not isinstance(key, bytes) or not key:
            raise FormatError("state-proof.key", "The key of a state proof is a bin that is not empty.")
        if row is not None and (not isinstance(row, bytes) or not row):
            raise FormatError(
                "state-proof.value", "The value of a state proof is nil or a bin that is not empty."
            )
        if not isinstance(present, bytes) or len(present) > HASH_SIZE or present.endswith(b"\x00"):
            detail = "The bits of a state proof are a bin of at most 32 bytes, the last of them not zero."
            raise FormatError("state-proof.present", detail)
        if not isinstance(siblings, bytes):
            raise FormatError("state-proof.siblings", "The siblings of a state proof are a bin.")
        return cls(key, row, _spread(present, siblings), _split_leaf(other, is_absence=row is None))


def _spread(present: bytes, siblings: bytes) -> tuple[bytes, ...]:
    """Put the siblings that are not empty where their bits are, and empty ones between them."""
    bits = int.from_bytes(present, "big")
    if len(siblings) != HASH_SIZE * bits.bit_count():
        detail = f"A state proof with {bits.bit_count()} bits set has {len(siblings)} bytes of siblings."
        raise FormatError("state-proof.siblings", detail)
    # The last bit set is the deepest sibling; the bits behind it only fill its byte.
    depth = 8 * len(present) - ((bits & -bits).bit_length() - 1) if bits else 0
    spread = [EMPTY] * depth
    at = 0
    for index in range(depth):
        if bit_of(present, index):
            spread[index] = siblings[at : at + HASH_SIZE]
            at += HASH_SIZE
    if spread.count(EMPTY) != depth - bits.bit_count():
        raise FormatError(
            "state-proof.siblings", "An empty sibling in a state proof is a bit, not 32 zero bytes."
        )
    return tuple(spread)


def _split_leaf(other: Value, *, is_absence: bool) -> tuple[bytes, bytes] | None:
    if other is None:
        return None
    if not is_absence or not isinstance(other, bytes) or len(other) != 2 * HASH_SIZE:
        detail = "The other leaf of a state proof is 64 bytes, and only a proof of absence has one."
        raise FormatError("state-proof.other-leaf", detail)
    return other[:HASH_SIZE], other[HASH_SIZE:]


def verify_membership(root: bytes, key: bytes, value: bytes, proof: StateProof) -> None:
    """Check that the state with the 32-byte root `root` has `value` under `key`.

    Raises VerificationError: `state-proof.root-mismatch`, or what the proof itself is wrong about
    (`state-proof.key`, `value`, `siblings`, `other-leaf`).
    """
    _check_key(proof, key)
    if proof.value is None or proof.value != value or not value:
        raise VerificationError("state-proof.value", "The state proof is not about this value.")
    if proof.other_leaf is not None:
        raise VerificationError(
            "state-proof.other-leaf", "A proof of membership ends at the leaf of its own key."
        )
    record = leaf_record(key, value)
    _check_root(root, proof.siblings, record[:HASH_SIZE], record[HASH_SIZE:])


def verify_absence(root: bytes, key: bytes, proof: StateProof) -> None:
    """Check that the state with the 32-byte root `root` has nothing under `key`.

    Raises VerificationError: `state-proof.root-mismatch`, or what the proof itself is wrong about
    (`state-proof.key`, `value`, `siblings`, `other-leaf`).
    """
    _check_key(proof, key)
    if proof.value is not None:
        raise VerificationError("state-proof.value", "The state proof is about a key that has a value.")
    key_hash = sha256(key)
    node = EMPTY
    if proof.other_leaf is not None:
        other_key, other_value = proof.other_leaf
        if len(other_key) != HASH_SIZE or len(other_value) != HASH_SIZE:
            detail = "The other leaf of a state proof is two hashes of 32 bytes."
            raise VerificationError("state-proof.other-leaf", detail)
        difference = int.from_bytes(other_key, "big") ^ int.from_bytes(key_hash, "big")
        if not difference or MAX_DEPTH - difference.bit_length() < len(proof.siblings):
            detail = "The leaf shown is not another one in the place of this key."
            raise VerificationError("state-proof.other-leaf", detail)
        node = leaf_hash(other_key + other_value)
    _check_root(root, proof.siblings, key_hash, node)


def _check_key(proof: StateProof, key: bytes) -> None:
    if proof.key != key or not key:
        raise VerificationError("state-proof.key", "The state proof is not about this key.")


def _check_root(root: bytes, siblings: tuple[bytes, ...], key_hash: bytes, node: bytes) -> None:
    """Check that `node`, at the depth of the deepest sibling on the path of `key_hash`, leads to `root`."""
    if len(siblings) > MAX_DEPTH or any(len(sibling) != HASH_SIZE for sibling in siblings):
        raise VerificationError("state-proof.siblings", "A state proof has at most 256 siblings of 32 bytes.")
    if siblings and siblings[-1] == EMPTY:
        raise VerificationError("state-proof.siblings", "The deepest sibling of a state proof is empty.")
    for depth in range(len(siblings) - 1, -1, -1):
        sibling = siblings[depth]
        node = node_hash(sibling, node) if bit_of(key_hash, depth) else node_hash(node, sibling)
    if node != root:
        detail = "The state proof does not lead to the state root"
        raise VerificationError("state-proof.root-mismatch", detail, expected=root, got=node)


def prove(pages: PageSource, root: bytes, key: bytes, read_row: RowReader) -> StateProof:
    """Return the proof that `key` has its value in the state with root `root`, or that it has none.

    `read_row` is asked for the row at the end of the way, the key's own or the other leaf's. Raises FormatError
    (`state.empty`) for an empty key, and StoreCorruptError (`state.*`) if pages and rows do not make a proof that
    holds: one that does not is never returned.
    """
    if not key:
        raise FormatError("state.empty", "A row of the state has a key that is not empty.")
    key_hash = sha256(key)
    way = walk(pages, root, key_hash)
    value = other = None
    if way.record is not None:
        found_key, found_value = checked_row(read_row, way.record[:HASH_SIZE])
        if found_key == key:
            value = found_value
        else:
            other = (way.record[:HASH_SIZE], sha256(found_value))
    proof = StateProof(key, value, way.siblings, other)
    try:
        if value is None:
            verify_absence(root, key, proof)
        else:
            verify_membership(root, key, value, proof)
    except VerificationError as error:
        detail = f"The pages and rows of the state do not agree with its root: {error.detail}"
        raise StoreCorruptError("state.proof", detail) from error
    return proof


def checked_row(read_row: RowReader, key_hash: bytes) -> tuple[bytes, bytes]:
    """Return the row of a leaf; raises StoreCorruptError (`state.row`) if it is not there or is another's."""
    row = read_row(key_hash)
    if row is None or sha256(row[0]) != key_hash or not row[1]:
        raise StoreCorruptError("state.row", f"The row {key_hash.hex()} of the state is missing or damaged.")
    return row
