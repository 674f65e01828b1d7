"""Writes that fail in a whole node, in both halves: not on the disk, and on the disk but reported as failed.

Wherever it strikes, the node takes nothing more and says why, acknowledges nothing that is not in its journal, and after the
next start everything acknowledged is on the ledger once; and no key has ever signed two roots at one size.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ledger.entry import Entry
from ledger.errors import LedgerError, RefusedError, StoreError
from ledger.store.ledger_store import LedgerStore
from ledger.verify import audit
from ledger.verify.sources.stored import open_store
from node.cosigning import Cosigner
from node.home import Home
from node.outcomes import Accepted, Ended, Final
from node.service import Node
from tests.faults.failing import FailingLevelDB, FailingOpener
from tests.support import document_record, make_node, put, running_node, sign

SECONDS = 30.0
HALVES = pytest.mark.parametrize("persisted", [False, True], ids=["not persisted", "persisted"])


@pytest.fixture(autouse=True)
def signed(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[int, set[bytes]]]:
    """Every root that a cosigning key was used for, by size: at most one, always."""
    roots: dict[int, set[bytes]] = {}
    sign_checkpoint = Cosigner.sign

    def watched(self: Cosigner, size: int, root: bytes, time_s: int) -> str:
        roots.setdefault(size, set()).add(root)
        return sign_checkpoint(self, size, root, time_s)

    monkeypatch.setattr(Cosigner, "sign", watched)
    yield roots
    assert roots
    assert {len(found) for found in roots.values()} == {1}


def strike(node: Node, where: str, *, persisted: bool) -> None:
    """From now on the disk fails, at this write of the next block."""
    database = (node.outbox if where in {"journal", "refusal"} else node.store)._database
    good_writes = {"journal": 0, "refusal": 1, "commit": 0, "signature": 1}[where]
    database._leveldb = FailingLevelDB(database._leveldb, persisted=persisted, good_writes=good_writes)


def check_audit(home: Home) -> None:
    """The ledger is whole, as found on the disk."""
    with open_store(home.ledger) as source:
        audit(source)


def check_stopped(node: Node, entry: Entry) -> None:
    """It takes nothing, says why, and still serves what is final."""
    assert isinstance(node.failure, StoreError)
    assert node.failure.rule == "store.full"
    for attempt in (
        lambda: node.submit([entry.submission()]),
        node.check_intake,
        lambda: node.wait(entry.id).result(0),
    ):
        with pytest.raises(StoreError, match="No room is left") as caught:
            attempt()
        assert caught.value.rule == "node.stopped"
    checked = node.policy.check(node.final.checkpoint_text).checkpoint
    assert checked.root == node.final.view.head.root


def wait_for_the_end(node: Node, entry: Entry) -> None:
    """Wait until the node has stopped because of what it does for `entry`."""
    with pytest.raises(StoreError, match=r"node\.stopped"):
        node.wait(entry.id).result(SECONDS)


@HALVES
def test_a_journal_that_fails_acknowledges_nothing(tmp_path: Path, persisted: bool) -> None:
    with running_node(tmp_path) as node:
        first = sign(node)
        put(node, first)
        strike(node, "journal", persisted=persisted)
        lost, later = [sign(node), sign(node)], sign(node)
        with pytest.raises(StoreError) as caught:
            node.submit([entry.submission() for entry in lost])
        assert caught.value.rule == "store.full"
        assert "start the node again" in caught.value.detail
        check_stopped(node, later)
        assert node.outcome(later.id) is None
    check_audit(node.home)
    with running_node(tmp_path) as node:
        assert isinstance(node.outcome(first.id), Final)
        for entry in lost:
            # They may have been journalled; they were not acknowledged, so both are right, and both sides may try again.
            assert (node.outcome(entry.id) is not None) == persisted
        put(node, *lost, later)
        assert node.final.view.head.size == 2 + 4 + node.final.view.head.height
    check_audit(node.home)


@HALVES
@pytest.mark.parametrize("where", ["commit", "signature"])
def test_a_ledger_that_fails_keeps_what_was_acknowledged(tmp_path: Path, where: str, persisted: bool) -> None:
    with running_node(tmp_path) as node:
        first = sign(node)
        put(node, first)
        size = node.final.size
        strike(node, where, persisted=persisted)
        acknowledged, later = [sign(node), sign(node)], sign(node)
        outcomes = node.submit([entry.submission() for entry in acknowledged])
        assert outcomes == [Accepted(entry.id) for entry in acknowledged]
        wait_for_the_end(node, acknowledged[-1])
        check_stopped(node, later)
        # Nothing is said to be final whose checkpoint was not kept.
        assert node.final.size == size
        assert [node.outcome(entry.id) for entry in acknowledged] == outcomes
    check_audit(node.home)
    with running_node(tmp_path) as node:
        indexes = set()
        for entry in acknowledged:
            outcome = node.wait(entry.id).result(SECONDS)
            assert isinstance(outcome, Final)
            assert node.final.view.leaf(outcome.index) == entry.leaf
            indexes.add(outcome.index)
        assert len(indexes) == 2
        put(node, later)
        leaves = [node.final.view.leaf(index) for index in range(node.final.size)]
        for entry in (first, *acknowledged, later):
            assert leaves.count(entry.leaf) == 1
    check_audit(node.home)


@HALVES
def test_a_refusal_that_cannot_be_written_is_decided_again(tmp_path: Path, persisted: bool) -> None:
    record = document_record()
    node = make_node(tmp_path)
    first, rival = sign(node, [record]), sign(node, [record])
    strike(node, "refusal", persisted=persisted)
    node.submit([first.submission(), rival.submission()])
    node.start()
    wait_for_the_end(node, rival)
    check_stopped(node, sign(node))
    node.stop()
    with running_node(tmp_path) as node:
        outcome = node.wait(rival.id).result(SECONDS)
        assert isinstance(outcome, Ended)
        assert outcome.refusal.rule == "document.exists"
        assert isinstance(node.wait(first.id).result(SECONDS), Final)
    check_audit(node.home)


@HALVES
@pytest.mark.parametrize("good_writes", [0, 1], ids=["intent to sign", "signature"])
def test_a_start_whose_cosigning_fails_signs_nothing_twice(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    signed: dict[int, set[bytes]],
    persisted: bool,
    good_writes: int,
) -> None:
    # A block that was committed for a key that was not named: its intent to sign is a write of its own.
    node = make_node(tmp_path)
    entry = sign(node)
    node.submit([entry.submission()])
    decided = {"engine_height": 1, "time_ms": entry.body.time_ms}
    proposal, _ = node.application.prepare([entry.submission()], max_bytes=1_000_000, **decided)
    node.application.finalize(proposal, proposer=node.genesis.validators[0].header_key, **decided)
    node.application.commit()
    node.stop()
    assert 4 not in signed
    opener = FailingOpener(persisted=persisted, good_writes=good_writes)
    with monkeypatch.context() as patched:
        patched.setattr(LedgerStore, "open", partial(LedgerStore.open, opener=opener))
        with pytest.raises(StoreError) as caught:
            make_node(tmp_path)
    assert caught.value.rule == "store.full"
    # No key is touched before the intent is on the disk.
    assert (4 in signed) == (good_writes == 1)
    with running_node(tmp_path) as node:
        assert node.wait(entry.id).result(SECONDS) == Final(entry.id, 2)
        put(node, sign(node))
    check_audit(node.home)


@HALVES
@pytest.mark.parametrize("seed", range(2))
def test_wherever_it_strikes_among_many_everything_acknowledged_is_there_once(
    tmp_path: Path, seed: int, persisted: bool
) -> None:
    acknowledged: list[Entry] = []
    refused: set[bytes] = set()
    for number, where in enumerate(("commit", "signature", "journal", "signature", "commit")):
        node = make_node(tmp_path)
        node.start()
        database = (node.outbox if where == "journal" else node.store)._database
        good_writes = (seed + number) % 4 + (where == "signature")
        database._leveldb = FailingLevelDB(database._leveldb, persisted=persisted, good_writes=good_writes)
        for _ in range(1_000):
            record = document_record()
            batch = [sign(node), sign(node, [record]), sign(node, [record])]
            try:
                outcomes: list[object] = list(node.submit([entry.submission() for entry in batch]))
            except StoreError:
                break
            acknowledged += batch
            refused.add(batch[2].id)
            assert not any(isinstance(outcome, LedgerError) for outcome in outcomes)
            with contextlib.suppress(StoreError):
                node.wait(batch[-1].id).result(SECONDS)
        assert node.failure is not None
        node.stop()
    with running_node(tmp_path) as node:
        for entry in acknowledged:
            outcome = node.wait(entry.id).result(SECONDS)
            assert isinstance(outcome, Ended if entry.id in refused else Final)
        put(node, sign(node))
        leaves = [node.final.view.leaf(index) for index in range(node.final.size)]
        for entry in acknowledged:
            assert leaves.count(entry.leaf) == (entry.id not in refused)
    check_audit(node.home)


def test_a_refusal_for_now_does_not_stop_the_node(tmp_path: Path) -> None:
    with running_node(tmp_path, low_disk_megabytes=10**9) as node:
        with pytest.raises(RefusedError, match=r"disk\.low"):
            node.submit([sign(node).submission()])
        assert node.failure is None
