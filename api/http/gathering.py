"""Requests that arrive together are judged together: one thread, one sync and one wake-up for many of them.

Rules: a request is never kept back to wait for others: what has gathered while the workers were busy is taken by the next that
is free. Large requests go by themselves, so that nobody small waits behind them. A request that waits is woken when its own
last entry is final or refused, or when its sender is gone.

What this module does not do: judge (`api.http.intake`).
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from functools import partial

import anyio.to_thread

from api.http.context import Context
from api.http.intake import Item, Posted, Taken, take
from ledger.errors import LedgerError
from node.outcomes import Outcome

SMALL_BYTES = 65_536
"""A body up to this size is judged together with others."""
MAX_TOGETHER = 256
"""Requests judged together."""
WORKERS = min(8, max(2, os.cpu_count() or 2))
"""Threads that judge small requests: more would only pass the interpreter's lock around."""
LARGE_AT_ONCE = 8
"""Large requests that are judged at the same time."""

LISTEN_AFTER_SECONDS = 1.0
"""A request that has waited so long is watched: its sender may have gone. Nearly all are answered long before."""

Gone = Callable[[], Awaitable[object]]
"""Returns when the sender of a request is gone."""


class Wakings:
    """Sets asyncio futures from other threads, many with one wake-up of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: deque[asyncio.Future[None]] = deque()
        self._is_scheduled = False
        self._lock = threading.Lock()

    def wake(self, future: asyncio.Future[None]) -> None:
        """Set `future` soon. May be called from any thread."""
        with self._lock:
            self._due.append(future)
            if self._is_scheduled or self._loop.is_closed():
                return
            self._is_scheduled = True
        self._loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        with self._lock:
            due, self._due = self._due, deque()
            self._is_scheduled = False
        for future in due:
            if not future.done():
                future.set_result(None)


class _Countdown:
    """Wakes one asyncio future when the last of several entries is final or refused."""

    def __init__(
        self, wakings: Wakings, waiter: asyncio.Future[None], pending: Sequence[Future[Outcome]]
    ) -> None:
        self._wakings = wakings
        self._waiter = waiter
        self._left = len(pending)
        self._lock = threading.Lock()
        for future in pending:
            future.add_done_callback(self._one_done)

    def _one_done(self, _: Future[Outcome]) -> None:
        with self._lock:
            self._left -= 1
            is_last = not self._left
        if is_last:
            self._wakings.wake(self._waiter)


class _Listener:
    """Wakes who waits on behalf of a sender that is gone."""

    def __init__(self, loop: asyncio.AbstractEventLoop, gone: Gone, waiter: asyncio.Future[None]) -> None:
        self._loop = loop
        self._gone = gone
        self._waiter = waiter
        self._task: asyncio.Task[None] | None = None
        self._timer = loop.call_later(LISTEN_AFTER_SECONDS, self._begin)

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._listen())

    async def _listen(self) -> None:
        await self._gone()
        if not self._waiter.done():
            self._waiter.set_result(None)

    def stop(self) -> None:
        """Listen no longer."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()


class Gathering:
    """Takes bodies of requests; one for each application and event loop."""

    def __init__(self, context: Context, loop: asyncio.AbstractEventLoop) -> None:
        self._context = context
        self._loop = loop
        self._waiting: deque[tuple[Posted, asyncio.Future[Taken]]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._threads = anyio.CapacityLimiter(WORKERS)
        self._large_threads = anyio.CapacityLimiter(LARGE_AT_ONCE)
        self._wakings = Wakings(loop)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that this belongs to."""
        return self._loop

    async def submit(self, request: Posted, wait_seconds: float, gone: Gone) -> Taken:
        """Judge and journal what a request brings. If it waits, until it is final, or `wait_seconds` are over, or its sender
        is `gone`.

        Raises FormatError, RefusedError or StoreError for what concerns the whole request.
        """
        is_large = len(request.body) > SMALL_BYTES
        taken = await (self._judge_large(request) if is_large else self._judge_small(request))
        if request.is_waiting:
            await self._until_final(taken.items, wait_seconds, gone)
        return taken

    async def _judge_large(self, request: Posted) -> Taken:
        (result,) = await anyio.to_thread.run_sync(
            take, self._context, [request], limiter=self._large_threads
        )
        if isinstance(result, LedgerError):
            raise result
        return result

    def _judge_small(self, request: Posted) -> asyncio.Future[Taken]:
        future: asyncio.Future[Taken] = self._loop.create_future()
        self._waiting.append((request, future))
        if len(self._workers) < WORKERS:
            worker = self._loop.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return future

    async def _work(self) -> None:
        while self._waiting:
            count = min(MAX_TOGETHER, len(self._waiting))
            together = [self._waiting.popleft() for _ in range(count)]
            requests = [request for request, _ in together]
            try:
                results = await anyio.to_thread.run_sync(
                    partial(take, self._context, requests), limiter=self._threads
                )
            except Exception as error:  # noqa: BLE001  a mistake of ours: whoever waits must hear of it
                _fail([future for _, future in together], error)
                continue
            except BaseException:
                _fail([future for _, future in together], RuntimeError("the node is stopping"))
                raise
            for (_, future), result in zip(together, results, strict=True):
                if future.done():  # its sender is gone
                    if isinstance(result, Taken):
                        _give_up(result)
                    continue
                if isinstance(result, LedgerError):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    async def _until_final(self, items: Sequence[Item], seconds: float, gone: Gone) -> None:
        pending = [item.pending for item in items if item.pending is not None]
        if not pending:
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        _Countdown(self._wakings, waiter, pending)
        listener = _Listener(self._loop, gone, waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            pass  # what is not final yet is answered as accepted, which it is
        finally:
            listener.stop()
            for item in items:
                _settle(item)


def _fail(futures: Sequence[asyncio.Future[Taken]], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)


def _give_up(taken: Taken) -> None:
    for item in taken.items:
        if item.pending is not None:
            item.pending.cancel()


def _settle(item: Item) -> None:
    future = item.pending
    # One that failed tells that the node stopped; the entry is in the journal all the same.
    if future is not None and not future.cancel() and not future.cancelled() and future.exception() is None:
        item.outcome = future.result()
