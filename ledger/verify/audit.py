"""Auditing a whole ledger.

Rules:

* Nothing a source says is believed. Every leaf is hashed, every header extends the log before it, and the root at the end
  is the one that a quorum cosigned.
* Segments, of 256 leaves or of fewer where those are long (`ledger.verify.pieces`), are checked by whatever
  `concurrent.futures.Executor` is passed in, or here without one; its tasks are `ledger.verify.ahead.work_out` over bytes,
  which at level FULL also says what the entries do. They are submitted in order and taken in order, so the first fault is
  named whoever finds it first. A worker that dies, or answers with anything else than results, leads to no verdict
  (CannotTellError, `audit.worker`).
* Blocks are executed again here, in order, with what was worked out ahead where that holds.
* Memory does not grow with the ledger. What is held is: tasks under way or waiting for their turn, at most `window` and
  about `WINDOW_BYTES` of bundles, with what came of them; up to `LOOK_AHEAD_BYTES` of segments and the segments of one
  block; at level FULL the scratch state, with limits of its own and the rest in a database on the disk; and the buffers
  and caches of LevelDB. (`tests/test_verify_scratch.py` holds it to that; measured: docs/performance.md.)

Not here: opening a source (`ledger.verify.sources`), measuring time, printing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from ledger.errors import CannotTellError, LedgerError, VerificationError
from ledger.genesis import genesis_policy
from ledger.policy import Policy
from ledger.store import layout
from ledger.tiles import TILE_WIDTH
from ledger.verify.ahead import Basis, Part, work_out
from ledger.verify.linking import Linker
from ledger.verify.quick import check
from ledger.verify.reading import Start, Unreadable, read_start, segments, with_times
from ledger.verify.replay import Replay
from ledger.verify.report import AuditReport, Level, faults_as_failures
from ledger.verify.segments import Job, Result
from ledger.verify.sources.base import LogSource
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.scratch import Scratch
from ledger.verify.sources.stored import StoreSource
from ledger.verify.stored import RowCheck

WINDOW = 8
"""Tasks under way at a time, unless the caller says otherwise: enough for four workers not to wait."""

WINDOW_BYTES = 12 << 20
"""Bytes of bundles under way at a time; one task is always let through."""

TASK_BYTES = 512 << 10
"""Bytes of bundles from which on a task is sent off: six full segments of entries with one record, or one of more."""

Found = tuple[Result, list[Part]]
"""What came of a segment."""

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
        replay = None if executed is None else Replay(start.genesis, executed)
        rows = None
        if isinstance(source, StoreSource):
            rows = RowCheck(source.reader, source.head, start.genesis, start.policy, start.sets)
        linker = Linker(source, start, rows, replay)
        found = segments(source, start, level)
        if replay is not None:
            found = with_times(found, start.genesis)
        secret = None if executed is None or rows is None else executed.secret
        # A copy of the rows that are known: tasks are sent off later, from another thread, and the rows go on changing.
        shares = _Shares(start.size, window if executor else 1)
        tasks = _tasks(
            found, shares, lambda: None if replay is None else Basis(dict(replay.known), secret), executor
        )
        meanwhile = _nothing if rows is None or secret is None else partial(rows.add_up_lookups, secret)
        _check_segments(
            tasks, linker, window if executor else 1, meanwhile, lambda done: progress(done, start.size)
        )
        last = linker.finish()
        if isinstance(source, ExportSource):
            _check_beside(source, start)
        if rows is not None:
            rows.head(last)
            rows.cosigned()
            if executed is not None and replay is not None:
                rows.checkpoints()
                rows.changes(executed, last)
                rows.sweep(
                    executed,
                    replay.lookup_sum,
                    lambda: _every_lookup(source, start, stack.enter_context(scratch())),
                )
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
    tasks: Iterator[_Task | Unreadable],
    linker: Linker,
    window: int,
    meanwhile: Callable[[], None],
    progress: Callable[[int], None],
) -> None:
    """Have every segment checked, and hand the results to `linker` in order; do `meanwhile` before the first is waited for.

    Raises as `audit`.
    """
    pending: deque[_Task | Unreadable] = deque()
    is_waiting = False
    try:
        for one in tasks:
            pending.append(one)
            while _is_full(pending, window):
                if not is_waiting:
                    meanwhile()
                    is_waiting = True
                _take(pending.popleft(), linker, progress)
        if not is_waiting:
            meanwhile()
        while pending:
            _take(pending.popleft(), linker, progress)
    finally:
        for waiting in pending:
            if isinstance(waiting, _Task) and isinstance(waiting.results, Future):
                waiting.results.cancel()


def _nothing() -> None:
    """What there is to do in the meantime without a store."""


class _Task(NamedTuple):
    """Segments that are checked in one go: under way, or done."""

    jobs: tuple[Job, ...]
    size: int
    """Bytes of their bundles."""
    results: Future[list[Found]] | list[Found]


class _Shares:
    """How many leaves go into a task.

    Each task costs the process that reads about as much as some hundred leaves, so they are large; but the first are small,
    so that everybody has one soon, and the last, so that nobody goes on alone for long when the others have none left.
    """

    def __init__(self, leaves: int, window: int) -> None:
        self._left = leaves
        # There are no more workers than that, since the window holds two tasks for each.
        self._parts = max(1, window // 2)
        self._started = 0

    def is_enough(self, leaves: int) -> bool:
        """Whether a task of so many leaves is large enough, the others being as they are."""
        return leaves >= min((self._started + 1) * TILE_WIDTH, self._left // self._parts)

    def start(self, leaves: int) -> None:
        """A task of so many leaves is sent off."""
        self._started += 1
        self._left -= leaves


def _tasks(
    found: Iterable[Job | Unreadable],
    shares: _Shares,
    basis: Callable[[], Basis | None],
    executor: Executor | None,
) -> Iterator[_Task | Unreadable]:
    """Segments put together until it pays to send them to another process, and sent; in order."""
    jobs: list[Job] = []
    size = leaves = 0
    for one in found:
        if isinstance(one, Job):
            jobs.append(one)
            size += one.size
            leaves += one.width
            if size < TASK_BYTES and not shares.is_enough(leaves):
                continue
        if jobs:
            shares.start(leaves)
            yield _start(tuple(jobs), size, basis(), executor)
            jobs, size, leaves = [], 0, 0
        if isinstance(one, Unreadable):
            yield one
    if jobs:
        yield _start(tuple(jobs), size, basis(), executor)


def _start(jobs: tuple[Job, ...], size: int, basis: Basis | None, executor: Executor | None) -> _Task:
    if executor is None:
        return _Task(jobs, size, work_out(jobs, basis))
    try:
        return _Task(jobs, size, executor.submit(work_out, jobs, basis))
    except RuntimeError as error:
        # An executor whose workers are gone (`concurrent.futures.BrokenExecutor`), or that was shut down.
        raise _no_worker(str(error)) from error


def _is_full(pending: deque[_Task | Unreadable], window: int) -> bool:
    under_way = [one.size for one in pending if isinstance(one, _Task)]
    return len(pending) > window or (len(under_way) > 1 and sum(under_way) > WINDOW_BYTES)


def _take(one: _Task | Unreadable, linker: Linker, progress: Callable[[int], None]) -> None:
    if isinstance(one, Unreadable):
        raise one.failure()
    results = one.results if isinstance(one.results, list) else _worked_out(one.jobs, one.results)
    for job, (result, parts) in zip(one.jobs, results, strict=True):
        linker.take(job, result, parts)
        progress(job.first + job.width)


def _worked_out(jobs: Sequence[Job], results: Future[list[Found]]) -> list[Found]:
    """What workers have found. Whatever befalls them is no verdict. Raises CannotTellError, rule `audit.worker`."""
    try:
        found = results.result()
    except LedgerError:
        raise
    except Exception as error:
        raise _no_worker(f"{type(error).__name__}: {error}") from error
    if not _is_found(found, len(jobs)):
        raise _no_worker("its answer is not of the shape that was asked for")
    return found


def _is_found(answer: object, count: int) -> bool:
    """Whether an answer is what `work_out` gives for so many segments."""
    return (
        isinstance(answer, list)
        and len(answer) == count
        and all(
            isinstance(one, tuple)
            and len(one) == 2
            and isinstance(one[0], Result)
            and isinstance(one[1], list)
            for one in answer
        )
    )


def _no_worker(why: str) -> CannotTellError:
    return CannotTellError(
        "audit.worker", f"a worker did not do its part of the audit, so nothing is known of the ledger: {why}"
    )


def _every_lookup(source: LogSource, start: Start, scratch: Scratch) -> Iterator[tuple[bytes, bytes]]:
    """All index rows that follow from a log which was found right, in order of key: nothing is worked out ahead."""
    replay = Replay(start.genesis, scratch)
    for job in segments(source, start, Level.LINKS):
        if isinstance(job, Unreadable):
            raise job.failure()
        replay.segment(job, ())
        for fact in check(job).facts:
            replay.block(fact)
    return scratch.rows(layout.LOOKUP)


def _check_beside(source: ExportSource, start: Start) -> None:
    """Check the files of an export that are no part of the log. Raises VerificationError, FormatError."""
    leaf = source.genesis()
    if leaf is not None and leaf != start.genesis.leaf():
        raise VerificationError("export.genesis", "the file genesis is not leaf 0 of the log")
    policy = source.policy()
    # Somebody who trusts the file must come to trust the validators that the ledger names, with their quorum.
    known = (start.policy.policy_at(start.checkpoint.checkpoint.size), genesis_policy(start.genesis))
    if policy is not None and Policy.parse(policy) not in known:
        detail = "the file policy is neither the policy of this audit nor the one that the genesis document implies"
        raise VerificationError("export.policy", detail)
