"""Where blocks are executed again: in memory as long as it is little, then in a database of its own that is thrown away.

Rules: it holds the rows that a store of the same ledger holds, under the same keys (`ledger.store.layout`), so that the two
can be compared row by row. Memory is bounded by `limit`; nothing is synced, since nobody relies on it.

Not here: what the rows mean, and comparing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ledger.encoding import encode
from ledger.errors import StoreCorruptError
from ledger.hashing import sha256
from ledger.store import layout
from ledger.store.database import Database
from ledger.store.values import items

LIMIT_BYTES: Final = 64 << 20
"""Bytes of rows kept in memory before they are written out, Python's own overhead included, roughly."""

_ROW_OVERHEAD: Final = 150
_SHORT: Final = 256
_WRITTEN_AT_ONCE: Final = 10_000
_NEAR_PATH: Final = 4
"""Pages with paths no longer than this stay in memory, too: every block reads them, and there are at most 4,369."""


class Scratch:
    """State rows, pages and lookups: written by block, read by key, and at the end in order of key. A context manager."""

    def __init__(self, limit: int = LIMIT_BYTES, directory: Path | None = None) -> None:
        """Keep up to `limit` bytes of rows in memory; the rest goes to a temporary directory, made in `directory` (None:
        where the system has them).
        """
        self._limit = limit
        self._directory = directory
        self._resources = ExitStack()
        self._database: Database | None = None
        self._values: dict[bytes, bytes] = {}
        self._pages: dict[bytes, bytes] = {}
        self._near_root: dict[bytes, bytes] = {}
        self._lookups: dict[bytes, bytes] = {}
        self._bytes = 0

    def get(self, key: bytes) -> bytes | None:
        """The state's value under `key`, or None."""
        value = self._values.get(key)
        if value is None and self._database is not None:
            row = self._database.get(layout.STATE_ROW + sha256(key))
            if row is not None:
                stored = items(row, 2, "a row that was executed again")[1]
                if not isinstance(stored, bytes):
                    raise StoreCorruptError("audit.scratch", "the audit's own database has changed under it")
                value = stored
        return value

    def page(self, path: bytes) -> bytes | None:
        """The page of the state tree at `path`, or None."""
        page = self._pages.get(path)
        if page is None and self._database is not None:
            page = self._near_root.get(path)
            if page is None:
                page = self._database.get(layout.STATE_PAGE + path)
        return page

    def write(
        self, rows: dict[bytes, bytes], pages: dict[bytes, bytes], lookups: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Take over what a block does. Raises StoreError if the disk refuses."""
        self._values.update(rows)
        self._pages.update(pages)
        self._lookups.update(lookups)
        self._bytes += sum(map(len, rows)) + sum(map(len, rows.values())) + sum(map(len, pages.values()))
        self._bytes += (2 * len(rows) + len(pages)) * _ROW_OVERHEAD
        if self._bytes > self._limit:
            self._spill()

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """All rows in order of key, under the keys of `ledger.store.layout`."""
        if self._database is None:
            yield from sorted(self._pending())
        else:
            self._spill()
            yield from self._database.iterate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of the database, if there is one; nothing of it stays."""
        self._resources.close()

    def _spill(self) -> None:
        if self._database is None:
            temporary = tempfile.TemporaryDirectory(prefix="sogoc-audit-", dir=self._directory)
            path = Path(self._resources.enter_context(temporary))
            self._database = self._resources.enter_context(Database.open(path / "state", create=True))
        pending = self._pending()
        while rows := list(islice(pending, _WRITTEN_AT_ONCE)):
            self._database.write(rows, synced=False)
        self._near_root.update((path, page) for path, page in self._pages.items() if len(path) <= _NEAR_PATH)
        self._values.clear()
        self._pages.clear()
        self._lookups.clear()
        self._bytes = 0

    def _pending(self) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._values.items():
            yield layout.STATE_ROW + sha256(key), b"\x92" + _binary(key) + _binary(value)
        for path, page in self._pages.items():
            yield layout.STATE_PAGE + path, page
        for key, value in self._lookups.items():
            yield layout.LOOKUP + key, value


def _binary(data: bytes) -> bytes:
    """A byte string in the canonical encoding, without asking what it is: two of these for every row there is."""
    return b"\xc4" + len(data).to_bytes(1, "big") + data if len(data) < _SHORT else encode(data)
