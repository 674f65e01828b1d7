"""The state tree as its definition reads: a dictionary, hashed anew each time.

Slow, obvious, and sharing no code with the product.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

EMPTY = bytes(32)

Leaf = tuple[str, bytes]
"""A path, written as 256 characters `0` and `1`, and the hash of the leaf there."""


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def path_of(key_hash: bytes) -> str:
    return f"{int.from_bytes(key_hash, 'big'):0256b}"


def leaf_of(key: bytes, value: bytes) -> Leaf:
    return path_of(sha256(key)), sha256(b"\x00" + sha256(key) + sha256(value))


def root_of(leaves: Sequence[Leaf], depth: int = 0) -> bytes:
    """The root of the subtree over leaves that share the first `depth` bits of their paths."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaves[0][1]
    left = [leaf for leaf in leaves if leaf[0][depth] == "0"]
    right = [leaf for leaf in leaves if leaf[0][depth] == "1"]
    return sha256(b"\x01" + root_of(left, depth + 1) + root_of(right, depth + 1))


def way_to(path: str, leaves: Sequence[Leaf], depth: int = 0) -> tuple[list[bytes], Leaf | None]:
    """Siblings from the root downwards, and what stands at the end."""
    if len(leaves) < 2:
        return [], leaves[0] if leaves else None
    same = [leaf for leaf in leaves if leaf[0][depth] == path[depth]]
    other = [leaf for leaf in leaves if leaf[0][depth] != path[depth]]
    siblings, end = way_to(path, same, depth + 1)
    return [root_of(other, depth + 1), *siblings], end


@dataclass
class ReferenceState:
    """Rows in a dictionary."""

    rows: dict[bytes, bytes] = field(default_factory=dict)

    def update(self, changes: Mapping[bytes, bytes]) -> None:
        self.rows.update(changes)

    def leaves(self) -> list[Leaf]:
        return [leaf_of(key, value) for key, value in self.rows.items()]

    def root(self) -> bytes:
        return root_of(self.leaves())

    def read_row(self, key_hash: bytes) -> tuple[bytes, bytes] | None:
        return next(((key, value) for key, value in self.rows.items() if sha256(key) == key_hash), None)

    def prove(self, key: bytes) -> tuple[list[bytes], tuple[bytes, bytes] | None]:
        """Siblings from the root downwards, and the other leaf (key hash, value hash) if there is one at the end."""
        siblings, end = way_to(path_of(sha256(key)), self.leaves())
        if end is None or key in self.rows:
            return siblings, None
        other = next(other for other in self.rows if path_of(sha256(other)) == end[0])
        return siblings, (sha256(other), sha256(self.rows[other]))
