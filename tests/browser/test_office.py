"""An office's desk: from an invitation to anchored papers and issued certificates, with and without a network."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from api.certificates.schemas import schemas
from api.certificates.table import read_table
from api.cli.verify import judge_file
from api.pages import words
from api.pages.assets import assets
from ledger.claims import FullClaims
from ledger.credentials import did, jcs, vc
from ledger.credentials.jcs import parse as parse_json
from ledger.credentials.multibase import base58btc
from ledger.credentials.verdict import judge_credential
from ledger.disclosure import CertificateProof
from ledger.errors import FormatError
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.records import parse_record
from ledger.rows import KeyRow, key_key
from ledger.verdict import Verdict, judge_proof
from node import keyfiles
from node.service import Node, clock_ms
from node.vault.keeper import VaultKeeper, open_vault
from tests.browser.conftest import Site, Visit, made_visit, pdf
from tests.browser.test_access import overflow, serious
from tests.serving import _be_quiet, serving
from tests.support import MEMBER, key_of, register_key, register_member, retire_key, running_node

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

PASSPHRASE = "năm con dứa gai ngọt"
FINAL_MS = 20_000
MARRIAGE = (
    ("Số", "12"),
    ("Họ và tên", "Nguyễn Thị Thử Nghiệm"),
    ("Ngày sinh", "05/03/1990"),
    ("Giới tính", "Nữ"),
    ("Quốc tịch", "Việt Nam"),
    ("Giấy tờ tùy thân", "Căn cước 038090000000"),
    ("Nơi cư trú", "Số 1 phố Thử, phường Phú Sơn"),
    ("Tình trạng hôn nhân", "Chưa đăng ký kết hôn với ai"),
    ("Mục đích sử dụng", "Đăng ký kết hôn"),
)
OCOP = "so,san_pham,chu_the,dia_chi,hang_sao,quyet_dinh,ngay_cong_nhan,dai_dien\n"
OCOP_ROWS = (
    '01/2025,"Dứa sấy dẻo, 200 g",HTX Dứa,Phường Phú Sơn,3,27/QĐ-UBND,14/03/2025,Trần Văn Mẫu\n'
    "02/2025,Mật ong hoa rừng,HTX Dứa,Phường Phú Sơn,4,27/QĐ-UBND,2025-03-14,\n"
)


@dataclass
class Office:
    """The node with its vault, and officers at their browsers."""

    node: Node
    keeper: VaultKeeper
    url: str
    papers: Path
    chromium: Any
    desks: list[Desk] = field(default_factory=list)
    keys: list[SigningKey] = field(default_factory=list)

    def sit(self, **options: Any) -> Desk:  # noqa: ANN401  as `new_context` has them  playwright's own options
        context = self.chromium.new_context(
            **{
                "viewport": {"width": 1280, "height": 800},
                "locale": "vi-VN",
                "timezone_id": "Asia/Ho_Chi_Minh",
                "accept_downloads": True,
            }
            | options
        )
        context.set_default_timeout(FINAL_MS)
        desk = Desk(self, made_visit(context, Site(self.node, self.url, self.papers)))
        self.desks.append(desk)
        return desk

    def file(self, name: str, content: bytes) -> str:
        path = self.papers / name
        path.write_bytes(content)
        return str(path)

    def officer(self, roles: tuple[str, ...] = ("issuer", "office"), **options: Any) -> Desk:  # noqa: ANN401  as `new_context` has them
        """A desk whose key is in service: brought from a PEM, which is quicker than an enrolment."""
        key = SigningKey.from_seed(hashlib.sha256(f"{len(self.desks)} {roles}".encode()).digest())
        self.keys.append(key)
        path = self.papers / f"officer-{len(self.desks)}.pem"
        keyfiles.save(path, key, None)
        if self.node.final.view.get(key_key(key.public_key)) is None:
            register_key(self.node, key, roles=roles)
        desk = self.sit(**options)
        desk.open("#khoa")
        desk.bring(path)
        return desk


@dataclass
class Desk:
    """An officer at a browser."""

    office: Office
    visit: Visit

    @property
    def page(self) -> Any:  # noqa: ANN401  playwright's own
        return self.visit.page

    def open(self, fragment: str = "") -> None:
        self.page.goto(f"{self.office.url}/van-phong{fragment}")

    def tab(self, name: str) -> None:
        self.page.locator(f'#tabs a[href="#{name}"]').click()

    def bring(self, path: Path) -> None:
        self.page.locator("#bring-back summary").click()
        self.page.locator("#key-file").set_input_files(str(path))
        self.page.locator('.card.key[data-state="ready"]').first.wait_for(timeout=FINAL_MS)

    def download(self, selector: str) -> tuple[str, bytes]:
        with self.page.expect_download(timeout=FINAL_MS) as waiting:
            self.page.locator(selector).click()
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()

    def choose(self, *files: str) -> None:
        if not self.page.locator("#office-files").count():
            self.tab("neo")
        self.page.locator("#office-files").set_input_files(list(files))

    def sign_papers(self) -> None:
        """Wait until everything is hashed and looked up, and sign."""
        self.page.locator("#sign:not([disabled])").click(timeout=FINAL_MS)

    def is_final(self) -> None:
        self.page.locator('.job[data-job="final"]').wait_for(timeout=FINAL_MS)

    def bodies(self) -> bytes:
        """Everything that this browser has sent."""
        sent = [request.post_data_buffer or b"" for request in self.visit.requests]
        return b"\n".join([*sent, *(request.url.encode() for request in self.visit.requests)])

    def leave(self) -> None:
        self.visit.context.close()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Office]:
    _be_quiet()
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("office")
        node = stack.enter_context(running_node(folder, clock=clock_ms, requests_per_address_per_minute=0))
        keeper = open_vault(node, key_of(node, "vault"))
        keeper.start()
        stack.callback(keeper.stop)
        url = stack.enter_context(serving(node, vault=keeper))
        yield Office(node, keeper, url, tmp_path_factory.mktemp("office-papers"), chromium)


@pytest.fixture
def desk(office: Office) -> Iterator[Desk]:
    """An officer who anchors and issues."""
    made = office.officer()
    yield made
    made.leave()
    assert made.visit.complaints == []


def key_row(office: Office, public_key: str) -> KeyRow | None:
    data = office.node.final.view.get(key_key(bytes.fromhex(public_key)))
    return None if data is None else KeyRow.parse(data)


def enrol(desk: Desk, fragment: str) -> tuple[dict[str, Any], bytes, str]:
    """From an invitation to a key that waits: the recovery file as read and as it is, and the fingerprint."""
    desk.open(fragment)
    page = desk.page
    page.locator("#pass-new").fill(PASSPHRASE)
    page.locator("#pass-again").fill(PASSPHRASE)
    page.locator("#make-key").click()
    name, recovery = desk.download("#save-recovery")
    assert name.endswith(".sogoc-recovery.json")
    page.locator("#recovery-check").set_input_files(desk.office.file(name, recovery))
    page.locator("#pass-check").fill(PASSPHRASE)
    page.locator("#check-recovery").click()
    mark = page.locator("#my-fingerprint")
    mark.filter(has_text=re.compile("[0-9a-f]{4}")).wait_for(timeout=FINAL_MS)
    return json.loads(recovery), recovery, str(mark.inner_text())


# --- keys -----------------------------------------------------------------------------------------------------------


def approve(chief: Desk, public_key: str, print_shown: str) -> None:
    """The administrator compares the fingerprint that the officer reads out, and signs."""
    office = chief.office
    row = chief.page.locator(f'#pending [data-key="{public_key}"]')
    row.wait_for(timeout=FINAL_MS)
    assert print_shown in row.inner_text()
    assert print_shown.replace(" ", "") == hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:20]
    assert key_row(office, public_key) is None
    row.locator("button").click()
    assert print_shown in chief.page.locator("dialog").inner_text()
    chief.page.locator("#approve-do").click()
    chief.page.locator('dialog [data-job="final"]').first.wait_for(timeout=FINAL_MS)
    registered = key_row(office, public_key)
    assert registered is not None
    assert registered.roles == ("issuer", "office")


def test_from_an_invitation_to_three_papers_that_verify(office: Office) -> None:
    """The administrator invites, the officer makes a key, fingerprints agree, papers are anchored, a citizen checks one."""
    chief = office.sit()
    chief.open()
    chief.bring(office.node.home.key("admin"))
    link = chief.page.locator("#invite-link").input_value()
    assert link == f"{office.url}/van-phong#moi=office,issuer,office"
    code = chief.page.locator("img.qr")
    assert code.evaluate("one => one.decode().then(() => one.naturalWidth)") > 100

    clerk = office.sit()
    file, recovery, print_shown = enrol(clerk, link.partition("/van-phong")[2])
    assert file["roles"] == ["issuer", "office"]
    approve(chief, file["public_key"], print_shown)

    clerk.page.locator("#who").filter(has_text="UBND phường Phú Sơn").wait_for(timeout=FINAL_MS)
    clerk.tab("neo")
    names = ("41-BC-UBND.pdf", "27-QĐ-UBND.pdf", "Thông báo.pdf")
    clerk.choose(*(office.file(name, pdf(f"enrol {name}")) for name in names))
    clerk.page.locator("#all-date").fill("2025-02-13")
    rows = clerk.page.locator(".paper-row")
    assert [
        rows.nth(0).locator(".cell.number input").input_value(),
        rows.nth(1).locator(".cell.symbol input").input_value(),
    ] == ["41", "QĐ-UBND"]
    assert rows.nth(0).locator("select").input_value() == "bao-cao"
    rows.nth(0).locator(".cell.abstract input").fill("Báo cáo tiến độ hạ tầng số")
    clerk.sign_papers()
    clerk.is_final()
    _, data = clerk.download("#receipts-zip")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(f"{one}.tlog-proof" for one in names)
    record_id = clerk.page.locator("[data-record]").first.get_attribute("data-record")
    place = office.node.final.place(bytes.fromhex(record_id))
    assert place is not None
    record = parse_record(office.node.final.record(place))
    assert record.body["number"] == "41"
    assert record.body["book"] == "bc-ubnd"
    assert record.body["hash"] == sha256(pdf("enrol 41-BC-UBND.pdf"))

    clerk.page.goto(f"{office.url}/")
    assert (
        clerk.visit.give(office.file("41-BC-UBND.pdf", pdf("enrol 41-BC-UBND.pdf")))
        == "in-force status.in-force"
    )
    assert "UBND phường Phú Sơn" in clerk.visit.text()

    sent = clerk.bodies() + chief.bodies()
    secret = open_recovery(recovery)
    admin = office.node.home.key("admin").read_bytes()
    for private in (
        secret,
        secret.hex().encode(),
        base64.b64encode(secret),
        PASSPHRASE.encode(),
        admin,
        b"%PDF-1.7",
    ):
        assert private not in sent
    assert clerk.visit.complaints == chief.visit.complaints == []
    clerk.leave()
    chief.leave()


def open_recovery(recovery: bytes) -> bytes:
    """The 32 secret bytes in a recovery file, by what the guide says of it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  only here

    from ledger.encoding import encode  # noqa: PLC0415  only here

    file = json.loads(recovery)
    derivation = file["derivation"]
    assert (derivation["name"], derivation["hash"]) == ("PBKDF2", "SHA-256")
    assert derivation["iterations"] >= 600_000
    key = hashlib.pbkdf2_hmac(
        "sha256", PASSPHRASE.encode(), base64.b64decode(derivation["salt"]), derivation["iterations"], 32
    )
    bound = encode(
        [
            "sogoc-recovery",
            1,
            bytes.fromhex(file["chain_id"]),
            file["member"],
            file["roles"],
            bytes.fromhex(file["public_key"]),
        ]
    )
    opened = AESGCM(key).decrypt(base64.b64decode(file["cipher"]["iv"]), base64.b64decode(file["key"]), bound)
    assert SigningKey.from_seed(opened[16:]).public_key.hex() == file["public_key"]
    return opened[16:]


