"""The example lot's story, once, as signed records: pineapples from a farm to a shop, and a recall.

    1,200 kg commissioned at the farm, inspected, shipped; 1,195 kg received; 1,195 kg → 180 packs; 60 packed under an
    SSCC, shipped at 18.1–26.4 °C, received, unpacked; 18 sold, 42 counted when the lot is recalled.

So 5 kg were lost on the way, 120 packs were never shipped, and 18 are sold: exactly these three findings and no other.

* `steps(chain_id, start_ms)`: every entry in order, as (key, records, claimed time);
* `grow(chain)`: the whole story on a `tests.chains.Chain`, each step in a block of its own time;
* `plant(node)`: the same on a running node, with times in the last hours;
* `event(...)`, `quantity(...)`: events as JSON-LD, to build other stories.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.epcis.json_text import parse_object
from ledger.epcis.record import prepare
from ledger.epcis.times import read_time, write_time
from ledger.epcis.vocabulary import CONTEXT
from ledger.gs1 import Item, check_digit
from ledger.hashing import leaf_hash, sha256
from ledger.keys import SigningKey
from ledger.records.members import possession_message
from node.service import Node
from tests.chains import START_MS, Chain, key
from tests.support import key_of, put, sign

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
LENGTH_MS: Final = 11 * HOUR_MS
"""From the first event to the recall, and a little more."""

COOP, SHOP, INSPECTOR = "htx-phu-son", "cua-hang-ocop", "thanh-tra-tinh"
NAMES: Final = {
    COOP: "Hợp tác xã dứa Phú Sơn",
    SHOP: "Cửa hàng OCOP Bỉm Sơn",
    INSPECTOR: "Thanh tra tỉnh Thanh Hóa",
}
ROLES: Final = {COOP: ["producer"], SHOP: ["producer"], INSPECTOR: ["inspector"]}

FRESH_GTIN, DRIED_GTIN = "08938500000010", "08938500000027"
FRESH: Final = Item(gtin=FRESH_GTIN, lot="DG-2509").path
DRIED: Final = Item(gtin=DRIED_GTIN, lot="DS-2509/1").path
CARTON: Final = Item(sscc="089385000000000010").path


def gln(number: int) -> str:
    """A location number of the fictional company."""
    digits = f"893850000{number:03}"
    return digits + check_digit(digits)


FARM, PLANT, STORE = gln(1), gln(2), gln(101)


def address(item: str) -> str:
    """An item, or `414/<gln>`, as an event names it."""
    return f"https://id.gs1.org/{item}"


def quantity(item: str, amount: float, unit: str = "") -> dict[str, Any]:
    """So much of a lot; pieces without a unit."""
    return {"epcClass": address(item), "quantity": amount} | ({"uom": unit} if unit else {})


def event(kind: str, time_ms: int, step: str, place: str = "", /, **members: Any) -> dict[str, Any]:  # noqa: ANN401
    """An event as JSON-LD; `kind` as in `ObjectEvent`, `place` a location number."""
    return (
        {
            "@context": CONTEXT,
            "type": f"{kind}Event",
            "eventTime": write_time(time_ms),
            "eventTimeZoneOffset": "+07:00",
            "bizStep": step,
        }
        | ({"readPoint": {"id": address(f"414/{place}")}} if place else {})
        | members
    )


def event_record(authority: str, value: dict[str, Any]) -> bytes:
    """The `epcis.event/1` record of an event."""
    # Through JSON text, as an event comes: numbers are exact decimals then.
    read = parse_object(json.dumps(value).encode(), max_bytes=60_000)
    return encode_record("epcis.event/1", prepare(authority, read).body)


def record(name: str, authority: str, /, **fields: Value) -> bytes:
    """Any other record."""
    return encode_record(name, {"authority": authority, **fields})


@dataclass(frozen=True)
class Step:
    """One entry of the story."""

    name: str
    key: str
    """As `tests.chains.key` knows it; `admin` is the ledger's own."""
    records: tuple[bytes, ...]
    time_ms: int
    """When it is signed and recorded: its events' time and five minutes."""


def admissions(chain_id: bytes, time_ms: int) -> Iterator[Step]:
    """Members and their keys."""
    for member, name in NAMES.items():
        own = key(member)
        yield Step(
            f"admit {member}",
            "admin",
            (
                record(
                    "member.register/1",
                    "office",
                    member=member,
                    name=name,
                    roles=list[Value](ROLES[member]),
                    key=own.public_key,
                    possession=own.sign(possession_message(chain_id, member, own.public_key)),
                ),
            ),
            time_ms,
        )


