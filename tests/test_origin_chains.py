"""Honest chains give no alarm and their exact figures; each planted fault is found, and only it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.days import day_of
from ledger.hashing import sha256
from ledger.origin import balance
from ledger.origin.findings import Judgement
from ledger.origin.flows import SOLD
from ledger.origin.model import Finding, OriginEvent, PlaceFact, RecallNotice, Severity, Share, Story, Thing
from tests.supply_chains import (
    DAY_MS,
    HOUR_MS,
    MEMBERS,
    PLACES,
    SITES,
    START_MS,
    Supply,
    lot_path,
    serial_path,
    story_of,
    supplies,
)

ORDINARY = {"balance.transit-loss", "stock.never-shipped"}
"""What an honest chain may have."""
SMALL = settings(max_examples=60, deadline=None)


def judged(story: Story, as_of_ms: int) -> tuple[Finding, ...]:
    return Judgement(story).findings(story.things, as_of_ms)


def rules(story: Story, as_of_ms: int) -> set[str]:
    return {finding.rule for finding in judged(story, as_of_ms)} - ORDINARY


# -- honest ---------------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(supply=supplies())
def test_an_honest_chain_gives_no_alarm(supply: Supply) -> None:
    found = judged(supply.story(), supply.as_of_ms)
    assert {finding.rule for finding in found} <= ORDINARY
    assert all(finding.severity is Severity.INFO for finding in found)


@settings(max_examples=150, deadline=None)
@given(supply=supplies())
def test_the_sums_are_those_of_the_goods_themselves(supply: Supply) -> None:
    judgement = Judgement(supply.story())
    for lot in supply.made_by:
        figures = balance.figures(judgement.flows(lot))
        assert figures["unit"] == "KGM"
        assert Decimal(figures["sold"]) == supply.sold[lot]
        assert Decimal(figures["lost"]) == supply.lost[lot]
        assert Decimal(figures["left"]) == supply.left(lot)
        assert Decimal(figures["on_the_way"]) == 0
        assert Decimal(figures["never_shipped"]) == supply.never_shipped(lot)


@settings(max_examples=60, deadline=None)
@given(supply=supplies(), shuffled=st.randoms(use_true_random=False))
def test_the_order_of_recording_changes_nothing(supply: Supply, shuffled: object) -> None:
    orders = [event.order for event in supply.events]
    shuffled.shuffle(orders)  # type: ignore[attr-defined]
    late = [
        replace(event, order=order, recorded_ms=event.time_ms + 300_000)
        for event, order in zip(supply.events, orders, strict=True)
    ]
    assert judged(story_of(late, supply.made_by), supply.as_of_ms) == judged(supply.story(), supply.as_of_ms)


@SMALL
@given(supply=supplies(), tolerance=st.integers(0, 10_000))
def test_a_loss_weighs_by_the_declared_tolerance(supply: Supply, tolerance: int) -> None:
    for finding in judged(supply.story(tolerance=tolerance), supply.as_of_ms):
        if finding.rule == "balance.transit-loss":
            lost, sent = Decimal(str(finding.figures["lost"])), Decimal(str(finding.figures["sent"]))
            assert (finding.severity is Severity.INFO) == (lost * 10_000 <= sent * tolerance)


# -- planted -----------------------------------------------------------------------------------------------------------


def pick(data: st.DataObject, supply: Supply, *steps: str, carried: bool | None = None) -> int:
    """The place of an event with one of these steps; `carried`: whether it names only a carrier."""
    places = [
        number
        for number, event in enumerate(supply.events)
        if event.step in steps
        and (carried is None or carried == all(share.item.startswith("00/") for share in event.items))
    ]
    assume(places)
    return data.draw(st.sampled_from(places))


def changed(supply: Supply, number: int, event: OriginEvent | None) -> Story:
    events = list(supply.events)
    events[number : number + 1] = [] if event is None else [event]
    return story_of(events, supply.made_by)


@SMALL
@given(supply=supplies(), data=st.data())
def test_more_sold_than_was_there(supply: Supply, data: st.DataObject) -> None:
    holders = sorted(supply.holds)
    member, lot = data.draw(st.sampled_from(holders))
    supply.sell(member, lot, supply.holds[member, lot] + data.draw(st.integers(1, 1000)))
    assert rules(supply.story(), supply.as_of_ms) == {"balance.more-out-than-in"}


@SMALL
@given(supply=supplies(least=4), data=st.data())
def test_a_transformation_that_gives_more_than_it_took(supply: Supply, data: st.DataObject) -> None:
    number = pick(data, supply, "creating_class_instance")
    event = supply.events[number]
    took = sum((share.amount or Decimal(0) for share in event.inputs), Decimal(0)) * 1000
    first = replace(event.outputs[0], amount=took + data.draw(st.integers(1, 1000)))
    story = changed(supply, number, replace(event, outputs=(first, *event.outputs[1:])))
    found = [one for one in judged(story, supply.as_of_ms) if one.rule not in ORDINARY]
    assert {one.rule for one in found} == {"balance.more-out-than-in"}
    assert {one.figures["scope"] for one in found} == {"transformation"}
    assert found[0].records == (event.record_id,)


@SMALL
@given(supply=supplies(least=4), data=st.data())
def test_more_received_than_was_shipped(supply: Supply, data: st.DataObject) -> None:
    number = pick(data, supply, "receiving", carried=False)
    event = supply.events[number]
    (share,) = event.items
    more = Decimal(10_000_000)  # more than any chain has: no other shipment can swallow it
    story = changed(
        supply, number, replace(event, items=(replace(share, amount=(share.amount or 0) + more),))
    )
    assert rules(story, supply.as_of_ms) == {"balance.more-out-than-in"}


@SMALL
@given(supply=supplies(least=3), data=st.data())
def test_a_receipt_that_is_missing(supply: Supply, data: st.DataObject) -> None:
    number = pick(data, supply, "receiving")
    assert rules(changed(supply, number, None), supply.as_of_ms) == {"custody.gap"}


@SMALL
@given(supply=supplies(least=3), data=st.data())
def test_a_shipment_that_is_missing(supply: Supply, data: st.DataObject) -> None:
    number = pick(data, supply, "shipping")
    # Where something else was lost, what arrived without a shipment may be that.
    assume(not any(supply.lost.values()))
    assert rules(changed(supply, number, None), supply.as_of_ms) == {"custody.gap"}


def test_what_is_on_its_way_is_no_gap_yet() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    supply.ship("farm", "plant", lot, Decimal(10))
    story = changed(supply, 2, None)
    assert rules(story, supply.now_ms + 6 * DAY_MS) == set()
    assert rules(story, supply.now_ms + 8 * DAY_MS) == {"custody.gap"}


@SMALL
@given(supply=supplies(least=3), data=st.data())
def test_a_beginning_that_is_missing(supply: Supply, data: st.DataObject) -> None:
    number = pick(data, supply, "commissioning")
    lot = supply.events[number].items[0].item
    assume(any(lot in event.named for event in supply.events[number + 1 :]))
    assert rules(changed(supply, number, None), supply.as_of_ms) == {"custody.gap"}


@SMALL
@given(supply=supplies(), data=st.data())
def test_an_event_that_was_recorded_before_it_happened(supply: Supply, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(supply.events) - 1))
    event = supply.events[number]
    early = replace(event, recorded_ms=event.time_ms - data.draw(st.integers(601_000, DAY_MS)))
    assert rules(changed(supply, number, early), supply.as_of_ms) == {"time.impossible"}


@SMALL
@given(supply=supplies(least=3), data=st.data())
def test_something_used_before_it_was_made(supply: Supply, data: st.DataObject) -> None:
    number = pick(data, supply, "commissioning")
    event = supply.events[number]
    lot = event.items[0].item
    later = [one for one in supply.events[number + 1 :] if lot in one.named]
    assume(later)
    moved = replace(event, time_ms=later[0].time_ms + 1, recorded_ms=later[0].time_ms + 300_000)
    assert rules(changed(supply, number, moved), supply.as_of_ms) == {"time.impossible"}


@SMALL
@given(supply=supplies(), data=st.data())
def test_a_late_entry_is_late_and_nothing_else(supply: Supply, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(supply.events) - 1))
    event = supply.events[number]
    days = data.draw(st.integers(4, 90))
    story = changed(supply, number, replace(event, recorded_ms=event.time_ms + days * DAY_MS))
    (found,) = (one for one in judged(story, supply.as_of_ms) if one.rule not in ORDINARY)
    assert found.rule == "entry.late"
    assert found.severity is (Severity.WARNING if days > 30 else Severity.INFO)
    assert found.records == (event.record_id,)


@SMALL
@given(supply=supplies(least=3), data=st.data())
def test_travel_faster_than_anything_flies(supply: Supply, data: st.DataObject) -> None:
    site = supply.events[pick(data, supply, "receiving")].site
    story = supply.story()
    # Whoever received it is on another continent, three hours away.
    far = PlaceFact(name="far", by="x", latitude=-33_000_000, longitude=-70_000_000)
    moved = replace(story, facts=replace(story.facts, places=PLACES | {site: far}))
    assert rules(moved, supply.as_of_ms) == {"travel.impossible"}


@SMALL
@given(supply=supplies(least=3), data=st.data())
def test_an_error_that_was_declared_is_in_no_sum(supply: Supply, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(supply.events) - 1))
    event = supply.events[number]
    twice = replace(event, record_id=sha256(b"in error"), order=(1_000, 0))
    honest = list(judged(supply.story(), supply.as_of_ms))
    story = story_of([*supply.events, twice], supply.made_by, taken_back=frozenset({twice.record_id}))
    found = judged(story, supply.as_of_ms)
    assert [one for one in found if one.rule != "event.declared-error"] == honest
    assert [one.records[0] for one in found if one.rule == "event.declared-error"] == [twice.record_id]


@SMALL
@given(supply=supplies(least=3), data=st.data())
def test_a_recall_reaches_all_that_was_made_of_it_and_sold(supply: Supply, data: st.DataObject) -> None:
    lots = sorted(supply.made_by)
    lot = data.draw(st.sampled_from(lots))
    story = supply.story()
    notice = RecallNotice(sha256(b"recall"), "farm", "farm", supply.now_ms, (10_000, 0), "quality")
    things = dict(story.things)
    things[lot] = replace(things[lot], recalls=(notice,))
    found = judged(replace(story, things=things), supply.as_of_ms)
    reached = {lot}
    for event in supply.events:
        if any(share.item in reached for share in event.inputs):
            reached |= {share.item for share in event.outputs}
    expected = {one for one in reached if supply.sold[one]}
    told = [one for one in found if one.rule == "recall.reaches-sold"]
    assert {one.items[0] for one in told} == expected
    assert {one.rule for one in found} <= ORDINARY | {"recall.reaches-sold"}
    for one in told:
        assert Decimal(str(one.figures["sold"])) == supply.sold[one.items[0]]
    lifted = replace(notice, record_id=sha256(b"lifted"), order=(10_001, 0), lifted=True)
    things[lot] = replace(things[lot], recalls=(notice, lifted))
    assert rules(replace(story, things=things), supply.as_of_ms) == set()


@SMALL
@given(supply=supplies(least=3), data=st.data())
def test_goods_past_their_day(supply: Supply, data: st.DataObject) -> None:
    lot = lot_path(1)
    moved = [
        move for move in Judgement(supply.story()).flows(lot).moves if move.kind in {"used", "shipped", SOLD}
    ]
    assume(moved)
    last = moved[data.draw(st.integers(0, len(moved) - 1))]
    expires = day_of(last.event.time_ms - DAY_MS)
    story = supply.story()
    things = dict(story.things)
    things[lot] = replace(things[lot], lots=(replace(things[lot].lots[0], expires=expires),))
    found = [
        one for one in judged(replace(story, things=things), supply.as_of_ms) if one.rule not in ORDINARY
    ]
    assert [one.rule for one in found] == ["time.expired"]
    sold = any(move.kind == SOLD and move.event.time_ms >= last.event.time_ms for move in moved)
    assert found[0].severity is Severity.SERIOUS or not sold


# -- single pieces -----------------------------------------------------------------------------------------------------


def piece(*told: tuple[str, str, str], hours: int = 3) -> tuple[Story, int]:
    """A piece and its events: (member, step, action)."""
    supply = Supply()
    for member, step, action in told:
        supply.now_ms += (hours - 3) * HOUR_MS
        supply.record(member, "object", step, action, items=(Share(serial_path(1)),))
    return supply.story(), supply.as_of_ms


MADE = ("plant", "commissioning", "ADD")
SENT, GOT, SOLD_ONCE = (
    ("plant", "shipping", "OBSERVE"),
    ("shop", "receiving", "OBSERVE"),
    ("shop", "retail_selling", "OBSERVE"),
)


def test_a_piece_that_goes_its_way() -> None:
    assert rules(*piece(MADE, SENT, GOT, SOLD_ONCE)) == set()


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ((MADE, MADE, SENT, GOT), "serial.reused"),
        ((MADE, SENT, GOT, SOLD_ONCE, ("store", "retail_selling", "OBSERVE")), "label.cloned"),
        ((MADE, SENT, GOT, ("store", "inspecting", "OBSERVE")), "label.cloned"),
        ((MADE, ("farm", "inspecting", "OBSERVE")), "label.cloned"),
    ],
)
def test_a_piece_that_does_not(told: tuple[tuple[str, str, str], ...], rule: str) -> None:
    found = [one for one in judged(*piece(*told)) if one.rule not in ORDINARY]
    serious = {one.rule for one in found if one.severity is Severity.SERIOUS}
    assert rule in serious
    assert serious <= {rule, "balance.more-out-than-in"}


def test_a_piece_in_a_carton_moves_with_it() -> None:
    supply = Supply()
    item, carton = serial_path(7), "00/089385000000000010"
    supply.record("plant", "object", "commissioning", "ADD", items=(Share(item),))
    supply.record("plant", "aggregation", "packing", "ADD", parent=carton, items=(Share(item),))
    supply.record("plant", "object", "shipping", items=(Share(carton),))
    supply.record("shop", "object", "receiving", items=(Share(carton),))
    supply.record("shop", "object", "retail_selling", items=(Share(item),))
    assert rules(supply.story(), supply.as_of_ms) == set()
    supply.record("plant", "aggregation", "packing", "ADD", parent=carton, items=(Share(serial_path(8)),))
    supply.record("plant", "object", "commissioning", "ADD", items=(Share(serial_path(8)),))
    assert "time.impossible" in rules(supply.story(), supply.as_of_ms)


def test_a_carton_used_again_within_a_year() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    supply.ship_packed("farm", "shop", [(lot, Decimal(4))], nested=False)
    supply.cartons = 0
    supply.ship_packed("farm", "shop", [(lot, Decimal(3))], nested=False)
    assert "serial.reused" in rules(supply.story(), supply.as_of_ms)


def test_a_lot_of_two_owners_and_a_stranger() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    supply.record("shop", "object", "commissioning", "ADD", items=(Share(lot, Decimal(5), "KGM"),))
    assert rules(supply.story(), supply.as_of_ms) == {"event.stranger"}
    story = supply.story()
    things = dict(story.things)
    (claim,) = things[lot].lots
    things[lot] = replace(things[lot], lots=(claim, replace(claim, record_id=sha256(b"other"), by="shop")))
    assert rules(replace(story, things=things), supply.as_of_ms) == {"lot.several-owners"}


def test_made_from_itself() -> None:
    supply = Supply()
    first = supply.make("farm", Decimal(10))
    (second,) = supply.process("farm", [(first, Decimal(10))], [Decimal(10)])
    supply.record(
        "farm",
        "transformation",
        inputs=(Share(second, Decimal(10), "KGM"),),
        outputs=(Share(first, Decimal(10), "KGM"),),
    )
    found = judged(supply.story(), supply.as_of_ms)
    (cycle,) = (one for one in found if one.rule == "graph.cycle")
    assert cycle.items == (first, second)
    assert len(cycle.records) == 2


def test_more_made_than_declared_and_packs_that_weigh() -> None:
    supply = Supply()
    fresh = supply.make("farm", Decimal(30))
    supply.record(
        "farm",
        "transformation",
        inputs=(Share(fresh, Decimal(30), "KGM"),),
        outputs=(Share(lot_path(9), Decimal(180)),),
    )
    story = supply.story()
    things = dict(story.things)
    claim = replace(things[fresh].lots[0], record_id=sha256(b"packs"), quantity=36_000, unit="KGM")
    things[lot_path(9)] = replace(things[lot_path(9)], lots=(claim,))
    # 180 packs that weigh 36 kg out of 30 kg.
    (found,) = (
        one for one in judged(replace(story, things=things), supply.as_of_ms) if one.rule not in ORDINARY
    )
    assert (found.rule, found.figures["amount"], found.figures["unit"]) == (
        "balance.more-out-than-in",
        "6",
        "KGM",
    )
    things[lot_path(9)] = replace(things[lot_path(9)], lots=(replace(claim, quantity=170_000, unit="H87"),))
    assert rules(replace(story, things=things), supply.as_of_ms) == {"balance.more-than-declared"}


def test_a_count_that_differs() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    supply.sell("farm", lot, Decimal(3))
    supply.record("farm", "object", "stock_taking", items=(Share(lot, Decimal(7), "KGM"),))
    assert rules(supply.story(), supply.as_of_ms) == set()
    supply.record("farm", "object", "stock_taking", items=(Share(lot, Decimal("6.5"), "KGM"),))
    (found,) = (one for one in judged(supply.story(), supply.as_of_ms) if one.rule not in ORDINARY)
    assert (found.rule, found.figures["difference"]) == ("stock.count-differs", "-0.5")


def test_an_amount_that_is_not_said() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    supply.record("farm", "object", "retail_selling", items=(Share(lot),))
    supply.record("farm", "object", "retail_selling", items=(Share(lot, Decimal(2), "XBX"),))
    (found,) = judged(supply.story(), supply.as_of_ms)
    assert (found.rule, found.figures["events"]) == ("balance.amount-unknown", 2)


def test_the_start_is_a_real_time() -> None:
    assert day_of(START_MS) == "2026-09-21"
    assert set(SITES) == set(MEMBERS)


def test_a_recall_stands_until_all_who_recalled_lift_it() -> None:
    def notice(number: int, by: str, *, lifted: bool = False) -> RecallNotice:
        return RecallNotice(sha256(b"%d" % number), by, "farm", START_MS, (number, 0), "quality", lifted)

    def standing(*told: RecallNotice) -> str | None:
        found = Thing("x", recalls=told).recalled
        return None if found is None else found.by

    owner, inspector = notice(1, "farm"), notice(2, "inspector")
    assert standing(owner) == "farm"
    assert standing(owner, inspector, notice(3, "farm", lifted=True)) == "inspector"
    assert standing(owner, inspector, notice(3, "inspector", lifted=True)) is None
    assert standing(inspector, notice(3, "farm", lifted=True)) == "inspector"
    assert standing(owner, notice(3, "inspector", lifted=True), notice(4, "farm")) == "farm"
