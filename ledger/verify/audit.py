"""Auditing a whole ledger.

Rules:

* Nothing a source says is believed. Every leaf is hashed, every header extends the log before it, and the root at the end
  is the one that a quorum cosigned.
* Segments of 256 leaves are checked by whatever `concurrent.futures.Executor` is passed in, or here without one; its tasks
  are `ledger.verify.quick.check_all` over bytes. They are submitted in order and taken in order, so the first fault is
  named whoever finds it first. At most `window` of them, and about `WINDOW_BYTES`, are under way at a time: that and the
  limit of the scratch state is what bounds its memory (measured: docs/performance.md).
* Blocks are executed again here, in order, while the executor checks the signatures of those to come.

Not here: opening a source (`ledger.verify.sources`), measuring time, printing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from typing import NamedTuple

from ledger.errors import CannotTellError, VerificationError
from ledger.genesis import genesis_policy
from ledger.policy import Policy
from ledger.verify.linking import Linker
from ledger.verify.quick import check_all
from ledger.verify.reading import Start, Unreadable, read_start, segments
from ledger.verify.replay import Replay
from ledger.verify.report import AuditFailure, AuditReport, Level, faults_as_failures
from ledger.verify.segments import Job, Result
from ledger.verify.sources.base import LogSource
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.scratch import Scratch
from ledger.verify.sources.stored import StoreSource
from ledger.verify.stored import RowCheck

WINDOW = 8
"""Tasks under way at a time, unless the caller says otherwise: enough for four workers not to wait."""

WINDOW_BYTES = 64 << 20
"""Bytes of bundles under way at a time; one task is always let through."""

TASK_BYTES = 128 << 10
"""Bytes of bundles from which on a task is sent off: two full segments of entries with one record, or one of more."""

Progress = Callable[[int, int], None]
"""Called with the leaves checked so far, and with how many there are."""


def audit(
    source: LogSource,
    policy: Policy | None = None,
    *,
    level: Level = Level.FULL,
    executor: Executor | None = None,
    window: int = WINDOW,
    progress: Progress = lambda _done, _total: None,
    scratch: Callable[[], Scratch] = Scratch,
) -> AuditReport:
    """Check a ledger from its first leaf to its last, and return what was checked.

    `policy`: whose cosignatures are trusted; None for those that the ledger's own genesis document names. `window`:
    tasks under way at a time, two for each worker of `executor` or more. `scratch` makes the state that blocks are
    executed on (level FULL).

    Raises AuditFailure for the first thing that is wrong; CannotTellError for what cannot be judged (a quorum is missing,
    a version or record type is not known, a source cannot be reached); StoreError if a disk refuses.
    """
    start = read_start(source, policy)
    with ExitStack() as stack:
        stack.enter_context(faults_as_failures())
        executed = stack.enter_context(scratch()) if level >= Level.FULL else None
        replay = None if executed is None else Replay(start.genesis, executed, executor, window)
        rows = None
        if isinstance(source, StoreSource):
            rows = RowCheck(source.reader, source.head, start.genesis, start.policy)
        linker = Linker(source, start, rows, replay)
        found = segments(source, start, level)
        try:
            _check_segments(found, linker, executor, window, lambda done: progress(done, start.size))
            last = linker.finish()
        except (AuditFailure, CannotTellError):
            # Blocks before this one may still wait to be executed, and what is wrong there comes first.
            linker.execute_waiting()
            raise
        finally:
            linker.cancel()
        if isinstance(source, ExportSource):
            _check_beside(source, start)
        if rows is not None:
            rows.head(last)
            rows.cosigned()
            if executed is not None:
                rows.checkpoints()
                rows.sweep(executed.rows())
    return AuditReport(
        level=level,
        origin=start.genesis.origin,
        chain_id=start.genesis.chain_id,
        size=start.size,
        height=last.height,
        root=last.root,
        entries=linker.entries,
        records=linker.records,
        checkpoint=start.checkpoint,
    )


def _check_segments(
    found: Iterator[Job | Unreadable],
    linker: Linker,
    executor: Executor | None,
    window: int,
    progress: Callable[[int], None],
) -> None:
    """Have every segment checked, and hand the results to `linker` in order. Raises as `audit`."""
    pending: deque[_Task | Unreadable] = deque()
    try:
        for one in _tasks(found, executor):
            pending.append(one)
            while _is_full(pending, window if executor else 1):
                _take(pending.popleft(), linker, progress)
        while pending:
            _take(pending.popleft(), linker, progress)
    finally:
        for waiting in pending:
            if isinstance(waiting, _Task) and isinstance(waiting.results, Future):
                waiting.results.cancel()


class _Task(NamedTuple):
    """Segments that are checked in one go: under way, or done."""

    jobs: tuple[Job, ...]
    size: int
    """Bytes of their bundles."""
    results: Future[list[Result]] | list[Result]


def _tasks(found: Iterator[Job | Unreadable], executor: Executor | None) -> Iterator[_Task | Unreadable]:
    """Segments put together until it pays to send them to another process, and sent; in order."""
    jobs: list[Job] = []
    size = 0
    for one in found:
        if isinstance(one, Job):
            jobs.append(one)
            size += len(one.entries) + len(one.records)
            if size < TASK_BYTES:
                continue
        if jobs:
            yield _start(tuple(jobs), size, executor)
            jobs, size = [], 0
        if isinstance(one, Unreadable):
            yield one
    if jobs:
        yield _start(tuple(jobs), size, executor)


def _start(jobs: tuple[Job, ...], size: int, executor: Executor | None) -> _Task:
    return _Task(jobs, size, executor.submit(check_all, jobs) if executor else check_all(jobs))


def _is_full(pending: deque[_Task | Unreadable], window: int) -> bool:
    under_way = [one.size for one in pending if isinstance(one, _Task)]
    return len(pending) > window or (len(under_way) > 1 and sum(under_way) > WINDOW_BYTES)


def _take(one: _Task | Unreadable, linker: Linker, progress: Callable[[int], None]) -> None:
    if isinstance(one, Unreadable):
        raise one.failure()
    results = one.results.result() if isinstance(one.results, Future) else one.results
    for job, result in zip(one.jobs, results, strict=True):
        linker.take(job, result)
        progress(job.first + job.width)


def _check_beside(source: ExportSource, start: Start) -> None:
    """Check the files of an export that are no part of the log. Raises VerificationError, FormatError."""
    leaf = source.genesis()
    if leaf is not None and leaf != start.genesis.leaf():
        raise VerificationError("export.genesis", "the file genesis is not leaf 0 of the log")
    policy = source.policy()
    # Somebody who trusts the file must come to trust the validators that the ledger names, with their quorum.
    if policy is not None and Policy.parse(policy) not in (start.policy, genesis_policy(start.genesis)):
        detail = "the file policy is neither the policy of this audit nor the one that the genesis document implies"
        raise VerificationError("export.policy", detail)
