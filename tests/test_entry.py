"""Entries, records and submissions: one form for each, and no byte of it is free."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import entry as entries
from ledger.encoding import Value, decode, encode
from ledger.entry import (
    MAX_RECORD_BYTES,
    MAX_RECORDS,
    MAX_SUBMISSION_BYTES,
    Entry,
    EntryBody,
    check_record_size,
    encode_record,
    entry_from_parts,
    entry_id,
    leaf_of,
    leaf_tag,
    parse_leaf,
    parse_submission,
    sign_entry,
)
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.hashing import sha256
from tests import reference
from tests.chains import START_MS, document, key, make_genesis
from tests.vectorgen.entries import second_signature

CHAIN_ID = make_genesis().chain_id
OFFICE = key("office")

some_records = st.lists(
    st.binary(min_size=1, max_size=90).filter(lambda raw: len(raw) != 64), min_size=1, max_size=5
)


def signed(records: Sequence[bytes], *, nonce: bytes = bytes(16), time_ms: int = START_MS) -> Entry:
    return sign_entry(OFFICE, chain_id=CHAIN_ID, nonce=nonce, time_ms=time_ms, records=records)


def fully_checked(data: bytes) -> Entry:
    """A submission whose every part that needs no state has been checked."""
    entry = parse_submission(data)
    entry.check_records_root()
    entry.verify_signature()
    return entry


def rule_of(value: Value) -> str:
    with pytest.raises(LedgerError) as caught:
        fully_checked(encode(value))
    return caught.value.rule


@given(some_records, st.binary(min_size=16, max_size=16), st.integers(0, 2**53 - 1))
def test_a_signed_entry_travels_and_comes_back(records: list[bytes], nonce: bytes, time_ms: int) -> None:
    entry = signed(records, nonce=nonce, time_ms=time_ms)
    again = fully_checked(entry.submission())
    assert again == entry
    assert (again.id, again.leaf, again.submission()) == (entry.id, entry.leaf, entry.submission())
    assert entry_from_parts(entry.leaf, records) == entry
    assert parse_leaf(entry.leaf) == (entry.body, entry.signature)


@given(some_records)
def test_the_parts_are_what_the_specification_says(records: list[bytes]) -> None:
    entry = signed(records)
    body: list[Value] = [
        1,
        CHAIN_ID,
        OFFICE.public_key,
        bytes(16),
        START_MS,
        len(records),
        reference.mth(records),
    ]
    assert entry.body_bytes == encode(body)
    assert entry.leaf == encode([0, body, entry.signature])
    assert entry.id == sha256(b"sogoc/v1/entry\x00" + encode(body)) == entry_id(entry.body_bytes)
    assert entry.submission() == encode([0, entry.leaf, list[Value](records)])
    assert entry.record_ids == [reference.leaf(raw) for raw in records]
    assert OFFICE.sign(b"sogoc/v1/entry\x00" + encode(body)) == entry.signature


SMALL = signed([document(1), document(2)])


def test_every_single_byte_of_a_submission_is_bound() -> None:
    """Whatever becomes of one byte, the submission does not parse, or does not verify."""
    data = SMALL.submission()
    accepted = []
    for at in range(len(data)):
        for mask in (0x01, 0x10, 0x80, 0xFF):
            changed = data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
            try:
                fully_checked(changed)
            except LedgerError:
                continue
            accepted.append((at, mask))
    assert not accepted


@given(st.integers(0, len(SMALL.leaf) - 1), st.integers(1, 255))
def test_every_single_byte_of_a_leaf_is_bound(at: int, mask: int) -> None:
    changed = SMALL.leaf[:at] + bytes([SMALL.leaf[at] ^ mask]) + SMALL.leaf[at + 1 :]
    with pytest.raises(LedgerError):  # noqa: PT012  either step may be the one that refuses
        entry = entry_from_parts(changed, SMALL.records)
        entry.check_records_root()
        entry.verify_signature()


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    for read in (parse_submission, parse_leaf):
        with pytest.raises((FormatError, CannotTellError)):
            read(data)
    if data[:2] in {b"\x93\x00", b"\x92\x01", b"\x92\x02"}:
        assert leaf_tag(data) == data[1]
    else:
        with pytest.raises(CannotTellError):
            leaf_tag(data)


@given(st.integers(0, len(SMALL.submission()) - 1), st.binary(max_size=6))
def test_cut_and_pasted_submissions_are_refused(at: int, inserted: bytes) -> None:
    data = SMALL.submission()
    for changed in (data[:at], data[:at] + inserted + data[at:]):
        if changed != data:
            with pytest.raises(LedgerError):
                fully_checked(changed)


def test_a_second_signature_over_the_same_body_is_the_same_entry() -> None:
    body = decode(SMALL.body_bytes)
    assert isinstance(body, list)
    second = Entry(SMALL.body, second_signature(body), SMALL.records)
    second.verify_signature()
    assert second.signature != SMALL.signature
    assert second.leaf != SMALL.leaf
    assert second.id == SMALL.id


def test_the_limits_on_records() -> None:
    for size in (1, 63, 65, MAX_RECORD_BYTES):
        check_record_size(bytes(size))
    for size, rule in ((0, "record.size"), (MAX_RECORD_BYTES + 1, "record.size"), (64, "record.size-64")):
        with pytest.raises(FormatError) as caught:
            check_record_size(bytes(size))
        assert caught.value.rule == rule
        with pytest.raises(FormatError):
            signed([bytes(size)])
        with pytest.raises(FormatError):
            entry_from_parts(SMALL.leaf, [bytes(size)])


def test_the_limit_on_the_count_of_records() -> None:
    many = [number.to_bytes(2, "big") for number in range(MAX_RECORDS + 1)]
    entry = fully_checked(signed(many[:-1]).submission())
    assert len(entry.records) == MAX_RECORDS == 4096
    with pytest.raises(FormatError) as caught:
        signed(many)
    assert caught.value.rule == "entry.count"
    with pytest.raises(FormatError) as caught:
        parse_submission(encode([0, entry.leaf, list[Value](many)]))
    assert caught.value.rule == "entry.count"
    with pytest.raises(FormatError):
        signed([])


def test_the_limit_on_bytes() -> None:
    eleven = [bytes([number]) * (MAX_RECORD_BYTES - 3) for number in range(10)]
    room = MAX_SUBMISSION_BYTES - len(signed([*eleven, b"\xff" * 300]).submission()) + 300
    assert len(signed([*eleven, b"\xff" * room]).submission()) == MAX_SUBMISSION_BYTES == 700_000
    fully_checked(signed([*eleven, b"\xff" * room]).submission())
    with pytest.raises(FormatError) as caught:
        signed([*eleven, b"\xff" * (room + 1)])
    assert caught.value.rule == "entry.size"
    with pytest.raises(FormatError) as caught:
        parse_submission(bytes(MAX_SUBMISSION_BYTES + 1))
    assert caught.value.rule == "entry.size"


def test_records_that_were_not_signed_are_told_apart() -> None:
    other = Entry(SMALL.body, SMALL.signature, (document(1), document(3)))
    with pytest.raises(VerificationError) as caught:
        other.check_records_root()
    assert caught.value.rule == "entry.records-root"
    assert caught.value.expected == SMALL.body.records_root
    fewer = Entry(SMALL.body, SMALL.signature, (document(1),))
    with pytest.raises(VerificationError) as caught:
        fewer.check_records_root()
    assert caught.value.rule == "entry.count"


def test_a_node_of_the_record_tree_cannot_pass_for_a_record() -> None:
    """Two hashes put together have 64 bytes: such a record would make one record of two, or two of one."""
    pair = b"".join(SMALL.record_ids)
    assert len(pair) == 64
    with pytest.raises(FormatError) as caught:
        entry_from_parts(SMALL.leaf, [pair])
    assert caught.value.rule == "record.size-64"


def test_the_kinds_of_leaves() -> None:
    assert leaf_tag(SMALL.leaf) == entries.ENTRY_TAG
    assert leaf_tag(make_genesis().leaf()) == entries.GENESIS_TAG
    for leaf in (b"", b"\x93", encode([3, 1]), encode([0, 1]), encode({}), encode([True, 1])):
        with pytest.raises(CannotTellError) as caught:
            leaf_tag(leaf)
        assert caught.value.rule == "leaf.tag"


def test_a_version_from_later_is_not_called_wrong() -> None:
    later = encode([0, [2, "whatever", "comes", "then"], bytes(64)])
    with pytest.raises(CannotTellError) as caught:
        parse_leaf(later)
    assert caught.value.rule == "entry.version"
    long = encode([0, ["v" * 900], bytes(64)])
    with pytest.raises(CannotTellError) as caught:
        parse_leaf(long)
    assert len(caught.value.detail) < 120


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ([0, SMALL.leaf], "entry.submission"),
        ([False, SMALL.leaf, list(SMALL.records)], "entry.submission"),
        ([0, SMALL.leaf, []], "entry.count"),
        ([0, SMALL.leaf, ["text", *SMALL.records]], "entry.submission"),
        ([0, SMALL.leaf, list(reversed(SMALL.records))], "entry.records-root"),
        ([0, encode([0, 1, bytes(64)]), list(SMALL.records)], "entry.shape"),
        ([0, b"\x90", list(SMALL.records)], "entry.leaf"),
    ],
)
def test_malformed_submissions_name_their_rule(value: Value, rule: str) -> None:
    assert rule_of(value) == rule


def test_a_leaf_is_made_without_encoding_the_body_again() -> None:
    assert leaf_of(SMALL.body_bytes, SMALL.signature) == SMALL.leaf
    body = EntryBody(CHAIN_ID, OFFICE.public_key, bytes(16), 0, 1, bytes(32))
    assert leaf_of(body.encoded(), bytes(64)) == encode([0, decode(body.encoded()), bytes(64)])


def test_records_are_arrays_of_type_and_body() -> None:
    assert decode(encode_record("a/1", {"b": 1, "a": b"\0"})) == ["a/1", {"a": b"\0", "b": 1}]
    with pytest.raises(FormatError):
        encode_record("a/1", {"b": "\ud800"})
