"""Slow, obvious twins of what the library does fast: the definitions, written down again as they read.

Nothing here is used by the product, and nothing of the product is used here (that would prove a mistake with itself).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

# --- the log: RFC 9162, section 2.1, over leaf data -------------------------------------------------------------------


def split(n: int) -> int:
    """Return the largest power of two smaller than n, n > 1: the k of RFC 9162 §2.1.1."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def mth(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n]) of RFC 9162 §2.1.1."""
    if len(leaves) == 0:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf(leaves[0])
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of RFC 9162 §2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), mth(leaves[k:])]
    return [*path(index - k, leaves[k:]), mth(leaves[:k])]


def proof(size1: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n]) of RFC 9162 §2.1.4.1, for 0 < m <= n."""
    return subproof(size1, leaves, whole=True)


def subproof(size1: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of RFC 9162 §2.1.4.1."""
    if size1 == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if size1 <= k:
        return [*subproof(size1, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(size1 - k, leaves[k:], whole=False), mth(leaves[:k])]


def tile(leaves: Sequence[bytes], level: int, n: int) -> bytes:
    """The hashes of tile `n` at `level` that exist in the tree over `leaves`, by the formula of C2SP tlog-tiles."""
    span = 256**level
    hashes = b""
    for i in range(256):
        start = (n * 256 + i) * span
        if start + span <= len(leaves):
            hashes += mth(leaves[start : start + span])
    return hashes