def registrations(time_ms: int) -> Iterator[Step]:
    """Products, places and lots."""
    farm: dict[str, Value] = {
        "gln": FARM,
        "name": "Vùng trồng dứa Phú Sơn",
        "kind": "farm",
        "growing_area": "VN-THOR-0001",
        "latitude": 20_067_000,
        "longitude": 105_852_000,
    }
    plant: dict[str, Value] = {
        "gln": PLANT,
        "name": "Xưởng sấy Phú Sơn",
        "kind": "processing",
        "address": "Phường Quang Trung, tỉnh Thanh Hóa",
        "latitude": 20_079_000,
        "longitude": 105_867_000,
    }
    store: dict[str, Value] = {
        "gln": STORE,
        "name": "Cửa hàng OCOP Bỉm Sơn",
        "kind": "shop",
        "address": "Đường Trần Phú, tỉnh Thanh Hóa",
        "latitude": 20_106_000,
        "longitude": 105_860_000,
    }
    fresh: dict[str, Value] = {
        "gtin": FRESH_GTIN,
        "name": "Dứa gai tươi",
        "category": "fruit.fresh",
        "unit": "KGM",
        "standards": ["VietGAP"],
    }
    dried: dict[str, Value] = {
        "gtin": DRIED_GTIN,
        "name": "Dứa sấy dẻo 200 g",
        "category": "fruit.dried",
        "unit": "H87",
        "brand": "Phú Sơn",
        "ocop_stars": 3,
        "ocop_until": "2029-06-30",
        "images": [sha256(b"a picture of dried pineapple")],
        "standards": ["TCVN 12940:2020", "VietGAP"],
    }
    yield Step(
        "register",
        COOP,
        (
            record("product.register/1", COOP, **fresh),
            record("product.register/1", COOP, **dried),
            record("place.register/1", COOP, **farm),
            record("place.register/1", COOP, **plant),
        ),
        time_ms,
    )
    yield Step("register the shop", SHOP, (record("place.register/1", SHOP, **store),), time_ms)


def lots(produced: str, expires: str, time_ms: int) -> Iterator[Step]:
    """Both lots, as their owner declares them."""
    fresh: dict[str, Value] = {
        "gtin": FRESH_GTIN,
        "lot": "DG-2509",
        "produced": produced,
        "quantity": 1_200_000,
        "unit": "KGM",
        "tolerance": 100,
        "place": FARM,
    }
    dried: dict[str, Value] = {
        "gtin": DRIED_GTIN,
        "lot": "DS-2509/1",
        "produced": produced,
        "expires": expires,
        "quantity": 180_000,
        "unit": "H87",
        "place": PLANT,
    }
    yield Step(
        "lots", COOP, (record("lot.create/1", COOP, **fresh), record("lot.create/1", COOP, **dried)), time_ms
    )


