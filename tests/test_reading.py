"""Reading an answer's body: all that was sent, however it was cut; and no more than was agreed, and not for ever."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.answers import ApiError
from api.reading import BYTES_PER_SECOND, PIECE_BYTES, pieces, read

PATIENCE = 30.0


class Sent(httpx.SyncByteStream):
    """Pieces as a network brings them."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.asked = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.asked += 1
            yield piece


def answer(*sent: bytes, coding: str = "") -> httpx.Response:
    headers = {"content-encoding": coding} if coding else {}
    return httpx.Response(200, headers=headers, stream=Sent(list(sent)))


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(st.binary(max_size=3_000), st.integers(1, 500), st.sampled_from(["", "identity", "gzip", "X-GZIP"]))
def test_what_was_sent_is_read(data: bytes, size: int, coding: str) -> None:
    sent = gzip.compress(data) if "gzip" in coding.lower() else data
    assert read(answer(*cut(sent, size), coding=coding), 3_000, patience=PATIENCE) == data


@pytest.mark.parametrize("count", [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_what_is_decompressed_comes_in_pieces(count: int, size: int) -> None:
    data = zlib.compressobj(9, zlib.DEFLATED, 31)
    sent = data.compress(bytes(count)) + data.flush()
    came = list(pieces(answer(*cut(sent, size), coding="gzip"), patience=PATIENCE))
    assert max(map(len, came)) <= PIECE_BYTES
    assert b"".join(came) == bytes(count)


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_no_more_is_asked_for_than_was_agreed(coding: str) -> None:
    sent = Sent([gzip.compress(bytes(1_000_000)) if coding else bytes(1_001)] + [b""] * 9)
    response = httpx.Response(200, headers={"content-encoding": coding} if coding else {}, stream=sent)
    with pytest.raises(ApiError, match="longer than 1000 bytes"):
        read(response, 1_000, patience=PATIENCE)
    assert sent.asked == 1


@pytest.mark.parametrize(
    "coding", ["gzip, gzip", "gzip,gzip", "deflate", "br", "zstd", "identity, gzip", "?"]
)
def test_what_was_not_asked_for_is_not_decompressed(coding: str) -> None:
    with pytest.raises(ApiError, match="not asked for"):
        read(answer(b"", coding=coding), 1_000, patience=PATIENCE)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"not gzip", "damaged"),
        (gzip.compress(b"data")[:-1], "breaks off"),
        (gzip.compress(b"data")[:-9] + bytes(9), "damaged"),
        (gzip.compress(b"data") + b"more", "follows"),
        (gzip.compress(b"data") + gzip.compress(b"data"), "follows"),
    ],
)
@pytest.mark.parametrize("size", [1, 1_000])
def test_damaged_compression_is_said_to_be_damaged(sent: bytes, words: str, size: int) -> None:
    with pytest.raises(ApiError, match=words) as caught:
        read(answer(*cut(sent, size), coding="gzip"), 1_000, patience=PATIENCE)
    assert caught.value.code == "node.answer"


class Clock:
    """Goes on by so many seconds each time that a piece is waited for."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.asked = 0

    def __call__(self) -> float:
        self.asked += 1
        self.now += 0.0 if self.asked % 2 else self.seconds
        return self.now


def test_a_drop_now_and_then_is_given_up() -> None:
    sent = Sent([b"x"] * 1_000)
    with pytest.raises(ApiError) as caught:
        list(pieces(httpx.Response(200, stream=sent), patience=PATIENCE, clock=Clock(20.0)))
    assert (caught.value.code, caught.value.retry) == ("node.slow", True)
    assert sent.asked == 2


def test_whoever_brings_enough_may_take_long() -> None:
    piece = bytes(20 * BYTES_PER_SECOND)
    came = list(pieces(answer(*[piece] * 100), patience=PATIENCE, clock=Clock(20.0)))
    assert came == [piece] * 100


def test_the_readers_own_time_is_not_the_senders() -> None:
    clock = Clock(1.0)
    for _ in pieces(answer(*[b"x"] * 20), patience=PATIENCE, clock=clock):
        clock.now += 1_000


def test_an_answer_that_stands_in_for_the_network_is_taken_as_it_is() -> None:
    whole = httpx.Response(200, content=gzip.compress(b"data"), headers={"content-encoding": "gzip"})
    assert read(whole, 4, patience=PATIENCE) == b"data"
    with pytest.raises(ApiError, match="longer"):
        read(whole, 3, patience=PATIENCE)
