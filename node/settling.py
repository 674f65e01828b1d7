"""What becomes of acknowledged entries: from the acknowledgement over the block to the answer.

Rules: an entry is struck from the outbox, and who waits for it is told, once its block is final or it is refused for good;
never before, and once only.

What this module does not do: decide what is final, or what is refused.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence

import structlog

from node.application import Candidate
from node.metrics import Metrics
from node.outbox import Outbox, Refusal
from node.outcomes import Ended, Final
from node.waiting import Waiting

_log = structlog.get_logger("node")


class Settling:
    """Blocks that are committed and not final yet, and when their entries were received."""

    def __init__(self, outbox: Outbox, waiting: Waiting, metrics: Metrics) -> None:
        self._outbox = outbox
        self._waiting = waiting
        self._metrics = metrics
        self._received: dict[bytes, float] = {}
        self._blocks: deque[tuple[Candidate, float]] = deque()

    def acknowledged(self, entry_ids: Iterable[bytes]) -> None:
        """Entries are in the journal."""
        now = time.monotonic()
        for entry_id in entry_ids:
            self._received.setdefault(entry_id, now)

    def committed(self, block: Candidate) -> None:
        """A block is in the store."""
        self._blocks.append((block, time.monotonic()))

    def take_final(self, size: int) -> list[tuple[Candidate, float]]:
        """The blocks that a final tree of `size` leaves covers, for `settle`: each once, with the moment of its commit, oldest
        first. Not to be called by two threads at a time.
        """
        taken = []
        while self._blocks and self._blocks[0][0].executed.header.size <= size:
            taken.append(self._blocks.popleft())
        return taken

    def settle(self, blocks: Sequence[tuple[Candidate, float]]) -> None:
        """The blocks are final: tell who waits for their entries."""
        for block, committed in blocks:
            final = time.monotonic()
            first = block.executed.header.first_index
            for offset, entry in enumerate(block.entries):
                received = self._received.pop(entry.id, None)
                if received is not None:
                    self._metrics.commit_seconds.observe(committed - received)
                    self._metrics.finality_seconds.observe(final - received)
                self._waiting.settle(entry.id, Final(entry.id, first + offset))
            self._outbox.finish([entry.id for entry in block.entries])

    def repeated(self, entry_id: bytes) -> None:
        """An acknowledged entry stands on the ledger already: its block settles it."""
        self._received.pop(entry_id, None)
        self._outbox.finish([entry_id])

    def refuse(self, entry_id: bytes, refusal: Refusal) -> None:
        """An acknowledged entry can never be put on the ledger."""
        self._metrics.refusals.labels(code=refusal.rule).inc()
        self._outbox.refuse(entry_id, refusal)
        self._received.pop(entry_id, None)
        self._waiting.settle(entry_id, Ended(entry_id, refusal))
        _log.warning("refused after acknowledgement", entry=entry_id.hex(), rule=refusal.rule)
