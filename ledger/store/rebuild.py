"""Making every row that follows from the blocks again, and a digest to compare two stores by.

Rules:

* Only source rows are read (`ledger.store.layout`): blocks, leaves, records and the head; what was signed is
  copied. Tiles, roots, state rows, state pages and lookups are computed, never copied.
* Every block goes through the same `block_rows` as when it was first committed, which checks its height, parent,
  place and log root; and its state root is computed here and compared. The first that does not match is named.
* The old store stays in its place, untouched, until the new one is complete and synced.
* The result holds the same rows as a store that was never damaged: `content_digest` of both is the same.

Not here: the rules by which a block changes the state; the caller passes them in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ledger.block import parse_header_leaf
from ledger.errors import FormatError, StoreError, VerificationError
from ledger.merkle import CompactRange
from ledger.state import update
from ledger.store import layout, swap
from ledger.store.commit import BlockCommit
from ledger.store.database import Database, Reader, Row
from ledger.store.ledger_store import NOTHING, block_rows, check_format, write_genesis
from ledger.store.values import Head, StoredBlock, missing
from ledger.store.view import LedgerView, read_head

Replay: TypeAlias = Callable[
    [StoredBlock, LedgerView], tuple[Mapping[bytes, bytes], Sequence[tuple[bytes, bytes]]]
]
"""The chain rules: given a block and the ledger before it (its state to read from), the state rows that the block
writes, and its lookup rows."""

_COPY_ROWS = 10_000


def content_digest(reader: Reader) -> bytes:
    """SHA-256 over all rows of a database in order of key: each key and value behind its length in 8 bytes,
    big-endian.

    Left out are the two rows that `ledger.store.database` keeps for itself, one of which counts the writes: the
    same ledger is written in fewer of them when it is rebuilt.
    """
    digest = hashlib.sha256()
    for key, value in reader.iterate():
        digest.update(len(key).to_bytes(8, "big") + key + len(value).to_bytes(8, "big"))
        digest.update(value)
    return digest.digest()


def rebuild(path: Path, replay: Replay, *, progress: Callable[[int, int], None] | None = None) -> Head:
    """Make the store in the directory `path` again from its blocks, and put the result in its place; return its
    head.

    No process may have it open. `progress` is called with each height done and the last one. Raises
    VerificationError (`rebuild.*`) naming the first block whose header does not match what follows from the blocks,
    StoreCorruptError if a source row is lost or damaged, what `replay` raises, and StoreError; in all these cases
    the old store stays.
    """
    swap.finish(path)
    # The databases are closed, in reverse order, before the new one takes the old one's place.
    with (
        swap.new_database(path, replace=True) as new,
        Database.open(path / swap.CURRENT, create=False) as old,
        Database.open(new, create=True) as target,
    ):
        check_format(old)
        return _rebuild(_source(old), old, target, replay, progress)


def _source(old: Database) -> LedgerView:
    """The old store, as far as its head row goes: the checks of `read_head` need rows that may be what is to be
    mended.
    """
    row = old.get(layout.HEAD)
    if row is None:
        raise missing("head")
    return LedgerView(old, Head.parse(row))


def _rebuild(
    source: LedgerView,
    old: Database,
    target: Database,
    replay: Replay,
    progress: Callable[[int, int], None] | None,
) -> Head:
    wanted = source.head
    head, log = NOTHING, CompactRange()
    for height in range(wanted.height + 1):
        so_far = LedgerView(target, head)
        block = source.block(height)
        commit, engine_height = _recomputed(block, so_far, replay)
        try:
            if height == 0:
                head, log = write_genesis(target, commit)
            else:
                rows, head, log = block_rows(so_far, log, commit, engine_height)
                target.write(rows, synced=False)
        except StoreError as error:
            if error.rule != "store.not-next":
                raise
            raise VerificationError(
                "rebuild.block", f"Block {height} is not what was committed. {error.detail}"
            ) from error
        if progress is not None:
            progress(height, wanted.height)
    # The engine's height moves on without blocks too, so the old head is the only one to tell it.
    target.write([(layout.HEAD, wanted.encoded())], synced=False)
    if (head.size, head.root, head.header_hash) != (wanted.size, wanted.root, wanted.header_hash):
        raise VerificationError(
            "rebuild.head", f"The blocks do not lead to the head of the store at height {wanted.height}"
        )
    _copy(old, target)
    return read_head(target)


def _recomputed(block: StoredBlock, so_far: LedgerView, replay: Replay) -> tuple[BlockCommit, int]:
    """The block with all that follows from it, its state root checked, and its engine height."""
    try:
        header = parse_header_leaf(block.header_leaf)
    except FormatError as error:
        raise VerificationError(
            "rebuild.block", f"The header of block {block.height} is damaged. {error.detail}"
        ) from error
    state_rows, lookups = replay(block, so_far)
    change = update(so_far, so_far.head.state_root, state_rows)
    if change.root != header.state_root:
        detail = f"The state after block {block.height} is not the one in its header"
        raise VerificationError("rebuild.state-root", detail, expected=header.state_root, got=change.root)
    commit = BlockCommit(
        header_leaf=block.header_leaf,
        header_signature=block.header_signature,
        height=block.height,
        first_index=block.first_index,
        time_ms=header.time_ms,
        leaves=block.leaves,
        records=block.records,
        state_root=change.root,
        state_rows=state_rows,
        state_pages=change.pages,
        lookups=tuple(lookups),
    )
    return commit, header.engine_height


def _copy(old: Database, target: Database) -> None:
    """Take over what was signed, which nothing else tells."""
    rows: list[Row] = []
    for kind in layout.COPIED:
        for row in old.iterate(kind):
            rows.append(row)
            if len(rows) == _COPY_ROWS:
                target.write(rows, synced=False)
                rows = []
    target.write(rows)
