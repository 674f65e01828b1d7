"""An audit and its slow twin find the same place in whatever is changed at random."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import verify
from ledger.block import Header, parse_header_leaf
from ledger.errors import CannotTellError, LedgerError
from ledger.hashing import leaf_hash
from ledger.verify import AuditFailure, Level
from tests.chains import Image, document
from tests.forgeries import POLICY, SMALL, changed, put_header, relink
from tests.reference_audit import Twin

pytestmark = pytest.mark.usefixtures("no_network")


def other_byte(data: bytes, at: int, mask: int) -> bytes:
    position = at % len(data)
    return data[:position] + bytes((data[position] ^ mask,)) + data[position + 1 :]


CHANGES: dict[str, Callable[[Image, int, int, int], None]] = {}


def change(function: Callable[[Image, int, int, int], None]) -> Callable[[Image, int, int, int], None]:
    CHANGES[function.__name__] = function
    return function


@change
def a_byte_of_a_leaf(image: Image, index: int, at: int, mask: int) -> None:
    image.leaves[index] = other_byte(image.leaves[index], at, mask)


@change
def a_byte_of_what_stands_beside(image: Image, index: int, at: int, mask: int) -> None:
    for which, item in enumerate(image.records[index][:1]):
        image.records[index][which] = other_byte(item, at, mask)


@change
def two_leaves_swapped(image: Image, index: int, at: int, mask: int) -> None:
    other = at % image.size
    image.leaves[index], image.leaves[other] = image.leaves[other], image.leaves[index]
    image.records[index], image.records[other] = image.records[other], image.records[index]


@change
def a_leaf_twice(image: Image, index: int, at: int, mask: int) -> None:
    image.leaves.insert(index, image.leaves[index])
    image.records.insert(index, list(image.records[index]))


@change
def a_leaf_dropped(image: Image, index: int, at: int, mask: int) -> None:
    del image.leaves[index], image.records[index]


@change
def the_end_dropped(image: Image, index: int, at: int, mask: int) -> None:
    del image.leaves[max(2, index) :], image.records[max(2, index) :]


@change
def a_field_of_a_header(image: Image, index: int, at: int, mask: int) -> None:
    headers = [index for index, leaf in enumerate(image.leaves) if leaf[:2] == b"\x92\x01"]
    which = headers[index % len(headers)]
    header = parse_header_leaf(image.leaves[which])
    name = list(Header.__dataclass_fields__)[1 + at % 10]
    old = getattr(header, name)
    new = other_byte(old, at, mask) if isinstance(old, bytes) else old ^ mask
    put_header(image, which, changed(header, **{name: new}))


@change
def an_entry_that_is_signed(image: Image, index: int, at: int, mask: int) -> None:
    records = [document(at), document(mask)] if at % 2 else [document(1)]
    if image.leaves[index][:2] == b"\x93\x00":
        made = SMALL.entry(records, by="office" if at % 3 else "admin")
        image.leaves[index], image.records[index] = made.leaf, list(made.records)


@given(
    st.sampled_from(sorted(CHANGES)),
    st.integers(0, SMALL.size - 1),
    st.integers(0, 300),
    st.sampled_from([1, 2, 128]),
    st.booleans(),
    st.sampled_from(Level),
)
def test_the_audit_and_its_twin_find_the_same_place(
    name: str, index: int, at: int, mask: int, everything_again: bool, level: Level
) -> None:
    image = SMALL.image()
    CHANGES[name](image, index, at, mask)
    if everything_again:
        try:
            relink(image)
        except LedgerError:
            image.sign()
    else:
        image.sign()
    hashes = [leaf_hash(leaf) for leaf in image.leaves]
    twin = Twin(image.leaves, image.records, hashes, level).first_fault()
    assert where(image, level) == twin


def where(image: Image, level: Level) -> tuple[int, int] | None:
    try:
        verify.audit(image, POLICY, level=level)
    except AuditFailure as failure:
        if failure.rule == "log.end":
            return len([leaf for leaf in image.leaves if leaf[:2] == b"\x92\x01"]), image.size - 1
        if failure.height is None or failure.index is None:
            return None
        return failure.height, failure.index
    except CannotTellError as error:
        found = re.match(r"block (\d+), log index (\d+)", error.detail)
        assert found
        return int(found[1]), int(found[2])
    return None
