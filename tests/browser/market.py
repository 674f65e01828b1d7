"""A ledger with goods: the example lot's story with its recall, and what somebody might put there to break a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.epcis.json_text import canonical
from ledger.gs1 import Item
from ledger.hashing import sha256
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
FLOOD = Item(gtin=MANY_GTIN, lot="LU").path
"""A lot of which one event names as many pieces as a record holds, and says so of one thing only."""
FORMULA_GTIN = "08938500000065"
FORMULA = Item(gtin=FORMULA_GTIN, lot="=2+3").path
"""A lot whose every text a spreadsheet would compute."""
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
    pieces = [f"urn:epc:id:sscc:8938500.{number:010}" for number in range(1_500)]
    flood = event("Object", at_ms, "commissioning", PLANT, action="ADD", epcList=pieces)
    flood_body: dict[str, Value] = {
        "authority": COOP, "event": canonical(flood), "event_hash": sha256(b"flood"), "kind": "object",
        "time_ms": at_ms, "step": "commissioning", "things": [FLOOD],
    }  # fmt: skip
    yield "flood", (encode_record("epcis.event/1", flood_body),)
    formula = '=HYPERLINK("http://evil.example")'
    yield (
        "formula",
        (
            record("product.register/1", COOP, gtin=FORMULA_GTIN, name=formula, category="tea", unit="KGM",
                   brand="+1", standards=["@SUM(1)", "-2"]),
            record("lot.create/1", COOP, gtin=FORMULA_GTIN, lot="=2+3"),
            event_record(COOP, event("Object", at_ms, "commissioning", PLANT, action="ADD",
                                     quantityList=[quantity(FORMULA, 1, "KGM")])),
        ),
    )  # fmt: skip
    yield "round", made(at_ms, [BACK], ROUND)
    yield "back", made(at_ms + 1, [ROUND], BACK)
