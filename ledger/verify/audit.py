"""Auditing a whole ledger: reading it in order, having its segments checked, linking what they say.

Rules:

* Nothing a source says is believed. The log's tiles are claims; every leaf is hashed, every header extends the log before
  it, and the last root must be the one that a quorum cosigned.
* Segments of 256 leaves are checked by whatever `concurrent.futures.Executor` is passed in, or here; the tasks are
  `ledger.verify.quick.check` over bytes. They are submitted in order and looked at in order, so that the first fault is
  named whoever finds it first; at most `window` of them, and about `WINDOW_BYTES`, are under way at a time, and that and
  the scratch state's limit is all the memory that an audit takes, whatever the ledger's size.
* Blocks are executed again here, in order, while the executor checks the signatures of later ones.

Not here: opening a source (`ledger.verify.sources`), clocks, printing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from ledger import checkpoint as checkpoints
from ledger.errors import CannotTellError, FormatError, LedgerError, StoreCorruptError, VerificationError
from ledger.genesis import Genesis
from ledger.hashing import HASH_SIZE
from ledger.merkle import CompactRange, root_of_hashes
from ledger.policy import CheckedCheckpoint, Policy
from ledger.store import layout
from ledger.tiles import TILE_WIDTH, tile_path, tile_width
from ledger.verify.quick import check
from ledger.verify.replay import Replay, ScratchState
from ledger.verify.report import AuditFailure, AuditReport, Finding, Level
from ledger.verify.segments import BlockFact, Job, Result, split_bundle
from ledger.verify.sources.base import LogSource
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.scratch import temporary_scratch
from ledger.verify.sources.stored import StoreSource
from ledger.verify.stored import RowCheck
from ledger.verify.trust import check_checkpoint, genesis_policy, read_genesis

WINDOW = 8
"""Segments under way at a time, unless the caller says otherwise: enough for four workers not to wait."""

WINDOW_BYTES = 64 << 20
"""Bytes of segments under way at a time; one segment is always let through."""

Progress = Callable[[int, int], None]
"""Called with the leaves checked so far, and with how many there are."""

ScratchOpener = Callable[[], AbstractContextManager[ScratchState]]


def audit(
    source: LogSource,
    policy: Policy | None = None,
    *,
    level: Level = Level.FULL,
    executor: Executor | None = None,
    window: int = WINDOW,
    progress: Progress | None = None,
    scratch: ScratchOpener = temporary_scratch,
) -> AuditReport:
    """Check a ledger from its first leaf to its last, and return what was checked.

    `policy`: whose cosignatures are trusted; None for the policy that the ledger's own genesis document implies. `window`:
    segments under way at a time, two for each of the executor's workers or more. `scratch` opens the state that blocks are
    executed on (level FULL).

    Raises AuditFailure for the first thing that is wrong; CannotTellError for what cannot be judged (a quorum is missing, a
    version or record type is unknown, a source cannot be reached); StoreError if a disk refuses.
    """
    return _Audit(source, policy, level, executor, max(1, window), progress, scratch).run()


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """A segment that the source could not give."""

    error: LedgerError
    index: int | None


@dataclass(frozen=True, slots=True)
class _Pending:
    """A segment under way."""

    job: Job
    result: Future[Result] | Result


class _Audit:
    """One audit, on its way through a log."""

    def __init__(
        self,
        source: LogSource,
        policy: Policy | None,
        level: Level,
        executor: Executor | None,
        window: int,
        progress: Progress | None,
        scratch: ScratchOpener,
    ) -> None:
        self._source = source
        self._policy = policy
        self._level = level
        self._executor = executor
        self._window = window
        self._progress = progress
        self._open_scratch = scratch
        self._last: BlockFact | None = None
        self._entries = self._records = 0
        self._reached_checkpoint = False
        self._above = _TilesAbove(source)
        self._rows: RowCheck | None = None
        self._replay: Replay | None = None

    def run(self) -> AuditReport:
        self._read_start()
        with ExitStack() as stack:
            scratch = None
            if self._level >= Level.FULL:
                scratch = stack.enter_context(self._open_scratch())
                self._replay = Replay(self._genesis, scratch)
            pending: deque[_Pending | _Unreadable] = deque()
            stack.callback(_cancel, pending)
            for one in self._segments():
                pending.append(one)
                while _is_full(pending, self._window):
                    self._take(pending.popleft())
            while pending:
                self._take(pending.popleft())
            fact = self._finish()
            if self._rows is not None and scratch is not None:
                self._guarded(self._rows.checkpoints)
                self._guarded(lambda: self._rows.sweep(scratch.rows()))
        return AuditReport(...)
