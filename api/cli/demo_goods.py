"""The example lot of the demo: pineapples from a farm to a shop, and a recall. Names and codes are made up.

    1,200 kg are picked, inspected and sent off; 1,195 kg arrive, and become 180 packs; 60 of these go to a shop in a carton, at
    18.1–26.4 °C; 18 are sold, and 42 counted when the lot is recalled.

So 5 kg are lost on the way, 120 packs were never shipped, and 18 have to be found again: `sogoc findings` says exactly that.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api.cli.demo_stage import Stage
from api.cli.output import ExitCode

COOP, SHOP, INSPECTOR = "htx-phu-son", "cua-hang-ocop", "thanh-tra-tinh"
MEMBERS: Final = (
    (COOP, "HTX Dứa Phú Sơn", "producer"),
    (SHOP, "Cửa hàng OCOP Phú Sơn", "producer"),
    (INSPECTOR, "Thanh tra tỉnh", "inspector"),
)
FRESH, DRIED = "08938500000010", "08938500000027"
FRESH_LOT, DRIED_LOT = "DG-01", "DS-01"
CARTON: Final = "089385000000000010"
FARM, PLANT, STORE = "8938500000010", "8938500000027", "8938500001017"
PAGE: Final = f"/01/{DRIED}/10/{DRIED_LOT}"
"""Where the label of a pack leads."""

_ID = "https://id.gs1.org"
_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_BEGAN = timedelta(hours=10)
"""So long before the demo the first event happened."""


def key_of(member: str) -> str:
    """The file of a member's key."""
    return f"{member}.pem"


def play(stage: Stage, administrator: str) -> None:
    """Members, goods, events through the gateway, the recall, and what the arithmetic says of it."""
    began = datetime.now(UTC) - _BEGAN
    for member, name, role in MEMBERS:
        stage.run(
            "member", "add", "--key", administrator, "--member", member, "--name", name, "--roles", role,
            "--new-key", key_of(member), "--insecure-no-passphrase",
        )  # fmt: skip
    coop = ("--key", key_of(COOP))
    stage.prepare(
        ("product", "add", FRESH, "--name", "Dứa gai tươi", "--category", "fruit.fresh", "--unit", "KGM", *coop),
        (
            "product", "add", DRIED, "--name", "Dứa sấy dẻo 200 g", "--category", "fruit.dried", "--unit", "H87",
            "--brand", "Phú Sơn", "--ocop-stars", "3", "--ocop-until", "2029-06-30", "--standard", "VietGAP", *coop,
        ),
        (
            "place", "add", FARM, "--name", "Vùng trồng dứa Phú Sơn", "--kind", "farm", "--growing-area",
            "VN-THOR-0001", *coop,
        ),
        ("place", "add", PLANT, "--name", "Xưởng sấy Phú Sơn", "--kind", "processing", *coop),
        ("place", "add", STORE, "--name", "Cửa hàng OCOP Phú Sơn", "--kind", "shop", "--key", key_of(SHOP)),
    )  # fmt: skip
    made, good_until = began.date().isoformat(), (began + timedelta(days=180)).date().isoformat()
    stage.prepare(
        (
            "lot", "create", FRESH, FRESH_LOT, "--produced", made, "--quantity", "1200KGM", "--tolerance", "1",
            "--place", FARM, *coop,
        ),
        (
            "lot", "create", DRIED, DRIED_LOT, "--produced", made, "--expires", good_until, "--quantity", "180H87",
            "--place", PLANT, *coop,
        ),
    )  # fmt: skip
    stage.say(
        "phần mềm của cơ sở gửi sự kiện EPCIS cho cổng / the producers' own software sends EPCIS events"
    )
    stage.capture(key_of(COOP), document(from_farm_to_road(began)))
    stage.capture(key_of(SHOP), document(in_the_shop(began)))
    stage.run("lot", "recall", DRIED, DRIED_LOT, "--reason", "quality", *coop)
    stage.run("trace", DRIED, DRIED_LOT, expect=ExitCode.NO_LONGER_IN_FORCE)
    stage.run("findings", DRIED, DRIED_LOT)


def document(events: list[dict[str, Any]]) -> bytes:
    """An EPCIS document of events."""
    return json.dumps(
        {
            "@context": _CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": events[-1]["eventTime"],
            "epcisBody": {"eventList": events},
        },
        ensure_ascii=False,
    ).encode()


def from_farm_to_road(began: datetime) -> list[dict[str, Any]]:
    """What the co-operative records."""
    whole, arrived, packs = _fresh(1200), _fresh(1195), _packs(60)
    sensor = {
        "sensorMetadata": {"deviceID": f"{_ID}/8004/89385000000LOGGER1"},
        "sensorReport": [{"type": "Temperature", "minValue": 18.1, "maxValue": 26.4, "uom": "CEL"}],
    }
    return [
        _event("Object", began, 0, "commissioning", FARM, action="ADD", quantityList=[whole]),
        _event("Object", began, 30, "inspecting", FARM, action="OBSERVE", quantityList=[whole]),
        _event("Object", began, 60, "shipping", FARM, action="OBSERVE", quantityList=[whole]),
        _event("Object", began, 150, "receiving", PLANT, action="OBSERVE", quantityList=[arrived]),
        _event(
            "Transformation", began, 240, "creating_class_instance", PLANT,
            inputQuantityList=[arrived], outputQuantityList=[_packs(180)],
        ),
        _event(
            "Aggregation", began, 270, "packing", PLANT, action="ADD", parentID=f"{_ID}/00/{CARTON}",
            childQuantityList=[packs],
        ),
        _event(
            "Object", began, 300, "shipping", PLANT, action="OBSERVE", epcList=[f"{_ID}/00/{CARTON}"],
            sensorElementList=[sensor],
        ),
    ]  # fmt: skip


def in_the_shop(began: datetime) -> list[dict[str, Any]]:
    """What the shop records."""
    return [
        _event("Object", began, 390, "receiving", STORE, action="OBSERVE", epcList=[f"{_ID}/00/{CARTON}"]),
        _event(
            "Aggregation", began, 400, "unpacking", STORE, action="DELETE", parentID=f"{_ID}/00/{CARTON}",
            childQuantityList=[_packs(60)],
        ),
        _event("Object", began, 450, "retail_selling", STORE, action="OBSERVE", quantityList=[_packs(11)]),
        _event("Object", began, 500, "retail_selling", STORE, action="OBSERVE", quantityList=[_packs(7)]),
        _event("Object", began, 540, "stock_taking", STORE, action="OBSERVE", quantityList=[_packs(42)]),
    ]  # fmt: skip


def _event(kind: str, began: datetime, minutes: int, step: str, place: str, **members: Any) -> dict[str, Any]:  # noqa: ANN401  as EPCIS has them
    at = began + timedelta(minutes=minutes)
    return {
        "type": f"{kind}Event",
        "eventTime": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventTimeZoneOffset": "+07:00",
        "bizStep": step,
        "readPoint": {"id": f"{_ID}/414/{place}"},
        **members,
    }


def _fresh(kilograms: int) -> dict[str, Any]:
    return {"epcClass": f"{_ID}/01/{FRESH}/10/{FRESH_LOT}", "quantity": kilograms, "uom": "KGM"}


def _packs(count: int) -> dict[str, Any]:
    return {"epcClass": f"{_ID}/01/{DRIED}/10/{DRIED_LOT}", "quantity": count}
