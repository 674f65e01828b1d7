"""The gate before public fields: what it must stop, and what it must let through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.errors import RefusedError
from ledger.personal_data import check_public
from ledger.records import parse_record
from tests.chains import document

NUMBERED: dict[str, Value] = {
    "authority": "office",
    "date": "2025-03-01",
    "hash": bytes(32),
    "media_type": "application/pdf",
    "number": "034091001234",
    "size": 1,
}


def judge(text: str, field: str = "abstract") -> None:
    check_public(parse_record(document(1, **{field: text})))


@pytest.mark.parametrize(
    "text",
    [
        "Xác nhận cho số định danh 034091001234",
        "CCCD 034 091 001 234",
        "CCCD: 034.091.001.234.",
        "(079091001234)",
        "liên hệ 0912345678",
        "ĐT 0912 345 678, gặp văn thư",
        "gọi 091-234-5678",
        "điện thoại 02373 851 234",
        "+84 912 345 678",
        "+84912345678",
        "gửi về nguyen.van.a@example.com",
        "<a@b.vn>",
    ],
)
@pytest.mark.parametrize("field", ["abstract", "symbol"])
def test_a_person_s_data_is_refused_and_the_field_is_named(text: str, field: str) -> None:
    with pytest.raises(RefusedError) as caught:
        judge(text, field)
    assert caught.value.rule == "privacy.personal-data"
    assert repr(field) in caught.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "Báo cáo tiến độ hạ tầng số năm 2025",
        "Quyết định 1236/QĐ-TTg ngày 22/10/2024",
        "GTIN 08938500000010, lô L2025-03-17",
        "SSCC 089385000000000010",
        "dự toán 120.000.000.000 đồng",
        "từ 01/01/2025 đến 30/06/2025",
        "dài 0,912345678 km",
        "hai @ ba",
        "kế hoạch 12 345 678 901 234 567",
        "tổng 1.195 kg, 180 gói",
    ],
)
def test_ordinary_words_pass(text: str) -> None:
    judge(text)


def test_a_number_is_looked_at_and_so_is_what_a_proposal_proposes() -> None:
    with pytest.raises(RefusedError) as caught:
        check_public(parse_record(encode_record("doc.anchor/1", NUMBERED)))
    assert "'number'" in caught.value.detail
    action = encode_record(
        "member.register/1",
        {"authority": "office", "member": "shop", "name": "Quán 0912 345 678", "roles": ["producer"]},
    )
    body: dict[str, Value] = {"authority": "office", "action": action, "expires_ms": 1}
    with pytest.raises(RefusedError) as caught:
        check_public(parse_record(encode_record("governance.propose/1", body)))
    assert "'name'" in caught.value.detail
    check_public(parse_record(encode_record("governance.propose/1", body | {"action": b"\xc1"})))


def test_codes_and_hashes_are_not_looked_at() -> None:
    check_public(
        parse_record(document(1, symbol="BC", date="2025-03-01", media_type="application/a034091001234"))
    )


@given(
    st.text(
        st.characters(blacklist_categories=["Cc", "Cs", "Cf", "Zl", "Zp", "Nd"], blacklist_characters="@"),
        min_size=1,
        max_size=60,
    )
)
def test_text_without_digits_and_at_signs_always_passes(text: str) -> None:
    judge(text)


@given(st.integers(0, 96), st.integers(0, 10**9 - 1), st.sampled_from(["", " ", ".", "-"]))
def test_every_citizen_s_number_is_found_however_it_is_spaced(
    province: int, rest: int, separator: str
) -> None:
    digits = f"{province:03}{rest:09}"
    text = separator.join(digits[at : at + 3] for at in range(0, 12, 3))
    with pytest.raises(RefusedError):
        judge(f"số {text} cấp")
