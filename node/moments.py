"""The moments at which a node hands out its whole state, for followers that begin with it.

Rules: all who ask within `REFRESH_SECONDS` get the same moment, so that a node keeps at most `MAX_KEPT` of them however many
ask: the newest, and the one before for those who are still reading it. A moment that nobody has read for `IDLE_SECONDS` is let
go, since the database keeps what it still sees.

What this module does not do: HTTP, or say what is in a state (`ledger.state.transfer`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from ledger.errors import RefusedError
from node.receipts import FinalView

MAX_KEPT: Final = 2
REFRESH_SECONDS: Final = 600.0
"""A moment that is older is not given to anybody who begins."""
IDLE_SECONDS: Final = 300.0


class Moments:
    """All methods may be called from any thread."""

    def __init__(
        self, final: Callable[[], FinalView], *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """`final` gives the newest final view."""
        self._final = final
        self._seconds = seconds
        self._lock = threading.Lock()
        self._kept: list[FinalView] = []
        self._made = self._read = float("-inf")

    def newest(self) -> FinalView:
        """The moment for whoever begins now. Raises as `final`."""
        with self._lock:
            now = self._seconds()
            if not self._kept or now - self._made > REFRESH_SECONDS:
                found = self._final()
                if not self._kept or found.size != self._kept[-1].size:
                    self._kept = [*self._kept[1 - MAX_KEPT :], found]
                else:
                    # The same state under a younger checkpoint.
                    self._kept[-1] = found
                self._made = now
            self._read = now
            return self._kept[-1]

    def at(self, size: int) -> FinalView:
        """The moment of a tree size. Raises RefusedError, rule `snapshot.gone`, for one that is not kept."""
        with self._lock:
            for one in self._kept:
                if one.size == size:
                    self._read = self._seconds()
                    return one
        raise RefusedError(
            "snapshot.gone",
            f"the snapshot of size {size} is not kept: begin with the newest",
            permanent=False,
        )

    def expire(self) -> None:
        """Let go of what nobody reads any more."""
        with self._lock:
            if self._seconds() - self._read > IDLE_SECONDS:
                self._kept = []

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            self._kept = []
