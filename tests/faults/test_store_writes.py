"""Writes that fail: reported failed and not there, and reported failed but there. Both end well once the store is reopened."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import StoreError
from ledger.store.ledger_store import LedgerStore
from tests.faults.failing import FailingOpener
from tests.store_chain import Chain
from tests.test_store_ledger import KEY, check_same

HALVES = pytest.mark.parametrize("persisted", [False, True], ids=["not persisted", "persisted"])


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def path(tmp_path: Path, chain: Chain) -> Path:
    store = LedgerStore.create(tmp_path / "ledger", chain.genesis())
    for _ in range(3):
        store.commit(chain.block(2, 2), chain.header.engine_height)
    store.close()
    return tmp_path / "ledger"


@HALVES
@pytest.mark.parametrize("good_writes", [0, 1, 2])
def test_a_failed_commit_stops_the_store_and_reopening_settles_it(
    path: Path, chain: Chain, persisted: bool, good_writes: int
) -> None:
    store = LedgerStore.open(path, opener=FailingOpener(persisted=persisted, good_writes=good_writes))
    for _ in range(good_writes):
        store.commit(chain.block(3), chain.header.engine_height, cosign_key_id=KEY)
    before = store.head
    signed = store.last_signed(KEY)
    block = chain.block(3)
    engine_height = chain.header.engine_height
    with pytest.raises(StoreError) as caught:
        store.commit(block, engine_height, cosign_key_id=KEY)
    assert caught.value.rule == "store.full"
    assert "start the node again" in caught.value.detail
    # Nothing was acknowledged, so nothing has moved; and nothing more is taken, signatures least of all.
    assert store.head == before
    for attempt in (
        lambda: store.commit(block, engine_height, cosign_key_id=KEY),
        lambda: store.advance_engine(engine_height + 1),
        lambda: store.record_intent_to_sign(b"new!", before.size, before.root),
    ):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert caught.value.rule == "store.in-doubt"
    store.close()

    store = LedgerStore.open(path)
    if persisted:
        assert store.head.height == before.height + 1
        assert store.last_signed(KEY) == (store.head.size, store.head.root)
        with pytest.raises(StoreError):  # the engine hands the block over again, and is told
            store.commit(block, engine_height)
    else:
        assert store.head == before
        assert store.last_signed(KEY) == signed
        store.commit(block, engine_height, cosign_key_id=KEY)
    check_same(store, chain)
    store.commit(chain.block(), chain.header.engine_height)
    check_same(store, chain)
    store.close()


@HALVES
def test_a_failed_intent_to_sign_means_no_signature_until_reopened(path: Path, persisted: bool) -> None:
    store = LedgerStore.open(path, opener=FailingOpener(persisted=persisted))
    head = store.head
    for rule in ("store.full", "store.in-doubt"):
        with pytest.raises(StoreError) as caught:
            store.record_intent_to_sign(KEY, head.size, head.root)
        assert caught.value.rule == rule
    store.close()
    store = LedgerStore.open(path)
    assert store.last_signed(KEY) == ((head.size, head.root) if persisted else None)
    store.record_intent_to_sign(KEY, head.size, head.root)
    assert store.last_signed(KEY) == (head.size, head.root)
    store.close()


@HALVES
def test_a_creation_that_fails_leaves_room_for_another(tmp_path: Path, persisted: bool) -> None:
    chain = Chain()
    genesis = chain.genesis()
    with pytest.raises(StoreError) as caught:
        LedgerStore.create(tmp_path / "ledger", genesis, opener=FailingOpener(persisted=persisted))
    assert caught.value.rule == "store.full"
    store = LedgerStore.create(tmp_path / "ledger", genesis)
    check_same(store, chain)
    store.close()


def test_a_block_that_does_not_read_back_stops_the_store(
    path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LedgerStore.open(path)
    block = chain.block()

    def cut_short(self: object, rows: list[tuple[bytes, bytes]]) -> None:
        write(store._database, [row for row in rows if row[0][:1] != b"l"])

    write = type(store._database).write
    monkeypatch.setattr(type(store._database), "write", cut_short)
    with pytest.raises(StoreError) as caught:
        store.commit(block, chain.header.engine_height)
    assert caught.value.rule == "store.row-missing"
    monkeypatch.undo()
    with pytest.raises(StoreError) as caught:
        store.commit(block, chain.header.engine_height)
    assert caught.value.rule == "store.in-doubt"
    store.close()
