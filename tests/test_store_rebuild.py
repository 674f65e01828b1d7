"""Making a store again from its blocks: the same bytes, or a name for what is wrong; and the swap of directories."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.encoding import encode
from ledger.errors import LedgerError, StoreCorruptError, StoreLockedError, VerificationError
from ledger.hashing import sha256
from ledger.store import layout, swap
from ledger.store.database import Database
from ledger.store.ledger_store import LedgerStore
from ledger.store.rebuild import content_digest, rebuild
from ledger.store.values import Head, StoredBlock
from tests.store_chain import COUNTER, Chain, Lookups, Rows, _State, replay
from tests.test_store_ledger import KEY, check_same, signed_note

BLOCKS = 35
DERIVED = (layout.CHECKPOINT, layout.LOOKUP, layout.STATE_PAGE, layout.STATE_ROW, layout.TILE)


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def path(tmp_path: Path, chain: Chain) -> Path:
    """A closed ledger of some 150 leaves, with signatures, and with the engine ahead of the last block."""
    store = LedgerStore.create(tmp_path / "ledger", chain.genesis())
    for number in range(BLOCKS):
        block = chain.block(entries=number % 8 + 1, records=number % 3, engine_steps=number % 2 + 1)
        store.commit(block, chain.header.engine_height, cosign_key_id=KEY)
        if number % 5 == 0:
            store.put_signatures(store.head.size, signed_note(store.head.size, store.head.root))
    store.advance_engine(chain.header.engine_height + 9)
    store.close()
    return tmp_path / "ledger"


def database_of(path: Path) -> Database:
    return Database.open(path / swap.CURRENT, create=False)


def digest_of(path: Path) -> bytes:
    with database_of(path) as database:
        return content_digest(database)


def test_a_rebuilt_store_holds_the_same_bytes(path: Path, chain: Chain) -> None:
    before = digest_of(path)
    heights = []
    head = rebuild(path, replay, progress=lambda height, last: heights.append((height, last)))
    assert heights == [(height, BLOCKS) for height in range(BLOCKS + 1)]
    assert digest_of(path) == before
    assert [child.name for child in path.iterdir()] == [swap.CURRENT]
    store = LedgerStore.open(path)
    assert store.head == head
    assert head.engine_height == chain.header.engine_height + 9
    check_same(store, chain)
    store.commit(chain.block(engine_steps=10), chain.header.engine_height, cosign_key_id=KEY)
    check_same(store, chain)
    store.close()


def test_every_derived_row_is_made_again_whatever_became_of_it(path: Path, chain: Chain) -> None:
    before = digest_of(path)
    with database_of(path) as database:
        for kind in DERIVED:
            rows = list(database.iterate(kind))
            assert rows
            database.write(
                [(key, None if number % 2 else b"rubbish") for number, (key, _) in enumerate(rows)]
            )
            database.write([(kind + b"\xfe" * 9, b"never was")])
    assert digest_of(path) != before
    rebuild(path, replay)
    assert digest_of(path) == before


def test_the_digest_depends_on_every_key_and_value(tmp_path: Path) -> None:
    digests = set()
    contents: list[list[tuple[bytes, bytes]]] = [
        [],
        [(b"a", b"")],
        [(b"a", b"b")],
        [(b"ab", b"")],
        [(b"a", b""), (b"b", b"")],
        [(b"a", b"b"), (b"b", b"a")],
    ]
    for number, rows in enumerate(contents):
        with Database.open(tmp_path / str(number), create=True) as database:
            database.write(rows)
            one = content_digest(database)
            database.write([])
            assert content_digest(database) == one
            with database.snapshot() as snapshot:
                assert content_digest(snapshot) == one
            digests.add(one)
    assert len(digests) == len(contents)


def forged_leaf(database: Database) -> None:
    database.write([(layout.numbered(layout.LEAF, 40), encode([0, "forged", bytes(64)]))])


def forged_header(database: Database) -> None:
    key = layout.numbered(layout.LEAF, 3)
    leaf = database.get(key)
    assert leaf is not None
    database.write([(key, leaf[:-1] + bytes((leaf[-1] ^ 1,)))])


def cut_header(database: Database) -> None:
    key = layout.numbered(layout.LEAF, 3)
    leaf = database.get(key)
    assert leaf is not None
    database.write([(key, leaf[:-1])])


def lost_leaf(database: Database) -> None:
    database.write([(layout.numbered(layout.LEAF, 40), None)])


def lost_records(database: Database) -> None:
    database.write([(layout.numbered(layout.RECORDS, 40), None)])


def lost_block(database: Database) -> None:
    database.write([(layout.numbered(layout.BLOCK, 20), None)])


def lost_head(database: Database) -> None:
    database.write([(layout.HEAD, None)])


def other_head(database: Database) -> None:
    row = database.get(layout.HEAD)
    assert row is not None
    database.write([(layout.HEAD, replace(Head.parse(row), root=bytes(32)).encoded())])


@pytest.mark.parametrize(
    ("damage", "kind", "names"),
    [
        (forged_leaf, VerificationError, "[Bb]lock "),
        (forged_header, VerificationError, "[Bb]lock 2"),
        (cut_header, VerificationError, "block 1"),
        (lost_leaf, StoreCorruptError, "leaf 40"),
        (lost_records, StoreCorruptError, "records of leaf 40"),
        (lost_block, StoreCorruptError, "block 20"),
        (lost_head, StoreCorruptError, "head"),
        (other_head, VerificationError, "height"),
    ],
)
def test_damage_to_the_blocks_is_named_and_the_old_store_stays(
    path: Path, damage: object, kind: type[LedgerError], names: str
) -> None:
    assert callable(damage)
    with database_of(path) as database:
        damage(database)
        before = content_digest(database)
    with pytest.raises(kind, match=names):
        rebuild(path, replay)
    assert [child.name for child in path.iterdir()] == [swap.CURRENT]
    assert digest_of(path) == before


def test_rules_that_give_another_state_are_found_at_the_first_block_they_change(path: Path) -> None:
    def other_rules(block: StoredBlock, state: _State) -> tuple[Rows, Lookups]:
        rows, lookups = replay(block, state)
        if block.height == 30:
            rows[COUNTER] = b"other"
        return rows, lookups

    before = digest_of(path)
    with pytest.raises(VerificationError, match="block 30") as caught:
        rebuild(path, other_rules)
    assert caught.value.rule == "rebuild.state-root"
    assert digest_of(path) == before


def test_a_store_that_is_open_is_not_rebuilt(path: Path) -> None:
    store = LedgerStore.open(path)
    with pytest.raises(StoreLockedError):
        rebuild(path, replay)
    assert [child.name for child in path.iterdir()] == [swap.CURRENT]
    store.close()


# --- the swap ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(path: Path, tmp_path: Path) -> Path:
    """A second, complete database of the same ledger, outside it."""
    return Path(shutil.copytree(path / swap.CURRENT, tmp_path / "copy"))


def test_a_swap_cut_short_between_its_moves_is_finished_on_opening(
    path: Path, copy: Path, chain: Chain
) -> None:
    (path / swap.CURRENT).rename(path / swap.ASIDE)
    copy.rename(path / swap.READY)
    store = LedgerStore.open(path)
    check_same(store, chain)
    store.close()
    assert not (path / swap.READY).exists()
    rebuild(path, replay)
    assert [child.name for child in path.iterdir()] == [swap.CURRENT]


def test_a_swap_cut_short_before_its_moves_leaves_the_old_one(path: Path, copy: Path) -> None:
    before = digest_of(path)
    copy.rename(path / swap.READY)
    (path / "db.new.left-over").mkdir()
    LedgerStore.open(path).close()
    assert digest_of(path) == before
    rebuild(path, replay)
    assert digest_of(path) == before
    assert not (path / swap.READY).exists()


def test_a_swap_gives_way_to_a_process_that_opened_the_old_one(path: Path) -> None:
    before = digest_of(path)

    def swap_while_it_is_opened(held: ExitStack) -> None:
        with swap.new_database(path, replace=True) as new:
            Database.open(new, create=True).close()
            held.enter_context(database_of(path))

    with ExitStack() as held, pytest.raises(StoreLockedError):
        swap_while_it_is_opened(held)
    assert [child.name for child in path.iterdir()] == [swap.CURRENT]
    assert digest_of(path) == before


def test_a_new_ledger_never_takes_the_place_of_another(path: Path) -> None:
    before = digest_of(path)
    with pytest.raises(LedgerError), swap.new_database(path, replace=False) as new:
        Database.open(new, create=True).close()
    assert digest_of(path) == before


def test_a_lookup_that_was_forged_does_not_survive(path: Path) -> None:
    with database_of(path) as database:
        database.write([(layout.LOOKUP + b"leaf/" + sha256(b"x")[:4], b"1")])
    rebuild(path, replay)
    store = LedgerStore.open(path)
    assert list(store.lookup(b"leaf/" + sha256(b"x")[:4])) == []
    store.close()
