"""The buyer's page: a label scanned with an ordinary phone, by every kind of label, network and screen."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.origin import proof
from ledger.policy import Policy
from tests.browser.conftest import Site, Visit, made_visit
from tests.browser.market import ABSENT, HOSTILE, HOSTILE_LOT, MANY, OLD, ROUND, SOURCES, market
from tests.browser.test_access import overflow, serious
from tests.browser.test_offline import WORKER_AFTER_MS
from tests.orchard import CARTON, COOP, DRIED, DRIED_GTIN, FRESH, FRESH_GTIN

VERDICT_MS = 20_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with market(tmp_path_factory.mktemp("market")) as made:
        yield made


def look(visit: Visit, path: str) -> str:
    """Open a label's address; the verdict."""
    visit.open(path)
    return verdict(visit)


def verdict(visit: Visit) -> str:
    panel = visit.page.locator("#result [data-verdict]").first
    panel.wait_for(timeout=VERDICT_MS)
    return str(panel.get_attribute("data-verdict"))


def test_a_lot_in_circulation(visit: Visit) -> None:
    assert look(visit, f"/{FRESH}") == "registered"
    text = visit.text()
    for said in (
        "CÓ NGUỒN GỐC ĐÃ ĐĂNG KÝ",
        "Dứa gai tươi",
        "Hợp tác xã dứa Phú Sơn",
        "1.200 kg",
        "Vùng trồng dứa Phú Sơn",
        "Không bản ghi nào bị bỏ ra",
        "Chỉ là lời khai",
    ):
        assert said in text
    assert visit.page.locator("#recall").count() == 0
    titles = visit.page.locator("#history h3").all_inner_texts()
    assert titles == ["Thu hoạch, làm ra", "Kiểm tra", "Xuất kho, gửi đi", "Nhận hàng", "Chế biến"]


def test_a_recalled_lot_says_so_first(visit: Visit) -> None:
    assert look(visit, f"/{DRIED}") == "recalled"
    assert visit.title() == "LÔ NÀY BỊ THU HỒI"
    assert "chất lượng không đạt" in visit.page.locator("#recall").inner_text()
    assert "Đừng dùng" in visit.page.locator("#said").inner_text()
    assert "3 sao" in visit.text()
    # Nobody downs a counterfeit for a recall.
    assert "không phải là dấu hiệu hàng giả" in visit.text()


def test_findings_in_plain_words_with_their_records(visit: Visit, site: Site) -> None:
    look(visit, f"/{DRIED}")
    found = visit.page.locator("#findings [data-rule]")
    assert [one.get_attribute("data-rule") for one in found.all()] == [
        "recall.reaches-sold",
        "balance.transit-loss",
        "stock.never-shipped",
    ]
    assert "đã bán 18" in found.nth(0).inner_text()
    assert "5 kg" in found.nth(1).inner_text()
    assert "120" in found.nth(2).inner_text()
    assert [one.get_attribute("data-proven") for one in visit.page.locator("[data-proven]").all()] == [
        "yes"
    ] * 3
    known = {record_id.hex() for record_id in site.records.values()}
    links = visit.page.locator("#findings [data-rule] a").evaluate_all(
        "all => all.map((one) => one.pathname.split('/').pop())"
    )
    assert links
    assert set(links) <= known


def test_who_did_what_when_and_where(visit: Visit) -> None:
    look(visit, f"/{DRIED}")
    steps = visit.page.locator("#history li")
    text = steps.all_inner_texts()
    # Of a lot that was made from another also what happened to that one, in order of happening.
    assert text[0].count("1.200 kg")
    assert any("Dùng: 1.195 kg" in one and "Làm ra: 180" in one for one in text)
    assert any("18,1 °C – 26,4 °C" in one for one in text)
    assert all("ghi vào sổ lúc" in one for one in text)
    assert "Cửa hàng OCOP Bỉm Sơn" in text[-1]
    visit.page.locator("#history a", has_text="bản ghi").first.click()
    visit.page.wait_for_url("**/so-cai/ban-ghi/*")


def test_a_carton_holds_some_of_it(visit: Visit) -> None:
    assert look(visit, f"/{CARTON}") == "recalled-upstream"
    assert "NGUYÊN LIỆU BỊ THU HỒI" in visit.title()
    recalled = visit.page.locator("#recall a")
    assert "DS-2509/1" in recalled.inner_text()
    recalled.click()
    visit.page.wait_for_url(f"**/{DRIED}")
    assert verdict(visit) == "recalled"


def test_what_nobody_recorded(visit: Visit) -> None:
    assert look(visit, f"/{ABSENT}") == "absent"
    assert "không có bản ghi nào" in visit.text()
    assert visit.page.locator("#history").count() == 0


def test_past_its_date(visit: Visit) -> None:
    assert look(visit, f"/{OLD}") == "expired"
    assert "31/12/2024" in visit.text()


