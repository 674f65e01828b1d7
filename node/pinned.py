"""The node's rows at one moment, pinned, so that another process can read them while the node goes on.

Rules: LevelDB lets one process in. So an audit or a backup of a home that is being served asks the node to hold a moment fast,
and reads it piece by piece; what it makes of it is its own work. A moment is let go when whoever asked for it says so, when
nobody has read it for a while, and when the node stops; at most a few are held, since LevelDB keeps what they still see.

In a moment no acknowledged entry is missing: it waits in the outbox part, or it is in the ledger part and final there, or it
was refused.

What this module does not do: sockets, limits on how much is read at once (`api.http.control`).
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ledger.errors import LedgerError, StoreError
from ledger.store.database import Snapshot
from ledger.store.ledger_store import LedgerStore
from node.outbox import Outbox, OutboxSnapshot

MAX_PINNED: Final = 4
"""Moments held at the same time."""
IDLE_SECONDS: Final = 300.0
"""After so many seconds without being read a moment is let go: whoever asked for it has died."""


class PinError(LedgerError):
    """A moment that is not held (`snapshot.unknown`), or cannot be (`snapshot.limit`)."""


@dataclass(slots=True)
class Pinned:
    """One moment. Its parts are read under its lock only, so that it is not let go meanwhile."""

    rows: Snapshot
    """Every row of the ledger's store, unchecked."""
    outbox: OutboxSnapshot
    last_read: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_open: bool = True

    def close(self) -> None:
        """Let go. The caller holds the lock, or nobody else knows of it."""
        if self.is_open:
            self.is_open = False
            self.outbox.close()
            self.rows.close()


class Pins:
    """The moments that a node holds. All methods may be called from any thread."""

    def __init__(
        self,
        store: LedgerStore,
        outbox: Outbox,
        *,
        most: int = MAX_PINNED,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` counts seconds and never goes back."""
        self._store = store
        self._outbox = outbox
        self._most = most
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._pins: dict[str, Pinned] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._pins)

    def pin(self) -> str:
        """Hold this moment; returns the name under which it is read.

        Raises PinError (`snapshot.limit`) if too many are held, StoreError (`node.stopped` if the node stops).
        """
        self.expire()
        with self._lock:
            if self._is_closed:
                raise StoreError("node.stopped", "the node is being stopped")
            if len(self._pins) >= self._most:
                raise PinError(
                    "snapshot.limit",
                    f"the node holds {len(self._pins)} snapshots for others; try again later",
                )
            # The order matters. The outbox first: what it no longer has was final before the ledger is looked at.
            outbox = self._outbox.snapshot()
            try:
                rows = self._store.rows()
            except BaseException:
                outbox.close()
                raise
            name = secrets.token_hex(16)
            self._pins[name] = Pinned(rows, outbox, self._clock())
        return name

    @contextmanager
    def reading(self, name: str) -> Iterator[Pinned]:
        """A moment, for as long as the block lasts; one reader at a time. Raises PinError (`snapshot.unknown`)."""
        with self._lock:
            pinned = self._pins.get(name)
        if pinned is None:
            raise _unknown()
        with pinned.lock:
            if not pinned.is_open:
                raise _unknown()
            try:
                yield pinned
            finally:
                pinned.last_read = self._clock()

    def release(self, name: str) -> None:
        """Let go of a moment once it is not being read. Raises PinError (`snapshot.unknown`)."""
        with self._lock:
            pinned = self._pins.pop(name, None)
        if pinned is None:
            raise _unknown()
        with pinned.lock:
            pinned.close()

    def expire(self) -> None:
        """Let go of the moments that nobody has read for a while."""
        with self._lock:
            for name, pinned in list(self._pins.items()):
                if pinned.lock.acquire(blocking=False):
                    try:
                        if self._clock() - pinned.last_read >= self._idle_seconds:
                            del self._pins[name]
                            pinned.close()
                    finally:
                        pinned.lock.release()

    def close(self) -> None:
        """Let go of all, after what is being read at this moment, and hold none from now on."""
        with self._lock:
            self._is_closed = True
            pins, self._pins = self._pins, {}
        for pinned in pins.values():
            with pinned.lock:
                pinned.close()


def _unknown() -> PinError:
    detail = "the node holds no such snapshot: it was let go because nobody read it for minutes, or the node was restarted"
    return PinError("snapshot.unknown", detail)
