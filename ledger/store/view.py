"""Reading a ledger: blocks, leaves, tiles, state, lookups, signed checkpoints.

Rules:

* What exists is told by the head (heights up to its height, indexes below its size) and asked for by number. A row
  that must exist and does not is `StoreCorruptError` (`store.row-missing`), naming the row; one that cannot be what
  was written is `store.row-damaged`. What lies beyond the head is `StoreError` (`store.not-there`).
* Absence in the state and in the lookups cannot be told from loss by looking here: proofs and the audit tell them
  apart.
* A view over a snapshot sees one moment. A view over the database itself (`LedgerStore`) sees each block as soon as
  it is committed; whoever needs two answers that belong together takes a snapshot.

Not here: writing (`ledger.store.ledger_store`), and checking what was read against the chain (`ledger.verify`).
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

from ledger.block import parse_header_leaf
from ledger.errors import CannotTellError, FormatError, StoreError, StoreVersionError
from ledger.hashing import HASH_SIZE, leaf_hash, sha256
from ledger.merkle import CompactRange
from ledger.state import StateProof
from ledger.state.pages import read_page, top_of
from ledger.store import layout
from ledger.store.database import Reader, Snapshot
from ledger.store.values import Head, StoredBlock, damaged, hash_of, integer, items, missing
from ledger.tiles import (
    TILE_WIDTH,
    compact_range,
    decode_records_bundle,
    encode_entry_bundle,
    tile_width,
)


class LedgerView:
    """A ledger to read from. Also a reader of its state and pages (`ledger.state`) and of its tiles
    (`ledger.tiles`).
    """

    def __init__(self, reader: Reader, head: Head) -> None:
        self._reader = reader
        self._head = head

    @property
    def head(self) -> Head:
        """The last block this view sees."""
        return self._head

    # -- blocks and leaves -------------------------------------------------------------------------------------------

    def block(self, height: int) -> StoredBlock:
        """The block at `height`, with its entries and their records."""
        first_index, count = self._block_row(height)
        leaves = self._run(layout.LEAF, first_index, count + 1)
        rows = self._run(layout.RECORDS, first_index, count + 1)
        records = [_records(row, first_index + n) for n, row in enumerate(rows)]
        return StoredBlock(
            height=height,
            header_leaf=leaves[-1],
            header_signature=records[-1][0] if records[-1] else b"",
            first_index=first_index,
            leaves=tuple(leaves[:-1]),
            records=tuple(records[:-1]),
        )

    def header_leaf(self, height: int) -> bytes:
        """The header of the block at `height`, as it stands in the log."""
        first_index, count = self._block_row(height)
        return self._must(layout.numbered(layout.LEAF, first_index + count))

    def leaf(self, index: int) -> bytes:
        """The leaf at `index` of the log: genesis, entry or header."""
        self._check_index(index)
        return self._must(layout.numbered(layout.LEAF, index))

    def records(self, index: int) -> tuple[bytes, ...]:
        """The records of the leaf at `index`; for a header's leaf the proposer's signature, if there is one."""
        self._check_index(index)
        return _records(self._must(layout.numbered(layout.RECORDS, index)), index)

    def height_of_index(self, index: int) -> int:
        """Height of the block that holds the leaf at `index`."""
        self._check_index(index)
        if self._block_row(self.head.height)[0] <= index:
            return self.head.height
        # A block has two leaves or more, so its height is at most half of its first index.
        low, high = 0, min(self.head.height, index // 2)
        while low < high:
            middle = (low + high + 1) // 2
            if self._block_row(middle)[0] <= index:
                low = middle
            else:
                high = middle - 1
        return low

    # -- the log -----------------------------------------------------------------------------------------------------

    def tile(self, level: int, n: int, width: int) -> bytes:
        """The first `width` hashes of tile `n` at `level`, one after another (C2SP tlog-tiles)."""
        if level < 0 or n < 0 or not 0 < width <= tile_width(level, n, self.head.size):
            raise StoreError("store.not-there", f"There is no tile {n} of width {width} at level {level}.")
        key = layout.tile_key(level, n)
        hashes = self._must(key)
        if len(hashes) % HASH_SIZE or len(hashes) < width * HASH_SIZE:
            raise damaged(_name(key))
        return hashes[: width * HASH_SIZE]

    def entry_bundle(self, n: int, width: int) -> bytes:
        """Leaves `256 n` and following, `width` of them, as an entry bundle (C2SP tlog-tiles)."""
        return encode_entry_bundle(self._bundle(layout.LEAF, n, width))

    def records_bundle(self, n: int, width: int) -> bytes:
        """The records of leaves `256 n` and following, `width` of them, as a records bundle."""
        return b"".join(self._bundle(layout.RECORDS, n, width))

    def log_range(self) -> CompactRange:
        """The log as its complete subtrees, read from the tiles: what it takes to append."""
        return compact_range(self, self.head.size)

    # -- the state ---------------------------------------------------------------------------------------------------

    def get(self, key: bytes) -> bytes | None:
        """The state's value under `key`, or None."""
        row = self.read_row(sha256(key))
        if row is None:
            return None
        if row[0] != key:
            raise damaged(_name(layout.STATE_ROW + sha256(key)))
        return row[1]

    def read_row(self, key_hash: bytes) -> tuple[bytes, bytes] | None:
        """Key and value of the state's row whose key has this SHA-256, or None."""
        row_key = layout.STATE_ROW + key_hash
        row = self._reader.get(row_key)
        if row is None:
            return None
        key, value = items(row, 2, _name(row_key))
        if not isinstance(key, bytes) or not isinstance(value, bytes) or sha256(key) != key_hash:
            raise damaged(_name(row_key))
        return key, value

    def page(self, path: bytes) -> bytes | None:
        """The page of the state tree at `path`, or None."""
        return self._reader.get(layout.STATE_PAGE + path)

    def pages_behind(self, path: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Paths and pages of the state tree in order of page path, those behind `path`."""
        start = layout.STATE_PAGE + path + b"\x00"
        for key, page in self._reader.iterate(layout.STATE_PAGE, start=start):
            yield key[1:], page

    def lookup(
        self,
        prefix: bytes,
        *,
        start: bytes | None = None,
        stop: bytes | None = None,
        reverse: bool = False,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Rows of the lookup index whose keys begin with `prefix`, as (key, value) in order of key.

        `start` (inclusive) and `stop` (exclusive) are whole keys too: of what lies outside nothing is read.
        """
        rows = self._reader.iterate(
            layout.LOOKUP + prefix,
            start=None if start is None else layout.LOOKUP + start,
            stop=None if stop is None else layout.LOOKUP + stop,
            reverse=reverse,
        )
        for key, value in rows:
            yield key[1:], value

    def lookup_groups(self, prefix: bytes, width: int) -> Iterator[bytes]:
        """What the lookup keys that begin with `prefix` have in the next `width` bytes, each once, ascending.

        A group is left behind in one step, however many rows it has.
        """
        whole = layout.LOOKUP + prefix
        start = whole
        while (row := next(self._reader.iterate(whole, start=start), None)) is not None:
            group = row[0][len(whole) : len(whole) + width]
            yield group
            above = int.from_bytes(group, "big") + 1
            if len(group) < width or above >> (8 * width):
                return
            start = whole + above.to_bytes(width, "big")

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def checkpoint_root(self, size: int) -> bytes:
        """Root of the log at `size`, the size after some block. Raises StoreError (`store.not-there`) for any other
        size.
        """
        root = (
            self._reader.get(layout.numbered(layout.CHECKPOINT, size)) if 0 < size <= self.head.size else None
        )
        if root is None:
            if 0 < size <= self.head.size and self._is_block_end(size):
                raise missing(f"checkpoint of size {size}")
            raise StoreError("store.not-there", f"No block of this ledger ends at size {size}.")
        return hash_of(root, f"checkpoint of size {size}")

    def signed_checkpoint(self, size: int | None = None) -> str | None:
        """The checkpoint of `size` with its signatures, as text; the largest signed one without `size`. None if
        there is none.
        """
        if size is None:
            _, size = self._signed_summary()
            if size == 0:
                return None
            return _text(self._must(layout.numbered(layout.SIGNED, size)), size)
        text = self._reader.get(layout.numbered(layout.SIGNED, size))
        return None if text is None else _text(text, size)

    def validator_changes(self) -> Iterator[tuple[int, StateProof, StateProof]]:
        """The tree sizes after blocks that changed the validators, ascending, each with the state proofs of the set and
        of the row that says who they were before. Raises StoreCorruptError.
        """
        for key, row in self._reader.iterate(layout.VALIDATOR_CHANGE):
            name = f"change of validators at size {layout.number_of(key)}"
            after, before = items(row, 2, name)
            try:
                yield layout.number_of(key), StateProof.from_value(after), StateProof.from_value(before)
            except FormatError as error:
                raise damaged(name) from error

    def signed_sizes(self) -> Iterator[int]:
        """Sizes of the checkpoints that are kept with signatures, ascending."""
        count, _ = self._signed_summary()
        found = 0
        for key, _value in self._reader.iterate(layout.SIGNED):
            found += 1
            yield layout.number_of(key)
        # One that was put meanwhile may be there beyond the count; over a snapshot there is none.
        if found < count:
            raise missing(f"one of {count} signed checkpoints")

    def signed_backwards(self, below: int) -> Iterator[tuple[int, str]]:
        """Checkpoints of sizes smaller than `below` that are kept with signatures, largest first, read as they are asked for.

        Absence cannot be told from loss here; `signed_sizes` tells them apart.
        """
        stop = layout.numbered(layout.SIGNED, below)
        for key, text in self._reader.iterate(layout.SIGNED, stop=stop, reverse=True, at_once=16):
            size = layout.number_of(key)
            yield size, _text(text, size)

    def last_signed(self, key_id: bytes) -> tuple[int, bytes] | None:
        """Size and root that the cosigning key `key_id` last meant to sign, or None."""
        row = self._reader.get(layout.COSIGNED + key_id)
        if row is None:
            return None
        name = f"last signature of key {key_id.hex()}"
        size, root = items(row, 2, name)
        return integer(size, name), hash_of(root, name)

    # -- within ------------------------------------------------------------------------------------------------------

    def _must(self, key: bytes) -> bytes:
        value = self._reader.get(key)
        if value is None:
            raise missing(_name(key))
        return value

    def _run(self, kind: bytes, first: int, count: int) -> list[bytes]:
        """Rows `first` to `first + count` of `kind`. Read in one sweep, but by number: a gap is an error."""
        start, stop = layout.numbered(kind, first), layout.numbered(kind, first + count)
        values = []
        wanted = first
        for key, value in self._reader.iterate(kind, start=start, stop=stop):
            if layout.number_of(key) != wanted:
                break
            values.append(value)
            wanted += 1
        if len(values) != count:
            raise missing(_name(layout.numbered(kind, wanted)))
        return values

    def _bundle(self, kind: bytes, n: int, width: int) -> list[bytes]:
        if n < 0 or not 0 < width <= TILE_WIDTH or n * TILE_WIDTH + width > self.head.size:
            raise StoreError("store.not-there", f"There is no bundle {n} of width {width}.")
        return self._run(kind, n * TILE_WIDTH, width)

    def _block_row(self, height: int) -> tuple[int, int]:
        if not 0 <= height <= self.head.height:
            raise StoreError(
                "store.not-there", f"There is no block {height}; the last is {self.head.height}."
            )
        key = layout.numbered(layout.BLOCK, height)
        row = self._must(key)
        if len(row) != layout.BLOCK_ROW_SIZE:
            raise damaged(_name(key))
        return int.from_bytes(row[:8], "big"), int.from_bytes(row[8:], "big")

    def _check_index(self, index: int) -> None:
        if not 0 <= index < self.head.size:
            raise StoreError("store.not-there", f"There is no leaf {index}; the log has {self.head.size}.")

    def _is_block_end(self, size: int) -> bool:
        first_index, count = self._block_row(self.height_of_index(size - 1))
        return first_index + count + 1 == size

    def _signed_summary(self) -> tuple[int, int]:
        row = self._reader.get(layout.SIGNED_SUMMARY)
        if row is None:
            return 0, 0
        count, largest = items(row, 2, "summary of signed checkpoints")
        return integer(count, "summary of signed checkpoints"), integer(
            largest, "summary of signed checkpoints"
        )


class LedgerSnapshot(LedgerView):
    """A ledger as it was at one moment, whatever is committed meanwhile. A context manager; close it when done."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot, read_head(snapshot))
        self._snapshot = snapshot

    def close(self) -> None:
        """Let go of the moment."""
        self._snapshot.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def read_head(reader: Reader) -> Head:
    """The head row, checked against the block that it names.

    Opening and committing both end here. Raises StoreVersionError (`store.newer-rules`), and StoreCorruptError if
    the last block, its header, its checkpoint or the root of its state is missing or is not the one that the head
    describes.
    """
    row = reader.get(layout.HEAD)
    if row is None:
        raise missing("head")
    head = Head.parse(row)
    view = LedgerView(reader, head)
    leaf = view.header_leaf(head.height)
    if leaf_hash(leaf) != head.header_hash:
        raise damaged(f"header of block {head.height}")
    try:
        header = parse_header_leaf(leaf)
    except FormatError as error:
        raise damaged(f"header of block {head.height}") from error
    except CannotTellError as error:
        detail = (
            f"The last block follows rules that this program does not know ({error.detail}). Use a newer one."
        )
        raise StoreVersionError("store.newer-rules", detail) from error
    same = (head.height, head.size, head.state_root, head.time_ms)
    if (header.height, header.size, header.state_root, header.time_ms) != same:
        raise damaged("head")
    if head.engine_height < header.engine_height:
        raise damaged("head")
    if reader.get(layout.ENGINE) != layout.engine_row(head.engine_height, header.engine_height):
        raise damaged("engine height, in the head or beside it")
    if not view._is_block_end(head.size) or view.height_of_index(head.size - 1) != head.height:  # noqa: SLF001
        raise damaged(f"block {head.height}")
    if view.checkpoint_root(head.size) != head.root:
        raise damaged(f"checkpoint of size {head.size}")
    if top_of(read_page(view, b""))[0] != head.state_root:
        raise damaged("root page of the state")
    return head


def _records(row: bytes, index: int) -> tuple[bytes, ...]:
    try:
        (records,) = decode_records_bundle(row)
    except (FormatError, ValueError) as error:
        raise damaged(f"records of leaf {index}") from error
    return tuple(records)


def _text(value: bytes, size: int) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise damaged(f"signed checkpoint of size {size}") from error


_NAMES = {
    layout.BLOCK: "row of block",
    layout.LEAF: "leaf",
    layout.RECORDS: "records of leaf",
    layout.SIGNED: "signed checkpoint of size",
}


def _name(key: bytes) -> str:
    """The row at `key`, for people."""
    kind = key[:1]
    if kind in _NAMES:
        return f"{_NAMES[kind]} {layout.number_of(key)}"
    if kind == layout.TILE:
        return f"tile {int.from_bytes(key[2:], 'big')} of level {key[1]}"
    return f"state row {key[1:].hex()}" if kind == layout.STATE_ROW else f"row {key.hex()}"
