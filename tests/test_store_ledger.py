"""The ledger's store: what was committed is what is read, and nothing that forks the chain is taken or signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger import note
from ledger.block import NO_PROPOSER
from ledger.checkpoint import body
from ledger.encoding import encode
from ledger.errors import FormatError, StoreCorruptError, StoreError, StoreLockedError, StoreVersionError
from ledger.hashing import leaf_hashes, sha256
from ledger.keys import SigningKey
from ledger.note import Note
from ledger.proofs import verify_inclusion
from ledger.store import layout
from ledger.store.commit import BlockCommit
from ledger.store.database import Database, Row
from ledger.store.ledger_store import LedgerStore
from ledger.store.view import LedgerView
from ledger.tiles import (
    decode_entry_bundle,
    decode_records_bundle,
    inclusion_proof,
    root,
    tile_width,
)
from tests.store_chain import COUNTER, Chain, changed

ORIGIN = "test.example/log"


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def store(tmp_path: Path, chain: Chain) -> Iterator[LedgerStore]:
    made = LedgerStore.create(tmp_path / "ledger", chain.genesis())
    yield made
    made.close()


def commit_next(store: LedgerStore, chain: Chain, entries: int = 1, records: int = 1) -> BlockCommit:
    block = chain.block(entries, records)
    store.commit(block, chain.header.engine_height)
    return block


def reopen(store: LedgerStore) -> LedgerStore:
    store.close()
    return LedgerStore.open(store._database.path.parent)


def check_same(view: LedgerView, chain: Chain) -> None:
    """Everything a view tells about a chain, against the chain itself."""
    head = view.head
    assert (head.height, head.size) == (chain.header.height, chain.log.size)
    assert (head.root, head.state_root, head.time_ms) == (
        chain.log.root(),
        chain.header.state_root,
        chain.header.time_ms,
    )
    leaves: list[bytes] = []
    records: list[tuple[bytes, ...]] = []
    for height, block in enumerate(chain.blocks):
        stored = view.block(height)
        assert stored.header_leaf == block.header_leaf == view.header_leaf(height)
        assert stored.header_signature == block.header_signature
        assert (stored.first_index, stored.leaves, stored.records) == (
            block.first_index,
            block.leaves,
            block.records,
        )
        for index in range(block.first_index, block.first_index + len(block.leaves) + 1):
            assert view.height_of_index(index) == height
        leaves += [*block.leaves, block.header_leaf]
        records += [*block.records, (block.header_signature,) if block.header_signature else ()]
        assert len(view.checkpoint_root(len(leaves))) == 32
    assert [view.leaf(index) for index in range(head.size)] == leaves
    assert [view.records(index) for index in range(head.size)] == records
    for n in range(-(-head.size // 256)):
        width = tile_width(0, n, head.size)
        part = slice(256 * n, 256 * n + width)
        assert view.tile(0, n, width) == b"".join(leaf_hashes(leaves[part]))
        assert decode_entry_bundle(view.entry_bundle(n, width)) == leaves[part]
        assert [tuple(items) for items in decode_records_bundle(view.records_bundle(n, width))] == records[
            part
        ]
    assert view.log_range() == chain.log
    assert view.checkpoint_root(head.size) == root(view, head.size) == chain.log.root()
    for key, value in chain.rows.items():
        assert view.get(key) == value
        assert view.read_row(sha256(key)) == (key, value)
    for path, page in chain.pages.items():
        assert view.page(path) == page
    assert dict(view.lookup(b"leaf/")) == {
        b"leaf/" + sha256(leaf)[:4]: encode(index)
        for block in chain.blocks
        for index, leaf in enumerate(block.leaves, block.first_index)
    }


def test_what_was_committed_is_what_is_read_before_and_after_reopening(
    store: LedgerStore, chain: Chain
) -> None:
    check_same(store, chain)
    for number in range(90):
        commit_next(store, chain, entries=number % 7 + 1, records=number % 3)
    assert chain.log.size > 256
    check_same(store, chain)
    with store.snapshot() as snapshot:
        check_same(snapshot, chain)
    store = reopen(store)
    check_same(store, chain)
    assert store.log == chain.log
    commit_next(store, chain)
    check_same(store, chain)
    store.close()


def test_a_block_that_fills_several_tiles_at_once(store: LedgerStore, chain: Chain) -> None:
    commit_next(store, chain, entries=700, records=2)
    commit_next(store, chain, entries=70)
    check_same(store, chain)
    proof = inclusion_proof(store, 300, store.head.size)
    verify_inclusion(leaf_hashes([store.leaf(300)])[0], 300, store.head.size, proof, store.head.root)


def test_narrower_tiles_of_older_sizes_stay_readable(store: LedgerStore, chain: Chain) -> None:
    sizes = [store.head.size]
    roots = [store.head.root]
    for _ in range(140):
        commit_next(store, chain, entries=2)
        sizes.append(store.head.size)
        roots.append(store.head.root)
    for size, wanted in zip(sizes, roots, strict=True):
        assert root(store, size) == wanted == store.checkpoint_root(size)


def test_a_snapshot_stays_where_it_was(store: LedgerStore, chain: Chain) -> None:
    commit_next(store, chain)
    before = store.head
    counter = store.get(COUNTER)
    with store.snapshot() as snapshot:
        commit_next(store, chain)
        assert snapshot.head == before
        assert snapshot.get(COUNTER) == counter != store.get(COUNTER)
        with pytest.raises(StoreError) as caught:
            snapshot.block(2)
        assert caught.value.rule == "store.not-there"
        assert store.block(2).height == 2


def test_what_lies_beyond_the_head_is_said_to_be_not_there(store: LedgerStore, chain: Chain) -> None:
    commit_next(store, chain, entries=3)
    size = store.head.size
    attempts: list[Callable[[], object]] = [
        lambda: store.block(2),
        lambda: store.block(-1),
        lambda: store.header_leaf(2),
        lambda: store.leaf(size),
        lambda: store.leaf(-1),
        lambda: store.records(size),
        lambda: store.height_of_index(size),
        lambda: store.tile(0, 0, size + 1),
        lambda: store.tile(0, 1, 1),
        lambda: store.tile(1, 0, 1),
        lambda: store.tile(-1, 0, 1),
        lambda: store.tile(0, -1, 1),
        lambda: store.tile(0, 0, 0),
        lambda: store.tile(300, 0, 1),
        lambda: store.entry_bundle(0, size + 1),
        lambda: store.entry_bundle(-1, 1),
        lambda: store.records_bundle(0, 0),
        lambda: store.checkpoint_root(size - 1),
        lambda: store.checkpoint_root(size + 1),
        lambda: store.checkpoint_root(0),
    ]
    for attempt in attempts:
        with pytest.raises(StoreError) as caught:
            attempt()
        assert caught.value.rule == "store.not-there"
    assert store.get(b"nothing") is None
    assert store.read_row(bytes(32)) is None
    assert store.page(b"nothing") is None
    assert list(store.lookup(b"nothing")) == []


def test_lookups_are_told_apart_by_what_follows_a_prefix(store: LedgerStore, chain: Chain) -> None:
    keys = [
        b"x/" + group + tail
        for group in (b"\0\0", b"\0\xff", b"\1\0", b"\xff\xff")
        for tail in (b"", b"\0", b"\xff" * 40)
    ]
    block = chain.block(1, 1)
    others = [(b"w/zz", b""), (b"x0", b""), (b"x", b""), *((key, b"") for key in keys)]
    store.commit(changed(block, lookups=(*block.lookups, *others)), chain.header.engine_height)
    assert list(store.lookup_groups(b"x/", 2)) == [b"\0\0", b"\0\xff", b"\1\0", b"\xff\xff"]
    assert list(store.lookup_groups(b"x/\0", 1)) == [b"\0", b"\xff"]
    assert list(store.lookup_groups(b"nothing", 2)) == []


def with_header(chain: Chain, block: BlockCommit, **fields: object) -> BlockCommit:
    return changed(block, header_leaf=replace(chain.header, **fields).leaf())  # type: ignore[arg-type]


def test_only_the_next_block_is_taken(store: LedgerStore, chain: Chain) -> None:
    commit_next(store, chain)
    before = store.head
    block = chain.block(2, 2)
    engine_height = chain.header.engine_height
    again = chain.blocks[-2]
    wrong = {
        "the block before once more": again,
        "height": changed(block, height=block.height + 1),
        "header height": with_header(chain, block, height=block.height + 1),
        "first index": changed(block, first_index=block.first_index + 1),
        "header first index": with_header(chain, block, first_index=block.first_index + 1),
        "parent": with_header(chain, block, parent=bytes(32)),
        "time": changed(block, time_ms=block.time_ms + 1),
        "header time": changed(with_header(chain, block, time_ms=before.time_ms), time_ms=before.time_ms),
        "log root": with_header(chain, block, log_root=bytes(32)),
        "state root": changed(block, state_root=bytes(32)),
        "header state root": with_header(chain, block, state_root=bytes(32)),
        "header engine height": with_header(chain, block, engine_height=engine_height + 1),
        "a leaf changed": changed(block, leaves=(b"other", block.leaves[1])),
        "a leaf missing": changed(block, leaves=block.leaves[:1]),
        "records of a leaf missing": changed(block, records=block.records[:1]),
        "no header": changed(block, header_leaf=encode([1, []])),
        "another rules version": with_header(chain, block, rules_version=99),
    }
    for name, attempt in wrong.items():
        with pytest.raises(StoreError) as caught:
            store.commit(attempt, engine_height)
        assert caught.value.rule == "store.not-next", name
    for height in (engine_height - 1, engine_height + 1):
        with pytest.raises(StoreError, match="engine height"):
            store.commit(block, height)
    assert store.head == before
    assert store.commit(block, engine_height).height == 2
    check_same(store, chain)


def test_a_block_that_the_engine_decided_too_early_is_refused(store: LedgerStore, chain: Chain) -> None:
    store.advance_engine(5)
    with pytest.raises(StoreError, match="not above 5"):
        store.commit(chain.block(engine_steps=5), 5)


def test_the_engine_moves_on_without_blocks(store: LedgerStore, chain: Chain) -> None:
    before = store.head
    assert store.advance_engine(3) == replace(before, engine_height=3)
    for height in (3, 2):
        with pytest.raises(StoreError) as caught:
            store.advance_engine(height)
        assert caught.value.rule == "store.not-next"
    store = reopen(store)
    assert store.head == replace(before, engine_height=3)
    with store.rows() as rows:
        assert rows.get(layout.ENGINE) == (3).to_bytes(8, "big")
    store.commit(chain.block(engine_steps=4), 4)
    with store.rows() as rows:
        assert rows.get(layout.ENGINE) is None
    check_same(store, chain)
    store.close()


@pytest.mark.parametrize("advanced", [False, True])
def test_a_changed_engine_height_is_found_on_opening(
    store: LedgerStore, chain: Chain, advanced: bool
) -> None:
    path = store._database.path.parent
    commit_next(store, chain)
    if advanced:
        store.advance_engine(chain.header.engine_height + 2)
    head, beside = store.head, store._database.get(layout.ENGINE)
    wrong: list[Row] = [
        (layout.HEAD, replace(head, engine_height=head.engine_height + step).encoded()) for step in (-1, 1, 4)
    ]
    wrong += [(layout.ENGINE, number.to_bytes(8, "big")) for number in (0, 1, head.engine_height + 1)]
    wrong += [(layout.ENGINE, None)] if advanced else []
    for row in wrong:
        store._database.write([row])
        store.close()
        with pytest.raises(StoreCorruptError) as caught:
            LedgerStore.open(path)
        assert caught.value.rule == "store.row-damaged", row
        with Database.open(path / "db", create=False) as database:
            database.write([(layout.HEAD, head.encoded()), (layout.ENGINE, beside)])
        store = LedgerStore.open(path)
    store.close()


# --- creating and opening ----------------------------------------------------------------------------------------------


def test_a_ledger_is_not_made_where_one_is(store: LedgerStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        LedgerStore.create(tmp_path / "ledger", Chain().genesis())
    assert caught.value.rule == "store.exists"
    assert store.head.height == 0


def test_a_genesis_block_must_be_one(tmp_path: Path) -> None:
    chain = Chain()
    genesis = chain.genesis()
    with pytest.raises(StoreError) as caught:
        LedgerStore.create(tmp_path / "ledger", chain.block())
    assert caught.value.rule == "store.not-next"
    assert list((tmp_path / "ledger").iterdir()) == []
    LedgerStore.create(tmp_path / "ledger", genesis).close()
    assert chain.header.proposer == NO_PROPOSER


def test_no_ledger_is_not_made_by_opening(tmp_path: Path) -> None:
    for name in ("nothing", "empty"):
        if name == "empty":
            (tmp_path / name).mkdir()
        with pytest.raises(StoreVersionError) as caught:
            LedgerStore.open(tmp_path / name)
        assert caught.value.rule == "store.missing"
    assert not (tmp_path / "nothing").exists()
    assert list((tmp_path / "empty").iterdir()) == []


def test_another_database_is_not_a_ledger(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    Database.open(tmp_path / "ledger" / "db", create=True).close()
    with pytest.raises(StoreVersionError) as caught:
        LedgerStore.open(tmp_path / "ledger")
    assert caught.value.rule == "store.not-a-ledger"


def test_a_newer_store_format_is_refused_and_left_alone(store: LedgerStore) -> None:
    newer = encode([layout.FORMAT_NAME, layout.FORMAT_VERSION + 1])
    store._database.write([(layout.FORMAT, newer)])
    with pytest.raises(StoreVersionError, match="newer") as caught:
        reopen(store)
    assert caught.value.rule == "store.newer-format"
    with Database.open(store._database.path, create=False) as database:
        assert database.get(layout.FORMAT) == newer


def test_a_second_opening_is_refused(store: LedgerStore, tmp_path: Path) -> None:
    with pytest.raises(StoreLockedError, match=str(tmp_path)):
        LedgerStore.open(tmp_path / "ledger")


# --- loss --------------------------------------------------------------------------------------------------------------


def test_opening_finds_the_loss_of_any_row_that_the_head_rests_on(store: LedgerStore, chain: Chain) -> None:
    for _ in range(3):
        commit_next(store, chain)
    size = store.head.size
    keys = [
        layout.FORMAT,
        layout.HEAD,
        layout.numbered(layout.BLOCK, 3),
        layout.numbered(layout.LEAF, size - 1),
        layout.numbered(layout.CHECKPOINT, size),
        layout.tile_key(0, 0),
        layout.STATE_PAGE + b"\x00",
    ]
    for key in keys:
        value = store._database.get(key)
        assert value is not None
        # Lost, of another shape, and of the right shape with one bit changed (of a page: in the hashes of its quarters).
        at = 10 if key[:1] == layout.STATE_PAGE else len(value) - 1
        for wrong in (None, b"", value[:at] + bytes((value[at] ^ 1,)) + value[at + 1 :]):
            store._database.write([(key, wrong)])
            with pytest.raises((StoreCorruptError, StoreVersionError)):
                reopen(store)
            with Database.open(store._database.path, create=False) as database:
                database.write([(key, value)])
            store = LedgerStore.open(store._database.path.parent)
    check_same(store, chain)
    store.close()


def test_reading_names_the_row_that_is_lost(store: LedgerStore, chain: Chain) -> None:
    for _ in range(4):
        commit_next(store, chain, entries=3)
    reads: list[tuple[bytes, str, Callable[[], object]]] = [
        (layout.numbered(layout.LEAF, 3), "leaf 3", lambda: store.block(1)),
        (layout.numbered(layout.LEAF, 3), "leaf 3", lambda: store.leaf(3)),
        (layout.numbered(layout.LEAF, 3), "leaf 3", lambda: store.entry_bundle(0, 8)),
        (layout.numbered(layout.LEAF, 7), "leaf 7", lambda: store.entry_bundle(0, 8)),
        (layout.numbered(layout.LEAF, 5), "leaf 5", lambda: store.header_leaf(1)),
        (layout.numbered(layout.RECORDS, 4), "records of leaf 4", lambda: store.block(1)),
        (layout.numbered(layout.RECORDS, 4), "records of leaf 4", lambda: store.records(4)),
        (layout.numbered(layout.RECORDS, 4), "records of leaf 4", lambda: store.records_bundle(0, 8)),
        (layout.numbered(layout.BLOCK, 2), "block 2", lambda: store.block(2)),
        (layout.numbered(layout.BLOCK, 2), "block 2", lambda: store.height_of_index(7)),
        (layout.numbered(layout.CHECKPOINT, 6), "checkpoint of size 6", lambda: store.checkpoint_root(6)),
        (layout.tile_key(0, 0), "tile 0 of level 0", lambda: store.tile(0, 0, 1)),
    ]
    for key, name, read in reads:
        value = store._database.get(key)
        store._database.write([(key, None)])
        with pytest.raises(StoreCorruptError, match=f"{name}.*[Rr]ebuild") as caught:
            read()
        assert caught.value.rule == "store.row-missing"
        store._database.write([(key, value)])
        read()


def test_a_state_row_under_the_wrong_hash_is_damage(store: LedgerStore) -> None:
    key = layout.STATE_ROW + sha256(COUNTER)
    for wrong in (encode([b"other", b"value"]), encode([COUNTER]), encode([COUNTER, "text"]), b"\xff"):
        store._database.write([(key, wrong)])
        with pytest.raises(StoreCorruptError) as caught:
            store.get(COUNTER)
        assert caught.value.rule == "store.row-damaged"


# --- signatures --------------------------------------------------------------------------------------------------------


def signed_note(size: int, root: bytes) -> str:
    text = body(ORIGIN, size, root)
    return note.format(Note(text, (note.sign_log(text, ORIGIN, SigningKey.from_seed(bytes(32))),)))


def test_signed_checkpoints_are_kept_by_size(store: LedgerStore, chain: Chain) -> None:
    assert store.signed_checkpoint() is None
    assert list(store.signed_sizes()) == []
    heads = [store.head]
    for _ in range(3):
        commit_next(store, chain)
        heads.append(store.head)
    notes = {head.size: signed_note(head.size, head.root) for head in heads}
    for size in (4, 8, 2, 4):
        store.put_signatures(size, notes[size])
    store = reopen(store)
    assert list(store.signed_sizes()) == [2, 4, 8]
    assert store.signed_checkpoint() == notes[8]
    assert store.signed_checkpoint(4) == notes[4]
    assert store.signed_checkpoint(6) is None
    store._database.write([(layout.numbered(layout.SIGNED, 4), None)])
    with pytest.raises(StoreCorruptError):
        list(store.signed_sizes())
    store._database.write([(layout.numbered(layout.SIGNED, 8), None)])
    with pytest.raises(StoreCorruptError, match="size 8"):
        store.signed_checkpoint()
    store.close()


def test_a_checkpoint_of_another_log_is_not_kept(store: LedgerStore, chain: Chain) -> None:
    commit_next(store, chain)
    head = store.head
    for size, text, rule in [
        (head.size, signed_note(head.size, bytes(32)), "store.wrong-checkpoint"),
        (2, signed_note(head.size, head.root), "store.wrong-checkpoint"),
        (3, signed_note(3, head.root), "store.not-there"),
    ]:
        with pytest.raises(StoreError) as caught:
            store.put_signatures(size, text)
        assert caught.value.rule == rule
    with pytest.raises(FormatError):
        store.put_signatures(head.size, "no checkpoint")
    assert store.signed_checkpoint() is None


KEY, OTHER_KEY = b"\x01\x02\x03\x04", b"\x05\x06\x07\x08"


def test_a_commit_records_what_will_be_signed_in_the_same_batch(store: LedgerStore, chain: Chain) -> None:
    assert store.last_signed(KEY) is None
    head = store.commit(chain.block(), 1, cosign_key_id=KEY)
    store = reopen(store)
    assert store.last_signed(KEY) == (head.size, head.root)
    assert store.last_signed(OTHER_KEY) is None
    store.record_intent_to_sign(KEY, head.size, head.root)  # again, with a newer time
    store.close()


def test_only_the_newest_committed_checkpoint_is_signed(store: LedgerStore, chain: Chain) -> None:
    first = store.head
    commit_next(store, chain)
    for size, root_, rule in [
        (first.size, first.root, "cosign.not-newest"),
        (store.head.size + 2, bytes(32), "cosign.not-newest"),
        (store.head.size, bytes(32), "cosign.not-committed"),
    ]:
        with pytest.raises(StoreError) as caught:
            store.record_intent_to_sign(KEY, size, root_)
        assert caught.value.rule == rule
    assert store.last_signed(KEY) is None
    store.record_intent_to_sign(KEY, store.head.size, store.head.root)
    store = reopen(store)
    assert store.last_signed(KEY) == (store.head.size, store.head.root)
    store.close()


def test_a_restored_store_signs_neither_smaller_nor_another_root(store: LedgerStore, chain: Chain) -> None:
    # The key signed the true chain up to size 6; this store is a backup from size 2, and grows into a fork.
    true, fork = Chain(), Chain(b"fork")
    true.genesis()
    fork.genesis()
    for _ in range(2):
        true.block()
    store.learn_signed(KEY, true.log.size, true.log.root())
    store.learn_signed(KEY, 2, store.head.root)  # older news changes nothing
    store = reopen(store)
    assert store.last_signed(KEY) == (6, true.log.root())
    with pytest.raises(StoreError) as caught:
        store.record_intent_to_sign(KEY, store.head.size, store.head.root)
    assert caught.value.rule == "cosign.smaller-size"
    with pytest.raises(StoreError) as caught:
        store.commit(fork.block(), 1, cosign_key_id=KEY)
    assert caught.value.rule == "cosign.smaller-size"
    assert store.head.height == 0
    store.commit(fork.blocks[-1], 1)  # to follow is allowed, to sign is not
    with pytest.raises(StoreError, match="fork") as caught:
        store.commit(fork.block(), 2, cosign_key_id=KEY)
    assert caught.value.rule == "cosign.second-root"
    store.commit(fork.blocks[-1], 2)
    with pytest.raises(StoreError) as caught:
        store.record_intent_to_sign(KEY, store.head.size, store.head.root)
    assert caught.value.rule == "cosign.second-root"
    with pytest.raises(StoreError) as caught:
        store.learn_signed(KEY, 6, store.head.root)
    assert caught.value.rule == "cosign.second-root"
    assert store.last_signed(KEY) == (6, true.log.root())
    store.record_intent_to_sign(OTHER_KEY, store.head.size, store.head.root)
    store.close()
