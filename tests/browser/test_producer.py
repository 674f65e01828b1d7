"""A producer's phone: from an invitation to a recall, in the field without a network, and with a wet thumb."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.pages import words
from api.papers.labels import LAYOUTS
from ledger.epcis.record import read
from ledger.gs1 import Item, check_digit, parse_link
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.records import Record, parse_record
from ledger.records.base import octets
from ledger.records.goods import thing
from ledger.records.lots import RECALL_REASONS, RELEASE_REASONS
from ledger.records.lots import lot as lot_subject
from ledger.records.places import END_REASONS as PLACE_END_REASONS
from ledger.records.products import END_REASONS, product
from ledger.rows import KeyRow, SubjectRow, key_key, subject_key
from node import keyfiles
from node.histories import history_part
from node.service import Node, clock_ms
from tests.browser.conftest import Site, Visit, made_visit
from tests.browser.test_access import overflow, serious
from tests.browser.test_office import open_recovery
from tests.chromium import CHROMIUM
from tests.serving import _be_quiet, serving, sogoc
from tests.support import register_key, register_member, running_node

PASSPHRASE = "năm con dứa gai ngọt"
FINAL_MS = 20_000
COOP, SHOP = "htx-dua", "cua-hang"
PINEAPPLE, DRIED = "08938500000010", "08938500000027"
CARRIER = "089385000000000010"
FINAL = '.signed[data-job="final"]'
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "locale": "vi-VN",
    "timezone_id": "Asia/Ho_Chi_Minh",
    "accept_downloads": True,
}


def gtin_of(number: int) -> str:
    """A GTIN of the fictional company, one for each test."""
    digits = f"0893850001{number:03}"
    return digits + check_digit(digits)


@dataclass
class Farm:
    """A node, a co-op and a shop on its ledger, and their phones."""

    node: Node
    url: str
    papers: Path
    chromium: Any
    phones: list[Phone] = field(default_factory=list)

    def phone(self, member: str | None = COOP, **options: Any) -> Phone:  # noqa: ANN401  playwright's own options
        """A phone; with `member`, its key is in service: brought from a PEM, which is quicker than an enrolment."""
        context = self.chromium.new_context(**(PHONE | options))
        context.set_default_timeout(FINAL_MS)
        phone = Phone(self, made_visit(context, Site(self.node, self.url, self.papers)))
        self.phones.append(phone)
        phone.open()
        if member is not None:
            phone.bring(self.key(member))
        return phone

    def key(self, member: str) -> Path:
        """A fresh key of a member, in service."""
        key = SigningKey.from_seed(hashlib.sha256(f"{member} {len(self.phones)}".encode()).digest())
        path = self.papers / f"{member}-{len(self.phones)}.pem"
        if not path.exists():
            keyfiles.save(path, key, None)
            register_key(self.node, key, member=member, roles=("producer",))
        return path

    def file(self, name: str, content: bytes) -> str:
        path = self.papers / name
        path.write_bytes(content)
        return str(path)

    def told(self, path: str) -> list[Record]:
        """What the ledger has about a thing."""
        part = history_part(self.node.final, thing(path))
        return [
            parse_record(one.raw) for block in part.blocks for entry in block.entries for one in entry.records
        ]

    def lot(self, path: str, member: str = COOP) -> SubjectRow | None:
        data = self.node.final.view.get(subject_key(*lot_subject(member, path)))
        return None if data is None else SubjectRow.parse(data)


@dataclass
class Phone:
    """A producer at a browser."""

    farm: Farm
    visit: Visit

    @property
    def page(self) -> Any:  # noqa: ANN401  playwright's own
        return self.visit.page

    def open(self, fragment: str = "") -> None:
        self.page.goto(f"{self.farm.url}/san-xuat{fragment}")
        self.page.locator("#view h2").first.wait_for(timeout=FINAL_MS)

    def tab(self, name: str) -> None:
        self.page.locator(f'#tabs a[href="#{name}"]').click()

    def bring(self, path: Path) -> None:
        self.page.locator("#bring-back summary").click()
        self.page.locator("#key-file").set_input_files(str(path))
        self.page.locator('#tabs a[href="#ghi"]').wait_for(timeout=FINAL_MS)

    def is_final(self) -> None:
        self.page.locator(FINAL).wait_for(timeout=FINAL_MS)

    def place(self, name: str = "Vườn dứa Tam Điệp", code: str = "VUON-1") -> None:
        self.tab("hang")
        self.page.locator("#add-place").click()
        self.page.locator("#place-name").fill(name)
        self.page.locator("#place-code").fill(code)
        self.page.locator("#sign-place").click()

    def product(self, name: str, gtin: str, unit: str = "KGM") -> None:
        self.tab("hang")
        self.page.locator("#add-product").click()
        self.page.locator("#product-name").fill(name)
        self.page.locator("#product-number").fill(gtin)
        self.page.locator(f'#product-unit input[value="{unit}"]').check()
        self.page.locator("#sign-product").click()

    def lot(self, product: str, name: str, quantity: str = "") -> str:
        self.tab("lo")
        self.page.locator("#add-lot").click()
        self.page.locator(f'#lot-product input[value="{product}"]').check()
        self.page.locator("#lot-name").fill(name)
        self.page.locator("#lot-quantity").fill(quantity)
        self.page.locator("#sign-lot").click()
        return f"01/{product}/10/{name}"

    def done(self) -> None:
        self.is_final()
        self.page.locator("#done").click()

    def deed(self, name: str, **fields: str) -> None:
        """One tap on what; then whatever is not there already; the second tap is the caller's."""
        self.tab("ghi")
        self.page.locator(f'.tile[data-deed="{name}"]').click()
        for key, value in fields.items():
            self.page.locator(f"#{key.replace('_', '-')}").fill(value)

    def choose(self, path: str, within: str = "#deed-lot") -> None:
        self.page.locator(f'{within} input[value="{path}"]').check()

    def sign(self) -> None:
        self.page.locator("#sign-deed").click()

    def stocked(self, number: int, quantity: str = "1.200") -> str:
        """A place, a product of one's own number, a lot of it."""
        self.place(f"Vườn {number}", f"V-{number}")
        self.done()
        gtin = gtin_of(number)
        self.product(f"Dứa gai tươi {number}", gtin)
        self.done()
        path = self.lot(gtin, f"L-{number}", quantity)
        self.done()
        return path

    def leave(self) -> None:
        self.visit.context.close()

    def bodies(self) -> bytes:
        """Everything that this browser has sent."""
        sent = [request.post_data_buffer or b"" for request in self.visit.requests]
        return b"\n".join([*sent, *(request.url.encode() for request in self.visit.requests)])


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Farm]:  # noqa: ANN401
    _be_quiet()
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("farm")
        node = stack.enter_context(running_node(folder, clock=clock_ms, requests_per_address_per_minute=0))
        register_member(node, COOP, "HTX Dứa Đồng Giao", ["producer"])
        register_member(node, SHOP, "Cửa hàng OCOP Tam Điệp", ["producer"])
        url = stack.enter_context(serving(node))
        yield Farm(node, url, tmp_path_factory.mktemp("farm-papers"), chromium)


