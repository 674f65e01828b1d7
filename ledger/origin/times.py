"""Impossible times, late entries, and goods past their day.

Rules: an event may be claimed for any time; a finding says what that time contradicts. Clocks differ, so ten minutes ahead of
the block, or of another member's event, are nothing. That something was received before it was shipped is certain only where
the receipt names the shipment that it is of; where that is only the likeliest, somebody should ask. Late is what is recorded
three days and more after it happened: for information, and a warning after thirty. It is never serious: an honest event may
come late. One finding gathers a member's late events, and one what happened to a thing before it existed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ledger import days
from ledger.origin import words
from ledger.origin.flows import (
    CLOCKS_MS,
    MADE,
    RECEIVED,
    REMOVED,
    SHIPPED,
    SOLD,
    USED,
    Carriers,
    Flows,
    is_bound,
    is_carrier,
    slack,
)
from ledger.origin.model import ADD, Finding, OriginEvent, Severity, Story

AHEAD_MS: Final = CLOCKS_MS
"""So far an event's time may lie after its block's."""
LATE_MS: Final = 3 * words.DAY_MS
VERY_LATE_MS: Final = 30 * words.DAY_MS


def ahead(event: OriginEvent) -> Iterator[Finding]:
    """An event that is claimed to have happened after it was recorded."""
    if event.time_ms <= event.recorded_ms + AHEAD_MS:
        return
    vi_by, en_by = words.span(event.time_ms - event.recorded_ms)
    yield Finding(
        "time.impossible",
        Severity.SERIOUS,
        tuple(sorted(event.named)),
        (event.record_id,),
        {"why": "after-recording", "event_ms": event.time_ms, "recorded_ms": event.recorded_ms},
        f"Sự kiện ghi thời điểm {words.moment(event.time_ms)}, muộn hơn lúc được ghi vào sổ {vi_by}.",
        f"The event claims {words.moment(event.time_ms)}, {en_by} after it was recorded.",
    )


def before_beginning(flows: Flows, carriers: Carriers) -> Iterator[Finding]:
    """What happened to a thing before it was made, or to a carrier before it was packed."""
    if is_carrier(flows.item):
        began = [event for event in carriers.packings(flows.item) if event.action == ADD][:1]
    else:
        began = [move.event for move in flows.of(MADE)][:1]
    if not began:
        return
    (first,) = began
    packed = () if is_carrier(flows.item) else carriers.packings_of(flows.item)
    moved = (move.event for move in flows.of(USED, SHIPPED, RECEIVED, SOLD, REMOVED) if not move.carrier)
    early = sorted(
        {event for event in (*moved, *packed) if event.time_ms + slack(event, first) < first.time_ms},
        key=lambda event: event.sort_key,
    )
    if not early:
        return
    vi_item, en_item = words.thing(flows.item)
    yield Finding(
        "time.impossible",
        Severity.SERIOUS,
        (flows.item,),
        (*(event.record_id for event in early), first.record_id),
        {"why": "before-beginning", "event_ms": early[0].time_ms, "began_ms": first.time_ms},
        f"{len(early)} sự kiện xảy ra trước khi có {vi_item} ({words.moment(first.time_ms)}), "
        f"sớm nhất lúc {words.moment(early[0].time_ms)}.",
        f"{len(early)} events are claimed before {en_item} existed ({words.moment(first.time_ms)}), "
        f"the first at {words.moment(early[0].time_ms)}.",
    )


def received_early(flows: Flows) -> Iterator[Finding]:
    """What was received before it was shipped."""
    for shipment in flows.shipments:
        sent = shipment.move.event
        early = [
            move for move in shipment.receipts if move.event.time_ms + slack(move.event, sent) < sent.time_ms
        ]
        if not early:
            continue
        moved = shipment.move.carrier or flows.item
        vi_item, en_item = words.thing(moved)
        got = early[0].event
        yield Finding(
            "time.impossible",
            Severity.SERIOUS if is_bound(shipment, early[0]) else Severity.WARNING,
            (moved,),
            (got.record_id, sent.record_id),
            {"why": "received-before-shipped", "received_ms": got.time_ms, "shipped_ms": sent.time_ms},
            f"Nhận {vi_item} lúc {words.moment(got.time_ms)}, trước khi xuất ({words.moment(sent.time_ms)}).",
            f"{words.capital(en_item)} was received at {words.moment(got.time_ms)}, before it was shipped "
            f"({words.moment(sent.time_ms)}).",
        )


def expired(story: Story, flows: Flows) -> Iterator[Finding]:
    """What was shipped, used or sold after the last day on which the lot is good."""
    thing = story.things.get(flows.item)
    last = min((lot.expires for lot in thing.lots if lot.expires), default="") if thing is not None else ""
    if thing is None or not last:
        return
    over = days.after_ms(last)
    late = [move for move in flows.of(USED, SHIPPED, SOLD) if move.event.time_ms >= over]
    if not late:
        return
    sold = any(move.kind == SOLD for move in late)
    vi_item, en_item = words.thing(flows.item)
    records = dict.fromkeys(
        (
            *(move.event.record_id for move in late),
            *(lot.record_id for lot in thing.lots if lot.expires == last),
        )
    )
    yield Finding(
        "time.expired",
        Severity.SERIOUS if sold else Severity.WARNING,
        (flows.item,),
        tuple(records),
        {"expires": last, "events": len(late), "sold": int(sold)},
        f"{words.capital(vi_item)} hết hạn {last} vẫn được {'bán' if sold else 'xuất hoặc dùng'} sau ngày đó.",
        f"{words.capital(en_item)} expired on {last} and was {'sold' if sold else 'shipped or used'} after that day.",
    )


def late(events: Iterable[OriginEvent]) -> Iterator[Finding]:
    """Events that were recorded long after they happened, gathered by member and weight."""
    found: dict[tuple[str, Severity], list[OriginEvent]] = {}
    for event in sorted(events, key=lambda one: one.sort_key):
        behind = event.recorded_ms - event.time_ms
        if behind > LATE_MS:
            severity = Severity.WARNING if behind > VERY_LATE_MS else Severity.INFO
            found.setdefault((event.by, severity), []).append(event)
    for (member, severity), late_events in sorted(found.items()):
        worst = max(event.recorded_ms - event.time_ms for event in late_events)
        vi_worst, en_worst = words.span(worst)
        number = len(late_events)
        yield Finding(
            "entry.late",
            severity,
            tuple(sorted(frozenset[str]().union(*(event.named for event in late_events)))),
            tuple(event.record_id for event in late_events),
            {"by": member, "events": number, "longest_hours": worst // words.HOUR_MS},
            f"{member} ghi {number} sự kiện muộn, lâu nhất {vi_worst} sau khi xảy ra.",
            f"{member} recorded {number} events late, the latest {en_worst} after it happened.",
        )
