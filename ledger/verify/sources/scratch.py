"""Where blocks are executed again: in memory as long as it is little, then in a database of its own that is thrown away.

Rules: it holds the rows that a store of the same ledger holds, under the same keys (`ledger.store.layout`), so that the two
can be compared row by row. Memory is bounded by two limits; nothing is synced, since nobody relies on it.

Not here: what the rows mean, and comparing.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ledger.store import layout
from ledger.store.database import THROWN_AWAY, Database
from ledger.verify.changes import row_key, value_of
from ledger.verify.lookups import SECRET_SIZE

LIMIT_BYTES: Final = 16 << 20
"""Bytes of rows kept in memory before they are written out, what Python takes for them included."""

PAGE_LIMIT_BYTES: Final = 32 << 20
"""The same for pages of the state tree, which is more: a row is written once, but every block writes nearly all pages there
are, as long as they are few; on the disk each of them would be written, merged and read again."""

_ROW_OVERHEAD: Final = 180
"""Bytes that a row takes beside its own: two objects of 33 bytes, rounded up, and about 100 in a dictionary."""
_WRITTEN_AT_ONCE: Final = 1_000
_NEAR_PATH: Final = 4
"""Pages with paths no longer than this stay in memory, too: every block reads them, and there are at most 4,369."""


class Scratch:
    """State rows, pages and lookups: written by block, read by key, and at the end in order of key. A context manager."""

    def __init__(
        self, limit: int = LIMIT_BYTES, directory: Path | None = None, *, page_limit: int = PAGE_LIMIT_BYTES
    ) -> None:
        """Keep up to `limit` bytes of rows and `page_limit` of pages in memory; the rest goes to a temporary directory, made
        in `directory` (None: where the system has them).
        """
        self.secret: Final = secrets.token_bytes(SECRET_SIZE)
        """Drawn for this audit, and told to nobody but its workers (`ledger.verify.lookups`)."""
        self._limit = limit
        self._page_limit = page_limit
        self._directory = directory
        self._resources = ExitStack()
        self._database: Database | None = None
        self._rows: dict[bytes, bytes] = {}
        self._pages: dict[bytes, bytes] = {}
        self._near_root: dict[bytes, bytes] = {}
        self._has_spilled_pages = False
        self._lookups: dict[bytes, bytes] = {}
        self._row_bytes = 0
        self._page_bytes = 0

    def get(self, key: bytes) -> bytes | None:
        """The state's value under `key`, or None."""
        stored_under = row_key(key)
        row = self._rows.get(stored_under)
        if row is None and self._database is not None:
            row = self._database.get(stored_under)
        return None if row is None else value_of(row)

    def page(self, path: bytes) -> bytes | None:
        """The page of the state tree at `path`, or None."""
        page = self._pages.get(path)
        if page is None and self._has_spilled_pages and self._database is not None:
            page = self._near_root.get(path)
            if page is None:
                page = self._database.get(layout.STATE_PAGE + path)
        return page

    def write(
        self, rows: dict[bytes, bytes], pages: dict[bytes, bytes], lookups: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Take over what a block does: rows as they are stored, pages by path. Raises StoreError if the disk refuses."""
        index_rows = dict(lookups)
        self._rows.update(rows)
        self._lookups.update(index_rows)
        self._pages.update(pages)
        self._row_bytes += _bytes_of(rows) + _bytes_of(index_rows)
        self._page_bytes += _bytes_of(pages)
        if self._row_bytes > self._limit:
            self._spill_rows()
        if self._page_bytes > self._page_limit:
            # Many of them took the place of others.
            self._page_bytes = _bytes_of(self._pages)
            if self._page_bytes > self._page_limit:
                self._spill_pages()

    def rows(self, kind: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All rows of a kind in order of key, under the keys of `ledger.store.layout`."""
        if self._database is not None and (kind != layout.STATE_PAGE or self._has_spilled_pages):
            self._spill_rows()
            if self._has_spilled_pages:
                self._spill_pages()
            return self._database.iterate(kind)
        kept = chain(self._rows.items(), self._pending_pages(), self._pending_lookups())
        return iter(sorted(row for row in kept if row[0].startswith(kind)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of the database, if there is one; nothing of it stays."""
        self._resources.close()

    def _spill_rows(self) -> None:
        self._write_out(chain(self._rows.items(), self._pending_lookups()))
        self._rows.clear()
        self._lookups.clear()
        self._row_bytes = 0

    def _spill_pages(self) -> None:
        self._write_out(self._pending_pages())
        self._near_root.update((path, page) for path, page in self._pages.items() if len(path) <= _NEAR_PATH)
        self._pages.clear()
        self._page_bytes = 0
        self._has_spilled_pages = True

    def _write_out(self, pending: Iterator[tuple[bytes, bytes]]) -> None:
        if self._database is None:
            temporary = tempfile.TemporaryDirectory(prefix="sogoc-audit-", dir=self._directory)
            path = Path(self._resources.enter_context(temporary))
            self._database = self._resources.enter_context(
                Database.open(path / "state", create=True, options=THROWN_AWAY)
            )
        while rows := list(islice(pending, _WRITTEN_AT_ONCE)):
            self._database.write(rows, synced=False)

    def _pending_pages(self) -> Iterator[tuple[bytes, bytes]]:
        return ((layout.STATE_PAGE + path, page) for path, page in self._pages.items())

    def _pending_lookups(self) -> Iterator[tuple[bytes, bytes]]:
        return ((layout.LOOKUP + key, value) for key, value in self._lookups.items())


def _bytes_of(rows: dict[bytes, bytes]) -> int:
    """What some rows take in memory."""
    return sum(map(len, rows)) + sum(map(len, rows.values())) + len(rows) * _ROW_OVERHEAD
