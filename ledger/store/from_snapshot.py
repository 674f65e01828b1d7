"""A store that begins with a state and not with the genesis block: received page by page, and then extended like any other.

Rules:

* What is put here was checked before (`ledger.state.transfer`, `node.snapshot`). Pages, rows and how far they go are one batch,
  so that whoever was killed goes on behind the last page that is there.
* Until it is whole it lies under another name. Then it is synced, and gets its name in one step.
* It has a format name of its own: no program takes it for a ledger, whose blocks before the state it has not.
* Of the log it has the tiles at its edge: enough to append, and to prove the last header. Nothing else of the past is there.

Not here: fetching, checking, saying what may be read from it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

from ledger.block import Header, parse_header_leaf
from ledger.encoding import decode, encode
from ledger.errors import LedgerError, StoreError
from ledger.hashing import leaf_hash, sha256
from ledger.store import layout, swap
from ledger.store.database import Database, Row, sync_directory
from ledger.store.ledger_store import LedgerStore
from ledger.store.values import Head, state_row
from ledger.tiles import encode_records_bundle

PART_SUFFIX: Final = ".part"


@dataclass(frozen=True, slots=True)
class Beginning:
    """The block whose state a store begins with. Everything in it was checked."""

    checkpoint_text: str
    """Its checkpoint with signatures."""
    root: bytes
    """Root of the log under that checkpoint."""
    header_leaf: bytes
    header_signature: bytes
    tiles: Mapping[tuple[int, int], bytes]
    """Tiles at the edge of the log, by level and number."""

    @property
    def header(self) -> Header:
        """The block's header."""
        return parse_header_leaf(self.header_leaf)

    def encoded(self) -> bytes:
        """What is kept of it while its state is received."""
        tiles = [[level, n, tile] for (level, n), tile in sorted(self.tiles.items())]
        return encode([self.checkpoint_text, self.root, self.header_leaf, self.header_signature, list(tiles)])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what `encoded` made. Raises FormatError, or ValueError if it is something else."""
        match decode(data, max_bytes=4_000_000):
            case [str(text), bytes(root), bytes(leaf), bytes(signature), list(rows)]:
                tiles: dict[tuple[int, int], bytes] = {}
                for row in rows:
                    match row:
                        case [int(level), int(n), bytes(tile)]:
                            tiles[level, n] = tile
                        case _:
                            raise ValueError("a tile")
                return cls(text, root, leaf, signature, tiles)
        raise ValueError("a beginning")


class Inbox:
    """A state that is being received into a store. A `PageSource` of what has come."""

    def __init__(self, path: Path, database: Database, beginning: Beginning, after: bytes | None) -> None:
        """Use `begin` or `resume`."""
        self._path = path
        self._database = database
        self.beginning = beginning
        self.after = after
        """The prefix of the last page that is here."""

    @classmethod
    def begin(cls, path: Path, beginning: Beginning) -> Self:
        """Begin to receive the store that is to be in the directory `path`; what was received for another is thrown away."""
        part = _part(path)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700, parents=True)
        database = Database.open(part / swap.CURRENT, create=True)
        database.write([(layout.ARRIVING, encode([beginning.encoded(), None]))])
        return cls(path, database, beginning, None)

    @classmethod
    def resume(cls, path: Path) -> Self | None:
        """What was being received when the process was killed; None if there is nothing, or nothing that can be used."""
        part = _part(path) / swap.CURRENT
        if not part.exists():
            return None
        try:
            database = Database.open(part, create=False)
        except StoreError:
            return None
        try:
            row = database.get(layout.ARRIVING)
            match None if row is None else decode(row, max_bytes=5_000_000):
                case [bytes(data), after] if after is None or isinstance(after, bytes):
                    return cls(path, database, Beginning.parse(data), after)
        except (LedgerError, ValueError):
            pass
        database.close()
        return None

    def page(self, path: bytes) -> bytes | None:
        """A page of the state that has come."""
        return self._database.get(layout.STATE_PAGE + path)

    def put(
        self, pages: Iterable[tuple[bytes, bytes]], rows: Iterable[tuple[bytes, bytes]], after: bytes
    ) -> None:
        """Keep checked pages by their page paths, and rows; `after` is the last of these pages. Raises StoreError."""
        batch: list[Row] = [(layout.STATE_PAGE + path, page) for path, page in pages]
        batch += [(layout.STATE_ROW + sha256(key), state_row(key, value)) for key, value in rows]
        batch.append((layout.ARRIVING, encode([self.beginning.encoded(), after])))
        # Not synced: what a power cut takes away is fetched again.
        self._database.write(batch, synced=False)
        self.after = after

    def finish(self) -> None:
        """All has come and was checked: make it a store under its name. Raises StoreError."""
        self._database.write([*_rows(self.beginning), (layout.ARRIVING, None)])
        self._database.close()
        part = _part(self._path)
        swap.sync_files(part / swap.CURRENT)
        sync_directory(part)
        shutil.rmtree(self._path, ignore_errors=True)
        part.rename(self._path)
        sync_directory(self._path.parent)

    def close(self) -> None:
        """Stop here; `resume` goes on."""
        self._database.close()


class SnapshotStore(LedgerStore):
    """An open store that begins with a state."""

    format_name: ClassVar[str] = layout.SNAPSHOT_FORMAT_NAME


def discard(path: Path) -> None:
    """Remove a store that begins with a state, and what was being received for one."""
    shutil.rmtree(_part(path), ignore_errors=True)
    shutil.rmtree(path, ignore_errors=True)


def _part(path: Path) -> Path:
    return path.with_name(path.name + PART_SUFFIX)


def _rows(beginning: Beginning) -> list[Row]:
    header = beginning.header
    head = Head(
        height=header.height,
        engine_height=header.engine_height,
        size=header.size,
        root=beginning.root,
        header_hash=leaf_hash(beginning.header_leaf),
        state_root=header.state_root,
        time_ms=header.time_ms,
    )
    signature = (beginning.header_signature,) if beginning.header_signature else ()
    text = beginning.checkpoint_text.encode()
    rows: list[Row] = [
        (layout.FORMAT, encode([layout.SNAPSHOT_FORMAT_NAME, layout.FORMAT_VERSION])),
        (layout.HEAD, head.encoded()),
        (
            layout.numbered(layout.BLOCK, header.height),
            layout.block_row(header.first_index, header.entry_count),
        ),
        (layout.numbered(layout.CHECKPOINT, header.size), beginning.root),
        (layout.numbered(layout.LEAF, header.index), beginning.header_leaf),
        (layout.numbered(layout.RECORDS, header.index), encode_records_bundle((signature,))),
        (layout.numbered(layout.SIGNED, header.size), text),
        (layout.SIGNED_SUMMARY, encode([1, header.size])),
    ]
    return [*rows, *((layout.tile_key(level, n), tile) for (level, n), tile in beginning.tiles.items())]
