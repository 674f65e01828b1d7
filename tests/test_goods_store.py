"""Goods on a ledger that is stored: the audit knows every index row of them, and a thing's history is read out of the store and
verified, whoever's records it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger import verify as audits
from ledger.block import parse_header_leaf
from ledger.errors import VerificationError
from ledger.gs1 import Item
from ledger.history import verify
from ledger.history_form import HistoryPart
from ledger.records.goods import thing
from ledger.records.lots import LOT_OWNER_LOOKUP
from ledger.store.ledger_store import LedgerStore
from ledger.verify.sources.stored import open_store
from node.goods import lots, lots_of, places_of, products, products_of
from node.histories import history_part
from node.receipts import FinalView
from tests import orchard
from tests.chains import Chain
from tests.orchard import COOP, DRIED, FRESH, INSPECTOR, SHOP


@pytest.fixture(scope="module")
def chain() -> Chain:
    chain = Chain()
    orchard.grow(chain)
    return chain


@pytest.fixture(scope="module")
def store(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerStore]:
    store = chain.write_store(tmp_path_factory.mktemp("goods") / "ledger")
    yield store
    store.close()


@pytest.fixture(scope="module")
def final(store: LedgerStore, chain: Chain) -> FinalView:
    return FinalView(store, chain.checkpoint())


def test_an_audit_knows_every_row_of_goods(chain: Chain, tmp_path: Path) -> None:
    chain.write_store(tmp_path / "ledger").close()
    with open_store(tmp_path / "ledger") as source:
        audits.audit(source)


def test_whose_goods_they_are(final: FinalView) -> None:
    assert [one.authority for one in lots(final, DRIED)] == [COOP]
    assert lots(final, f"{DRIED}X") == []
    assert [one.subject.identifier for one in lots_of(final, COOP)] == sorted([DRIED, FRESH])
    assert [one.subject.identifier for one in lots_of(final, COOP, after=min(DRIED, FRESH))] == [
        max(DRIED, FRESH)
    ]
    assert list(lots_of(final, SHOP)) == []
    assert len(list(products_of(final, COOP))) == 2
    assert [one.authority for one in places_of(final, SHOP)] == [SHOP]
    (found,) = products(final, Item(gtin=orchard.DRIED_GTIN))
    assert found.record.body["name"] == "Dứa sấy dẻo 200 g"
    assert sum(1 for _ in final.view.lookup(LOT_OWNER_LOOKUP)) == 2


def test_a_things_history_holds_what_each_member_said_and_nothing_can_be_left_out(
    final: FinalView, chain: Chain
) -> None:
    part = history_part(final, thing(DRIED))
    history = verify(part.encoded(), chain.policy)
    assert {one.record.authority for one in history.records} >= {COOP, SHOP}
    assert history.status == "-"
    of_shop = [
        number
        for number, block in enumerate(part.blocks)
        if any(
            one.record.authority == SHOP and one.height == parse_header_leaf(block.header_leaf).height
            for one in history.records
        )
    ]
    assert of_shop
    for number in of_shop:
        shortened = replace(part, blocks=part.blocks[:number] + part.blocks[number + 1 :])
        with pytest.raises(VerificationError) as caught:
            verify(shortened.encoded(), chain.policy)
        assert caught.value.rule == "history.count"


def test_nobody_said_anything_about_another_lot(final: FinalView, chain: Chain) -> None:
    history = verify(history_part(final, thing(f"{FRESH}-2")).encoded(), chain.policy)
    assert (history.row, history.records) == (None, ())
    assert HistoryPart.parse(history_part(final, thing(FRESH)).encoded()).subject == thing(FRESH)
    assert INSPECTOR not in {one.authority for one in lots(final, FRESH)}
