"""The embedded engine: orders entries in this process, for a ledger with one validator.

Rules: it drives the application exactly as an outside engine would (prepare, process, finalize, commit) and never looks
inside. Whatever arrived while a block was being committed goes into the next, so a busy ledger has larger blocks and not
more syncs. An entry that is refused only for now stays in the mempool and is tried again; a store that fails stops the
engine for good.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from ledger.errors import LedgerError, RefusedError, VerificationError
from node.application import ENTRY_OVERHEAD_BYTES, HEADER_RESERVE_BYTES, Application, Candidate
from node.engine.committing import commit

MAX_BLOCK_BYTES = 4_000_000
"""Bytes of submissions in one block: CometBFT's default block size."""
MAX_MEMPOOL_BYTES = 64 * 1024 * 1024
RETRY_SECONDS = 5.0
"""How long an entry that was refused only for now rests before it is tried again."""

_log = structlog.get_logger("engine")


class EngineEvents(Protocol):
    """What an engine tells the node."""

    def committed(self, block: Candidate) -> None:
        """A block is in the store; cosign it. Called on the engine's thread, before the next block begins."""

    def refused(self, entry_id: bytes, error: LedgerError) -> None:
        """An entry can never be put on the ledger."""

    def failed(self, error: Exception) -> None:
        """The engine has stopped and must not be started again in this process."""


class EmbeddedEngine:
    """Mempool and block maker. `add` may be called from any thread."""

    def __init__(
        self,
        application: Application,
        events: EngineEvents,
        *,
        cosigning_key_id: Callable[[], bytes | None],
        clock_ms: Callable[[], int],
        max_block_bytes: int = MAX_BLOCK_BYTES,
    ) -> None:
        """`cosigning_key_id` tells, before each commit, by which key that block's checkpoint will be cosigned."""
        self._application = application
        self._events = events
        self._cosigning_key_id = cosigning_key_id
        self._clock_ms = clock_ms
        self._max_block_bytes = max_block_bytes
        self._changed = threading.Condition()
        self._mempool: OrderedDict[bytes, bytes] = OrderedDict()
        self._resting: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self._in_hand: dict[bytes, bytes] = {}
        self._bytes = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sogoc-engine", daemon=True)

    @property
    def depth(self) -> int:
        """Entries in the mempool."""
        return len(self._mempool) + len(self._resting)

    @property
    def full(self) -> bool:
        """Whether the mempool takes nothing more for now."""
        return self._bytes >= MAX_MEMPOOL_BYTES

    @property
    def trouble(self) -> str:
        """Nothing: if it cannot go on, it fails."""
        return ""

    @property
    def held(self) -> str:
        """Nothing: nobody else's votes are waited for."""
        return ""

    def start(self) -> None:
        """Begin making blocks."""
        self._thread.start()

    def halt(self) -> None:
        """Begin no further block; does not wait for the one in hand."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Finish the block in hand and stop. What is left in the mempool is in the outbox too."""
        self.halt()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def add(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """Take `(entry id, submission)` pairs; those that are already here are skipped."""
        with self._changed:
            for entry_id, submission in items:
                if entry_id not in self._mempool and entry_id not in self._resting:
                    self._mempool[entry_id] = submission
                    self._bytes += len(submission)
            self._changed.notify_all()

    def withdraw(self, entry_ids: Sequence[bytes]) -> list[bytes]:
        """Take entries out again; returns those that were here and will be in no block.

        One that is in the block in hand stays.
        """
        with self._changed:
            withdrawn = [
                entry_id
                for entry_id in entry_ids
                if entry_id not in self._in_hand and (entry_id in self._mempool or entry_id in self._resting)
            ]
            self._forget(withdrawn)
        return withdrawn

    def _run(self) -> None:
        try:
            while self._wait_for_work():
                self._make_block()
                self._in_hand = {}
        except Exception as error:  # noqa: BLE001  whatever it is, a node that cannot commit must stop and say so
            _log.exception("engine stopped", error=str(error))
            self._events.failed(error)

    def _wait_for_work(self) -> bool:
        with self._changed:
            while not self._stopping:
                self._wake_resting()
                if self._mempool:
                    return True
                self._changed.wait(timeout=RETRY_SECONDS if self._resting else None)
        return False

    def _wake_resting(self) -> None:
        now = time.monotonic()
        while self._resting:
            entry_id, (since, submission) = next(iter(self._resting.items()))
            if now - since < RETRY_SECONDS:
                return
            del self._resting[entry_id]
            self._mempool[entry_id] = submission

    def _take(self) -> dict[bytes, bytes]:
        taken: dict[bytes, bytes] = {}
        size = 0
        with self._changed:
            for entry_id, submission in self._mempool.items():
                size += len(submission)
                if taken and size > self._max_block_bytes:
                    break
                taken[entry_id] = submission
            self._in_hand = taken
        return taken

    def _make_block(self) -> None:
        application = self._application
        engine_height, time_ms = application.info().engine_height + 1, self._clock_ms()
        taken = self._take()
        header_key = application.header_key
        proposer = b"" if header_key is None else header_key.public_key
        proposal, refused = application.prepare(
            list(taken.values()),
            engine_height=engine_height,
            time_ms=time_ms,
            # Room for all that was taken: what had none would stay at the head of the mempool for ever.
            max_bytes=HEADER_RESERVE_BYTES + sum(len(one) + ENTRY_OVERHEAD_BYTES for one in taken.values()),
        )
        if refused:
            self._settle_refused({submission: entry_id for entry_id, submission in taken.items()}, refused)
        if not proposal:
            return
        application.process(proposal, engine_height=engine_height, time_ms=time_ms, proposer=proposer)
        application.finalize(proposal, engine_height=engine_height, time_ms=time_ms, proposer=proposer)
        block = commit(application, self._cosigning_key_id())
        if block is None:
            raise VerificationError(
                "engine.commit", "the application committed no block for a proposal that had one"
            )
        self._forget([entry.id for entry in block.entries])
        self._events.committed(block)

    def _settle_refused(self, ids: dict[bytes, bytes], refused: Sequence[tuple[bytes, LedgerError]]) -> None:
        for submission, error in refused:
            entry_id = ids[submission]
            for_now = isinstance(error, RefusedError) and not error.permanent
            with self._changed:
                self._forget([entry_id])
                if for_now:
                    self._resting[entry_id] = (time.monotonic(), submission)
                    self._bytes += len(submission)
            if not for_now:
                # Forgotten before it is told: whoever submits it again from then on finds it gone from here.
                self._events.refused(entry_id, error)

    def _forget(self, entry_ids: Sequence[bytes]) -> None:
        with self._changed:
            for entry_id in entry_ids:
                submission = self._mempool.pop(entry_id, None)
                if submission is not None:
                    self._bytes -= len(submission)
                resting = self._resting.pop(entry_id, None)
                if resting is not None:
                    self._bytes -= len(resting[1])
