"""Engines: what puts entries in one order. An engine drives the application's verbs and is trusted with nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Engine(Protocol):
    """What a node asks of its engine, whichever it is."""

    @property
    def depth(self) -> int:
        """Entries that wait."""

    @property
    def full(self) -> bool:
        """Whether it takes nothing more for now."""

    @property
    def trouble(self) -> str:
        """What keeps it from ordering, in words for whoever operates the node; empty if nothing is known."""

    @property
    def held(self) -> str:
        """Why it takes no part in ordering for now, in words; empty if it does."""

    def start(self) -> None:
        """Begin to order."""

    def halt(self) -> None:
        """Begin nothing further; does not wait."""

    def stop(self) -> None:
        """Finish what is in hand and stop. What is left is in the outbox too."""

    def add(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """Take `(entry id, submission)` pairs; those that are already here are skipped."""

    def withdraw(self, entry_ids: Sequence[bytes]) -> list[bytes]:
        """Take entries out again; returns those that were here and will be in no block."""
