"""The canonical encoding: msgpack, restricted so that every value has exactly one form.

Rules:

* Types are nil, bool, int within ±(2**53-1) (what JavaScript holds exactly), str of well-formed UTF-8, bin,
  array, and map with str keys. There is no float, no extension type and no timestamp.
* Integers and lengths take their shortest form; an integer from 0 up takes an unsigned one.
* The keys of a map ascend strictly, compared as the bytes of their UTF-8 (which is also the order of their
  code points).
* Limits hold before memory is spent: the bytes of the whole, arrays and maps at most 16 inside one another,
  and the count of all values and keys together.
* Nothing follows the value. What `decode` accepts, `encode` gives back byte for byte.

Not here: what the values mean, their field tables, Unicode normalisation. No I/O.

How it is made fast without being made lax: `_Reader`, in plain Python, is the definition. For short inputs
the C decoder of msgpack goes first, within bounds on what it may allocate, and its answer counts only if its
types, order and depth pass `_accepts` and it encodes back to the same bytes. In any other case `_Reader`
decides, and names the rule that was broken.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import msgpack  # type: ignore[import-untyped]  # it publishes no type information

from ledger.errors import FormatError

Value: TypeAlias = "bool | int | str | bytes | list[Value] | dict[str, Value] | None"
"""What `decode` gives. `encode` also takes tuples as arrays, and subclasses of bytes."""

MAX_BYTES: Final = 1_000_000
"""Default limit on encoded bytes: above the largest submission (700,000 bytes) with its wrapping."""

MAX_DEPTH: Final = 16
"""Most arrays and maps inside one another, the outermost included."""

MAX_ITEMS: Final = 100_000
"""Default limit on the count of all values and keys: an entry's 4,096 records take a few thousand."""

MAX_INT: Final = 2**53 - 1
"""Largest integer, and the smallest negated: what a JavaScript number holds exactly."""

# The C decoder allocates an array at its header, before the items are seen, and nests 1,024 deep before it
# refuses. This bounds what a hostile input can make it allocate to a few megabytes; a longer array is read by
# `_Reader`.
_C_ARRAY: Final = 512

_SCALARS: Final = frozenset({bytes, str, bool, type(None)})

_pack: Final = msgpack.Packer(autoreset=True, use_bin_type=True).pack


def encode(value: object) -> bytes:
    """Return the canonical bytes of `value`; map keys may come in any order.

    Tuples count as arrays. Raises FormatError (`encoding.type`, `encoding.int-range`, `encoding.map-key`,
    `encoding.utf8`, `encoding.too-deep`) for a value that has no canonical form. The length of the result is
    for the caller to limit.
    """
    if not _accepts((value,), MAX_DEPTH):
        value = _canonical(value, MAX_DEPTH)
    try:
        packed: bytes = _pack(value)
    except UnicodeEncodeError as error:
        raise FormatError("encoding.utf8", "A text holds half of a surrogate pair.") from error
    return packed


def decode(
    data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS
) -> Value:
    """Return the value whose canonical encoding is `data`; arrays come as lists.

    `max_bytes` limits the length of `data`, `max_depth` the arrays and maps inside one another (never above
    16), `max_items` the count of values and keys together. Raises FormatError with the rule that was broken:
    `encoding.too-large`, `too-deep`, `too-many-items`, `truncated`, `trailing-bytes`, `int-not-shortest`,
    `int-range`, `str-not-shortest`, `bin-not-shortest`, `array-not-shortest`, `map-not-shortest`,
    `map-order`, `duplicate-key`, `map-key`, `utf8`, `float`, `ext` or `reserved`.
    """
    if len(data) > max_bytes:
        detail = f"The encoding takes {len(data)} bytes; at most {max_bytes} are allowed."
        raise FormatError("encoding.too-large", detail)
    if type(data) is not bytes:
        data = bytes(data)
    depth = min(max_depth, MAX_DEPTH)
    # Each item takes at least a byte: an input this short cannot break the limit on items.
    if len(data) <= max_items:
        try:
            value: Value = msgpack.unpackb(data, max_array_len=_C_ARRAY)
            if _accepts((value,), depth) and _pack(value) == data:
                return value
        except ValueError:
            pass  # whatever it was, the reader says it by its rule
    return _Reader(data, depth, max_items).read()


