"""Threads beside a node's own work: one that ends when it is told to, one for each machine that is talked to, and all of those.

Rules: stopping waits for what is in hand. A thread that was never started is stopped without a word.

What this module does not do: say what a thread does when something goes wrong; that is its own `_run`'s business.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import httpx

S = TypeVar("S")
"""How somebody at the other end is doing."""


class Background(ABC):
    """One thread. It is a daemon: whoever forgets to stop it does not keep the process alive."""

    def __init__(self, name: str) -> None:
        """`name` is the thread's, for whoever looks at a process."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is in hand, and end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @abstractmethod
    def _run(self) -> None:
        """Work until `_stopping` is set."""


class Link(Background, Generic[S]):
    """A thread that talks to one machine over HTTP, whenever there is something to tell it."""

    def __init__(self, name: str, client: httpx.Client) -> None:
        """`client` is closed when the link is stopped."""
        super().__init__(name)
        self._client = client
        self._news = threading.Event()

    @property
    @abstractmethod
    def state(self) -> S:
        """How the other end is doing."""

    def tell(self) -> None:
        """There is something new."""
        self._news.set()

    def stop(self) -> None:
        """End the thread; a request that is under way is waited for, at most as long as it may take."""
        self._stopping.set()
        self._news.set()
        super().stop()
        self._client.close()


class Links(Generic[S]):
    """The links to several machines: one to each, so that a slow or dead one holds nobody up."""

    def __init__(self, links: Sequence[Link[S]]) -> None:
        self._links = tuple(links)

    @property
    def states(self) -> tuple[S, ...]:
        """How each of them is doing."""
        return tuple(link.state for link in self._links)

    def start(self) -> None:
        """Begin to talk to all."""
        for link in self._links:
            link.start()

    def tell(self) -> None:
        """There is something new for all."""
        for link in self._links:
            link.tell()

    def stop(self) -> None:
        """Stop talking."""
        for link in self._links:
            link.stop()
