"""A trace as JSON: things, and the events that link them.

Rules: everything in it follows from the histories that were read, so that whoever has these makes the same bytes. Names of
members are not: whoever serves a trace adds them. Things stand in the order of their layers, links in that of happening.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ledger.epcis.json_text import canonical
from ledger.origin import balance, papers
from ledger.origin.findings import Judgement
from ledger.origin.flows import is_carrier
from ledger.origin.graph import Direction, Exploration
from ledger.origin.model import ADD, AGGREGATION, ASSOCIATION, DELETE, TRANSFORMATION, OriginEvent, Share

Json = dict[str, Any]


def as_dictionary(found: Exploration, judgement: Judgement, direction: Direction, as_of_ms: int) -> Json:
    """A trace for programs, as of a chain time."""
    return {
        "item": found.start,
        "direction": direction,
        "as_of_ms": as_of_ms,
        "nodes": [
            _node(found, judgement, item, layer)
            for item, layer in sorted(found.nodes.items(), key=lambda one: (one[1], one[0]))
        ],
        "links": links(found),
        "truncated": found.truncated,
    }


def answer_bytes(found: Exploration, direction: Direction, as_of_ms: int) -> bytes:
    """Trace and findings in canonical JSON (RFC 8785): the same histories give the same bytes."""
    judgement = Judgement(found.story)
    return canonical(
        {
            "trace": as_dictionary(found, judgement, direction, as_of_ms),
            "findings": [one.as_dictionary() for one in judgement.findings(found.nodes, as_of_ms)],
        }
    )


def _node(found: Exploration, judgement: Judgement, item: str, layer: int) -> Json:
    thing = found.story.things.get(item)
    fact = papers.product_of(found.story, item)
    node: Json = {
        "item": item,
        "layer": layer,
        "status": judgement.status(item),
        "product": None
        if fact is None
        else {
            "name": fact.name,
            "authority": fact.by,
            "category": fact.category,
            "brand": fact.brand or None,
        },
        "quantity": None,
        "lots": [],
        "recall": None,
        "records": 0 if thing is None else thing.records,
    }
    if thing is None:
        return node
    if not is_carrier(item) and thing.whole:
        node["quantity"] = balance.figures(judgement.flows(item))
    node["lots"] = [
        {
            "record": lot.record_id.hex(),
            "owner": lot.by,
            "produced": lot.produced or None,
            "expires": lot.expires or None,
        }
        for lot in thing.lots
    ]
    notice = judgement.reach.get(item)
    if notice is not None:
        node["recall"] = {
            "record": notice.record_id.hex(),
            "by": notice.by,
            "reason": notice.reason,
            "time_ms": notice.recorded_ms,
            "own": thing.recalled is not None,
        }
    return node


def events_of(found: Exploration) -> list[OriginEvent]:
    """The events that concern the things of a trace, in order of happening."""
    ids = {
        record_id
        for item in found.nodes
        if (thing := found.story.things.get(item)) is not None
        for record_id in thing.events
    }
    events = [found.story.events[record_id] for record_id in ids if record_id in found.story.events]
    return sorted(events, key=lambda event: event.sort_key)


def links(found: Exploration) -> list[Json]:
    """The events of a trace, each with what it leads from and to."""
    places = found.story.facts.places
    result = []
    for event in events_of(found):
        from_items, to_items = ends(event)
        place = places.get(event.site)
        result.append(
            {
                "event": event.record_id.hex(),
                "kind": event.kind,
                "action": event.action or None,
                "step": event.step or None,
                "from": from_items,
                "to": to_items,
                "amounts": [_amount(share) for share in (*event.items, *event.inputs, *event.outputs)],
                "time_ms": event.time_ms,
                "recorded_ms": event.recorded_ms,
                "by": event.by,
                "place": None
                if not event.site
                else {"id": event.site, "name": None if place is None else place.name},
            }
        )
    return result


def ends(event: OriginEvent) -> tuple[list[str], list[str]]:
    """The items that an event leads from, and to: the same where it only sees them."""
    if event.kind == TRANSFORMATION:
        return _items(event.inputs), _items(event.outputs)
    items = _items(event.items)
    if event.kind in {AGGREGATION, ASSOCIATION} and event.parent:
        if event.action == ADD:
            return items, [event.parent]
        if event.action == DELETE:
            return [event.parent], items
        return [*items, event.parent], [*items, event.parent]
    return items, items


def _items(shares: Collection[Share]) -> list[str]:
    return sorted({share.item for share in shares})


def _amount(share: Share) -> Json:
    return {
        "item": share.item,
        "amount": None if share.amount is None else format(share.amount, "f"),
        "unit": share.unit or None,
    }
