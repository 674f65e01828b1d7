"""The browser computes the sums of a lot as the library does: by the shared vectors, and over random chains."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.entry import encode_record
from ledger.epcis.json_text import parse_object
from ledger.epcis.record import prepare, read
from ledger.hashing import sha256
from ledger.history import HistoryRecord
from ledger.origin.balance import figures
from ledger.origin.findings import Judgement
from ledger.origin.flows import is_carrier, is_serial
from ledger.origin.model import OriginEvent, Share
from ledger.origin.story import origin_event
from ledger.records import parse_record
from ledger.records.base import octets
from tests.browser.conftest import Site
from tests.orchard import COOP, FRESH, PLANT, event, quantity
from tests.supply_chains import (
    MEMBERS,
    START_MS,
    Supply,
    carton_path,
    lot_path,
    serial_path,
    story_of,
    supplies,
)
from tests.test_origin_sums import CASES, event_to, sums_of

_STEPS = (
    "void_shipping",
    "retail_selling",
    "dispensing",
    "consuming",
    "destroying",
    "cycle_counting",
    "stock_taking",
    "packing",
    "",
)

_SUMS = """async (cases) => {
  const { sumsOf } = await import("/static/js/trace/balance.js");
  return cases.map(({ events, items, owners }) => items.map((item) => sumsOf(events, item, owners[item] ?? [])));
}"""


@pytest.fixture(scope="module")
def page(chromium: Any, site: Site) -> Iterator[Any]:  # noqa: ANN401  playwright's own
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/truy-xuat")
    yield page
    context.close()


def test_the_browser_sums_as_the_vectors_say(page: Any) -> None:  # noqa: ANN401
    asked = [
        {"events": case["events"], "items": [case["item"]], "owners": {case["item"]: case.get("owners", [])}}
        for case in CASES
    ]
    for case, (made,) in zip(CASES, page.evaluate(_SUMS, asked), strict=True):
        assert made == {"figures": case["figures"], "isShort": case["short"]}, case["desc"]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(several=st.lists(supplies(), min_size=4, max_size=10), data=st.data())
def test_random_chains_have_the_same_sums_in_both(
    page: Any,  # noqa: ANN401
    several: list[Supply],
    data: st.DataObject,
) -> None:
    """Honest chains, and the same with some of their events gone."""
    asked, wanted = [], []
    for supply in several:
        if data.draw(st.booleans()):
            gone = data.draw(st.integers(0, len(supply.events) - 1))
            del supply.events[gone]
        judgement = Judgement(supply.story())
        items = sorted(judgement.story.things)
        asked.append(
            {
                "events": [event_to(event) for event in supply.events],
                "items": items,
                "owners": {item: [owner] for item, owner in supply.made_by.items()},
            }
        )
        wanted.append([figures(judgement.flows(item)) for item in items])
    for made, expected in zip(page.evaluate(_SUMS, asked), wanted, strict=True):
        assert [one["figures"] for one in made] == expected


_LOTS = (lot_path(1), lot_path(2), serial_path(1), "code/coop/tea/10/A")
_CARTONS = tuple(carton_path(number) for number in range(1, 4))
_SHARES = st.builds(
    Share,
    st.sampled_from((*_LOTS, *_CARTONS)),
    st.sampled_from(
        (None, *map(Decimal, ("0", "1", "2", "2.5", "7", "0.000001", "1E+3", "1234567890123456789")))
    ),
    st.sampled_from(("", "KGM", "KGM", "GRM", "LBR", "LTR", "PR", "XBX")),
)
_LISTS = st.lists(_SHARES, max_size=3).map(tuple)


@st.composite
def _anything(draw: st.DrawFn) -> list[OriginEvent]:
    """Events of which nothing fits together, but that they speak of the same few things, members, places and moments."""
    events = []
    for number in range(draw(st.integers(2, 14))):
        kind = draw(
            st.sampled_from(
                (
                    "object",
                    "object",
                    "object",
                    "transaction",
                    "aggregation",
                    "aggregation",
                    "association",
                    "transformation",
                )
            )
        )
        is_nested = kind in {"aggregation", "association"}
        time_ms = START_MS + draw(st.integers(0, 12)) * 4 * 60_000
        events.append(
            OriginEvent(
                record_id=sha256(b"anything %d" % number),
                by=draw(st.sampled_from(MEMBERS[:3])),
                kind=kind,
                action=""
                if kind == "transformation"
                else draw(st.sampled_from(("ADD", "OBSERVE", "OBSERVE", "DELETE"))),
                step=draw(st.sampled_from(("shipping", "receiving", *_STEPS))),
                time_ms=time_ms,
                recorded_ms=time_ms,
                order=(number, 0),
                site=draw(st.sampled_from(("", "414/1", "414/2"))),
                items=() if kind == "transformation" else draw(_LISTS),
                parent=draw(st.sampled_from(_CARTONS)) if is_nested else "",
                inputs=draw(_LISTS) if kind == "transformation" else (),
                outputs=draw(_LISTS) if kind == "transformation" else (),
                transactions=tuple(sorted(draw(st.sets(st.sampled_from(("po:1", "po:2")), max_size=2)))),
            )
        )
    return events


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    several=st.lists(_anything(), min_size=10, max_size=25),
    owner=st.sampled_from(("", *MEMBERS[:3])),
)
def test_whatever_the_events_say_both_sum_the_same(
    page: Any,  # noqa: ANN401
    several: list[list[OriginEvent]],
    owner: str,
) -> None:
    """Also what nobody honest records: unpacked before it was packed, packed in itself, sold in another unit."""
    owners = dict.fromkeys(_LOTS, owner) if owner else {}
    asked, wanted = [], []
    for events in several:
        judgement = Judgement(story_of(events, owners))
        items = sorted(judgement.story.things)
        asked.append(
            {
                "events": [event_to(event) for event in events],
                "items": items,
                "owners": {item: [one] for item, one in owners.items()},
            }
        )
        wanted.append([sums_of(judgement, item) for item in items])
    for told, made, expected in zip(asked, page.evaluate(_SUMS, asked), wanted, strict=True):
        assert made == expected, told


_PREFIXES = {"ex": "https://example.com/trace/", "ban": "urn:example:"}
_LINK = "https://id.gs1.org/01/08938500000010/10/L1"
_READ: dict[str, dict[str, Any]] = {
    "as templates write it": {"bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:po:1"}]},
    "prefixes of one's own": {
        "quantityList": [{"epcClass": "ex:01/08938500000010/10/L1", "quantity": 2.5, "uom": "KGM"}],
        "readPoint": {"id": "ex:place/coop/k1"},
        "bizTransactionList": [{"type": "po", "bizTransaction": "ban:po:1"}],
    },
    "the standard's prefix for a step": {"bizStep": "cbv:BizStep-shipping"},
    "a step's address": {"bizStep": "https://ref.gs1.org/cbv/BizStep-receiving"},
    "somebody's own step": {"bizStep": "ex:resting"},
    "names instead of numbers, another host, capitals": {
        "quantityList": [
            {"epcClass": "HTTPS://example.com/gtin/8938500000010/lot/L1?x=1", "quantity": 1, "uom": "KGM"}
        ]
    },
    "a variant, and a serial beside its lot": {
        "epcList": [
            "https://id.gs1.org/01/08938500000027/22/V/10/L1/21/S1",
            "urn:epc:id:sscc:8938500.0000000001",
        ],
        "quantityList": [],
    },
    "URNs": {
        "quantityList": [{"epcClass": "urn:epc:class:lgtin:8938500.000001.L%2F1", "quantity": 0.000001}],
        "bizLocation": {"id": "urn:epc:id:sgln:8938500.00001.hall.2"},
    },
    "a code that looks like a serial's key": {
        "epcList": ["https://sogoc.example/code/coop/21/10/A"],
        "quantityList": [],
    },
    "a location's part, by its name": {"bizLocation": {"id": "https://example.com/gln/8938500000010/254/7"}},
    "a long place of somebody's own": {"bizLocation": {"id": "https://example.com/" + "hall/" * 60 + "1"}},
    "a long transaction": {"bizTransactionList": [{"bizTransaction": "urn:x:" + "7" * 700}]},
    "what is shipped is at the read point": {
        "bizStep": "shipping",
        "readPoint": {"id": "https://id.gs1.org/414/8938500000010"},
        "bizLocation": {"id": "https://id.gs1.org/414/8938500000027"},
    },
    "finer than a millisecond": {"eventTime": "2026-09-20T08:00:00.0005+07:00"},
    "without an amount": {"quantityList": [{"epcClass": _LINK}]},
    "what is no goods": {"epcList": ["urn:epc:id:grai:8938500.00001.1", "https://example.com/box/1"]},
}


@pytest.mark.parametrize("how", _READ)
def test_an_event_is_read_as_the_library_reads_it(page: Any, how: str) -> None:  # noqa: ANN401
    """What is summed is what was read: the same things, amounts, places, steps and times, however they are written."""
    value = event(
        "Object",
        START_MS,
        "inspecting",
        PLANT,
        action="OBSERVE",
        quantityList=[quantity(FRESH, 10, "KGM")],
    )
    value |= {"@context": [value["@context"], _PREFIXES]} | _READ[how]
    told = parse_object(json.dumps(value).encode(), max_bytes=60_000)
    body = prepare(COOP, told).body
    record = parse_record(encode_record("epcis.event/1", body))
    placed = HistoryRecord(record, record.id, bytes(32), 2, 0, 1, START_MS, START_MS, bytes(32))
    wanted = event_to(origin_event(placed, read(record.body)))
    # One piece is one, also where nothing says so.
    for share in wanted["items"]:
        share["amount"] = "1" if is_carrier(share["item"]) or is_serial(share["item"]) else share["amount"]
    made = page.evaluate(
        """async (bytes) => {
          const { readEvent } = await import("/static/js/trace/happened.js");
          return readEvent(new Uint8Array(bytes));
        }""",
        list(octets(record.body, "event")),
    )
    compared = (
        "kind",
        "action",
        "step",
        "timeMs",
        "site",
        "items",
        "parent",
        "inputs",
        "outputs",
        "transactions",
    )
    assert {name: made[name] for name in compared} == {name: wanted[name] for name in compared}


def test_what_is_not_complete_is_not_summed(page: Any) -> None:  # noqa: ANN401
    """Without the carrier's own events its moves are not known: no figure rather than a wrong one."""
    case = next(case for case in CASES if "carrier moves 60" in case["desc"])
    assert page.evaluate(
        """async ({ events, item }) => {
          const { sumsOf } = await import("/static/js/trace/balance.js");
          return [sumsOf(events, item, [], (one) => !one.startsWith("00/")), sumsOf(events, item, [], () => true) === null];
        }""",
        case,
    ) == [None, False]
