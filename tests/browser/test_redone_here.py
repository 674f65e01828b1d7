"""The inspector's and the buyer's page compute four kinds of findings themselves, and tell of a node that lies about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Site, Visit, made_visit
from tests.browser.market import market
from tests.browser.test_access import overflow
from tests.orchard import DRIED

WAIT_MS = 30_000
_ROOM = """() => [...document.querySelectorAll(".graph .node")].map((node) => {
  const lines = [...node.querySelectorAll("text")].map((line) => line.getBBox().width);
  return node.querySelector("rect").getBBox().width - Math.max(...lines);
})"""
REACHES = '[data-rule="recall.reaches-sold"]'


@pytest.fixture(scope="module")
def stall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with market(tmp_path_factory.mktemp("redone")) as site:
        yield site


@pytest.fixture
def visit(chromium: Any, stall: Site) -> Iterator[Visit]:  # noqa: ANN401  playwright's own
    context = chromium.new_context(viewport={"width": 360, "height": 740}, locale="vi-VN")
    made = made_visit(context, stall)
    yield made
    context.close()
    assert made.complaints == []


def lying(old: bytes, new: bytes) -> Any:  # noqa: ANN401  a handler of playwright's
    """A node whose answer has other words than its proof gives."""
    assert len(old) == len(new)

    def other(route: Any) -> None:  # noqa: ANN401  playwright's own
        answer = route.fetch()
        if "msgpack" in route.request.headers.get("accept", ""):
            assert old in answer.body()
            route.fulfill(body=answer.body().replace(old, new), content_type="application/msgpack")
        else:
            route.fulfill(response=answer)

    return other


def test_the_inspector_s_page_says_which_findings_it_computed(visit: Visit) -> None:
    page = visit.page
    visit.open(f"/kiem-tra#/{DRIED}")
    page.locator("#check-trace").click()
    page.locator('#checked-rules[data-rules="same"]').wait_for(timeout=WAIT_MS)
    findings = page.locator("#thing-findings")
    assert findings.locator(f"{REACHES} [data-redone=yes]").count() == 1
    redone = {one.get_attribute("data-rule") for one in findings.locator("li:has([data-redone=yes])").all()}
    assert redone <= {"recall.reaches-sold", "serial.reused", "certificate.not-in-force", "entry.late"}
    assert findings.locator("li:has([data-redone=no])").count() > 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"rule":"recall.reaches-sold"', b'"rule":"stock.never-shipped"'),
        (b'"sold":"18","sold_after"', b'"sold":"17","sold_after"'),
    ],
)
def test_a_finding_that_was_left_out_or_changed_is_told(visit: Visit, old: bytes, new: bytes) -> None:
    page = visit.page
    page.route("**/v1/trace/**", lying(old, new))
    visit.open(f"/kiem-tra#/{DRIED}")
    page.locator("#check-trace").click()
    page.locator('#checked-rules[data-rules="differ"]').wait_for(timeout=WAIT_MS)
    visit.open(f"/{DRIED}")
    page.locator("#differs").wait_for(timeout=WAIT_MS)
    assert "KHÁC" in page.locator("#differs").inner_text()


def test_the_buyer_s_page_has_no_warning_where_all_agrees(visit: Visit) -> None:
    visit.open(f"/{DRIED}")
    visit.page.locator(f"#findings {REACHES} [data-redone=yes]").wait_for(timeout=WAIT_MS)
    assert visit.page.locator("#differs").count() == 0


def test_a_long_name_stays_on_a_narrow_page(visit: Visit) -> None:
    """A member's goods, one of whose names has nowhere to break; and what a box of the graph says of it fits into it."""
    visit.open("/kiem-tra")
    visit.page.locator("#what").fill("hợp tác")
    visit.page.locator("#what").press("Enter")
    visit.page.get_by_text("HYPERLINK").first.wait_for(timeout=WAIT_MS)
    assert overflow(visit) <= 0
    visit.open(f"/{DRIED}")
    visit.page.locator(".graph .state").first.wait_for(timeout=WAIT_MS)
    room = visit.page.evaluate(_ROOM)
    assert len(room) == 3
    assert min(room) >= 16