def test_the_key_cannot_be_taken_out_of_the_browser(desk: Desk) -> None:
    said = desk.page.evaluate(
        """async () => {
          const open = indexedDB.open("sogoc-office");
          const database = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
          const asked = database.transaction("keys").objectStore("keys").getAll();
          const [key] = await new Promise((resolve) => { asked.onsuccess = () => resolve(asked.result); });
          const tries = await Promise.allSettled(["pkcs8", "jwk"].map((form) => crypto.subtle.exportKey(form, key.privateKey)));
          return [key.privateKey.extractable, key.privateKey.usages.join(), ...tries.map((one) => one.status)];
        }"""
    )
    assert said == [False, "sign", "rejected", "rejected"]


def test_a_recovery_file_brings_the_key_back(office: Office) -> None:
    first = office.sit()
    file, recovery, _ = enrol(first, "#moi=office,office")
    assert file["public_key"] in waiting(office)
    path = Path(office.file("lost.sogoc-recovery.json", recovery))
    first.leave()

    approved = SigningKey.from_seed(open_recovery(recovery))
    register_key(office.node, approved)
    second = office.sit()
    second.open()
    page = second.page
    page.locator("#bring-back summary").click()
    page.locator("#key-file").set_input_files(str(path))
    page.locator("#pass-back").fill("một mật khẩu khác hẳn")
    page.locator("#open-recovery").click()
    page.locator('[data-code="recovery.passphrase"]').wait_for(timeout=FINAL_MS)
    page.locator("#pass-back").fill(PASSPHRASE)
    page.locator("#open-recovery").click()
    page.locator("#who").filter(has_text="UBND phường Phú Sơn").wait_for(timeout=FINAL_MS)
    second.tab("neo")
    second.choose(office.file("recovered.pdf", pdf("recovered")))
    second.sign_papers()
    second.is_final()
    assert second.visit.complaints == []
    second.leave()


