"""Master data: the products and places that members have registered, as EPCIS describes such things (CBV 2.0 §9).

Rules: the newest record of each member about a thing counts. A place is called as events call it, by its location number or by
its member's code, and a product by its Digital Link. What is looked up for a query is remembered for that query, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from api.epcis.attributes import MDA, Attributes
from api.epcis.places import identifier_of
from ledger.epcis.document import master_data_document
from ledger.epcis.json_text import Json
from ledger.errors import FormatError
from ledger.gs1 import Item, format_link, parse_item
from ledger.records import Record, parse_record
from ledger.records.base import text
from ledger.records.places import PLACE_LOOKUP
from ledger.records.products import PRODUCT_LOOKUP
from node.receipts import FinalView, parse_place

MAX_MASTER_DATA: Final = 500
"""Products, and places, in one answer; records of one thing that are looked at."""
_CLASSES, _LOCATIONS = "urn:epcglobal:epcis:vtype:EPCClass", "urn:epcglobal:epcis:vtype:BusinessLocation"


def master_data(final: FinalView, *, created_ms: int) -> bytes:
    """Products and places as the ledger has them, the newest record of each (CBV 2.0 §9.2, §9.3)."""
    products = {}
    for record in _newest(final, PRODUCT_LOOKUP):
        element = _product(record)
        products[element["id"]] = element
    places = {}
    for record in _newest(final, PLACE_LOOKUP):
        element = _place(record)
        places[element["id"]] = element
    return master_data_document(
        {_CLASSES: list(products.values()), _LOCATIONS: list(places.values())}, created_ms=created_ms
    )


class NodeMasterData:
    """What members have registered about what events name, looked up once for each thing."""

    def __init__(self, final: FinalView) -> None:
        """Of this view."""
        self._final = final
        self._known: dict[bytes, Sequence[Attributes]] = {}
        self.looked_up = 0
        """Things that were looked up, and rows that were read for them."""

    def of_place(self, place: str) -> Sequence[Attributes]:
        """Of a place as `api.epcis.places` names it: each member's that registered it."""
        found = identifier_of(place)
        if found is None:
            return ()
        identifier, member = found
        return self._of(PLACE_LOOKUP + f"{identifier}/{f'{member}/' if member else ''}".encode())

    def of_product(self, item: str) -> Sequence[Attributes]:
        """Of the product that an item, named by its path, is of; nothing for what is no goods."""
        try:
            product = parse_item(item).product
        except FormatError:
            return ()
        if product is None:
            return ()
        name = product.gtin if product.gtin is not None else f"{product.code}/{product.member}"
        return self._of(PRODUCT_LOOKUP + f"{name}/".encode())

    def _of(self, prefix: bytes) -> Sequence[Attributes]:
        known = self._known.get(prefix)
        if known is None:
            self.looked_up += 1
            newest: dict[str, Attributes] = {}
            for record in _newest(self._final, prefix):
                self.looked_up += 1
                element = _place(record) if prefix.startswith(PLACE_LOOKUP) else _product(record)
                newest[record.authority] = {one["id"]: one["attribute"] for one in element["attributes"]}
            known = self._known[prefix] = tuple(newest.values())
        return known


def _newest(final: FinalView, prefix: bytes) -> Iterator[Record]:
    """The records behind an index, in the order of the ledger for each thing: the last one counts."""
    rows = islice(final.view.lookup(prefix), MAX_MASTER_DATA)
    places = sorted(
        (parse_place(value) for _, value in rows), key=lambda place: (place.index, place.record_index)
    )
    for place in places:
        record = parse_record(final.record(place))
        if "name" in record.body:
            yield record


def _product(record: Record) -> Json:
    body = record.body
    item = (
        Item(gtin=text(body, "gtin"))
        if "gtin" in body
        else Item(member=record.authority, code=text(body, "code"))
    )
    attributes = [_attribute("descriptionShort", text(body, "name"))]
    for member, name in (
        ("brand", "brandName"),
        ("unit", "netContent.unit"),
        ("category", "tradeItemDescription"),
    ):
        if member in body:
            attributes.append(_attribute(name, text(body, member)))
    return {"id": format_link(item), "attributes": attributes}


def _place(record: Record) -> Json:
    body = record.body
    attributes = [_attribute("name", text(body, "name"))]
    if "address" in body:
        attributes.append(_attribute("streetAddressOne", text(body, "address")))
    for member in ("latitude", "longitude"):
        value = body.get(member)
        if isinstance(value, int):
            attributes.append(_attribute(member, f"{value / 1_000_000:.6f}"))
    return {"id": place_address(record), "attributes": attributes}


def place_address(record: Record) -> str:
    """How events name a place: by its location number, or by its member's own code."""
    body = record.body
    if "gln" in body:
        return f"https://id.gs1.org/414/{text(body, 'gln')}"
    return f"urn:sogoc:place:{record.authority}:{text(body, 'code')}"


def _attribute(name: str, value: str) -> Json:
    return {"id": MDA + name, "attribute": value}
