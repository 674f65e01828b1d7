"""A co-operative's events for tests: JSON as business software writes it, and a node that has some of them.

The identifiers are examples; the company prefix is fictional.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.epcis import record
from ledger.epcis.vocabulary import CONTEXT
from ledger.keys import SigningKey
from ledger.records.events import CAPTURE
from node.service import Node
from tests.support import new_key, put, register_key, register_member, running_node, sign

COOP = "htx-phu-son"
FRESH, DRIED = "08938500000010", "08938500000027"
LOT = "L2503"
FARM, SHOP = "https://id.gs1.org/414/8938500000003", "https://id.gs1.org/414/8938500000102"
CONTEXTS = [CONTEXT, {"example": "https://ns.example.com/epcis/"}]


def gtin_lot(gtin: str = FRESH, lot: str = LOT) -> str:
    """How an event names a lot."""
    return f"https://id.gs1.org/01/{gtin}/10/{lot}"


def path_of_lot(gtin: str = FRESH, lot: str = LOT) -> str:
    """The item path of a lot."""
    return f"01/{gtin}/10/{lot}"


def object_event(**members: Any) -> dict[str, Any]:  # noqa: ANN401
    """So many kilograms of a lot, on a day of March 2025. `lot`, `gtin`, `day`, `hour` and `step` may be chosen; other members
    are the event's own.
    """
    lot, gtin = members.pop("lot", LOT), members.pop("gtin", FRESH)
    day, hour = members.pop("day", 1), members.pop("hour", 8)
    return {
        "@context": CONTEXTS,
        "type": "ObjectEvent",
        "eventTime": f"2025-03-{day:02d}T{hour:02d}:00:00.000+07:00",
        "eventTimeZoneOffset": "+07:00",
        "action": "OBSERVE",
        "bizStep": members.pop("step", "commissioning"),
        "readPoint": {"id": FARM},
        "quantityList": [{"epcClass": gtin_lot(gtin, lot), "quantity": 1200, "uom": "KGM"}],
    } | members


def transformation_event(**members: Any) -> dict[str, Any]:  # noqa: ANN401
    """A lot becomes packs."""
    return {
        "@context": CONTEXTS,
        "type": "TransformationEvent",
        "eventTime": "2025-03-05T08:00:00.000+07:00",
        "eventTimeZoneOffset": "+07:00",
        "bizStep": "commissioning",
        "inputQuantityList": [{"epcClass": gtin_lot(), "quantity": 1195, "uom": "KGM"}],
        "outputQuantityList": [{"epcClass": gtin_lot(DRIED, "P1"), "quantity": 180}],
    } | members


def aggregation_event(**members: Any) -> dict[str, Any]:  # noqa: ANN401
    """Packs in a box."""
    return {
        "@context": CONTEXTS,
        "type": "AggregationEvent",
        "eventTime": "2025-03-06T08:00:00.000+07:00",
        "eventTimeZoneOffset": "+07:00",
        "action": "ADD",
        "bizStep": "packing",
        "parentID": "https://id.gs1.org/00/089385000000000010",
        "childQuantityList": [{"epcClass": gtin_lot(DRIED, "P1"), "quantity": 60}],
    } | members


def transaction_event(**members: Any) -> dict[str, Any]:  # noqa: ANN401
    """A box belongs to an order."""
    return {
        "@context": CONTEXTS,
        "type": "TransactionEvent",
        "eventTime": "2025-03-07T08:00:00.000+07:00",
        "eventTimeZoneOffset": "+07:00",
        "action": "ADD",
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:8938500000003:4711"}],
        "epcList": ["https://id.gs1.org/00/089385000000000010"],
    } | members


def association_event(**members: Any) -> dict[str, Any]:  # noqa: ANN401
    """A sensor is fixed to a box."""
    return {
        "@context": CONTEXTS,
        "type": "AssociationEvent",
        "eventTime": "2025-03-08T08:00:00.000+07:00",
        "eventTimeZoneOffset": "+07:00",
        "action": "ADD",
        "parentID": "https://id.gs1.org/00/089385000000000010",
        "childEPCs": ["urn:epc:id:giai:8938500.sensor1"],
    } | members


ONE_OF_EACH = (object_event, transformation_event, aggregation_event, transaction_event, association_event)


def event_record(event: dict[str, Any], *, authority: str = COOP, **hiding: Any) -> bytes:  # noqa: ANN401
    """An event as a record."""
    return encode_record(CAPTURE, record.body(authority, event, **hiding))


@contextmanager
def field_node(path: Path, **config: Any) -> Iterator[tuple[Node, SigningKey]]:  # noqa: ANN401
    """A running node on whose ledger the co-operative is a producer, and the co-operative's key."""
    with running_node(path, **config) as node:
        key = new_key()
        register_member(node, COOP, "HTX Nông sản Phú Sơn", ["producer"])
        register_key(node, key, member=COOP, roles=["producer"])
        yield node, key


def put_events(node: Node, key: SigningKey, *events: dict[str, Any]) -> list[bytes]:
    """Record events, each in an entry of its own, and return their records."""
    records = [event_record(event) for event in events]
    for one in records:
        put(node, sign(node, [one], key=key))
    return records


def lot_body(**fields: Value) -> dict[str, Value]:
    """The body of a product's record."""
    return {
        "authority": COOP,
        "gtin": FRESH,
        "name": "Dứa gai tươi",
        "category": "fruit",
        "unit": "KGM",
    } | fields
