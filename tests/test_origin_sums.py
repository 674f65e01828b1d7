"""The sums of a thing, by vectors that the library and the browser share, and over random chains in both.

`tests/balance/vectors.json`: events as `api/pages/static/js/trace/balance.js` takes them, and the sums they must give, by
hand. `tests/browser/test_trace_sums.py` runs them in a browser.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.entry import encode_record
from ledger.epcis.reading import HIDDEN, read_event
from ledger.epcis.record import prepare, read
from ledger.history import HistoryRecord
from ledger.origin.balance import figures
from ledger.origin.findings import Judgement
from ledger.origin.model import OriginEvent, Share, Story
from ledger.origin.story import origin_event
from ledger.records import parse_record
from tests.orchard import COOP, FRESH, PLANT, event, quantity
from tests.supply_chains import START_MS, story_of

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "balance" / "vectors.json").read_text(encoding="utf-8")
)


def event_of(value: dict[str, Any], number: int) -> OriginEvent:
    """An event of a vector as the library has it."""

    def shares(name: str) -> tuple[Share, ...]:
        return tuple(
            Share(one["item"], None if one["amount"] is None else Decimal(one["amount"]), one["unit"])
            for one in value[name]
        )

    return OriginEvent(
        bytes.fromhex(value["id"]),
        value["by"],
        value["kind"],
        value["action"],
        value["step"],
        value["timeMs"],
        value["timeMs"],
        (number, 0),
        value["site"],
        shares("items"),
        value["parent"],
        shares("inputs"),
        shares("outputs"),
        transactions=tuple(value["transactions"]),
    )


def story_of_case(case: dict[str, Any]) -> Story:
    """A vector's events, each in the histories under which it was recorded, whatever it names itself."""
    events = [event_of(value, number) for number, value in enumerate(case["events"])]
    owner = case.get("owners", [])
    story = story_of(events, dict(zip([case["item"]], owner, strict=False)))
    things = {
        item: replace(
            thing,
            events=tuple(
                event.record_id
                for event, value in zip(events, case["events"], strict=True)
                if item in value["things"]
            ),
        )
        for item, thing in story.things.items()
    }
    return replace(story, things=things)


def event_to(event: OriginEvent) -> dict[str, Any]:
    """The other way: an event as the browser takes it."""

    def shares(of: tuple[Share, ...]) -> list[dict[str, Any]]:
        return [
            {
                "item": one.item,
                "amount": None if one.amount is None else format(one.amount, "f"),
                "unit": one.unit,
            }
            for one in of
        ]

    return {
        "id": event.record_id.hex(),
        "by": event.by,
        "kind": event.kind,
        "action": event.action,
        "step": event.step,
        "timeMs": event.time_ms,
        "site": event.site,
        "items": shares(event.items),
        "parent": event.parent,
        "inputs": shares(event.inputs),
        "outputs": shares(event.outputs),
        "transactions": list(event.transactions),
        "things": sorted(event.named),
    }


def sums_of(judgement: Judgement, item: str) -> dict[str, Any]:
    """What the library says of a thing, as the browser says it."""
    found = judgement.findings([item], 2_000_000_000_000)
    short = [
        one
        for one in found
        if one.rule == "balance.more-out-than-in" and one.figures["scope"] == "lot" and item in one.items
    ]
    return {"figures": figures(judgement.flows(item)), "isShort": bool(short)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["desc"])
def test_the_library_sums_as_the_vectors_say(case: dict[str, Any]) -> None:
    events = [event_of(value, number) for number, value in enumerate(case["events"])]
    assert [
        event_to(event) | {"things": value["things"]}
        for event, value in zip(events, case["events"], strict=True)
    ] == case["events"]
    judgement = Judgement(story_of_case(case))
    assert sums_of(judgement, case["item"]) == {"figures": case["figures"], "isShort": case["short"]}


def test_a_hidden_transaction_connects_nothing() -> None:
    """The same word stands for every transaction that is hidden: two of them are not of one another."""
    value = event(
        "Transaction",
        START_MS,
        "shipping",
        PLANT,
        action="OBSERVE",
        quantityList=[quantity(FRESH, 10, "KGM")],
        bizTransactionList=[{"type": "po", "bizTransaction": "urn:x:po:1"}],
    )
    body = prepare(COOP, value, hide_parts=["/bizTransactionList"], secret=bytes(32)).body
    record = parse_record(encode_record("epcis.event/1", body))
    placed = HistoryRecord(record, record.id, bytes(32), 2, 0, 1, START_MS, START_MS, bytes(32))
    told = read(record.body)
    assert [link.id for link in told.biz_transactions] == [HIDDEN]
    assert origin_event(placed, told).transactions == ()
    assert origin_event(placed, read_event(value)).transactions == ("urn:x:po:1",)
