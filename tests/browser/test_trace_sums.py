"""The browser computes the sums of a lot as the library does: by the shared vectors, and over random chains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.origin.balance import figures
from ledger.origin.findings import Judgement
from tests.browser.conftest import Site
from tests.supply_chains import Supply, supplies
from tests.test_origin_sums import CASES, event_to

_SUMS = """async (cases) => {
  const { sumsOf } = await import("/static/js/trace/balance.js");
  return cases.map(({ events, items }) => items.map((item) => sumsOf(events, item)));
}"""


@pytest.fixture(scope="module")
def page(chromium: Any, site: Site) -> Iterator[Any]:  # noqa: ANN401  playwright's own
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/truy-xuat")
    yield page
    context.close()


def test_the_browser_sums_as_the_vectors_say(page: Any) -> None:  # noqa: ANN401
    asked = [{"events": case["events"], "items": [case["item"]]} for case in CASES]
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
        asked.append({"events": [event_to(event) for event in supply.events], "items": items})
        wanted.append([figures(judgement.flows(item)) for item in items])
    for made, expected in zip(page.evaluate(_SUMS, asked), wanted, strict=True):
        assert [one["figures"] for one in made] == expected


def test_what_is_not_complete_is_not_summed(page: Any) -> None:  # noqa: ANN401
    """Without the carrier's own events its moves are not known: no figure rather than a wrong one."""
    case = next(case for case in CASES if "carrier moves 60" in case["desc"])
    assert page.evaluate(
        """async ({ events, item }) => {
          const { sumsOf } = await import("/static/js/trace/balance.js");
          return [sumsOf(events, item, (one) => !one.startsWith("00/")), sumsOf(events, item, () => true) === null];
        }""",
        case,
    ) == [None, False]