def waiting(office: Office) -> list[str]:
    """The public keys that ask to be put in service."""
    answer = httpx.get(f"{office.url}/v1/enrolments").json()["enrolments"]
    return [one["public_key"] for one in answer]


def test_a_passphrase_and_its_file_are_asked_for_in_earnest(office: Office) -> None:
    desk = office.sit()
    desk.open("#moi=office,office")
    page = desk.page
    page.locator("#pass-new").fill("ngắn")
    page.locator("#pass-again").fill("ngắn")
    page.locator("#make-key").click()
    assert "ít nhất 12 chữ" in page.locator("[role=alert]").inner_text()
    page.locator("#pass-new").fill(PASSPHRASE)
    page.locator("#make-key").click()
    assert "không giống nhau" in page.locator("[role=alert]").inner_text()
    page.locator("#pass-again").fill(PASSPHRASE)
    page.locator("#make-key").click()
    _, recovery = desk.download("#save-recovery")
    # The key is not kept, and nobody is asked to approve it, before the file has been opened again.
    page.locator("#check-recovery").click()
    assert "chọn tệp vừa lưu" in page.locator("[role=alert]").inner_text()
    changed = json.loads(recovery) | {"member": "school"}
    page.locator("#recovery-check").set_input_files(office.file("changed.json", json.dumps(changed).encode()))
    page.locator("#pass-check").fill(PASSPHRASE)
    page.locator("#check-recovery").click()
    page.locator('[data-code="recovery.passphrase"]').wait_for(timeout=FINAL_MS)
    assert json.loads(recovery)["public_key"] not in waiting(office)
    page.reload()
    page.locator("#pass-new").wait_for(timeout=FINAL_MS)
    assert desk.visit.complaints == []
    desk.leave()


def test_an_encrypted_pem_is_refused_with_what_to_do(office: Office) -> None:
    path = office.papers / "encrypted.pem"
    keyfiles.save(path, SigningKey.from_seed(bytes(32)), "passphrase")
    desk = office.sit()
    desk.open()
    desk.page.locator("#bring-back summary").click()
    desk.page.locator("#key-file").set_input_files(str(path))
    note = desk.page.locator('[data-code="pem.encrypted"]')
    note.wait_for(timeout=FINAL_MS)
    assert "sogoc member add" in note.inner_text()
    desk.leave()


# --- documents ------------------------------------------------------------------------------------------------------


def test_what_is_wrong_is_said_before_anything_is_signed(desk: Desk, office: Office) -> None:
    desk.choose(
        office.file("5-TB-UBND.pdf", pdf("five")),
        office.file("5_TB-UBND.pdf", pdf("five again")),
        office.file("Tối mật.pdf", pdf("secret")),
        office.file("thư.pdf", pdf("letter")),
    )
    page = desk.page
    page.locator("#all-date").fill("2025-03-01")
    rows = page.locator(".paper-row")
    rows.nth(3).locator(".cell.abstract input").fill("liên hệ 0912 345 678")
    rows.nth(3).locator(".cell.abstract input").blur()
    page.locator('[data-state="of.wrong.personal"]').wait_for(timeout=FINAL_MS)
    assert "Trích yếu" in rows.nth(3).locator(".state").inner_text()
    assert "giống số điện thoại" in rows.nth(3).locator(".state").inner_text()
    assert page.locator('[data-state="of.wrong.twice"]').count() == 2
    assert rows.nth(2).locator('[data-state="of.anchor.secret"]').count() == 1
    assert page.locator("#sign").is_disabled()
    assert hashlib.sha256(pdf("secret")).hexdigest().encode() not in desk.bodies()
    rows.nth(3).locator(".cell.abstract input").fill("Thư cảm ơn")
    rows.nth(1).locator(".cell.number input").fill("6")
    rows.nth(2).locator("button").click()
    desk.sign_papers()
    desk.is_final()
    page.get_by_text("Neo tiếp").click()
    # The same file again, and another with a number that is taken; it may be said to continue that one.
    desk.choose(office.file("5-TB-UBND.pdf", pdf("five")), office.file("5-TB-UBND moi.pdf", pdf("newer")))
    rows = page.locator(".paper-row")
    rows.nth(0).locator('[data-state="of.anchor.known"]').wait_for(timeout=FINAL_MS)
    rows.nth(1).locator(".cell.date input").fill("2025-03-01")
    rows.nth(1).locator(".cell.date input").blur()
    rows.nth(1).locator('[data-state="of.wrong.taken"]').wait_for(timeout=FINAL_MS)
    assert page.locator("#sign").is_disabled()
    rows.nth(1).locator(".state input[type=checkbox]").check()
    desk.sign_papers()
    desk.is_final()
    page.goto(f"{office.url}/")
    assert desk.visit.give(office.file("5-TB-UBND.pdf", pdf("five"))) == "ended status.superseded"


def test_a_private_paper_is_a_commitment_and_its_salt_stays_here(desk: Desk, office: Office) -> None:
    content = pdf("private to somebody")
    desk.choose(office.file("Xác nhận.pdf", content))
    desk.page.locator("#all-private").check()
    desk.sign_papers()
    desk.is_final()
    _, data = desk.download("#receipts-zip")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        salt = archive.read("Xác nhận.pdf.salt").decode()
        receipt = archive.read("Xác nhận.pdf.tlog-proof")
    record_id = desk.page.locator("[data-record]").get_attribute("data-record")
    place = office.node.final.place(bytes.fromhex(record_id))
    assert place is not None
    assert set(parse_record(office.node.final.record(place)).body) == {"authority", "commitment"}
    assert desk.page.locator("#stamp").count() == 0
    # Its name and content go nowhere; the salt goes to the vault alone, under the officer's signature.
    urls = [
        request.url
        for request in desk.visit.requests
        if bytes.fromhex(salt) in (request.post_data_buffer or b"")
    ]
    assert urls == [f"{office.url}/v1/vault/batches"]
    assert content not in desk.bodies()
    assert "Xác nhận".encode() not in desk.bodies()
    desk.page.goto(f"{office.url}/")
    verdict = desk.visit.give(
        office.file("Xác nhận.pdf", content),
        office.file("x.tlog-proof", receipt),
        office.file("x.salt", salt.encode()),
    )
    assert verdict == "in-force status.in-force"


