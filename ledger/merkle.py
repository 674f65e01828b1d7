"""The append-only Merkle tree of RFC 9162: roots, and the nodes from which proofs are made.

Rules:

* The tree over n leaves splits at the largest power of two below n (RFC 9162 §2.1.1). Seen level by level:
  neighbours are hashed in pairs, and a last node without a neighbour moves up as it is. It is never doubled.
* A node is addressed as `(level, index)`: it covers the leaves from `index << level` to `(index + 1) <<
  level`. Only nodes whose leaves all exist have an address; the ragged right edge is folded from them.
* Addresses first, fetch second: `inclusion_nodes` and `consistency_nodes` name the nodes that a proof needs,
  and whoever keeps the nodes reads them in one go.

Not here: checking proofs (`ledger.proofs`), reading stored nodes (`ledger.tiles`). No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

from ledger.errors import FormatError, VerificationError
from ledger.hashing import EMPTY_ROOT, HASH_SIZE, leaf_hashes, node_hash, pair_hashes

Node: TypeAlias = tuple[int, int]
"""Address of a complete subtree: (level, index)."""

MAX_SIZE: Final = 2**63 - 1
"""Largest tree size, in leaves: what a signed 64-bit integer holds, so that every language can."""

_CHUNK: Final = 1 << 14
"""Leaves hashed at once by `root`: enough to spread the cost of a call, too few to matter in memory."""


def check_size(size: object) -> None:
    """Check that `size` is a number of leaves, 0 to 2**63-1; raise VerificationError (`proof.size`) otherwise."""
    if not _is_size(size):
        raise VerificationError("proof.size", f"A tree cannot have {_shown(size)} leaves.")


def check_sizes(size1: int, size2: int) -> None:
    """Check that a tree of `size1` leaves can grow to `size2`; raise VerificationError (`proof.size`) otherwise."""
    check_size(size1)
    check_size(size2)
    if size1 > size2:
        raise VerificationError("proof.size", f"A tree of {size2} leaves does not extend one of {size1}.")


def check_index(index: object, size: int) -> None:
    """Check that a tree of `size` leaves has a leaf `index`; raise VerificationError (`proof.index`, `proof.size`)."""
    check_size(size)
    if type(index) is not int or not 0 <= index < size:
        raise VerificationError(
            "proof.index", f"There is no leaf {_shown(index)} in a tree of {size} leaves."
        )


def is_hash(value: object) -> bool:
    """Tell whether `value` is 32 bytes."""
    return isinstance(value, bytes) and len(value) == HASH_SIZE


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_SIZE


def _shown(value: object) -> str:
    """Return what an error may show of a number that was refused: nobody wants a thousand digits of it."""
    if not isinstance(value, int):
        return f"a {type(value).__name__}"
    return repr(value) if value.bit_length() <= 128 else "so many"


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the 32-byte tree root over the leaf data `leaves`, in order: MTH of RFC 9162 §2.1.1.

    The leaves may come from a generator; a few thousand are held at a time. No leaves give the hash of the
    empty string.
    """
    each = iter(leaves)
    tree = CompactRange()
    while chunk := leaf_hashes(islice(each, _CHUNK)):
        tree = tree.extend(chunk)
    return tree.root()


