"""What `ledger.store.database` uses of LevelDB's Python binding, plyvel, which publishes no types.

Tests put failing disks in the place of these. Nothing else: no I/O.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class LevelDBReader(Protocol):
    """What is used of plyvel.DB and of its snapshots for reading."""

    def get(self, key: bytes, *, verify_checksums: bool) -> bytes | None:
        """The value under `key`, or None."""

    def iterator(
        self, *, start: bytes | None = None, stop: bytes | None = None, reverse: bool, verify_checksums: bool
    ) -> LevelDBIterator:
        """Rows from `start` (inclusive) to `stop` (exclusive)."""

    def close(self) -> None:
        """Let go."""


class LevelDBIterator(Protocol):
    """What is used of plyvel's iterators."""

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values."""

    def close(self) -> None:
        """Let go."""


class LevelDBBatch(Protocol):
    """What is used of plyvel's write batches."""

    def put(self, key: bytes, value: bytes) -> None:
        """Add a row to the batch."""

    def delete(self, key: bytes) -> None:
        """Add a deletion to the batch."""

    def write(self) -> None:
        """Write the batch."""


class LevelDB(LevelDBReader, Protocol):
    """What is used of plyvel.DB. Tests put failing disks in its place."""

    def snapshot(self) -> LevelDBReader:
        """The database as it is now."""

    def write_batch(self, *, sync: bool) -> LevelDBBatch:
        """An empty batch; `sync` makes its writing wait for the disk."""

    def compact_range(self, *, start: bytes, stop: bytes) -> None:
        """Merge the tables of the rows from `start` to `stop`, each level into the next one down."""