def test_a_file_leaves_only_to_be_stamped_and_that_is_said(desk: Desk, office: Office) -> None:
    pypdf = pytest.importorskip("pypdf", reason="pip install 'sogoc[papers]' to make papers")
    pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")
    writer = pypdf.PdfWriter()
    writer.add_blank_page(595, 842)
    out = io.BytesIO()
    writer.write(out)
    content = out.getvalue()
    desk.choose(office.file("Công văn.pdf", content))
    desk.sign_papers()
    desk.is_final()
    assert content not in desk.bodies()
    desk.page.locator("#stamp").click()
    assert "gửi tệp ra khỏi máy" in desk.page.locator("dialog").inner_text()
    assert content not in desk.bodies()
    name, stamped = desk.download("#stamp-send")
    assert name == "Công văn-dong-dau.pdf"
    code = desk.page.locator(".papers .code-link").inner_text()
    assert code in " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(stamped)).pages)
    assert content in desk.bodies()
    answer = wait_for(lambda: paper_of(desk, stamped))
    assert answer["anchors"][0]["type"] == "doc.paper/1"
    assert answer["anchors"][0]["subject"]["status"] == "in-force"


def paper_of(desk: Desk, content: bytes) -> Any:  # noqa: ANN401  JSON
    """What the ledger says of a file, or None."""
    answer = httpx.get(f"{desk.office.url}/v1/documents/{hashlib.sha256(content).hexdigest()}")
    return answer.json() if answer.is_success else None


def wait_for(ask: Callable[[], Any], seconds: float = 10.0) -> Any:  # noqa: ANN401  whatever is asked for
    end = time.monotonic() + seconds
    while (found := ask()) is None and time.monotonic() < end:
        time.sleep(0.1)
    assert found is not None
    return found


def test_withdrawing_correcting_and_replacing(desk: Desk, office: Office) -> None:
    names = ("81-QĐ-UBND.pdf", "82-QĐ-UBND.pdf", "83-QĐ-UBND.pdf")
    desk.choose(*(office.file(name, pdf(f"register {name}")) for name in names))
    page = desk.page
    page.locator("#all-date").fill("2025-02-13")
    desk.sign_papers()
    desk.is_final()
    desk.tab("so")
    page.locator("#reg-search").fill("82")
    page.locator("#reg-search").press("Enter")
    page.locator("#register li").filter(has_text="82/QĐ-UBND").locator("button").click()
    page.locator("#deed-withdraw").click()
    page.locator("#deed-do").click()
    assert page.locator("dialog [role=alert]").inner_text()
    page.locator("#deed-reason").select_option("wrong-content")
    page.locator("#deed-do").click()
    page.locator('#deed-state [data-job="final"]').first.wait_for(timeout=FINAL_MS)
    page.keyboard.press("Escape")
    page.locator('#register [data-status="withdrawn"]').wait_for(timeout=FINAL_MS)

    page.locator("#reg-search").fill("")
    page.locator("#reg-search").press("Enter")
    page.locator("#register li").filter(has_text="81/QĐ-UBND").locator("button").click()
    page.locator("#deed-correct").click()
    page.locator("#deed-file").set_input_files(office.file("stranger.pdf", pdf("a stranger here")))
    page.get_by_text("chưa được cơ quan này neo").wait_for(timeout=FINAL_MS)
    page.locator("#deed-file").set_input_files(str(office.papers / "83-QĐ-UBND.pdf"))
    page.locator("dialog .chosen strong").filter(has_text="83/QĐ-UBND").wait_for(timeout=FINAL_MS)
    page.locator("#deed-do").click()
    page.locator('#deed-state [data-job="final"]').first.wait_for(timeout=FINAL_MS)
    page.keyboard.press("Escape")
    item = page.locator("#register li").filter(has_text="81/QĐ-UBND")
    item.locator('[data-status="in-force"]').wait_for(timeout=FINAL_MS)
    item.locator("button").click()
    page.locator("#deed-supersede").click()
    page.locator("#deed-file").set_input_files(str(office.papers / "83-QĐ-UBND.pdf"))
    page.locator("dialog .chosen strong").filter(has_text="83/QĐ-UBND").wait_for(timeout=FINAL_MS)
    page.locator("#deed-do").click()
    page.locator('#deed-state [data-job="final"]').first.wait_for(timeout=FINAL_MS)
    page.goto(f"{office.url}/")
    assert desk.visit.give(str(office.papers / "81-QĐ-UBND.pdf")) == "ended status.superseded"
    page.goto(f"{office.url}/")
    assert desk.visit.give(str(office.papers / "82-QĐ-UBND.pdf")) == "ended status.withdrawn"


# --- certificates ---------------------------------------------------------------------------------------------------


def table(desk: Desk, name: str, text: str, schema: str = "ocop.1") -> None:
    desk.tab("cap")
    desk.page.locator("#schema").select_option(schema)
    desk.page.locator("#certificate-table").set_input_files(desk.office.file(name, text.encode()))


