"""Single pieces and carriers, where they were seen: reused serials, cloned labels, impossible travel.

Rules: a single thing is in one place. Between two places it goes by a movement that somebody recorded, by itself or in a
carrier; seen elsewhere without one, its label stands on two things. Where a movement is recorded and both places have
positions, faster than 1,000 km/h is impossible; five kilometres are allowed for where in a place it was. A place is where the
member that names it registered it; where others did so elsewhere, nobody's word for it counts. A lot went too fast only if
none of the shipments that it may be of was slower. A piece is commissioned once and sold once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from ledger.origin import words
from ledger.origin.distance import Position, metres
from ledger.origin.flows import (
    MADE,
    SOLD,
    ZERO,
    Carriers,
    Flows,
    Move,
    Shipment,
    is_bound,
    is_carrier,
    is_serial,
)
from ledger.origin.model import (
    ADD,
    AGGREGATION,
    DELETE,
    OBJECT,
    TRANSACTION,
    Finding,
    OriginEvent,
    Severity,
    Story,
)

SPEED_KMH: Final = 1_000
SLACK_M: Final = 5_000
REUSE_MS: Final = 365 * words.DAY_MS
"""GS1 General Specifications: a logistic unit's number is not used again within a year."""
MAX_COMPARED: Final = 40_000
"""Comparisons of a receipt with a shipment: of what moved more often it is not told which arrived when."""
_LEAVING: Final = frozenset({"shipping", "departing", "staging_outbound", "loading", "transporting"})
_COMING: Final = frozenset({"receiving", "arriving", "accepting", "unloading", "entering_exiting"})


def reused(story: Story, flows: Flows, carriers: Carriers) -> Iterator[Finding]:
    """A serial commissioned more than once, a logistic unit packed again within a year."""
    vi_item, en_item = words.thing(flows.item)
    if is_serial(flows.item):
        made = [move.event for move in flows.of(MADE)]
        if len(made) > 1:
            yield Finding(
                "serial.reused",
                Severity.SERIOUS,
                (flows.item,),
                tuple(event.record_id for event in made),
                {"times": len(made)},
                f"{words.capital(vi_item)} được cấp {len(made)} lần.",
                f"{words.capital(en_item)} was commissioned {len(made)} times.",
            )
    elif is_carrier(flows.item):
        yield from _packed_again(story, flows.item, carriers)


def _packed_again(_story: Story, item: str, carriers: Carriers) -> Iterator[Finding]:
    emptied: OriginEvent | None = None
    inside: set[str] = set()
    for event in carriers.packings(item):
        if event.kind != AGGREGATION:
            continue
        if event.action == DELETE:
            if event.items:
                inside.difference_update(event.named)
            else:
                inside = set()
            emptied = event if not inside else emptied
        elif event.action == ADD:
            if emptied is not None and not inside and event.time_ms - emptied.time_ms < REUSE_MS:
                vi_item, en_item = words.thing(item)
                yield Finding(
                    "serial.reused",
                    Severity.WARNING,
                    (item,),
                    (event.record_id, emptied.record_id),
                    {"emptied_ms": emptied.time_ms, "packed_ms": event.time_ms},
                    f"{words.capital(vi_item)} được dùng lại trong vòng một năm sau khi dỡ.",
                    f"{words.capital(en_item)} was used again within a year of being unpacked.",
                )
            emptied = None
            inside |= {share.item for share in event.items}


def sightings(story: Story, flows: Flows, carriers: Carriers) -> list[OriginEvent]:
    """Events that place a single thing somewhere, by its own name or by its carrier's, in order of happening."""
    found = {
        event.record_id: event
        for event in story.events_of(flows.item)
        if event.site and event.kind in {OBJECT, TRANSACTION, AGGREGATION} and _is_there(event, flows.item)
    }
    carried = {move.event.record_id for move in flows.moves if move.carrier}
    for parent in carriers.all_parents(flows.item):
        for event in story.events_of(parent):
            if (
                event.site
                and event.kind in {OBJECT, TRANSACTION}
                and (event.record_id in carried or _held_then(carriers, flows, event))
            ):
                found[event.record_id] = event
    return sorted(found.values(), key=lambda event: event.sort_key)


def _is_there(event: OriginEvent, item: str) -> bool:
    return item in event.named


def _held_then(carriers: Carriers, flows: Flows, event: OriginEvent) -> bool:
    above = carriers.all_parents(flows.item)
    return any(
        carriers.amount(share.item, flows.item, event.time_ms, flows.dimension)
        for share in event.items
        if share.item in above
    )


