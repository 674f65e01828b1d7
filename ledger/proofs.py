"""Checking inclusion and consistency proofs of RFC 9162.

Rules:

* The shape of a proof follows from index and sizes alone; its length must be exactly that, and nothing in the
  proof is trusted to say where a hash belongs.
* `0 <= index < size < 2**63`; every hash is 32 bytes; a proof has at most 64 hashes. Numbers are `int`, and
  `bool` is none.
* A consistency proof from size 0 is empty and its first root is the root of the empty tree; between equal
  sizes it is empty and the roots are equal.
* A check returns None or raises VerificationError naming the rule (`proof.*`). There is no verdict to forget
  to look at.

Not here: making proofs (`ledger.merkle`, `ledger.tiles`), and deciding whether a root deserves trust
(`ledger.policy`). No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.errors import VerificationError
from ledger.hashing import EMPTY_ROOT, HASH_SIZE, node_hash
from ledger.merkle import check_index, check_sizes, is_hash

MAX_PROOF_HASHES: Final = 64
"""Most hashes in a proof: no tree of a size below 2**63 needs more."""


def root_from_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root of the tree of `size` leaves in which `proof` puts the leaf `leaf_hash` at `index`.

    `proof` is leaf upwards (RFC 9162 §2.1.3.2). The result says nothing until it is compared with a root that
    is trusted. Raises VerificationError (`proof.index`, `proof.size`, `proof.hash`, `proof.length`).
    """
    check_index(index, size)
    _check_hash(leaf_hash, "leaf hash")
    # Up to the level where the way from this leaf meets the tree's right edge there is one sibling a level,
    # on the side the bit of the index says; above it, only left siblings, one for each bit set.
    inner = (index ^ (size - 1)).bit_length()
    _check_proof(proof, inner + (index >> inner).bit_count())
    result = leaf_hash
    for level, sibling in enumerate(proof):
        on_left = level >= inner or index >> level & 1
        result = node_hash(sibling, result) if on_left else node_hash(result, sibling)
    return result


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf_hash` is leaf `index` of the tree of `size` leaves with root `root` (RFC 9162
    §2.1.3.2).

    Hashes are 32 bytes, `proof` is leaf upwards. Raises VerificationError: `proof.root-mismatch`, or a rule
    about the inputs (`proof.index`, `proof.size`, `proof.hash`, `proof.length`).
    """
    _check_hash(root, "root")
    got = root_from_inclusion(leaf_hash, index, size, proof)
    if got != root:
        detail = f"The proof does not lead from leaf {index} to the root of {size} leaves"
        raise VerificationError("proof.root-mismatch", detail, expected=root, got=got)


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Check that the tree of `size2` leaves with `root2` extends the one of `size1` leaves with `root1`.

    RFC 9162 §2.1.4.2. Roots are 32 bytes. From size 0 the proof is empty and `root1` the root of the empty
    tree: every tree extends that one, so nothing is learned about `root2`. Raises VerificationError:
    `proof.root-mismatch`, or a rule about the inputs (`proof.size`, `proof.hash`, `proof.length`).
    """
    check_sizes(size1, size2)
    _check_hash(root1, "first root")
    _check_hash(root2, "second root")
    for size, root in ((size1, root1), (size2, root2)):
        if size == 0 and root != EMPTY_ROOT:
            detail = "The root of the empty tree is the hash of nothing"
            raise VerificationError("proof.root-mismatch", detail, expected=EMPTY_ROOT, got=root)
    if size1 in (0, size2):
        _check_proof(proof, 0)
        if size1 == size2 and root1 != root2:
            detail = f"Two trees of {size1} leaves have different roots"
            raise VerificationError("proof.root-mismatch", detail, expected=root1, got=root2)
        return
    _verify_growth(size1, size2, proof, root1, root2)


def _verify_growth(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Check a proof between different sizes, neither of them zero: both roots are rebuilt from the same hashes."""
    # The way up starts at the smallest complete subtree that ends where the old tree ends. If that is the
    # whole old tree, the verifier has its hash; otherwise it is the first of the proof.
    last = size1 - 1
    start_level = (size1 & -size1).bit_length() - 1
    whole = size1 == 1 << start_level
    inner = (last ^ (size2 - 1)).bit_length()
    expected = (inner - start_level) + (last >> inner).bit_count() + (0 if whole else 1)
    _check_proof(proof, expected)
    old = new = root1 if whole else proof[0]
    for level, sibling in enumerate(proof if whole else proof[1:], start_level):
        if level >= inner or last >> level & 1:
            old = node_hash(sibling, old)
            new = node_hash(sibling, new)
        else:
            # A right sibling here holds leaves that the old tree did not have.
            new = node_hash(new, sibling)
    if old != root1:
        detail = f"The proof does not rebuild the root of {size1} leaves"
        raise VerificationError("proof.root-mismatch", detail, expected=root1, got=old)
    if new != root2:
        detail = f"The proof does not rebuild the root of {size2} leaves"
        raise VerificationError("proof.root-mismatch", detail, expected=root2, got=new)


def _check_hash(value: object, what: str) -> None:
    if not is_hash(value):
        raise VerificationError("proof.hash", f"The {what} is not {HASH_SIZE} bytes.")


def _check_proof(proof: Sequence[bytes], expected: int) -> None:
    if not isinstance(proof, (list, tuple)):
        raise VerificationError("proof.hash", "The proof is not a list of hashes.")
    if len(proof) != expected or expected > MAX_PROOF_HASHES:
        raise VerificationError("proof.length", f"The proof has {len(proof)} hashes, not {expected}.")
    for value in proof:
        _check_hash(value, "proof's hash")
