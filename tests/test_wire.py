"""Batches and block streams: round trips, sizes, and refusal of everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.wire import (
    BATCH_PREFIX,
    MAX_BATCH_BYTES,
    MAX_BATCH_ENTRIES,
    BlockFrame,
    decode_batch,
    encode_batch,
    read_frames,
    split_batches,
)
from ledger.encoding import Value, encode
from ledger.errors import FormatError, LedgerError

submissions = st.lists(st.binary(max_size=40), min_size=1, max_size=10)
frames = st.builds(
    BlockFrame,
    st.binary(max_size=30),
    st.binary(max_size=64),
    st.lists(st.binary(max_size=50), max_size=5).map(tuple),
)


@given(submissions)
def test_a_batch_round_trip(items: list[bytes]) -> None:
    data = encode_batch(items)
    assert data.startswith(BATCH_PREFIX)
    assert decode_batch(data) == items


@given(st.binary(max_size=100))
def test_any_bytes_as_a_batch(data: bytes) -> None:
    try:
        items = decode_batch(data)
    except FormatError:
        return
    assert encode_batch(items) == data


def test_a_batch_has_limits() -> None:
    with pytest.raises(FormatError, match=r"batch\.size"):
        decode_batch(bytes(MAX_BATCH_BYTES + 1))
    with pytest.raises(FormatError, match=r"batch\.count"):
        decode_batch(encode([1, [b""] * (MAX_BATCH_ENTRIES + 1)]))
    others: list[Value] = [[1, []], [True, [b""]], [1, [b"", 1]], [1, b""], [2, [b""]], [1], 1, {}]
    for value in others:
        with pytest.raises(FormatError, match=r"batch\."):
            decode_batch(encode(value))


@given(st.lists(st.integers(0, 3), max_size=30))
def test_every_submission_is_in_one_batch_in_order(sizes: list[int]) -> None:
    items = [bytes([number]) * (size * 200_000) for number, size in enumerate(sizes)]
    batches = list(split_batches(items))
    assert [item for batch in batches for item in batch] == items
    assert all(batch for batch in batches)
    assert all(len(encode_batch(batch)) <= MAX_BATCH_BYTES for batch in batches)


def test_batches_are_split_by_bytes_and_by_count() -> None:
    assert [len(batch) for batch in split_batches([bytes(700_000)] * 50)] == [22, 22, 6]
    assert [len(batch) for batch in split_batches([b""] * (MAX_BATCH_ENTRIES + 1))] == [MAX_BATCH_ENTRIES, 1]
    assert list(split_batches([])) == []
    assert [len(batch) for batch in split_batches([bytes(MAX_BATCH_BYTES * 2), b""])] == [1, 1]


@given(st.lists(frames, max_size=6), st.integers(1, 50))
def test_a_stream_round_trip_in_pieces_of_any_size(blocks: list[BlockFrame], piece: int) -> None:
    data = b"".join(frame.encoded() for frame in blocks)
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    assert list(read_frames(pieces)) == blocks


@given(st.lists(frames, min_size=1, max_size=3), st.data())
def test_a_stream_that_ends_within_a_block(blocks: list[BlockFrame], data: st.DataObject) -> None:
    whole = [frame.encoded() for frame in blocks]
    cut = data.draw(st.integers(1, len(whole[-1]) - 1))
    stream = read_frames([*whole[:-1], whole[-1][:-cut]])
    assert [next(stream) for _ in whole[:-1]] == blocks[:-1]
    with pytest.raises(FormatError, match=r"blocks\.truncated"):
        next(stream)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x01\x90",
        b"\x00\x00\x00\x04\x93\x01\x01\x01",
        len(encode([b"", b"", [1]])).to_bytes(4, "big") + encode([b"", b"", [1]]),
    ],
)
def test_a_stream_of_something_else(data: bytes) -> None:
    with pytest.raises(FormatError):
        list(read_frames([data]))


def test_the_parts_of_a_block() -> None:
    entry, genesis = b"\x93\x00entry", b"\x92\x02genesis"
    frame = BlockFrame.of(b"h", b"s", [entry, genesis], [[b"a", b"b"], []])
    assert list(frame.parts()) == [(entry, (b"a", b"b")), (genesis, ())]
    with pytest.raises(ValueError, match="zip"):
        BlockFrame.of(b"h", b"s", [entry], [])


@pytest.mark.parametrize(
    "submission",
    [
        b"\x01",
        encode([0, b"\x93\x00", []]),
        encode([0, b"\x93\x00", [1]]),
        encode([0, 1, [b""]]),
        encode([1, b"\x93\x00", [b""]]),
        encode([0, b"\xff\xff", []]),
    ],
)
def test_parts_that_are_none(submission: bytes) -> None:
    with pytest.raises(LedgerError):
        list(BlockFrame(b"h", b"s", (submission,)).parts())
