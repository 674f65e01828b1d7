"""What somebody might record to break a reader: contradictions, cycles, floods, and texts that want to be run."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.exports import picture
from api.exports.tables import safe_cell, to_csv
from ledger.encoding import Value, decode
from ledger.entry import encode_record
from ledger.epcis.json_text import parse_object
from ledger.epcis.record import prepare
from ledger.gs1 import Item
from ledger.origin.findings import Judgement
from ledger.origin.flows import MAX_NESTING
from ledger.origin.graph import Limits, explore
from ledger.origin.model import Facts, Finding, Placed, ProductFact, Share, Story
from ledger.origin.story import certificate_of, site_of
from ledger.records import Record, Subject, parse_record
from ledger.records.base import words
from ledger.records.events import CAPTURE, ERROR
from ledger.records.goods import lot_item, thing
from ledger.records.lots import CREATE
from tests.orchard import address, event, event_record, quantity, record
from tests.supply_chains import START_MS, Supply, carton_path, lot_path

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Told:
    record: Record
    record_id: bytes
    index: int
    record_index: int
    time_ms: int


@dataclass
class Pile:
    """A source of histories without a ledger: each record is in the history of what it names."""

    histories: dict[Subject, list[Told]] = field(default_factory=dict)
    asked: list[Subject] = field(default_factory=list)
    count: int = 0

    def add(self, raw: bytes, *, time_ms: int = START_MS + 24 * HOUR_MS) -> bytes:
        read = parse_record(raw)
        subjects = {read.subject}
        if read.type.name in {CAPTURE, ERROR}:
            subjects |= {thing(item) for item in words(read.body, "things")}
        elif read.type.name == CREATE:
            subjects.add(thing(lot_item(read.body).path))
        self.count += 1
        for subject in subjects:
            self.add_to(subject, raw, time_ms)
        return read.id

    def add_to(self, subject: Subject, raw: bytes, time_ms: int) -> None:
        """Put a record into one history."""
        read = parse_record(raw)
        self.histories.setdefault(subject, []).append(Told(read, read.id, self.count, 0, time_ms))

    def history(self, subject: Subject, most: int) -> tuple[Sequence[Placed], int]:
        self.asked.append(subject)
        found = self.histories.get(subject, [])
        return found[:most], len(found)

    def findings(self, item: str, limits: Limits = Limits()) -> tuple[Finding, ...]:  # noqa: B008
        found = explore(self, item, "both", limits)
        return Judgement(found.story).findings(found.nodes, START_MS + 48 * HOUR_MS)


FRESH, DRIED = lot_path(1), lot_path(2)


def made(item: str, amount: int = 10, *, at: int = 0) -> dict[str, object]:
    return event(
        "Object",
        START_MS + at * HOUR_MS,
        "commissioning",
        action="ADD",
        quantityList=[quantity(item, amount, "KGM")],
    )


def processed(inputs: list[str], outputs: list[str], *, at: int = 1) -> dict[str, object]:
    return event(
        "Transformation",
        START_MS + at * HOUR_MS,
        "creating_class_instance",
        inputQuantityList=[quantity(item, 1, "KGM") for item in inputs],
        outputQuantityList=[quantity(item, 1, "KGM") for item in outputs],
    )


def altered(raw: bytes, **fields: Value) -> bytes:
    """A record with other words beside the event than the event says."""
    value = decode(raw)
    assert isinstance(value, list)
    body = value[1]
    assert isinstance(body, dict)
    return encode_record(str(value[0]), body | fields)


# -- summaries that lie ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "aggregation"}, "kind"),
        ({"time_ms": START_MS + 1}, "time_ms"),
        ({"step": "shipping"}, "step"),
        ({"things": [FRESH, DRIED]}, "things"),
        ({"event_hash": bytes(32)}, "event_hash"),
    ],
)
def test_the_bytes_are_believed_and_not_what_stands_beside_them(fields: dict[str, Value], named: str) -> None:
    pile = Pile()
    lie = pile.add(altered(event_record("farm", made(FRESH)), **fields))
    (found,) = (one for one in pile.findings(FRESH) if one.rule == "event.mismatch")
    assert found.records == (lie,)
    assert found.figures["fields"] == named
    figures = Judgement(explore(pile, FRESH).story).flows(FRESH)
    assert figures.total("made") == Decimal(10) * 10**12


def test_hidden_parts_are_no_contradiction() -> None:
    pile = Pile()
    whole = made(FRESH) | {
        "bizTransactionList": [{"type": "po", "bizTransaction": "https://buyer.example/po/7"}]
    }
    hidden = prepare(
        "farm",
        parse_object(json.dumps(whole).encode(), max_bytes=60_000),
        hide_parts=["/bizTransactionList"],
        secret=bytes(32),
    )
    assert "event_tag" in hidden.body
    pile.add(encode_record("epcis.event/1", hidden.body))
    assert pile.findings(FRESH) == ()


def test_an_event_that_names_a_lot_only_beside_its_bytes_moves_none_of_it() -> None:
    pile = Pile()
    pile.add(altered(event_record("farm", made(FRESH)), things=[FRESH, DRIED]))
    assert not Judgement(explore(pile, DRIED).story).flows(DRIED).moves


@pytest.mark.parametrize(
    "junk", [b"{}", b"\xff", b"[" * 5_000, b'{"type":"ObjectEvent"}', b'{"a":1,"a":2}', b"1e999"]
)
def test_bytes_that_are_no_event(junk: bytes) -> None:
    pile = Pile()
    lie = pile.add(altered(event_record("farm", made(FRESH)), event=junk.ljust(40)))
    (found,) = pile.findings(FRESH)
    assert (found.rule, found.records, found.figures["fields"]) == ("event.mismatch", (lie,), "unreadable")


# -- shapes that never end ---------------------------------------------------------------------------------------------


def test_a_cycle_is_walked_once() -> None:
    pile = Pile()
    lots = [lot_path(number) for number in range(5)]
    for number, lot in enumerate(lots):
        pile.add(event_record("farm", processed([lot], [lots[(number + 1) % 5]], at=number)))
    found = explore(pile, lots[0], "both", Limits(depth=64))
    assert set(found.nodes) == set(lots)
    assert not found.truncated
    assert [one.rule for one in pile.findings(lots[0])].count("graph.cycle") == 1
    ET.fromstring(picture.draw(found, Judgement(found.story)))  # noqa: S314  our own


def test_a_deep_chain_ends_at_the_limit() -> None:
    pile = Pile()
    for number in range(200):
        pile.add(event_record("farm", processed([lot_path(number)], [lot_path(number + 1)])))
    found = explore(pile, lot_path(200), "back", Limits(depth=10))
    assert len(found.nodes) == 11
    assert found.truncated
    assert len(pile.asked) < 20 + 11 * 2


def test_a_wide_layer_ends_at_the_limit() -> None:
    pile = Pile()
    wide = [lot_path(number) for number in range(1, 201)]
    pile.add(event_record("farm", processed(wide, [lot_path(0)])))
    found = explore(pile, lot_path(0), "back", Limits(width=50))
    assert (len(found.nodes), found.truncated) == (51, True)
    few = explore(pile, lot_path(0), "back", Limits(things=10))
    assert (len(few.nodes), few.truncated) == (10, True)


def test_a_flood_of_records_is_not_read_to_its_end_and_not_judged() -> None:
    pile = Pile()
    for number in range(30):
        pile.add(event_record("stranger", made(FRESH, number + 1, at=number)))
    found = explore(pile, FRESH, "both", Limits(records=10))
    assert found.truncated
    assert {one.rule for one in pile.findings(FRESH, Limits(records=10))} == {"history.too-long"}


def test_carriers_inside_each_other_without_end() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    cartons = [carton_path(number) for number in range(MAX_NESTING + 10)]
    supply.record(
        "farm", "aggregation", "packing", "ADD", parent=cartons[0], items=(Share(lot, Decimal(5), "KGM"),)
    )
    for inner, outer in zip(cartons, [*cartons[1:], cartons[0]], strict=True):
        supply.record("farm", "aggregation", "packing", "ADD", parent=outer, items=(Share(inner),))
    supply.record("farm", "object", "shipping", items=(Share(cartons[3]),))
    assert Judgement(supply.story()).flows(lot).moves


def test_many_ways_into_the_same_carrier_are_one() -> None:
    # Ten cartons of a layer in each of ten of the next, twelve layers: a million million ways.
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    layers = [[carton_path(10 * layer + number) for number in range(10)] for layer in range(12)]
    supply.record(
        "farm", "aggregation", action="ADD", parent=layers[0][0], items=(Share(lot, Decimal(1), "KGM"),)
    )
    for below, above in pairwise(layers):
        for outer in above:
            supply.record("farm", "aggregation", action="ADD", parent=outer, items=tuple(map(Share, below)))
    supply.record("farm", "object", "shipping", items=(Share(layers[-1][0]),))
    (move,) = Judgement(supply.story()).flows(lot).of("shipped")
    assert move.carrier == layers[-1][0]


def test_what_is_packed_together_is_not_made_of_each_other() -> None:
    pile = Pile()
    box = Item(sscc="089385000000000010").path
    packed = event(
        "Aggregation",
        START_MS + HOUR_MS,
        "packing",
        action="ADD",
        parentID=address(box),
        childQuantityList=[quantity(FRESH, 1, "KGM"), quantity(DRIED, 1, "KGM")],
    )
    pile.add(event_record("farm", packed))
    assert set(explore(pile, FRESH).nodes) == {FRESH, box}
    assert set(explore(pile, box).nodes) == {FRESH, DRIED, box}


def test_goods_as_a_class_are_not_followed() -> None:
    pile = Pile()
    sort = Item(gtin="08938500000010").path
    pile.add(event_record("farm", processed([sort], [FRESH])))
    found = explore(pile, FRESH)
    assert found.nodes == {FRESH: 0, sort: -1}
    assert thing(sort) not in pile.asked


# -- errors ------------------------------------------------------------------------------------------------------------


def test_only_the_authors_own_word_takes_an_event_back() -> None:
    pile = Pile()
    raw = event_record("farm", made(FRESH))
    pile.add(raw)
    body = parse_record(raw).body
    declared: dict[str, Value] = {
        "event": body["event"],
        "event_hash": body["event_hash"],
        "things": body["things"],
        "time_ms": START_MS,
    }
    pile.add(record("epcis.error/1", "stranger", **declared))
    assert {one.rule for one in pile.findings(FRESH)} == set()
    pile.add(record("epcis.error/1", "farm", **declared))
    assert {one.rule for one in pile.findings(FRESH)} == {"event.declared-error"}


# -- texts that want to be run -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        " =1",
        "\u00a0=1",
        "＝1",
        "\x00=1",
        "=cmd|' /C calc'!A0",
    ],
)
def test_a_formula_becomes_text(text: str) -> None:
    assert safe_cell(text).startswith("'")


@pytest.mark.parametrize("text", ["", "Dứa", "5", "a=1", "(01)08938500000010", "'x", "2026-09-21"])
def test_other_texts_stay(text: str) -> None:
    assert safe_cell(text) == text


@given(rows=st.lists(st.lists(st.text(max_size=12), min_size=3, max_size=3), max_size=5))
def test_no_cell_of_any_table_begins_as_a_formula(rows: list[list[str]]) -> None:
    data = to_csv(("a", "b", "c"), rows)
    assert data.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert len(read) == len(rows) + 1
    for line in read:
        assert len(line) == 3
        for cell in line:
            assert not cell.lstrip().startswith(("=", "+", "-", "@"))


def test_a_name_in_the_picture_is_text() -> None:
    supply = Supply()
    lot = supply.make("farm", Decimal(10))
    pile = Pile()
    found = explore(pile, lot)
    story: Story = supply.story()
    evil = ProductFact(by="farm", name='</text><script>alert("1")</script>&\x07')
    facts = Facts(products={("farm", "08938500000010"): evil})
    drawn = picture.draw(
        type(found)(lot, {lot: 0}, type(story)(story.things, story.events, facts=facts), truncated=False),
        Judgement(type(story)(story.things, story.events, facts=facts)),
    )
    root = ET.fromstring(drawn)  # noqa: S314  our own
    assert "script" not in {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "</text><script>" in "".join(root.itertext()) or "…" in drawn


def test_the_picture_of_many_things_says_what_it_leaves_out() -> None:
    pile = Pile()
    for first in range(0, 600, 200):
        wide = [lot_path(number) for number in range(first + 1, first + 201)]
        pile.add(event_record("farm", processed(wide, [lot_path(0)], at=first)))
    found = explore(pile, lot_path(0), "back", Limits(width=1_000))
    drawn = picture.draw(found, Judgement(found.story))
    assert "và 201 đối tượng nữa" in drawn
    assert drawn == picture.draw(found, Judgement(found.story))


# -- addresses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "site"),
    [
        ("https://id.gs1.org/414/8938500000010", "414/8938500000010"),
        ("https://x.example/a/414/8938500000010/254/dock", "414/8938500000010"),
        ("urn:epc:id:sgln:893850000.001.0", "414/8938500000010"),
        ("urn:epc:id:sgln:893850000.001.7", "414/8938500000010"),
        ("https://so-goc.example/place/htx/kho-1", "place/htx/kho-1"),
        ("urn:sogoc:place:htx:kho-1", "place/htx/kho-1"),
        ("geo:20.1,105.8", "geo:20.1,105.8"),
    ],
)
def test_one_place_is_one_site(uri: str, site: str) -> None:
    assert site_of(uri) == site


def test_a_certificate_of_this_ledger_has_one_form() -> None:
    assert certificate_of(f"urn:sogoc:certificate:so-nn:{'0a' * 16}") == ("so-nn", b"\n" * 16)
    assert certificate_of("https://example.com/cert") is None
    assert certificate_of(f"urn:sogoc:certificate:so-nn:{'0A' * 16}") is None