def root_of_hashes(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the 32-byte tree root over leaves that are already hashed (RFC 9162 §2.1.1)."""
    if not leaf_hashes:
        return EMPTY_ROOT
    level = leaf_hashes
    while (width := len(level)) > 1:
        parents = pair_hashes(level)
        if width & 1:
            parents.append(level[-1])
        level = parents
    return level[0]


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the hash of the subtree made of complete subtrees `hashes`, largest first (RFC 9162 §2.1.1).

    That is how the ragged right edge of a tree is hashed: from the right, the smallest two first. None at all
    give the root of the empty tree.
    """
    if not hashes:
        return EMPTY_ROOT
    result = hashes[-1]
    for position in range(len(hashes) - 2, -1, -1):
        result = node_hash(hashes[position], result)
    return result


@dataclass(frozen=True, slots=True)
class CompactRange:
    """A tree of `size` leaves, kept as the roots of its complete subtrees: all it takes to append and to give
    the root.

    `peaks` has one 32-byte hash for each bit set in `size`, largest subtree first. Raises FormatError where
    it has not.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not _is_size(self.size):
            raise FormatError("merkle.size", f"A tree cannot have {_shown(self.size)} leaves.")
        count = self.size.bit_count()
        if len(self.peaks) != count:
            detail = f"A tree of {self.size} leaves has {count} complete subtrees, not {len(self.peaks)}."
            raise FormatError("merkle.peaks", detail)
        if not all(is_hash(peak) for peak in self.peaks):
            raise FormatError("merkle.peaks", "The root of a subtree is not a 32-byte hash.")

    def append(self, leaf_hash: bytes) -> CompactRange:
        """Return the tree with one more leaf, given by its 32-byte hash."""
        return self.extend((leaf_hash,))

    def extend(self, leaf_hashes: Iterable[bytes]) -> CompactRange:
        """Return the tree with more leaves, given by their 32-byte hashes in order.

        Raises FormatError above MAX_SIZE leaves.
        """
        nodes = list(leaf_hashes)
        size = self.size + len(nodes)
        old_peaks = list(self.peaks)
        new_peaks: list[bytes] = []
        bits = self.size
        # One level a turn. An old peak of this level is the left neighbour of the first new node; a last new
        # node without a neighbour becomes a peak. Old peaks above the last turn stay.
        while nodes:
            if bits & 1:
                nodes.insert(0, old_peaks.pop())
            if len(nodes) & 1:
                new_peaks.append(nodes.pop())
            nodes = pair_hashes(nodes)
            bits >>= 1
        return CompactRange(size, (*old_peaks, *reversed(new_peaks)))

    def root(self) -> bytes:
        """Return the 32-byte root of the tree (RFC 9162 §2.1.1)."""
        return fold(self.peaks)


def range_nodes(begin: int, end: int) -> tuple[Node, ...]:
    """Return the addresses of the complete subtrees that make up leaves `begin` to `end`, largest first.

    `begin` must be a multiple of a power of two that is no smaller than `end - begin`, as it is wherever RFC
    9162 §2.1.1 splits a tree; 0 always is. An empty range has none.
    """
    nodes: list[Node] = []
    for level in range((end - begin).bit_length() - 1, -1, -1):
        if (end - begin) >> level & 1:
            nodes.append((level, begin >> level))
            begin += 1 << level
    return tuple(nodes)


def _inclusion_ranges(index: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the leaf ranges beside the way from the root down to leaf `index`: PATH of RFC 9162 §2.1.3.1, top first."""
    check_index(index, size)
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if index < middle:
            yield middle, end
            end = middle
        else:
            yield begin, middle
            begin = middle


def _consistency_ranges(size1: int, size2: int) -> Iterator[tuple[int, int]]:
    """Yield the leaf ranges of a consistency proof: SUBPROOF of RFC 9162 §2.1.4.1, top first."""
    check_sizes(size1, size2)
    if size1 == 0:
        return
    begin, end = 0, size2
    while size1 != end:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if size1 <= middle:
            yield middle, end
            end = middle
        else:
            yield begin, middle
            begin = middle
    # The subtree that both trees share is known to the verifier (it is the old root) only if it starts at
    # leaf 0.
    if begin:
        yield begin, end


def inclusion_nodes(index: int, size: int) -> list[tuple[Node, ...]]:
    """Return, for each hash of leaf `index`'s inclusion proof in a tree of `size`, the nodes it is folded
    from.

    Leaf upwards, as in the proof; at most one hash takes more than one node (RFC 9162 §2.1.3.1). Raises
    VerificationError (`proof.index`, `proof.size`) where there is no such leaf or tree.
    """
    return [range_nodes(begin, end) for begin, end in _inclusion_ranges(index, size)][::-1]


def consistency_nodes(size1: int, size2: int) -> list[tuple[Node, ...]]:
    """Return, for each hash of the consistency proof from `size1` to `size2` leaves, the nodes it is folded
    from.

    In the order of the proof (RFC 9162 §2.1.4.1). From size 0, and between equal sizes, the proof is empty.
    Raises VerificationError (`proof.size`) for sizes out of range or shrinking.
    """
    return [range_nodes(begin, end) for begin, end in _consistency_ranges(size1, size2)][::-1]


def inclusion_path(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Return the inclusion proof of leaf `index` in the tree over `leaf_hashes`, leaf upwards.

    PATH of RFC 9162 §2.1.3.1, for trees held in memory (the records of an entry, the claims of a document).
    Raises VerificationError (`proof.index`) if there is no such leaf.
    """
    ranges = _inclusion_ranges(index, len(leaf_hashes))
    return [root_of_hashes(leaf_hashes[begin:end]) for begin, end in ranges][::-1]


class HeldTree:
    """A tree held in memory with all its nodes, for whoever needs the inclusion proofs of many of its leaves."""

    def __init__(self, leaf_hashes: Sequence[bytes]) -> None:
        """Hash the tree over `leaf_hashes`, once."""
        self._size = len(leaf_hashes)
        self._levels: list[Sequence[bytes]] = [leaf_hashes]
        while len(level := self._levels[-1]) > 1:
            parents = pair_hashes(level)
            # A last node without a neighbour moves up as it is.
            self._levels.append([*parents, level[-1]] if len(level) & 1 else parents)

    def path(self, index: int) -> list[bytes]:
        """Return what `inclusion_path` returns for leaf `index`. Raises VerificationError (`proof.index`)."""
        check_index(index, self._size)
        path: list[bytes] = []
        for level in self._levels[:-1]:
            if (neighbour := index ^ 1) < len(level):
                path.append(level[neighbour])
            index >>= 1
        return path


def consistency_path(leaf_hashes: Sequence[bytes], size1: int) -> list[bytes]:
    """Return the proof that the tree over `leaf_hashes` extends the one over its first `size1` (RFC 9162
    §2.1.4.1).

    Raises VerificationError (`proof.size`) if `size1` is negative or more than there are.
    """
    ranges = _consistency_ranges(size1, len(leaf_hashes))
    return [root_of_hashes(leaf_hashes[begin:end]) for begin, end in ranges][::-1]
