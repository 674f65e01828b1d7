"""An audit as one would write it on one page: from the first leaf to the last, everything in memory, nothing fast.

Trees are `tests.reference`'s, the state tree is a dictionary, msgpack and Ed25519 come straight from their libraries. Only the
chain rules are the product's own (`ledger.rules`): they have their own tests, and no second definition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack  # type: ignore[import-untyped]  # it publishes no type information
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledger.entry import entry_from_parts
from ledger.errors import LedgerError
from ledger.genesis import Genesis, parse_genesis_leaf
from ledger.rows import genesis_rows
from ledger.rules import ParsedEntry, apply_entries
from ledger.verify import Level
from tests import reference
from tests.reference_state import leaf_of, root_of

Where = tuple[int, int]
"""Height of a block and index of a leaf."""


class FaultError(Exception):
    """Something is wrong with the leaf that is being looked at."""


def demand(condition: object) -> None:
    if not condition:
        raise FaultError


@dataclass
class Twin:
    """The log under audit, and what is known of it so far."""

    leaves: Sequence[bytes]
    records: Sequence[Sequence[bytes]]
    hashes: Sequence[bytes]
    """What the tiles of level 0 say."""
    level: Level
    genesis: Genesis = field(init=False)
    rows: dict[bytes, bytes] = field(default_factory=dict)
    height: int = 0
    parent: bytes = bytes(32)
    time_ms: int = -1
    engine_height: int = -1
    next_index: int = 0

    def first_fault(self) -> Where | None:
        """Where the first fault is, or None."""
        index = 0
        while index < len(self.leaves):
            start = index
            while True:
                if index >= len(self.leaves):
                    return self.height, len(self.leaves) - 1
                try:
                    self.check_leaf(index)
                except (FaultError, ValueError, TypeError):  # an array of another length, a text for a number
                    return self.height, index
                index += 1
                if self.leaves[index - 1].startswith(b"\x92\x01"):
                    break
            try:
                self.check_links(index - 1)
            except FaultError:
                return self.height, index - 1
            if self.level is Level.FULL and self.height:
                bad = self.check_rules(range(start, index - 1), index - 1)
                if bad is not None:
                    return self.height, bad
            self.height += 1
        return None

    def check_leaf(self, index: int) -> None:
        leaf, items = self.leaves[index], self.records[index]
        demand(reference.leaf(leaf) == self.hashes[index])
        if index == 0:
            demand(leaf.startswith(b"\x92\x02") and not items)
            try:
                self.genesis = parse_genesis_leaf(leaf)
            except LedgerError:
                raise FaultError from None
            self.rows = dict(genesis_rows(self.genesis))
            demand(len(self.leaves) > 1)
        elif leaf.startswith(b"\x92\x01"):
            self.check_header(index, leaf, items)
        else:
            demand(leaf.startswith(b"\x93\x00") and index != 1)
            if self.level >= Level.SIGNATURES:
                self.check_entry(leaf, items)

    def check_header(self, index: int, leaf: bytes, items: Sequence[bytes]) -> None:
        _, header = strict(leaf)
        demand([type(item) for item in header] == HEADER)
        version, chain_id, height, _, _, _, first_index, count, log_root, _, proposer = header
        demand(version == 1 and chain_id == self.genesis.chain_id)
        demand(first_index + count == index and count > 0)
        demand(log_root == reference.mth(self.leaves[:index]))
        if index == 1:
            zero, time_ms = bytes(32), self.genesis.time_ms
            demand(
                header == [1, chain_id, 0, 0, zero, time_ms, 0, 1, log_root, header[9], zero] and not items
            )
        else:
            demand(height != 0 or not items)
            if height:
                demand(proposer in [validator.header_key for validator in self.genesis.validators])
                demand(len(items) == 1)
                demand_signature(proposer, items[0], b"sogoc/v1/header\0" + leaf[2:])

    def check_entry(self, leaf: bytes, items: Sequence[bytes]) -> None:
        tag, body, signature = strict(leaf)
        demand([type(item) for item in body] == BODY)
        version, chain_id, author, nonce, time_ms, count, root = body
        demand((tag, version, len(nonce), chain_id) == (0, 1, 16, self.genesis.chain_id))
        demand(0 <= time_ms < 2**53 and count == len(items))
        demand(all(0 < len(item) < 65536 and len(item) != 64 for item in items))
        demand(root == reference.mth(items))
        demand_signature(author, signature, b"sogoc/v1/entry\0" + leaf[2:-66])

    def check_links(self, index: int) -> None:
        header = strict(self.leaves[index])[1]
        _, _, height, engine_height, parent, time_ms, first_index, _, _, state_root, _ = header
        demand(height == self.height and first_index == self.next_index and parent == self.parent)
        demand(engine_height > self.engine_height and time_ms > self.time_ms)
        if height == 0:
            demand(state_root == root_of([leaf_of(key, value) for key, value in self.rows.items()]))
        self.parent, self.next_index = reference.leaf(self.leaves[index]), index + 1
        self.engine_height, self.time_ms = engine_height, time_ms

    def check_rules(self, entries: range, header_index: int) -> int | None:
        """Index of the first leaf of the block that the rules do not allow, or None."""
        rows = dict(self.rows)
        for index in entries:
            try:
                parsed = ParsedEntry.of(entry_from_parts(self.leaves[index], self.records[index]))
                effects = apply_entries(Rows(rows), self.genesis.chain_id, self.time_ms, index, [parsed])
            except LedgerError:
                return index
            rows.update(effects.rows)
        state_root = strict(self.leaves[header_index])[1][9]
        if state_root != root_of([leaf_of(key, value) for key, value in rows.items()]):
            return header_index
        self.rows = rows
        return None


@dataclass
class Rows:
    """A state to read from."""

    rows: dict[bytes, bytes]

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)


HEADER = [int, bytes, int, int, bytes, int, int, int, bytes, bytes, bytes]
BODY = [int, bytes, bytes, bytes, int, int, bytes]


def strict(data: bytes) -> Any:  # noqa: ANN401  whatever it is
    value = msgpack.unpackb(data)
    demand(msgpack.packb(value) == data)
    return value


def demand_signature(public_key: bytes, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise FaultError from None


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