def events(start_ms: int) -> list[tuple[str, str, dict[str, Any]]]:
    """The story's events: name, who records it, the event. The first is at `start_ms`."""

    def at(minutes: int) -> int:
        return start_ms + minutes * MINUTE_MS

    sensor = {
        "sensorMetadata": {"deviceID": "https://id.gs1.org/8004/89385000000LOGGER1"},
        "sensorReport": [{"type": "Temperature", "minValue": 18.1, "maxValue": 26.4, "uom": "CEL"}],
    }
    packs = [quantity(DRIED, 60)]
    carton = {"epcList": [address(CARTON)], "action": "OBSERVE"}
    return [
        (
            "harvested",
            COOP,
            event(
                "Object",
                at(0),
                "commissioning",
                FARM,
                action="ADD",
                quantityList=[quantity(FRESH, 1200, "KGM")],
            ),
        ),
        (
            "inspected",
            COOP,
            event(
                "Object",
                at(30),
                "inspecting",
                FARM,
                action="OBSERVE",
                quantityList=[quantity(FRESH, 1200, "KGM")],
            ),
        ),
        (
            "shipped fresh",
            COOP,
            event(
                "Object",
                at(60),
                "shipping",
                FARM,
                action="OBSERVE",
                quantityList=[quantity(FRESH, 1200, "KGM")],
            ),
        ),
        (
            "received fresh",
            COOP,
            event(
                "Object",
                at(150),
                "receiving",
                PLANT,
                action="OBSERVE",
                quantityList=[quantity(FRESH, 1195, "KGM")],
            ),
        ),
        (
            "dried",
            COOP,
            event(
                "Transformation",
                at(240),
                "creating_class_instance",
                PLANT,
                inputQuantityList=[quantity(FRESH, 1195, "KGM")],
                outputQuantityList=[quantity(DRIED, 180)],
            ),
        ),
        (
            "packed",
            COOP,
            event(
                "Aggregation",
                at(270),
                "packing",
                PLANT,
                action="ADD",
                parentID=address(CARTON),
                childQuantityList=packs,
            ),
        ),
        ("shipped", COOP, event("Object", at(300), "shipping", PLANT, sensorElementList=[sensor], **carton)),
        ("received", SHOP, event("Object", at(390), "receiving", STORE, **carton)),
        (
            "unpacked",
            SHOP,
            event(
                "Aggregation",
                at(400),
                "unpacking",
                STORE,
                action="DELETE",
                parentID=address(CARTON),
                childQuantityList=packs,
            ),
        ),
        (
            "sold first",
            SHOP,
            event(
                "Object",
                at(450),
                "retail_selling",
                STORE,
                action="OBSERVE",
                quantityList=[quantity(DRIED, 11)],
            ),
        ),
        (
            "sold later",
            SHOP,
            event(
                "Object",
                at(500),
                "retail_selling",
                STORE,
                action="OBSERVE",
                quantityList=[quantity(DRIED, 7)],
            ),
        ),
        (
            "counted",
            SHOP,
            event(
                "Object", at(540), "stock_taking", STORE, action="OBSERVE", quantityList=[quantity(DRIED, 42)]
            ),
        ),
    ]


def recall(time_ms: int, *, owner: str = COOP, item: str = DRIED) -> Step:
    """The recall by the lot's owner."""
    return Step(
        "recalled", owner, (record("lot.recall/1", owner, owner=owner, item=item, reason="quality"),), time_ms
    )


def steps(
    chain_id: bytes,
    start_ms: int,
    *,
    produced: str = "2026-09-21",
    expires: str = "2027-03-31",
    recalled: bool = True,
) -> Iterator[Step]:
    """Every entry of the story in order. `start_ms`: time of the first event; members and goods come a little before it."""
    before = start_ms - 5 * MINUTE_MS
    yield from admissions(chain_id, before)
    yield from registrations(before)
    yield from lots(produced, expires, before)
    for name, member, value in events(start_ms):
        yield Step(name, member, (event_record(member, value),), _recorded_ms(value))
    if recalled:
        yield recall(start_ms + 560 * MINUTE_MS)


def _recorded_ms(value: dict[str, Any]) -> int:

    return read_time(value["eventTime"], "/eventTime") + 5 * MINUTE_MS


@dataclass
class Orchard:
    """The story as it stands on a ledger."""

    ids: dict[str, bytes] = field(default_factory=dict)
    """Of each step's name the id of its first record."""
    start_ms: int = 0

    def names(self, ids: Sequence[bytes]) -> list[str]:
        """The names of records by their ids, for tests that read well."""
        known = {record_id: name for name, record_id in self.ids.items()}
        return [known[record_id] for record_id in ids]


def grow(chain: Chain, *, recalled: bool = True) -> Orchard:
    """The whole story on a chain in memory, each step in a block of its own, five minutes after what happened."""
    start_ms = max(START_MS, chain.tip.header.time_ms) + HOUR_MS
    orchard = Orchard(start_ms=start_ms)
    for step in steps(chain.genesis.chain_id, start_ms, recalled=recalled):
        time_ms = max(step.time_ms, chain.next_time_ms)
        chain.add([chain.entry(step.records, by=step.key, time_ms=step.time_ms)], time_ms=time_ms)
        orchard.ids[step.name] = leaf_hash(step.records[0])
    return orchard


def plant(node: Node, *, now_ms: int, recalled: bool = True) -> Orchard:
    """The whole story on a running node: its last event is a little before `now_ms`, and all of it is recorded now."""
    orchard = Orchard(start_ms=now_ms - LENGTH_MS)
    for step in steps(node.chain_id, orchard.start_ms, recalled=recalled):
        signer: SigningKey = key_of(node, "admin") if step.key == "admin" else key(step.key)
        put(node, sign(node, step.records, key=signer))
        orchard.ids[step.name] = leaf_hash(step.records[0])
    return orchard
