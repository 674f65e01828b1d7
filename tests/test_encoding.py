"""`ledger.encoding`: one form for every value, and a named rule for whatever is not of that form."""

from __future__ import annotations

import enum
import struct
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger import encoding
from ledger.encoding import MAX_INT, decode, encode
from ledger.errors import FormatError

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-MAX_INT, MAX_INT),
    st.integers(-300, 300),
    st.text(max_size=40),
    st.binary(max_size=40),
)
VALUES: st.SearchStrategy[encoding.Value] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20), st.dictionaries(st.text(max_size=6), inner, max_size=18)
    ),
    max_leaves=30,
)


def twin(value: encoding.Value) -> bytes:
    """The encoding as the msgpack specification's table of formats gives it, shortest first."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return twin_int(value)
    if isinstance(value, str):
        data = value.encode()
        return sized(len(data), (0xA0, 31), {"B": 0xD9, "H": 0xDA, "I": 0xDB}) + data
    if isinstance(value, bytes):
        return sized(len(value), None, {"B": 0xC4, "H": 0xC5, "I": 0xC6}) + value
    if isinstance(value, list):
        header = sized(len(value), (0x90, 15), {"H": 0xDC, "I": 0xDD})
        return header + b"".join(twin(item) for item in value)
    pairs = sorted((key.encode(), item) for key, item in value.items())
    header = sized(len(value), (0x80, 15), {"H": 0xDE, "I": 0xDF})
    return header + b"".join(twin(key.decode()) + twin(item) for key, item in pairs)


def twin_int(value: int) -> bytes:
    if -32 <= value <= 127:
        return struct.pack(">b", value)
    formats = {"B": 0xCC, "H": 0xCD, "I": 0xCE, "Q": 0xCF}
    if value < 0:
        formats = {"b": 0xD0, "h": 0xD1, "i": 0xD2, "q": 0xD3}
    for code, tag in formats.items():
        try:
            return bytes([tag]) + struct.pack(">" + code, value)
        except struct.error:
            continue
    raise ValueError(value)


def sized(length: int, fixed: tuple[int, int] | None, formats: dict[str, int]) -> bytes:
    if fixed and length <= fixed[1]:
        return bytes([fixed[0] | length])
    for code, tag in formats.items():
        try:
            return bytes([tag]) + struct.pack(">" + code, length)
        except struct.error:
            continue
    raise ValueError(length)


def strict(data: bytes) -> encoding.Value:
    """What the plain reader says, with the C decoder left out."""
    return encoding._Reader(data, encoding.MAX_DEPTH, encoding.MAX_ITEMS).read()


def refused(data: bytes, **limits: int) -> str:
    with pytest.raises(FormatError) as caught:
        decode(data, **limits)
    return caught.value.rule


# --- values that have a form ------------------------------------------------------------------------------------------


@given(VALUES)
def test_there_and_back(value: encoding.Value) -> None:
    data = encode(value)
    assert data == twin(value)
    assert decode(data) == strict(data) == value
    # == does not tell True from 1; the bytes do.
    assert encode(decode(data)) == encode(strict(data)) == data


@pytest.mark.parametrize("bits", range(54))
@pytest.mark.parametrize("sign", [1, -1])
def test_integers_at_every_power_of_two(bits: int, sign: int) -> None:
    for value in (sign * (2**bits - 1), sign * 2**bits, sign * (2**bits + 1)):
        if abs(value) <= MAX_INT:
            assert encode(value) == twin(value)
            assert decode(encode(value)) == strict(encode(value)) == value
        else:
            with pytest.raises(FormatError) as caught:
                encode(value)
            assert caught.value.rule == "encoding.int-range"


@pytest.mark.parametrize("length", [0, 1, 15, 16, 31, 32, 255, 256, 511, 512, 513, 65_535, 65_536])
def test_lengths_around_every_header(length: int) -> None:
    values: list[encoding.Value] = [
        "x" * length,
        b"x" * length,
        [None] * length,
        {f"{n:05}": n for n in range(length // 2)},
    ]
    for value in values:
        data = encode(value)
        assert data == twin(value)
        assert decode(data, max_items=200_000) == value


def test_worked_example() -> None:
    value: encoding.Value = {"số": 41, "khẩn": False, "tệp": [b"\x00\xff", None, -33, 300]}
    assert encode(value).hex(" ") == (
        "83 a6 6b 68 e1 ba a9 6e c2 a4 73 e1 bb 91 29 a5 74 e1 bb 87 70 94 c4 02 00 ff c0 d0 df cd 01 2c"
    )


@given(st.dictionaries(st.text(max_size=4), st.integers(0, 9), max_size=18), st.randoms())
def test_the_order_of_keys_given_does_not_matter(value: dict[str, int], random: object) -> None:
    shuffled = list(value.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    assert encode(dict(shuffled)) == encode(value)
    assert encode([1, {"z": dict(shuffled)}]) == encode([1, {"z": value}])


def test_keys_ascend_by_their_bytes_not_by_length_nor_utf16() -> None:
    # U+FFFD comes before U+1F4DC by code point and in UTF-8; in UTF-16 (JavaScript's order) it comes after.
    keys = ["", "B", "Z", "a", "aa", "b", "é", "\ufffd", "\U0001f4dc"]
    decoded = decode(encode(dict.fromkeys(reversed(keys))))
    assert isinstance(decoded, dict)
    assert list(decoded) == keys == sorted(keys, key=str.encode)


class Digest(bytes):
    """A subclass of bytes, as callers may have."""


def test_tuples_and_subclasses_of_bytes_are_taken() -> None:
    assert encode((1, (Digest(b"x"), ()))) == encode([1, [b"x", []]])
    assert encode({"a": Digest(b"x")}) == encode({"a": b"x"})
    assert encode(Digest(b"x")) == b"\xc4\x01x"


def test_data_may_come_in_another_buffer() -> None:
    data = encode([1, b"x"])
    assert decode(bytearray(data)) == decode(memoryview(data)) == [1, b"x"]  # type: ignore[arg-type]


# --- values that have none --------------------------------------------------------------------------------------------


class Colour(enum.IntEnum):
    RED = 1


class Name(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (1.0, "encoding.type"),
        (float("nan"), "encoding.type"),
        ({1}, "encoding.type"),
        (bytearray(b"x"), "encoding.type"),
        (memoryview(b"x"), "encoding.type"),
        (object(), "encoding.type"),
        (Colour.RED, "encoding.type"),
        (Name("x"), "encoding.type"),
        (range(3), "encoding.type"),
        (MAX_INT + 1, "encoding.int-range"),
        (-MAX_INT - 1, "encoding.int-range"),
        (2**64, "encoding.int-range"),
        pytest.param(10**5000, "encoding.int-range", id="too many digits to print"),
        ({1: 2}, "encoding.map-key"),
        ({b"x": 2}, "encoding.map-key"),
        ({"a": 1, None: 2}, "encoding.map-key"),
        ({Name("x"): 2}, "encoding.map-key"),
        ("\ud800", "encoding.utf8"),
        ({"\udfff": 1}, "encoding.utf8"),
    ],
)
def test_what_has_no_canonical_form(value: object, rule: str) -> None:
    for wrapped in (value, [value], {"a": [None, value]}, ({"b": 0, "a": value},)):
        with pytest.raises(FormatError) as caught:
            encode(wrapped)
        assert caught.value.rule == rule


def test_a_refusal_leaves_nothing_behind() -> None:
    """The packer is shared; the first part of a value that is then refused must not come out with the next."""
    expected = encode([b"next"])
    with pytest.raises(FormatError):
        encode([b"first" * 100, "\ud800"])
    assert encode([b"next"]) == expected


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_of_what_is_encoded() -> None:
    assert decode(encode(nested(16))) == nested(16)
    circle: list[object] = []
    circle.append(circle)
    for value in (nested(17), nested(900), circle, {"a": nested(16)}):
        with pytest.raises(FormatError) as caught:
            encode(value)
        assert caught.value.rule == "encoding.too-deep"


def test_many_threads_share_the_packer() -> None:
    values = [[n, b"x" * (n % 300), {"k": str(n)}] for n in range(3_000)]
    expected = [twin(value) for value in values]  # type: ignore[arg-type]  # list is invariant
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(encode, values)) == expected
        assert list(pool.map(decode, expected)) == values


# --- bytes that are not canonical -------------------------------------------------------------------------------------

NOT_CANONICAL = {
    "nothing": ("", "truncated"),
    "never used": ("c1", "reserved"),
    "float32": ("ca 3f800000", "float"),
    "float64": ("cb 3ff0000000000000", "float"),
    "float in an array": ("93 01 cb 0000000000000000 01", "float"),
    "fixext": ("d4 01 00", "ext"),
    "fixext 16": ("d8 01" + "00" * 16, "ext"),
    "ext8": ("c7 01 05 00", "ext"),
    "ext16": ("c8 0001 05 00", "ext"),
    "ext32": ("c9 00000001 05 00", "ext"),
    "timestamp 32": ("d6 ff 00000000", "ext"),
    "timestamp 96": ("c7 0c ff 00000000 0000000000000000", "ext"),
    "bad timestamp": ("c7 03 ff 000000", "ext"),
    "uint8 of a fixint": ("cc 7f", "int-not-shortest"),
    "uint16 of a byte": ("cd 00ff", "int-not-shortest"),
    "uint32 of two bytes": ("ce 0000ffff", "int-not-shortest"),
    "uint64 of four bytes": ("cf 00000000ffffffff", "int-not-shortest"),
    "int8 of a fixint": ("d0 e0", "int-not-shortest"),
    "int8 of 0": ("d0 00", "int-not-shortest"),
    "int16 of a byte": ("d1 ff80", "int-not-shortest"),
    "int32 of two bytes": ("d2 ffff8000", "int-not-shortest"),
    "int64 of four bytes": ("d3 ffffffff80000000", "int-not-shortest"),
    "positive in int16": ("d1 0100", "int-not-shortest"),
    "positive in int32": ("d2 00010000", "int-not-shortest"),
    "positive in int64": ("d3 0000000100000000", "int-not-shortest"),
    "2**53": ("cf 0020000000000000", "int-range"),
    "2**64-1": ("cf ffffffffffffffff", "int-range"),
    "-2**53": ("d3 ffe0000000000000", "int-range"),
    "-2**63": ("d3 8000000000000000", "int-range"),
    "str8 of fixstr": ("d9 1f" + "41" * 31, "str-not-shortest"),
    "str16 of str8": ("da 0020" + "41" * 32, "str-not-shortest"),
    "str32 of str16": ("db 00000100" + "41" * 256, "str-not-shortest"),
    "bin16 of bin8": ("c5 0001 00", "bin-not-shortest"),
    "bin32 of bin16": ("c6 00000100" + "00" * 256, "bin-not-shortest"),
    "array16 of fixarray": ("dc 0001 c0", "array-not-shortest"),
    "array32 of array16": ("dd 00000010" + "c0" * 16, "array-not-shortest"),
    "map16 of fixmap": ("de 0001 a161 c0", "map-not-shortest"),
    "map32 of map16": ("df 00000001 a161 c0", "map-not-shortest"),
    "keys out of order": ("82 a162 01 a161 02", "map-order"),
    "longer key first": ("82 a26161 01 a161 02", "map-order"),
    "key twice": ("82 a161 01 a161 01", "duplicate-key"),
    "key twice, apart": ("83 a161 01 a162 01 a161 01", "duplicate-key"),
    "int key": ("81 01 02", "map-key"),
    "bin key": ("81 c40161 02", "map-key"),
    "nil key": ("81 c0 02", "map-key"),
    "array key": ("81 90 02", "map-key"),
    "map key": ("81 80 02", "map-key"),
    "not UTF-8": ("a1 ff", "utf8"),
    "overlong NUL": ("a2 c080", "utf8"),
    "overlong slash": ("a3 e080af", "utf8"),
    "surrogate": ("a3 eda080", "utf8"),
    "surrogate pair": ("a6 eda080edb080", "utf8"),
    "above U+10FFFF": ("a4 f4908080", "utf8"),
    "cut in a character": ("a2 e1ba", "utf8"),
    "key not UTF-8": ("81 a1 ff 01", "utf8"),
    "two values": ("01 02", "trailing-bytes"),
    "a byte after an array": ("91 01 c0", "trailing-bytes"),
    "array short of an item": ("92 01", "truncated"),
    "map short of a value": ("82 a161 01 a162", "truncated"),
    "str cut": ("a3 6161", "truncated"),
    "bin cut": ("c4 05 00", "truncated"),
    "uint cut": ("cd 01", "truncated"),
    "length cut": ("dd 0000", "truncated"),
    "array of 2**32-1": ("dd ffffffff", "too-many-items"),
    "map of 2**32-1": ("df ffffffff", "too-many-items"),
    "array of 65,535": ("dc ffff c0", "truncated"),
    "array longer than what is left, seen before its items": ("dc ffff ca", "truncated"),
    "map longer than what is left, seen before its items": ("de 7fff ca", "truncated"),
    "str of 2**32-1": ("db ffffffff 41", "truncated"),
    "bin of 2**32-1": ("c6 ffffffff 41", "truncated"),
    "17 deep": ("91" * 16 + "90", "too-deep"),
    "map at depth 17": ("91" * 16 + "80", "too-deep"),
    "1,000 deep": ("91" * 1000 + "c0", "too-deep"),
    "100,000 deep": ("91" * 100_000 + "c0", "too-deep"),
}


@pytest.mark.parametrize("case", NOT_CANONICAL)
def test_not_canonical(case: str) -> None:
    text, rule = NOT_CANONICAL[case]
    assert refused(bytes.fromhex(text)) == f"encoding.{rule}"


@pytest.mark.parametrize(
    ("header", "length", "item", "kind"),
    [
        ("c5", 255, "00", "bin"),
        ("c6", 65_535, "00", "bin"),
        ("d9", 31, "41", "str"),
        ("da", 255, "41", "str"),
        ("db", 65_535, "41", "str"),
        ("dc", 15, "c0", "array"),
        ("dd", 65_535, "c0", "array"),
        ("de", 15, "", "map"),
        ("df", 65_535, "", "map"),
    ],
)
def test_the_longest_that_has_a_shorter_header(header: str, length: int, item: str, kind: str) -> None:
    size = {"c5": 2, "c6": 4, "d9": 1, "da": 2, "db": 4, "dc": 2, "dd": 4, "de": 2, "df": 4}[header]
    pairs = b"".join(encode(f"{n:05}") + b"\xc0" for n in range(length)) if kind == "map" else b""
    content = bytes.fromhex(item) * length + pairs
    data = bytes.fromhex(header) + length.to_bytes(size, "big") + content
    assert refused(data, max_items=1_000_000) == f"encoding.{kind}-not-shortest"
    # One more, and the header is the right one.
    more = encode("99999") + b"\xc0" if kind == "map" else bytes.fromhex(item)
    data = bytes.fromhex(header) + (length + 1).to_bytes(size, "big") + content + more
    assert encode(decode(data, max_items=1_000_000)) == data


@pytest.mark.parametrize("case", NOT_CANONICAL)
def test_not_canonical_inside_an_array(case: str) -> None:
    """Also where something valid stands before and after, so that the whole is of a fair length."""
    text, rule = NOT_CANONICAL[case]
    if rule not in ("truncated", "trailing-bytes", "too-many-items"):
        data = b"\x93" + encode("before") + bytes.fromhex(text) + encode("after")
        assert refused(data) == f"encoding.{rule}"


def rule_of(data: bytes) -> str | None:
    """Return the rule by which the plain reader refuses `data`; None if it does not."""
    try:
        strict(data)
    except FormatError as error:
        return error.rule
    return None


def agreed(data: bytes) -> None:
    """Whatever the bytes are: refused by both ways of reading under one rule, or the form of the value they give."""
    rule = rule_of(data)
    if rule:
        assert rule.startswith("encoding.")
        assert refused(data) == rule
    else:
        value = decode(data)
        assert encode(value) == encode(strict(data)) == data == twin(value)


@given(st.binary(max_size=60))
@example(b"\x81\xa0\xc0")
@example(b"\xdc\x02\x01" + b"\xc0" * 513)
def test_noise(data: bytes) -> None:
    agreed(data)


TAGS = st.sampled_from(range(0xC0, 0xE0)) | st.integers(0, 255)


@given(VALUES, st.data())
def test_every_change_of_a_byte(value: encoding.Value, data: st.DataObject) -> None:
    valid = encode(value)
    where = data.draw(st.integers(0, len(valid) - 1))
    tag = bytes([data.draw(TAGS)])
    agreed(valid[:where] + tag + valid[where + 1 :])
    agreed(valid[:where] + tag + valid[where:])
    agreed(valid[:where] + valid[where + 1 :])
    assert refused(valid[:where]).startswith("encoding.")
    assert refused(valid + tag) == "encoding.trailing-bytes"


# --- limits -----------------------------------------------------------------------------------------------------------


def test_limit_on_bytes() -> None:
    data = encode(b"x" * 98)
    assert len(data) == 100
    assert decode(data, max_bytes=100) == b"x" * 98
    assert refused(data, max_bytes=99) == "encoding.too-large"
    assert refused(bytes(1_000_001)) == "encoding.too-large"
    assert decode(encode(b"x" * 999_995)) == b"x" * 999_995


def test_limit_on_depth() -> None:
    assert decode(encode(nested(3)), max_depth=3) == nested(3)
    assert refused(encode(nested(3)), max_depth=2) == "encoding.too-deep"
    assert decode(b"\x01", max_depth=0) == 1
    assert refused(b"\x90", max_depth=0) == "encoding.too-deep"
    # The format's own limit cannot be raised by a caller.
    assert refused(b"\x91" * 16 + b"\x90", max_depth=100) == "encoding.too-deep"


def test_limit_on_items() -> None:
    data = encode([1, {"a": 2, "b": [3]}])  # eight: two arrays, a map, two keys, three numbers
    assert decode(data, max_items=8) == [1, {"a": 2, "b": [3]}]
    assert refused(data, max_items=7) == "encoding.too-many-items"
    assert refused(b"\xc0", max_items=0) == "encoding.too-many-items"
    assert refused(encode([None] * 100_000), max_items=100_000) == "encoding.too-many-items"
    assert decode(encode([None] * 99_999)) == [None] * 99_999


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit


MEGABYTE = 1_000_000
HOSTILE = {
    "array32 of 2**32-1": (b"\xdd\xff\xff\xff\xff", MEGABYTE),
    "map32 of 2**32-1": (b"\xdf\xff\xff\xff\xff", MEGABYTE),
    "bin32 of 2**32-1": (b"\xc6\xff\xff\xff\xff", MEGABYTE),
    "arrays in arrays, each as long as may be": (b"\xdc\xff\xff" * 333_000, 2 * MEGABYTE),
    "the same, where the C decoder goes first": (b"\xdc\x02\x00" * 33_000, 6 * MEGABYTE),
    "longer ones, which the C decoder must not make room for": (b"\xdc\x70\x00" * 33_000, 2 * MEGABYTE),
    "maps in maps": (b"\xde\xff\xff\xa0" * 200_000, 2 * MEGABYTE),
    "a million nils": (b"\xdd\x00\x0f\x3e\x58" + b"\xc0" * 999_000, MEGABYTE),
    "a million empty maps in small arrays": (
        b"\xdc\x02\x00" + (b"\x9f" + b"\x80" * 15) * 60_000,
        15 * MEGABYTE,
    ),
    "deep": (b"\x91" * 999_999, MEGABYTE),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_no_memory_is_spent_on_what_is_refused(case: str) -> None:
    data, limit = HOSTILE[case]
    with memory_below(limit):
        assert refused(data).startswith("encoding.")
