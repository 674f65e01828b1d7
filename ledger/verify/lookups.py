"""Comparing the index rows of a store with what follows from the blocks, without keeping them.

Rules:

* An audit draws a secret when it begins. Each row is hashed behind it, and the hashes are added up: of the rows that follow
  from the blocks as they are worked out, and of those that the store has as they are read, in whatever order. Whoever
  made the store did not know the secret, so two different sets of rows have the same sum with a probability of 2^-256.
* That does for rows which no later block replaces. Such are those of a record whose subject had no row before: an equal
  record, which alone has lookup keys with the same record id, would have given it one. Where a row may replace another,
  the audit keeps it, and compares it by itself.
* If the sums differ, all blocks are executed once more, and all rows compared one by one, to name the one that is wrong.

Not here: which rows there are (`ledger.rules`), and drawing the secret. No I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

Row = tuple[bytes, bytes]
"""Key and value."""

SECRET_SIZE: Final = 64
"""Bytes of a secret: one block of SHA-256."""

_MODULUS: Final = 1 << 256
_LENGTH: Final = 4


def sum_of(rows: Iterable[Row], secret: bytes, prefix: bytes = b"") -> int:
    """The sum of the hashes of `rows`, modulo 2^256; their order does not matter. `secret` has 64 bytes.

    `prefix`: what every key begins with beside what is given of it.
    """
    new = hashlib.sha256(secret + prefix).copy
    digests: list[bytes] = []
    for key, value in rows:
        digest = new()
        # With the length of one of them, two different rows never give the same bytes.
        digest.update(key + value + len(value).to_bytes(_LENGTH, "big"))
        digests.append(digest.digest())
    return sum(map(int.from_bytes, digests)) % _MODULUS


def added(one: int, other: int) -> int:
    """The sum of two sums."""
    return (one + other) % _MODULUS