def _accepts(items: Iterable[Any], depth: int) -> bool:
    """Tell whether msgpack's encoder would give the canonical forms of `items` at once (surrogates apart).

    `depth` is how many arrays and maps may still be inside one another. False does not mean that there is no
    canonical form: a map may be out of order, a type may be a subclass.
    """
    for item in items:
        kind = type(item)
        if kind in _SCALARS:
            continue
        if kind is int:
            if not -MAX_INT <= item <= MAX_INT:
                return False
        elif depth == 0:
            return False
        elif kind is list or kind is tuple:
            if not _accepts(item, depth - 1):
                return False
        elif kind is not dict or not _ascend(item) or not _accepts(item.values(), depth - 1):
            return False
    return True


def _ascend(keys: Iterable[object]) -> bool:
    """Tell whether `keys` are all str and ascend strictly."""
    last: str | None = None
    for key in keys:
        if type(key) is not str or (last is not None and key <= last):
            return False
        last = key
    return True


def _canonical(value: object, depth: int) -> Value:
    """Return `value` with its maps in order and subclasses of bytes as bytes; raise FormatError if it has no form."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, bytes):
        return bytes(value)
    if type(value) is str:
        return value
    if type(value) is int:
        if not -MAX_INT <= value <= MAX_INT:
            raise FormatError("encoding.int-range", "An integer is not within ±(2**53-1).")
        return value
    if not isinstance(value, (list, tuple, dict)):
        raise FormatError("encoding.type", f"A {type(value).__name__} has no canonical encoding.")
    if depth == 0:
        raise FormatError(
            "encoding.too-deep", f"More than {MAX_DEPTH} arrays and maps are inside one another."
        )
    if not isinstance(value, dict):
        return [_canonical(item, depth - 1) for item in value]
    for key in value:
        if type(key) is not str:
            raise FormatError("encoding.map-key", f"A key of a map is of type {type(key).__name__}, not str.")
    return {key: _canonical(value[key], depth - 1) for key in sorted(value)}


class _Reader:
    """Reads one value strictly, front to back: the definition of what `decode` accepts."""

    __slots__ = ("data", "depth", "items_left", "position")

    def __init__(self, data: bytes, depth: int, max_items: int) -> None:
        self.data = data
        self.depth = depth
        self.items_left = max_items
        self.position = 0

    def read(self) -> Value:
        """Return the value that takes all of the data."""
        self._claim(1)
        value = self._value(self.depth)
        if self.position != len(self.data):
            left = len(self.data) - self.position
            raise FormatError("encoding.trailing-bytes", f"{left} bytes follow the value.")
        return value

    def _value(self, depth: int) -> Value:
        tag = self._number(1)
        if tag <= 0x7F:
            return tag
        if tag >= 0xE0:
            return tag - 0x100
        if tag <= 0x8F:
            return self._map(tag & 0x0F, depth)
        if tag <= 0x9F:
            return self._array(tag & 0x0F, depth)
        if tag <= 0xBF:
            return self._text(tag & 0x1F)
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        if tag in _INTEGERS:
            return self._integer(tag)
        if tag in _LENGTHS:
            return self._sized(tag, depth)
        if tag in (0xCA, 0xCB):
            raise self._error("encoding.float", "A floating-point number is not allowed")
        if tag == 0xC1:
            raise self._error("encoding.reserved", "The byte 0xc1 begins no value")
        raise self._error("encoding.ext", "An extension type is not allowed")

    def _integer(self, tag: int) -> int:
        size, signed, low, high = _INTEGERS[tag]
        value = int.from_bytes(self._take(size), "big", signed=signed)
        if low <= value <= high:
            raise self._error("encoding.int-not-shortest", "An integer is not in its shortest form")
        if signed and value >= 0:
            raise self._error("encoding.int-not-shortest", "An integer from 0 up is in a signed form")
        if not -MAX_INT <= value <= MAX_INT:
            raise self._error("encoding.int-range", "An integer is not within ±(2**53-1)")
        return value

    def _sized(self, tag: int, depth: int) -> Value:
        what, size, shortest = _LENGTHS[tag]
        length = self._number(size)
        if length < shortest:
            raise self._error(f"encoding.{what}-not-shortest", f"A {what} has too long a header")
        if what == "str":
            return self._text(length)
        if what == "bin":
            return self._take(length)
        if what == "array":
            return self._array(length, depth)
        return self._map(length, depth)

    def _array(self, length: int, depth: int) -> Value:
        self._enter(depth)
        self._claim(length)
        return [self._value(depth - 1) for _ in range(length)]

    def _map(self, length: int, depth: int) -> Value:
        self._enter(depth)
        self._claim(2 * length)
        result: dict[str, Value] = {}
        last: str | None = None
        for _ in range(length):
            key = self._value(depth - 1)
            if not isinstance(key, str):
                raise self._error("encoding.map-key", "A key of a map is not a str")
            if last is not None and key <= last:
                if key in result:
                    raise self._error("encoding.duplicate-key", "A map has a key twice")
                raise self._error("encoding.map-order", "The keys of a map are not in ascending order")
            result[key] = self._value(depth - 1)
            last = key
        return result

    def _text(self, length: int) -> str:
        try:
            return self._take(length).decode()
        except UnicodeDecodeError as error:
            raise self._error("encoding.utf8", "A text is not well-formed UTF-8") from error

    def _enter(self, depth: int) -> None:
        if depth == 0:
            raise self._error(
                "encoding.too-deep", f"More than {self.depth} arrays and maps are inside one another"
            )

    def _claim(self, items: int) -> None:
        """Count `items` values about to be read, before anything is kept of them."""
        if items > self.items_left:
            raise self._error("encoding.too-many-items", "There are more values than allowed")
        if items > len(self.data) - self.position:
            raise self._error("encoding.truncated", "The data end within a value")
        self.items_left -= items

    def _number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def _take(self, length: int) -> bytes:
        start = self.position
        end = start + length
        if end > len(self.data):
            raise self._error("encoding.truncated", "The data end within a value")
        self.position = end
        return self.data[start:end]

    def _error(self, rule: str, what: str) -> FormatError:
        return FormatError(rule, f"{what} (before byte {self.position} of {len(self.data)}).")


_CONSTANTS: Final[dict[int, bool | None]] = {0xC0: None, 0xC2: False, 0xC3: True}

_INTEGERS: Final = {
    # tag: (bytes, signed, and the range that has a shorter form)
    0xCC: (1, False, 0, 0x7F),
    0xCD: (2, False, 0, 0xFF),
    0xCE: (4, False, 0, 0xFFFF),
    0xCF: (8, False, 0, 0xFFFF_FFFF),
    0xD0: (1, True, -0x20, 0x7F),
    0xD1: (2, True, -0x80, 0xFF),
    0xD2: (4, True, -0x8000, 0xFFFF),
    0xD3: (8, True, -0x8000_0000, 0xFFFF_FFFF),
}

_LENGTHS: Final = {
    # tag: (what, bytes of the length, and the smallest length that has no shorter form)
    0xC4: ("bin", 1, 0),
    0xC5: ("bin", 2, 0x100),
    0xC6: ("bin", 4, 0x1_0000),
    0xD9: ("str", 1, 0x20),
    0xDA: ("str", 2, 0x100),
    0xDB: ("str", 4, 0x1_0000),
    0xDC: ("array", 2, 0x10),
    0xDD: ("array", 4, 0x1_0000),
    0xDE: ("map", 2, 0x10),
    0xDF: ("map", 4, 0x1_0000),
}
