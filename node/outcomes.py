"""What became of an entry that a node has taken in."""

from __future__ import annotations

from dataclasses import dataclass

from node.outbox import Refusal


@dataclass(frozen=True, slots=True)
class Final:
    """An entry is on the ledger, under a final checkpoint."""

    entry_id: bytes
    index: int
    """Log index of its leaf."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An entry is journalled and will be put on the ledger, or refused with a reason that can be asked for."""

    entry_id: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """An entry was acknowledged and has been refused since."""

    entry_id: bytes
    refusal: Refusal


Outcome = Final | Accepted | Ended
