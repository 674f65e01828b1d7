"""The paged state tree against its definition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import FormatError, StoreCorruptError
from ledger.state import EMPTY_STATE_ROOT, leaf_record, leaf_records, tree, update
from ledger.state.pages import page_path
from ledger.state.walk import neighbours, walk
from tests.reference_state import ReferenceState, path_of, root_of, sha256, way_to


class Pages(dict[bytes, bytes]):
    """A page source that takes what an update gives."""

    def page(self, path: bytes) -> bytes | None:
        return self.get(path)


class NoPages:
    """A page source that must not be asked."""

    def page(self, path: bytes) -> bytes | None:
        raise AssertionError(path)


def apply(pages: Pages, root: bytes, changes: Mapping[bytes, bytes]) -> bytes:
    done = update(pages, root, changes)
    pages.update(done.pages)
    return done.root


def rows(start: int, stop: int, value: bytes = b"value") -> dict[bytes, bytes]:
    return {b"key %d" % number: value for number in range(start, stop)}


# Few keys, so that batches replace each other's rows; many enough to split leaf pages.
KEYS = st.integers(0, 400).map(lambda number: b"key %d" % number)
VALUES = st.binary(min_size=1, max_size=3)
BATCHES = st.lists(st.dictionaries(KEYS, VALUES, max_size=120), max_size=6)


@given(BATCHES)
def test_every_root_is_the_definitions(batches: list[dict[bytes, bytes]]) -> None:
    reference, pages, root = ReferenceState(), Pages(), EMPTY_STATE_ROOT
    assert root == reference.root()
    for batch in batches:
        root = apply(pages, root, batch)
        reference.update(batch)
        assert root == reference.root()


@given(
    st.dictionaries(KEYS, VALUES, min_size=1, max_size=200),
    st.randoms(use_true_random=False),
    st.integers(1, 9),
)
def test_neither_order_nor_batches_leave_a_trace(
    content: dict[bytes, bytes], random: object, parts: int
) -> None:
    at_once = Pages()
    root = apply(at_once, EMPTY_STATE_ROOT, content)
    items = list(content.items())
    random.shuffle(items)  # type: ignore[attr-defined]  # Hypothesis does not say that it is a random.Random
    bit_by_bit = Pages()
    # Rows that are replaced later on must not be seen in the end either.
    partial = apply(bit_by_bit, EMPTY_STATE_ROOT, dict.fromkeys(content, b"old"))
    for part in range(parts):
        partial = apply(bit_by_bit, partial, dict(items[part::parts]))
    assert partial == root
    assert bit_by_bit == at_once


def test_thousands_of_rows_in_batches_of_every_size() -> None:
    reference, pages, root = ReferenceState(), Pages(), EMPTY_STATE_ROOT
    for start, stop in (
        (0, 1),
        (1, 2),
        (2, 30),
        (30, 34),
        (34, 900),
        (900, 901),
        (880, 1000),
        (0, 3),
        (0, 5000),
    ):
        changes = rows(start, stop, b"%d" % stop)
        root = apply(pages, root, changes)
        reference.update(changes)
        assert root == reference.root()
    at_once = Pages()
    assert apply(at_once, EMPTY_STATE_ROOT, reference.rows) == root
    assert at_once == pages


def test_the_first_rows_by_hand() -> None:
    one = sha256(b"\x00" + sha256(b"a") + sha256(b"1"))
    two = sha256(b"\x00" + sha256(b"b") + sha256(b"2"))
    # SHA-256 of `a` begins with the bits 110, of `b` with 001: they part at the root.
    assert apply(Pages(), EMPTY_STATE_ROOT, {b"a": b"1"}) == one
    assert apply(Pages(), EMPTY_STATE_ROOT, {b"a": b"1", b"b": b"2"}) == sha256(b"\x01" + two + one)
    assert sha256(b"a")[0] >> 5 == 0b110
    assert sha256(b"b")[0] >> 5 == 0b001


@given(st.integers(0, 3000), st.integers(1, 40))
@settings(max_examples=20)
def test_only_pages_above_a_change_are_written(start: int, count: int) -> None:
    pages = Pages()
    root = apply(pages, EMPTY_STATE_ROOT, rows(0, 3000))
    changes = rows(start, start + count, b"new")
    above = {page_path(sha256(key).hex()[:depth].encode()) for key in changes for depth in range(65)}
    before = dict(pages)
    done = update(pages, root, changes)
    assert dict(pages) == before
    inserted = start + count > 3000
    # A new row may split a leaf page; what comes below it then is its new siblings' too.
    assert inserted or set(done.pages) <= above
    assert all(path in above or path not in before for path in done.pages)


def test_setting_the_same_values_again_changes_nothing() -> None:
    pages = Pages()
    root = apply(pages, EMPTY_STATE_ROOT, rows(0, 300))
    done = update(pages, root, rows(10, 200))
    assert done.root == root
    assert done.pages.items() <= pages.items()


def test_no_change_reads_and_writes_nothing() -> None:
    done = update(NoPages(), b"\x07" * 32, {})
    assert (done.root, done.pages) == (b"\x07" * 32, {})


def test_a_page_that_a_prefix_cannot_have_is_not_asked_for() -> None:
    apply_to_nothing = update(NoPages(), EMPTY_STATE_ROOT, rows(0, 100))
    assert page_path(b"") in apply_to_nothing.pages


def test_a_leaf_page_splits_when_it_is_full() -> None:
    # Row by row, since a single change takes a way of its own.
    pages, root = Pages(), EMPTY_STATE_ROOT
    for count in range(1, 120):
        root = apply(pages, root, rows(count - 1, count))
        at_once = Pages()
        assert apply(at_once, EMPTY_STATE_ROOT, rows(0, count)) == root
        assert pages == at_once
        assert (len(pages) > 1) == (count > 32)


def test_the_bytes_of_a_leaf_page() -> None:
    leaves = {key: sha256(b"\x00" + sha256(key) + sha256(b"1")) for key in (b"a", b"b", b"c")}
    # Their hashes begin with 110 (a), 0011 (b), 0010 (c): two in the first quarter, one in the last.
    pair = sha256(b"\x01" + leaves[b"c"] + leaves[b"b"])
    pages = Pages()
    apply(pages, EMPTY_STATE_ROOT, dict.fromkeys(leaves, b"1"))
    quarters = sha256(b"\x01" + EMPTY_STATE_ROOT + pair) + EMPTY_STATE_ROOT * 2 + leaves[b"a"]
    records = b"".join(sha256(key) + leaves[key] for key in (b"c", b"b", b"a"))
    assert pages == {b"\x00": b"\x00" + b"\x02\x00\x00\x01" + quarters + records}


def test_the_bytes_of_a_branch_page() -> None:
    reference, pages = ReferenceState(rows(0, 60)), Pages()
    apply(pages, EMPTY_STATE_ROOT, reference.rows)
    page = pages[b"\x00"]
    leaves = reference.leaves()
    under = {prefix: [leaf for leaf in leaves if leaf[0].startswith(prefix)] for prefix in PREFIXES}
    weights = "".join(f"{min(2, len(under[prefix])):02b}" for prefix in PREFIXES if len(prefix) == 4)
    quarters = b"".join(root_of(under[prefix], 2) for prefix in PREFIXES if len(prefix) == 2)
    slots = b"".join(root_of(under[prefix], 4) for prefix in PREFIXES if len(prefix) == 4)
    assert page == b"\x01" + int(weights, 2).to_bytes(4, "big") + quarters + slots
    taken = {f"{int(prefix, 2):x}" for prefix in PREFIXES if len(prefix) == 4 and under[prefix]}
    assert set(pages) == {b"\x00", *(b"\x01" + digit.encode() for digit in taken)}


PREFIXES = [f"{number:0{length}b}" for length in (2, 4) for number in range(2**length)]


@pytest.mark.parametrize("changes", [{b"": b"value"}, {b"key": b""}, {b"a": b"b", b"key": b""}])
def test_empty_keys_and_values_are_refused(changes: dict[bytes, bytes]) -> None:
    with pytest.raises(FormatError) as caught:
        update(Pages(), EMPTY_STATE_ROOT, changes)
    assert caught.value.rule == "state.empty"


def test_pages_of_another_root_are_refused() -> None:
    pages = Pages()
    root = apply(pages, EMPTY_STATE_ROOT, rows(0, 100))
    newer = apply(pages, root, rows(7, 8, b"new"))
    assert newer != root
    with pytest.raises(StoreCorruptError) as caught:
        update(pages, root, rows(0, 1))
    assert caught.value.rule == "state.root"


def test_a_lost_page_is_never_taken_for_an_empty_one() -> None:
    pages = Pages()
    root = apply(pages, EMPTY_STATE_ROOT, rows(0, 1000))
    assert max(map(len, pages)) >= 3
    for path in sorted(pages)[::5]:
        page = pages.pop(path)
        with pytest.raises(StoreCorruptError) as caught:
            update(pages, root, rows(0, 1000, b"new"))
        assert caught.value.rule == "state.page-missing"
        pages[path] = page


@pytest.mark.parametrize(
    "damage",
    [
        lambda page: b"",
        lambda page: page[:-1],
        lambda page: page + b"\x00",
        lambda page: page[:-64],
        lambda page: page + page[-64:],
        lambda page: b"\x02" + page[1:],
        lambda page: page[:133],
    ],
)
@pytest.mark.parametrize("count", [20, 100])
def test_a_damaged_page_is_refused(count: int, damage: object) -> None:
    pages = Pages()
    root = apply(pages, EMPTY_STATE_ROOT, rows(0, count))
    pages[page_path(b"")] = damage(pages[page_path(b"")])  # type: ignore[operator]  # one of the lambdas above
    with pytest.raises(StoreCorruptError) as caught:
        update(pages, root, rows(0, 1))
    assert caught.value.rule == "state.page-malformed"


# SHA-256 spreads paths evenly; whoever grinds keys does not. Here the paths themselves are chosen, in clusters that agree
# for many bits.


@given(st.lists(st.tuples(st.binary(max_size=70), st.binary(max_size=200)), max_size=5))
def test_many_leaf_records_are_those_of_each(rows: list[tuple[bytes, bytes]]) -> None:
    assert leaf_records(rows) == [leaf_record(key, value) for key, value in rows]
    assert leaf_records(rows) == [
        sha256(key) + sha256(b"\0" + sha256(key) + sha256(value)) for key, value in rows
    ]


def given_hashes(rows: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    return [key + sha256(key + value) for key, value in rows]


@contextmanager
def keys_are_paths() -> Iterator[None]:
    """Take a 32-byte key as its own hash."""
    with mock.patch.object(tree, "leaf_records", given_hashes):
        yield


CLUSTER = st.builds(
    lambda stem, length, tails: [(stem[:length] + tail + bytes(32))[:32] for tail in tails],
    st.binary(min_size=31, max_size=31),
    st.integers(0, 31),
    st.lists(st.binary(min_size=1, max_size=2), max_size=50),
)
PATHS = st.lists(CLUSTER, min_size=1, max_size=4).map(
    lambda clusters: list({path for one in clusters for path in one})
)


@given(PATHS, PATHS)
def test_crowded_paths(first: list[bytes], second: list[bytes]) -> None:
    with keys_are_paths():
        pages = Pages()
        root = apply(pages, EMPTY_STATE_ROOT, dict.fromkeys(first, b"1"))
        root = apply(pages, root, dict.fromkeys(second, b"2"))
        leaves = [(path_of(path), sha256(path + b"1")) for path in set(first) - set(second)]
        leaves += [(path_of(path), sha256(path + b"2")) for path in second]
        assert root == root_of(leaves)
        at_once = Pages()
        apply(at_once, EMPTY_STATE_ROOT, {**dict.fromkeys(first, b"1"), **dict.fromkeys(second, b"2")})
        assert pages == at_once


@given(PATHS, PATHS)
def test_ways_and_neighbours_on_crowded_paths(present: list[bytes], asked: list[bytes]) -> None:
    with keys_are_paths():
        pages = Pages()
        root = apply(pages, EMPTY_STATE_ROOT, dict.fromkeys(present, b"1"))
    leaves = [(path_of(path), sha256(path + b"1")) for path in present]
    for path in [*present[:5], *asked[:10]]:
        way = walk(pages, root, path)
        siblings, end = way_to(path_of(path), leaves)
        assert list(way.siblings) == siblings
        assert (None if way.record is None else (path_of(way.record[:32]), way.record[32:])) == end
        if path not in present:
            below = max((one for one in present if one < path), default=None)
            above = min((one for one in present if one > path), default=None)
            assert neighbours(pages, root, path) == (below, above)


def test_two_paths_that_part_at_the_last_bit() -> None:
    with keys_are_paths():
        paths = [b"\x55" * 31 + b"\x54", b"\x55" * 32]
        pages = Pages()
        root = apply(pages, EMPTY_STATE_ROOT, dict.fromkeys(paths, b"1"))
        root = apply(pages, root, {paths[1]: b"2"})
    leaves = [(path_of(paths[0]), sha256(paths[0] + b"1")), (path_of(paths[1]), sha256(paths[1] + b"2"))]
    assert root == root_of(leaves)
    assert len(walk(pages, root, paths[0]).siblings) == 256
