"""A ledger on the disk: made once, opened by one process, extended block by block.

Rules:

* A block becomes durable at one point, the `Database.write` in `_written`: one atomic, synced batch. What is
  on the disk is always a chain that ends after some block; there is nothing to repair on opening.
* Opening and committing learn where the ledger stands from the same function, `read_head`, which reads it from the
  database.
* A block is taken only if it continues the chain: its header is parsed, and its height, parent, place, time, counts
  and log root must be what follows. Whether its entries are allowed, signed and rightly executed was the caller's
  to check.
* Nothing is cosigned whose (size, root) is not on the disk before, for that key: never two roots at one size, never
  a smaller size than before, and only the newest committed checkpoint.
* A store format that this program does not know is refused, never guessed at.

Not here: executing blocks, signing anything, choosing when to commit.

On the disk a ledger is a directory with the database in it, under the names of `ledger.store.swap`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final, Self, TypeAlias

from ledger import checkpoint
from ledger.block import NO_PARENT, Header, parse_header_leaf
from ledger.encoding import decode, encode
from ledger.errors import CannotTellError, FormatError, StoreCorruptError, StoreError, StoreVersionError
from ledger.hashing import EMPTY_ROOT, leaf_hashes, sha256
from ledger.merkle import CompactRange
from ledger.rows import VALIDATORS_BEFORE_KEY, VALIDATORS_KEY
from ledger.state import EMPTY_STATE_ROOT, prove
from ledger.store import layout, swap
from ledger.store.commit import BlockCommit
from ledger.store.database import Database, Reader, Row, Snapshot
from ledger.store.values import Head, damaged, state_row
from ledger.store.view import LedgerSnapshot, LedgerView, read_head
from ledger.tiles import encode_records_bundle, new_tiles

DatabaseOpener: TypeAlias = Callable[[Path, bool], Database]


def open_database(path: Path, create: bool) -> Database:  # noqa: FBT001  a callable type names no keywords
    """The database in `path`; see `Database.open`."""
    return Database.open(path, create=create)


class LedgerStore(LedgerView):
    """An open ledger. Reads may come from any thread; writes wait for one another."""

    format_name: ClassVar[str] = layout.FORMAT_NAME

    def __init__(self, database: Database) -> None:
        """Take over an open database. Raises StoreVersionError, StoreCorruptError; the database stays the caller's
        then.
        """
        check_format(database, self.format_name)
        super().__init__(database, read_head(database))
        self._database = database
        self._log = self.log_range()
        if self._log.root() != self.head.root:
            raise damaged(f"a tile at the edge of the log of size {self.head.size}")
        self._committing = threading.Lock()

    @classmethod
    def create(cls, path: Path, genesis: BlockCommit, *, opener: DatabaseOpener = open_database) -> Self:
        """Make a ledger in the directory `path` (created if need be) that holds the genesis block, and open it.

        After a crash there is either a ledger with its genesis block or none. Raises StoreError (`store.exists`,
        `store.not-next`, and what the disk says).
        """
        swap.finish(path)
        if (path / swap.CURRENT).exists():
            raise StoreError("store.exists", f"There is a ledger in {path} already. Name another directory.")
        with swap.new_database(path, replace=False) as new, opener(new, True) as database:  # noqa: FBT003
            write_genesis(database, genesis)
        return cls.open(path, opener=opener)

    @classmethod
    def open(cls, path: Path, *, opener: DatabaseOpener = open_database) -> Self:
        """Open the ledger in the directory `path`.

        Raises StoreLockedError, StoreVersionError (no ledger there, or a newer format), StoreCorruptError,
        StoreError.
        """
        swap.finish(path)
        database = opener(path / swap.CURRENT, False)  # noqa: FBT003
        try:
            return cls(database)
        except BaseException:
            database.close()
            raise

    @property
    def log(self) -> CompactRange:
        """The log at the head, as its complete subtrees: what the next block is appended to."""
        return self._log

    def snapshot(self) -> LedgerSnapshot:
        """The ledger as it is now, to read from while blocks are committed. Close it."""
        return LedgerSnapshot(self._database.snapshot())

    def rows(self) -> Snapshot:
        """The rows as they are now, none of them checked: for an audit, which checks them all. Close it."""
        return self._database.snapshot()

    def approximate_size(self) -> int:
        """Bytes on the disk."""
        return self._database.approximate_size()

    def close(self) -> None:
        """Close the ledger. No thread may be reading."""
        self._database.close()

    def commit(self, block: BlockCommit, engine_height: int, *, cosign_key_id: bytes | None = None) -> Head:
        """Write `block`, decided at `engine_height`, and all that follows from it; return the new head once it is
        durable.

        With `cosign_key_id` the batch also records that this key will sign the checkpoint after the block. Raises
        StoreError: `store.not-next` if the block does not continue the chain, `cosign.*` if the key may not sign
        there, or what the disk says; after the last of these whether the block is durable is known only once the
        store is opened again.
        """
        with self._committing:
            rows, head, log = block_rows(self, self._log, block, engine_height)
            if self._reader.get(layout.ENGINE) is not None:
                rows.append((layout.ENGINE, None))
            if cosign_key_id is not None:
                rows.append(self._cosign_row(cosign_key_id, head.size, head.root))
            # The order of durability:
            #   1. everything below is in one batch, appended to LevelDB's log and synced (fdatasync) before `write`
            #      returns; a crash before that leaves no block, a crash after it the whole block;
            #   2. only then is the number of the batch noted beside the database, so that it is never ahead;
            #   3. only then does this process see the new head, and the caller may answer, cosign and publish. The
            #      (size, root) it may cosign is in the batch of step 1.
            self._head = self._written(rows)
            self._log = log
            return self._head

    def advance_engine(self, engine_height: int) -> Head:
        """Note that the engine went on to `engine_height` without a block of this ledger; return the new head.

        Raises StoreError (`store.not-next`) unless it is above the last one.
        """
        with self._committing:
            head = self._head
            if engine_height <= head.engine_height:
                raise _not_next(f"engine height {engine_height} is not above {head.engine_height}")
            advanced = replace(head, engine_height=engine_height)
            # Said twice: no header repeats it, so nothing else would tell if one of the two were changed.
            engine = (layout.ENGINE, layout.engine_row(engine_height, head.engine_height))
            self._head = self._written([(layout.HEAD, advanced.encoded()), engine])
            return self._head

    def put_signatures(self, size: int, note_text: str) -> None:
        """Keep the checkpoint of `size` with the signatures gathered so far, instead of what was kept for that size.

        Raises FormatError if it is no checkpoint, StoreError: `store.not-there` if no block ends at `size`,
        `store.wrong-checkpoint` if it is not of this size and of this ledger's root. Signatures are the caller's to
        check.
        """
        signed = checkpoint.parse(note_text)
        if signed.size != size or signed.root != self.checkpoint_root(size):
            detail = f"A checkpoint to keep for size {size} is of size {signed.size}, or its root is not this ledger's."
            raise StoreError("store.wrong-checkpoint", detail)
        with self._committing:
            count, largest = self._signed_summary()
            key = layout.numbered(layout.SIGNED, size)
            if self._reader.get(key) is None:
                count += 1
            summary = encode([count, max(largest, size)])
            self._database.write([(key, note_text.encode()), (layout.SIGNED_SUMMARY, summary)])

    def record_intent_to_sign(self, key_id: bytes, size: int, root: bytes) -> None:
        """Record, synced, that the cosigning key `key_id` is about to sign (`size`, `root`); call it before it does.

        Only the newest committed checkpoint may be signed, any number of times. Raises StoreError:
        `cosign.not-newest`, `cosign.not-committed` (another root than the ledger's), `cosign.smaller-size`,
        `cosign.second-root`.
        """
        with self._committing:
            if size != self._head.size:
                detail = f"Only the newest checkpoint is signed, of size {self._head.size}, not {size}."
                raise StoreError("cosign.not-newest", detail)
            if root != self._head.root:
                raise StoreError(
                    "cosign.not-committed", f"The root to sign at size {size} is not this ledger's."
                )
            row = self._cosign_row(key_id, size, root)
            # Found recorded is as good as recorded only if it is sure to be on the disk.
            self._database.check_settled()
            if self.last_signed(key_id) != (size, root):
                self._database.write([row])

    def learn_signed(self, key_id: bytes, size: int, root: bytes) -> None:
        """Record, synced, that `key_id` has signed (`size`, `root`) before, as a peer's or a witness's copy shows.

        For a restored store: from then on the key signs nothing smaller, and at `size` only `root`. Raises
        StoreError (`cosign.second-root`) if this store knows another root there; something smaller than is known
        changes nothing.
        """
        with self._committing:
            self._database.check_settled()
            known = self.last_signed(key_id)
            if known is not None and size < known[0]:
                return
            row = self._cosign_row(key_id, size, root)
            if known != (size, root):
                self._database.write([row])

    def _written(self, rows: list[Row]) -> Head:
        """Write `rows`, and learn from the database where the ledger stands now."""
        self._database.write(rows)
        try:
            return read_head(self._database)
        except StoreError:
            self._database.distrust()
            raise

    def _cosign_row(self, key_id: bytes, size: int, root: bytes) -> Row:
        last = self.last_signed(key_id)
        if last is not None and size < last[0]:
            detail = f"Key {key_id.hex()} has signed size {last[0]}, so it signs nothing of the smaller size {size}."
            raise StoreError("cosign.smaller-size", detail)
        if last is not None and size == last[0] and root != last[1]:
            detail = (
                f"Key {key_id.hex()} has signed another root at size {size}: {last[1].hex()}, not {root.hex()}. "
                "Signing this one too would make a fork. Find out which history is true before this node goes on."
            )
            raise StoreError("cosign.second-root", detail)
        return layout.COSIGNED + key_id, encode([size, root])


def check_format(reader: Reader, name: str = layout.FORMAT_NAME) -> None:
    """Raise StoreVersionError unless this is a ledger in a format known here (`store.not-a-ledger`,
    `store.newer-format`).
    """
    row = reader.get(layout.FORMAT)
    try:
        value = None if row is None else decode(row)
    except FormatError as error:
        raise StoreCorruptError(
            "store.row-damaged", f"The format row in {reader.path} cannot be read."
        ) from error
    if not isinstance(value, list) or len(value) != 2 or value[0] != name:
        raise StoreVersionError(
            "store.not-a-ledger", f"The database in {reader.path} is not a ledger. Name another directory."
        )
    if value[1] != layout.FORMAT_VERSION:
        detail = (
            f"The ledger in {reader.path} is in store format {value[1]!r}; this program knows {layout.FORMAT_VERSION}. "
            "Use the program that wrote it, or a newer one."
        )
        raise StoreVersionError("store.newer-format", detail)


NOTHING: Final = Head(-1, -1, 0, EMPTY_ROOT, NO_PARENT, EMPTY_STATE_ROOT, -1)
"""Head of a ledger before its genesis block."""


def write_genesis(database: Database, genesis: BlockCommit) -> tuple[Head, CompactRange]:
    """Write the first rows of a ledger into an empty database; return its head and log. Raises StoreError."""
    rows, head, log = block_rows(LedgerView(database, NOTHING), CompactRange(), genesis, 0)
    rows.append((layout.FORMAT, encode([layout.FORMAT_NAME, layout.FORMAT_VERSION])))
    database.write(rows)
    return head, log


def block_rows(
    before: LedgerView, log: CompactRange, block: BlockCommit, engine_height: int
) -> tuple[list[Row], Head, CompactRange]:
    """All rows of `block` as the one after the head of `before`, whose log is `log`; the new head, and the new log.

    Raises StoreError (`store.not-next`) if it does not continue the chain.
    """
    header = _check_follows(before.head, log, block, engine_height)
    hashes = leaf_hashes((*block.leaves, block.header_leaf))
    before_header = log.extend(hashes[:-1])
    if header.log_root != before_header.root():
        raise _not_next("the header's log root is not the root over all leaves before it")
    after = before_header.append(hashes[-1])
    head = Head(
        height=block.height,
        engine_height=engine_height,
        size=after.size,
        root=after.root(),
        header_hash=hashes[-1],
        state_root=block.state_root,
        time_ms=block.time_ms,
    )
    rows: list[Row] = [
        (layout.numbered(layout.BLOCK, block.height), layout.block_row(block.first_index, len(block.leaves))),
        (layout.numbered(layout.CHECKPOINT, after.size), head.root),
        (layout.HEAD, head.encoded()),
    ]
    rows += _leaf_rows(block)
    tiles = new_tiles(log.size, hashes, before.tile)
    rows += [(layout.tile_key(level, n), tile) for (level, n), tile in tiles.items()]
    rows += [
        (layout.STATE_ROW + sha256(key), state_row(key, value)) for key, value in block.state_rows.items()
    ]
    rows += [(layout.STATE_PAGE + path, page) for path, page in block.state_pages.items()]
    rows += [(layout.LOOKUP + key, value) for key, value in block.lookups]
    if VALIDATORS_KEY in block.state_rows and block.height:
        rows.append((layout.numbered(layout.VALIDATOR_CHANGE, after.size), _change_proofs(before, block)))
    return rows, head, after


class _After:
    """The state after a block that is about to be written."""

    def __init__(self, before: LedgerView, block: BlockCommit) -> None:
        self._before = before
        self._pages = block.state_pages
        self._rows = {sha256(key): (key, value) for key, value in block.state_rows.items()}

    def page(self, path: bytes) -> bytes | None:
        page = self._pages.get(path)
        return self._before.page(path) if page is None else page

    def read_row(self, key_hash: bytes) -> tuple[bytes, bytes] | None:
        return self._rows.get(key_hash) or self._before.read_row(key_hash)


def _change_proofs(before: LedgerView, block: BlockCommit) -> bytes:
    """Who the validators are after a block that changes them, and who they were: proved while this state is at hand."""
    after = _After(before, block)
    return encode(
        [
            prove(after, block.state_root, key, after.read_row).to_value()
            for key in (VALIDATORS_KEY, VALIDATORS_BEFORE_KEY)
        ]
    )


def _leaf_rows(block: BlockCommit) -> Iterator[Row]:
    signature = (block.header_signature,) if block.header_signature else ()
    leaves, records = (*block.leaves, block.header_leaf), (*block.records, signature)
    for index, (leaf, items) in enumerate(zip(leaves, records, strict=True), block.first_index):
        number = index.to_bytes(8, "big")
        yield layout.LEAF + number, leaf
        yield layout.RECORDS + number, encode_records_bundle((items,))


def _check_follows(head: Head, log: CompactRange, block: BlockCommit, engine_height: int) -> Header:
    try:
        header = parse_header_leaf(block.header_leaf)
    except (FormatError, CannotTellError) as error:
        raise _not_next(error.detail) from error
    wanted: dict[str, tuple[int | bytes, ...]] = {
        "height": (head.height + 1, block.height, header.height),
        "first index": (log.size, block.first_index, header.first_index),
        "number of entries": (len(block.records), len(block.leaves), header.entry_count),
        "time": (header.time_ms, block.time_ms),
        "parent": (head.header_hash, header.parent),
        "state root": (header.state_root, block.state_root),
        "engine height": (header.engine_height, engine_height),
    }
    for name, values in wanted.items():
        if len(set(values)) != 1:
            shown = ", ".join(_shown(value) for value in values)
            raise _not_next(f"its {name} is not the same everywhere or not the next: {shown}")
    if not block.leaves:
        raise _not_next("it has no entries")
    if header.time_ms <= head.time_ms:
        raise _not_next(f"its time {header.time_ms} is not after {head.time_ms}")
    if engine_height <= head.engine_height:
        raise _not_next(f"its engine height {engine_height} is not above {head.engine_height}")
    return header


def _shown(value: int | bytes) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _not_next(why: str) -> StoreError:
    return StoreError("store.not-next", f"This block does not continue the stored chain: {why}.")
