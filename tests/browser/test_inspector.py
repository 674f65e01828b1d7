"""The inspector's page: search, both ways, findings by what they are, and the ledger checked leaf by leaf."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.cli.output import ExitCode
from ledger.gs1 import Item
from node import keyfiles
from tests.browser.conftest import Site, Visit
from tests.browser.market import (
    FLOOD,
    FORMULA,
    HOSTILE,
    HOSTILE_GTIN,
    HOSTILE_LOT,
    MANY,
    ROUND,
    SOURCES,
    market,
)
from tests.browser.test_access import overflow, serious
from tests.browser.test_forged import flipped
from tests.browser.test_offline import WORKER_AFTER_MS
from tests.chains import key
from tests.orchard import CARTON, COOP, DRIED, DRIED_GTIN, FRESH, INSPECTOR, SHOP
from tests.serving import sogoc

WAIT_MS = 20_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with market(tmp_path_factory.mktemp("market")) as made:
        yield made


def find(visit: Visit, text: str) -> str:
    visit.open("/kiem-tra")
    visit.page.locator("#what").fill(text)
    visit.page.locator("#find-form button").click()
    return ready(visit)


def ready(visit: Visit) -> str:
    visit.page.locator("#result [data-ready]").wait_for(timeout=WAIT_MS)
    return visit.text()


def show(visit: Visit, item: str) -> str:
    visit.open(f"/kiem-tra#/{item}")
    return ready(visit)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (f"{DRIED_GTIN} DS-2509/1", "Đã thu hồi"),
        (f"{DRIED_GTIN[1:]}/DS-2509/1", "Đã thu hồi"),
        (f"(01){DRIED_GTIN}(10)DS-2509/1", "Đã thu hồi"),
        (DRIED, "Đã thu hồi"),
        (f"https://nhan.example/{DRIED}", "Đã thu hồi"),
        ("089385000000000010", "Nguyên liệu bị thu hồi"),
        (DRIED_GTIN, "DS-2509/1"),
        ("HỢP TÁC XÃ", "Xưởng sấy Phú Sơn"),
        (SHOP, "Cửa hàng OCOP Bỉm Sơn"),
        ("không có ai như thế", "không có gì như thế"),
    ],
)
def test_finding_things(visit: Visit, typed: str, expected: str) -> None:
    assert expected in find(visit, typed)


@pytest.mark.parametrize("typed", ["08938500000028 A", "", "https://nhan.example/x"])
def test_what_was_mistyped(visit: Visit, typed: str) -> None:
    visit.open("/kiem-tra")
    visit.page.locator("#what").fill(typed)
    visit.page.locator("#find-form button").click()
    visit.page.locator("#what-error").wait_for()


def test_both_ways_and_how_far(visit: Visit) -> None:
    show(visit, DRIED)
    boxes = visit.page.locator(".graph .node")
    assert boxes.count() == 3
    visit.page.locator("#way").select_option("back")
    visit.page.wait_for_function("() => document.querySelectorAll('.graph .node').length === 2")
    visit.page.locator("#depth").select_option("1")
    ready(visit)
    visit.page.locator("#way").select_option("forward")
    visit.page.wait_for_function(
        "() => document.querySelector('.graph .node')?.textContent.includes('DS-2509')"
    )
    assert visit.page.locator("#events tbody tr").count() >= 7


def test_a_box_of_the_graph_leads_on_and_back(visit: Visit) -> None:
    show(visit, DRIED)
    visit.page.locator(".graph .node", has_text="Dứa gai tươi").click()
    visit.page.wait_for_url(f"**#/{FRESH}")
    assert "1.200 kg" in ready(visit)
    visit.page.go_back()
    visit.page.locator("[data-status=recalled]").wait_for(timeout=WAIT_MS)


def test_sums_and_findings_are_the_storys(visit: Visit) -> None:
    text = show(visit, DRIED)
    tiles = dict(
        zip(
            visit.page.locator(".tiles dt").all_inner_texts(),
            visit.page.locator(".tiles dd").all_inner_texts(),
            strict=True,
        )
    )
    assert (tiles["Làm ra"], tiles["Đã bán"], tiles["Chưa xuất"]) == ("180 đơn vị", "18 đơn vị", "120 đơn vị")
    assert "Hao hụt 5 kg" in text
    first = visit.page.locator("#result [data-severity]").first
    assert first.get_attribute("data-rule") == "recall.reaches-sold"


def test_all_of_it_checked_on_this_device(visit: Visit) -> None:
    show(visit, CARTON)
    visit.page.locator("#check-trace").click()
    done = visit.page.locator("[data-checked]")
    done.wait_for(timeout=WAIT_MS)
    assert done.get_attribute("data-checked") == "yes"
    # The node states no sums of a carrier, and the page says that it added up none.
    assert visit.page.locator("#checked-sums").get_attribute("data-sums") == "none"
    with visit.page.expect_download():
        visit.page.locator("#save-proof").click()


def test_a_report_is_signed_by_an_inspector_s_key_alone(visit: Visit, site: Site, tmp_path: Path) -> None:
    """Role `inspector` and no other: the report is anchored from the page, and checked by the command without a network."""
    show(visit, DRIED)
    visit.page.locator("#check-trace").click()
    visit.page.locator("#no-key").wait_for(timeout=WAIT_MS)
    pem = tmp_path / "thanh-tra.pem"
    keyfiles.save(pem, key(INSPECTOR), None)
    visit.open("/van-phong#khoa")
    visit.page.locator("#bring-back summary").click()
    visit.page.locator("#key-file").set_input_files(str(pem))
    visit.page.locator('.key[data-state="ready"]').wait_for(timeout=WAIT_MS)
    show(visit, DRIED)
    visit.page.locator("#check-trace").click()
    with visit.page.expect_download(timeout=WAIT_MS) as waiting:
        visit.page.locator("#sign-report").click()
    visit.page.locator("#report-signed").wait_for(timeout=WAIT_MS)
    with zipfile.ZipFile(waiting.value.path()) as archive:
        archive.extractall(tmp_path)
    (report,) = tmp_path.glob("*.json")
    policy = site.node.home.policy
    verified = sogoc("verify", report, "--policy", policy, "--json")
    assert verified.code == ExitCode.GOOD, verified.output
    assert verified.json["proved"]["authority"] == INSPECTOR
    said = json.loads(report.read_text(encoding="utf-8"))
    assert said["complete"]
    assert all(one["records_verified"] for one in said["findings"])
    (proof,) = tmp_path.glob("*.sogoc-trace")
    again = sogoc("findings", "--check", proof, "--policy", policy, "--json")
    assert {one["rule"] for one in again.json["findings"]} == {one["rule"] for one in said["findings"]}


def test_a_lie_about_a_trace_is_told(visit: Visit) -> None:
    show(visit, FRESH)

    def other(route: Any) -> None:  # noqa: ANN401  playwright's own
        if "msgpack" in route.request.headers.get("accept", ""):
            answer = route.fetch()
            data = answer.body()
            at = data.index(b"eventTime") + 15
            route.fulfill(body=flipped(data, at), content_type="application/msgpack")
        else:
            route.continue_()

    visit.page.route("**/v1/trace/**", other)
    visit.page.locator("#check-trace").click()
    done = visit.page.locator("[data-checked]")
    done.wait_for(timeout=WAIT_MS)
    assert done.get_attribute("data-checked") == "bad"


def test_an_event_full_of_pieces_and_a_circle_are_answered(visit: Visit) -> None:
    """An event of 1,500 pieces, of which it registers one, and lots made from one another: told, checked, and no freeze."""
    for item, rule in ((FLOOD, "event.mismatch"), (ROUND, "graph.cycle")):
        show(visit, item)
        assert visit.page.locator(f"#result [data-rule='{rule}']").count() >= 1
        visit.page.locator("#check-trace").click()
        visit.page.locator("[data-checked]").wait_for(timeout=WAIT_MS)
        assert visit.page.locator("[data-checked]").get_attribute("data-checked") == "yes"
        assert visit.page.locator(".graph .node").count() >= 1


def test_ten_thousand_things_of_one_event_are_cut_and_said_to_be(visit: Visit) -> None:
    """More than the ledger takes, from a node that says so: the picture and the table show some, and how many not."""

    def many(route: Any) -> None:  # noqa: ANN401
        answer = route.fetch()
        if "msgpack" in route.request.headers.get("accept", ""):
            route.fulfill(response=answer)
            return
        told = answer.json()
        items = [Item(gtin=DRIED_GTIN, serial=str(number)).path for number in range(10_000)]
        node = told["nodes"][0] | {"layer": 1, "lots": [], "recall": None, "quantity": None}
        told["nodes"] += [node | {"item": item} for item in items]
        told["links"].append(told["links"][0] | {"kind": "transformation", "from": [DRIED], "to": items})
        told["truncated"] = True
        route.fulfill(json=told)

    visit.page.route("**/v1/trace/**", many)
    show(visit, DRIED)
    assert visit.page.locator("#truncated").count() == 1
    assert visit.page.locator(".graph .node").count() <= 60
    assert "+9996" in visit.page.locator("#events").inner_text()
    visit.page.locator("#way").select_option("forward")
    ready(visit)


def test_a_table_that_is_saved_computes_nothing(visit: Visit) -> None:
    """Names that a spreadsheet would compute come out of the page's own export as text."""
    assert "=HYPERLINK" in show(visit, FORMULA)
    for form in ("passport.csv", "steps.csv"):
        with visit.page.expect_download(timeout=WAIT_MS) as waiting:
            visit.page.locator(f'a[href*="/v1/exports/{form}/"]').click()
        text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
        cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
        assert [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")] == []
        assert any("HYPERLINK" in cell for cell in cells) or form == "steps.csv"


def test_sums_are_added_up_here_and_a_lie_about_them_is_told(visit: Visit) -> None:
    """A node that shows one figure in its answer, and has other events in its proof."""
    # In the sums: in the finding about the recall another word follows.
    sold = b'"sold":"18","unit"'

    def other(route: Any) -> None:  # noqa: ANN401  playwright's own
        answer = route.fetch()
        if "msgpack" in route.request.headers.get("accept", ""):
            data = answer.body()
            route.fulfill(
                body=data.replace(sold, sold.replace(b"18", b"17")), content_type="application/msgpack"
            )
        else:
            route.fulfill(response=answer)

    show(visit, DRIED)
    visit.page.locator("#check-trace").click()
    visit.page.locator('#checked-sums[data-sums="same"]').wait_for(timeout=WAIT_MS)
    visit.page.route("**/v1/trace/**", other)
    visit.page.locator("#check-trace").click()
    visit.page.locator('#checked-sums[data-sums="differ"]').wait_for(timeout=WAIT_MS)


# -- findings ----------------------------------------------------------------------------------------------------------


def filtered(visit: Visit, **fields: str) -> list[str]:
    for name in ("severity", "rule"):
        visit.page.locator(f"#{name}").select_option(fields.get(name, ""))
    for name in ("member", "since", "until"):
        visit.page.locator(f"#{name}").fill(fields.get(name, ""))
    visit.page.evaluate("document.querySelector('#found')?.remove()")
    visit.page.locator("#filter").click()
    visit.page.locator("#found").wait_for(timeout=WAIT_MS)
    while visit.page.locator("#older").count():
        count = visit.page.locator("#found").get_attribute("data-count")
        visit.page.evaluate("document.querySelector('#found').remove()")
        visit.page.locator("#older").click()
        visit.page.locator("#found").wait_for(timeout=WAIT_MS)
        assert int(visit.page.locator("#found").get_attribute("data-count")) >= int(count)
    more = visit.page.locator("#findings-list button", has_text="Xem thêm")
    while more.count() and more.first.is_visible():
        more.first.click()
    return [
        str(one.get_attribute("data-rule")) for one in visit.page.locator("#findings-list [data-rule]").all()
    ]


def test_findings_by_weight_rule_member_and_time(visit: Visit) -> None:
    visit.open("/kiem-tra#canh-bao")
    visit.page.locator("#found").wait_for(timeout=WAIT_MS)
    everything = filtered(visit)
    assert {"recall.reaches-sold", "balance.transit-loss", "stock.never-shipped", "graph.cycle"} <= set(
        everything
    )
    assert set(filtered(visit, severity="serious")) < set(everything)
    assert set(filtered(visit, rule="recall")) == {"recall.reaches-sold"}
    assert "recall.reaches-sold" in filtered(visit, member=SHOP)
    assert "balance.transit-loss" not in filtered(visit, member=SHOP)
    assert filtered(visit, member="khong-co") == []
    assert filtered(visit, since="2099-01-01") == []
    assert filtered(visit, until="2020-01-01") == []
    assert set(filtered(visit, since="2020-01-01", until="2099-01-01")) <= set(everything)


def test_a_finding_leads_to_its_lot(visit: Visit) -> None:
    visit.open("/kiem-tra#canh-bao")
    visit.page.locator("[data-rule='recall.reaches-sold'] a[href^='#/']").first.click()
    assert "Đã thu hồi" in ready(visit)


def test_the_findings_of_a_member(visit: Visit) -> None:
    find(visit, COOP)
    visit.page.locator("text=Cảnh báo của thành viên này").first.click()
    visit.page.locator("#found").wait_for(timeout=WAIT_MS)
    assert visit.page.locator("#member").input_value() == COOP


def test_findings_as_a_file(visit: Visit) -> None:
    visit.open("/kiem-tra#canh-bao")
    visit.page.locator("#found").wait_for(timeout=WAIT_MS)
    with visit.page.expect_download() as waiting:
        visit.page.locator("#findings-file").click()
    report = json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))
    assert report["format"] == "sogoc-findings/1"
    assert report["complete"]
    assert "recall.reaches-sold" in {one["rule"] for one in report["findings"]}
    assert all(one["time_ms"] for one in report["findings"] if one["records"])
    show(visit, DRIED)
    with visit.page.expect_download() as waiting:
        visit.page.locator("#save-findings").click()
    assert json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))["item"] == DRIED