def test_two_certificates_from_a_table_to_a_pack_that_verifies(desk: Desk, office: Office) -> None:
    pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")
    table(desk, "ocop.csv", OCOP + OCOP_ROWS)
    page = desk.page
    page.locator("caption").filter(has_text="2 giấy đã kiểm tra").wait_for(timeout=FINAL_MS)
    before = [request for request in desk.visit.requests if request.method == "POST"]
    assert not [
        request.url
        for request in before
        if "/v1/entries" in request.url or "/v1/vault/batches" in request.url
    ]
    page.locator("#issue").click()
    page.locator("#pack").wait_for(timeout=2 * FINAL_MS)
    entries = [request for request in desk.visit.requests if "/v1/entries" in request.url]
    vault = [
        at for at, request in enumerate(desk.visit.requests) if request.url.endswith("/v1/vault/batches")
    ]
    assert len(vault) == 1
    # Contents are in the vault before the ledger gets the commitment; one signature issues both, one anchors both sheets.
    assert len([one for one in entries if one.method == "POST"]) == 2
    assert max(vault) < desk.visit.requests.index(entries[0])
    for request in entries:
        assert "Trần Văn Mẫu".encode() not in (request.post_data_buffer or b"")
    _, data = desk.download("#pack")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        held = {
            Path(name).suffix: archive.read(name) for name in archive.namelist() if name.startswith("00002-")
        }
        assert len(archive.namelist()) == 8
        archive.extractall(office.papers / "pack")
    assert set(held) == {".pdf", ".tlog-proof", ".sogoc-proof", ".json"}
    # A file's evidence lies beside it under the file's own name and one more suffix, as `sogoc certify` writes it.
    for sheet in (office.papers / "pack").rglob("*.pdf"):
        assert sheet.with_name(f"{sheet.name}.vc.json").is_file()
        assert sheet.with_name(f"{sheet.name}.sogoc-proof").is_file()
        found = judge_file(sheet, None, None, office.node.policy, now_ms=clock_ms())
        assert found.verdict is Verdict.IN_FORCE, found
    check_credential(held[".json"], held[".sogoc-proof"], office)
    proof = CertificateProof.parse(held[".sogoc-proof"])
    judgement = judge_proof(proof, office.node.policy, now_ms=clock_ms(), file_hash=sha256(held[".pdf"]))
    assert judgement.verdict is Verdict.IN_FORCE, judgement
    assert isinstance(proof.claims, FullClaims)
    assert ("dai_dien", "Trần Văn Mẫu") in [(claim.name, claim.value) for claim in proof.claims.claims]
    page.goto(f"{office.url}/")
    given = desk.visit.give(
        office.file("p.sogoc-proof", held[".sogoc-proof"]), office.file("p.pdf", held[".pdf"])
    )
    assert given == "in-force status.in-force"
    # In the words of the form, days as people write them, and what was left empty as a dash.
    claims = page.locator("#result .claims > div")
    said = dict(
        zip(claims.locator("dt").all_inner_texts(), claims.locator("dd").all_inner_texts(), strict=True)
    )
    assert said["Tên sản phẩm"] == "Dứa sấy dẻo, 200 g"
    assert (said["Hạng sao"], said["Ngày công nhận"], said["Nhóm sản phẩm"]) == ("3", "14/03/2025", "—")
    # What was handed over is deleted here.
    desk.open("#da-ky")
    page.locator(".papers li").filter(has_text="Cấp giấy chứng nhận").get_by_text("Mở").click()
    page.locator("#handed").click()
    page.locator("#handed-do").click()
    page.get_by_text("đã được xóa khỏi máy này").wait_for(timeout=FINAL_MS)
    left = page.evaluate(
        """async () => {
          const open = indexedDB.open("sogoc-office");
          const database = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
          const asked = database.transaction("jobs").objectStore("jobs").getAll();
          return JSON.stringify(await new Promise((resolve) => { asked.onsuccess = () => resolve(asked.result); }));
        }"""
    )
    assert "Dứa" not in left
    assert "Mẫu" not in left


def check_credential(data: bytes, proof: bytes, office: Office) -> None:
    """What the browser signed is, but for its time and signature, what the command line would have made of the same proof."""
    judgement = judge_credential(data, proof, office.node.policy, now_ms=clock_ms())
    assert (judgement.verdict, judgement.rule) == (Verdict.IN_FORCE, "status.in-force")
    assert judgement.certificate is not None
    assert judgement.proved is not None
    claims = CertificateProof.parse(proof).claims
    assert isinstance(claims, FullClaims)
    credential = parse_json(data)
    expected = vc.certificate_credential(
        judgement.certificate,
        claims,
        vc.Issuer(did.did_key(judgement.proved.author_key), "UBND phường Phú Sơn"),
        kind="OcopProductCertificate",
        origin=office.node.genesis.origin,
    )
    assert {name: value for name, value in credential.items() if name != "proof"} == expected
    forged = {**credential, "issuer": {**credential["issuer"], "name": "UBND phường Khác"}}
    assert (
        judge_credential(json.dumps(forged).encode(), proof, office.node.policy, now_ms=clock_ms()).verdict
        is Verdict.DOES_NOT_MATCH
    )


