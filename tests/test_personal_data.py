"""The gate before public fields: what it must stop, and what it must let through."""

from __future__ import annotations

import json

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


# --- goods and events -----------------------------------------------------------------------------------------------------

GTIN = "08938500000027"


def event_of(document: object) -> bytes:
    body: dict[str, Value] = {
        "authority": "htx",
        # Room behind the JSON: an event has at least 20 bytes for its one thing.
        "event": (document if isinstance(document, bytes) else json.dumps(document).encode()).ljust(20),
        "event_hash": bytes(32),
        "kind": "object",
        "things": [f"01/{GTIN}/10/0912345678"],
        "time_ms": 1,
    }
    return encode_record("epcis.event/1", body)


def product_of(**fields: Value) -> bytes:
    body: dict[str, Value] = {
        "authority": "htx",
        "gtin": GTIN,
        "name": "Dứa",
        "category": "fruit",
        "unit": "KGM",
    }
    return encode_record("product.register/1", body | fields)


@pytest.mark.parametrize(
    ("pointer", "document"),
    [
        ("/ext:seller", {"ext:seller": "chị Lan, 0912 345 678"}),
        ("/ilmd/ext:household/2", {"ilmd": {"ext:household": ["a", "b", "034091001234"]}}),
        ("/0912345678", {"0912345678": 1}),
        ("/a~1b~0c", {"a/b~c": "lan@example.com"}),
        ("/bizLocation/id", {"bizLocation": {"id": f"https://example.com/01/{GTIN}?tel=0912345678"}}),
        ("/bizLocation/id", {"bizLocation": {"id": f"https://lan@example.com/01/{GTIN}"}}),
        ("/readPoint", {"readPoint": f"https://example.com/01/{GTIN}#+84912345678"}),
        ("/epcList/0", {"epcList": ["urn:other:0912345678"]}),
        ("/", b"not JSON, 0912345678"),
        ("/", b"[" * 50_000 + b"0912345678"),
    ],
)
def test_an_event_is_looked_at_member_by_member(pointer: str, document: object) -> None:
    with pytest.raises(RefusedError) as caught:
        check_public(parse_record(event_of(document)))
    assert caught.value.rule == "privacy.personal-data"
    assert f"field 'event' at {pointer} seems" in caught.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "urn:epc:id:sgln:0614141.00777.0",
        "urn:epc:id:sgtin:0893850.000002.0912345678",
        "urn:epc:class:lgtin:8938500.000002.034091001234",
        "urn:epc:id:sscc:0614141.1234567890",
        f"https://id.gs1.org/01/{GTIN}/10/0912345678/21/034091001234",
        "https://id.gs1.org/414/8938500000010/254/0912345678",
        f"01/{GTIN}/10/0912345678",
        GTIN,
        "8938500000010",
        "089385000000000010",
        "urn:uuid:09123456-7890-4123-8456-091234567890",
        "ni:///sha-256;" + "0912345678" * 6 + "a0b1?ver=CBV2.0",
        "urn:epcglobal:cbv:bt:8938500000010:0912345678",
        "2026-11-22T08:30:00.000+07:00",
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    ],
)
def test_names_of_goods_places_and_events_raise_no_alarm(text: str) -> None:
    check_public(parse_record(event_of({"epcList": [text], "ext:also": {"deep": text}})))


def test_a_lot_number_is_no_persons() -> None:
    check_public(parse_record(event_of({"ilmd": {"cbvmda:lotNumber": "0912345678"}, "n": 912345678})))
    lot: dict[str, Value] = {
        "authority": "htx",
        "gtin": GTIN,
        "lot": "0912345678",
        "unit": "KGM",
        "quantity": 1,
    }
    check_public(parse_record(encode_record("lot.create/1", lot)))


def test_words_about_goods_are_looked_at() -> None:
    words: tuple[tuple[str, Value], ...] = (
        ("name", "Dứa chị Lan 0912345678"),
        ("description", "gọi 0912 345 678"),
        ("brand", "034091001234"),
        ("standards", ["VietGAP", "lan@example.com"]),
    )
    for field, value in words:
        with pytest.raises(RefusedError) as caught:
            check_public(parse_record(product_of(**{field: value})))
        assert f"field '{field}' seems" in caught.value.detail
    check_public(parse_record(product_of(description=f"GTIN {GTIN}", standards=["TCVN 12940:2020"])))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=12,
    ),
    st.sampled_from(["0912345678", "034091001234", "lan@example.com"]),
)
def test_what_is_put_anywhere_in_an_event_is_found(document: object, secret: str) -> None:
    for wrapped in ([document, {"x": secret}], {"y": [document, secret]}, {secret: document}):
        with pytest.raises(RefusedError):
            check_public(parse_record(event_of(wrapped)))
