"""Replaying blocks from elsewhere: what a validator would not have committed is refused, and nothing of it is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.block import parse_header_leaf
from ledger.entry import entry_from_parts
from ledger.errors import FormatError, LedgerError, VerificationError
from ledger.store.ledger_store import LedgerStore
from ledger.store.values import StoredBlock
from ledger.verify.sources.stored import open_store
from node.replay import Replay, create_store, rebuild_rule
from tests.support import document_record, put, running_node, sign

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> list[StoredBlock]:
    with running_node(tmp_path_factory.mktemp("blocks")) as node:
        for _ in range(3):
            put(node, sign(node, [document_record(), document_record()]))
    with open_store(node.home.ledger) as store:
        return [store.block(height) for height in range(store.head.height + 1)]


def flipped(data: bytes, at: int = -1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def test_blocks_make_the_store_that_they_came_from(blocks: list[StoredBlock], tmp_path: Path) -> None:
    store = create_store(tmp_path / "ledger", blocks[0])
    try:
        replay = Replay(store)
        for block in blocks[1:]:
            replay.commit(block)
        assert [store.block(block.height) for block in blocks] == blocks
    finally:
        store.close()


CHANGES: dict[str, tuple[Callable[[StoredBlock], StoredBlock], str]] = {
    "the proposer's signature": (
        lambda block: replace(block, header_signature=flipped(block.header_signature)),
        "signature.",
    ),
    "no proposer's signature": (lambda block: replace(block, header_signature=b""), "signature."),
    "an entry's signature": (
        lambda block: replace(block, leaves=(flipped(block.leaves[0]),)),
        "signature.",
    ),
    "a record": (
        lambda block: replace(block, records=((flipped(block.records[0][0]), block.records[0][1]),)),
        "entry.records-root",
    ),
    "a missing record": (lambda block: replace(block, records=((block.records[0][0],),)), "entry.count"),
    "no entries": (lambda block: replace(block, leaves=(), records=()), "proposal.empty"),
    "an entry twice": (
        lambda block: replace(block, leaves=block.leaves * 2, records=block.records * 2),
        "entry.duplicate",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_block_is_refused_and_not_stored(
    blocks: list[StoredBlock], tmp_path: Path, name: str
) -> None:
    change, rule = CHANGES[name]
    store = create_store(tmp_path / "ledger", blocks[0])
    try:
        replay = Replay(store)
        replay.commit(blocks[1])
        with pytest.raises(LedgerError) as caught:
            replay.commit(change(blocks[2]))
        assert caught.value.rule.startswith(rule)
        assert store.head.height == 1
        # Nothing of it stayed behind: the true block still follows.
        replay.commit(blocks[2])
    finally:
        store.close()


def test_a_block_that_does_not_follow_is_refused(blocks: list[StoredBlock], tmp_path: Path) -> None:
    store = create_store(tmp_path / "ledger", blocks[0])
    try:
        with pytest.raises(VerificationError):
            Replay(store).commit(blocks[2])
        assert store.head.height == 0
    finally:
        store.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda block: replace(block, header_signature=bytes(64)),
        lambda block: replace(block, leaves=block.leaves * 2, records=block.records * 2),
        lambda block: replace(block, records=((b"x",),)),
    ],
)
def test_a_genesis_block_is_nothing_but_itself(
    blocks: list[StoredBlock], tmp_path: Path, change: Callable[[StoredBlock], StoredBlock]
) -> None:
    with pytest.raises(FormatError) as caught:
        create_store(tmp_path / "ledger", change(blocks[0]))
    assert caught.value.rule == "genesis.block"
    assert not (tmp_path / "ledger").exists()


def test_a_genesis_header_that_does_not_follow_from_its_document(
    blocks: list[StoredBlock], tmp_path: Path
) -> None:
    header = replace(parse_header_leaf(blocks[0].header_leaf), time_ms=1)
    with pytest.raises(VerificationError) as caught:
        create_store(tmp_path / "ledger", replace(blocks[0], header_leaf=header.leaf()))
    assert caught.value.rule == "genesis.block"


def test_the_rebuild_rule_gives_what_was_committed(blocks: list[StoredBlock], tmp_path: Path) -> None:
    store: LedgerStore = create_store(tmp_path / "ledger", blocks[0])
    try:
        replay = Replay(store)
        for block in blocks[1:]:
            rows, lookups = rebuild_rule(block, store)
            with pytest.raises(VerificationError):
                rebuild_rule(CHANGES["a record"][0](block), store)
            replay.commit(block)
            assert {key: store.get(key) for key in rows} == dict(rows)
            assert len(lookups) >= sum(
                len(entry_from_parts(leaf, items).records)
                for leaf, items in zip(block.leaves, block.records, strict=True)
            )
            assert all(list(store.lookup(key)) == [(key, value)] for key, value in lookups)
    finally:
        store.close()
