"""The explorer: reading without script, finding things, and checking them on the device."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ledger.lookup_code import code_of, grouped
from tests.browser.conftest import Site, Visit, pdf

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def reader(chromium: Browser, site: Site) -> Iterator[Page]:
    """A person whose browser runs no script."""
    context = chromium.new_context(java_script_enabled=False, base_url=site.url)
    yield context.new_page()
    context.close()


def test_the_ledger_reads_without_script(reader: Page, site: Site) -> None:
    reader.goto("/so-cai")
    assert "Đang hoạt động" in reader.inner_text("main")
    reader.click(".list a >> nth=0")
    reader.click(".list a >> nth=0")
    reader.click(".list a >> nth=0")
    assert "Nội dung bản ghi" in reader.inner_text("main")
    assert reader.locator("#check-now").is_hidden()
    reader.click("text=UBND phường Phú Sơn")
    assert "cấp giấy" in reader.inner_text("main")
    reader.goto("/so-cai?lang=en")
    assert reader.locator("html").get_attribute("lang") == "en"
    assert reader.inner_text("h1") == "The ledger"


@pytest.mark.parametrize("how", ["number", "symbol", "record", "file", "code", "height", "member", "nothing"])
def test_finding_things(visit: Visit, site: Site, how: str) -> None:
    record = site.records["report"]
    typed, expected = {
        "number": ("41", "Khối"),  # a bare number is a block's, if there is such a block
        "symbol": ("41/bc-ubnd", "Báo cáo tiến độ hạ tầng số"),
        "record": (record.hex(), "Báo cáo tiến độ hạ tầng số"),
        "file": (hashlib.sha256(pdf("report")).hexdigest(), "Các bản ghi về tệp này"),
        "code": (grouped(code_of(record)), "Báo cáo tiến độ hạ tầng số"),
        "height": ("1", "Khối 1"),
        "member": (unicodedata.normalize("NFD", "PHƯỜNG phú"), "UBND phường Phú Sơn"),
        "nothing": ("không có gì như thế", "Không tìm thấy"),
    }[how]
    if how == "number":
        expected = "Báo cáo tiến độ hạ tầng số" if site.node.final.view.head.height < 41 else "Khối"
    visit.open("/so-cai")
    visit.page.locator("#q").fill(typed)
    with visit.page.expect_navigation():
        visit.page.keyboard.press("Enter")
    assert expected in visit.page.inner_text("main")


def test_a_record_is_checked_on_the_device(visit: Visit, site: Site) -> None:
    visit.open(f"/so-cai/ban-ghi/{site.records['report'].hex()}")
    visit.page.locator("#check-now").click()
    assert visit.verdict() == "in-force status.in-force"


def test_pages_of_blocks(visit: Visit, site: Site) -> None:
    visit.open("/so-cai/khoi?tu=3")
    assert [text.split()[1] for text in visit.page.locator(".list .what").all_inner_texts()] == [
        "3",
        "2",
        "1",
        "0",
    ]
    with visit.page.expect_navigation():
        visit.page.locator("[rel=prev]").click()
    assert f"Khối {site.node.final.view.head.height}" in visit.page.inner_text("main")
