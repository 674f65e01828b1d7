"""The body of an answer, read from somebody who may lie about it: never more in memory than was agreed, and not for ever.

Rules: bytes are counted as they come, whatever the answer says of its own length. One layer of gzip is undone, piece by piece,
and no other coding: an HTTP library would undo as many layers as an answer names, each of them a thousandfold, before anybody
could count. Whoever sends, in the long run, slower than `BYTES_PER_SECOND` is given up, so that a drop now and then does not
keep a reader waiting for ever.

What this module does not do: ask, or judge what was read.
"""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Final

import httpx

from api.answers import ApiError, unusable

ACCEPTED: Final = "gzip"
"""What to ask for: the value of Accept-Encoding."""
PIECE_BYTES: Final = 1 << 18
"""Of what is decompressed, so much at a time."""
BYTES_PER_SECOND: Final = 1_000
"""The least that an answer must bring, on average, beyond the first seconds."""

_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


def read(response: httpx.Response, max_bytes: int, *, patience: float) -> bytes:
    """The whole body. Raises ApiError as `pieces`, and `node.answer` if it has more than `max_bytes`."""
    body = io.BytesIO()
    for piece in pieces(response, patience=patience):
        if body.tell() + len(piece) > max_bytes:
            raise unusable(f"it is longer than {max_bytes} bytes")
        body.write(piece)
    # Not a copy of what was gathered, which would be twice as much for a moment.
    return body.getvalue()


def pieces(
    response: httpx.Response, *, patience: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[bytes]:
    """The body as it comes, decompressed, each piece at most `PIECE_BYTES` or what the network brought at once.

    `patience`: seconds that may pass before slowness counts; time that the caller takes between two pieces does not. Raises
    ApiError: `node.answer` (a coding that was not asked for, or a damaged one), `node.slow`; and httpx.TransportError.
    """
    if response.is_stream_consumed:
        # A transport that stands in for the network has handed over the whole answer, decompressed.
        return iter((response.content,))
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in {"", "identity", "gzip", "x-gzip"}:
        raise unusable("it is compressed in a way that was not asked for")
    raw = _in_time(response.iter_raw(), patience, clock)
    return _inflated(raw) if coding.endswith("gzip") else raw


def _in_time(raw: Iterator[bytes], patience: float, clock: Callable[[], float]) -> Iterator[bytes]:
    waited = 0.0
    came = 0
    while True:
        before = clock()
        piece = next(raw, None)
        waited += clock() - before
        if piece is None:
            return
        came += len(piece)
        if waited > patience + came / BYTES_PER_SECOND:
            raise ApiError(
                "node.slow",
                f"the node sends its answer too slowly: {came} bytes in {waited:.0f} seconds",
                retry=True,
            )
        yield piece


def _inflated(raw: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    is_empty = True
    for data in raw:
        is_empty = is_empty and not data
        yield from _inflate(inflater, data)
    if not (inflater.eof or is_empty):
        raise unusable("its compression breaks off")


def _inflate(inflater: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    while True:
        try:
            piece = inflater.decompress(data, PIECE_BYTES)
        except zlib.error as error:
            raise unusable("its compression is damaged") from error
        if piece:
            yield piece
        if inflater.unused_data:
            raise unusable("something follows what was compressed")
        data = inflater.unconsumed_tail
        # A full piece may have left more behind within the library, though all was given to it.
        if not data and len(piece) < PIECE_BYTES:
            return
