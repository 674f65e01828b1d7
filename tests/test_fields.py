"""Field tables: each kind against the same rule written another way."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import Value
from ledger.errors import RefusedError
from ledger.fields import (
    IDENTIFIER,
    IDENTIFIER_ALPHABET,
    MAX_TIME_MS,
    TIME_MS,
    Ascii,
    Bytes,
    Choice,
    ChoiceList,
    Date,
    Field,
    Integer,
    Kind,
    MediaType,
    Text,
    check_body,
)
from ledger.roles import ROLES

values: st.SearchStrategy[Value] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=12)
    | st.binary(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


def rule_of(kind: Kind, value: Value) -> str | None:
    refusal: RefusedError | None = None
    try:
        kind.check("field", value)
    except RefusedError as error:
        refusal = error
    if refusal is None:
        return None
    assert refusal.permanent
    assert refusal.rule.startswith("record.field-")
    assert "'field'" in refusal.detail
    return refusal.rule.removeprefix("record.field-")


CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@given(
    values
    | st.text(
        alphabet="aế\x00\x1f \x7f\x9f\u00a0\u2027\u2028\u202e\u202f\u2065\u2066\u2069\u206a", max_size=12
    )
)
def test_text_counts_bytes_and_refuses_controls(value: Value) -> None:
    accepted = isinstance(value, str) and 2 <= len(value.encode()) <= 9 and not CONTROLS.search(value)
    assert (rule_of(Text(2, 9), value) is None) == accepted


@pytest.mark.parametrize(
    "number", [*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)]
)
def test_text_refuses_every_control_character(number: int) -> None:
    assert rule_of(Text(1, 9), f"a{chr(number)}") == "alphabet"


@pytest.mark.parametrize(
    "letter", [" ", "~", "\u00a0", "\u2027", "\u202f", "\ufeff", "\U0010ffff", "o\u0302\u0309"]
)
def test_text_judges_nothing_else(letter: str) -> None:
    """Anything more would need a Unicode table, and two versions of one are two ledgers."""
    assert rule_of(Text(1, 9), letter) is None


def test_text_with_half_of_a_surrogate_pair_is_refused_and_not_crashed_on() -> None:
    assert rule_of(Text(1, 9), "\ud800") == "alphabet"


@given(values | st.text(alphabet="ab-._A٤/ \n", max_size=6))
def test_ascii_is_its_alphabet(value: Value) -> None:
    accepted = isinstance(value, str) and re.fullmatch(r"[a-z0-9.\-_]{1,5}", value) is not None
    assert (rule_of(Ascii(1, 5, IDENTIFIER_ALPHABET), value) is None) == accepted


def test_identifiers_have_up_to_64_letters() -> None:
    assert rule_of(IDENTIFIER, "a" * 64) is None
    assert rule_of(IDENTIFIER, "a" * 65) == "length"
    assert rule_of(IDENTIFIER, "") == "length"


MEDIA = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+\-]*/[a-z0-9][a-z0-9!#$&^_.+\-]*")


@given(values | st.text(alphabet="ab1/.+-;A ", max_size=9) | st.from_regex(MEDIA, fullmatch=True))
def test_media_types_are_those_of_rfc_6838(value: Value) -> None:
    accepted = isinstance(value, str) and 3 <= len(value) <= 127 and MEDIA.fullmatch(value) is not None
    assert (rule_of(MediaType(), value) is None) == accepted


@pytest.mark.parametrize(
    "value",
    [
        "application/pdf",
        "image/svg+xml",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "text/csv",
    ],
)
def test_the_media_types_of_offices_are_accepted(value: str) -> None:
    assert rule_of(MediaType(), value) is None


def is_date(value: Value) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
        return False
    try:
        return date.fromisoformat(value) >= date(1900, 1, 1)
    except ValueError:
        return False


digits = st.integers(0, 9999).map("{:04}".format)
two = st.integers(0, 33).map("{:02}".format)


@given(values | st.builds("{}-{}-{}".format, digits, two, two) | st.dates().map(date.isoformat))
def test_dates_are_those_of_the_calendar(value: Value) -> None:
    assert (rule_of(Date(), value) is None) == is_date(value)


def test_every_day_of_four_centuries_is_a_date_and_the_one_after_each_month_is_not() -> None:
    for ordinal in range(date(1900, 1, 1).toordinal(), date(2300, 1, 1).toordinal(), 3):
        assert rule_of(Date(), date.fromordinal(ordinal).isoformat()) is None
    for year in (1900, 1999, 2000, 2024, 2100, 2400, 9999):
        for month in range(1, 13):
            for day in range(28, 33):
                text = f"{year}-{month:02}-{day:02}"
                assert (rule_of(Date(), text) is None) == is_date(text), text


@pytest.mark.parametrize("value", ["２０２６-07-31", "٢٠٢٦-07-31", "2026-07-3１", "2026-07-²1", "2026–07–31"])
def test_digits_are_ascii(value: str) -> None:
    assert rule_of(Date(), value) == "alphabet"


@given(values | st.binary(min_size=3, max_size=5))
def test_bytes_have_their_length(value: Value) -> None:
    assert (rule_of(Bytes(4), value) is None) == (isinstance(value, bytes) and len(value) == 4)


@given(values | st.integers(-2, 8))
def test_integers_have_their_range_and_are_not_booleans(value: Value) -> None:
    accepted = type(value) is int and 0 <= value <= 5
    assert (rule_of(Integer(0, 5), value) is None) == accepted


def test_booleans_are_no_integers() -> None:
    assert rule_of(Integer(0, 5), True) == "kind"
    assert rule_of(TIME_MS, False) == "kind"


def test_times_reach_what_javascript_holds() -> None:
    assert MAX_TIME_MS == 2**53 - 1
    assert rule_of(TIME_MS, 2**53 - 1) is None
    assert rule_of(TIME_MS, 2**53) == "range"
    assert rule_of(TIME_MS, -1) == "range"


@given(values | st.lists(st.sampled_from(sorted(ROLES)), max_size=4).map(list))
def test_choice_lists_ascend(value: Value) -> None:
    accepted = (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, str) and item in ROLES for item in value)
        and all(str(a) < str(b) for a, b in pairwise(value))
    )
    assert (rule_of(ChoiceList(ROLES), value) is None) == accepted


@given(values | st.sampled_from(["red", "green"]))
def test_choices_are_words_of_a_list(value: Value) -> None:
    accepted = isinstance(value, str) and value in ("red", "green")
    assert (rule_of(Choice(frozenset({"red", "green"})), value) is None) == accepted


@pytest.mark.parametrize(
    "kind",
    [Text(1, 9), IDENTIFIER, MediaType(), Date(), Bytes(32), TIME_MS, ChoiceList(ROLES), Choice(ROLES)],
)
def test_every_kind_describes_itself_for_the_specification(kind: Kind) -> None:
    assert len(kind.describe()) > 10
    assert "\n" not in kind.describe()


TABLE = (
    Field("a", Integer(0, 9), "one"),
    Field("b", Text(1, 9), "two", required=False),
)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"a": 1}, None),
        ({"a": 1, "b": "x"}, None),
        ({}, "missing"),
        ({"b": "x"}, "missing"),
        ({"a": 1, "c": 1}, "unknown"),
        ({"a": 1, "b": "x", "c": 1}, "unknown"),
        ({"a": 1, "b": None}, "kind"),
        ({"a": 10}, "range"),
    ],
)
def test_bodies_follow_their_table_exactly(body: dict[str, Value], rule: str | None) -> None:
    if rule is None:
        check_body(TABLE, body)
        return
    with pytest.raises(RefusedError) as caught:
        check_body(TABLE, body)
    assert caught.value.rule == f"record.field-{rule}"


def test_an_error_repeats_only_the_head_of_a_stranger_s_field_name() -> None:
    with pytest.raises(RefusedError) as caught:
        check_body(TABLE, {"a": 1, "z" * 60_000: 1})
    assert caught.value.rule == "record.field-unknown"
    assert len(caught.value.detail) < 200


def test_an_error_about_a_field_name_is_printable() -> None:
    with pytest.raises(RefusedError) as caught:
        check_body(TABLE, {"a": 1, "\x1b[2J\u202e": 1})
    assert caught.value.detail.isascii()
    assert caught.value.detail.isprintable()
