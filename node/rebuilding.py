"""Rebuilding a node's store from its blocks, and showing that nothing changed by it.

Rules: the node is stopped (the store lets one process in). The old store stays in place until the new one is complete. What a
rebuild cannot make again (blocks, what was signed) it takes over; see `ledger.store.rebuild`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import StoreCorruptError
from ledger.store import swap
from ledger.store.database import Database
from ledger.store.rebuild import content_digest, rebuild
from ledger.store.values import Head
from node.replay import rebuild_rule


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A rebuilt store: its end, and a digest over all its rows before and after."""

    head: Head
    before: bytes | None
    """SHA-256 over all rows of the old store; None if it was too damaged to be read through."""
    after: bytes

    @property
    def identical(self) -> bool:
        """Whether the old store held exactly what follows from its blocks."""
        return self.before == self.after


def rebuild_store(
    ledger: Path,
    *,
    stage: Callable[[str], None],
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Rebuilt:
    """Make every index, tile and state page of the store in the directory `ledger` again.

    `stage` hears what begins: "before", "blocks", "after"; `progress` the heights done and the last one. Raises StoreError,
    VerificationError (`rebuild.*`) or what a block breaks; then the old store stays.
    """
    swap.finish(ledger)
    stage("before")
    before = _digest_if_readable(ledger)
    stage("blocks")
    head = rebuild(ledger, rebuild_rule, progress=progress)
    stage("after")
    return Rebuilt(head, before, store_digest(ledger))


def store_digest(ledger: Path) -> bytes:
    """SHA-256 over all rows of the store in the directory `ledger`. Raises StoreError."""
    with Database.open(ledger / swap.CURRENT, create=False) as database:
        return content_digest(database)


def _digest_if_readable(ledger: Path) -> bytes | None:
    try:
        return store_digest(ledger)
    except StoreCorruptError:
        # Damage to what can be made again is what a rebuild is for; damage to the rest it will meet, and name.
        return None
