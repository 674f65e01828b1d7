"""Which engine blocks to keep: those younger than a given time, found through the ledger's own headers."""

from __future__ import annotations

from bisect import bisect_left

from ledger.block import parse_header_leaf
from ledger.store.ledger_store import LedgerStore


def retain_height(store: LedgerStore, since_ms: int) -> int:
    """The lowest engine height to keep so that all since `since_ms` (milliseconds since the epoch) stay; 0 for all.

    Headers' times rise with their heights, so that a search by halves finds the first one in time.
    """
    heights = range(1, store.head.height + 1)
    found = bisect_left(
        heights, since_ms, key=lambda height: parse_header_leaf(store.header_leaf(height)).time_ms
    )
    if not heights or found == 0:
        return 0
    newest_to_drop = parse_header_leaf(store.header_leaf(heights[found - 1]))
    return newest_to_drop.engine_height + 1
