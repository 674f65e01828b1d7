"""Ways to make the sums lie, and ways in which they would accuse the honest: each is a story that somebody could record."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from ledger.epcis.event_hash import event_hash
from ledger.epcis.json_text import parse_object
from ledger.epcis.naming import item_text
from ledger.epcis.reading import parse
from ledger.errors import FormatError
from ledger.hashing import sha256
from ledger.origin import flows as flows_module
from ledger.origin.findings import Judgement
from ledger.origin.flows import CLOCKS_MS
from ledger.origin.graph import Limits, explore
from ledger.origin.model import (
    Finding,
    LotClaim,
    OriginEvent,
    PlaceFact,
    RecallNotice,
    Severity,
    Share,
    Story,
)
from ledger.origin.recall import UNKNOWN
from ledger.origin.units import MAX_SCALE
from node.origin import Remembered
from tests.orchard import event, event_record
from tests.supply_chains import (
    DAY_MS,
    HOUR_MS,
    PLACES,
    SITES,
    START_MS,
    Supply,
    carton_path,
    lot_path,
    serial_path,
    story_of,
)
from tests.test_origin_hostile import Pile, altered, made, processed

LOT, OTHER = lot_path(1), lot_path(2)


def judged(story: Story, as_of_ms: int) -> tuple[Finding, ...]:
    return Judgement(story).findings(story.things, as_of_ms)


def told(supply: Supply, rule: str) -> list[Finding]:
    return [one for one in judged(supply.story(), supply.as_of_ms) if one.rule == rule]


def weights(supply: Supply) -> dict[str, Severity]:
    found = judged(supply.story(), supply.as_of_ms)
    return {one.rule: one.severity for one in sorted(found, key=lambda one: -one.severity.rank)}


def kilograms(item: str, amount: int | str) -> Share:
    return Share(item, Decimal(amount), "KGM")


def transform(supply: Supply, inputs: list[Share], outputs: list[Share], **more: Any) -> OriginEvent:  # noqa: ANN401
    return supply.record(
        "farm",
        "transformation",
        "creating_class_instance",
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        **more,
    )


# -- more out than in, and how somebody might hide it ---------------------------------------------------------------------


@pytest.mark.parametrize("cover", [Share(LOT, Decimal(1), "XBX"), Share(LOT)])
def test_one_beginning_that_cannot_be_counted_hides_nothing(cover: Share) -> None:
    supply = Supply()
    supply.make("farm", Decimal(10))
    supply.record("farm", "object", "commissioning", "ADD", items=(cover,))
    supply.sell("farm", LOT, Decimal(20))
    found = weights(supply)
    assert found["balance.more-out-than-in"] is Severity.WARNING
    assert found["balance.amount-unknown"] is Severity.WARNING


def test_an_earlier_beginning_in_boxes_does_not_choose_the_unit() -> None:
    for stranger in ("farm", "store"):
        supply = Supply()
        supply.record(stranger, "object", "commissioning", "ADD", items=(Share(LOT, Decimal(1), "XBX"),))
        supply.make("farm", Decimal(10))
        assert Judgement(supply.story()).flows(LOT).dimension == "mass"


def test_a_strangers_beginning_does_not_choose_the_unit() -> None:
    supply = Supply()
    supply.record("store", "object", "commissioning", "ADD", items=(Share(LOT, Decimal(1)),))
    supply.make("farm", Decimal(10))
    assert Judgement(supply.story()).flows(LOT).dimension == "mass"


def test_more_out_than_in_beside_the_sums() -> None:
    supply = Supply()
    supply.make("farm", Decimal(10))
    supply.record("farm", "object", "commissioning", "ADD", items=(Share(LOT, Decimal(100)),))
    supply.record("farm", "object", "retail_selling", items=(Share(LOT, Decimal(300)),))
    (found,) = told(supply, "balance.more-out-than-in")
    assert (found.figures["amount"], found.figures["unit"]) == ("200", "H87")


def test_sales_without_an_amount_are_asked_about_when_the_rest_has_one() -> None:
    supply = Supply()
    supply.record("farm", "object", "commissioning", "ADD", items=(Share(LOT),))
    supply.record("farm", "object", "retail_selling", items=(Share(LOT),))
    assert weights(supply)["balance.amount-unknown"] is Severity.INFO
    supply.record("farm", "object", "retail_selling", items=(kilograms(LOT, 1),))
    assert weights(supply)["balance.amount-unknown"] is Severity.WARNING


@pytest.mark.parametrize(
    ("more_in", "more_out", "severity"),
    [
        ([], [Share(lot_path(3), Decimal(1))], Severity.SERIOUS),
        ([Share("01/08938500000034")], [], Severity.WARNING),
        ([Share(lot_path(3), Decimal(5), "XBX")], [], Severity.WARNING),
    ],
)
def test_a_transformation_is_not_excused_by_what_does_not_compare(
    more_in: list[Share], more_out: list[Share], severity: Severity
) -> None:
    supply = Supply()
    supply.make("farm", Decimal(100))
    transform(supply, [kilograms(LOT, 100), *more_in], [kilograms(OTHER, 1000), *more_out])
    (found,) = told(supply, "balance.more-out-than-in")
    assert (found.severity, found.figures["scope"], found.figures["amount"]) == (
        severity,
        "transformation",
        "900",
    )


def test_what_the_ledger_does_not_follow_weighs_too() -> None:
    supply = Supply()
    supply.make("farm", Decimal(100))
    transform(
        supply,
        [kilograms(LOT, 100)],
        [kilograms(OTHER, 1000)],
        other_inputs=(kilograms("urn:example:salt", 900),),
    )
    assert told(supply, "balance.more-out-than-in") == []


@pytest.mark.parametrize(
    ("unit", "severity"), [("KGM", Severity.SERIOUS), ("LTR", Severity.WARNING), ("XBX", None), ("H87", None)]
)
def test_only_mass_cannot_grow(unit: str, severity: Severity | None) -> None:
    # Cream that is whipped has more litres, and crates are packed into boxes.
    supply = Supply()
    supply.record("farm", "object", "commissioning", "ADD", items=(Share(LOT, Decimal(10), unit),))
    transform(supply, [Share(LOT, Decimal(10), unit)], [Share(OTHER, Decimal(18), unit)])
    found = told(supply, "balance.more-out-than-in")
    assert [one.severity for one in found] == ([] if severity is None else [severity])


@pytest.mark.parametrize("half", ["inputs", "outputs"])
@pytest.mark.parametrize("named", [False, True])
def test_half_a_transformation_is_told(half: str, named: bool) -> None:
    supply = Supply()
    supply.make("farm", Decimal(100))
    others = (kilograms("urn:example:x", 1),) if named else ()
    if half == "inputs":
        transform(supply, [], [kilograms(OTHER, 1000)], other_inputs=others)
    else:
        transform(supply, [kilograms(LOT, 100)], [], other_outputs=others)
    (found,) = told(supply, "custody.gap")
    assert found.figures["why"] == f"no-{half}"
    assert found.severity is (Severity.INFO if named else Severity.WARNING)


def test_small_losses_are_added_up() -> None:
    supply = Supply()
    supply.make("farm", Decimal(1000))
    members = ["farm", "plant", "shop", "store"]
    held = Decimal(1000)
    for sender, to in pairwise(members):
        supply.ship(sender, to, LOT, held, lost=Decimal(9))
        held -= 9
    story = supply.story(tolerance=100)
    found = [one for one in judged(story, supply.as_of_ms) if one.rule == "balance.transit-loss"]
    assert [(one.severity, one.figures["lost"]) for one in found] == [
        (Severity.WARNING, "27"),
        *[(Severity.INFO, "9")] * 3,
    ]
    assert found[0].figures["scope"] == "lot"


def test_a_carton_that_is_sold_whole_is_sold() -> None:
    for action in ("OBSERVE", "DELETE"):
        supply = Supply()
        supply.make("farm", Decimal(10))
        box = carton_path(1)
        supply.record("farm", "aggregation", "packing", "ADD", parent=box, items=(kilograms(LOT, 6),))
        supply.record("farm", "object", "retail_selling", action, items=(Share(box),))
        assert Judgement(supply.story()).flows(LOT).total("sold") == Decimal(6) * 10**12
        supply.record("farm", "object", "decommissioning", "DELETE", items=(Share(carton_path(2)),))
        assert not Judgement(supply.story()).flows(LOT).of("removed")


def test_the_same_event_under_another_hash_is_told() -> None:
    supply = Supply()
    first = supply.record("farm", "object", "commissioning", "ADD", items=(kilograms(LOT, 10),))
    again = replace(first, record_id=sha256(b"again"), order=(99, 0))
    story = story_of([first, again], {LOT: "farm"})
    (found,) = (one for one in judged(story, supply.as_of_ms) if one.rule == "event.repeated")
    assert found.records == (first.record_id, again.record_id)
    other = replace(again, time_ms=again.time_ms + 1)
    assert "event.repeated" not in {
        one.rule for one in judged(story_of([first, other], {LOT: "farm"}), supply.as_of_ms)
    }


def test_a_sale_that_is_taken_back_after_the_recall() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    supply.sell("farm", lot, Decimal(4))
    sale = supply.events[-1]
    for recalled_ms, severity in (
        (sale.recorded_ms - 1, Severity.INFO),
        (sale.recorded_ms, Severity.WARNING),
    ):
        story = story_of(
            [*supply.events[:-1], replace(sale, recorded_ms=sale.recorded_ms)],
            supply.made_by,
            taken_back=frozenset({sale.record_id}),
        )
        notice = RecallNotice(sha256(b"recall"), "farm", "farm", recalled_ms, (50, 0), "quality")
        things = dict(story.things)
        things[lot] = replace(things[lot], recalls=(notice,))
        taken = story.errors[sale.record_id]._replace(recorded_ms=sale.recorded_ms + HOUR_MS)
        story = replace(story, things=things, errors={sale.record_id: taken})
        (found,) = (one for one in judged(story, supply.as_of_ms) if one.rule == "event.declared-error")
        assert found.severity is severity
        assert (notice.record_id in found.records) == (severity is Severity.WARNING)


def test_a_recall_tells_what_was_recorded_after_it_and_what_has_no_amount() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    supply.sell("farm", lot, Decimal(4))
    supply.record("farm", "object", "retail_selling", items=(Share(lot),))
    sale = supply.events[1]
    supply.events[1] = replace(sale, recorded_ms=sale.recorded_ms + 2 * DAY_MS)
    story = supply.story()
    notice = RecallNotice(sha256(b"recall"), "farm", "farm", supply.now_ms + DAY_MS, (50, 0), "quality")
    things = dict(story.things)
    things[lot] = replace(things[lot], recalls=(notice,))
    (found,) = (
        one
        for one in judged(replace(story, things=things), supply.as_of_ms + 9 * DAY_MS)
        if one.rule == "recall.reaches-sold"
    )
    assert (found.figures["sold_after"], found.figures["told_after"]) == ("0", "4")
    assert found.figures["sales_without_amount"] == 1


# -- figures that no machine may stumble over -----------------------------------------------------------------------------


def test_amounts_of_any_size_are_figures_and_no_errors() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(1))
    most = Decimal(999_999_999_999_999)
    transform(supply, [Share(OTHER, most)], [Share(lot, most, "TNE"), Share(lot_path(3), most, "LTN")])
    supply.record("farm", "object", "commissioning", "ADD", items=(Share(OTHER, Decimal("0.000001")),))
    supply.record("farm", "object", "retail_selling", items=(Share(OTHER, most),))
    story = supply.story()
    things = dict(story.things)
    claim = LotClaim(sha256(b"c"), "farm", START_MS, quantity=9_007_199_254_740_991, unit="TNE", tolerance=1)
    things[OTHER] = replace(things[OTHER], lots=(claim,))
    found = judged(replace(story, things=things), supply.as_of_ms)
    (more,) = (one for one in found if one.items == (OTHER,) and one.rule == "balance.more-out-than-in")
    # Thirty digits, and none of them rounded.
    assert more.figures["amount"] == "1999999999999997.999999"
    assert len(str(most)) < MAX_SCALE * 2


def test_a_number_of_too_many_digits_is_no_shorter_one() -> None:
    for text in (b"1.0000000000000000000000000000000001", b"0.3000000000000000000000000000000001"):
        with pytest.raises(FormatError) as caught:
            parse_object(b'{"a":' + text + b"}", max_bytes=100)
        assert caught.value.rule == "epcis.number"
    assert parse_object(b'{"a":1.0000000000000000000000000000000000}', max_bytes=100) == {"a": 1}


# -- the honest -------------------------------------------------------------------------------------------------------------


def test_who_sees_what_is_packed_packs_nothing() -> None:
    supply = Supply()
    supply.make("farm", Decimal(6))
    box = carton_path(1)
    supply.record("farm", "aggregation", "packing", "ADD", parent=box, items=(kilograms(LOT, 6),))
    supply.record("farm", "aggregation", "inspecting", "OBSERVE", parent=box, items=(kilograms(LOT, 6),))
    supply.record("farm", "object", "shipping", items=(Share(box),))
    supply.record("shop", "object", "receiving", items=(Share(box),))
    assert weights(supply) == {}


def test_an_empty_carton_that_goes_back_carries_nothing() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    supply.ship_packed("farm", "shop", [(lot, Decimal(6))], nested=False)
    supply.sell("shop", lot, Decimal(6))
    box = carton_path(1)
    supply.record("shop", "object", "shipping", items=(Share(box),))
    supply.record("farm", "object", "receiving", items=(Share(box),))
    assert not [one for one in judged(supply.story(), supply.as_of_ms) if one.severity is not Severity.INFO]


def test_a_carton_packed_again_carries_only_the_second_filling() -> None:
    supply = Supply()
    first, second = supply.make("farm", Decimal(10)), supply.make("farm", Decimal(10))
    supply.ship_packed("farm", "shop", [(first, Decimal(6))], nested=True)
    supply.cartons = 0
    supply.ship_packed("farm", "shop", [(second, Decimal(3))], nested=True)
    judgement = Judgement(supply.story())
    assert judgement.flows(first).total("shipped") == Decimal(6) * 10**12
    assert judgement.flows(second).total("shipped") == Decimal(3) * 10**12


def test_one_shipment_told_by_two_kinds_of_event_is_one() -> None:
    supply = Supply()
    supply.make("farm", Decimal(6))
    sent = supply.record("farm", "object", "shipping", items=(kilograms(LOT, 6),), transactions=("urn:po:1",))
    supply.record(
        "farm",
        "transaction",
        "shipping",
        "ADD",
        items=(kilograms(LOT, 6),),
        transactions=("urn:po:1",),
        time_ms=sent.time_ms,
    )
    supply.record("farm", "transaction", "shipping", "DELETE", items=(kilograms(LOT, 6),))
    supply.record("shop", "object", "receiving", items=(kilograms(LOT, 6),))
    assert weights(supply) == {}
    # At another time it is another shipment.
    supply.record("farm", "transaction", "shipping", "ADD", items=(kilograms(LOT, 6),))
    assert weights(supply) == {"custody.gap": Severity.WARNING}


@pytest.mark.parametrize(("early_ms", "weight"), [(CLOCKS_MS, None), (CLOCKS_MS + 1, Severity.WARNING)])
def test_clocks_differ(early_ms: int, weight: Severity | None) -> None:
    supply = Supply()
    supply.make("farm", Decimal(6))
    sent = supply.record("farm", "object", "shipping", items=(kilograms(LOT, 6),))
    supply.record("shop", "object", "receiving", items=(kilograms(LOT, 6),), time_ms=sent.time_ms - early_ms)
    assert weights(supply).get("time.impossible") is weight


def test_received_before_it_was_shipped_is_certain_where_the_receipt_says_of_what() -> None:
    supply = Supply()
    supply.make("farm", Decimal(6))
    sent = supply.record("farm", "object", "shipping", items=(kilograms(LOT, 6),), transactions=("urn:po:1",))
    supply.record(
        "shop",
        "object",
        "receiving",
        items=(kilograms(LOT, 6),),
        transactions=("urn:po:1",),
        time_ms=sent.time_ms - HOUR_MS,
    )
    assert weights(supply)["time.impossible"] is Severity.SERIOUS


def test_two_shipments_of_the_same_amount_are_not_one_that_flew() -> None:
    # The plant's goes to the shop next door, the farm's, from far away, to the store next to it.
    supply = Supply()
    lot = supply.make("farm", Decimal(20))
    supply.ship("farm", "plant", lot, Decimal(10))
    sent = supply.record("farm", "object", "shipping", items=(kilograms(lot, 10),))
    other = supply.record(
        "plant", "object", "shipping", items=(kilograms(lot, 10),), time_ms=sent.time_ms + 1
    )
    supply.record("shop", "object", "receiving", items=(kilograms(lot, 10),), time_ms=other.time_ms + HOUR_MS)
    supply.record(
        "store", "object", "receiving", items=(kilograms(lot, 10),), time_ms=other.time_ms + HOUR_MS
    )
    far = PlaceFact(name="far", by="x", latitude=-33_000_000, longitude=-70_000_000)
    places = PLACES | {SITES["farm"]: far, SITES["store"]: far}
    story = supply.story()
    story = replace(story, facts=replace(story.facts, places=places))
    flown = [one for one in judged(story, supply.as_of_ms) if one.rule == "travel.impossible"]
    assert all(other.record_id not in one.records for one in flown)


def test_nobody_moves_anothers_place() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    supply.ship("farm", "shop", lot, Decimal(10))
    supply.record("store", "object", "inspecting", items=(kilograms(lot, 10),), site=SITES["shop"])
    story = supply.story()
    far = PlaceFact(name="far", by="store", latitude=-33_000_000, longitude=-70_000_000)
    facts = replace(
        story.facts,
        places=PLACES | {SITES["shop"]: far},
        own_places={(SITES["shop"], "store"): far, (SITES["shop"], "shop"): PLACES[SITES["shop"]]},
        contested=frozenset({SITES["shop"]}),
    )
    assert "travel.impossible" not in {
        one.rule for one in judged(replace(story, facts=facts), supply.as_of_ms)
    }
    # A place that only somebody else registered twice over is nowhere.
    nowhere = replace(facts, own_places={(SITES["shop"], "store"): far})
    assert "travel.impossible" not in {
        one.rule for one in judged(replace(story, facts=nowhere), supply.as_of_ms)
    }


# -- floods -----------------------------------------------------------------------------------------------------------------


def test_too_many_shipments_are_paired_in_order_and_the_sums_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(100))
    for number in range(1, 8):
        supply.ship("farm", "shop", lot, Decimal(number), lost=Decimal(number % 2) / 2)
    exact = Judgement(supply.story()).flows(lot)
    monkeypatch.setattr(flows_module, "MAX_PAIRS", 0)
    quick = Judgement(supply.story()).flows(lot)
    assert quick.lost + quick.on_the_way == exact.lost + exact.on_the_way
    assert quick.excesses == []


def test_a_recall_behind_a_flood_is_not_denied() -> None:
    pile = Pile()
    for number in range(30):
        pile.add(event_record("stranger", made(LOT, number + 1, at=number)))
    found = explore(pile, LOT, "both", Limits(records=10))
    assert Judgement(found.story).status(LOT) == UNKNOWN
    whole = explore(pile, LOT)
    assert Judgement(whole.story).status(LOT) == "in-force"


def test_the_events_of_one_trace_are_limited_also_within_a_thing() -> None:
    pile = Pile()
    for number in range(30):
        pile.add(event_record("farm", made(LOT, number + 1, at=number)))
    found = explore(pile, LOT, "both", Limits(events=20))
    assert found.truncated
    assert len(found.story.events) == 20


def test_a_cycle_of_wide_transformations_is_found_without_looking_at_each_pair() -> None:
    pile = Pile()
    wide = [lot_path(number) for number in range(120)]
    other = [lot_path(1000 + number) for number in range(120)]
    pile.add(event_record("farm", processed(wide, other)))
    assert "graph.cycle" not in {one.rule for one in pile.findings(wide[0])}
    pile.add(event_record("farm", processed([other[7]], [wide[3], lot_path(5000)], at=2)))
    (cycle,) = (one for one in pile.findings(wide[0]) if one.rule == "graph.cycle")
    assert set(cycle.items) == {wide[3], other[7]}


# -- names ------------------------------------------------------------------------------------------------------------------

GTIN = "08938500000010"


@pytest.mark.parametrize(
    "uri",
    [
        f"https://id.gs1.org/01/{GTIN}/10/L1",
        f"HTTPS://ID.GS1.ORG/01/{GTIN}/10/L1",
        f"Http://shop.example/a/01/{GTIN}/10/L1?17=261231",
        f"https://id.gs1.org/gtin/{GTIN}/lot/L1",
        f"https://id.gs1.org/01/{GTIN[1:]}/10/%4C1",
        "urn:epc:class:lgtin:8938500.000001.L1",
    ],
)
def test_one_lot_is_one_thing_however_it_is_written(uri: str) -> None:
    assert item_text(uri, "") == (LOT, True)
    value = event("Object", START_MS, "commissioning", action="ADD", quantityList=[{"epcClass": uri}])
    plain = event(
        "Object",
        START_MS,
        "commissioning",
        action="ADD",
        quantityList=[{"epcClass": f"https://id.gs1.org/{LOT}"}],
    )
    read = parse(json.dumps(value).encode())
    assert read.things == (LOT,)
    assert event_hash(read.json) == event_hash(parse(json.dumps(plain).encode()).json)


@pytest.mark.parametrize(
    ("uri", "rule"),
    [
        ("URN:EPC:class:lgtin:8938500.000001.L1", "gs1.urn"),
        ("urn:EPC:id:sgtin:8938500.000001.7", "gs1.urn"),
        (f"https://id.gs1.org/01/{GTIN}/10/L1/99/x", "gs1.link"),
        (f"https://id.gs1.org/01/{GTIN}/11/261231", "gs1.link"),
        (f"HTTPS://id.gs1.org/01/{GTIN[:-1]}1/10/L1", "gs1.check-digit"),
    ],
)
def test_what_looks_like_goods_and_is_miswritten_is_refused(uri: str, rule: str) -> None:
    with pytest.raises(FormatError) as caught:
        item_text(uri, "")
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    "uri",
    [
        f"https://id.gs1.org/01/{GTIN}/235/x",
        "https://example.com/shop/x",
        "urn:epc:id:grai:8938500.00001.7",
        "urn:example:salt",
        "https://id.gs1.org/414/8938500000010",
    ],
)
def test_other_names_are_names(uri: str) -> None:
    assert item_text(uri, "") == (uri, False)


def test_a_single_piece_is_no_class() -> None:
    for item in (serial_path(1), carton_path(1)):
        value = event(
            "Object",
            START_MS,
            "commissioning",
            action="ADD",
            quantityList=[{"epcClass": f"https://id.gs1.org/{item}", "quantity": 50}],
        )
        with pytest.raises(FormatError) as caught:
            parse(json.dumps(value).encode())
        assert caught.value.rule == "epcis.class"


# -- what is kept between two traces ----------------------------------------------------------------------------------------


def test_an_event_that_was_read_before_stands_where_its_record_stands() -> None:
    raw, memory = event_record("farm", made(LOT)), Remembered(100)
    for number in range(1, 4):
        pile = Pile(count=10 * number)
        record_id = pile.add(raw, time_ms=START_MS + number * HOUR_MS)
        (found,) = explore(pile, LOT, memory=memory).story.events.values()
        assert (found.record_id, found.recorded_ms) == (record_id, START_MS + number * HOUR_MS)
        assert found.order == (10 * number + 1, 0)
    assert len(memory) == 1


def test_a_hash_that_was_not_looked_at_is_looked_at_when_it_is_asked_for() -> None:
    pile, memory = Pile(), Remembered(100)
    pile.add(altered(event_record("farm", made(LOT)), event_hash=bytes(32)))
    assert explore(pile, LOT, check_hashes=False, memory=memory).story.troubled == ()
    (trouble,) = explore(pile, LOT, memory=memory).story.troubled
    assert trouble.what == ("event_hash",)
    # Whoever asked before: the answer to one question is always the same.
    assert explore(pile, LOT, check_hashes=False, memory=memory).story.troubled == ()
    assert explore(pile, LOT, memory=memory).story.troubled == (trouble,)


def test_what_is_kept_has_a_bound() -> None:
    pile, memory = Pile(), Remembered(30)
    for number in range(20):
        pile.add(event_record("farm", made(LOT, number + 1, at=number)))
    assert len(explore(pile, LOT, memory=memory).story.events) == 20
    assert len(memory) == 6  # five for each
