"""A whole node in one process: what it says of an entry is true, at any moment, under any interleaving."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.entry import Entry
from ledger.errors import LedgerError, RefusedError, StoreError, VerificationError
from ledger.keys import SigningKey
from ledger.receipt import verify
from ledger.rules import Place
from node import service as module
from node.engine import embedded
from node.home import Home, HomeError, load_keys
from node.outbox import WAIT_LIMIT_MS
from node.outcomes import Accepted, Ended, Final, Outcome
from node.service import Node, clock_ms
from tests.faults.failing import FailingLevelDB
from tests.support import (
    NODE_KEYS,
    document_record,
    make_home,
    make_node,
    new_key,
    put,
    register_key,
    running_node,
    second_signature,
    sign,
)

SECONDS = 30.0
SEED = bytes(range(32))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path) as running:
        yield running


@pytest.fixture
def waiting_node(tmp_path: Path) -> Iterator[Node]:
    """Opened and not started: what it accepts waits."""
    opened = make_node(tmp_path)
    yield opened
    opened.stop()


def submit(node: Node, *entries: Entry) -> list[Outcome | LedgerError]:
    return node.submit([entry.submission() for entry in entries])


def result(node: Node, entry: Entry) -> Outcome:
    return node.wait(entry.id).result(SECONDS)


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def check_place(node: Node, entry: Entry) -> int:
    """The entry is final, where the node says, and its first record can be proved; returns the index."""
    final = node.final
    outcome = node.outcome(entry.id)
    assert isinstance(outcome, Final)
    assert final.view.leaf(outcome.index) == entry.leaf
    verified = verify(final.receipt(Place(outcome.index, 0)).text(), node.policy)
    assert verified.entry_id == entry.id
    return outcome.index


# --- from submission to finality -----------------------------------------------------------------------------------------


def test_an_accepted_entry_becomes_final_in_order(node: Node) -> None:
    entries = [sign(node, [document_record() for _ in range(count)]) for count in (1, 3, 2)]
    assert submit(node, *entries) == [Accepted(entry.id) for entry in entries]
    outcomes = [result(node, entry) for entry in entries]
    assert [check_place(node, entry) for entry in entries] == [2, 3, 4]
    assert outcomes == [Final(entry.id, index) for entry, index in zip(entries, (2, 3, 4), strict=True)]
    until(lambda: node.outbox.depth == 0)
    assert node.engine.depth == 0


def test_a_repeat_is_answered_with_the_first_ones_place(node: Node) -> None:
    entry = sign(node)
    put(node, entry)
    index = check_place(node, entry)
    size = node.final.size
    assert submit(node, entry, entry) == [Final(entry.id, index)] * 2
    put(node, sign(node))
    assert submit(node, entry) == [Final(entry.id, index)]
    assert node.final.size == size + 2


def test_a_repeat_before_it_is_final_is_the_same_entry(waiting_node: Node) -> None:
    node = waiting_node
    entry, other = sign(node), sign(node)
    assert submit(node, entry, entry, other) == [Accepted(entry.id), Accepted(entry.id), Accepted(other.id)]
    assert submit(node, entry) == [Accepted(entry.id)]
    assert node.outbox.depth == node.engine.depth == 2
    node.start()
    assert isinstance(result(node, entry), Final)
    until(lambda: node.outbox.depth == 0)
    assert node.final.size == 2 + 2 + 1


@pytest.mark.parametrize("final", [False, True])
def test_a_second_signature_over_the_same_body_is_the_same_entry(tmp_path: Path, final: bool) -> None:
    with running_node(tmp_path) as node:
        key = SigningKey.from_seed(SEED)
        register_key(node, key)
        before = node.final.size
        entry = sign(node, key=key)
        again = second_signature(entry, SEED)
        assert again.signature != entry.signature
        if final:
            put(node, entry)
            assert submit(node, again) == [Final(entry.id, before)]
        else:
            outcomes = submit(node, entry, again)
            assert [outcome.entry_id for outcome in outcomes if not isinstance(outcome, LedgerError)] == [
                entry.id
            ] * 2
        result(node, entry)
        until(lambda: node.outbox.depth == 0)
        assert node.final.size == before + 2
        assert node.final.view.leaf(before) == entry.leaf  # the first one's


def test_a_forged_second_signature_is_no_repeat(node: Node) -> None:
    entry = sign(node)
    put(node, entry)
    forged = Entry(entry.body, bytes(32) + entry.signature[32:], entry.records)
    (outcome,) = submit(node, forged)
    assert isinstance(outcome, VerificationError)


def test_each_entry_of_a_batch_is_judged_by_itself(node: Node) -> None:
    good, other = sign(node), sign(node)
    outcomes = node.submit(
        [
            sign(node, key=new_key()).submission(),
            good.submission(),
            b"no entry",
            sign(node, chain_id=bytes(32)).submission(),
            sign(node, time_ms=clock_ms() + 600_000).submission(),
            other.submission(),
        ]
    )
    rules = [outcome.rule if isinstance(outcome, LedgerError) else "accepted" for outcome in outcomes]
    assert rules[:2] + rules[3:] == ["key.unknown", "accepted", "entry.chain", "entry.time-ahead", "accepted"]
    assert rules[2].startswith("encoding.")
    result(node, good)
    result(node, other)
    assert node.outbox.depth == 0 or node.final.size >= 4


def test_what_this_node_never_acknowledged_it_knows_nothing_of(node: Node) -> None:
    refused = sign(node, key=new_key())
    submit(node, refused)
    assert node.outcome(refused.id) is None
    assert node.outcome(bytes(32)) is None


def test_one_of_two_rivals_ends_refused_and_may_be_asked_for(tmp_path: Path) -> None:
    record = document_record()
    with running_node(tmp_path) as node:
        first, rival = sign(node, [record]), sign(node, [record])
        assert submit(node, first, rival) == [Accepted(first.id), Accepted(rival.id)]
        assert isinstance(result(node, first), Final)
        ended = result(node, rival)
        assert isinstance(ended, Ended)
        assert (ended.refusal.rule, ended.refusal.height) == ("document.exists", 0)
        assert node.outcome(rival.id) == ended
        (again,) = submit(node, rival)
        assert isinstance(again, RefusedError)
    with running_node(tmp_path) as node:
        assert node.outcome(rival.id) == ended
        assert isinstance(node.outcome(first.id), Final)


def test_many_threads_may_submit_the_same_entries(node: Node) -> None:
    entries = [sign(node) for _ in range(30)]
    before = node.final.size

    def work(number: int) -> None:
        for entry in entries[number:] + entries[:number]:
            for outcome in submit(node, entry, entries[number]):
                assert isinstance(outcome, Accepted | Final)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    for entry in entries:
        assert isinstance(result(node, entry), Final)
    assert len({check_place(node, entry) for entry in entries}) == 30
    head = node.final.view.head
    assert head.size == before + 30 + head.height
    until(lambda: node.outbox.depth == 0)
    assert node.failure is None


# --- waiting -------------------------------------------------------------------------------------------------------------


def test_any_number_may_wait_before_and_after(waiting_node: Node) -> None:
    node = waiting_node
    entry = sign(node)
    submit(node, entry)
    early = [node.wait(entry.id) for _ in range(3)]
    cancelled = node.wait(entry.id)
    assert cancelled.cancel()
    assert not any(future.done() for future in early)
    node.start()
    outcomes = [future.result(SECONDS) for future in early]
    assert {outcome.entry_id for outcome in outcomes} == {entry.id}
    assert node.wait(entry.id).result(0) == outcomes[0]
    assert node._waiting._futures == {}


def test_who_gives_up_is_forgotten(waiting_node: Node) -> None:
    node = waiting_node
    entry, other = sign(node), sign(node)
    submit(node, entry, other)
    first, second, third = (node.wait(entry.id) for _ in range(3))
    others = node.wait(other.id)
    assert second.cancel()
    assert node._waiting._futures == {entry.id: [first, third], other.id: [others]}
    assert second.cancel()
    assert first.cancel()
    assert third.cancel()
    assert node._waiting._futures == {other.id: [others]}
    node.start()
    assert isinstance(others.result(SECONDS), Final)
    assert isinstance(result(node, entry), Final)
    assert node._waiting._futures == {}


def test_any_number_may_give_up_while_the_answer_comes(node: Node) -> None:
    for _ in range(20):
        entry = sign(node)
        submit(node, entry)
        futures = [node.wait(entry.id) for _ in range(40)]
        for future in futures[::2]:
            future.cancel()
        for future in futures[1::2]:
            assert future.result(SECONDS).entry_id == entry.id
        assert node._waiting._futures == {}


def test_those_who_wait_are_told_when_the_node_fails(waiting_node: Node) -> None:
    node = waiting_node
    entry = sign(node)
    submit(node, entry)
    waits = node.wait(entry.id)
    database = node.store._database
    database._leveldb = FailingLevelDB(database._leveldb, persisted=False)
    node.start()
    with pytest.raises(StoreError, match="No room is left") as caught:
        waits.result(SECONDS)
    assert caught.value.rule == "node.stopped"
    assert isinstance(node.failure, StoreError)
    with pytest.raises(StoreError, match=r"node\.stopped"):
        node.wait(entry.id).result(0)
    with pytest.raises(StoreError, match=r"node\.stopped"):
        submit(node, sign(node))
    # Reading goes on, and what is known is still said.
    assert node.outcome(entry.id) == Accepted(entry.id)
    assert node.policy.check(node.final.checkpoint_text).checkpoint.size == 2


def test_those_who_wait_are_told_when_the_node_is_stopped(waiting_node: Node) -> None:
    entry = sign(waiting_node)
    submit(waiting_node, entry)
    waits = waiting_node.wait(entry.id)
    waiting_node.stop()
    with pytest.raises(StoreError, match="journal"):
        waits.result(0)
    with pytest.raises(StoreError, match=r"node\.stopped"):
        waiting_node.wait(entry.id).result(0)


# --- starting and stopping -----------------------------------------------------------------------------------------------


def test_a_stopped_node_takes_nothing_and_stops_once(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    node.start()
    entry = sign(node)
    node.stop()
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            submit(node, entry)
        assert caught.value.rule == "node.stopped"
    node.stop()
    assert node.failure is None


def test_stopping_waits_for_those_who_submit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node(tmp_path)
    entered, go = threading.Event(), threading.Event()
    append = node.outbox.append

    def slow(*arguments: object) -> None:
        entered.set()
        assert go.wait(SECONDS)
        append(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(node.outbox, "append", slow)
    entry = sign(node)
    with ThreadPoolExecutor(2) as threads:
        submitted = threads.submit(submit, node, entry)
        assert entered.wait(SECONDS)
        stopped = threads.submit(node.stop)
        until(node._stopping.is_set)
        assert not stopped.done()
        go.set()
        assert submitted.result(SECONDS) == [Accepted(entry.id)]
        stopped.result(SECONDS)
    again = make_node(tmp_path)
    assert again.outcome(entry.id) == Accepted(entry.id)
    again.start()
    assert isinstance(result(again, entry), Final)
    again.stop()


def test_stopping_under_load_loses_nothing(tmp_path: Path) -> None:
    acknowledged: list[Entry] = []
    for _ in range(3):
        node = make_node(tmp_path)
        node.start()

        def work(_: int, node: Node = node) -> None:
            while True:
                entry = sign(node)
                try:
                    (outcome,) = submit(node, entry)
                except StoreError as error:
                    assert error.rule == "node.stopped"  # noqa: PT017  the one way out
                    return
                assert outcome == Accepted(entry.id)
                acknowledged.append(entry)

        before = len(acknowledged)
        with ThreadPoolExecutor(3) as threads:
            done = [threads.submit(work, number) for number in range(3)]
            until(lambda before=before: len(acknowledged) > before + 10)  # type: ignore[misc]
            node.stop()
            for one in done:
                one.result(SECONDS)
        assert node.failure is None
    with running_node(tmp_path) as node:
        for entry in acknowledged:
            assert isinstance(result(node, entry), Final)
        assert len({check_place(node, entry) for entry in acknowledged[-5:]}) == 5


def test_what_was_acknowledged_and_not_ordered_is_ordered_after_a_restart(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    entries = [sign(node) for _ in range(4)]
    submit(node, *entries)
    node.stop()
    node = make_node(tmp_path)
    assert node.outbox.depth == node.engine.depth == 4
    assert [node.outcome(entry.id) for entry in entries] == [Accepted(entry.id) for entry in entries]
    node.start()
    assert [result(node, entry) for entry in entries] == [
        Final(entry.id, index) for index, entry in enumerate(entries, 2)
    ]
    node.stop()


def test_what_was_committed_and_not_struck_off_is_not_ordered_again(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    entry = sign(node)
    submit(node, entry)
    decided = {"engine_height": 1, "time_ms": entry.body.time_ms}
    proposal, _ = node.application.prepare([entry.submission()], max_bytes=1_000_000, **decided)
    node.application.finalize(proposal, proposer=node.genesis.validators[0].header_key, **decided)
    node.application.commit()
    # In the store and not cosigned yet: not final, and never unknown.
    assert node.outcome(entry.id) == Accepted(entry.id)
    assert submit(node, entry) == [Accepted(entry.id)]
    node.stop()
    with running_node(tmp_path) as node:
        assert node.outcome(entry.id) == Final(entry.id, 2)
        assert node.engine.depth == node.outbox.depth == 0
        put(node, sign(node))
        assert node.final.size == 6


def test_a_held_home_does_not_start(tmp_path: Path) -> None:
    home = make_home(tmp_path / "node")
    home.cosign_hold.write_text("restored")
    with pytest.raises(HomeError) as caught:
        make_node(tmp_path)
    assert caught.value.rule == "cosign.held"
    home.cosign_hold.unlink()
    make_node(tmp_path).stop()


def test_a_home_whose_ledger_is_another_ones_does_not_start(tmp_path: Path) -> None:
    home, other = make_home(tmp_path / "node"), make_home(tmp_path / "other")
    home.ledger.rename(tmp_path / "moved")
    other.ledger.rename(home.ledger)
    for _ in range(2):
        with pytest.raises(HomeError) as caught:
            make_node(tmp_path)
        assert caught.value.rule == "home.other-ledger"


def test_wrong_keys_do_not_start_and_leave_nothing_open(tmp_path: Path) -> None:
    home = make_home(tmp_path / "node")
    config = make_node(tmp_path)
    config.stop()
    keys = load_keys(home, NODE_KEYS, None)
    with pytest.raises(HomeError, match=r"home\.keys"):
        Node(home, config.config, keys | {"validator": new_key()})
    opened = Node(home, config.config, keys)
    assert opened.chain_id == Home(home.path).read_genesis().chain_id
    opened.stop()


def test_a_journal_that_is_gone_is_not_replaced_in_silence(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    submit(node, sign(node))
    node.stop()
    node.home.outbox.rename(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(HomeError) as caught:
            make_node(tmp_path)
        assert caught.value.rule == "home.outbox"
    # What its operator has decided to do without is made again.
    node.home.outbox.mkdir()
    with running_node(tmp_path) as node:
        assert node.outbox.depth == 0
        put(node, sign(node))


def test_a_damaged_journal_stops_the_start_and_leaves_nothing_open(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    entry = sign(node)
    submit(node, entry)
    database = node.outbox._database
    database.write([(b"q" + (1).to_bytes(8, "big"), None)])
    node.stop()
    for _ in range(2):  # the second time it says the same: nothing was left locked
        with pytest.raises(StoreError) as caught:
            make_node(tmp_path)
        assert caught.value.rule == "outbox.missing"


# --- intake --------------------------------------------------------------------------------------------------------------


def test_below_the_low_water_mark_nothing_is_taken_and_reading_goes_on(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = sign(node)
    put(node, entry)
    free = [node.config.low_disk_megabytes * 1_000_000 - 1]
    monkeypatch.setattr(Node, "free_bytes", lambda _: free[0])
    other = sign(node)
    with pytest.raises(RefusedError) as caught:
        submit(node, other)
    assert (caught.value.rule, caught.value.permanent) == ("disk.low", False)
    check_place(node, entry)
    assert node.failure is None
    free[0] += 1
    put(node, other)


def test_while_the_mempool_is_full_nothing_is_taken(
    waiting_node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = waiting_node
    entry, other = sign(node), sign(node)
    monkeypatch.setattr(embedded, "MAX_MEMPOOL_BYTES", len(entry.submission()))
    submit(node, entry)
    with pytest.raises(RefusedError) as caught:
        submit(node, other)
    assert (caught.value.rule, caught.value.permanent) == ("mempool.full", False)
    assert node.outcome(other.id) is None
    node.start()
    result(node, entry)
    put(node, other)


def test_a_store_that_cannot_be_read_while_judging_stops_the_node(
    waiting_node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise StoreError("store.corrupt", "The database is damaged.")

    monkeypatch.setattr(waiting_node.application, "check", damaged)
    with pytest.raises(StoreError, match=r"store\.corrupt"):
        submit(waiting_node, sign(waiting_node))
    assert isinstance(waiting_node.failure, StoreError)
    with pytest.raises(StoreError, match=r"node\.stopped"):
        waiting_node.check_intake()


# --- maintenance ---------------------------------------------------------------------------------------------------------


def as_of(node: Node) -> int:
    return node.policy.check(node.final.checkpoint_text).status_as_of_s or 0


def test_an_idle_ledger_is_cosigned_again(tmp_path: Path) -> None:
    now = [clock_ms()]
    with running_node(tmp_path, clock=lambda: now[0], recosign_seconds=1) as node:
        put(node, sign(node, time_ms=now[0]))
        before, size = as_of(node), node.final.size
        now[0] += 600_000
        until(lambda: as_of(node) == before + 600)
        assert node.final.size == node.final.view.head.size == size
        assert node.store.signed_checkpoint() == node.final.checkpoint_text


def test_cosigning_again_while_blocks_come_keeps_text_and_view_together(tmp_path: Path) -> None:
    # Maintenance signs again while the engine commits: whoever comes second must not make a view of one block and the
    # signature of another, nor stop the node.
    with running_node(tmp_path) as node:
        stop = threading.Event()
        seen: list[int] = []

        def sign_again() -> None:
            while not stop.is_set():
                node._cosign()

        def look() -> None:
            while not stop.is_set():
                final = node.final
                checked = node.policy.check(final.checkpoint_text).checkpoint
                assert (checked.size, checked.root) == (final.view.head.size, final.view.head.root)
                assert not seen or checked.size >= seen[-1]
                seen.append(checked.size)

        with ThreadPoolExecutor(2) as threads:
            workers: list[Future[None]] = [threads.submit(sign_again), threads.submit(look)]
            for _ in range(60):
                put(node, sign(node))
            stop.set()
            for worker in workers:
                worker.result(SECONDS)
        assert node.failure is None
        assert len(set(seen)) > 1


def test_an_entry_that_waited_thirty_days_is_refused_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [clock_ms()]
    node = make_node(tmp_path, clock=lambda: now[0])
    old, young = sign(node, time_ms=now[0]), sign(node, time_ms=now[0])
    submit(node, old)
    waits = node.wait(old.id)
    now[0] += WAIT_LIMIT_MS // 2
    submit(node, young)
    node._maintain_once()
    assert node.outbox.depth == 2
    now[0] += WAIT_LIMIT_MS // 2 + 1
    node._maintain_once()
    ended = waits.result(0)
    assert isinstance(ended, Ended)
    assert ended.refusal.rule == "outbox.expired"
    assert node.outcome(old.id) == ended
    assert node.outcome(young.id) == Accepted(young.id)
    # It is in no block either, now or after a restart.
    node.start()
    result(node, young)
    node.stop()
    node = make_node(tmp_path, clock=lambda: now[0])
    assert node.outcome(old.id) == ended
    assert node.final.view.head.size == 4
    # And the refusal is remembered for as long again.
    now[0] += WAIT_LIMIT_MS + 1
    node._maintain_once()
    assert node.outcome(old.id) is None
    node.stop()


def test_an_entry_in_the_block_in_hand_does_not_expire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [clock_ms()]
    node = make_node(tmp_path, clock=lambda: now[0])
    entered, go = threading.Event(), threading.Event()
    commit = node.application.commit

    def slow(key_id: bytes | None) -> object:
        entered.set()
        assert go.wait(SECONDS)
        return commit(key_id)

    monkeypatch.setattr(node.application, "commit", slow)
    entry = sign(node, time_ms=now[0])
    submit(node, entry)
    node.start()
    assert entered.wait(SECONDS)
    now[0] += WAIT_LIMIT_MS + 1
    node._maintain_once()
    assert node.outcome(entry.id) == Accepted(entry.id)
    go.set()
    assert isinstance(result(node, entry), Final)
    node.stop()


def test_maintenance_that_fails_stops_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAINTENANCE_SECONDS", 0.01)
    node = make_node(tmp_path, recosign_seconds=0)
    database = node.store._database
    database._leveldb = FailingLevelDB(database._leveldb, persisted=False)
    node.start()
    until(lambda: node.failure)
    assert isinstance(node.failure, StoreError)
    assert node.failure.rule == "store.full"
    with pytest.raises(StoreError, match=r"node\.stopped"):
        submit(node, sign(node))
    node.stop()


# --- counting ------------------------------------------------------------------------------------------------------------


def test_the_metrics_count_what_happened(node: Node) -> None:
    put(node, sign(node, [document_record(), document_record()]), sign(node))
    submit(node, sign(node, key=new_key()))
    text = node.metrics.text().decode()
    for line in (
        "sogoc_records_total 3.0",
        'sogoc_refusals_total{code="key.unknown"} 1.0',
        "sogoc_finality_seconds_count 2.0",
        "sogoc_commit_seconds_count 2.0",
        f"sogoc_height {node.final.view.head.height}.0",
        f"sogoc_final_size {node.final.size}.0",
    ):
        assert line in text
    assert node._settling._received == {}
