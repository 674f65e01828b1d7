"""What is given to the store: a block with all that follows from it, ready to be written.

Rules: the parts were computed and checked by the caller (`ledger.execution`, `ledger.verify`); the store checks
that they continue what it holds. Nothing here executes, hashes or reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlockCommit:
    """One block, for `LedgerStore.create` (the genesis block) or `LedgerStore.commit` (any other)."""

    header_leaf: bytes
    """The header as it stands in the log: `[1, header]`."""
    header_signature: bytes
    """The proposer's, 64 bytes; empty for the genesis header."""
    height: int
    first_index: int
    """Log index of the first of `leaves`."""
    time_ms: int
    """The header's time, milliseconds since the epoch."""
    leaves: tuple[bytes, ...]
    """Entry leaves, or the genesis leaf alone; without the header's."""
    records: tuple[tuple[bytes, ...], ...]
    """For each of `leaves` its records, in order; none for the genesis leaf."""
    state_root: bytes
    """Root of the state after the block."""
    state_rows: Mapping[bytes, bytes]
    """State rows that the block writes: key -> value."""
    state_pages: Mapping[bytes, bytes]
    """Pages of the state tree that the block changes: path -> page."""
    lookups: tuple[tuple[bytes, bytes], ...]
    """Rows of the lookup index that the block writes: key, value."""
