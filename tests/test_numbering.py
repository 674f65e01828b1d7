"""Papers are found by number and symbol, however old they are and however the symbol is typed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.fields import NUMBER_ALPHABET
from ledger.hashing import leaf_hash
from ledger.lookup_code import code_of, grouped
from ledger.records.documents import authority_tag
from ledger.records.numbering import (
    NUMBER_LOOKUP,
    number_lookup,
    number_prefix,
    plain_number,
    plain_symbol,
    readings,
    symbol_tag,
)
from node.numbered import numbered
from node.service import Node
from tests.serving import quiet_logs, serving
from tests.support import MEMBER, document_record, put, register_member, running_node, sign

__all__ = ["quiet_logs"]

MANY = 5_200
"""Records that lie between an old paper and today: more than a search once looked through."""

numbers = st.text(st.sampled_from(sorted(NUMBER_ALPHABET)), min_size=1, max_size=20)


# --- what is compared ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "symbol", ["QĐ-UBND", "qd-ubnd", "QĐ–UBND", "Q Đ / UBND", unicodedata.normalize("NFD", "QĐ-UBND")]
)
def test_a_symbol_is_compared_by_its_letters(symbol: str) -> None:
    assert plain_symbol(symbol) == "qdubnd"


def test_vietnamese_letters_are_one_composed_and_decomposed() -> None:
    text = "Thị trấn Phú Sơn, ĐẶNG Ngự ưỡn ỷ"
    assert (
        plain_symbol(text) == plain_symbol(unicodedata.normalize("NFD", text)) == "thitranphusondangnguuony"
    )


@given(number=numbers, zeros=st.integers(0, 3))
def test_leading_zeros_and_case_tell_no_numbers_apart(number: str, zeros: int) -> None:
    assert plain_number("0" * zeros + number.upper()) == plain_number(number)
    assert plain_number(number)


@given(one=numbers, other=numbers)
def test_no_number_s_rows_stand_among_another_s(one: str, other: str) -> None:
    is_same = plain_number(one) == plain_number(other)
    assert number_prefix(one).startswith(number_prefix(other)) == is_same


@given(number=numbers, year=st.integers(1900, 9999), symbol=st.text(max_size=20))
def test_a_newer_year_stands_before_an_older_one(number: str, year: int, symbol: str) -> None:
    tag = authority_tag(MEMBER)
    body: dict[str, Value] = {"number": number, "date": f"{year}-01-01", "symbol": symbol}
    (key,) = number_lookup(body, tag)
    assert key == number_prefix(number) + (0xFFFF - year).to_bytes(2, "big") + symbol_tag(symbol) + tag
    if year > 1900:
        assert key < number_lookup(body | {"date": f"{year - 1}-12-31"}, tag)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("41", [("41", None)]),
        (" 41 / BC-UBND ", [("41", "BC-UBND"), ("41 / BC", None)]),
        ("27/2025/QĐ-UBND", [("27", "2025/QĐ-UBND"), ("27/2025", "QĐ-UBND")]),
        ("41-BC-UBND", [("41-BC-UBND", None), ("41", "BC-UBND"), ("41-BC", "UBND")]),
        ("báo cáo", []),
        ("UBND", []),
        ("", []),
        ("/", []),
        ("41/", [("41/", None)]),
    ],
)
def test_what_a_text_may_mean(text: str, expected: list[tuple[str, str | None]]) -> None:
    found = list(readings(text))
    assert [one for one in expected if one not in found and " " not in one[0]] == []
    assert bool(found) == bool(expected)


# --- on a ledger --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("numbers"), requests_per_address_per_minute=0) as node:
        register_member(node, "ward", "Phường khác")
        old = [
            paper("old", "12", "QĐ-UBND", "2015-03-01"),
            paper("other symbol", "12", "BC-UBND", "2016-05-01"),
            paper("no symbol", "12", None, "2014-01-01"),
            paper("like a height", "3", "TB-UBND", "2015-01-01"),
        ]
        put(node, sign(node, old))
        many = [document_record(b"filler %d" % n, abstract=f"Văn bản {n}") for n in range(MANY)]
        put(node, sign(node, many[:4_000]), sign(node, many[4_000:]))
        put(node, sign(node, [paper("new", "012", "QĐ-UBND", "2025-03-01", book="moi")]))
        yield node


def paper(content: str, number: str, symbol: str | None, date: str, **more: str) -> bytes:
    said = {"number": number, "date": date} | ({} if symbol is None else {"symbol": symbol}) | more
    return document_record(content.encode(), **said)


@pytest.fixture(scope="module")
def http(node: Node) -> Iterator[httpx.Client]:
    with serving(node) as address, httpx.Client(base_url=address) as client:
        yield client


def contents(node: Node, *asked: str | None, limit: int = 100) -> list[str]:
    """What is found, by the content of the files, in the order in which it is found."""
    known = {
        leaf_hash(paper(name, *rest)): name
        for name, *rest in (
            ("old", "12", "QĐ-UBND", "2015-03-01"),
            ("other symbol", "12", "BC-UBND", "2016-05-01"),
            ("no symbol", "12", None, "2014-01-01"),
            ("like a height", "3", "TB-UBND", "2015-01-01"),
        )
    } | {leaf_hash(paper("new", "012", "QĐ-UBND", "2025-03-01", book="moi")): "new"}
    number, symbol, *authority = asked
    assert number is not None
    places = numbered(node.final, number, symbol, *authority, limit=limit)
    return [known[leaf_hash(node.final.record(place))] for place in places]


def test_the_newest_year_comes_first_and_nothing_is_too_old(node: Node) -> None:
    assert contents(node, "12", None) == ["new", "other symbol", "old", "no symbol"]
    assert contents(node, "012", "qd ubnd") == ["new", "old"]
    assert contents(node, "12", "") == ["no symbol"]
    assert contents(node, "12", None, MEMBER) == ["new", "other symbol", "old", "no symbol"]
    assert contents(node, "12", "QĐ-UBND", MEMBER) == ["new", "old"]
    assert (
        contents(node, "12", None, "ward") == contents(node, "12", "XX") == contents(node, "13", None) == []
    )
    assert contents(node, "12", None, limit=3) == ["new", "other symbol", "old"]


def test_the_explorer_finds_an_old_paper(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for query in ("12/QĐ-UBND", "12-QD-UBND", "0012/qđ-ubnd"):
        page = http.get("/so-cai/tim", params={"q": query}).text
        assert page.count("12/QĐ-UBND") >= 2, query
    monkeypatch.setattr("api.http.pages.MAX_RESULTS", 3)
    first = http.get("/so-cai/tim", params={"q": "12"})
    assert "sau=3" in first.text
    second = http.get("/so-cai/tim", params={"q": "12", "sau": 3}).text
    assert "sau=" not in second
    ids = [
        leaf_hash(paper(*what)).hex()
        for what in (("old", "12", "QĐ-UBND", "2015-03-01"), ("no symbol", "12", None, "2014-01-01"))
    ]
    assert [one in first.text for one in ids] == [True, False]
    assert [one in second for one in ids] == [False, True]


def test_a_number_that_is_a_block_too_leads_to_both(http: httpx.Client) -> None:
    page = http.get("/so-cai/tim", params={"q": "3"}).text
    assert "3/TB-UBND" in page
    assert 'href="/so-cai/khoi/3"' in page
    assert http.get("/so-cai/tim", params={"q": "2"}).headers["location"] == "/so-cai/khoi/2"


def test_the_register_finds_an_old_paper_at_once(http: httpx.Client) -> None:
    def ask(**query: str | int) -> tuple[list[str], str | None]:
        answer = http.get(f"/v1/registers/{MEMBER}", params=query).json()
        return [
            f"{one['body']['number']}/{one['body'].get('symbol', '')}" for one in answer["items"]
        ], answer["next"]

    assert ask(q="12/QĐ-UBND") == (["012/QĐ-UBND", "12/QĐ-UBND"], None)
    found, following = ask(q="12", limit=3)
    assert found == ["012/QĐ-UBND", "12/", "12/BC-UBND"]
    assert ask(q="12", limit=3, before=str(following)) == (["12/QĐ-UBND"], None)
    # By the lookup code on the paper, and only in the register that it is in.
    code = grouped(code_of(leaf_hash(paper("old", "12", "QĐ-UBND", "2015-03-01"))))
    assert ask(q=code) == (["12/QĐ-UBND"], None)
    assert http.get("/v1/registers/ward", params={"q": code}).json()["items"] == []


def test_private_papers_are_in_no_index_of_numbers(node: Node) -> None:
    before = sum(1 for _ in node.final.view.lookup(NUMBER_LOOKUP))
    body: dict[str, Value] = {"authority": MEMBER, "commitment": bytes(31) + b"\x01", "number_tag": bytes(32)}
    put(node, sign(node, [encode_record("doc.anchor/1", body)]))
    assert sum(1 for _ in node.final.view.lookup(NUMBER_LOOKUP)) == before
