"""What a block does to the state, in the form in which the state tree and a store take it.

Rules: a row is stored as `[state key, state value]` under the SHA-256 of its state key (`ledger.store.layout`), and stands
in the tree as its leaf record. Both are functions of key and value, so whoever works a block out makes them too.

Not here: where rows are kept, and the chain rules. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import starmap
from typing import NamedTuple

from ledger.errors import StoreCorruptError
from ledger.hashing import HASH_SIZE, sha256
from ledger.state import RECORD_SIZE, leaf_records
from ledger.store import layout
from ledger.store.values import items, state_row


class Changes(NamedTuple):
    """Rows that are set; few objects, because it goes from one process to another."""

    joined: bytes
    """Their leaf records, ascending, 64 bytes each."""
    rows: list[bytes]
    """The rows as they are stored, in the same order."""

    def records(self) -> list[bytes]:
        """The leaf records."""
        return [self.joined[at : at + RECORD_SIZE] for at in range(0, len(self.joined), RECORD_SIZE)]


def row_key(key: bytes) -> bytes:
    """What the row of a state key is stored under."""
    return layout.STATE_ROW + sha256(key)


def value_of(row: bytes) -> bytes:
    """The value in a stored row. Raises StoreCorruptError."""
    value = items(row, 2, "a row that was executed again")[1]
    if not isinstance(value, bytes):
        raise StoreCorruptError("audit.scratch", "the audit's own database has changed under it")
    return value


def changes_of(rows: Mapping[bytes, bytes]) -> Changes:
    """What setting `rows` (state key to value) changes."""
    found = dict(zip(leaf_records(rows.items()), starmap(state_row, rows.items()), strict=True))
    records = sorted(found)
    return Changes(b"".join(records), [found[record] for record in records])


def stored(records: list[bytes], rows: list[bytes]) -> dict[bytes, bytes]:
    """Rows by what they are stored under, given their leaf records."""
    return dict(zip([layout.STATE_ROW + record[:HASH_SIZE] for record in records], rows, strict=True))
