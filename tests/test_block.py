"""Headers: one form, every field bound, and a signature that travels beside the leaf."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.block import (
    NO_PARENT,
    NO_PROPOSER,
    RULES_VERSION,
    Header,
    SignedHeader,
    parse_header_leaf,
    parse_signed_header,
)
from ledger.encoding import encode
from ledger.entry import HEADER_TAG, leaf_tag
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.hashing import leaf_hash
from tests.chains import key

PROPOSER = key("header 0")
hashes = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**53 - 1)
headers = st.builds(
    Header,
    rules_version=st.just(RULES_VERSION),
    chain_id=hashes,
    height=numbers,
    engine_height=numbers,
    parent=hashes,
    time_ms=numbers,
    first_index=numbers,
    entry_count=st.integers(1, 2**53 - 1),
    log_root=hashes,
    state_root=hashes,
    proposer=st.just(PROPOSER.public_key),
)
ONE = Header(
    1, b"c" * 32, 5, 9, b"p" * 32, 1_790_000_000_000, 40, 3, b"l" * 32, b"s" * 32, PROPOSER.public_key
)


@given(headers)
def test_a_header_comes_back_from_its_leaf(header: Header) -> None:
    leaf = header.leaf()
    assert parse_header_leaf(leaf) == header
    assert leaf == encode([1, header.value()])
    assert leaf_tag(leaf) == HEADER_TAG
    assert header.hash() == leaf_hash(leaf)
    assert header.index == header.first_index + header.entry_count
    assert header.size == header.index + 1
    assert len(leaf) <= 1_024


@given(headers)
def test_a_signed_header_comes_back(header: Header) -> None:
    signed = SignedHeader(header, header.sign(PROPOSER))
    again = parse_signed_header(signed.encoded())
    assert again == signed
    again.header.verify_signature(again.signature)


def test_every_single_byte_of_a_signed_header_is_bound() -> None:
    data = SignedHeader(ONE, ONE.sign(PROPOSER)).encoded()
    accepted = []
    for at in range(len(data)):
        for mask in (0x01, 0x40, 0x80):
            changed = data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
            try:
                signed = parse_signed_header(changed)
                signed.header.verify_signature(signed.signature)
            except LedgerError:
                continue
            accepted.append(at)
    assert not accepted


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    for read in (parse_header_leaf, parse_signed_header):
        with pytest.raises((FormatError, CannotTellError)):
            read(data)


@pytest.mark.parametrize("name", Header.__dataclass_fields__)
def test_every_field_changes_the_hash(name: str) -> None:
    value = getattr(ONE, name)
    other: Any = value + 1 if isinstance(value, int) else bytes(32)
    assert replace(ONE, **{name: other}).hash() != ONE.hash()


@pytest.mark.parametrize("name", Header.__dataclass_fields__)
def test_the_signature_covers_every_field(name: str) -> None:
    signature = ONE.sign(PROPOSER)
    value = getattr(ONE, name)
    other: Any = value + 1 if isinstance(value, int) else key("header 1").public_key
    with pytest.raises(VerificationError) as caught:
        replace(ONE, **{name: other}).verify_signature(signature)
    assert caught.value.rule == "signature.mismatch"


def test_nobody_can_sign_a_genesis_header() -> None:
    genesis = replace(ONE, proposer=NO_PROPOSER, parent=NO_PARENT)
    for signature in (bytes(64), ONE.sign(PROPOSER), b"\x01" + bytes(63)):
        with pytest.raises(VerificationError) as caught:
            genesis.verify_signature(signature)
        assert caught.value.rule == "signature.key-small-order"


@pytest.mark.parametrize("version", [0, 2, 2**53 - 1])
def test_rules_from_later_are_not_called_wrong(version: int) -> None:
    with pytest.raises(CannotTellError) as caught:
        parse_header_leaf(replace(ONE, rules_version=version).leaf())
    assert caught.value.rule == "header.rules-version"


def test_a_header_of_later_rules_may_have_another_shape() -> None:
    with pytest.raises(CannotTellError):
        parse_header_leaf(encode([1, [2, "something else"]]))


def test_a_block_without_entries_has_no_header() -> None:
    with pytest.raises(FormatError) as caught:
        parse_header_leaf(replace(ONE, entry_count=0).leaf())
    assert caught.value.rule == "header.entry-count"


def test_numbers_that_javascript_cannot_hold_have_no_header() -> None:
    for name in ("height", "engine_height", "time_ms", "first_index", "entry_count"):
        with pytest.raises(FormatError) as caught:
            replace(ONE, **{name: 2**53}).leaf()  # type: ignore[arg-type]
        assert caught.value.rule == "encoding.int-range"
