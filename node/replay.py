"""Replaying blocks that are already decided: to make a store from them, to go on from where a store ends, to rebuild one.

Rules: a block from outside is judged like one that an engine has just decided: the proposer's signature, every entry's
signature and records, the chain rules, and every field of the header. Nothing is stored of a block that fails. One block is in
memory at a time. A rebuild replays what this node has verified before, and leaves the signatures to the audit.

What this module does not do: fetch blocks, sign anything, or say whether the chain that was replayed is the true one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ledger.block import parse_header_leaf
from ledger.entry import MAX_SUBMISSION_BYTES, entry_from_parts
from ledger.errors import FormatError, VerificationError
from ledger.execution import execute_as, execute_genesis
from ledger.genesis import parse_genesis_leaf
from ledger.rules import ParsedEntry, apply_entries
from ledger.store.ledger_store import LedgerStore
from ledger.store.values import StoredBlock
from ledger.store.view import LedgerView
from ledger.validators import check_proposer
from node.application import block_commit, genesis_commit, load_tip

_FRAMING_BYTES = 5
"""Most bytes that the encoding puts in front of a byte string or a list."""


def create_store(path: Path, block: StoredBlock) -> LedgerStore:
    """Make a store in the directory `path` from a genesis block, after executing it; the caller closes it.

    Raises FormatError, VerificationError (`genesis.block`), StoreError.
    """
    if len(block.leaves) != 1 or any(block.records) or block.header_signature:
        raise FormatError(
            "genesis.block",
            "the genesis block is the genesis document and an unsigned header, and nothing else",
        )
    executed = execute_genesis(parse_genesis_leaf(block.leaves[0]))
    header_leaf = executed.header.leaf()
    if block.header_leaf != header_leaf:
        raise VerificationError(
            "genesis.block", "the first header is not the one that follows from the genesis document"
        )
    return LedgerStore.create(path, genesis_commit(executed, block.leaves[0]))


class Replay:
    """A store that is extended by blocks from elsewhere, in order."""

    def __init__(self, store: LedgerStore) -> None:
        """`store` stays the caller's, who writes nothing to it meanwhile. Raises StoreCorruptError."""
        self._store = store
        self._tip = load_tip(store)

    def commit(self, block: StoredBlock) -> None:
        """Execute the next block, demand that its header is exactly what follows, and commit it.

        Raises VerificationError, FormatError, RefusedError or CannotTellError, naming the broken rule, and StoreError.
        """
        store = self._store
        header = parse_header_leaf(block.header_leaf)
        check_proposer(store, self._tip.header, header)
        header.verify_signature(block.header_signature)
        entries = [_checked(leaf, items) for leaf, items in zip(block.leaves, block.records, strict=True)]
        if not entries:
            raise VerificationError("proposal.empty", f"block {header.height} has no entries")
        executed = execute_as(store, self._tip, header, entries)
        commit = block_commit(executed, block.header_signature, [parsed.entry for parsed in entries])
        store.commit(commit, engine_height=header.engine_height)
        self._tip = executed.tip


def _checked(leaf: bytes, items: Sequence[bytes]) -> ParsedEntry:
    """An entry with all checked that does not depend on state."""
    entry = entry_from_parts(leaf, items)
    # The exact size is worth computing only where it could be too large.
    roughly = len(leaf) + sum(map(len, items)) + _FRAMING_BYTES * (len(items) + 2)
    if roughly > MAX_SUBMISSION_BYTES and len(entry.submission()) > MAX_SUBMISSION_BYTES:
        raise FormatError("entry.size", f"an entry with its records has at most {MAX_SUBMISSION_BYTES} bytes")
    entry.check_records_root()
    entry.verify_signature()
    return ParsedEntry.of(entry)


def rebuild_rule(
    block: StoredBlock, before: LedgerView
) -> tuple[Mapping[bytes, bytes], Sequence[tuple[bytes, bytes]]]:
    """The chain rules as `ledger.store.rebuild` wants them: the state rows and lookup rows that a stored block writes.

    Each entry's records must be those that it signs. Raises FormatError, VerificationError, RefusedError or CannotTellError.
    """
    if block.height == 0:
        executed = execute_genesis(parse_genesis_leaf(block.leaves[0]))
        return executed.rows, executed.lookups
    header = parse_header_leaf(block.header_leaf)
    entries = []
    for leaf, items in zip(block.leaves, block.records, strict=True):
        entry = entry_from_parts(leaf, items)
        entry.check_records_root()
        entries.append(ParsedEntry.of(entry))
    effects = apply_entries(before, header.chain_id, header.time_ms, header.first_index, entries)
    return effects.rows, effects.lookups
