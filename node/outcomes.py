"""What became of an entry that a node has taken in, and what the node itself is to its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from node.outbox import Refusal

Standing: TypeAlias = Literal["validator", "waiting", "copy"]
"""A validator; one whose keys the ledger does not name (yet, or no more); one that only follows."""


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