@pytest.fixture
def phone(farm: Farm) -> Iterator[Phone]:
    made = farm.phone()
    yield made
    made.leave()
    assert made.visit.complaints == []


# --- keys -----------------------------------------------------------------------------------------------------------


def test_from_an_invitation_to_a_harvest_on_the_ledger(farm: Farm) -> None:
    """The invitation, a key whose recovery file is opened again, place, product, lot; and a harvest in two taps."""
    phone = farm.phone(None)
    page = phone.page
    phone.open(f"#moi={COOP},producer")
    page.locator("#pass-new").fill(PASSPHRASE)
    page.locator("#pass-again").fill(PASSPHRASE)
    page.locator("#make-key").click()
    with page.expect_download() as waiting:
        page.locator("#save-recovery").click()
    recovery = Path(waiting.value.path()).read_bytes()
    page.locator("#recovery-check").set_input_files(farm.file("htx.sogoc-recovery.json", recovery))
    page.locator("#pass-check").fill(PASSPHRASE)
    page.locator("#check-recovery").click()
    page.locator("#my-fingerprint").filter(has_text=re.compile("[0-9a-f]{4}")).wait_for()
    file = json.loads(recovery)
    assert (file["member"], file["roles"]) == (COOP, ["producer"])
    key = SigningKey.from_seed(open_recovery(recovery))
    assert farm.node.final.view.get(key_key(key.public_key)) is None
    register_key(farm.node, key, member=COOP, roles=("producer",))
    page.locator("#who").filter(has_text="HTX Dứa Đồng Giao").wait_for()

    phone.tab("ghi")
    assert "Đăng ký cơ sở" in page.locator("#first-steps").inner_text()
    path = phone.stocked(1)
    taps = count_taps(page)
    phone.deed("harvest")
    phone.sign()
    assert taps() == ["#ghi", "tile harvest", "sign-deed"]
    phone.is_final()
    created, harvested = farm.told(path)
    assert created.body["quantity"] == 1_200_000
    assert created.body["place"] == "V-1"
    event = read(harvested.body)
    assert (event.step, event.things, event.action) == ("commissioning", (path,), "ADD")
    assert [(str(one.amount), one.unit) for one in event.quantities] == [("1200", "KGM")]
    assert event.read_point == f"urn:sogoc:place:{COOP}:V-1"
    row = farm.node.final.view.get(key_key(key.public_key))
    assert row is not None
    assert KeyRow.parse(row).member == COOP

    secret = open_recovery(recovery)
    for private in (secret, secret.hex().encode(), base64.b64encode(secret), PASSPHRASE.encode()):
        assert private not in phone.bodies()
    assert phone.visit.complaints == []
    phone.leave()


def count_taps(page: Any) -> Any:  # noqa: ANN401
    """What is tapped from here on."""
    page.evaluate(
        """() => {
          globalThis.taps = [];
          document.addEventListener("click", (event) => {
            const one = event.target.closest("a, button, summary, label, input");
            if (one) globalThis.taps.push(one.getAttribute("href") ?? (one.dataset.deed ? `tile ${one.dataset.deed}` : one.id));
          }, true);
        }"""
    )
    return lambda: page.evaluate("globalThis.taps")


def test_the_invitation_of_a_producer_leads_here(farm: Farm) -> None:
    link = f"{farm.url}/san-xuat#moi={COOP},producer"
    answer = httpx.get(f"{farm.url}/van-phong/ma-moi.svg", params={"link": link})
    assert answer.status_code == 200
    phone = farm.phone(None)
    made = phone.page.evaluate(
        """async () => {
          const { invitationLink } = await import("/static/js/office/enrol.js");
          return [invitationLink("htx-dua", ["producer"]), invitationLink("x", ["office", "producer"])];
        }"""
    )
    assert made == [link, f"{farm.url}/van-phong#moi=x,office,producer"]
    phone.leave()


def test_keys_of_the_page_lie_apart_and_cannot_be_taken_out(phone: Phone) -> None:
    said = phone.page.evaluate(
        """async () => {
          const open = indexedDB.open("sogoc-producer");
          const database = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
          const asked = database.transaction("keys").objectStore("keys").getAll();
          const [key] = await new Promise((resolve) => { asked.onsuccess = () => resolve(asked.result); });
          const tries = await Promise.allSettled(["pkcs8", "jwk"].map((form) => crypto.subtle.exportKey(form, key.privateKey)));
          return [key.privateKey.extractable, key.roles.join(), ...tries.map((one) => one.status)];
        }"""
    )
    assert said == [False, "producer", "rejected", "rejected"]


# --- goods ------------------------------------------------------------------------------------------------------------


def test_a_check_digit_is_looked_at_as_it_is_typed(phone: Phone) -> None:
    phone.tab("hang")
    page = phone.page
    page.locator("#add-product").click()
    box, said = page.locator("#product-number"), page.locator("#product-number-said")
    box.press_sequentially("893850000002")
    assert said.inner_text() == ""
    box.press_sequentially("75")
    assert "Số kiểm tra sai" in said.inner_text()
    assert box.get_attribute("aria-invalid") == "true"
    page.locator("#product-name").fill("Sai số")
    page.locator("#sign-product").click()
    assert page.evaluate("document.activeElement.id") == "product-number"
    assert page.locator(".signed").count() == 0
    box.fill("8938500000027")
    assert "Số kiểm tra đúng" in said.inner_text()
    assert box.get_attribute("aria-invalid") is None
    box.fill("89385x")
    assert "chữ số" in said.inner_text()


