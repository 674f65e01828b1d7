"""The embedded engine: a mempool and a block maker over a real application, with the node replaced by a notebook."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from ledger.entry import Entry
from ledger.errors import LedgerError, StoreError
from ledger.store.ledger_store import LedgerStore
from node.application import Application, Candidate
from node.engine import committing
from node.engine import embedded as module
from node.engine.embedded import EmbeddedEngine
from tests.chains import Chain, key
from tests.faults.failing import FailingLevelDB

SECONDS = 30.0


class Notebook:
    """What the engine tells the node. The thread that commits can be held at `committed`."""

    def __init__(self) -> None:
        self.blocks: list[Candidate] = []
        self.refusals: list[tuple[bytes, str]] = []
        self.failures: list[Exception] = []
        self.threads: set[str] = set()
        self.entered = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.changed = threading.Condition()

    def committed(self, block: Candidate) -> None:
        self.entered.set()
        assert self.go.wait(SECONDS)
        self._note(self.blocks.append, block)

    def refused(self, entry_id: bytes, error: LedgerError) -> None:
        self._note(self.refusals.append, (entry_id, error.rule))

    def failed(self, error: Exception) -> None:
        self._note(self.failures.append, error)

    def _note(self, append: Callable[..., None], what: object) -> None:
        with self.changed:
            self.threads.add(threading.current_thread().name)
            append(what)
            self.changed.notify_all()

    def wait_until(self, what: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(what, SECONDS), (self.blocks, self.refusals, self.failures)

    @property
    def sizes(self) -> list[int]:
        """Entries in each block."""
        return [len(block.entries) for block in self.blocks]

    @property
    def entries(self) -> list[Entry]:
        return [entry for block in self.blocks for entry in block.entries]


class Bench:
    """An engine, what it stands on, and a twin to sign entries with."""

    def __init__(self, path: Path) -> None:
        self.chain = Chain()
        self.store: LedgerStore = self.chain.write_store(path / "ledger", sign=False)
        self.application = Application(self.store, key("header 0"))
        self.notebook = Notebook()
        self.now_ms = self.chain.next_time_ms
        self.engine = self.make()

    def make(self, max_block_bytes: int = module.MAX_BLOCK_BYTES) -> EmbeddedEngine:
        self.engine = EmbeddedEngine(
            self.application,
            self.notebook,
            cosigning_key_id=lambda: key("cosigning 0").public_key,
            clock_ms=lambda: self.now_ms,
            max_block_bytes=max_block_bytes,
        )
        return self.engine

    def entry(self, records: int = 1) -> Entry:
        return self.chain.entry(self.chain.documents(records))

    def add(self, *entries: Entry) -> None:
        self.engine.add([(entry.id, entry.submission()) for entry in entries])

    def wait_for_entries(self, count: int) -> None:
        self.notebook.wait_until(lambda: len(self.notebook.entries) == count or self.notebook.failures)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.notebook.go.set()
    made.engine.stop()
    made.store.close()


def test_what_is_added_is_ordered_committed_and_told(bench: Bench) -> None:
    entries = [bench.entry(count) for count in (1, 2, 1)]
    bench.add(*entries)
    assert bench.engine.depth == 3
    bench.engine.start()
    bench.wait_for_entries(3)
    assert bench.notebook.sizes == [3]
    assert bench.notebook.entries == entries
    assert bench.chain.add(entries) == bench.application.tip.header
    bench.notebook.wait_until(lambda: bench.engine.depth == 0)
    assert bench.store.last_signed(key("cosigning 0").public_key) == (
        bench.store.head.size,
        bench.store.head.root,
    )
    assert bench.notebook.threads == {"sogoc-engine"}
    assert not bench.notebook.failures


def test_what_comes_during_a_commit_shares_the_next_block(bench: Bench) -> None:
    bench.notebook.go.clear()
    bench.engine.start()
    bench.add(bench.entry())
    assert bench.notebook.entered.wait(SECONDS)
    late = [bench.entry() for _ in range(20)]
    for entry in late:
        bench.add(entry)
    bench.notebook.go.set()
    bench.wait_for_entries(21)
    assert bench.notebook.sizes == [1, 20]
    assert bench.notebook.entries[1:] == late


def test_an_entry_added_again_is_the_same_entry(bench: Bench) -> None:
    one, other = bench.entry(), bench.entry()
    bench.add(one, one)
    bench.add(other, one)
    assert bench.engine.depth == 2
    bench.engine.start()
    bench.wait_for_entries(2)
    assert bench.notebook.entries == [one, other]
    # And after it is on the ledger, it is refused as a duplicate and told as that.
    bench.add(one)
    bench.notebook.wait_until(lambda: bench.notebook.refusals)
    assert bench.notebook.refusals == [(one.id, "entry.duplicate")]


def test_a_block_keeps_to_its_limit_and_an_entry_above_it_goes_alone(bench: Bench) -> None:
    entries = [bench.entry() for _ in range(10)]
    large = bench.entry(20)
    size = len(entries[0].submission())
    bench.make(max_block_bytes=3 * size + 10)
    bench.add(*entries[:4], large, *entries[4:])
    bench.engine.start()
    bench.wait_for_entries(11)
    assert bench.notebook.entries == [*entries[:4], large, *entries[4:]]
    assert bench.notebook.sizes == [3, 1, 1, 3, 3]


def test_the_mempool_says_when_it_is_full_and_when_it_no_longer_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [bench.entry() for _ in range(5)]
    monkeypatch.setattr(module, "MAX_MEMPOOL_BYTES", 4 * len(entries[0].submission()))
    bench.add(*entries[:3])
    fullness = [bench.engine.full]
    bench.add(entries[0], entries[3])
    fullness.append(bench.engine.full)
    assert fullness == [False, True]
    bench.add(entries[4])  # what is journalled is taken all the same
    bench.engine.start()
    bench.wait_for_entries(5)
    bench.notebook.wait_until(lambda: not bench.engine.full)
    assert bench.engine._bytes == 0


def test_what_is_refused_for_ever_is_told_once_and_forgotten(bench: Bench) -> None:
    (paper,) = bench.chain.documents(1)
    first, rival = bench.chain.entry([paper]), bench.chain.entry([paper])
    garbage = (b"g" * 32, b"no submission")
    bench.add(first, rival)
    bench.engine.add([garbage])
    good = bench.entry()
    bench.add(good)
    bench.engine.start()
    bench.wait_for_entries(2)
    assert bench.notebook.entries == [first, good]
    assert [entry_id for entry_id, _ in bench.notebook.refusals] == [rival.id, garbage[0]]
    assert bench.notebook.refusals[0][1] == "document.exists"
    assert bench.engine.depth == 0
    assert bench.engine._bytes == 0


def test_a_refusal_alone_makes_no_block(bench: Bench) -> None:
    bench.engine.add([(b"g" * 32, b"no submission")])
    bench.engine.start()
    bench.notebook.wait_until(lambda: bench.notebook.refusals)
    good = bench.entry()
    bench.add(good)
    bench.wait_for_entries(1)
    assert bench.application.tip.header.height == 1
    assert bench.application.tip.header.engine_height == 1


def test_what_is_refused_for_now_rests_and_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.02)
    tries: list[int] = []
    prepare = bench.application.prepare

    def counted(submissions: list[bytes], **options: int) -> object:
        tries.append(len(submissions))
        return prepare(submissions, **options)

    monkeypatch.setattr(bench.application, "prepare", counted)
    early = bench.chain.entry(bench.chain.documents(1), time_ms=bench.now_ms + 400_000)
    good = bench.entry()
    bench.add(early, good)
    bench.engine.start()
    bench.wait_for_entries(1)
    assert bench.notebook.entries == [good]
    deadline = time.monotonic() + SECONDS
    while len(tries) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(tries) >= 4  # tried again, and again
    assert not bench.notebook.refusals  # and nobody was told that it ended
    assert bench.engine.depth == 1
    assert bench.engine._bytes == len(early.submission())
    bench.add(early)  # it is here, though it rests
    assert bench.engine.depth == 1
    bench.now_ms += 200_000
    bench.wait_for_entries(2)
    assert bench.notebook.entries == [good, early]
    assert bench.engine._bytes == 0


def test_one_that_rests_does_not_hold_up_the_others(bench: Bench) -> None:
    early = bench.chain.entry(bench.chain.documents(1), time_ms=bench.now_ms + 400_000)
    bench.add(early)
    bench.engine.start()
    entries = [bench.entry() for _ in range(5)]
    for count, entry in enumerate(entries):
        bench.add(entry)
        bench.wait_for_entries(count + 1)
    assert bench.notebook.entries == entries
    assert bench.engine.depth == 1


@pytest.mark.parametrize("persisted", [False, True])
def test_a_store_that_fails_stops_the_engine_for_good(bench: Bench, persisted: bool) -> None:
    database = bench.store._database
    database._leveldb = FailingLevelDB(database._leveldb, persisted=persisted, good_writes=1)
    one, other = bench.entry(), bench.entry()
    bench.engine.start()
    bench.add(one)
    bench.wait_for_entries(1)
    bench.add(other)
    bench.notebook.wait_until(lambda: bench.notebook.failures)
    (failure,) = bench.notebook.failures
    assert isinstance(failure, StoreError)
    assert failure.rule == "store.full"
    bench.add(bench.entry())
    bench.engine.stop()
    assert bench.notebook.sizes == [1]
    assert not bench.notebook.refusals  # it is neither final nor refused: nobody knows yet
    assert len(bench.notebook.failures) == 1


def test_a_node_that_cannot_cosign_stops_the_engine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Candidate) -> None:
        raise StoreError("cosign.second-root", "another root was signed there")

    monkeypatch.setattr(bench.notebook, "committed", fail)
    bench.add(bench.entry())
    bench.engine.start()
    bench.notebook.wait_until(lambda: bench.notebook.failures)
    bench.add(bench.entry())
    bench.engine.stop()
    assert bench.store.head.height == 1


def test_stopping_finishes_the_block_in_hand_and_begins_no_other(bench: Bench) -> None:
    bench.notebook.go.clear()
    bench.engine.start()
    bench.add(bench.entry())
    assert bench.notebook.entered.wait(SECONDS)
    bench.add(bench.entry())
    bench.engine.halt()
    stopper = threading.Thread(target=bench.engine.stop)
    stopper.start()
    assert stopper.is_alive()
    bench.notebook.go.set()
    stopper.join(SECONDS)
    assert not stopper.is_alive()
    assert bench.notebook.sizes == [1]
    assert bench.engine.depth == 1
    assert not bench.notebook.failures


def test_an_engine_that_was_never_started_can_be_stopped(bench: Bench) -> None:
    bench.add(bench.entry())
    bench.engine.stop()
    assert bench.store.head.height == 0


def test_only_what_is_in_no_block_can_be_withdrawn(bench: Bench) -> None:
    bench.notebook.go.clear()
    bench.engine.start()
    in_hand, waits, unknown = bench.entry(), bench.entry(), bench.entry()
    early = bench.chain.entry(bench.chain.documents(1), time_ms=bench.now_ms + 400_000)
    bench.add(in_hand, early)
    assert bench.notebook.entered.wait(SECONDS)
    bench.add(waits)
    assert bench.engine.withdraw([in_hand.id, waits.id, unknown.id]) == [waits.id]
    bench.notebook.go.set()
    bench.wait_for_entries(1)
    last = bench.entry()
    bench.add(last)
    bench.wait_for_entries(2)
    assert bench.notebook.entries == [in_hand, last]
    assert bench.engine.withdraw([in_hand.id, early.id]) == [early.id]
    assert bench.engine.depth == 0
    assert bench.engine._bytes == 0


@pytest.mark.parametrize(("limit", "told"), [(-1.0, True), (SECONDS, False)])
def test_a_disk_that_takes_its_time_is_told_of(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, limit: float, told: bool
) -> None:
    monkeypatch.setattr(committing, "SLOW_SECONDS", limit)
    with structlog.testing.capture_logs() as logs:
        bench.add(bench.entry())
        bench.engine.start()
        bench.wait_for_entries(1)
    assert any("the disk is slow" in line["event"] for line in logs) is told


def test_all_that_many_threads_add_is_committed_once(bench: Bench) -> None:
    entries = [bench.entry() for _ in range(120)]
    (paper,) = bench.chain.documents(1)
    rivals = [bench.chain.entry([paper]) for _ in range(6)]
    bench.make(max_block_bytes=5_000)
    bench.engine.start()

    def add(number: int) -> None:
        for entry in entries[number::3] + entries[number::2] + rivals:
            bench.add(entry)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench.wait_for_entries(121)
    bench.notebook.wait_until(lambda: bench.engine.depth == 0)
    ids = [entry.id for entry in bench.notebook.entries]
    assert len(set(ids)) == 121
    assert set(ids) >= {entry.id for entry in entries}
    assert {rule for _, rule in bench.notebook.refusals} <= {"document.exists", "entry.duplicate"}
    assert not bench.notebook.failures