# -- the ledger itself -------------------------------------------------------------------------------------------------


def audited(visit: Visit, how: str = "all", **own: int) -> tuple[str, str]:
    visit.open("/kiem-tra#kiem-toan")
    visit.page.locator("#range").select_option(how)
    for name, value in own.items():
        visit.page.locator(f"#{name}").fill(str(value))
    visit.page.locator("#audit-go").click()
    return outcome(visit)


def outcome(visit: Visit) -> tuple[str, str]:
    done = visit.page.locator("[data-audit][data-rule]")
    done.wait_for(timeout=WAIT_MS)
    return str(done.get_attribute("data-audit")), str(done.get_attribute("data-rule"))


@pytest.mark.parametrize("how", ["all", "newest"])
def test_the_ledger_is_intact(visit: Visit, site: Site, how: str) -> None:
    assert audited(visit, how) == ("good", "audit.checked")
    text = visit.page.locator("#audit-result").inner_text()
    assert f"Lá đã kiểm tra\n{site.node.final.size}" in text
    assert f"Khối\n{site.node.final.view.head.height + 1}" in text
    assert "lá mỗi giây" in text


def test_a_stretch_of_it(visit: Visit) -> None:
    assert audited(visit, "own", **{"from": 3, "to": 9}) == ("good", "audit.checked")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("entries", "bad"),
        ("records", "bad"),
        ("short", "unknown"),
        ("outage", "unknown"),
        ("checkpoint", "bad"),
        ("signature of a header", "bad"),
    ],
)
def test_a_ledger_that_was_tampered_with(visit: Visit, what: str, expected: str) -> None:
    def change(route: Any) -> None:  # noqa: ANN401
        if what == "outage":
            route.abort()
            return
        data = route.fetch().body()
        if what == "checkpoint":
            lines = data.decode().split("\n")
            lines[2] = "A" * 43 + "="
            route.fulfill(body="\n".join(lines))
        elif what == "short":
            route.fulfill(body=data[:-3])
        elif what == "signature of a header":
            route.fulfill(body=flipped(data, len(data) - 1))
        else:
            route.fulfill(body=flipped(data, len(data) // 2))

    kind = {
        "checkpoint": "**/checkpoint",
        "outage": "**/tile/entries/**",
        "short": "**/tile/entries/**",
        "signature of a header": "**/tile/records/**",
    }
    visit.page.route(kind.get(what, f"**/tile/{what}/**"), change)
    assert audited(visit)[0] == expected


def test_an_audit_can_be_stopped(visit: Visit) -> None:
    waiting: list[Any] = []
    visit.page.route("**/tile/entries/**", lambda route: waiting.append(route))  # noqa: PLW0108  it wants a Python function
    visit.open("/kiem-tra#kiem-toan")
    visit.page.locator("#audit-go").click()
    visit.page.locator("[data-audit=busy]").wait_for()
    visit.page.locator("#audit-stop").click()
    for route in waiting:
        route.continue_()
    assert outcome(visit) == ("stopped", "audit.stopped")
    assert visit.page.locator("#audit-go").is_enabled()


def test_a_browser_that_cannot_check(visit: Visit) -> None:
    visit.page.add_init_script("Object.defineProperty(globalThis.crypto, 'subtle', { value: undefined })")
    assert audited(visit) == ("unknown", "browser.insecure")
    visit.open(f"/kiem-tra#/{DRIED}")
    assert "Đã thu hồi" in ready(visit)


# -- hostile, large, small ---------------------------------------------------------------------------------------------


def test_hostile_names_are_text(visit: Visit) -> None:
    assert HOSTILE in show(visit, HOSTILE_LOT)
    assert HOSTILE in find(visit, HOSTILE_GTIN)
    assert visit.page.locator("#result img, #result b").count() == 0


def test_a_large_graph_is_bounded(visit: Visit) -> None:
    show(visit, MANY)
    left = int(visit.page.locator("[data-left-out]").get_attribute("data-left-out"))
    assert visit.page.locator(".graph .node").count() + left == SOURCES + 1
    assert visit.page.locator(".graph .node").count() <= 60
    assert overflow(visit) == 0


def test_no_network(visit: Visit) -> None:
    visit.page.route("**/v1/**", lambda route: route.abort())
    assert "không trả lời được" in show(visit, DRIED)
    visit.page.locator("#tabs a[href='#canh-bao']").click()
    visit.page.locator("#findings-list [role=alert]").wait_for(timeout=WAIT_MS)


SHOWN = (
    "/kiem-tra",
    f"/kiem-tra#/{DRIED}",
    f"/kiem-tra#/{MANY}",
    "/kiem-tra#canh-bao",
    "/kiem-tra#kiem-toan",
)


def settle(visit: Visit, path: str) -> None:
    visit.page.goto("about:blank")
    visit.open(path)
    if "#/" in path:
        ready(visit)
    if "canh-bao" in path:
        visit.page.locator("#found").wait_for(timeout=WAIT_MS)
    if "kiem-toan" in path:
        visit.page.locator("#audit-go").click()
        outcome(visit)


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
    visit.open("/kiem-tra")
    keys = visit.page.keyboard
    for _ in range(15):
        keys.press("Tab")
        if visit.page.evaluate("document.activeElement.id") == "what":
            break
    keys.type(f"{DRIED_GTIN} DS-2509/1")
    keys.press("Enter")
    ready(visit)
    assert visit.page.evaluate("document.activeElement.dataset.ready") == "yes"
    for _ in range(40):
        keys.press("Tab")
        if visit.page.evaluate(
            "document.activeElement.closest('.graph') !== null && document.activeElement.tagName === 'a'"
        ):
            break
    keys.press("Enter")
    visit.page.wait_for_url("**#/01/**DG-2509")


def test_opens_with_no_network_after_a_first_visit(visit: Visit) -> None:
    page = visit.page
    page.clock.install()
    visit.open("/kiem-tra")
    page.clock.fast_forward(WORKER_AFTER_MS)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("navigator.serviceWorker.controller !== null", timeout=WAIT_MS)
    visit.context.set_offline(True)
    visit.open("/kiem-tra")
    assert page.locator("h1").inner_text() == "Thanh tra nguồn gốc"
    assert "Máy chủ không trả lời" in find(visit, DRIED)


def test_english_beside(visit: Visit) -> None:
    visit.open(f"/kiem-tra?lang=en#/{DRIED}")
    assert "Recalled" in ready(visit)
    assert visit.page.locator("h1").inner_text() == "Inspecting origin"
