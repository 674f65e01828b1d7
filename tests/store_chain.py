"""A small chain for the tests of the store: real headers, tiles and state tree, and rules of two lines.

Every leaf of a block makes one state row and one lookup row, and each block counts itself in a row that it reads first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from ledger.block import NO_PARENT, NO_PROPOSER, RULES_VERSION, Header
from ledger.encoding import encode
from ledger.hashing import leaf_hash, leaf_hashes, sha256
from ledger.merkle import CompactRange
from ledger.state import EMPTY_STATE_ROOT, update
from ledger.store.commit import BlockCommit
from ledger.store.values import StoredBlock

CHAIN_ID = sha256(b"a chain for tests")
GENESIS_LEAF = encode([2, "a chain for tests"])
GENESIS_MS = 1_700_000_000_000
COUNTER = encode(["parameters"])

Rows = dict[bytes, bytes]
Lookups = list[tuple[bytes, bytes]]


class _State(Protocol):
    def get(self, key: bytes) -> bytes | None: ...


def apply(leaves: Sequence[bytes], first_index: int, state: _State) -> tuple[Rows, Lookups]:
    """The rules: what a block of these leaves does to the state, and its lookups."""
    count = int.from_bytes(state.get(COUNTER) or b"\0", "big") + 1
    rows = {COUNTER: count.to_bytes(4, "big")}
    lookups = []
    for index, leaf in enumerate(leaves, first_index):
        rows[encode(["entry", sha256(leaf)])] = encode(index)
        lookups.append((b"leaf/" + sha256(leaf)[:4], encode(index)))
    return rows, lookups


def replay(block: StoredBlock, state: _State) -> tuple[Rows, Lookups]:
    """The same, as `rebuild` wants it."""
    return apply(block.leaves, block.first_index, state)


class Chain:
    """Makes one block after another, in memory. Two chains with the same `salt` make the same blocks."""

    def __init__(self, salt: bytes = b"") -> None:
        self.salt = salt
        self.rows: Rows = {}
        self.pages: dict[bytes, bytes] = {}
        self.log = CompactRange()
        self.header = Header(
            rules_version=RULES_VERSION,
            chain_id=CHAIN_ID,
            height=-1,
            engine_height=-1,
            parent=NO_PARENT,
            time_ms=GENESIS_MS - 1000,
            first_index=0,
            entry_count=0,
            log_root=self.log.root(),
            state_root=EMPTY_STATE_ROOT,
            proposer=NO_PROPOSER,
        )
        self.blocks: list[BlockCommit] = []

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def page(self, path: bytes) -> bytes | None:
        return self.pages.get(path)

    def genesis(self) -> BlockCommit:
        return self._block((GENESIS_LEAF,), ((),), b"")

    def block(self, entries: int = 1, records: int = 1, engine_steps: int = 1) -> BlockCommit:
        height = self.header.height + 1
        leaves = tuple(encode([0, [self.salt, height, n], bytes(64)]) for n in range(entries))
        bodies = tuple(
            tuple(encode(["test/1", {"block": height, "entry": n, "record": m}]) for m in range(records))
            for n in range(entries)
        )
        return self._block(leaves, bodies, b"s" * 64, engine_steps)

    def _block(
        self,
        leaves: tuple[bytes, ...],
        records: tuple[tuple[bytes, ...], ...],
        signature: bytes,
        engine_steps: int = 1,
    ) -> BlockCommit:
        first_index = self.log.size
        rows, lookups = apply(leaves, first_index, self)
        change = update(self, self.header.state_root, rows)
        self.rows.update(rows)
        self.pages.update(change.pages)
        log = self.log.extend(leaf_hashes(leaves))
        parent = NO_PARENT if self.header.height < 0 else leaf_hash(self.header.leaf())
        self.header = replace(
            self.header,
            height=self.header.height + 1,
            engine_height=self.header.engine_height + engine_steps,
            parent=parent,
            time_ms=self.header.time_ms + 1000,
            first_index=first_index,
            entry_count=len(leaves),
            log_root=log.root(),
            state_root=change.root,
        )
        self.log = log.append(leaf_hash(self.header.leaf()))
        commit = BlockCommit(
            header_leaf=self.header.leaf(),
            header_signature=signature,
            height=self.header.height,
            first_index=first_index,
            time_ms=self.header.time_ms,
            leaves=leaves,
            records=records,
            state_root=change.root,
            state_rows=rows,
            state_pages=change.pages,
            lookups=tuple(lookups),
        )
        self.blocks.append(commit)
        return commit


def changed(commit: BlockCommit, **fields: object) -> BlockCommit:
    """`commit` with other fields than the chain made."""
    values: Mapping[str, object] = {name: getattr(commit, name) for name in BlockCommit.__slots__}
    return BlockCommit(**{**values, **fields})  # type: ignore[arg-type]
