"""A segment that is cut says of every fault, piece by piece, what it says whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.verify import Level, audit, reading
from ledger.verify.pieces import pieces
from ledger.verify.quick import check, take_apart
from ledger.verify.reading import read_start, segments
from ledger.verify.segments import BlockFact, Job, Result, examine
from tests.chains import Chain


def long_chain() -> Chain:
    """A full tile, whose pieces begin at entries, at headers and within blocks, and one that is not full."""
    chain = Chain()
    for number in range(34):
        chain.add_documents(*[1 + (number * n) % 5 for n in range(9)])
    return chain


CHAIN = long_chain()
JOBS = [
    job
    for level in Level
    for job in segments(CHAIN, read_start(CHAIN, CHAIN.policy), level)
    if isinstance(job, Job)
]
SIZES = (1, 1_500, 9_000, 40_000)


def in_pieces(job: Job, piece_bytes: int) -> Result:
    """What the pieces say, put together as whoever links them does: up to the first that finds something."""
    facts: list[BlockFact] = []
    entries = records = 0
    last = b""
    for piece in pieces(job, piece_bytes):
        result = check(piece)
        assert result == examine(piece)
        finding = result.finding and replace(
            result.finding, headers_before=result.finding.headers_before + len(facts)
        )
        facts += result.facts
        entries += result.entries
        records += result.records
        last = result.last
        if finding:
            return Result(tuple(facts), entries, records, last, finding)
    return Result(tuple(facts), entries, records, last)


@pytest.mark.parametrize("piece_bytes", SIZES)
@pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.level.name}-{job.number}")
def test_pieces_are_the_whole_segment_and_say_the_same(job: Job, piece_bytes: int) -> None:
    found = list(pieces(job, piece_bytes))
    assert b"".join(piece.entries for piece in found) == job.entries
    assert b"".join(piece.records for piece in found) == job.records
    assert [piece.first for piece in found] == [
        job.first + sum(piece.width for piece in found[:number]) for number in range(len(found))
    ]
    assert sum(piece.width for piece in found) == job.width
    assert [piece.ends_tile for piece in found] == [False] * (len(found) - 1) + [job.ends_tile]
    assert len(found) == job.width if piece_bytes == 1 else len(found) <= 1 + job.size // piece_bytes
    assert all(take_apart(piece) is not None for piece in found)
    assert in_pieces(job, piece_bytes) == examine(job)


@given(
    st.sampled_from(JOBS),
    st.sampled_from(["entries", "records", "tile", "node", "root"]),
    st.sampled_from(SIZES),
    st.integers(0, 2**20),
    st.integers(1, 255),
)
def test_one_changed_byte_is_named_alike(job: Job, what: str, piece_bytes: int, at: int, mask: int) -> None:
    data: bytes = getattr(job, what)
    if not data:
        return
    position = at % len(data)
    changes: dict[str, Any] = {what: data[:position] + bytes((data[position] ^ mask,)) + data[position + 1 :]}
    changed = replace(job, **changes)
    assert in_pieces(changed, piece_bytes) == examine(changed)


@given(
    st.sampled_from(JOBS),
    st.sampled_from(["entries", "records"]),
    st.integers(0, 2**20),
    st.binary(max_size=6),
)
def test_bytes_that_no_longer_fit_leave_it_whole_or_are_named_alike(
    job: Job, what: str, at: int, put: bytes
) -> None:
    data: bytes = getattr(job, what)
    position = at % len(data)
    changes: dict[str, Any] = {what: data[:position] + put + data[position + len(put) // 2 :]}
    changed = replace(job, **changes)
    assert in_pieces(changed, 1_500) == examine(changed)


def test_a_whole_audit_in_pieces_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = audit(CHAIN, CHAIN.policy)
    cut: list[int] = []

    def small(job: Job) -> list[Job]:
        found = list(pieces(job, 1_500))
        cut.append(len(found))
        return found

    monkeypatch.setattr(reading, "pieces", small)
    assert audit(CHAIN, CHAIN.policy) == wanted
    assert len(cut) > 1
    assert min(cut) > 3
