"""How rows travel over a node's Unix socket: page by page, each row with its lengths in front.

Rules:

* a row is the length of its key and that of its value, four bytes each (big-endian), then key and value. No key is empty: a
  length of 0 marks the end of the page, and its value says which end: `e` that nothing follows, `m` that the page is full and
  more follows, `f` that reading failed there, followed by the canonical bytes of `[corrupt?, rule, detail]`;
* a page that does not end with such a mark was cut short, and is not believed;
* a page ends with the row that reaches `PAGE_BYTES`, or after `PAGE_ROWS`: neither side ever holds more than that and one row.

What this module does not do: HTTP, reading stores.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ledger.encoding import decode, encode
from ledger.errors import FormatError, StoreCorruptError, StoreError

ROWS: Final = "application/vnd.sogoc.rows"
"""Media type of a page."""
PAGE_BYTES: Final = 1 << 20
PAGE_ROWS: Final = 10_000
MAX_KEYS: Final = 1_000
"""Keys asked for in one request."""
MAX_PAGE_BYTES: Final = 64 << 20
"""Bytes of a page that is taken. What a store writes for itself is far smaller; a row that has no place there may be longer."""

Row = tuple[bytes, bytes]
"""Key and value."""

_LENGTHS: Final = struct.Struct(">II")
_END: Final = b"e"
_MORE: Final = b"m"
_FAULT: Final = b"f"


@dataclass(frozen=True, slots=True)
class Page:
    """What came in one answer."""

    rows: list[Row]
    is_last: bool
    """Nothing follows."""
    fault: StoreError | None = None
    """What the store said when it was asked for the next row; then that row is not here, and nothing follows."""


def encode_page(rows: Iterable[Row], most: int = PAGE_ROWS, most_bytes: int = PAGE_BYTES) -> bytes:
    """The first rows, up to `most` of them and about `most_bytes`; what goes wrong while they are read stands at the end."""
    parts: list[bytes] = []
    pack = _LENGTHS.pack
    count = size = 0
    end = _END
    try:
        for key, value in rows:
            if count >= most or size >= most_bytes:
                end = _MORE
                break
            parts += (pack(len(key), len(value)), key, value)
            count += 1
            size += len(key) + len(value)
    except StoreError as error:
        end = _FAULT + encode([isinstance(error, StoreCorruptError), error.rule, error.detail])
    parts += (pack(0, len(end)), end)
    return b"".join(parts)


def decode_page(data: bytes) -> Page:
    """Read a page. Raises FormatError (`control.page`)."""
    rows: list[Row] = []
    at, length = 0, len(data)
    unpack = _LENGTHS.unpack_from
    while length - at >= _LENGTHS.size:
        key_size, value_size = unpack(data, at)
        at += _LENGTHS.size
        middle = at + key_size
        stop = middle + value_size
        if stop > length:
            break
        if not key_size:
            if stop != length:
                break
            return _page(rows, data[middle:stop])
        rows.append((data[at:middle], data[middle:stop]))
        at = stop
    raise FormatError("control.page", "a page of rows was cut short")


def _page(rows: list[Row], end: bytes) -> Page:
    if end in {_END, _MORE}:
        return Page(rows, is_last=end == _END)
    if end[:1] == _FAULT:
        match decode(end[1:]):
            case [bool(is_corrupt), str(rule), str(detail)]:
                kind = StoreCorruptError if is_corrupt else StoreError
                return Page(rows, is_last=True, fault=kind(rule, detail))
            case _:
                pass
    raise FormatError("control.page", "a page of rows does not end as it should")
