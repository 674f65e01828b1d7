"""Who waits for an entry to become final or to be refused.

Rules: each waits on a future of its own and may give up by cancelling it; nobody is told twice, and nobody is left waiting
for a node that will not answer any more.

What this module does not do: know what becomes of entries. The node settles them, and says when it is over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from ledger.errors import StoreError
from node.outcomes import Outcome


class Waiting:
    """Futures by entry. All public methods may be called from any thread."""

    def __init__(self, over: Callable[[], StoreError | None]) -> None:
        """`over` says why nothing is settled any more, or None; whoever makes it say something calls `abandon` afterwards."""
        self._over = over
        self._lock = threading.Lock()
        self._futures: dict[bytes, list[Future[Outcome]]] = {}

    def wait(self, entry_id: bytes) -> Future[Outcome]:
        """A future that is done when the entry is settled; it has failed already if that will not be."""
        future: Future[Outcome] = Future()
        with self._lock:
            over = self._over()
            if over is not None:
                future.set_exception(over)
                return future
            self._futures.setdefault(entry_id, []).append(future)
        future.add_done_callback(partial(self._forget, entry_id))
        return future

    def settle(self, entry_id: bytes, outcome: Outcome) -> None:
        """Tell all who wait for an entry what became of it."""
        with self._lock:
            futures = self._futures.pop(entry_id, [])
        for future in futures:
            if future.set_running_or_notify_cancel():
                future.set_result(outcome)

    def abandon(self, error: StoreError) -> None:
        """Tell all who wait that this process will not answer."""
        with self._lock:
            abandoned, self._futures = self._futures, {}
        for futures in abandoned.values():
            for future in futures:
                if future.set_running_or_notify_cancel():
                    future.set_exception(error)

    def _forget(self, entry_id: bytes, future: Future[Outcome]) -> None:
        if not future.cancelled():
            return  # it was taken out before it was answered
        with self._lock:
            futures = self._futures.get(entry_id, [])
            if future in futures:
                futures.remove(future)
            if not futures:
                self._futures.pop(entry_id, None)
