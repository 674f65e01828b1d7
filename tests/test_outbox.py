"""The outbox journal: what `append` returned for is there after any end of the process, in order, once."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import StoreCorruptError, StoreError, StoreLockedError
from ledger.hashing import sha256
from ledger.store.database import Database, Row, Snapshot
from node import outbox as module
from node.outbox import Outbox, Refusal
from tests.faults.failing import FailingLevelDB

NOW = 1_790_000_000_000


def item(number: int) -> tuple[bytes, bytes]:
    """An entry id and a submission that nobody else has."""
    return sha256(b"id %d" % number), b"submission %d" % number


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def journal(path: Path) -> Iterator[Outbox]:
    opened = Outbox.open(path, create=True)
    yield opened
    opened.close()


def numbers(journal: Outbox) -> list[int]:
    """Which of `item` wait, in order."""
    waiting = list(journal.waiting())
    assert [one.sequence for one in waiting] == sorted(one.sequence for one in waiting)
    found = [int(one.submission.split()[1]) for one in waiting]
    assert [one.entry_id for one in waiting] == [item(number)[0] for number in found]
    return found


def copy_as_after_a_crash(path: Path, to: Path) -> Path:
    """The files as `kill -9` at this moment would leave them."""
    shutil.copytree(path, to, ignore=lambda _, names: [name for name in names if name == "LOCK"])
    return to


def test_what_was_appended_waits_in_order_with_the_time_it_came(journal: Outbox) -> None:
    journal.append([item(3), item(1)], NOW)
    journal.append([item(2)], NOW + 5)
    assert numbers(journal) == [3, 1, 2]
    assert [one.received_ms for one in journal.waiting()] == [NOW, NOW, NOW + 5]
    assert journal.depth == 3
    assert journal.holds(item(1)[0])
    assert not journal.holds(item(4)[0])


def test_an_entry_that_waits_is_not_journalled_twice(journal: Outbox) -> None:
    journal.append([item(1), item(1)], NOW)
    journal.append([(item(1)[0], b"the same body under another signature"), item(2)], NOW + 1)
    assert numbers(journal) == [1, 2]
    assert journal.depth == 2


def test_what_append_returned_for_survives_a_crash(path: Path, journal: Outbox, tmp_path: Path) -> None:
    journal.append([item(1), item(2)], NOW)
    crashed = Outbox.open(copy_as_after_a_crash(path, tmp_path / "copy"), create=False)
    assert numbers(crashed) == [1, 2]
    assert [one.received_ms for one in crashed.waiting()] == [NOW, NOW]
    # Numbers go on from where they were: the order of arrival outlives the process.
    crashed.append([item(0)], NOW)
    assert numbers(crashed) == [1, 2, 0]
    crashed.close()


def test_finished_entries_are_gone_at_once_and_after_an_orderly_end(path: Path) -> None:
    journal = Outbox.open(path, create=True)
    journal.append([item(number) for number in range(5)], NOW)
    journal.finish([item(0)[0], item(3)[0], b"an entry that never waited".ljust(32)])
    assert numbers(journal) == [1, 2, 4]
    assert journal.depth == 3
    journal.close()
    journal = Outbox.open(path, create=False)
    assert numbers(journal) == [1, 2, 4]
    journal.close()


def test_after_a_crash_a_finished_entry_may_wait_again_and_is_finished_again(
    path: Path, journal: Outbox, tmp_path: Path
) -> None:
    journal.append([item(1), item(2)], NOW)
    journal.finish([item(1)[0]])
    crashed = Outbox.open(copy_as_after_a_crash(path, tmp_path / "copy"), create=False)
    assert set(numbers(crashed)) >= {2}
    crashed.finish([item(1)[0]])
    assert numbers(crashed) == [2]
    crashed.close()


def test_finished_entries_are_struck_off_by_the_next_write(
    path: Path, journal: Outbox, tmp_path: Path
) -> None:
    journal.append([item(1), item(2)], NOW)
    journal.finish([item(1)[0]])
    journal.append([item(3)], NOW)
    crashed = Outbox.open(copy_as_after_a_crash(path, tmp_path / "copy"), create=False)
    assert numbers(crashed) == [2, 3]
    crashed.close()


def test_finished_entries_do_not_pile_up_when_nothing_comes(
    path: Path, journal: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_STRUCK_ROWS", 10)
    journal.append([item(number) for number in range(20)], NOW)
    for number in range(18):
        journal.finish([item(number)[0]])
        assert len(journal._struck) <= 12
    crashed = Outbox.open(copy_as_after_a_crash(path, tmp_path / "copy"), create=False)
    assert 18 in numbers(crashed)
    assert crashed.depth < 10
    crashed.close()


def test_an_entry_can_come_again_after_it_was_finished(path: Path, journal: Outbox, tmp_path: Path) -> None:
    journal.append([item(1)], NOW)
    journal.finish([item(1)[0]])
    journal.append([item(1)], NOW + 1)  # its deletion and its new row are in one batch
    assert numbers(journal) == [1]
    crashed = Outbox.open(copy_as_after_a_crash(path, tmp_path / "copy"), create=False)
    assert numbers(crashed) == [1]
    crashed.close()
    journal.finish([item(1)[0]])
    assert numbers(journal) == []


def test_every_write_is_synced(journal: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    # The number of the newest write is kept beside the database and may reach the disk first: a write that was not
    # synced would, after a power cut, look like a database that has lost its end.
    synced: list[bool] = []
    write = Database.write

    def watched(self: Database, rows: Iterable[Row], **options: bool) -> None:
        synced.append(options.get("synced", True))
        write(self, rows, **options)

    monkeypatch.setattr(Database, "write", watched)
    journal.append([item(1), item(2), item(3)], NOW)
    journal.finish([item(1)[0]])
    journal.refuse(item(2)[0], Refusal("a.rule", "why", 7, NOW))
    journal.forget_refusals(NOW + 1)
    journal.close()
    assert synced
    assert all(synced)


# --- threads -------------------------------------------------------------------------------------------------------------


class SlowDisk:
    """Holds the first write until it is let go, so that others gather behind it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.entered = threading.Event()
        self.go = threading.Event()
        self.writes = 0
        self._write = database.write
        database.write = self.write  # type: ignore[method-assign]

    def write(self, rows: Iterable[Row], *, synced: bool = True) -> None:
        self.writes += 1
        self.entered.set()
        assert self.go.wait(30)
        self._write(rows, synced=synced)


