"""From what was found to the documents of an answer.

Rules: an event goes out as it is recorded, with two members that its hash does not cover: `recordTime`, the chain time of its
block, and `eventID`, by which this repository finds it again, unless it has one of its own. Beside the list of events stands
the list `sogoc:records`, in the same order: the record's id, with which anybody fetches the proof, who recorded it, how many
parts are hidden, and whether the record disagrees with its event. Nothing is put into an event that would change its hash.
What the ledger holds as an event and cannot be read as one is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from api.epcis.finding import Found, identifier_of
from ledger.epcis.document import master_data_document, query_document
from ledger.epcis.json_text import Json, canonical
from ledger.epcis.times import write_time
from ledger.gs1 import Item, format_link
from ledger.records import Record, parse_record
from ledger.records.base import text
from ledger.records.places import PLACE_LOOKUP
from ledger.records.products import PRODUCT_LOOKUP
from ledger.rules import Place
from node.receipts import FinalView, parse_place

PREFIX, NAMESPACE = "sogoc", "urn:sogoc:epcis:"
MAX_MASTER_DATA: Final = 500
"""Products, and places, in one answer."""
_MDA: Final = "urn:epcglobal:cbv:mda:"
_CLASSES, _LOCATIONS = "urn:epcglobal:epcis:vtype:EPCClass", "urn:epcglobal:epcis:vtype:BusinessLocation"

TimeOf = Callable[[Place], int]
"""Chain time of the block that holds a record."""


def results(found: tuple[Found, ...], time_of: TimeOf, *, created_ms: int) -> bytes:
    """The document that answers a query."""
    return query_document(
        [event_answer(one, time_of) for one in found],
        created_ms=created_ms,
        prefixes={PREFIX: NAMESPACE},
        extras={f"{PREFIX}:records": [_record(one) for one in found]},
    )


def one_event(found: Found, time_of: TimeOf) -> bytes:
    """An event by itself, with its context."""
    return canonical(event_answer(found, time_of))


def event_answer(found: Found, time_of: TimeOf) -> Json:
    """An event with the time at which it was recorded, and its identifier."""
    return found.event | {
        "recordTime": write_time(time_of(found.place)),
        "eventID": identifier_of(found),
    }


def _record(found: Found) -> Json:
    body = found.record.body
    said: Json = {"record": found.record.id.hex(), "authority": found.record.authority}
    if found.error is not None:
        said["error"] = found.error.id.hex()
    if found.mismatch:
        said["mismatch"] = True
    if "hidden_count" in body:
        said["hidden"] = body["hidden_count"]
    return said


# -- master data -------------------------------------------------------------------------------------------------------------


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
    return {"id": _MDA + name, "attribute": value}


# -- what there is -----------------------------------------------------------------------------------------------------------


def collection(members: list[str]) -> bytes:
    """A list of names (EPCIS 2.0 §12.7)."""
    return canonical(
        {
            "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            "type": "Collection",
            "member": members,
        }
    )


def groups(final: FinalView, prefix: bytes, tail: int, *, after: str, limit: int) -> list[str]:
    """The names in lookup keys, each once, in order, beyond `after`: between `prefix` and a `/` with `tail` bytes behind."""
    found: list[str] = []
    # The letter after the slash is "0": from there on, everything of this name is passed.
    start = prefix + after.encode() + b"0" if after else prefix
    while len(found) < limit:
        row = next(final.view.lookup(prefix, start=start), None)
        if row is None:
            break
        name = row[0][len(prefix) : -tail - 1]
        found.append(name.decode())
        start = prefix + name + b"0"
    return found
