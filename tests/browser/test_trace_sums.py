"""The browser computes the sums of a lot as the library does: by the shared vectors, and over random chains."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.hashing import sha256
from ledger.origin.balance import figures
from ledger.origin.findings import Judgement
from ledger.origin.model import OriginEvent, Share
from tests.browser.conftest import Site
from tests.supply_chains import MEMBERS, START_MS, Supply, carton_path, lot_path, serial_path, story_of, supplies
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
    st.sampled_from((None, *map(Decimal, ("0", "1", "2", "2.5", "7", "0.000001", "1E+3", "1234567890123456789")))),
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
                ("object", "object", "object", "transaction", "aggregation", "aggregation", "association", "transformation")
            )
        )
        is_nested = kind in {"aggregation", "association"}
        time_ms = START_MS + draw(st.integers(0, 12)) * 4 * 60_000
        events.append(
            OriginEvent(
                record_id=sha256(b"anything %d" % number),
                by=draw(st.sampled_from(MEMBERS[:3])),
                kind=kind,
                action="" if kind == "transformation" else draw(st.sampled_from(("ADD", "OBSERVE", "OBSERVE", "DELETE"))),
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
    for events, made, expected in zip(asked, page.evaluate(_SUMS, asked), wanted, strict=True):
        assert made == expected, events


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