def in_threads(count: int, what: Callable[[int], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=what, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads


def gathered(journal: Outbox, count: int) -> None:
    """Wait until so many appends wait behind the writer."""
    for _ in range(3_000):
        if len(journal._tickets) == count:
            return
        threading.Event().wait(0.01)
    raise AssertionError("the threads never came")


def test_those_that_come_together_share_one_sync(journal: Outbox) -> None:
    disk = SlowDisk(journal._database)
    first = in_threads(1, lambda _: journal.append([item(100)], NOW))
    assert disk.entered.wait(30)
    done: list[int] = []

    def append(number: int) -> None:
        journal.append([item(number), item(100), item(50)], NOW)
        done.append(number)

    others = in_threads(12, append)
    gathered(journal, 12)
    assert not done  # nobody is told before the sync
    disk.go.set()
    for thread in first + others:
        thread.join()
    assert disk.writes == 2
    assert sorted(numbers(journal)) == [*range(12), 50, 100]
    assert sorted(done) == list(range(12))


def test_when_the_shared_sync_fails_all_hear_of_it(journal: Outbox) -> None:
    disk = SlowDisk(journal._database)
    first = in_threads(1, lambda _: journal.append([item(100)], NOW))
    assert disk.entered.wait(30)
    failed: list[str] = []

    def append(number: int) -> None:
        with pytest.raises(StoreError) as caught:
            journal.append([item(number)], NOW)
        failed.append(caught.value.rule)

    others = in_threads(5, append)
    gathered(journal, 5)
    database = journal._database
    database.write = disk._write  # type: ignore[method-assign]
    database._leveldb = FailingLevelDB(database._leveldb, persisted=False, good_writes=1)
    disk.go.set()
    for thread in first + others:
        thread.join()
    assert failed == ["store.full"] * 5
    assert numbers(journal) == [100]
    assert not journal.holds(item(0)[0])


def test_threads_that_append_finish_and_list_do_not_disturb_one_another(journal: Outbox) -> None:
    stop = threading.Event()
    troubles: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(60):
                mine = [item(1_000 * number + 2 * step + half) for half in range(2)]
                journal.append(mine, NOW)
                journal.finish([mine[0][0]])
        except BaseException as error:  # noqa: BLE001  shown below
            troubles.append(error)

    def list_all(_: int) -> None:
        try:
            while not stop.is_set():
                list(journal.waiting())
        except BaseException as error:  # noqa: BLE001  shown below
            troubles.append(error)

    lister = in_threads(1, list_all)
    for thread in in_threads(4, work):
        thread.join()
    stop.set()
    lister[0].join()
    assert not troubles
    expected = {1_000 * number + 2 * step + 1 for number in range(4) for step in range(60)}
    assert set(numbers(journal)) == expected
    assert journal.depth == len(expected)


def test_a_list_is_of_one_moment(journal: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever finishes entries just when the list begins must not make it look as if they were lost.
    journal.append([item(1), item(2)], NOW)
    database = journal._database
    snapshot = database.snapshot
    meanwhile: list[threading.Thread] = []

    def change(_: int) -> None:
        journal.finish([item(1)[0]])
        journal.append([item(3)], NOW)

    def late() -> Snapshot:
        meanwhile.extend(in_threads(1, change))
        meanwhile[0].join(0.2)
        return snapshot()

    monkeypatch.setattr(database, "snapshot", late)
    assert numbers(journal) == [1, 2]
    meanwhile[0].join()
    monkeypatch.undo()
    assert numbers(journal) == [2, 3]


# --- refusals ------------------------------------------------------------------------------------------------------------


def test_a_refusal_ends_the_wait_and_stays_to_be_asked_for(path: Path) -> None:
    journal = Outbox.open(path, create=True)
    journal.append([item(1), item(2)], NOW)
    refusal = Refusal("document.exists", "đã neo rồi", 12, NOW + 1)
    journal.refuse(item(1)[0], refusal)
    assert numbers(journal) == [2]
    assert journal.refusal(item(1)[0]) == refusal
    assert journal.refusal(item(2)[0]) is None
    journal.close()
    journal = Outbox.open(path, create=False)
    assert numbers(journal) == [2]
    assert journal.refusal(item(1)[0]) == refusal
    journal.close()


def test_one_that_was_refused_may_come_again_and_then_is_no_longer_refused(journal: Outbox) -> None:
    journal.append([item(1)], NOW)
    journal.refuse(item(1)[0], Refusal("a.rule", "", 1, NOW))
    journal.append([item(1)], NOW + 1)
    assert journal.refusal(item(1)[0]) is None
    assert numbers(journal) == [1]


def test_refusals_are_forgotten_when_they_are_old(journal: Outbox) -> None:
    for number in range(4):
        journal.refuse(item(number)[0], Refusal("a.rule", "", 1, NOW + number))
    journal.forget_refusals(NOW + 2)
    assert [journal.refusal(item(number)[0]) is None for number in range(4)] == [True, True, False, False]
    journal.forget_refusals(NOW + 2)
    assert journal.refusal(item(2)[0]) is not None


# --- failures and damage -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persisted", [False, True])
def test_a_write_that_failed_is_not_acknowledged_and_reopening_settles_it(
    path: Path, persisted: bool
) -> None:
    journal = Outbox.open(path, create=True)
    journal.append([item(1)], NOW)
    database = journal._database
    database._leveldb = FailingLevelDB(database._leveldb, persisted=persisted)
    with pytest.raises(StoreError) as caught:
        journal.append([item(2)], NOW)
    assert caught.value.rule == "store.full"
    assert not journal.holds(item(2)[0])
    with pytest.raises(StoreError) as caught:
        journal.append([item(3)], NOW)
    assert caught.value.rule == "store.in-doubt"
    journal.close()
    journal = Outbox.open(path, create=False)
    assert numbers(journal) == ([1, 2] if persisted else [1])
    journal.append([item(2)], NOW)
    assert numbers(journal) == [1, 2]
    journal.close()


@pytest.mark.parametrize("persisted", [False, True])
def test_a_refusal_that_could_not_be_written_leaves_the_entry_waiting(path: Path, persisted: bool) -> None:
    journal = Outbox.open(path, create=True)
    journal.append([item(1)], NOW)
    database = journal._database
    database._leveldb = FailingLevelDB(database._leveldb, persisted=persisted)
    with pytest.raises(StoreError):
        journal.refuse(item(1)[0], Refusal("a.rule", "", 1, NOW))
    assert journal.holds(item(1)[0])
    journal.close()
    journal = Outbox.open(path, create=False)
    assert numbers(journal) == ([] if persisted else [1])
    assert (journal.refusal(item(1)[0]) is not None) == persisted
    journal.close()


def test_closing_after_a_failed_write_frees_the_directory(path: Path) -> None:
    journal = Outbox.open(path, create=True)
    journal.append([item(1)], NOW)
    journal.finish([item(1)[0]])
    database = journal._database
    database._leveldb = FailingLevelDB(database._leveldb, persisted=False)
    journal.close()
    Outbox.open(path, create=False).close()


def test_a_snapshot_stays_as_it_was_and_is_read_from_any_place(journal: Outbox) -> None:
    journal.append([item(number) for number in range(1, 6)], NOW)
    journal.finish([item(1)[0]])
    with journal.snapshot() as snapshot:
        journal.append([item(6)], NOW)
        journal.finish([item(2)[0], item(3)[0]])
        journal.refuse(item(4)[0], Refusal("a.rule", "", 1, NOW))
        for after in range(8):
            found = [one.entry_id for one in snapshot.waiting(after)]
            assert found == [item(number)[0] for number in range(max(2, after + 1), 6)], after
    assert numbers(journal) == [5, 6]


def test_a_snapshot_misses_a_row_that_is_lost_wherever_it_is_read_from(journal: Outbox) -> None:
    journal.append([item(number) for number in range(1, 6)], NOW)
    journal._database.write([(b"q" + (4).to_bytes(8, "big"), None)])
    with journal.snapshot() as snapshot:
        for after in range(4):
            with pytest.raises(StoreCorruptError) as caught:
                list(snapshot.waiting(after))
            assert caught.value.rule == "outbox.missing"
        assert [one.entry_id for one in snapshot.waiting(4)] == [item(5)[0]]


def test_two_processes_cannot_share_a_journal(path: Path, journal: Outbox) -> None:
    with pytest.raises(StoreLockedError):
        Outbox.open(path, create=False)


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        (b"q" + (1).to_bytes(8, "big"), None, "outbox.missing"),
        (b"i" + item(1)[0], None, "outbox.row"),
        (b"q" + (1).to_bytes(8, "big"), b"\x93\x01\x02\x03", "outbox.row"),
        (b"q" + (1).to_bytes(8, "big"), b"\x92\x01\x02", "outbox.row"),
        (b"q" + (1).to_bytes(8, "big"), b"\x93\xc4\x01a\xa1b\xc4\x01c", "outbox.row"),
    ],
    ids=["row lost", "id lost", "wrong kinds", "too short", "wrong time"],
)
def test_a_row_that_is_lost_or_changed_is_named(
    path: Path, key: bytes, value: bytes | None, rule: str
) -> None:
    journal = Outbox.open(path, create=True)
    journal.append([item(1), item(2)], NOW)
    journal._database.write([(key, value)])
    journal.close()
    journal = Outbox.open(path, create=False)
    with pytest.raises(StoreCorruptError) as caught:
        list(journal.waiting())
    assert caught.value.rule == rule
    journal.close()


def test_a_changed_refusal_is_named(journal: Outbox) -> None:
    journal._database.write([(b"r" + item(1)[0], b"\x91\x01")])
    with pytest.raises(StoreCorruptError) as caught:
        journal.refusal(item(1)[0])
    assert caught.value.rule == "outbox.refusal"


# --- against a slow twin -------------------------------------------------------------------------------------------------

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.integers(0, 7), min_size=1, max_size=4)),
        st.tuples(st.just("finish"), st.lists(st.integers(0, 7), max_size=4)),
        st.tuples(st.just("refuse"), st.integers(0, 7)),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=14,
)


@given(steps=_STEPS)
def test_it_is_a_list_that_outlives_the_process(
    steps: list[tuple[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("twin") / "outbox"
    journal = Outbox.open(path, create=True)
    waits: list[int] = []
    refused: set[int] = set()
    for step, argument in steps:
        if step == "append":
            journal.append([item(number) for number in argument], NOW)
            new = [number for number in dict.fromkeys(argument) if number not in waits]
            waits += new
            refused -= set(new)
        elif step == "finish":
            journal.finish([item(number)[0] for number in argument])
            waits = [number for number in waits if number not in argument]
        elif step == "refuse":
            journal.refuse(item(argument)[0], Refusal("a.rule", "", 1, NOW))
            waits = [number for number in waits if number != argument]
            refused.add(argument)
        else:
            journal.close()
            journal = Outbox.open(path, create=False)
        assert numbers(journal) == waits
        assert {number for number in range(8) if journal.refusal(item(number)[0])} == refused
        assert [number for number in range(8) if journal.holds(item(number)[0])] == sorted(waits)
    journal.close()
    shutil.rmtree(path.parent)