def test_a_product_with_stars_and_a_picture_that_stays_here(phone: Phone, farm: Farm) -> None:
    picture = b"\x89PNG\r\n\x1a\n a pineapple that nobody is shown"
    phone.tab("hang")
    page = phone.page
    page.locator("#add-product").click()
    page.locator("#product-name").fill("Dứa sấy dẻo 200 g")
    page.locator("#product-number").fill("8938500000027")
    page.locator('#product-unit input[value="H87"]').check()
    page.locator("#product-category").select_option("che-bien")
    page.locator('#product-ocop input[value="3"]').check()
    page.locator("#product-ocop-until").fill("2028-03-14")
    page.locator("#product-images").set_input_files(farm.file("dua.png", picture))
    page.locator(f'[data-hash="{sha256(picture).hex()}"]').wait_for()
    page.locator("details summary").click()
    page.locator("#product-standards").fill("VietGAP, TCVN 13275; VietGAP")
    page.locator("#sign-product").click()
    phone.done()
    row = page.locator(f'.thing[data-id="{DRIED}"]')
    assert "đến hết 14/03/2028" in row.inner_text()
    found = product_record(farm, DRIED)
    assert found["images"] == [sha256(picture)]
    assert (found["ocop_stars"], found["ocop_until"], found["unit"]) == (3, "2028-03-14", "H87")
    assert found["standards"] == ["VietGAP", "TCVN 13275"]
    assert picture not in phone.bodies()
    assert b"that nobody is shown" not in phone.bodies()


def product_record(farm: Farm, identifier: str) -> dict[str, Any]:
    """What the first record about a product says."""
    data = farm.node.final.view.get(subject_key(*product(COOP, identifier)))
    assert data is not None
    place = farm.node.final.place(SubjectRow.parse(data).issue)
    assert place is not None
    return dict(parse_record(farm.node.final.record(place)).body)


def test_goods_and_places_with_codes_of_one_s_own(phone: Phone, farm: Farm) -> None:
    phone.place("Xưởng sấy", "XUONG-1")
    phone.done()
    phone.tab("hang")
    page = phone.page
    page.locator("#add-product").click()
    page.locator("#product-name").fill("Dứa mật bán ký")
    page.locator('#product-way input[value="code"]').check()
    page.locator("#product-code").fill("DUA-MAT")
    page.locator("#sign-product").click()
    phone.done()
    phone.tab("lo")
    page.locator("#add-lot").click()
    page.locator('#lot-product input[value="DUA-MAT"]').check()
    page.locator("#lot-name").fill("A/1%")
    page.locator("#lot-quantity").fill("12,5")
    page.locator("#sign-lot").click()
    phone.done()
    phone.deed("harvest")
    phone.sign()
    phone.is_final()
    created, harvested = farm.told(f"code/{COOP}/DUA-MAT/10/A%2F1%25")
    assert created.body["quantity"] == 12_500
    event = read(harvested.body)
    assert event.things == (f"code/{COOP}/DUA-MAT/10/A%2F1%25",)
    assert event.quantities[0].amount == Decimal("12.5")


# --- the whole story ----------------------------------------------------------------------------------------------------


def test_the_example_lot_from_two_phones_gives_its_known_figures(farm: Farm) -> None:  # noqa: PLR0915  one story
    """Harvest, transport, packs, a carrier, a shop, a recall: written by phone, judged by the ledger's own arithmetic."""
    coop, shop = farm.phone(), farm.phone(SHOP)
    fresh = coop.stocked(20)
    coop.product("Dứa sấy dẻo", gtin_of(21), "H87")
    coop.done()
    packs = coop.lot(gtin_of(21), "S-20", "180")
    coop.done()
    coop.place("Xưởng 20", "X-20")
    coop.done()
    coop.deed("harvest")
    coop.choose(fresh)
    assert "Vườn 20" in coop.page.locator("#fold-place summary").inner_text()
    coop.sign()
    coop.done()
    coop.deed("ship")
    coop.choose(fresh)
    assert coop.page.locator("#deed-amount").input_value() == "1.200"
    coop.sign()
    coop.done()
    coop.deed("receive")
    coop.choose(fresh)
    coop.page.locator("#deed-amount").fill("1195")
    # What was shipped arrives at another place, and stays there until it is shipped again.
    assert "Vườn 20" not in coop.page.locator("#fold-place summary").inner_text()
    coop.page.locator("#fold-place summary").click()
    coop.page.locator('#deed-place input[value="X-20"]').check()
    assert "1.195 kg" in coop.page.locator("#sign-deed").inner_text()
    coop.sign()
    coop.done()
    coop.deed("pack")
    coop.choose(fresh)
    coop.choose(packs, "#deed-made")
    assert "Xưởng 20" in coop.page.locator("#fold-place summary").inner_text()
    assert [coop.page.locator(f"#{one}").input_value() for one in ("deed-amount", "deed-made-amount")] == [
        "1.195",
        "180",
    ]
    coop.sign()
    coop.done()
    coop.deed("pack", pack_amount="60", deed_sscc=CARRIER)
    coop.sign()
    coop.done()
    coop.deed("ship")
    coop.choose(f"00/{CARRIER}")
    assert coop.page.locator("#deed-amount").count() == 0
    coop.sign()
    coop.done()

    shop.deed("receive")
    shop.page.locator("#deed-lot-gtin").fill(f"{farm.url}/00/{CARRIER}")
    shop.page.locator("#deed-lot-use").click()
    shop.sign()
    shop.done()
    shop.deed("sell")
    if not shop.page.locator("#deed-lot-gtin").is_visible():
        shop.page.locator("#deed-lot-other summary").click()
    shop.page.locator("#deed-lot-gtin").fill(f"https://elsewhere.example/{packs}/21/7")
    shop.page.locator("#deed-lot-unit").select_option("H87")
    shop.page.locator("#deed-lot-use").click()
    shop.page.locator("#deed-amount").fill("18")
    shop.sign()
    shop.done()

    recall(coop, packs)
    found = httpx.get(f"{farm.url}/v1/findings/{packs}?scope=trace").json()["findings"]
    figures = {one["rule"]: one["figures"] for one in found}
    assert set(figures) == {"recall.reaches-sold", "balance.transit-loss", "stock.never-shipped"}
    assert figures["balance.transit-loss"]["lost"] == "5"
    assert figures["stock.never-shipped"]["amount"] == "120"
    assert figures["recall.reaches-sold"]["sold"] == "18"

    # What the shop registered stands in the co-op's own story of the lot.
    coop.tab("lo")
    coop.page.locator(f'.thing[data-id="{packs}"] .open').click()
    sold = coop.page.locator("#story li").filter(has_text="Cửa hàng OCOP Tam Điệp")
    sold.first.wait_for()
    assert "18 gói/cái" in sold.last.inner_text()
    for phone in (coop, shop):
        assert phone.visit.complaints == []
        phone.leave()


