"""A ledger's store as a source: the database of a stopped node, or a snapshot inside one that runs.

Rules: it is opened without the checks that `LedgerStore` makes, because an audit makes them all and says more about what
is wrong. What is read is read by number, from one snapshot. LevelDB lets one process in; while a node serves a directory,
its audit goes through that node (`ledger.verify.sources.remote`), or the node hands over a view of its own.

Not here: checking rows (`ledger.verify.stored`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ledger.errors import StoreCorruptError
from ledger.store import layout, swap
from ledger.store.database import Database, Reader
from ledger.store.ledger_store import check_format
from ledger.store.values import Head, missing
from ledger.store.view import LedgerView


class StoreSource(LedgerView):
    """A store to audit: a log, and the rows that it is kept in."""

    def __init__(self, reader: Reader) -> None:
        """Audit what `reader` sees; a snapshot, unless nothing writes. Raises StoreVersionError, StoreCorruptError."""
        check_format(reader)
        row = reader.get(layout.HEAD)
        if row is None:
            raise missing("head")
        super().__init__(reader, Head.parse(row))
        self.reader = reader
        """The rows themselves."""

    @classmethod
    def of_view(cls, view: LedgerView) -> Self:
        """The source for a snapshot that a running node has taken of its own store."""
        return cls(view._reader)  # noqa: SLF001  a view has no other way to its rows, and needs none but for this

    def checkpoint(self) -> str:
        """The newest signed checkpoint. Raises StoreCorruptError (`store.row-missing`) if there is none."""
        text = self.signed_checkpoint()
        if text is None:
            raise missing("a signed checkpoint")
        return text

    def first_missing(self, kind: bytes, n: int, width: int) -> int | None:
        """The first log index of bundle `n` that has no row of `kind`, or None."""
        for index in range(n * 256, n * 256 + width):
            try:
                found = self.reader.get(layout.numbered(kind, index))
            except StoreCorruptError:
                return index
            if found is None:
                return index
        return None


@contextmanager
def open_store(path: Path) -> Iterator[StoreSource]:
    """The store in the directory `path` (a ledger's own: `data/ledger` of a node's home), for as long as the block lasts.

    Raises StoreLockedError if a process has it open, StoreVersionError, StoreCorruptError, StoreError.
    """
    swap.finish(path)
    with Database.open(path / swap.CURRENT, create=False) as database, database.snapshot() as snapshot:
        yield StoreSource(snapshot)
