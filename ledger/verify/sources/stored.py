"""A ledger's store as a source: the database of a stopped node, or a snapshot of one that runs.

Rules: it is opened without the checks that `LedgerStore` makes, because an audit makes them all and says more about what
is wrong. What is read is read by number, from one snapshot. LevelDB lets one process in; while a node serves a directory,
that node hands out the rows of a snapshot, and whoever speaks its protocol makes a reader of them (`api.served_store`).

Not here: checking rows (`ledger.verify.stored`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ledger.errors import StoreCorruptError
from ledger.genesis import parse_genesis_leaf
from ledger.store import layout, swap
from ledger.store.database import READ_ONCE, Database, Reader
from ledger.store.ledger_store import check_format
from ledger.store.values import Head, missing
from ledger.store.view import LedgerView
from ledger.tiles import TILE_WIDTH, encode_entry_bundle
from ledger.transitions import read_transitions


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

    def older_checkpoints(self) -> Iterator[str]:
        """The signed checkpoints before the newest, newest first. Raises StoreCorruptError."""
        for number, (key, _) in enumerate(self.reader.iterate(layout.SIGNED, reverse=True)):
            if number:
                text = self.signed_checkpoint(layout.number_of(key))
                if text is not None:
                    yield text

    def entry_bundle(self, n: int, width: int) -> bytes:
        """Leaves `256 n` and following, `width` of them."""
        leaves = self._rows(layout.LEAF, n, width)
        return super().entry_bundle(n, width) if leaves is None else encode_entry_bundle(leaves)

    def records_bundle(self, n: int, width: int) -> bytes:
        """What stands beside those leaves."""
        records = self._rows(layout.RECORDS, n, width)
        return super().records_bundle(n, width) if records is None else b"".join(records)

    def transitions(self) -> bytes | None:
        """How the validators changed, as far as the closing checkpoints are final. Raises StoreCorruptError, FormatError."""
        if next(self.validator_changes(), None) is None:
            return None
        return read_transitions(self, parse_genesis_leaf(self.leaf(0))).encoded()

    def _rows(self, kind: bytes, n: int, width: int) -> list[bytes] | None:
        """The rows of a bundle if they are all there, or None; whoever asks one by one can say which is missing."""
        first, end = layout.numbered(kind, n * TILE_WIDTH), layout.numbered(kind, n * TILE_WIDTH + width)
        rows = list(self.reader.iterate(kind, start=first, stop=end, at_once=width))
        if len(rows) != width:
            return None
        # As many different keys of the same length as there are numbers from the first to the last: no gap, nothing else.
        keys, values = zip(*rows, strict=True)
        return list(values) if set(map(len, keys)) == {len(first)} else None

    def first_missing(self, kind: bytes, n: int, width: int) -> int | None:
        """The first log index of bundle `n` that has no row of `kind`, or None."""
        for index in range(n * TILE_WIDTH, n * TILE_WIDTH + width):
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
    with (
        Database.open(path / swap.CURRENT, create=False, options=READ_ONCE) as database,
        database.snapshot() as snapshot,
    ):
        yield StoreSource(snapshot)
