"""Pages of rows: what goes in comes out, nothing that was cut short is believed, and they stay small."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.row_pages import PAGE_BYTES, Page, Row, decode_page, encode_page
from ledger.errors import FormatError, StoreCorruptError, StoreError

ROWS = st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.binary(max_size=300)), max_size=30)


@given(rows=ROWS, most=st.integers(1, 40), most_bytes=st.integers(1, 4_000))
def test_pages_put_together_are_the_rows(rows: list[Row], most: int, most_bytes: int) -> None:
    left, found = rows, []
    while True:
        page = decode_page(encode_page(iter(left), most, most_bytes))
        assert page.fault is None
        assert len(page.rows) <= most
        assert sum(len(key) + len(value) for key, value in page.rows[:-1]) < most_bytes
        found += page.rows
        left = left[len(page.rows) :]
        if page.is_last:
            break
        assert page.rows
    assert found == rows
    assert left == []


@given(rows=ROWS, data=st.data())
def test_a_page_that_was_cut_short_or_goes_on_is_refused(rows: list[Row], data: st.DataObject) -> None:
    page = encode_page(rows)
    cut = data.draw(st.integers(0, len(page) - 1))
    for bad in (page[:cut], page + b"\0"):
        with pytest.raises(FormatError) as caught:
            decode_page(bad)
        assert caught.value.rule == "control.page"


@pytest.mark.parametrize("end", [b"", b"x", b"f", b"f\x93\xc3\xa1a", b"f\x91\xc3"])
def test_an_end_that_is_none_is_refused(end: bytes) -> None:
    with pytest.raises(FormatError):
        decode_page(bytes(4) + len(end).to_bytes(4, "big") + end)


@pytest.mark.parametrize(
    "error", [StoreCorruptError("store.corrupt", "rot"), StoreError("store.io", "no disk")]
)
def test_what_the_store_says_stands_behind_the_rows_before_it(error: StoreError) -> None:
    def rows() -> Iterator[Row]:
        yield b"a", b"1"
        raise error

    page = decode_page(encode_page(rows()))
    assert page.rows == [(b"a", b"1")]
    assert page.is_last
    assert type(page.fault) is type(error)
    assert page.fault is not None
    assert (page.fault.rule, page.fault.detail) == (error.rule, error.detail)


def test_a_mistake_of_ours_is_not_the_stores() -> None:
    def rows() -> Iterator[Row]:
        yield b"a", b"1"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        encode_page(rows())


def test_only_as_many_rows_are_read_as_go_along() -> None:
    read = 0

    def rows() -> Iterator[Row]:
        nonlocal read
        while True:
            read += 1
            yield b"k%09d" % read, bytes(1_000)

    page = encode_page(rows())
    assert len(page) < PAGE_BYTES + 20_000
    assert read < PAGE_BYTES // 1_000 + 3
    assert decode_page(page) == Page([(b"k%09d" % n, bytes(1_000)) for n in range(1, read)], is_last=False)