def test_another_phone_of_the_same_producer_finds_everything(phone: Phone, farm: Farm) -> None:
    """After a lost phone: places, products and lots come from the ledger; afterwards also without a network."""
    path = phone.stocked(25)
    phone.deed("harvest")
    phone.choose(path)
    phone.sign()
    phone.is_final()
    other = farm.phone()
    other.tab("hang")
    for name in (gtin_of(25), "V-25"):
        other.page.locator(f'.thing[data-id="{name}"]').wait_for()
    other.tab("lo")
    other.page.locator(f'.thing[data-id="{path}"] .open').click()
    line = other.page.locator("#story li").filter(has_text="Thu hoạch")
    line.wait_for()
    assert "1.200 kg" in line.inner_text()
    other.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    other.visit.context.set_offline(True)
    other.page.reload()
    other.tab("lo")
    other.page.locator(f'.thing[data-id="{path}"]').wait_for()
    assert other.visit.complaints == []
    other.leave()


def recall(phone: Phone, path: str) -> None:
    phone.tab("lo")
    phone.page.locator(f'.thing[data-id="{path}"] .open').click()
    phone.page.locator("#recall").click()
    phone.page.locator("#recall-do").click()
    assert "Chọn lý do" in phone.page.locator("dialog [role=alert]").inner_text()
    phone.page.locator("#recall-reason").select_option("contamination")
    phone.page.locator("#recall-do").click()
    assert "ô xác nhận" in phone.page.locator("dialog [role=alert]").inner_text()
    phone.page.locator("#recall-sure").check()
    phone.page.locator("#recall-do").click()
    phone.page.locator(".lot-page .note.alarm").wait_for()
    wait_for(lambda: (row := phone.farm.lot(path)) is not None and row.status == "recalled")


def wait_for(ask: Any, seconds: float = 15.0) -> None:  # noqa: ANN401
    end = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_recall_is_asked_for_twice_and_can_be_lifted(phone: Phone, farm: Farm) -> None:
    path = phone.stocked(30)
    recall(phone, path)
    page = phone.page
    assert page.locator("#labels").count() == 0
    assert page.locator("#record-here").count() == 0
    # No work is written down for what is called back.
    phone.tab("ghi")
    page.locator('.tile[data-deed="ship"]').click()
    assert page.locator(f'#deed-lot input[value="{path}"]').count() == 0
    phone.tab("lo")
    page.locator(f'.thing[data-id="{path}"] .open').click()
    page.locator("#release").click()
    page.locator("#recall-reason").select_option("tested-safe")
    page.locator("#recall-sure").check()
    page.locator("#recall-do").click()
    wait_for(lambda: (row := farm.lot(path)) is not None and row.status == "in-force")
    page.locator("#record-here").wait_for()
    assert [one.type.name for one in farm.told(path)] == ["lot.create/1", "lot.recall/1", "lot.release/1"]


# --- labels ---------------------------------------------------------------------------------------------------------------


def codes_in(pdf: bytes) -> list[str]:
    """What the codes of a PDF say, read from the drawn pages."""
    pdfium = pytest.importorskip("pypdfium2")
    zxing = pytest.importorskip("zxingcpp")
    pages = [page.render(scale=300 / 72).to_pil() for page in pdfium.PdfDocument(pdf)]
    return [
        code.text for page in pages for code in zxing.read_barcodes(page, formats=zxing.BarcodeFormat.QRCode)
    ]


def test_labels_are_made_and_read_again(phone: Phone, farm: Farm) -> None:
    pytest.importorskip("typst")
    path = phone.stocked(40)
    phone.tab("lo")
    page = phone.page
    page.locator(f'.thing[data-id="{path}"] .open').click()
    page.locator("#labels").click()
    page.locator("#label-count").fill("5")
    with page.expect_download() as waiting:
        page.locator("#make-labels").click()
    assert waiting.value.suggested_filename == "tem-L-40.pdf"
    assert codes_in(Path(waiting.value.path()).read_bytes()) == [f"{farm.url}/{path}"] * 5
    page.locator("#label-serials").check()
    page.locator("#label-first").fill("101")
    with page.expect_download() as waiting:
        page.locator("#make-labels").click()
    found = codes_in(Path(waiting.value.path()).read_bytes())
    links = [parse_link(one) for one in found]
    assert sorted(str(one.item.serial) for one in links) == ["101", "102", "103", "104", "105"]
    assert {one.lot.path for one in links if one.lot is not None} == {path}
    # A sheet too small for its code is refused, and says so.
    page.locator("#label-count").fill("9999")
    page.locator("#make-labels").click()
    assert "1–1040" in page.locator("#label-count-said").inner_text()


def labels(farm: Farm, **changed: str) -> httpx.Response:
    asked = {
        "owner": COOP,
        "item": "01/08938500000010/10/X",
        "site": farm.url,
        "sheet": "a4-21",
        "count": "1",
    }
    return httpx.get(f"{farm.url}/san-xuat/tem.pdf", params=asked | changed)


