"""State rows: the keys they stand under, what is in them, and that no two things share a key."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import Value, decode, encode
from ledger.errors import FormatError
from ledger.genesis import Validator
from ledger.merkle import CompactRange
from ledger.rows import (
    ADMINISTRATORS_KEY,
    PARAMETERS_KEY,
    VALIDATORS_KEY,
    KeyRow,
    MemberRow,
    SubjectRow,
    entry_key,
    genesis_rows,
    history_leaf,
    history_leaves,
    key_key,
    member_key,
    parse_administrators,
    parse_parameters,
    parse_validators,
    place_values,
    subject_key,
    validators_value,
)
from ledger.store.values import state_row
from tests import reference
from tests.chains import START_MS, make_genesis
from tests.reference_rules import peaks

times = st.integers(0, 2**53 - 1)
maybe_times = st.none() | times
words = st.lists(st.text(max_size=8), max_size=4).map(tuple)
hashes = st.binary(min_size=32, max_size=32)


@given(st.builds(MemberRow, st.text(max_size=20), words, times, maybe_times, words, words))
def test_member_rows_come_back(row: MemberRow) -> None:
    assert MemberRow.parse(row.encoded()) == row
    line = [list(row.predecessors), list(row.successors)]
    assert decode(row.encoded()) == [row.name, list(row.roles), row.registered_ms, row.ended_ms, *line]


@given(
    st.builds(KeyRow, st.text(max_size=9), words, times, maybe_times, maybe_times, maybe_times, maybe_times)
)
def test_key_rows_come_back(row: KeyRow) -> None:
    assert KeyRow.parse(row.encoded()) == row
    ends = [row.until_ms, row.retired_ms, row.revoked_ms, row.disputed_from_ms]
    assert decode(row.encoded()) == [row.member, list(row.roles), row.registered_ms, *ends]


@given(st.lists(hashes, min_size=1, max_size=20), times)
def test_subject_rows_commit_to_their_records_in_order(record_ids: list[bytes], time_ms: int) -> None:
    entry_id = bytes(32)
    leaves = [encode([entry_id, at, one]) for at, one in enumerate(record_ids)]
    row = SubjectRow(
        "in-force",
        record_ids[0],
        time_ms,
        time_ms,
        CompactRange(1, (history_leaf(entry_id, 0, record_ids[0]),)),
    )
    assert row.encoded() == SubjectRow.first_encoded(
        "in-force", record_ids[0], time_ms, history_leaf(entry_id, 0, record_ids[0])
    )
    for at, one in enumerate(record_ids[1:], start=1):
        row = row.appended(f"status {at}", history_leaf(entry_id, at, one), time_ms + at)
    assert decode(row.encoded()) == [
        f"status {len(leaves) - 1}" if len(leaves) > 1 else "in-force",
        record_ids[0],
        time_ms,
        time_ms + len(leaves) - 1,
        len(leaves),
        reference.mth(leaves),
        peaks(leaves),
    ]
    assert SubjectRow.parse(row.encoded()) == row


SUBJECT = SubjectRow(
    "in-force", b"i" * 32, 5, 6, CompactRange().extend([bytes([number]) * 32 for number in range(3)])
)


def test_a_subject_whose_root_is_not_that_of_its_peaks_is_refused() -> None:
    value = decode(SUBJECT.encoded())
    assert isinstance(value, list)
    for changed, rule in (
        ([*value[:5], bytes(32), value[6]], "row.history"),
        ([*value[:6], list(reversed(value[6]))], "row.history"),  # type: ignore[arg-type]
        ([*value[:4], 4, *value[5:]], "merkle.peaks"),
        ([*value[:6], [bytes(31), bytes(32)]], "merkle.peaks"),
        ([*value[:6], "peaks"], "row.shape"),
    ):
        with pytest.raises(FormatError) as caught:
            SubjectRow.parse(encode(changed))
        assert caught.value.rule == rule


def as_list(value: Value) -> list[Value]:
    assert isinstance(value, list)
    return value


GOOD_ROWS: tuple[tuple[Callable[[bytes], object], list[Value]], ...] = (
    (MemberRow.parse, ["Tên", ["office"], 5, None, ["a"], ["b"]]),
    (KeyRow.parse, ["office", ["office"], 5, None, None, None, None]),
    (SubjectRow.parse, as_list(decode(SUBJECT.encoded()))),
)
ITEMS: tuple[Value, ...] = (True, -1, "x", b"", [1], {})


@pytest.mark.parametrize(("parse", "good"), GOOD_ROWS)
def test_rows_of_another_shape_are_refused(parse: Callable[[bytes], object], good: list[Value]) -> None:
    parse(encode(good))
    wrong: list[Value] = [{"name": 1}, [], good[:-1], [*good, None], 7]
    for at in range(len(good)):
        wrong += [[*good[:at], item, *good[at + 1 :]] for item in ITEMS if type(item) is not type(good[at])]
    for value in wrong:
        with pytest.raises(FormatError):
            parse(encode(value))


def test_truncated_rows_are_refused() -> None:
    for row in (MemberRow("a", ("b",), 1), KeyRow("a", ("b",), 1), SUBJECT):
        data = row.encoded()
        for at in range(len(data)):
            with pytest.raises(FormatError):
                type(row).parse(data[:at])


identifiers = st.text(max_size=5) | st.binary(max_size=5)


@given(
    st.tuples(st.text(max_size=5), st.text(max_size=5), identifiers),
    st.tuples(st.text(max_size=5), st.text(max_size=5), identifiers),
)
def test_different_subjects_have_different_keys(
    one: tuple[str, str, str | bytes], other: tuple[str, str, str | bytes]
) -> None:
    assert (subject_key(*one) == subject_key(*other)) == (one == other)


def test_text_and_bytes_are_different_identifiers() -> None:
    assert subject_key("a", "b", "c") != subject_key("a", "b", b"c")
    assert member_key("a") != key_key(b"a")


@given(hashes)
def test_entry_keys_are_arrays_like_the_others(entry_id: bytes) -> None:
    assert entry_key(entry_id) == encode(["entry", entry_id])


@given(st.text(max_size=9), st.text(max_size=300), hashes | st.binary(max_size=40) | st.text(max_size=32))
def test_subject_keys_are_what_encode_gives(kind: str, authority: str, identifier: str | bytes) -> None:
    for _ in range(2):  # the second from what was remembered
        assert subject_key(kind, authority, identifier) == encode(["subject", kind, authority, identifier])


@given(st.text(max_size=300), hashes, times, hashes)
def test_first_rows_are_what_encode_gives(status: str, issue: bytes, time_ms: int, leaf: bytes) -> None:
    row = SubjectRow(status, issue, time_ms, time_ms, CompactRange(1, (leaf,)))
    for _ in range(2):
        assert SubjectRow.first_encoded(status, issue, time_ms, leaf) == row.encoded()


@pytest.mark.parametrize("count", [0, 1, 2, 127, 128, 129, 256, 4096, 4097, 4100])
def test_places_and_histories_of_all_records_of_an_entry(count: int) -> None:
    entry_id, ids = b"e" * 32, [number.to_bytes(32, "big") for number in range(count)]
    assert history_leaves(entry_id, ids) == [history_leaf(entry_id, *each) for each in enumerate(ids)]
    for index in (0, 127, 255, 65_536, 2**53 - 1):
        assert place_values(index, count) == [encode([index, number]) for number in range(count)]


@given(st.binary(max_size=300), st.integers(0, 70_000))
def test_stored_state_rows_are_what_encode_gives(key: bytes, length: int) -> None:
    for value in (key, bytes(length)):
        assert state_row(key, value) == encode([key, value])


def test_the_first_state_is_the_genesis_document_s() -> None:
    genesis = make_genesis(2)
    rows = genesis_rows(genesis)
    assert len(rows) == 3 + len(genesis.members) + len(genesis.keys)
    assert parse_validators(rows[VALIDATORS_KEY]) == genesis.validators
    assert parse_parameters(rows[PARAMETERS_KEY]) == genesis.parameters
    assert decode(rows[VALIDATORS_KEY]) == genesis.value()[7]
    assert decode(rows[PARAMETERS_KEY]) == genesis.value()[8]
    assert parse_administrators(rows[ADMINISTRATORS_KEY]) == ("office",)
    for member in genesis.members:
        assert MemberRow.parse(rows[member_key(member.id)]) == MemberRow(member.name, member.roles, START_MS)
    for one in genesis.keys:
        assert KeyRow.parse(rows[key_key(one.public_key)]) == KeyRow(one.member, one.roles, START_MS)


def test_validators_come_back_and_other_shapes_are_refused() -> None:
    one = Validator("v", b"e" * 32, b"h" * 32, b"l" * 32, b"c" * 32)
    assert parse_validators(validators_value((one,))) == (one,)
    for value in (7, [7], [["v", b"e"]], [["v", b"", b"", b"", "text"]], [[b"v", b"", b"", b"", b""]]):
        with pytest.raises(FormatError):
            parse_validators(encode(value))


def test_parameters_of_another_shape_are_refused() -> None:
    for value in (7, [7], [["a"]], [["a", -1]], [["a", True]], [[b"a", 1]], {"a": 1}):
        with pytest.raises(FormatError):
            parse_parameters(encode(value))