def test_credentials_name_the_domain_that_is_configured(
    desk: Desk, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(desk, "domain.csv", OCOP + OCOP_ROWS.splitlines(keepends=True)[0])
    desk.page.locator("#with-papers").uncheck()
    desk.page.locator("#issue").click()
    desk.page.locator("#pack").wait_for(timeout=FINAL_MS)
    issuers = []
    for domain, member in (("phuson.example:8443", MEMBER), ("phuson.example", "another"), ("", MEMBER)):
        with monkeypatch.context() as patch:
            patch.setattr(
                office.node, "config", replace(office.node.config, domain=domain, domain_member=member)
            )
            _, data = desk.download("#pack")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            held = {Path(name).suffix: archive.read(name) for name in archive.namelist()}
        found = judge_credential(held[".json"], held[".sogoc-proof"], office.node.policy, now_ms=clock_ms())
        assert (found.verdict, found.rule) == (Verdict.IN_FORCE, "status.in-force")
        issuers.append(vc.verify(parse_json(held[".json"])).issuer)
    # A document that does not name the key is none for it.
    assert issuers == ["did:web:phuson.example%3A8443", did.did_key(office.keys[-1].public_key), issuers[1]]


def test_the_page_writes_json_as_the_canonical_form_says(desk: Desk) -> None:
    """RFC 8785 and base58btc, against the libraries that the command line uses."""
    values: list[dict[str, Any]] = [
        {"b": 1, "a": [True, None, "x"], "\u20ac": 0, "\ufb33": -1, "\U0001f600": 2, "\r": "\u2028\x7f"},
        {"Hạng sao": 4, "á": 'dấu “ngoặc” \\ " \b\f\n\t\u000b\u0000 NFC và á', "": {"z": {}, "y": []}},
        {"n": 2**53 - 1, "m": -(2**53) + 1, "zero": 0},
    ]
    parts = [b"", b"\0", b"\0\0\x01", bytes(range(64)), b"\xff" * 34]
    said = desk.page.evaluate(
        """async ([address, values, parts]) => {
          const { canonical, base58btc } = await import(address);
          const refused = [];
          for (const bad of ["\\ud800", "a\\udc00", 2 ** 53, 0.5])
            try { canonical({ x: bad }); } catch (error) { refused.push(error.rule); }
          return [values.map(canonical), parts.map((part) => base58btc(Uint8Array.from(part))), refused];
        }""",
        [assets().address("js/office/credential.js"), values, [list(part) for part in parts]],
    )
    assert [text.encode() for text in said[0]] == [jcs.canonical(value) for value in values]
    assert said[1] == [base58btc(part) for part in parts]
    assert said[2] == ["json.value"] * 4


def test_a_table_s_mistakes_are_named_by_row_and_column(desk: Desk) -> None:
    wrong = "1,Dứa,HTX,Phú Sơn,7,27,31/02/2025,\n2,,HTX,Phú Sơn,4,27,2025-03-14,\n"
    table(desk, "wrong.csv", OCOP + OCOP_ROWS + wrong)
    note = desk.page.locator("#mistakes")
    note.wait_for(timeout=FINAL_MS)
    said = note.inner_text()
    assert "dòng 4, Hạng sao: phải từ 3 đến 5" in said
    assert "dòng 4, Ngày công nhận: ngày này không có trong lịch" in said
    assert "dòng 5, Tên sản phẩm: bắt buộc phải có" in said
    assert desk.page.locator("#issue").is_hidden()


def test_the_page_reads_tables_as_the_command_line_does(desk: Desk) -> None:
    schema = "tinh-trang-hon-nhan.1"
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow([name for name, _ in MARRIAGE])
    writer.writerow([value for _, value in MARRIAGE])
    tables = (
        out.getvalue(),
        OCOP + OCOP_ROWS,
        "\ufeff" + OCOP + OCOP_ROWS.replace("\n", "\r\n"),
        OCOP + OCOP_ROWS + OCOP_ROWS,
        OCOP.replace("so,", "so,so,"),
        OCOP.replace("hang_sao,", ""),
        OCOP + "a\u200bb,x,y,z,3,q,1/2/2025,\n",
        OCOP + ",,,,,,,\n1,2,3,4,5,6,29.02.2024,8,9\n",
        "so\n",
        "",
    )
    sources = desk.page.evaluate(
        "[...document.querySelectorAll('link[rel=modulepreload]')].map((one) => one.href)"
    )
    source = next(one for one in sources if one.endswith("/office/table.js"))
    for name in ("ocop.1", schema):
        for text in tables:
            found = desk.page.evaluate(
                """async ([source, name, text]) => {
                  const { readTable } = await import(source);
                  const all = await (await fetch("/van-phong/schemas.json")).json();
                  const read = readTable(new TextEncoder().encode(text), all.find((one) => one.name === name));
                  const claims = (row) => row.claims.map((one) => [one.name, one.value]);
                  return [read.rows.map((row) => [row.number, claims(row), row.validFrom, row.validUntil]),
                    read.mistakes.map((one) => [one.row, one.column])];
                }""",
                [source, name, text],
            )
            try:
                expected = read_table(text.encode(), schemas()[name])
            except FormatError:
                # Of the whole table: it has no row and no column.
                assert found == [[], [[0, ""]]]
                continue
            assert found[0] == [
                [
                    row.number,
                    [[claim.name, claim.value] for claim in row.claims],
                    row.valid_from,
                    row.valid_until,
                ]
                for row in expected.rows
            ]
            assert found[1] == [[one.row, one.column] for one in expected.mistakes]


def test_a_certificate_s_life_after_a_form(desk: Desk, office: Office) -> None:
    desk.tab("cap")
    page = desk.page
    page.locator("#schema").select_option("tinh-trang-hon-nhan.1")
    page.locator("details summary").filter(has_text="Nhập từng giấy").click()
    page.locator("#add-one").click()
    assert "Họ và tên: bắt buộc phải có" in page.locator("#mistakes").inner_text()
    form = page.locator("#certificate-form")
    assert "cá nhân" in form.locator('label[for="claim-ho_ten"]').inner_text()
    for name, value in (
        ("so", "12"),
        ("ho_ten", "Nguyễn Thị Thử"),
        ("ngay_sinh", "1990-03-05"),
        ("quoc_tich", "Việt Nam"),
        ("giay_to", "Căn cước"),
        ("noi_cu_tru", "Phú Sơn"),
        ("muc_dich", "Đăng ký kết hôn"),
    ):
        form.locator(f"#claim-{name}").fill(value)
    form.locator("#claim-gioi_tinh").select_option("nu")
    form.locator("#claim-tinh_trang").select_option("chua-ket-hon")
    page.locator("#add-one").click()
    page.locator("#with-papers").uncheck()
    page.locator("#issue").click()
    desk.is_final()
    code = page.locator(".papers .code-link").inner_text()
    record_id = page.locator("[data-record]").get_attribute("data-record")
    for deed, asked, status in (
        ("suspend", lambda: page.locator("#deed-reason").select_option("complaint"), "suspended"),
        ("reinstate", lambda: None, "in-force"),
        ("renew", lambda: page.locator("#deed-day").fill("2031-01-01"), "in-force"),
        (
            "paper",
            lambda: page.locator("#deed-file").set_input_files(office.file("signed.pdf", pdf("signed"))),
            "in-force",
        ),
        ("revoke", lambda: page.locator("#deed-reason").select_option("issued-in-error"), "revoked"),
    ):
        desk.open("#so")
        page.locator("#reg-certificate").click()
        page.locator(f'#register [data-record="{record_id}"] button').click()
        page.locator(f"#deed-{deed}").click()
        asked()
        page.locator("dialog .chosen").filter(has_text="signed.pdf").wait_for() if deed == "paper" else None
        page.locator("#deed-do").click()
        page.locator('#deed-state [data-job="final"]').first.wait_for(timeout=FINAL_MS)
        page.keyboard.press("Escape")
        page.locator(f'#register [data-record="{record_id}"] [data-status="{status}"]').wait_for(
            timeout=FINAL_MS
        )
    page.goto(f"{office.url}/c/{code.replace('-', '')}")
    assert desk.visit.verdict() == "ended status.revoked"


def test_where_no_sheet_can_be_made_the_certificates_stand(desk: Desk) -> None:
    problem = json.dumps({"code": "paper.extra", "detail": "making papers needs typst", "retry": False})
    desk.page.route(
        "**/v1/papers/certificate",
        lambda route: route.fulfill(status=500, content_type="application/problem+json", body=problem),
    )
    table(desk, "no-sheet.csv", OCOP + OCOP_ROWS)
    desk.page.locator("#issue").click()
    note = desk.page.locator('.job [data-code="paper.extra"]')
    note.wait_for(timeout=FINAL_MS)
    assert "pip install" in note.inner_text()
    _, data = desk.download("#pack")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sorted({Path(name).suffix for name in archive.namelist()}) == [
            ".json",
            ".sogoc-proof",
            ".tlog-proof",
        ]


def test_a_node_without_a_vault_is_said_before_anything_is_signed(desk: Desk) -> None:
    problem = json.dumps({"code": "vault.none", "detail": "this node keeps no vault", "retry": False})
    desk.page.route(
        "**/v1/vault/challenge",
        lambda route: route.fulfill(status=404, content_type="application/problem+json", body=problem),
    )
    table(desk, "no-vault.csv", OCOP + OCOP_ROWS)
    desk.page.locator("#with-papers").uncheck()
    desk.page.locator("#issue").click()
    desk.page.get_by_text("không có kho dữ liệu cá nhân").wait_for(timeout=FINAL_MS)
    assert not [one for one in desk.visit.requests if "/v1/entries" in one.url]
    desk.page.locator("#issue").click()
    desk.is_final()
    desk.page.locator("#handed").click()
    assert "không ở trong kho nào" in desk.page.locator("dialog").inner_text()


def test_a_place_in_the_status_list_that_was_taken_is_changed_for_another(desk: Desk) -> None:
    problem = {
        "code": "certificate.status-index",
        "detail": "another certificate has this place",
        "retry": False,
    }
    body = json.dumps(problem)
    desk.page.route(
        "**/v1/entries?wait=final",
        lambda route: route.fulfill(status=422, content_type="application/problem+json", body=body),
        times=1,
    )
    table(desk, "place.csv", OCOP + OCOP_ROWS)
    desk.page.locator("#with-papers").uncheck()
    desk.page.locator("#issue").click()
    desk.is_final()
    sent = [request for request in desk.visit.requests if "/v1/entries?wait" in request.url]
    assert len({request.post_data_buffer for request in sent}) == 2
    # The contents are in the vault already.
    assert len([one for one in desk.visit.requests if one.url.endswith("/v1/vault/batches")]) == 1


# --- the queue ------------------------------------------------------------------------------------------------------


def test_what_is_signed_with_no_network_waits_through_a_reload_and_is_sent_once(
    desk: Desk, office: Office
) -> None:
    page = desk.page
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    desk.tab("neo")
    size = office.node.final.size
    desk.visit.context.set_offline(True)
    desk.choose(office.file("offline.pdf", pdf("offline")))
    desk.sign_papers()
    page.locator('.job[data-job="waiting"]').wait_for(timeout=FINAL_MS)
    assert "Chưa lên sổ" in page.locator(".job").inner_text()
    page.get_by_text("Neo tiếp").click()
    desk.choose(office.file("offline too.pdf", pdf("offline too")))
    desk.sign_papers()
    page.locator('.job[data-job="waiting"]').wait_for(timeout=FINAL_MS)
    page.reload()
    desk.tab("da-ky")
    page.locator('.papers [data-job="waiting"]').nth(1).wait_for(timeout=FINAL_MS)
    assert page.locator("#tabs .count").inner_text() == "2"
    assert office.node.final.size == size
    desk.visit.context.set_offline(False)
    page.locator('.papers [data-job="final"]').nth(1).wait_for(timeout=FINAL_MS)
    sent = [
        request.post_data_buffer
        for request in desk.visit.requests
        if request.method == "POST" and "/v1/entries" in request.url
    ]
    # However often it was tried, each was the same bytes; and they came in order.
    assert len({hashlib.sha256(body or b"").digest() for body in sent}) == 2
    heights = [office.node.final.place(bytes.fromhex(one)) for one in records_here(page)]
    assert None not in heights
    assert heights == sorted(heights, key=lambda place: (place.index, place.record_index))  # type: ignore[union-attr]
    assert len(anchors(office, pdf("offline"))) == 1


def records_here(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        """async () => {
          const open = indexedDB.open("sogoc-office");
          const database = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
          const asked = database.transaction("jobs").objectStore("jobs").getAll();
          const jobs = await new Promise((resolve) => { asked.onsuccess = () => resolve(asked.result); });
          return jobs.flatMap((job) => job.recordIds);
        }"""
    )
    return found


def anchors(office: Office, content: bytes) -> list[Any]:
    found: list[Any] = httpx.get(f"{office.url}/v1/documents/{hashlib.sha256(content).hexdigest()}").json()[
        "anchors"
    ]
    return found


def test_an_answer_that_is_lost_does_no_harm(desk: Desk, office: Office) -> None:
    lost: list[bool] = []

    def lose(route: Route) -> None:
        if not lost:
            route.fetch()
            lost.append(True)
            route.abort()
        else:
            route.continue_()

    desk.page.route("**/v1/entries?wait=final", lose)
    desk.choose(office.file("lost.pdf", pdf("lost")))
    desk.sign_papers()
    desk.is_final()
    assert lost
    assert len(anchors(office, pdf("lost"))) == 1


def test_a_refusal_is_a_sentence_with_its_rule_and_holds_up_nothing(desk: Desk, office: Office) -> None:
    """The page's own gate is passed by; the node's refuses."""
    problem = {
        "code": "privacy.personal-data",
        "detail": "field 'abstract' seems to hold a telephone number",
        "retry": False,
        "status": 422,
    }

    def refuse(route: Route) -> None:
        route.fulfill(status=422, content_type="application/problem+json", body=json.dumps(problem))

    desk.page.route("**/v1/entries?wait=final", refuse, times=1)
    desk.choose(office.file("refused.pdf", pdf("refused")))
    desk.sign_papers()
    note = desk.page.locator('.job [data-code="privacy.personal-data"]')
    note.wait_for(timeout=FINAL_MS)
    assert "dữ liệu cá nhân" in note.inner_text()
    assert "Ô: Trích yếu" in note.inner_text()
    assert "privacy.personal-data" in note.inner_text()
    desk.page.get_by_text("Neo tiếp").click()
    desk.choose(office.file("after.pdf", pdf("after")))
    desk.sign_papers()
    desk.is_final()


def test_a_refusal_for_the_time_being_may_be_sent_again(desk: Desk, office: Office) -> None:
    problem = json.dumps({"code": "document.by-unknown", "detail": "not yet", "retry": True})
    desk.page.route(
        "**/v1/entries?wait=final",
        lambda route: route.fulfill(status=422, content_type="application/problem+json", body=problem),
        times=1,
    )
    desk.choose(office.file("again.pdf", pdf("again")))
    desk.sign_papers()
    desk.page.locator('.job[data-job="refused"]').wait_for(timeout=FINAL_MS)
    desk.tab("da-ky")
    desk.page.get_by_text("Gửi lại").click()
    desk.page.locator('.papers [data-job="final"]').wait_for(timeout=FINAL_MS)
    assert len(anchors(office, pdf("again"))) == 1


def test_a_key_that_was_retired_signs_no_more(office: Office) -> None:
    desk = office.officer()
    public_key = desk.page.evaluate(
        """async () => {
          const open = indexedDB.open("sogoc-office");
          const database = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
          const asked = database.transaction("keys").objectStore("keys").getAllKeys();
          return (await new Promise((resolve) => { asked.onsuccess = () => resolve(asked.result); }))[0];
        }"""
    )

    key = office.keys[-1]
    assert key.public_key.hex() == public_key
    retire_key(office.node, key)
    desk.page.reload()
    desk.page.locator('.card.key[data-state="ended"]').wait_for(timeout=FINAL_MS)
    assert desk.page.locator('#tabs a[href="#neo"]').is_hidden()
    desk.leave()


# --- everybody ------------------------------------------------------------------------------------------------------


TABS = ("neo", "cap", "so", "da-ky", "khoa")


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(desk: Desk, office: Office, axe: str, dark: bool) -> None:
    page = desk.page
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    desk.tab("neo")
    desk.choose(office.file("9-CV-UBND.pdf", pdf(f"axe {dark}")), office.file("Mật.pdf", b"x"))
    page.locator('[data-state="of.anchor.secret"]').wait_for(timeout=FINAL_MS)
    assert serious(desk.visit, axe) == []
    page.locator(".paper-row").nth(1).locator("button").click()
    page.locator("#all-date").fill("2025-01-01" if dark else "2024-01-01")
    desk.sign_papers()
    desk.is_final()
    assert serious(desk.visit, axe) == []
    table(desk, "axe.csv", OCOP + OCOP_ROWS)
    page.locator("caption").wait_for(timeout=FINAL_MS)
    assert serious(desk.visit, axe) == []
    desk.tab("so")
    page.locator("#register li button").first.click()
    page.locator("#deed-withdraw").wait_for(timeout=FINAL_MS)
    assert serious(desk.visit, axe) == []
    page.locator("#deed-withdraw").click()
    assert serious(desk.visit, axe) == []
    page.keyboard.press("Escape")
    for tab in ("da-ky", "khoa"):
        desk.tab(tab)
        assert serious(desk.visit, axe) == []


def test_axe_finds_nothing_where_keys_are_made_and_approved(office: Office, axe: str) -> None:
    desk = office.sit()
    desk.open("#moi=office,office")
    assert serious(desk.visit, axe) == []
    enrol(desk, "#moi=office,office")
    assert serious(desk.visit, axe) == []
    chief = office.sit()
    chief.open()
    chief.bring(office.node.home.key("admin"))
    chief.page.locator("#pending li button").first.wait_for(timeout=FINAL_MS)
    assert serious(chief.visit, axe) == []
    desk.leave()
    chief.leave()


@pytest.mark.parametrize(("width", "size"), [(320, "100%"), (360, "100%"), (640, "200%")])
def test_a_small_screen_and_large_letters(office: Office, width: int, size: str) -> None:
    desk = office.officer(viewport={"width": width, "height": 740})
    page = desk.page
    page.evaluate(f"document.documentElement.style.fontSize = '{size}'")
    desk.tab("neo")
    desk.choose(office.file("77-BC-UBND báo cáo dài.pdf", pdf(f"small {width}")))
    page.locator(".paper-row .tag").first.wait_for(timeout=FINAL_MS)
    assert overflow(desk.visit) == 0
    page.locator("#all-date").fill("2023-01-01")
    page.locator(".cell.number input").fill(str(width))
    desk.sign_papers()
    desk.is_final()
    assert overflow(desk.visit) == 0
    for tab in TABS:
        desk.tab(tab)
        page.wait_for_timeout(300)
        assert overflow(desk.visit) == 0, tab
    desk.tab("so")
    page.locator("#register li button").first.click()
    page.locator("#deed-withdraw").wait_for(timeout=FINAL_MS)
    assert overflow(desk.visit) == 0
    desk.leave()


def test_the_keyboard_alone(desk: Desk, office: Office) -> None:
    """From the register's search to a signed withdrawal, without a pointer; focus comes back to where it was."""
    desk.choose(office.file("91-QĐ-UBND.pdf", pdf("keyboard")))
    page = desk.page
    page.locator("#all-date").fill("2025-02-13")
    page.locator("#sign:not([disabled])").wait_for(timeout=FINAL_MS)
    page.locator("#sign").focus()
    page.keyboard.press("Enter")
    desk.is_final()
    assert page.evaluate("document.activeElement.id") == "job-title"
    page.locator('#tabs a[href="#so"]').focus()
    page.keyboard.press("Enter")
    page.locator("#register li button").first.wait_for(timeout=FINAL_MS)
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('open')"):
            break
    page.keyboard.press("Enter")
    page.locator("#deed-withdraw").wait_for(timeout=FINAL_MS)
    page.locator("#deed-withdraw").focus()
    page.keyboard.press("Enter")
    for _ in range(6):
        if page.evaluate("document.activeElement.id") == "deed-reason":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "deed-do"
    page.keyboard.press("Enter")
    page.locator('#deed-state [data-job="final"]').first.wait_for(timeout=FINAL_MS)
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached", timeout=FINAL_MS)


def test_the_other_language(desk: Desk) -> None:
    desk.page.locator("#language").click()
    for tab, title in zip(
        TABS,
        (
            "Anchor documents",
            "Issue certificates",
            "Registers",
            "Signed on this device",
            "Keys on this device",
        ),
        strict=True,
    ):
        desk.tab(tab)
        shown = desk.page.locator("#view h2").first
        shown.filter(has_text=title).wait_for(timeout=FINAL_MS)
        assert shown.inner_text() == title


def test_names_from_outside_are_text(office: Office) -> None:
    register_member(office.node, "evil", "<img src=x onerror=alert(1)>", roles=("office",))
    desk = office.sit()
    desk.open("#moi=evil,office")
    assert "<img src=x" in desk.page.locator(".enrol .facts").inner_text()
    desk.leave()
    assert desk.visit.complaints == []


def test_the_invitation_code_is_drawn_for_invitations_only(office: Office) -> None:
    good = httpx.get(
        f"{office.url}/van-phong/ma-moi.svg", params={"link": f"{office.url}/van-phong#moi={MEMBER},office"}
    )
    assert good.headers["content-type"].startswith("image/svg+xml")
    for link in (
        "https://evil.example/",
        f"{office.url}/van-phong#moi=office,office\n",
        "javascript:alert(1)/van-phong#moi=a,b",
    ):
        answer = httpx.get(f"{office.url}/van-phong/ma-moi.svg", params={"link": link})
        assert (answer.status_code, answer.json()["code"]) == (422, "office.invitation")


def test_every_key_of_words_that_the_scripts_name_is_there() -> None:
    folder = Path(words.__file__).parent / "static" / "js" / "office"
    for path in sorted(folder.glob("*.js")):
        for key in re.findall(
            r"""["'`]((?:of|ex|fact|field|reason|todo)\.[a-z0-9-]+(?:\.[a-z0-9-]+)*)["'`]""",
            path.read_text("utf-8"),
        ):
            assert words.has(key), f"{path.name}: {key}"