def test_a_product_asks_for_its_lot(visit: Visit) -> None:
    assert look(visit, f"/01/{DRIED_GTIN}") == "product"
    assert "Dứa sấy dẻo 200 g" in visit.text()
    visit.page.locator("#which-lot").fill("DS-2509/1")
    visit.page.keyboard.press("Enter")
    visit.page.locator("[data-verdict=recalled]").wait_for(timeout=VERDICT_MS)
    assert look(visit, "/01/08938500000034") == "no-product"


@pytest.mark.parametrize(
    ("number", "lot"),
    [
        (f"0{DRIED_GTIN[1:]}", "DS-2509/1"),
        (DRIED_GTIN[1:], "DS-2509/1"),
        (f"https://nhan.example/{DRIED}/21/7?17=271231", ""),
    ],
)
def test_typing_what_the_label_says(visit: Visit, number: str, lot: str) -> None:
    visit.open("/truy-xuat")
    visit.page.locator("#number").fill(number)
    visit.page.locator("#lot").fill(lot)
    visit.page.locator("#find-form button").click()
    assert verdict(visit) == "recalled"
    visit.page.locator("#again").click()
    assert visit.page.locator("#number").is_visible()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("8938500000028", "chữ số kiểm tra"),
        ("12345", "thiếu hoặc thừa"),
        ("xin chào", "thiếu hoặc thừa"),
        ("https://nhan.example/x", "không phải mã"),
    ],
)
def test_what_was_mistyped(visit: Visit, number: str, expected: str) -> None:
    visit.open("/truy-xuat")
    visit.page.locator("#number").fill(number)
    visit.page.locator("#find-form button").click()
    wrong = visit.page.locator("#find-error")
    wrong.wait_for()
    assert expected in wrong.inner_text() or "không phải mã" in wrong.inner_text()
    assert visit.page.locator("#result").is_hidden()


def test_a_misread_label_says_so(visit: Visit) -> None:
    visit.open("/01/08938500000028/10/A")
    visit.page.locator("#find-error").wait_for()
    assert "chữ số kiểm tra" in visit.page.locator("#find-error").inner_text()


def test_a_piece_is_told_by_its_lot(visit: Visit) -> None:
    assert look(visit, f"/{DRIED}/21/0007") == "recalled"
    assert "0007" in visit.text()


def test_the_proof_that_is_saved_is_one(visit: Visit, site: Site) -> None:
    look(visit, f"/{DRIED}")
    with visit.page.expect_download() as waiting:
        visit.page.locator("#save-proof").click()
    data = Path(waiting.value.path()).read_bytes()
    checked = proof.check(data, Policy.parse(site.node.policy.format()))
    assert checked.exploration.start == DRIED


def test_downloads(visit: Visit, site: Site) -> None:
    look(visit, f"/{DRIED}")
    got: dict[str, bytes] = {}
    for link in visit.page.locator("#downloads a").all():
        answer = visit.context.request.get(site.url + link.get_attribute("href"))
        assert answer.status == 200
        got[link.get_attribute("href").split("/")[3]] = answer.body()
    rows = list(csv.reader(io.StringIO(got["passport.csv"].decode("utf-8-sig"))))
    assert len(rows[0]) >= 10
    assert json.loads(got["epcis.jsonld"])["type"] == "EPCISDocument"
    assert json.loads(got["passport.json"])["item"] == DRIED


def test_one_step_back_one_step_forward(visit: Visit) -> None:
    look(visit, f"/{DRIED}")
    text = visit.page.locator("#steps").inner_text()
    assert "lô DG-2509" in text
    assert "089385000000000010" in text
    assert "Bán lẻ" in text


def test_hostile_names_are_text(visit: Visit) -> None:
    assert look(visit, f"/{HOSTILE_LOT}") == "registered"
    assert HOSTILE in visit.text()
    assert visit.page.locator("#result img, #result b").count() == 0


def test_a_graph_of_many_is_bounded(visit: Visit) -> None:
    assert look(visit, f"/{MANY}") == "registered"
    drawn = visit.page.locator("#graph .node").count()
    left = int(visit.page.locator("[data-left-out]").get_attribute("data-left-out"))
    assert drawn <= 60
    assert drawn + left == SOURCES + 1
    assert overflow(visit) == 0


def test_a_circle_ends(visit: Visit) -> None:
    assert look(visit, f"/{ROUND}") == "registered"
    assert visit.page.locator("[data-rule='graph.cycle']").count() == 1
    assert visit.page.locator("#graph .node").count() == 2


def test_nothing_is_asked_of_anybody_else(visit: Visit, site: Site) -> None:
    look(visit, f"/{DRIED}")
    assert {request.url.startswith((site.url, "blob:", "data:")) for request in visit.requests} == {True}
    assert {request.method for request in visit.requests} == {"GET"}


