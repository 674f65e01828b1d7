"""Reading records the quick way: it says what `Record.parse` says, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgpack  # type: ignore[import-untyped]  # it publishes no type information
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import Value
from ledger.entry import MAX_RECORD_BYTES, encode_record
from ledger.errors import LedgerError
from ledger.fields import ChoiceList
from ledger.records import parse_record, record_types
from ledger.records.base import AUTHORITY, Record
from ledger.records.goods import CheckedDigits, HashList, ItemList, LotPath, Octets, TextList
from ledger.records.governance import ActionBytes
from ledger.records.quick import QuickReader
from ledger.records.succession import IdentifierList
from tests.vectorgen.bodies import BODIES

NAMES = sorted(BODIES)
HARDER = {
    name
    for name, one in record_types().items()
    if {type(field.kind) for field in one.fields if field.name in BODIES[name]}
    & {ActionBytes, CheckedDigits, ChoiceList, HashList, IdentifierList, ItemList, LotPath, Octets, TextList}
}
"""Types whose example has a field that is not for the quick way."""
FIELDS = sorted({field.name for one in record_types().values() for field in one.fields})

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64) + 1 >> 1, 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=34)
    | st.sampled_from(
        [bytes(32), b"\1" * 32, "office", "application/pdf", "2026-02-29", "khan", "khong", 0, 1]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def slowly(raw: bytes) -> Record | None:
    """The definition; None for what it refuses."""
    try:
        return Record.parse(raw, record_types())
    except LedgerError:
        return None


def packed(value: object) -> bytes:
    """Whatever msgpack makes of a value, canonical or not."""
    data: Any = msgpack.packb(value, use_bin_type=True)
    return bytes(data)


def check(reader: QuickReader, raw: bytes) -> Record | None:
    """Read twice, the second time from what was remembered; a yes must be the definition's."""
    found = reader.read(raw)
    assert reader.read(raw) == found
    if found is not None:
        assert found == slowly(raw)
        assert [type(value) for value in found.body.values()] == [
            type(value) for value in Record.parse(raw, record_types()).body.values()
        ]
    return found


READER = QuickReader(record_types())
"""One for all examples, so that each comes upon what others left behind."""


@pytest.mark.parametrize("name", NAMES)
def test_what_is_common_is_read_quickly(name: str) -> None:
    raw = encode_record(name, BODIES[name])
    found = check(QuickReader(record_types()), raw)
    assert (found is None) == (name in HARDER)
    assert parse_record(raw) == slowly(raw)


@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(FIELDS), values, max_size=3), st.data())
def test_other_fields_and_values(name: str, changes: dict[str, Value], data: st.DataObject) -> None:
    body: dict[str, Any] = dict(BODIES[name]) | changes
    for left_out in data.draw(st.lists(st.sampled_from(sorted(body)), max_size=2, unique=True)):
        del body[left_out]
    check(READER, packed([name, dict(sorted(body.items()))]))
    # The same in whatever order, which only one of has a form.
    check(READER, packed([name, dict(data.draw(st.permutations(list(body.items()))))]))


@given(st.sampled_from(NAMES), st.data())
def test_other_bytes(name: str, data: st.DataObject) -> None:
    raw = bytearray(encode_record(name, BODIES[name]))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    check(READER, bytes(raw))


@pytest.mark.parametrize("name", NAMES)
def test_every_single_byte_changed(name: str) -> None:
    raw = encode_record(name, BODIES[name])
    for at in range(len(raw)):
        for change in (0x01, 0x20, 0x80, 0xFF):
            check(READER, raw[:at] + bytes((raw[at] ^ change,)) + raw[at + 1 :])


@given(values)
def test_any_value(value: object) -> None:
    check(READER, packed(value))
    check(READER, packed(["doc.anchor/1", value]))
    check(READER, packed([value, BODIES["doc.anchor/1"]]))


@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    check(READER, raw)


def long_form(record: dict[str, Value], instead: dict[bytes, bytes]) -> bytes:
    raw = encode_record("doc.anchor/1", record)
    for canonical, other in instead.items():
        assert raw.count(canonical) == 1
        raw = raw.replace(canonical, other)
    return raw


@pytest.mark.parametrize(
    "instead",
    [
        {b"\x92\xac": b"\xdc\0\2\xac"},
        {b"\xacdoc.anchor/1": b"\xd9\x0cdoc.anchor/1"},
        {b"\x84\xa9authority": b"\xde\0\x04\xa9authority"},
        {b"\xa4hash\xc4\x20": b"\xa4hash\xc5\0\x20"},
        {b"\xa4size\x07": b"\xa4size\xcc\x07"},
        {b"\xa4size\x07": b"\xa4size\xca\x40\xe0\0\0"},
        {b"\xa4size\x07": b"\xa4size\xc3"},
        {b"\xa4size\x07": b"\xc4\x04size\x07"},
        {b"\xa4hash": b"\xa4size"},
        {b"\xa4size\x07": b"\xa4size\x07\xc0"},
        {b"\xa4size\x07": b"\xa4size"},
    ],
)
def test_other_forms_of_a_good_record_are_not_for_it(instead: dict[bytes, bytes]) -> None:
    body: dict[str, Value] = {"authority": "office", "hash": bytes(32), "media_type": "text/plain", "size": 7}
    assert READER.read(encode_record("doc.anchor/1", body)) is not None
    assert check(READER, long_form(body, instead)) is None


@pytest.mark.parametrize("length", [0, 64, MAX_RECORD_BYTES + 1])
def test_sizes_that_no_record_has(length: int) -> None:
    body: dict[str, Value] = {"authority": "office", "hash": bytes(32), "media_type": "a/b", "size": 7}
    bare = encode_record("doc.anchor/1", body)
    padded = bare[:length] if length < len(bare) else bare + bytes(length - len(bare))
    assert check(READER, padded) is None


def test_a_record_of_64_bytes_is_not_for_it() -> None:
    # No type there is has one so short that says all it must.
    named = replace(record_types()["doc.anchor/1"], name="t/1", fields=(AUTHORITY,), check=lambda _: None)
    reader = QuickReader({"t/1": named})
    lengths = {len(raw): raw for raw in (encode_record("t/1", {"authority": "a" * n}) for n in range(1, 65))}
    assert set(range(60, 70)) <= lengths.keys()
    assert {length for length, raw in lengths.items() if reader.read(raw) is None} == {64}


def test_what_is_remembered_has_a_limit() -> None:
    reader = QuickReader(record_types())
    public: dict[str, Value] = {"authority": "office", "hash": bytes(32), "media_type": "a/b", "size": 7}
    more: dict[str, Value] = {
        "abstract": "a",
        "kind": "khac",
        "urgency": "khan",
        "secrecy": "khong",
        "symbol": "BC",
        "date": "2026-01-01",
        "number": "1",
        "book": "a",
        "continues": b"\1" * 32,
    }
    found = None
    for chosen in range(2 ** len(more)):
        some = {name: value for at, (name, value) in enumerate(more.items()) if chosen >> at & 1}
        found = check(reader, encode_record("doc.anchor/1", {**public, **some}))
    assert len(reader._plans["doc.anchor/1"].shapes) == 256
    # The last of 512 was not remembered, and read all the same.
    assert found is not None
