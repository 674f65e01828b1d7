"""GS1 identifiers: check digits against published numbers, a twin that adds up by hand, and biip; one path for one thing."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ledger import gs1
from ledger.errors import FormatError
from ledger.gs1 import Item
from tests.twins import goods as twin

GTIN = "08938500000027"
SSCC = "089385000000000010"


def rule_of(call: object, *arguments: object) -> str:
    assert callable(call)
    with pytest.raises(FormatError) as caught:
        call(*arguments)
    return caught.value.rule


# --- check digits -------------------------------------------------------------------------------------------------------

# Numbers that GS1 and others print as examples: GS1 General Specifications §7.9 (GTIN-13, SSCC), EPC Tag Data Standard 2.0 §6.3
# (GTIN-14, SSCC, GLN), GS1 Digital Link 1.4 §4 (GTIN-13), a UPC and an EAN-8 of everyday goods.
PUBLISHED = [
    ("6291041500213", "GTIN"),
    ("80614141123458", "GTIN"),
    ("09506000134352", "GTIN"),
    ("036000291452", "GTIN"),
    ("96385074", "GTIN"),
    ("376104250021234569", "SSCC"),
    ("106141412345678908", "SSCC"),
    ("0614141123452", "GLN"),
]
READERS = {"GTIN": gs1.gtin14, "SSCC": gs1.sscc, "GLN": gs1.gln}


@pytest.mark.parametrize(("digits", "what"), PUBLISHED)
def test_published_numbers_are_right_and_each_other_last_digit_is_refused(digits: str, what: str) -> None:
    assert READERS[what](digits).endswith(digits)
    for last in "0123456789":
        if last != digits[-1]:
            assert rule_of(READERS[what], digits[:-1] + last) == "gs1.check-digit"


def test_the_refusal_says_which_digit_is_expected() -> None:
    with pytest.raises(FormatError) as caught:
        gs1.gtin14("8938500000028")
    assert "must be 7" in caught.value.detail


@given(st.text("0123456789", min_size=1, max_size=17))
def test_check_digits_are_column_sums(digits: str) -> None:
    assert gs1.check_digit(digits) == twin.check_digit(digits)


@given(st.text("0123456789", min_size=13, max_size=13), st.integers(0, 12), st.integers(1, 9))
def test_every_single_wrong_digit_is_found(digits: str, at: int, by: int) -> None:
    number = digits + gs1.check_digit(digits)
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    assert rule_of(gs1.gtin14, wrong) == "gs1.check-digit"


@pytest.mark.parametrize(
    "text", ["", "1", "123456789", "012345678901234", "١٢٣٤٥٦٧٨", "893850000002x", " 8938500000027"]
)
def test_other_lengths_and_letters_are_refused(text: str) -> None:
    for read in READERS.values():
        assert rule_of(read, text) in ("gs1.length", "gs1.charset")
    if text and not (text.isascii() and text.isdigit()):
        assert rule_of(gs1.check_digit, text) == "gs1.charset"


def test_a_shorter_gtin_is_filled_up() -> None:
    assert gs1.gtin14("8938500000027") == GTIN
    assert gs1.gtin14("96385074") == "00000096385074"
    assert rule_of(gs1.sscc, GTIN) == "gs1.length"


@given(st.text("0123456789", min_size=17, max_size=17))
def test_biip_agrees_on_check_digits(digits: str) -> None:
    biip = pytest.importorskip("biip.checksums", reason="biip is a test's extra")
    for length in (7, 11, 12, 13, 17):
        assert gs1.check_digit(digits[:length]) == str(biip.gs1_standard_check_digit(digits[:length]))


# --- item paths ---------------------------------------------------------------------------------------------------------

letters_82 = st.sampled_from(sorted(gs1.CHARACTER_SET_82))
lots = st.text(letters_82, min_size=1, max_size=20).filter(lambda text: text not in (".", ".."))
numbers = st.text("0123456789", min_size=13, max_size=13)
gtins = numbers.map(lambda digits: digits + twin.check_digit(digits))
ssccs = st.text("0123456789", min_size=17, max_size=17).map(lambda digits: digits + twin.check_digit(digits))
codes = st.text(st.sampled_from(sorted(gs1.CODE_ALPHABET)), min_size=1, max_size=30).filter(
    lambda text: text not in (".", "..")
)
members = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._", min_size=1, max_size=64).filter(
    lambda text: text not in (".", "..")
)
items = st.one_of(
    st.builds(lambda gtin: Item(gtin=gtin), gtins),
    st.builds(lambda gtin, lot: Item(gtin=gtin, lot=lot), gtins, lots),
    st.builds(lambda gtin, serial: Item(gtin=gtin, serial=serial), gtins, lots),
    st.builds(lambda sscc: Item(sscc=sscc), ssccs),
    st.builds(lambda member, code: Item(member=member, code=code), members, codes),
    st.builds(lambda member, code, lot: Item(member=member, code=code, lot=lot), members, codes, lots),
)


def test_the_character_set_has_82_letters() -> None:
    assert len(gs1.CHARACTER_SET_82) == 82
    assert gs1.CHARACTER_SET_82 == twin.SET_82


@given(items)
def test_a_path_says_what_the_item_is(item: Item) -> None:
    path = item.path
    assert gs1.parse_item(path) == item
    assert twin.is_item_path(path)
    assert len(path) <= gs1.MAX_PATH
    assert quote(path, safe="/%") == path


def test_the_longest_path_has_the_greatest_length() -> None:
    item = Item(member="a" * 64, code="b" * 30, lot="/" * 20)
    assert len(item.path) == gs1.MAX_PATH
    assert rule_of(gs1.parse_item, item.path + "a") == "gs1.length"


@given(items, items)
def test_different_items_have_different_paths(one: Item, other: Item) -> None:
    assert (one == other) == (one.path == other.path)


@given(
    st.one_of(
        st.text(max_size=40),
        st.text("0123456789/%ABCcode.~", max_size=40),
        st.builds(
            lambda item, at, letter: item.path[:at] + letter + item.path[at + 1 :],
            items,
            st.integers(0, 30),
            st.sampled_from(["", "/", "%", "2", "a", "A", "~", ".", "0", "ô", " "]),
        ),
    )
)
@example("01/08938500000027/10/%41")
@example("01/08938500000027/10/%2f")
@example("01/08938500000027/10/..")
@example("00/089385000000000010/10/A")
def test_what_is_read_is_what_the_twin_calls_a_path(text: str) -> None:
    if twin.is_item_path(text):
        assert gs1.parse_item(text).path == text
    else:
        assert rule_of(gs1.parse_item, text).startswith("gs1.")


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"gtin": GTIN, "sscc": SSCC},
        {"gtin": GTIN, "member": "htx", "code": "A"},
        {"member": "htx"},
        {"code": "A"},
        {"sscc": SSCC, "lot": "A"},
        {"sscc": SSCC, "serial": "A"},
        {"gtin": GTIN, "lot": "A", "serial": "B"},
        {"member": "htx", "code": "A", "serial": "B"},
    ],
)
def test_parts_that_name_no_thing(parts: dict[str, str]) -> None:
    assert rule_of(lambda: Item(**parts)) == "gs1.item"


def test_what_an_item_is_of() -> None:
    lot = gs1.parse_item(f"01/{GTIN}/10/A%2F1")
    assert (lot.lot, lot.product, lot.is_class) == ("A/1", Item(gtin=GTIN), False)
    unit = Item(sscc=SSCC)
    assert (unit.product, unit.is_class) == (None, False)
    assert Item(gtin=GTIN).is_class


# --- Digital Link ---------------------------------------------------------------------------------------------------------


@given(items, st.sampled_from(["https://id.gs1.org", "http://so-goc.example:8080", "https://x.vn/a/b"]))
def test_every_item_has_an_address(item: Item, host: str) -> None:
    for tail in ("", "?linkType=all", "#x", "?10=Z&21=Y"):
        assert gs1.parse_link(gs1.format_link(item, host) + tail).item == item
    assert gs1.item_of_epc(gs1.format_link(item, host)) == item


@given(gtins, lots, lots)
def test_a_label_states_a_lot_beside_a_serial(gtin: str, lot: str, serial: str) -> None:
    link = gs1.parse_link(gs1.format_link(Item(gtin=gtin, serial=serial), lot=lot))
    assert link.item == Item(gtin=gtin, serial=serial)
    assert link.lot == Item(gtin=gtin, lot=lot)
    assert link.items == (link.item, link.lot, Item(gtin=gtin))


def test_addresses_as_others_write_them() -> None:
    item = Item(gtin=GTIN, lot="A/1")
    for url in (
        "HTTPS://Example.com/01/8938500000027/10/A%2f1",
        "https://example.com/some/where/01/08938500000027/10/A%2F1/",
        "https://example.com/01/08938500000027/22/2A/10/%41%2F1?x=1",
    ):
        assert gs1.parse_link(url).item == item, url
    assert gs1.parse_link(f"https://example.com/00/{SSCC}").item == Item(sscc=SSCC)


@pytest.mark.parametrize(
    ("rule", "url"),
    [
        ("gs1.link", f"ftp://example.com/01/{GTIN}"),
        ("gs1.link", f"/01/{GTIN}"),
        ("gs1.link", "https://example.com/"),
        ("gs1.link", "https://example.com"),
        ("gs1.link", f"https:///01/{GTIN}"),
        ("gs1.link", f"https://example.com/01/{GTIN}/21/7/10/A"),
        ("gs1.link", f"https://example.com/01/{GTIN}/10/A/10/B"),
        ("gs1.link", f"https://example.com/01/{GTIN}/17/251231"),
        ("gs1.link", f"https://example.com/01/{GTIN}/10"),
        ("gs1.link", f"https://example.com/00/{SSCC}/10/A"),
        ("gs1.check-digit", "https://example.com/01/08938500000028/10/A"),
        ("gs1.check-digit", "https://example.com/00/089385000000000011"),
        ("gs1.length", "https://example.com/01/12345/10/A"),
        ("gs1.length", f"https://example.com/01/{GTIN}/10/{'a' * 21}"),
        ("gs1.link", f"https://example.com/01/{GTIN}/10/"),
        ("gs1.length", f"https://example.com/01/{GTIN}/10/{'a' * 3_000}"),
        ("gs1.charset", "https://example.com/01/0893850000002x/10/A"),
        ("gs1.charset", f"https://example.com/01/{GTIN}/10/l%C3%B4"),
        ("gs1.charset", f"https://example.com/01/{GTIN}/10/a%2"),
        ("gs1.charset", f"https://example.com/01/{GTIN}/10/a%20b"),
        ("gs1.charset", f"https://example.com/01/{GTIN}/10/.."),
    ],
)
def test_addresses_that_name_nothing(rule: str, url: str) -> None:
    assert rule_of(gs1.parse_link, url) == rule


# --- URNs -----------------------------------------------------------------------------------------------------------------

# EPC Tag Data Standard 2.0 §6.3, examples of SGTIN, SSCC, SGLN and LGTIN.
URNS = [
    ("urn:epc:id:sgtin:0614141.812345.6789", "01/80614141123458/21/6789", 7),
    ("urn:epc:id:sgtin:0614141.812345.32a%2Fb", "01/80614141123458/21/32a%2Fb", 7),
    ("urn:epc:idpat:sgtin:0614141.812345.*", "01/80614141123458", 7),
    ("urn:epc:class:lgtin:0614141.812345.998877", "01/80614141123458/10/998877", 7),
    ("urn:epc:id:sscc:0614141.1234567890", "00/106141412345678908", 7),
    ("urn:epc:id:sscc:8938500.0000000001", f"00/{SSCC}", 7),
    ("urn:epc:id:sgtin:893850000002.0.a.b", f"01/{GTIN}/21/a.b", 12),
]


@pytest.mark.parametrize(("urn", "path", "prefix"), URNS)
def test_published_urns_both_ways(urn: str, path: str, prefix: int) -> None:
    item = gs1.item_of_epc(urn)
    assert item.path == path
    assert gs1.urn_of_item(item, prefix) == urn


@given(items.filter(lambda item: item.code is None), st.integers(6, 12))
def test_every_item_with_a_number_has_a_urn(item: Item, prefix: int) -> None:
    assert gs1.item_of_urn(gs1.urn_of_item(item, prefix)) == item


@given(
    numbers.map(lambda digits: digits[:12] + twin.check_digit(digits[:12])),
    st.integers(6, 12),
    st.none() | lots,
)
def test_locations_both_ways(number: str, prefix: int, extension: str | None) -> None:
    assume(extension != "0")
    assert gs1.gln_of_urn(gs1.urn_of_gln(number, prefix, extension)) == (number, extension)


def test_a_party_has_a_number_too() -> None:
    assert gs1.gln_of_urn("urn:epc:id:pgln:0614141.12345") == ("0614141123452", None)
    assert gs1.gln_of_urn("urn:epc:id:sgln:0614141.12345.0") == ("0614141123452", None)


@pytest.mark.parametrize(
    "urn",
    [
        "urn:epc:id:sgtin:0614141.812345",
        "urn:epc:id:sgtin:061414.812345.1",
        "urn:epc:id:sgtin:06141.81234500.1",
        "urn:epc:id:sgtin:0614141.81234x.1",
        "urn:epc:id:sgtin:0614141..1",
        "urn:epc:idpat:sgtin:0614141.812345.1",
        "urn:epc:idpat:sgtin:*.*.*",
        "urn:epc:id:sscc:0614141.123456789",
        "urn:epc:id:sscc:0614141.1234567890.1",
        "urn:epc:id:grai:0614141.12345.400",
        "urn:epc:id:sgln:0614141.12345.0",
        "urn:epc:tag:sgtin-96:3.0614141.812345.6789",
        "urn:epc:id:SGTIN:0614141.812345.6789",
        "urn:epc:",
    ],
)
def test_urns_that_name_no_goods(urn: str) -> None:
    assert rule_of(gs1.item_of_epc, urn) == "gs1.urn"


def test_goods_without_a_number_have_no_urn_and_lots_stand_beside_serials_only() -> None:
    own = Item(member="htx", code="A")
    assert rule_of(gs1.urn_of_item, own, 7) == "gs1.urn"
    assert rule_of(gs1.urn_of_item, Item(gtin=GTIN), 5) == "gs1.urn"
    assert rule_of(gs1.urn_of_gln, "0614141123452", 13) == "gs1.urn"
    assert rule_of(lambda: gs1.format_link(Item(gtin=GTIN), lot="A")) == "gs1.item"
    assert rule_of(gs1.gln_of_urn, "urn:epc:id:sgtin:0614141.812345.6789") == "gs1.urn"


@given(st.text(max_size=60) | st.text("urn:epc:idsgtinclass.*0123456789%", max_size=60))
def test_any_text_is_read_or_refused_by_a_rule_of_this_module(text: str) -> None:
    rules = set()
    for read in (gs1.item_of_epc, gs1.parse_link, gs1.parse_link_path, gs1.item_of_urn):
        with suppress(FormatError):
            read(text)
            continue
        rules.add(rule_of(read, text).split(".")[0])
    assert rules <= {"gs1"}
