"""The citizen's journeys: each way in, each verdict, and that the file itself never leaves the device."""

from __future__ import annotations

import hashlib
import time
import unicodedata
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.hashing import leaf_hash
from ledger.lookup_code import code_of, grouped
from ledger.records.members import possession_message
from node.service import clock_ms
from tests.browser.conftest import Site, Visit, made_visit, pdf
from tests.serving import serving
from tests.support import (
    MEMBER,
    document_record,
    new_key,
    put,
    register_key,
    register_member,
    running_node,
    sign,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_a_paper_in_force(visit: Visit, site: Site) -> None:
    visit.open()
    assert visit.give(site.paper("report")) == "in-force status.in-force"
    assert visit.title() == "HỢP LỆ"
    text = visit.text()
    for word in ("UBND phường Phú Sơn", "41/BC-UBND", "13/02/2025", "Báo cáo tiến độ hạ tầng số"):
        assert word in text
    assert visit.page.locator('#proof [data-state="yes"]').count() == 8
    assert visit.page.locator('#proof [data-state="no"], #proof [data-state="open"]').count() == 0


def test_the_file_never_leaves_the_device(visit: Visit, site: Site) -> None:
    content = pdf("report") + b"A LINE THAT NOBODY MAY SEE " * 50
    visit.open()
    visit.give(site.file("secret name.pdf", content))
    asked = [request.url for request in visit.requests]
    assert any(f"/v1/documents/{hashlib.sha256(content).hexdigest()}" in url for url in asked)
    for request in visit.requests:
        assert request.method == "GET"
        assert request.post_data_buffer is None
        assert request.url.startswith(site.url + "/"), "a request to somebody else"
        assert "NOBODY" not in request.url
        assert "secret" not in request.url
        assert "cookie" not in request.headers
        assert not request.headers.get("referer")


@pytest.mark.parametrize(
    ("name", "verdict", "title"),
    [
        ("withdrawn", "ended status.withdrawn", "ĐÃ THU HỒI"),
        ("superseded", "ended status.superseded", "ĐÃ THAY THẾ"),
    ],
)
def test_a_paper_that_is_no_longer_in_force_is_not_a_forgery(
    visit: Visit, site: Site, name: str, verdict: str, title: str
) -> None:
    visit.open()
    assert visit.give(site.paper(name)) == verdict
    assert visit.title() == title
    assert "không phải là giả mạo" in visit.text()
    assert "Cấp bởi UBND phường Phú Sơn" in visit.text()


def test_a_file_that_nobody_recorded_is_not_called_a_forgery(visit: Visit, site: Site) -> None:
    visit.open()
    assert visit.give(site.file("x.pdf", b"nobody knows this")) == "unknown document.unknown"
    assert visit.title() == "CHƯA KIỂM TRA ĐƯỢC"


def test_a_changed_file_beside_its_receipt(visit: Visit, site: Site) -> None:
    visit.open()
    changed = site.file("changed.pdf", pdf("report").replace(b"report", b"raport"))
    assert visit.give(changed, site.receipt("report")) == "bad document.hash"
    assert visit.title() == "KHÔNG HỢP LỆ"
    assert visit.page.locator('#proof [data-step="check.file"]').get_attribute("data-state") == "no"


def test_a_receipt_and_then_its_file(visit: Visit, site: Site) -> None:
    visit.open()
    assert visit.give(site.receipt("report"), to="#receipts") == "in-force status.in-force"
    assert "So khớp tệp" in visit.text()
    visit.page.locator("#files").set_input_files(site.paper("plain"))
    visit.page.locator("[data-verdict=bad]").wait_for()
    visit.page.locator("#again").click()
    assert visit.give(site.receipt("report"), to="#receipts") == "in-force status.in-force"
    visit.page.locator("#files").set_input_files(site.paper("report"))
    visit.page.locator('[data-step="check.file"][data-state=yes]').wait_for(state="attached")


def test_a_private_paper_needs_its_salt(visit: Visit, site: Site) -> None:
    visit.open()
    receipt, paper = site.receipt("private"), site.paper("private")
    assert visit.give(paper, receipt) == "unknown document.salt-missing"
    visit.page.locator("#again").click()
    assert visit.give(paper, receipt, str(site.papers / "private.pdf.salt")) == "in-force status.in-force"
    visit.page.locator("#again").click()
    other = site.file("other.salt", "ab" * 32)
    assert visit.give(paper, receipt, other) == "bad document.hash"


def test_a_lookup_code(visit: Visit, site: Site) -> None:
    code = grouped(code_of(site.records["report"]))
    visit.open()
    assert visit.look_up(code.lower().replace("-", " ")) == "in-force status.in-force"
    assert "41/BC-UBND" in visit.text()


def test_a_mistyped_code_is_noticed_before_anything_is_asked(visit: Visit, site: Site) -> None:
    code = code_of(site.records["report"])
    wrong = ("0" if code[0] != "0" else "1") + code[1:]
    visit.open()
    visit.page.locator("#code").fill(wrong)
    visit.page.locator("#code-form button").click()
    assert "chưa đúng" in visit.page.locator("#code-error").inner_text()
    assert visit.page.locator("#code").get_attribute("aria-invalid") == "true"
    assert not [request for request in visit.requests if "/v1/codes" in request.url]


def test_a_code_that_the_ledger_does_not_have(visit: Visit) -> None:
    visit.open()
    assert visit.look_up(code_of(b"\x12" * 32)) == "unknown code.unknown"


@pytest.mark.parametrize("how", ["hex", "base64url"])
def test_the_link_of_a_qr_code_and_its_salt(visit: Visit, site: Site, how: str) -> None:
    code = grouped(code_of(site.records["private"]))
    fragment = "07" * 32 if how == "hex" else "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"
    visit.open(f"/c/{code}#{fragment}")
    assert visit.verdict() == "in-force status.in-force"
    assert "#" not in visit.page.url
    visit.page.locator("#files").set_input_files(site.paper("private"))
    visit.page.locator('[data-step="check.file"][data-state=yes]').wait_for(state="attached")
    assert not [request.url for request in visit.requests if fragment in request.url]


@pytest.mark.parametrize(
    ("name", "verdict", "title"),
    [
        ("licence", "in-force status.in-force", "HỢP LỆ"),
        ("old-licence", "ended status.expired", "HẾT HẠN"),
        ("revoked-licence", "ended status.revoked", "ĐÃ THU HỒI"),
    ],
)
def test_certificates_by_their_code(visit: Visit, site: Site, name: str, verdict: str, title: str) -> None:
    visit.open("/c/" + code_of(site.records[name]))
    assert visit.verdict() == verdict
    assert visit.title() == title
    assert "vn.licence.1" in visit.text()


def test_names_and_files_in_nfd(visit: Visit, site: Site) -> None:
    path = site.papers / unicodedata.normalize("NFD", "Báo cáo tiến độ.pdf")
    path.write_bytes(pdf("report"))
    visit.open()
    assert visit.give(str(path)) == "in-force status.in-force"


def test_saving_the_proof_gives_a_receipt_that_verifies(visit: Visit, site: Site, tmp_path: Path) -> None:
    visit.open()
    visit.give(site.paper("report"))
    with visit.page.expect_download() as waiting:
        visit.page.locator("#save-proof").click()
    assert waiting.value.suggested_filename == "report.pdf.tlog-proof"
    waiting.value.save_as(tmp_path / "saved.tlog-proof")
    visit.page.locator("#again").click()
    assert visit.give(str(tmp_path / "saved.tlog-proof"), site.paper("report")) == "in-force status.in-force"


def test_reporting_a_forgery_sends_nothing(visit: Visit, site: Site, tmp_path: Path) -> None:
    visit.open()
    visit.give(site.file("changed.pdf", b"changed"), site.receipt("report"))
    before = len(visit.requests)
    visit.page.locator("#report").click()
    visit.page.locator("#report-note").fill("Nhận ở chợ <script>alert(1)</script>")
    with visit.page.expect_download() as waiting:
        visit.page.locator("#report-save").click()
    waiting.value.save_as(tmp_path / "report.txt")
    text = (tmp_path / "report.txt").read_text(encoding="utf-8")
    for word in (
        "KHÔNG HỢP LỆ",
        hashlib.sha256(b"changed").hexdigest(),
        "Nhận ở chợ",
        "c2sp.org/tlog-proof@v1",
    ):
        assert word in text
    assert [request.url for request in visit.requests[before:] if not request.url.startswith("blob:")] == []


def test_a_qr_code_of_the_camera(visit: Visit, site: Site) -> None:
    code = code_of(site.records["report"])
    visit.page.add_init_script(
        """globalThis.BarcodeDetector = class {
          static async getSupportedFormats() { return ["qr_code"]; }
          async detect() { return globalThis.says ? [{ rawValue: globalThis.says }] : []; }
        };
        navigator.mediaDevices.getUserMedia = async () => document.createElement("canvas").captureStream(1);
        Object.defineProperty(HTMLMediaElement.prototype, "readyState", { get: () => 4 });"""
    )
    visit.open()
    visit.page.locator("#scan").click()
    visit.page.evaluate("globalThis.says = 'https://evil.example/c/0000'")
    visit.page.get_by_text("https://evil.example/c/0000").wait_for()
    assert visit.page.url == site.url + "/"
    visit.page.evaluate("url => { globalThis.says = url }", f"{site.url}/c/{code}#{'07' * 32}")
    assert visit.verdict() == "in-force status.in-force"
    assert visit.page.locator("dialog").count() == 0


def test_where_no_qr_code_can_be_read_the_page_says_what_to_do(visit: Visit) -> None:
    visit.open()
    visit.page.evaluate("delete globalThis.BarcodeDetector")
    visit.page.locator("#scan").click()
    assert "ứng dụng Máy ảnh" in visit.page.locator("#scan-none").inner_text()
    visit.page.keyboard.press("Escape")
    visit.page.locator("dialog").wait_for(state="detached")


def test_a_browser_without_ed25519_says_so(visit: Visit, site: Site) -> None:
    visit.page.add_init_script(
        """const asked = crypto.subtle.importKey.bind(crypto.subtle);
        crypto.subtle.importKey = (...given) => JSON.stringify(given[2]).includes("Ed25519")
          ? Promise.reject(new DOMException("no", "NotSupportedError")) : asked(...given);"""
    )
    visit.open()
    assert visit.give(site.paper("report")) == "unknown browser.no-ed25519"
    assert "Chưa kiểm tra được trên máy này" in visit.text()
    assert "Chrome hoặc Edge 137" in visit.text()


def test_an_insecure_connection_says_so(visit: Visit, site: Site) -> None:
    visit.page.add_init_script("Object.defineProperty(globalThis, 'isSecureContext', { get: () => false });")
    visit.open()
    assert visit.give(site.paper("report")) == "unknown browser.insecure"
    assert "https://" in visit.text()


def test_the_other_language_at_any_moment(visit: Visit, site: Site) -> None:
    visit.open()
    visit.give(site.paper("withdrawn"))
    visit.page.locator("#language").click()
    assert visit.title() == "WITHDRAWN"
    assert visit.page.locator("html").get_attribute("lang") == "en"
    visit.open()
    assert visit.page.locator("h1").inner_text() == "Check a paper"
    visit.page.locator("#language").click()
    assert visit.page.locator("h1").inner_text() == "Kiểm tra giấy tờ"
    assert visit.page.locator("html").get_attribute("lang") == "vi"


def test_the_printed_verdict_has_everything_on_it(visit: Visit, site: Site) -> None:
    visit.open()
    visit.give(site.paper("report"))
    visit.page.evaluate(
        "globalThis.print = () => { globalThis.open_when_printed = document.querySelector('#proof').open; }"
    )
    visit.page.locator("#print").click()
    assert visit.page.evaluate("globalThis.open_when_printed") is True
    visit.page.emulate_media(media="print")
    assert visit.page.locator(".paper").is_visible()
    assert visit.page.locator(".head").is_hidden()
    assert visit.page.locator("#verdict-title").is_visible()


def test_a_paper_of_an_authority_that_has_been_succeeded(chromium: Browser, tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node, serving(node) as url:
        site = Site(node, url, tmp_path)
        chief, successor = new_key(), new_key()
        register_member(node, "quang-trung", "UBND phường Quang Trung")
        register_key(node, successor, member="quang-trung")
        # The last administrator of a ledger cannot end: so there is another.
        member: dict[str, Value] = {
            "authority": MEMBER,
            "member": "tinh",
            "name": "UBND tỉnh",
            "roles": ["administrator"],
            "key": chief.public_key,
            "possession": chief.sign(possession_message(node.chain_id, "tinh", chief.public_key)),
        }
        put(node, sign(node, [encode_record("member.register/1", member)], key="admin"))
        site.anchor("report")
        ends_ms = clock_ms() + 2_000
        # A handover lies a day ahead; the administrators may declare what takes effect at once.
        declaration: dict[str, Value] = {
            "authority": MEMBER,
            "predecessor": MEMBER,
            "successors": ["quang-trung"],
            "effective_ms": ends_ms,
            "kind": "merge",
        }
        body: dict[str, Value] = {
            "authority": MEMBER,
            "action": encode_record("succession.declare/1", declaration),
            "expires_ms": ends_ms + 60_000,
        }
        proposal = encode_record("governance.propose/1", body)
        put(node, sign(node, [proposal], key="admin"))
        vote: dict[str, Value] = {"authority": "tinh", "proposer": MEMBER, "proposal": leaf_hash(proposal)}
        put(node, sign(node, [encode_record("governance.approve/1", vote)], key=chief))
        time.sleep(2.2)
        put(node, sign(node, [document_record(b"new", authority="quang-trung")], key=successor))
        context = chromium.new_context()
        visit = made_visit(context, site)
        visit.open()
        assert visit.give(site.paper("report")) == "in-force status.in-force"
        last = datetime.fromtimestamp((ends_ms - 1) / 1000, timezone(timedelta(hours=7)))
        issuer = visit.page.locator(".issuer").inner_text().replace("\n", " ")
        assert f"Cấp bởi UBND phường Phú Sơn (đến {last.day}/{last.month}/{last.year})" in issuer
        assert "cơ quan kế thừa: UBND phường Quang Trung" in issuer
        context.close()
        assert visit.complaints == []
