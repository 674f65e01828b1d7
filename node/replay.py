"""Replaying blocks that are already decided: to make a store from them, to go on from where a store ends, to rebuild one.

Rules: a block from outside goes through the application's own verbs, as if its engine had just decided it: the proposer's
signature, every entry's signature and records, the chain rules, and every field of the header. Nothing is stored of a block
that fails. A rebuild replays what this node has verified before, and leaves the signatures to the audit.

What this module does not do: fetch blocks, sign anything, or say whether the chain that was replayed is the true one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ledger.block import SignedHeader, parse_header_leaf
from ledger.entry import entry_from_parts
from ledger.errors import FormatError, VerificationError
from ledger.execution import execute_genesis
from ledger.genesis import parse_genesis_leaf
from ledger.rules import ParsedEntry, apply_entries
from ledger.store.ledger_store import LedgerStore
from ledger.store.values import StoredBlock
from ledger.store.view import LedgerView
from node.application import Application, genesis_commit


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


def replay_block(application: Application, block: StoredBlock) -> None:
    """Execute a block that follows the application's tip, demand that its header is exactly what follows, and commit it.

    Raises VerificationError, FormatError, RefusedError or CannotTellError, naming the broken rule, and StoreError.
    """
    header = parse_header_leaf(block.header_leaf)
    entries = [entry_from_parts(leaf, items) for leaf, items in zip(block.leaves, block.records, strict=True)]
    proposal = [
        SignedHeader(header, block.header_signature).encoded(),
        *(entry.submission() for entry in entries),
    ]
    application.finalize(
        proposal, engine_height=header.engine_height, time_ms=header.time_ms, proposer=header.proposer
    )
    application.commit()


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
