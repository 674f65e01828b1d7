"""State proofs in the form of ICS-23, for verifiers that have never heard of this project.

Rules:

* A proof is a `CommitmentProof` of `cosmos.ics23.v1` in protobuf: fields in the order of their numbers, and none that
  has its default value. It is to be checked with the `SmtSpec` and the raw key and value.
* An existing key gets an `ExistenceProof`, whose inner operations go from the leaf upwards. An absent one gets a
  `NonExistenceProof`: existence proofs of its neighbours in the order of SHA-256(key)
  (`prehash_key_before_comparison`); at the edge of the tree there is one neighbour only.
* In ICS-23 absence from an empty tree cannot be said, there being no neighbour.

Not here: reading this form. This project's own verifier reads `ledger.state.proof`, which is less than half the size.
"""

from __future__ import annotations

from typing import Final

from ledger.errors import CannotTellError
from ledger.hashing import sha256
from ledger.state.nodes import bit_of
from ledger.state.pages import PageSource
from ledger.state.proof import RowReader, StateProof, checked_row, prove
from ledger.state.walk import neighbours

_BYTES: Final = 2  # protobuf's wire type of messages and byte strings; 0 is that of enumerations

_SHA256: Final = 1  # HashOp

# LeafOp: hash, prehash_key and prehash_value are SHA-256, length is NO_PREFIX (0, so left out), prefix is 0x00.
_LEAF_OP: Final = bytes([1 << 3, _SHA256, 2 << 3, _SHA256, 3 << 3, _SHA256, 5 << 3 | _BYTES, 1, 0])

_INNER_HASH: Final = bytes([1 << 3, _SHA256])


def ics23_proof(pages: PageSource, root: bytes, key: bytes, read_row: RowReader) -> bytes:
    """Return a serialized ICS-23 `CommitmentProof` that `key` has its value under `root`, or that it has none.

    Raises CannotTellError (`ics23.empty-tree`) if the tree is empty, and otherwise as `prove`.
    """
    proof = prove(pages, root, key, read_row)
    if proof.value is not None:
        return _field(1, _existence(proof, proof.value))
    left, right = neighbours(pages, root, sha256(key))
    if left is None and right is None:
        raise CannotTellError("ics23.empty-tree", "ICS-23 has no proof of absence from an empty tree.")
    message = _field(1, key)
    for number, neighbour in ((2, left), (3, right)):
        if neighbour is not None:
            neighbour_key, value = checked_row(read_row, neighbour)
            message += _field(number, _existence(prove(pages, root, neighbour_key, read_row), value))
    return _field(2, message)


def _existence(proof: StateProof, value: bytes) -> bytes:
    """Return an `ExistenceProof` message."""
    key_hash = sha256(proof.key)
    path = []
    for depth in range(len(proof.siblings) - 1, -1, -1):
        sibling = proof.siblings[depth]
        is_right = bit_of(key_hash, depth)
        around = _field(2, b"\x01" + sibling) if is_right else _field(2, b"\x01") + _field(3, sibling)
        path.append(_field(4, _INNER_HASH + around))
    return b"".join((_field(1, proof.key), _field(2, value), _field(3, _LEAF_OP), *path))


def _field(number: int, data: bytes) -> bytes:
    """Return a protobuf field of bytes or of a message."""
    length = len(data)
    varint = bytearray()
    while length > 0x7F:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    varint.append(length)
    return bytes([number << 3 | _BYTES]) + varint + data
