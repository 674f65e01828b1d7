"""One step back, one step forward: from whom a thing came and of what it was made, to whom it went and what became of it.

Rules: Thông tư 02/2024/TT-BKHCN asks each link of a chain for these two steps. A receipt is paired with its shipment as the
balance pairs them; where nobody recorded the other end, that is left empty rather than guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from api.exports.times import local_iso
from ledger.origin import papers
from ledger.origin.findings import Judgement
from ledger.origin.flows import SOLD, Flows
from ledger.origin.graph import Exploration
from ledger.origin.model import TRANSFORMATION, OriginEvent, Share

HEADER: Final = (
    "Hướng",
    "Việc",
    "Mã",
    "Tên sản phẩm",
    "Lượng",
    "Đơn vị",
    "Thời gian",
    "Mã địa điểm",
    "Địa điểm",
    "Bên ghi nhận",
    "Bên kia",
    "Mã bản ghi",
)
BACK, FORWARD = "back", "forward"
_DIRECTIONS: Final = {BACK: "Lùi", FORWARD: "Tiến"}
_WHAT: Final = {
    "made-of": "Nguyên liệu",
    "received": "Nhận",
    "made-into": "Chế biến thành",
    "shipped": "Xuất",
    "sold": "Bán",
}

Name = Callable[[str], str]
"""A member's name, or its identifier where none is known."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the table."""

    direction: str
    what: str
    item: str
    product: str
    amount: str
    unit: str
    time_ms: int
    site: str
    place: str
    by: str
    other: str
    record: str

    def row(self, name: Name) -> tuple[str, ...]:
        """The line as cells."""
        return (
            _DIRECTIONS[self.direction],
            _WHAT[self.what],
            self.item,
            self.product,
            self.amount,
            self.unit,
            local_iso(self.time_ms),
            self.site,
            self.place,
            name(self.by),
            name(self.other) if self.other else "",
            self.record,
        )

    def as_dictionary(self, name: Name) -> dict[str, Any]:
        """The line for programs."""
        return {
            "direction": self.direction,
            "what": self.what,
            "item": self.item,
            "product": self.product or None,
            "amount": self.amount or None,
            "unit": self.unit or None,
            "time": local_iso(self.time_ms),
            "place": {"id": self.site, "name": self.place or None} if self.site else None,
            "by": {"id": self.by, "name": name(self.by)},
            "other": {"id": self.other, "name": name(self.other)} if self.other else None,
            "record": self.record,
        }


def steps_of(found: Exploration, item: str) -> list[Step]:
    """One step back and one step forward of a thing in a trace, in order of happening."""
    flows = Judgement(found.story).flows(item)
    lines = [*_made(found, item), *_moved(found, flows), *_sold(found, flows)]
    return sorted(lines, key=lambda one: (one.direction, one.time_ms, one.record, one.item))


def _made(found: Exploration, item: str) -> Iterator[Step]:
    for event in found.story.events_of(item):
        if event.kind != TRANSFORMATION:
            continue
        if any(share.item == item for share in event.outputs):
            for share in event.inputs:
                yield _step(found, event, (BACK, "made-of"), share)
        if any(share.item == item for share in event.inputs):
            for share in event.outputs:
                yield _step(found, event, (FORWARD, "made-into"), share)


def _moved(found: Exploration, flows: Flows) -> Iterator[Step]:
    for shipment in flows.shipments:
        receivers = sorted({move.event.by for move in shipment.receipts})
        yield _line(
            found,
            shipment.move.event,
            (FORWARD, "shipped"),
            flows,
            shipment.move.amount,
            ", ".join(receivers),
        )
        for receipt in shipment.receipts:
            yield _line(
                found, receipt.event, (BACK, "received"), flows, receipt.amount, shipment.move.event.by
            )
    for excess in flows.excesses:
        if excess.shipment is None:
            yield _line(found, excess.move.event, (BACK, "received"), flows, excess.move.amount, "")


def _sold(found: Exploration, flows: Flows) -> Iterator[Step]:
    for move in flows.of(SOLD):
        yield _line(found, move.event, (FORWARD, "sold"), flows, move.amount, "")


def _line(
    found: Exploration,
    event: OriginEvent,
    kind: tuple[str, str],
    flows: Flows,
    amount: Decimal | None,
    other: str,
) -> Step:
    figure, unit = ("", "") if amount is None else flows.shown(amount)
    return _built(found, event, kind, (flows.item, figure, unit), other)


def _step(found: Exploration, event: OriginEvent, kind: tuple[str, str], share: Share) -> Step:
    amount = "" if share.amount is None else format(share.amount, "f")
    return _built(found, event, kind, (share.item, amount, share.unit or ("H87" if amount else "")), "")


def _built(
    found: Exploration, event: OriginEvent, kind: tuple[str, str], what: tuple[str, str, str], other: str
) -> Step:
    item, amount, unit = what
    fact = papers.product_of(found.story, item)
    place = found.story.facts.places.get(event.site)
    return Step(
        *kind,
        item,
        "" if fact is None else fact.name,
        amount,
        unit,
        event.time_ms,
        event.site,
        "" if place is None else place.name,
        event.by,
        other,
        event.record_id.hex(),
    )