def places(story: Story, flows: Flows, carriers: Carriers) -> Iterator[Finding]:
    """Clones and impossible travel of one single thing."""
    if not is_serial(flows.item) and not is_carrier(flows.item):
        return
    sold = [move.event for move in flows.of(SOLD)]
    if is_serial(flows.item) and len(sold) > 1:
        yield _sold_twice(flows.item, sold)
        return
    seen = sightings(story, flows, carriers)
    for before, after in pairwise(seen):
        if before.site == after.site:
            continue
        moved = before.step in _LEAVING or after.step in _COMING
        speed = _speed(story, before, after)
        if moved:
            if speed is not None:
                yield _too_fast(flows.item, before, after, speed)
        elif is_serial(flows.item):
            yield _cloned(flows.item, before, after, speed)


def travel(story: Story, flows: Flows) -> Iterator[Finding]:
    """Shipments of a lot that arrived faster than anything travels."""
    if is_serial(flows.item) or is_carrier(flows.item):
        return
    received = sum(len(one.receipts) for one in flows.shipments)
    if len(flows.shipments) * received > MAX_COMPARED:
        return
    for shipment in flows.shipments:
        for receipt in shipment.receipts:
            # What moved in a carrier is the carrier's to find.
            if receipt.carrier or shipment.move.carrier:
                continue
            speed = _speed(story, shipment.move.event, receipt.event)
            if (
                speed is not None
                and receipt.event.time_ms >= shipment.move.event.time_ms
                and (is_bound(shipment, receipt) or not _was_slower(story, flows, shipment, receipt))
            ):
                yield _too_fast(flows.item, shipment.move.event, receipt.event, speed)


def _was_slower(story: Story, flows: Flows, shipment: Shipment, receipt: Move) -> bool:
    """Whether what was received may be of another shipment that had the time to arrive: one that is missed, or one whose own
    receipts may be of this shipment in turn.
    """
    sent = shipment.move.event.time_ms
    return any(
        one.move.event.time_ms <= receipt.event.time_ms
        and (
            one.open >= (receipt.amount or ZERO) or any(other.event.time_ms >= sent for other in one.receipts)
        )
        and _speed(story, one.move.event, receipt.event) is None
        for one in flows.shipments
        if one is not shipment
    )


def _position(story: Story, event: OriginEvent) -> Position | None:
    facts = story.facts
    fact = facts.own_places.get((event.site, event.by))
    if fact is None and event.site not in facts.contested:
        fact = facts.places.get(event.site)
    if fact is None or fact.latitude is None or fact.longitude is None:
        return None
    return Position(fact.latitude, fact.longitude)


def _speed(story: Story, before: OriginEvent, after: OriginEvent) -> tuple[int, int, int] | None:
    """Metres, milliseconds and whole km/h between two events, if that is too fast; None if it is not, or cannot be told."""
    start, end = _position(story, before), _position(story, after)
    if start is None or end is None:
        return None
    way, took = metres(start, end), after.time_ms - before.time_ms
    # Metres per millisecond are 3,600 km/h.
    if (way - SLACK_M) * 3_600 <= SPEED_KMH * took:
        return None
    return way, took, way * 3_600 // max(1, took)


def _too_fast(item: str, before: OriginEvent, after: OriginEvent, speed: tuple[int, int, int]) -> Finding:
    way, took, kmh = speed
    vi_item, en_item = words.thing(item)
    return Finding(
        "travel.impossible",
        Severity.SERIOUS,
        (item,),
        (after.record_id, before.record_id),
        {"km": way // 1_000, "minutes": took // 60_000, "kmh": kmh, "from": before.site, "to": after.site},
        f"{words.capital(vi_item)} đi {way // 1_000} km trong {took // 60_000} phút.",
        f"{words.capital(en_item)} went {way // 1_000} km in {took // 60_000} minutes.",
    )


def _cloned(
    item: str, before: OriginEvent, after: OriginEvent, speed: tuple[int, int, int] | None
) -> Finding:
    vi_item, en_item = words.thing(item)
    figures: dict[str, str | int] = {
        "from": before.site,
        "to": after.site,
        "minutes": (after.time_ms - before.time_ms) // 60_000,
    }
    if speed is not None:
        figures["km"] = speed[0] // 1_000
    return Finding(
        "label.cloned",
        # One member may have carried it across its own yard without a word.
        Severity.SERIOUS if before.by != after.by or speed is not None else Severity.WARNING,
        (item,),
        (before.record_id, after.record_id),
        figures,
        f"{words.capital(vi_item)} xuất hiện ở hai nơi mà không có ghi nhận vận chuyển: nhãn có thể bị sao chép.",
        f"{words.capital(en_item)} was seen in two places without a recorded movement: its label may have been copied.",
    )


def _sold_twice(item: str, sold: list[OriginEvent]) -> Finding:
    vi_item, en_item = words.thing(item)
    return Finding(
        "label.cloned",
        Severity.SERIOUS,
        (item,),
        tuple(event.record_id for event in sold),
        {"sold": len(sold)},
        f"{words.capital(vi_item)} được bán {len(sold)} lần: nhãn có thể bị sao chép.",
        f"{words.capital(en_item)} was sold {len(sold)} times: its label may have been copied.",
    )
