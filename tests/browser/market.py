"""A ledger with goods: the example lot's story with its recall, and what somebody might put there to break a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ledger.gs1 import Item
from node.service import clock_ms
from tests import orchard
from tests.browser.conftest import Site
from tests.chains import key
from tests.orchard import COOP, HOUR_MS, PLANT, event, event_record, quantity, record
from tests.serving import _be_quiet, serving
from tests.support import put, running_node, sign

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
HOSTILE_GTIN, MANY_GTIN = "08938500000058", "08938500000041"
HOSTILE_LOT = Item(gtin=HOSTILE_GTIN, lot="\"><b>x'&").path
MANY = Item(gtin=MANY_GTIN, lot="NHIEU").path
ROUND, BACK = (Item(gtin=MANY_GTIN, lot=lot).path for lot in ("VONG-1", "VONG-2"))
SOURCES = 90
"""Lots that one lot was made from."""
ABSENT = Item(gtin=orchard.DRIED_GTIN, lot="KHONG-CO").path
OLD = Item(gtin=MANY_GTIN, lot="CU").path
"""A lot past its date."""


@contextmanager
def market(folder: Path) -> Iterator[Site]:
    """A served node with all of that."""
    _be_quiet()
    with ExitStack() as stack:
        node = stack.enter_context(running_node(folder / "node", clock=clock_ms))
        url = stack.enter_context(serving(node))
        papers = folder / "papers"
        papers.mkdir()
        site = Site(node, url, papers)
        site.records = orchard.plant(node, now_ms=clock_ms()).ids
        for name, records in extras(clock_ms() - HOUR_MS):
            entry = sign(node, records, key=key(COOP))
            put(node, entry)
            site.records[name] = entry.record_ids[0]
        yield site


def extras(at_ms: int) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """Entries of the co-operative beside the story."""
    yield (
        "hostile product",
        (
            record("product.register/1", COOP, gtin=HOSTILE_GTIN, name=HOSTILE, category="fruit.dried", unit="H87",
                   brand=HOSTILE, description=HOSTILE, standards=[HOSTILE]),
            record("product.register/1", COOP, gtin=MANY_GTIN, name="Mắm tép 300 g", category="seafood", unit="H87"),
            record("lot.create/1", COOP, gtin=HOSTILE_GTIN, lot="\"><b>x'&"),
            record("lot.create/1", COOP, gtin=MANY_GTIN, lot="CU", expires="2024-12-31"),
        ),
    )  # fmt: skip

    def made(time_ms: int, used: list[str], output: str) -> tuple[bytes, ...]:
        value = event(
            "Transformation", time_ms, "creating_class_instance", PLANT,
            inputQuantityList=[quantity(item, 1) for item in used], outputQuantityList=[quantity(output, 1)],
        )  # fmt: skip
        return (event_record(COOP, value),)

    seen = event(
        "Object", at_ms, "commissioning", PLANT, action="ADD", quantityList=[quantity(HOSTILE_LOT, 1)]
    )
    yield "hostile event", (event_record(COOP, seen),)
    yield "many", made(at_ms, [Item(gtin=MANY_GTIN, lot=f"N-{at}").path for at in range(SOURCES)], MANY)
    yield "round", made(at_ms, [BACK], ROUND)
    yield "back", made(at_ms + 1, [ROUND], BACK)