def test_english_beside(visit: Visit) -> None:
    look(visit, f"/{DRIED}")
    visit.page.locator("#language").click()
    assert visit.title() == "THIS LOT IS RECALLED"
    assert "is recalled: 18" in visit.page.locator("#findings").inner_text()
    assert look(visit, f"/{FRESH}?lang=en") == "registered"
    assert visit.title() == "ORIGIN IS REGISTERED"


# -- where it cannot be told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "rule"),
    [
        ("Object.defineProperty(globalThis.crypto, 'subtle', { value: undefined })", "browser.insecure"),
        (
            """const real = SubtleCrypto.prototype.importKey;
            SubtleCrypto.prototype.importKey = function (format, key, algorithm, ...rest) {
              if ((algorithm.name ?? algorithm) === "Ed25519") throw new DOMException("no", "NotSupportedError");
              return real.call(this, format, key, algorithm, ...rest);
            };""",
            "browser.no-ed25519",
        ),
    ],
)
def test_a_browser_that_cannot_check(visit: Visit, script: str, rule: str) -> None:
    visit.page.add_init_script(script)
    assert look(visit, f"/{FRESH}") == "unknown"
    assert visit.page.locator("[data-verdict]").get_attribute("data-rule") == rule
    assert visit.page.locator("#todo").inner_text()
    # What the server says of a recall is passed on even here.
    assert look(visit, f"/{DRIED}") == "unknown"
    assert "lệnh thu hồi" in visit.page.locator("#recall-told").inner_text()


@pytest.mark.parametrize("what", ["**/v1/**", "**/v1/trace/**", "**/v1/policy"])
def test_no_network(visit: Visit, what: str) -> None:
    visit.page.route(what, lambda route: route.abort())
    assert look(visit, f"/{FRESH}") == "unknown"
    assert "không phải là dấu hiệu hàng giả" in visit.text()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble(visit: Visit, status: int) -> None:
    visit.page.route("**/v1/trace/**", lambda route: route.fulfill(status=status, body="<html>502"))
    assert look(visit, f"/{FRESH}") == "unknown"


def test_offline_after_the_first_visit(chromium: Any, site: Site) -> None:  # noqa: ANN401
    context = chromium.new_context(viewport={"width": 360, "height": 740}, locale="vi-VN")
    visit = made_visit(context, site)
    visit.page.clock.install()
    visit.open("/truy-xuat")
    visit.page.clock.fast_forward(WORKER_AFTER_MS)
    visit.page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    visit.page.wait_for_function("() => navigator.serviceWorker.controller !== null", timeout=VERDICT_MS)
    context.set_offline(True)
    assert look(visit, f"/{FRESH}") == "unknown"
    assert "Máy đang không nối mạng" in visit.text()
    assert visit.complaints == []
    context.close()


# -- access ------------------------------------------------------------------------------------------------------------

SHOWN = ("/truy-xuat", f"/{FRESH}", f"/{DRIED}", f"/{ABSENT}", f"/01/{FRESH_GTIN}", f"/{HOSTILE_LOT}")


def settle(visit: Visit, path: str) -> None:
    visit.open(path)
    if path != "/truy-xuat":
        verdict(visit)
        for summary in visit.page.locator("details").all():
            summary.evaluate("one => one.open = true")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("path", SHOWN)
def test_axe_finds_nothing(visit: Visit, axe: str, path: str, dark: bool) -> None:
    visit.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    settle(visit, path)
    assert serious(visit, axe) == []


@pytest.mark.parametrize("path", SHOWN)
def test_small_screens_and_large_letters(visit: Visit, path: str) -> None:
    for width in (320, 360):
        visit.page.set_viewport_size({"width": width, "height": 740})
        settle(visit, path)
        assert overflow(visit) == 0, width
    visit.page.set_viewport_size({"width": 640, "height": 740})
    settle(visit, path)
    visit.page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert overflow(visit) == 0


def test_the_keyboard_alone(visit: Visit) -> None:
    visit.open("/truy-xuat")
    keys = visit.page.keyboard
    for _ in range(12):
        keys.press("Tab")
        if visit.page.evaluate("document.activeElement.id") == "number":
            break
    keys.type(DRIED_GTIN)
    keys.press("Tab")
    keys.type("DS-2509/1")
    keys.press("Enter")
    assert verdict(visit) == "recalled"
    assert visit.page.evaluate("document.activeElement.id") == "verdict-title"
    reached = set()
    for _ in range(80):
        keys.press("Tab")
        reached.add(visit.page.evaluate("document.activeElement.closest('section, details')?.id ?? ''"))
        if visit.page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    assert {"findings", "history", "graph", "steps", "downloads", "proof"} <= reached


def test_the_coop_is_named(visit: Visit) -> None:
    look(visit, f"/{DRIED}")
    assert COOP not in visit.page.locator("#history").inner_text()
