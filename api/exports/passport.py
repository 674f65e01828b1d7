"""The ten fields of Thông tư 02/2024/TT-BKHCN about a lot or piece, from its trace.

Rules: name, image, producer, address, stages (each with product code, location code and time), time of production, trace code,
brand or serial if any, expiry if any, standards. The stages are those of the thing and of everything that it was made from, in
order of happening. What nobody registered stays empty. As a table, each stage is a line, and the other fields repeat.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote

from api.exports.steps import Name
from api.exports.times import local_iso
from ledger.gs1 import parse_item
from ledger.origin import papers
from ledger.origin.findings import Judgement
from ledger.origin.flows import MADE
from ledger.origin.graph import Exploration
from ledger.origin.model import OriginEvent, PlaceFact
from ledger.origin.trace import ends

HEADER: Final = (
    "Tên sản phẩm, hàng hóa",
    "Hình ảnh (SHA-256)",
    "Đơn vị sản xuất, kinh doanh",
    "Địa chỉ",
    "Công đoạn",
    "Mã sản phẩm của công đoạn",
    "Mã địa điểm",
    "Thời gian của công đoạn",
    "Thời gian sản xuất, kinh doanh",
    "Mã truy vết",
    "Thương hiệu, nhãn hiệu, số sê-ri",
    "Hạn sử dụng",
    "Tiêu chuẩn, quy chuẩn áp dụng",
)
_STEPS: Final = {
    "commissioning": "Thu hoạch, làm ra",
    "creating_class_instance": "Chế biến",
    "inspecting": "Kiểm tra",
    "packing": "Đóng gói",
    "unpacking": "Dỡ kiện",
    "shipping": "Xuất kho",
    "receiving": "Nhận hàng",
    "storing": "Lưu kho",
    "stock_taking": "Kiểm kê",
    "cycle_counting": "Kiểm kê",
    "retail_selling": "Bán lẻ",
    "destroying": "Tiêu hủy",
}


def trace_code(item: str) -> str:
    """The code as GS1 prints it: `(01)…(10)…`; of goods without a GTIN their item path."""
    named = parse_item(item)
    if named.sscc is not None:
        return f"(00){named.sscc}"
    if named.gtin is None:
        return item
    lot = f"(10){named.lot}" if named.lot is not None else ""
    return f"(01){named.gtin}{lot}" + (f"(21){named.serial}" if named.serial is not None else "")


def step_label(event: OriginEvent) -> str:
    """What people call an event's step."""
    return step_name(event.step) or event.step or event.kind


def step_name(step: str) -> str | None:
    """What people call a step of the standard's; None for another one, which stands as the event has it."""
    return _STEPS.get(step)


def passport_of(found: Exploration, name: Name) -> dict[str, Any]:
    """The ten fields of the thing that a trace began with."""
    item = found.start
    fact = papers.product_of(found.story, item)
    thing = found.story.things.get(item)
    lots = () if thing is None else thing.lots
    made = [move.event for move in Judgement(found.story).flows(item).of(MADE)]
    producer = lots[0].by if lots else made[0].by if made else ""
    produced = next((lot.produced for lot in lots if lot.produced), "")
    place = _place(found, lots[0].place if lots else "", made)
    serial = item.split("/21/")[1] if "/21/" in item else ""
    brand = "" if fact is None else fact.brand
    return {
        "name": None if fact is None else fact.name,
        "images": [] if fact is None else [image.hex() for image in fact.images],
        "producer": {"id": producer, "name": name(producer)} if producer else None,
        "address": None
        if place is None
        else {
            "name": place.name,
            "address": place.address or None,
            "growing_area": place.growing_area or None,
        },
        "stages": [_stage(found, event, name) for event in _stages(found)],
        "produced": produced or (local_iso(made[0].time_ms) if made else None),
        "trace_code": trace_code(item),
        "brand": brand or None,
        "serial": unquote(serial) or None,
        "expires": next((lot.expires for lot in lots if lot.expires), None),
        "standards": [] if fact is None else list(fact.standards),
    }


def _place(found: Exploration, registered: str, made: list[OriginEvent]) -> PlaceFact | None:
    places = found.story.facts.places
    if registered:
        for site, fact in places.items():
            if site.rpartition("/")[2] == registered:
                return fact
    return next((places[event.site] for event in made if event.site in places), None)


def _stages(found: Exploration) -> list[OriginEvent]:
    """Events of the thing, of what it was made from, and of the carriers that it was in."""
    named = {item for item, layer in found.nodes.items() if layer <= 0}
    carriers = {
        event.parent
        for event in found.story.events.values()
        if event.parent and not named.isdisjoint(event.named)
    }
    events = [event for event in found.story.events.values() if not event.named.isdisjoint(named | carriers)]
    return sorted(events, key=lambda event: event.sort_key)


def _stage(found: Exploration, event: OriginEvent, name: Name) -> dict[str, Any]:
    _, to_items = ends(event)
    place = found.story.facts.places.get(event.site)
    return {
        "step": event.step or event.kind,
        "label": step_label(event),
        "products": to_items,
        "place": event.site.removeprefix("414/") or None,
        "place_name": None if place is None else place.name,
        "time": local_iso(event.time_ms),
        "by": {"id": event.by, "name": name(event.by)},
        "record": event.record_id.hex(),
    }


def rows(passport: dict[str, Any]) -> list[tuple[str, ...]]:
    """The fields as lines of a table: one for each stage, or one if there is none."""
    address = passport["address"] or {}
    before = (
        passport["name"] or "",
        " ".join(passport["images"]),
        (passport["producer"] or {}).get("name", ""),
        ", ".join(
            part
            for part in (address.get("name"), address.get("address"), address.get("growing_area"))
            if part
        ),
    )
    after = (
        passport["produced"] or "",
        passport["trace_code"],
        ", ".join(part for part in (passport["brand"], passport["serial"]) if part),
        passport["expires"] or "",
        "; ".join(passport["standards"]),
    )
    stages = [
        (stage["label"], " ".join(stage["products"]), stage["place"] or "", stage["time"])
        for stage in passport["stages"]
    ]
    return [(*before, *stage, *after) for stage in stages or [("", "", "", "")]]
