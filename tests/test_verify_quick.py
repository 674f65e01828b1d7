"""The quick way through a segment may only ever say yes where the slow one does, and then says the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import encode
from ledger.entry import EntryBody, leaf_of
from ledger.hashing import ENTRY, leaf_hashes, signed_message
from ledger.merkle import root
from ledger.tiles import encode_entry_bundle, encode_records_bundle
from ledger.verify import Level
from ledger.verify.ahead import work_out
from ledger.verify.quick import check, take_apart
from ledger.verify.reading import read_start, segments
from ledger.verify.segments import Job, examine
from tests.chains import Chain, Image, document, key


def mixed_chain() -> Chain:
    """More than a segment: entries of one record, of many, and of more than fit the common layout."""
    chain = Chain()
    for number in range(30):
        chain.add_documents(*[1 + (number + n) % 4 for n in range(8)])
    chain.add_documents(127, 128, 255, 256, 257)
    return chain


CHAIN = mixed_chain()


def jobs_of(source: Image, level: Level) -> list[Job]:
    found = [job for job in segments(source, read_start(source, CHAIN.policy), level) if isinstance(job, Job)]
    assert found
    return found


JOBS = {level: jobs_of(CHAIN, level) for level in Level}


@pytest.mark.parametrize("level", Level)
def test_a_segment_that_is_right_is_passed_quickly_with_the_same_result(level: Level) -> None:
    for job in JOBS[level]:
        passed = take_apart(job)
        assert passed is not None
        assert passed.result == examine(job)
        assert examine(job).finding is None
    assert work_out(JOBS[level], None) == [(examine(job), []) for job in JOBS[level]]


def agree(job: Job) -> None:
    """Demand that a quick yes is a slow yes, and that `check` gives what the slow way gives."""
    quick, slow = take_apart(job), examine(job)
    assert quick is None or quick.result == slow
    assert check(job) == slow


@given(
    st.sampled_from(Level),
    st.sampled_from(["entries", "records", "tile", "node"]),
    st.integers(0, 1),
    st.integers(0, 2**20),
    st.integers(1, 255),
    st.booleans(),
)
def test_one_changed_byte(level: Level, what: str, which: int, at: int, mask: int, fits: bool) -> None:
    job = JOBS[level][which]
    data = getattr(job, what)
    if not data:
        return
    position = at % len(data)
    data = data[:position] + bytes((data[position] ^ mask,)) + data[position + 1 :]
    changed = with_bytes(job, what, data)
    if fits and what == "entries":
        changed = with_fitting_tile(changed)
    agree(changed)


@given(
    st.sampled_from(Level),
    st.sampled_from(["entries", "records", "tile"]),
    st.integers(0, 2**20),
    st.binary(max_size=6),
)
def test_bytes_cut_out_and_put_in(level: Level, what: str, at: int, put: bytes) -> None:
    job = JOBS[level][1]
    data: bytes = getattr(job, what)
    position = at % len(data)
    agree(with_bytes(job, what, data[:position] + put + data[position + len(put) // 2 :]))


def with_bytes(job: Job, name: str, data: bytes) -> Job:
    changes: dict[str, Any] = {name: data}
    return replace(job, **changes)


def with_fitting_tile(job: Job) -> Job:
    """The job with the tile that its leaves give, so that hashes are not what is wrong."""
    leaves = []
    position = 0
    while position < len(job.entries):
        start = position + 2
        position = start + int.from_bytes(job.entries[position:start], "big")
        leaves.append(job.entries[start:position])
    return replace(job, tile=b"".join(leaf_hashes(leaves)))


# --- entries that a careless reader would pass ------------------------------------------------------------------------


def signed_leaf(body: bytes, by: str = "office") -> bytes:
    return leaf_of(body, key(by).sign(signed_message(ENTRY, body)))


def body_of(records: list[bytes], **changes: int | bytes) -> bytes:
    """The body of an entry over `records`, with any of its fields otherwise."""
    body = EntryBody(
        CHAIN.genesis.chain_id,
        key("office").public_key,
        bytes(16),
        1_790_000_000_000,
        len(records),
        root(records),
    )
    return replace(body, **changes).encoded()  # type: ignore[arg-type]


TIME = encode(1_790_000_000_000)
RECORDS = [document(1), document(2)]
MANY = [document(number) for number in range(257)]

# Bytes of a body, and the records that stand beside it. All but the first are wrong, with a right signature.
ENTRIES: dict[str, tuple[bytes, list[bytes]]] = {
    "right": (body_of(RECORDS), RECORDS),
    "right, of many records": (body_of(MANY), MANY),
    "right, from long ago": (body_of(RECORDS, time_ms=5), RECORDS),
    "right, at the last moment there is": (body_of(RECORDS, time_ms=2**53 - 1), RECORDS),
    "right, from 1970": (body_of(RECORDS, time_ms=2**32), RECORDS),
    "count of 1 for 257 records": (body_of(MANY, count=1), MANY),
    "count of 129 for 257 records": (body_of(MANY, count=129), MANY),
    "count of 0": (body_of(RECORDS, count=0), RECORDS),
    "count of 0 for none": (body_of([], count=0), []),
    "count of 128 in one byte": (body_of(MANY[:128]).replace(b"\xcc\x80\xc4\x20", b"\x80\xc4\x20"), MANY[:128]),
    "count of 2 in two bytes": (body_of(RECORDS).replace(b"\x02\xc4\x20", b"\xcc\x02\xc4\x20"), RECORDS),
    "time that would be shorter": (body_of(RECORDS).replace(TIME, b"\xcf" + (2**32 - 1).to_bytes(8, "big")), RECORDS),
    "time above 2^53": (body_of(RECORDS).replace(TIME, b"\xcf" + (2**53).to_bytes(8, "big")), RECORDS),
    "time of 64 bits": (body_of(RECORDS).replace(TIME, b"\xcf" + b"\xff" * 8), RECORDS),
    "time below zero": (body_of(RECORDS).replace(TIME, b"\xd3" + (1_790_000_000_000).to_bytes(8, "big")), RECORDS),
    "root of other records": (body_of(RECORDS[:1] + RECORDS[:1]), RECORDS),
    "nonce as text": (body_of(RECORDS).replace(b"\xc4\x10" + bytes(16), b"\xd9\x10" + bytes(16)), RECORDS),
    "another ledger": (body_of(RECORDS, chain_id=bytes(32)), RECORDS),
    "a record of 64 bytes": (body_of([document(1), bytes(64)]), [document(1), bytes(64)]),
    "an empty record": (body_of([document(1), b""]), [document(1), b""]),
    "too large": (body_of([bytes((n,)) * 60_000 for n in range(12)]), [bytes((n,)) * 60_000 for n in range(12)]),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_passed_only_if_it_is_right(name: str) -> None:
    body, records = ENTRIES[name]
    job = job_with(signed_leaf(body), records)
    assert (examine(job).finding is None) == name.startswith("right")
    agree(job)


def test_an_entry_at_the_limit_of_its_size_is_passed() -> None:
    def entry(last: int) -> tuple[bytes, list[bytes]]:
        records = [bytes((n,)) * 60_000 for n in range(11)] + [b"l" * last]
        return body_of(records), records

    sizes = []
    for last in range(39_700, 40_000):
        body, records = entry(last)
        size = len(encode([0, signed_leaf(body), records]))
        if size in (700_000, 700_001):
            sizes.append(size)
            job = job_with(signed_leaf(body), records)
            assert (examine(job).finding is None) == (size == 700_000)
            agree(job)
    assert sizes == [700_000, 700_001]


def job_with(leaf: bytes, records: list[bytes]) -> Job:
    """A segment, the last of its log, of this entry alone."""
    return Job(
        level=Level.SIGNATURES,
        chain_id=CHAIN.genesis.chain_id,
        header_keys=frozenset(),
        number=1,
        width=1,
        peaks=(bytes(32),),
        entries=encode_entry_bundle([leaf]),
        records=encode_records_bundle([records]),
        tile=leaf_hashes([leaf])[0],
        node=b"",
        root=b"",
    )
