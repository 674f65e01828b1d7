"""A pinned moment: nothing acknowledged is missing from it, and it ends when it should."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.encoding import decode
from ledger.errors import StoreError
from ledger.rows import entry_key
from ledger.store.database import Snapshot
from ledger.verify.sources.stored import StoreSource
from node.outbox import OutboxSnapshot
from node.outcomes import Final
from node.pinned import PinError, Pinned, Pins
from node.service import Node
from tests.support import make_node, put, running_node, sign


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path) as running:
        yield running


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def rule_of(pins: Pins, name: str) -> str:
    with pytest.raises(PinError) as caught, pins.reading(name):
        pass
    return caught.value.rule


def test_a_moment_stays_as_it_was(node: Node) -> None:
    put(node, sign(node))
    name = node.pins.pin()
    with node.pins.reading(name) as pinned:
        before = list(pinned.rows.iterate())
    put(node, sign(node), sign(node))
    with node.pins.reading(name) as pinned:
        assert list(pinned.rows.iterate()) == before
        assert StoreSource(pinned.rows).head.height == 1
    node.pins.release(name)
    assert rule_of(node.pins, name) == "snapshot.unknown"
    with pytest.raises(PinError):
        node.pins.release(name)


def test_at_most_a_few_are_held_and_the_idle_ones_make_room(node: Node) -> None:
    clock = Clock()
    pins = Pins(node.store, node.outbox, most=2, idle_seconds=60, clock=clock)
    first, second = pins.pin(), pins.pin()
    assert first != second
    with pytest.raises(PinError) as caught:
        pins.pin()
    assert caught.value.rule == "snapshot.limit"
    clock.now += 59
    with pins.reading(second) as pinned:
        pass
    clock.now += 1
    third = pins.pin()
    assert rule_of(pins, first) == "snapshot.unknown"
    with pins.reading(third), pins.reading(second) as again:
        assert again is pinned
    pins.close()


def test_a_moment_that_is_being_read_does_not_expire(node: Node) -> None:
    clock = Clock()
    pins = Pins(node.store, node.outbox, idle_seconds=60, clock=clock)
    name = pins.pin()
    with pins.reading(name) as pinned:
        clock.now += 3_600
        pins.expire()
        assert list(pinned.rows.iterate())
    with pins.reading(name):
        pass
    clock.now += 60
    pins.expire()
    assert len(pins) == 0
    assert not pinned.is_open


def test_the_node_expires_them_by_itself(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.pins.pin()
    node._maintain_once()
    assert len(node.pins) == 1
    monkeypatch.setattr(node.pins, "_idle_seconds", 0)
    node._maintain_once()
    assert len(node.pins) == 0


def test_stopping_waits_for_who_reads_and_holds_none_after(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    name, other = node.pins.pin(), node.pins.pin()
    reading, go_on = threading.Event(), threading.Event()
    rows: list[object] = []

    def read() -> None:
        with node.pins.reading(name) as pinned:
            reading.set()
            assert go_on.wait(20)
            rows.extend(pinned.rows.iterate())

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(20)
    stopping = threading.Thread(target=node.stop)
    stopping.start()
    stopping.join(0.2)
    assert stopping.is_alive()
    go_on.set()
    stopping.join(20)
    reader.join(20)
    assert not stopping.is_alive()
    assert len(rows) > 10
    assert rule_of(node.pins, other) == "snapshot.unknown"
    with pytest.raises(StoreError) as caught:
        node.pins.pin()
    assert caught.value.rule == "node.stopped"


def test_if_the_store_cannot_be_pinned_nothing_is_held(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise StoreError("store.io", "no")

    monkeypatch.setattr(node.store, "rows", broken)
    with pytest.raises(StoreError):
        node.pins.pin()
    assert len(node.pins) == 0


def ids_in(pinned: Pinned, entry_ids: list[bytes]) -> list[bytes]:
    """Which entries a moment has: waiting in the outbox part, or final in the ledger part."""
    source = StoreSource(pinned.rows)
    size = int(source.checkpoint().splitlines()[1])
    waiting = {one.entry_id for one in pinned.outbox.waiting()}
    found = []
    for entry_id in entry_ids:
        value = source.get(entry_key(entry_id))
        index = None if value is None else decode(value)
        if entry_id in waiting or (isinstance(index, int) and index < size):
            found.append(entry_id)
    return found


def test_what_was_acknowledged_is_in_one_part_or_the_other(node: Node) -> None:
    acknowledged: list[bytes] = []
    done = threading.Event()

    def load() -> None:
        for _ in range(150):
            entries = [sign(node) for _ in range(3)]
            node.submit([entry.submission() for entry in entries])
            acknowledged.extend(entry.id for entry in entries)
        done.set()

    sender = threading.Thread(target=load)
    sender.start()
    moments = 0
    while not done.is_set():
        before = list(acknowledged)
        name = node.pins.pin()
        with node.pins.reading(name) as pinned:
            assert ids_in(pinned, before) == before
        node.pins.release(name)
        moments += bool(before)
    sender.join()
    assert moments > 3


def test_what_becomes_final_while_a_moment_is_pinned_is_not_lost_between_the_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the two parts are taken, an entry may become final and be struck off between them."""
    node = make_node(tmp_path)
    entry = sign(node)
    node.submit([entry.submission()])
    rows, snapshot = node.store.rows, node.outbox.snapshot

    started = threading.Event()

    def become_final() -> None:
        if not started.is_set():
            started.set()
            node.start()
            node.wait(entry.id).result(20)
            while node.outbox.depth:
                time.sleep(0.001)

    def slow_rows() -> Snapshot:
        taken = rows()
        become_final()
        return taken

    def slow_outbox() -> OutboxSnapshot:
        taken = snapshot()
        become_final()
        return taken

    try:
        monkeypatch.setattr(node.store, "rows", slow_rows)
        monkeypatch.setattr(node.outbox, "snapshot", slow_outbox)
        with node.pins.reading(node.pins.pin()) as pinned:
            assert ids_in(pinned, [entry.id]) == [entry.id]
    finally:
        node.stop()


def test_a_moment_between_two_commits_has_the_one_that_is_not_cosigned_among_the_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of the two parts is what keeps this: an entry is struck off only once it is final."""
    with running_node(tmp_path) as node:
        committed, go_on = threading.Event(), threading.Event()
        cosign = node._cosign

        def slowly() -> None:
            committed.set()
            assert go_on.wait(20)
            cosign()

        monkeypatch.setattr(node, "_cosign", slowly)
        entry = sign(node)
        node.submit([entry.submission()])
        assert committed.wait(20)
        name = node.pins.pin()
        go_on.set()
        assert isinstance(node.wait(entry.id).result(20), Final)
        with node.pins.reading(name) as pinned:
            source = StoreSource(pinned.rows)
            assert source.head.height == 1
            assert int(source.checkpoint().splitlines()[1]) == 2
            assert [one.entry_id for one in pinned.outbox.waiting()] == [entry.id]
            assert list(pinned.outbox.waiting(after=1)) == []
