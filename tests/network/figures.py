"""What happened to a network while something was wrong: the figures of docs/faults.md.

`Meter` watches the nodes' checkpoints from outside, all the time. `keep` prints a row, and adds it to the file that
$SOGOC_FIGURES names, from which `scripts/faults.py` makes the table.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ledger.errors import LedgerError
from ledger.policy import Trust
from tests.faults.serving import GoneError, Http

VARIABLE: Final = "SOGOC_FIGURES"
_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. Of the entries: how many were offered, …; the last three counts must be zero."""

    fault: str
    offered: int
    acknowledged: int
    final: int
    refused: int
    lost: int
    duplicated: int
    forks: int
    seconds: float
    """Longest time in which nothing became final on any node, with entries waiting."""

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())


def keep(row: Row) -> None:
    """Print, and write down if somebody asked for it."""
    print(row)  # noqa: T201  for who runs the tests with -rP
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


class Meter:
    """Asks every node for its checkpoint, again and again: when did the ledger grow, and do all say the same?"""

    def __init__(self, policy: Trust, nodes: Sequence[Callable[[], Http]]) -> None:
        """`nodes` connect to each of them, as often as it is there again; they raise AssertionError while it is not."""
        self.longest = 0.0
        """Seconds: the longest time without growth so far."""
        self.forks: list[str] = []
        """Two final roots at one size, in words."""
        self._policy = policy
        self._roots: dict[int, bytes] = {}
        self._grown = time.monotonic()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(connect,)) for connect in nodes]

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, connect: Callable[[], Http]) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            with contextlib.suppress(AssertionError, GoneError):
                self._watch(connect())

    def _watch(self, node: Http) -> None:
        seen = ""
        try:
            is_last = False
            while not is_last:
                # What became final before the end is seen.
                is_last = self._over.wait(_LOOK_SECONDS)
                status, body = node.ask("GET", "/checkpoint")
                text = body.decode()
                if status == 200 and text != seen:
                    seen = text
                    self._take(text)
        finally:
            node.close()

    def _take(self, text: str) -> None:
        try:
            checkpoint = self._policy.check(text).checkpoint
        except LedgerError as error:
            self.forks.append(f"a checkpoint that no quorum signed: {error}")
            return
        now = time.monotonic()
        with self._lock:
            if checkpoint.size > max(self._roots, default=0):
                self.longest = max(self.longest, now - self._grown)
                self._grown = now
            if self._roots.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
                self.forks.append(f"two final roots at size {checkpoint.size}")
