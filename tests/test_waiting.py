"""Whoever waits for an entry is told once, or told that nobody will; giving up leaves nothing behind."""

from __future__ import annotations

from concurrent.futures import CancelledError

import pytest

from ledger.errors import StoreError
from node.outcomes import Final
from node.waiting import Waiting

ONE, OTHER = b"\x01" * 32, b"\x02" * 32


def test_all_who_wait_for_an_entry_are_told_and_nobody_else() -> None:
    waiting = Waiting(lambda: None)
    first, second, other = waiting.wait(ONE), waiting.wait(ONE), waiting.wait(OTHER)
    waiting.settle(ONE, Final(ONE, 7))
    assert first.result(0) == second.result(0) == Final(ONE, 7)
    assert not other.done()
    waiting.settle(ONE, Final(ONE, 8))
    assert first.result(0) == Final(ONE, 7)


def test_who_gives_up_is_forgotten_and_the_others_are_still_told() -> None:
    waiting = Waiting(lambda: None)
    first, second = waiting.wait(ONE), waiting.wait(ONE)
    assert first.cancel()
    assert waiting._futures == {ONE: [second]}
    waiting.settle(ONE, Final(ONE, 7))
    assert second.result(0) == Final(ONE, 7)
    with pytest.raises(CancelledError):
        first.result(0)
    assert waiting.wait(ONE).cancel()
    assert waiting._futures == {}


def test_once_it_is_over_nobody_waits() -> None:
    over: list[StoreError] = []
    waiting = Waiting(lambda: over[0] if over else None)
    before = waiting.wait(ONE)
    over.append(StoreError("node.stopped", "it is over"))
    after = waiting.wait(ONE)
    assert not before.done()  # what is in hand may still be settled
    waiting.abandon(over[0])
    for future in (before, after):
        with pytest.raises(StoreError, match="it is over"):
            future.result(0)
    assert waiting._futures == {}
