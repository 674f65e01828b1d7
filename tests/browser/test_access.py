"""Access: what axe-core finds, the keyboard alone, a small screen, twice the size, dark, and names for screen readers."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.lookup_code import code_of
from tests.browser.conftest import Site, Visit

PAGES = (
    "/",
    "/so-cai",
    "/so-cai/khoi",
    "/so-cai/khoi/0",
    "/so-cai/khoi/1",
    "/so-cai/thanh-vien",
    "/so-cai/thanh-vien/office",
    "/so-cai/xac-nhan",
    "/so-cai/tim?q=41",
    "/so-cai/tim?q=nothing",
    "/so-cai/khoi/999999",
)
VERDICTS = ("report", "withdrawn", "superseded", "unknown", "bad")


def serious(visit: Visit, axe: str) -> list[str]:
    """What axe-core finds that keeps somebody from using the page."""
    visit.page.evaluate(axe)
    found: list[dict[str, Any]] = visit.page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then((results) => results.violations)"
    )
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:120]}: {one['nodes'][0].get('failureSummary', '')[:200]}"
        for one in found
        if one["impact"] in {"serious", "critical", "moderate"}
    ]


def overflow(visit: Visit) -> int:
    return int(
        visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


def show(visit: Visit, site: Site, name: str) -> None:
    visit.open()
    if name == "bad":
        visit.give(site.file("changed.pdf", b"changed"), site.receipt("report"))
    elif name == "unknown":
        visit.give(site.file("stranger.pdf", b"a stranger"))
    else:
        visit.give(site.paper(name))
    visit.page.locator("#proof summary").click()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_on_a_page(visit: Visit, axe: str, path: str, dark: bool) -> None:
    visit.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    visit.open(path)
    assert serious(visit, axe) == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", VERDICTS)
def test_axe_finds_nothing_on_a_verdict(visit: Visit, site: Site, axe: str, name: str, dark: bool) -> None:
    visit.page.emulate_media(color_scheme="dark" if dark else "light")
    show(visit, site, name)
    assert serious(visit, axe) == []
    visit.page.locator("#report").click()
    assert serious(visit, axe) == []


def test_axe_finds_nothing_on_a_record(visit: Visit, site: Site, axe: str) -> None:
    visit.open(f"/so-cai/ban-ghi/{site.records['report'].hex()}")
    visit.page.locator("#check-now").click()
    visit.verdict()
    assert serious(visit, axe) == []


@pytest.mark.parametrize("width", [320, 360])
def test_a_small_screen_needs_no_sideways_scrolling(visit: Visit, site: Site, width: int) -> None:
    # 1280 pixels at 400 % are 320: WCAG 2.2, 1.4.10.
    visit.page.set_viewport_size({"width": width, "height": 640})
    for path in (*PAGES, f"/so-cai/ban-ghi/{site.records['report'].hex()}"):
        visit.open(path)
        assert overflow(visit) == 0, path
    for name in VERDICTS:
        show(visit, site, name)
        assert overflow(visit) == 0, name


def test_text_of_twice_the_size(visit: Visit, site: Site) -> None:
    visit.page.set_viewport_size({"width": 640, "height": 740})
    for path in PAGES:
        visit.open(path)
        # A person's own font size, which everything is measured in.
        visit.page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert overflow(visit) == 0, path
    show(visit, site, "report")
    visit.page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert overflow(visit) == 0


def test_the_keyboard_alone(visit: Visit, site: Site) -> None:
    """From the top of the page to a verdict by its code, and into the proof, without a pointer."""
    visit.open()
    keys = visit.page.keyboard

    def focused() -> str:
        return str(visit.page.evaluate("document.activeElement.id || document.activeElement.className"))

    keys.press("Tab")
    assert focused() == "skip"
    keys.press("Enter")
    assert focused() == "main"
    reached = []
    for _ in range(12):
        keys.press("Tab")
        reached.append(focused())
        if reached[-1] == "code":
            break
    assert reached[:2] == ["scan", "choose"]
    assert reached[-1] == "code"
    keys.type(code_of(site.records["report"]))
    keys.press("Enter")
    assert visit.verdict() == "in-force status.in-force"
    assert focused() == "verdict-title"
    for _ in range(10):
        keys.press("Tab")
        if visit.page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    keys.press("Enter")
    assert visit.page.locator("#proof").get_attribute("open") is not None


def test_a_screen_reader_hears_the_verdict(visit: Visit, site: Site) -> None:
    visit.open()
    said = visit.page.locator("#said")
    assert said.get_attribute("aria-live") == "polite"
    visit.give(site.paper("withdrawn"))
    assert said.inner_text().startswith("ĐÃ THU HỒI. Giấy tờ thật")
    names = visit.page.evaluate(
        """[...document.querySelectorAll("button, a, input, summary")].filter((one) => one.checkVisibility())
          .map((one) => (one.getAttribute("aria-label") ?? one.textContent ?? "").trim())"""
    )
    assert all(names)
    assert {"Kiểm tra giấy tờ khác", "Lưu bằng chứng", "In kết quả", "Báo giả mạo", "Xem bằng chứng"} <= set(
        names
    )


def test_a_finger_finds_every_button(visit: Visit, site: Site) -> None:
    show(visit, site, "report")
    sizes = visit.page.evaluate(
        """[...document.querySelectorAll("button, .button, summary, .nav a")].filter((one) => one.checkVisibility())
          .map((one) => one.getBoundingClientRect().height)"""
    )
    assert min(sizes) >= 40


def test_nothing_moves_for_those_who_asked_for_that(visit: Visit) -> None:
    visit.page.emulate_media(reduced_motion="reduce")
    visit.open()
    visit.page.evaluate(
        """() => {
          const one = document.createElement("i");
          one.className = "spin";
          one.id = "spin";
          document.body.append(one);
        }"""
    )
    assert visit.page.evaluate("getComputedStyle(document.getElementById('spin')).animationName") == "none"