def test_labels_are_of_what_the_ledger_has(phone: Phone, farm: Farm) -> None:
    pytest.importorskip("typst")
    path = phone.stocked(41)
    good = labels(farm, item=path)
    assert good.status_code == 200
    assert good.headers["content-type"] == "application/pdf"
    refused = {
        "label.unknown": {"owner": SHOP},
        "label.layout": {"sheet": "a3"},
        "label.count": {"count": "0"},
        "label.used": {"used": "21"},
        "request.invalid": {"site": "https://elsewhere.example"},
        "gs1.check-digit": {"item": "01/08938500000011/10/X"},
    }
    for rule, changed in refused.items():
        answer = labels(farm, **({"item": path} | changed))
        assert (answer.status_code // 100, answer.json()["code"]) == (4, rule)
    recall(phone, path)
    answer = labels(farm, item=path)
    assert (answer.status_code, answer.json()["code"]) == (422, "label.recalled")


def test_without_a_network_no_labels_and_that_is_said(phone: Phone) -> None:
    path = phone.stocked(42)
    phone.tab("lo")
    phone.page.locator(f'.thing[data-id="{path}"] .open').click()
    phone.page.locator("#labels").click()
    phone.visit.context.set_offline(True)
    phone.page.locator("#make-labels").click()
    phone.page.locator('[data-code="producer.offline"]').wait_for()
    phone.visit.context.set_offline(False)


SCANNER = """(said) => {
  globalThis.BarcodeDetector = class {
    static getSupportedFormats() {
      return Promise.resolve(["qr_code"]);
    }

    detect() {
      return Promise.resolve([{ rawValue: globalThis.said }]);
    }
  };
  globalThis.said = said;
}"""
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_a_label_is_scanned_and_another_code_is_shown_but_not_used(phone: Phone, farm: Farm) -> None:
    path = phone.stocked(43)
    page = phone.page
    phone.deed("receive")
    if not page.locator("#deed-lot-gtin").is_visible():
        page.locator("#deed-lot-other summary").click()
    scan = page.locator("#deed-lot-other").get_by_text("Quét tem")
    scan.click()
    page.locator("#scan-none").wait_for()
    page.keyboard.press("Escape")
    page.evaluate(SCANNER, "https://elsewhere.example/pay?to=me")
    scan.click()
    # There is no camera here, which is said; a photo of the label does as well.
    page.locator("dialog .scan-said span").first.wait_for()
    page.locator("dialog input[type=file]").set_input_files(farm.file("label.png", PIXEL))
    page.locator("dialog code").filter(has_text="https://elsewhere.example/pay?to=me").wait_for()
    page.evaluate("link => { globalThis.said = link; }", f"https://elsewhere.example/{path}/21/12?x=1")
    page.locator("dialog input[type=file]").set_input_files(farm.file("label.png", PIXEL))
    page.locator("dialog").wait_for(state="detached")
    page.locator(f'#deed-lot input[value="{path}"]:checked').wait_for(state="attached")
    foreign = Item(gtin=gtin_of(999), lot="N/7").path
    page.evaluate("link => { globalThis.said = link; }", f"https://elsewhere.example/{foreign}")
    page.locator("#deed-lot-other summary").click()
    scan.click()
    page.locator("dialog input[type=file]").set_input_files(farm.file("label.png", PIXEL))
    page.locator("dialog").wait_for(state="detached")
    # The ledger is asked what it is called first.
    page.locator(f'#deed-lot input[value="{foreign}"]:checked').wait_for(state="attached")
    page.locator("#deed-amount").fill("7")
    phone.sign()
    phone.is_final()
    assert [one.type.name for one in farm.told(foreign)] == ["epcis.event/1"]


# --- without a network ---------------------------------------------------------------------------------------------------


def test_a_day_in_the_field_outlives_the_browser_and_is_registered_once(  # noqa: PLR0915  one story
    farm: Farm, tmp_path: Path
) -> None:
    """No network: lot and work are signed; the browser is closed, opened again, still without one; then all is registered."""
    pem = farm.key(COOP)
    kind = farm.chromium.browser_type

    def opened() -> Any:  # noqa: ANN401
        context = kind.launch_persistent_context(
            str(tmp_path / "profile"), executable_path=CHROMIUM, args=["--no-sandbox"], **PHONE
        )
        context.set_default_timeout(FINAL_MS)
        return context

    context = opened()
    visit = made_visit(context, Site(farm.node, farm.url, farm.papers))
    phone = Phone(farm, visit)
    phone.open()
    phone.bring(pem)
    first = phone.stocked(50)
    phone.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    phone.page.wait_for_function(
        "caches.keys().then((names) => names.some((name) => name.startsWith('producer-')))"
    )
    context.set_offline(True)
    phone.page.reload()
    phone.deed("harvest")
    phone.choose(first)
    phone.sign()
    phone.page.locator('.signed[data-job="waiting"]').wait_for()
    assert "Đã ký, chưa đăng ký vào sổ" in phone.page.locator(".signed").inner_text()
    second = phone.lot(gtin_of(50), "L-50-2", "300")
    phone.page.locator('.signed[data-job="waiting"]').wait_for()
    phone.deed("harvest")
    phone.choose(second)
    phone.sign()
    phone.page.locator('.signed[data-job="waiting"]').wait_for()
    assert "3 việc chưa đăng ký vào sổ" in phone.page.locator("#waiting").inner_text()
    phone.tab("lo")
    assert "Chưa đăng ký vào sổ" in phone.page.locator(f'.thing[data-id="{second}"]').inner_text()
    context.close()
    assert [one.type.name for one in farm.told(first)] == ["lot.create/1"]
    assert farm.lot(second) is None

    context = opened()
    context.set_offline(True)
    phone = Phone(farm, made_visit(context, Site(farm.node, farm.url, farm.papers)))
    phone.open("#da-ky")
    rows = phone.page.locator("#sent > li")
    assert [rows.nth(at).get_attribute("data-job") for at in range(3)] == ["waiting"] * 3
    signed = [rows.nth(at).get_attribute("data-record") for at in range(3)]
    assert "Chưa đăng ký vào sổ" in rows.nth(0).inner_text()
    lost = {"entries": 0}

    def lose(route: Any) -> None:  # noqa: ANN401
        """The first answer is lost on its way back: what was taken is sent once more, and is on the ledger once."""
        lost["entries"] += 1
        if lost["entries"] == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    phone.page.route("**/v1/entries?*", lose)
    context.set_offline(False)
    phone.page.locator("#sent > li").nth(2).locator('xpath=self::*[@data-job="final"]').wait_for()
    phone.page.locator('#sent > li[data-job="waiting"]').first.wait_for(state="detached")
    assert phone.page.locator("#waiting").is_hidden()
    assert lost["entries"] >= 4
    told = farm.told(first) + farm.told(second)
    assert [one.type.name for one in told] == [
        "lot.create/1",
        "epcis.event/1",
        "lot.create/1",
        "epcis.event/1",
    ]
    assert sorted(one.id.hex() for one in told[1:]) == sorted(str(one) for one in signed)
    assert phone.visit.complaints == []
    context.close()


def test_a_refusal_is_plain_and_holds_up_nothing(farm: Farm) -> None:
    """Two phones of one co-op create the same lot; the second is refused, says why, and what came after it is registered."""
    one, other = farm.phone(), farm.phone()
    one.stocked(60)
    other.tab("hang")
    other.product("Hàng của máy thứ hai", gtin_of(61))
    other.done()
    # The second phone does not know the first one's product yet: the ledger says that it is there.
    other.page.route("**/v1/*member=*", lambda route: route.abort())
    other.page.route("**/v1/entries?*", lambda route: route.abort())
    other.product("Dứa gai tươi 60", gtin_of(60))
    other.page.locator('.signed[data-job="waiting"]').wait_for()
    other.lot(gtin_of(60), "L-60", "5")
    other.page.locator('.signed[data-job="waiting"]').wait_for()
    other.lot(gtin_of(61), "L-61", "7")
    other.page.locator('.signed[data-job="waiting"]').wait_for()
    other.page.unroute("**/v1/entries?*")
    other.tab("da-ky")
    other.page.locator("#send-now").click()
    rows = other.page.locator("#sent > li")
    rows.nth(0).locator('xpath=self::*[@data-job="final"]').wait_for()
    assert [rows.nth(at).get_attribute("data-job") for at in range(4)] == [
        "final",
        "refused",
        "refused",
        "final",
    ]
    assert "Số lô này đã có trong sổ" in rows.nth(1).inner_text()
    assert "lot.exists" in rows.nth(1).inner_text()
    assert "Cơ sở đã đăng ký sản phẩm này rồi" in rows.nth(2).inner_text()
    assert "Bỏ việc này đi" in rows.nth(2).inner_text()
    assert "2 việc sổ không nhận" in other.page.locator("#waiting").inner_text()
    for _ in range(2):
        rows.locator("xpath=self::*[@data-job='refused']").first.get_by_text("Bỏ khỏi máy").click()
        other.page.locator("#drop-do").click()
        other.page.locator("dialog").wait_for(state="detached")
    other.page.locator('#sent > li[data-job="refused"]').first.wait_for(state="detached")
    assert other.page.locator("#waiting").is_hidden()
    one.leave()
    other.leave()


def test_two_taps_on_the_sign_button_are_one_event(phone: Phone, farm: Farm) -> None:
    path = phone.stocked(62)
    phone.deed("harvest")
    phone.choose(path)
    phone.page.locator("#sign-deed").dblclick()
    phone.is_final()
    assert [one.type.name for one in farm.told(path)] == ["lot.create/1", "epcis.event/1"]


def test_a_slip_of_the_thumb_is_declared_and_counts_no_more(phone: Phone, farm: Farm) -> None:
    path = phone.stocked(63)
    phone.deed("harvest", deed_amount="12000")
    phone.choose(path)
    phone.page.locator("#deed-amount").fill("12000")
    phone.sign()
    phone.is_final()
    phone.tab("da-ky")
    row = phone.page.locator("#sent > li").first
    row.get_by_text("Ghi nhầm").click()
    phone.page.locator("#mistake-do").click()
    phone.page.locator("[data-mistake]").wait_for()
    wait_for(
        lambda: (
            [one.type.name for one in farm.told(path)] == ["lot.create/1", "epcis.event/1", "epcis.error/1"]
        )
    )
    event, error = farm.told(path)[1:]
    assert error.body["event_hash"] == event.body["event_hash"]
    declared = read(error.body).error_declaration
    assert declared is not None
    assert declared.reason == "incorrect_data"
    # What was a mistake is not left over, and the lot may be harvested again.
    phone.deed("harvest")
    phone.choose(path)
    assert phone.page.locator("#deed-amount").input_value() == "1.200"


# --- private parts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Private:
    """A shipment whose buyer, price and place are hidden, the phone on which it was signed, and its key."""

    phone: Phone
    key: Path
    path: str
    record: Record

    @property
    def row(self) -> str:
        return f'.job[data-record="{self.record.id.hex()}"]'


@pytest.fixture(scope="module")
def shipment(farm: Farm) -> Iterator[Private]:
    key = farm.key(COOP)
    phone = farm.phone(None)
    phone.bring(key)
    page = phone.page
    path = phone.stocked(90)
    phone.deed("ship")
    page.locator("#fold-hush summary").click()
    page.locator("#hush-buyer").fill("Công ty Đồ hộp Hà Trung")
    page.locator("#hush-price").fill("28.500 đồng một cân")
    page.locator("#hush-place").check()
    page.locator("#deed-amount").fill("700")
    phone.sign()
    phone.is_final()
    yield Private(phone, key, path, farm.told(path)[-1])
    phone.leave()
    assert phone.visit.complaints == []


def test_what_is_private_never_leaves_the_phone(shipment: Private) -> None:
    body = shipment.record.body
    assert (body["hidden_count"], "event_hash" in body, read(body).read_point) == (3, False, None)
    for private in ("Hà Trung", "28.500", "V-90"):
        assert private.encode() not in octets(body, "event")
    for private in ("Hà Trung", "28.500"):
        assert private.encode() not in shipment.phone.bodies()
    shipment.phone.tab("da-ky")
    assert "Hà Trung" in shipment.phone.page.locator(shipment.row).inner_text()


def test_one_reader_is_shown_one_part(farm: Farm, shipment: Private, tmp_path: Path) -> None:
    page = shipment.phone.page
    shipment.phone.tab("da-ky")
    page.locator(shipment.row).get_by_text("Cho một người xem").click()
    page.locator("#share-do").click()
    page.locator("dialog [role=alert]").wait_for()
    page.locator("#share-sogocprice").check()
    page.locator("#share-reader").fill("Ngân hàng")
    with page.expect_download() as waiting:
        page.locator("#share-do").click()
    page.keyboard.press("Escape")
    share = tmp_path / "gia.sogoc-share"
    share.write_bytes(Path(waiting.value.path()).read_bytes())
    checked = sogoc("verify", share, "--policy", farm.node.home.policy, "--json")
    assert (checked.code, checked.json["shown"]) == (0, {"/sogoc:price": '"28.500 đồng một cân"'})
    assert "Hà Trung".encode() not in share.read_bytes()


def test_private_parts_are_brought_to_another_phone(farm: Farm, shipment: Private) -> None:
    """By a file under a passphrase; there a mistake is declared under the same tag, and shows nothing either."""
    page = shipment.phone.page
    shipment.phone.tab("da-ky")
    page.locator("#hush-keeping summary").click()
    page.locator("#hush-pass").fill("ngắn")
    page.locator("#hush-save").click()
    page.locator("#hush-keeping [role=alert]").wait_for()
    page.locator("#hush-pass").fill(PASSPHRASE)
    with page.expect_download(timeout=FINAL_MS) as waiting:
        page.locator("#hush-save").click()
    kept = Path(waiting.value.path()).read_bytes()
    assert "Hà Trung".encode() not in kept

    other = farm.phone(None)
    other.bring(shipment.key)
    other.tab("da-ky")
    page = other.page
    assert page.locator(shipment.row).count() == 0
    page.locator("#hush-keeping summary").click()
    page.locator("#hush-file").set_input_files(farm.file("rieng.sogoc-private.json", kept))
    page.locator("#hush-back-pass").fill("một mật khẩu khác")
    page.locator("#hush-open").click()
    page.locator('#hush-keeping [data-code="recovery.passphrase"]').wait_for(timeout=FINAL_MS)
    page.locator("#hush-back-pass").fill(PASSPHRASE)
    page.locator("#hush-open").click()
    page.locator('#hush-brought[data-count="1"]').wait_for(timeout=FINAL_MS)
    assert "Hà Trung" in page.locator(shipment.row).inner_text()
    page.locator(shipment.row).get_by_text("Ghi nhầm").click()
    page.locator("#mistake-do").click()
    page.locator(f"{shipment.row} [data-mistake]").wait_for()
    page.locator('.job[data-job="final"]').nth(1).wait_for(timeout=FINAL_MS)
    declared = farm.told(shipment.path)[-1]
    assert (declared.type.name, declared.body["event_tag"]) == (
        "epcis.error/1",
        shipment.record.body["event_tag"],
    )
    assert b"sogoc:buyer" not in octets(declared.body, "event")
    other.leave()


# --- describing anew, ending, unpacking -------------------------------------------------------------------------------------


def test_a_product_is_described_anew_and_ended(farm: Farm, phone: Phone) -> None:
    path = phone.stocked(91)
    page = phone.page
    gtin = gtin_of(91)
    phone.tab("lo")
    page.locator(f'.thing[data-id="{path}"] .open').click()
    assert page.locator('#ten-fields [data-field="brand"]').get_attribute("data-there") == "false"
    phone.tab("hang")
    page.locator(f'.thing[data-id="{gtin}"]').get_by_text("Sửa").click()
    assert page.locator("#product-name").input_value() == "Dứa gai tươi 91"
    page.locator("#product-brand").fill("Đồng Giao")
    page.locator("#product-standards").fill("VietGAP; TCVN 13275")
    page.locator("#product-images").set_input_files(
        [{"name": "dua.jpg", "mimeType": "image/jpeg", "buffer": b"a picture"}]
    )
    page.locator(".pictures li").wait_for()
    page.locator("#sign-product").click()
    phone.done()
    row = farm.node.final.view.get(subject_key(*product(COOP, gtin)))
    assert row is not None
    assert SubjectRow.parse(row).history.size == 2
    described = httpx.get(f"{farm.url}/v1/products/{gtin}").json()["items"][0]["fields"]
    assert (described["name"], described["brand"]) == ("Dứa gai tươi 91", "Đồng Giao")
    assert described["images"] == [sha256(b"a picture").hex()]
    phone.tab("lo")
    page.locator(f'.thing[data-id="{path}"] .open').click()
    there = {
        one.get_attribute("data-field"): one.get_attribute("data-there")
        for one in page.locator("#ten-fields [data-field]").all()
    }
    assert len(there) == 10
    assert [name for name, value in there.items() if value == "false"] == ["address", "stages", "expires"]

    phone.tab("hang")
    page.locator(f'.thing[data-id="{gtin}"]').get_by_text("Ngừng").click()
    page.locator("#end-do").click()
    page.locator("dialog [role=alert]").wait_for()
    page.locator("#end-reason").select_option("discontinued")
    page.locator("#end-sure").check()
    page.locator("#end-do").click()
    page.locator(f'.thing[data-id="{gtin}"] [data-status="ended"]').wait_for()
    page.locator('.thing[data-id="V-91"]').get_by_text("Ngừng").click()
    page.locator("#end-reason").select_option("moved")
    page.locator("#end-sure").check()
    page.locator("#end-do").click()
    page.locator('.thing[data-id="V-91"] [data-status="ended"]').wait_for()
    phone.tab("da-ky")
    page.wait_for_function("() => !document.querySelector('#sent [data-job=waiting]')")
    row = farm.node.final.view.get(subject_key(*product(COOP, gtin)))
    assert row is not None
    assert SubjectRow.parse(row).status == "ended"


def test_a_carrier_is_unpacked(farm: Farm, phone: Phone) -> None:
    """One's own carrier gives back what was packed; of another's, a lot and an amount are asked for."""
    path = phone.stocked(92)
    page = phone.page
    carrier = sscc_of(92)
    phone.deed("pack")
    page.locator('#pack-way input[value="carrier"]').check()
    page.locator(f'#pack-lot input[value="{path}"]').check()
    page.locator("#pack-amount").fill("60")
    page.locator("#deed-sscc").fill(carrier)
    phone.sign()
    phone.done()
    phone.deed("unpack")
    assert page.locator(f'#deed-carrier input[value="00/{carrier}"]').is_checked()
    assert "60 kg" in page.locator("#carrier-content").inner_text()
    phone.sign()
    phone.done()
    event = read(farm.told(path)[-1].body)
    assert (event.step, event.action, event.parent) == ("unpacking", "DELETE", f"00/{carrier}")
    assert [str(one.amount) for one in event.child_quantities] == ["60"]
    phone.deed("unpack")
    page.locator('#deed-carrier input[value=""]').check()
    page.locator("#deed-sscc").fill(sscc_of(93))
    page.locator(f'#unpack-lot input[value="{path}"]').check()
    page.locator("#deed-amount").fill("5")
    phone.sign()
    phone.is_final()
    event = read(farm.told(path)[-1].body)
    assert (event.parent, event.things) == (f"00/{sscc_of(93)}", (f"00/{sscc_of(93)}", path))


def sscc_of(number: int) -> str:
    digits = f"08938500000{number:06}"
    return digits + check_digit(digits)


# --- access -----------------------------------------------------------------------------------------------------------------


def screens(phone: Phone, path: str) -> Iterator[str]:
    """Every screen of the page, one after the other, by name."""
    page = phone.page
    for tab in ("ghi", "lo", "hang", "da-ky", "khoa"):
        phone.tab(tab)
        page.wait_for_timeout(150)
        yield tab
    for name in ("harvest", "process", "pack", "ship", "receive", "unpack", "sell"):
        phone.tab("khoa")
        phone.deed(name)
        for fold in page.locator("details.fold").all():
            fold.evaluate("one => { one.open = true; }")
        yield name
    page.locator("#deed-amount").fill("x")
    page.locator("#sign-deed").click()
    yield "a mistake"
    for button in ("add-place", "add-product"):
        phone.tab("khoa")
        phone.tab("hang")
        page.locator(f"#{button}").click()
        page.locator("details").first.evaluate("one => { one.open = true; }")
        yield button
    phone.tab("lo")
    page.locator("#add-lot").click()
    yield "add-lot"
    phone.tab("khoa")
    phone.tab("lo")
    page.locator(f'.thing[data-id="{path}"] .open').click()
    page.locator("#story li").first.wait_for()
    yield "lot"
    page.locator("#labels").click()
    yield "labels"
    page.locator(".back-button").click()
    page.locator("#recall").click()
    yield "recall"
    page.keyboard.press("Escape")


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(phone: Phone, axe: str, dark: bool) -> None:
    path = phone.stocked(70 + dark)
    phone.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    for name in screens(phone, path):
        assert serious(phone.visit, axe) == [], name


@pytest.mark.parametrize(
    ("number", "width", "size"),
    [(101, 320, "100%"), (102, 360, "100%"), (103, 640, "200%"), (104, 360, "150%")],
)
def test_a_small_screen_and_large_letters(farm: Farm, number: int, width: int, size: str) -> None:
    phone = farm.phone(viewport={"width": width, "height": 740})
    path = phone.stocked(number)
    phone.page.evaluate(f"document.documentElement.style.fontSize = '{size}'")
    for name in screens(phone, path):
        assert overflow(phone.visit) <= 0, name
    phone.leave()


def test_a_wet_thumb_finds_every_button(phone: Phone) -> None:
    path = phone.stocked(80)
    for name in screens(phone, path):
        sizes = phone.page.evaluate(
            """() => {
              const all = document.querySelectorAll("#view :is(button, .button, summary, .option label), #tabs a");
              const seen = [...all].filter((one) => one.checkVisibility());
              return seen.map((one) => [one.getBoundingClientRect().height, one.textContent.trim()]);
            }"""
        )
        assert min(sizes, default=[99])[0] >= 44, (name, min(sizes))


def test_the_keyboard_alone(phone: Phone, farm: Farm) -> None:
    """From the top of the page to a harvest on the ledger, without a pointer."""
    path = phone.stocked(81)
    phone.open("#ghi")
    page = phone.page
    keys = page.keyboard

    def until(wanted: str) -> None:
        for _ in range(40):
            keys.press("Tab")
            if page.evaluate(f"document.activeElement.matches({json.dumps(wanted)})"):
                return
        raise AssertionError(wanted)

    until('.tile[data-deed="harvest"]')
    keys.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "H2"
    until("#deed-lot input")
    for _ in range(6):
        if page.evaluate("document.activeElement.value") == path:
            break
        keys.press("ArrowDown")
    until("#deed-amount")
    keys.press("Control+A")
    keys.type("900")
    until("#sign-deed")
    assert page.evaluate(
        """() => {
          const box = document.activeElement.getBoundingClientRect();
          const dock = document.getElementById("tabs").getBoundingClientRect();
          return box.bottom <= dock.top + 1;
        }"""
    )
    keys.press("Enter")
    phone.is_final()
    event = read(farm.told(path)[-1].body)
    assert event.quantities[0].amount == Decimal(900)


def test_the_other_language(phone: Phone) -> None:
    path = phone.stocked(82)
    phone.page.locator("#language").click()
    for name in screens(phone, path):
        said = phone.page.locator("#view").inner_text() + phone.page.locator("#tabs").inner_text()
        left = set(
            re.findall(r"\b(?:Quay lại|Ký:|Lô nào|Thu hoạch|Chưa|Đăng ký|Sản phẩm|Tạo lô|Thu hồi)\b", said)
        )
        assert left == set(), name


HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>'


def test_names_from_outside_are_text(farm: Farm) -> None:
    """A name that somebody registered with markup in it is shown as it is, everywhere."""
    register_member(farm.node, "ke-xau", HOSTILE, ["producer"])
    bad = farm.phone("ke-xau")
    bad.place(HOSTILE, "X-1")
    bad.done()
    bad.product(HOSTILE, gtin_of(90))
    bad.done()
    path = (
        bad.lot(gtin_of(90), "<b>'x'</b>", "3")[: len("01/08938500010907/10/")] + "%3Cb%3E%27x%27%3C%2Fb%3E"
    )
    bad.done()
    bad.deed("harvest")
    bad.sign()
    bad.done()
    for _ in screens(bad, path):
        assert bad.page.evaluate("document.querySelectorAll('#view img, #view script, #view b').length") == 0
        assert bad.page.title().startswith("Sản xuất")
    assert bad.visit.complaints == []
    bad.leave()


def test_the_page_is_strict_and_asks_nobody_else(phone: Phone, farm: Farm) -> None:
    answer = httpx.get(f"{farm.url}/san-xuat")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text
    phone.stocked(83)
    assert {
        request.url.split("/")[2] for request in phone.visit.requests if request.url.startswith("http")
    } == {farm.url.split("/")[2]}


def test_every_key_of_words_that_the_scripts_name_is_there() -> None:
    folder = Path(words.__file__).parent / "static" / "js" / "producer"
    for path in sorted(folder.glob("*.js")):
        for key in re.findall(
            r"""["'`]((?:of|pr)\.[a-z0-9-]+(?:\.[a-zA-Z0-9-]+)*)["'`]""", path.read_text("utf-8")
        ):
            if not key.endswith("-"):
                assert words.has(key), f"{path.name}: {key}"
    for family, members in FAMILIES.items():
        for member in members:
            assert words.has(f"pr.{family}.{member}"), f"pr.{family}.{member}"


FAMILIES = {
    "deed": ("harvest", "process", "pack", "packs", "ship", "receive", "unpack", "sell", "inspect"),
    "sign": ("harvest", "process", "pack", "ship", "receive", "unpack", "sell"),
    "what": ("place", "product", "lot", "event", "error", "recall", "release", "end"),
    "signed": ("waiting", "waiting-text", "final", "final-text", "refused", "refused-text", "gone"),
    "place": ("farm", "processing", "packing", "warehouse", "shop", "other"),
    "reason": tuple(sorted({*RECALL_REASONS, *RELEASE_REASONS, *END_REASONS, *PLACE_END_REASONS})),
    "end": ("product", "product-text", "place", "place-text"),
    "hush": ("buyer", "buyer-from", "price", "invoice", "plot"),
    "ten": tuple(
        f"{name}{more}"
        for name in (
            "name",
            "image",
            "producer",
            "address",
            "stages",
            "produced",
            "code",
            "brand",
            "expires",
            "standards",
        )
        for more in ("", "-where")
    ),
    "labels": tuple(LAYOUTS),
    "recall": ("open", "title", "text", "sure", "do"),
    "release": ("open", "title", "text", "sure", "do"),
}
"""Words whose key is put together while the page runs: everything that the ledger's own lists may say."""
