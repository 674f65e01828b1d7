"""Reading a certificate's content again at the office's desk: recorded on the ledger first, checked, shown, handed over."""

from __future__ import annotations

import hashlib
import io
import secrets
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ledger.claims import Claim, FullClaims
from ledger.disclosure import CertificateProof
from ledger.encoding import Value, encode
from ledger.entry import encode_record
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.records import parse_record
from ledger.records.privacy import ACCESS_LOG, vault_item, vault_place
from ledger.verdict import Verdict, judge_proof
from node.receipts import parse_place
from node.service import clock_ms
from tests.browser.test_access import overflow, serious
from tests.browser.test_office import FINAL_MS, Desk, Office, check_credential, desk, office
from tests.support import MEMBER, key_of, put, sign

__all__ = ["desk", "office"]

OCOP = {
    "so": "01/2025",
    "san_pham": "Dứa sấy dẻo, 200 g",
    "chu_the": "HTX Dứa",
    "dia_chi": "Phường Phú Sơn",
    "nhom": None,
    "hang_sao": 3,
    "quyet_dinh": "27/QĐ-UBND",
    "ngay_cong_nhan": "2025-03-14",
    "ma_gtin": None,
    "dai_dien": "Trần Văn Mẫu",
}


def issued(office: Office, key: SigningKey, *, content: bytes | None = None) -> bytes:
    """A certificate that was issued by another hand than this browser's, and what the vault holds of it; its record id."""
    claims = FullClaims(tuple(Claim(name, value) for name, value in OCOP.items()), secrets.token_bytes(32))
    identifier = secrets.token_bytes(16)
    body: dict[str, Value] = {
        "authority": MEMBER,
        "certificate": identifier,
        "schema": "ocop.1",
        "claims_root": claims.root,
        "claims_count": len(claims.claims),
        "status_index": secrets.randbelow(131_072),
        "valid_from": "2025-03-14",
        "valid_until": "2035-03-13",
    }
    held = encode(claims.to_value()) if content is None else content
    item = vault_item(MEMBER, "certificate", identifier)
    office.keeper._vault.put(vault_place(MEMBER, item), held)  # what an earlier day left
    record = encode_record("cert.issue/1", body)
    put(office.node, sign(office.node, [record], key=key))
    return parse_record(record).id


def accesses(office: Office) -> list[dict[str, Any]]:
    """Bodies of the accesses on the ledger."""
    final = office.node.final
    found = []
    for _, value in final.view.lookup(b"record/"):
        record = parse_record(final.record(parse_place(value)))
        if record.type.name == ACCESS_LOG:
            found.append(dict(record.body))
    return found


def look(desk: Desk, record_id: bytes) -> None:
    desk.open("#so")
    page = desk.page
    page.locator("#reg-certificate").click()
    page.locator(f'#register [data-record="{record_id.hex()}"] button').click()
    page.locator("#look").click()


def test_a_look_is_recorded_then_checked_and_shown(desk: Desk, office: Office) -> None:
    key = office.keys[-1]
    record_id = issued(office, key)
    before = len(accesses(office))
    look(desk, record_id)
    page = desk.page
    assert page.locator("#look-purpose").input_value() == "citizen-request"
    page.locator("#look-purpose").select_option("complaint")
    page.locator("#look-law").fill("Luật 91")
    page.locator("#look-do").click()
    page.get_by_text("Số văn bản chỉ gồm chữ không dấu").wait_for(timeout=FINAL_MS)
    assert len(accesses(office)) == before
    page.locator("#look-law").fill("91/2025/QH15")
    page.locator("#look-do").click()
    page.locator("#look-claims").wait_for(timeout=FINAL_MS)
    said = page.locator("dialog").inner_text()
    for words in ("Trần Văn Mẫu", "Tên sản phẩm", "14/03/2025", "Đúng với điều sổ đã cam kết"):
        assert words in said
    recorded = accesses(office)
    assert len(recorded) == before + 1
    (access,) = (one for one in recorded if one.get("law") == "91/2025/QH15")
    assert (access["purpose"], access["legal_ground"]) == ("complaint", "data-subject-request")
    for request in desk.visit.requests:
        if "/v1/entries" in request.url:
            assert "Mẫu".encode() not in (request.post_data_buffer or b"")

    # The holder's pack, with the credential: this browser has the key that issued.
    _, data = desk.download("#look-pack")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        held = {Path(name).suffix: archive.read(name) for name in archive.namelist()}
    assert set(held) == {".tlog-proof", ".sogoc-proof", ".json"}
    check_credential(held[".json"], held[".sogoc-proof"], office)
    # Nothing of it is kept in the browser.
    kept = page.evaluate(
        """async () => {
          const open = indexedDB.open("sogoc-office");
          const database = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
          const asked = database.transaction("jobs").objectStore("jobs").getAll();
          const jobs = await new Promise((resolve) => { asked.onsuccess = () => resolve(asked.result); });
          return JSON.stringify([jobs, { ...localStorage }]);
        }"""
    )
    assert "Mẫu" not in kept
    page.keyboard.press("Escape")
    page.locator("#look-claims").wait_for(state="detached")
    assert "Trần Văn Mẫu" not in page.content()


def test_a_sheet_made_again_is_a_paper_of_the_same_certificate(office: Office) -> None:
    pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")
    other = office.officer()
    record_id = issued(office, key_of(office.node))
    look(other, record_id)
    page = other.page
    page.locator("#look-do").click()
    page.locator("#look-paper").wait_for(timeout=FINAL_MS)
    _, data = other.download("#look-paper")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        held = {Path(name).suffix: archive.read(name) for name in archive.namelist()}
    # The key that issued is not here: no credential, and the page says so.
    assert set(held) == {".pdf", ".tlog-proof", ".sogoc-proof"}
    page.get_by_text("không có chứng chỉ số W3C").wait_for(timeout=FINAL_MS)
    proof = CertificateProof.parse(held[".sogoc-proof"])
    judgement = judge_proof(proof, office.node.policy, now_ms=clock_ms(), file_hash=sha256(held[".pdf"]))
    assert judgement.verdict is Verdict.IN_FORCE, judgement
    other.leave()
    assert other.visit.complaints == []


def test_what_is_not_what_the_ledger_commits_to_is_not_shown(desk: Desk, office: Office) -> None:
    wrong = FullClaims((Claim("dai_dien", "Người Khác"),), hashlib.sha256(b"salt").digest())
    for content in (encode(wrong.to_value()), encode([0, b"", []]), encode({"x": 1}), b"\xc1"):
        look(desk, issued(office, office.keys[-1], content=content))
        desk.page.locator("#look-do").click()
        desk.page.locator('dialog [data-code="vault.claims"]').wait_for(timeout=FINAL_MS)
        assert "Người Khác" not in desk.page.locator("dialog").inner_text()
        desk.page.keyboard.press("Escape")


def test_axe_and_the_small_screen(desk: Desk, office: Office, axe: str) -> None:
    look(desk, issued(office, office.keys[-1]))
    desk.page.set_viewport_size({"width": 360, "height": 740})
    assert serious(desk.visit, axe) == []
    assert overflow(desk.visit) <= 0
    desk.page.locator("#look-do").focus()
    desk.page.keyboard.press("Enter")
    desk.page.locator("#look-claims").wait_for(timeout=FINAL_MS)
    assert serious(desk.visit, axe) == []
    assert overflow(desk.visit) <= 0
