"""`ledger.tiles`: paths and shapes as C2SP tlog-tiles has them, and the same proofs from tiles as from leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import hashing, merkle, proofs, tiles
from ledger.errors import FormatError, VerificationError
from tests import reference

T = TypeVar("T")

LEAVES = [n.to_bytes(3, "big") for n in range(1_000)]
HASHES = hashing.leaf_hashes(LEAVES)
# Three levels of tiles, so two crossings from one to the next: too many for the recursive twin.
MANY = [hashing.sha256(n.to_bytes(3, "big")) for n in range(66_000)]


def refused(attempt: object, *arguments: object) -> str:
    assert callable(attempt)
    with pytest.raises(FormatError) as caught:
        attempt(*arguments)
    return caught.value.rule


class Memory:
    """Tiles in a dictionary, kept as a log keeps them, with a count of what is read."""

    def __init__(self) -> None:
        self.size = 0
        self.stored: dict[tuple[int, int], bytes] = {}
        self.reads: Counter[tuple[int, int]] = Counter()

    def tile(self, level: int, n: int, width: int) -> bytes:
        self.reads[level, n] += 1
        assert 1 <= width <= 256
        return self.stored[level, n][: width * 32]

    def append(self, hashes: list[bytes]) -> dict[tuple[int, int], bytes]:
        written = tiles.new_tiles(self.size, hashes, self.tile)
        self.stored.update(written)
        self.size += len(hashes)
        return written


@pytest.fixture(scope="module")
def grown() -> Memory:
    memory = Memory()
    memory.append(MANY)
    return memory


# --- paths ------------------------------------------------------------------------------------------------------------

PATHS: dict[str, tuple[tiles.Level, int, int]] = {
    "tile/0/000": (0, 0, 256),
    "tile/0/x001/x234/067": (0, 1_234_067, 256),  # the example of the specification
    "tile/0/x001/x234/067.p/12": (0, 1_234_067, 12),
    "tile/2/999.p/1": (2, 999, 1),
    "tile/1/x001/000.p/255": (1, 1_000, 255),
    "tile/63/000": (63, 0, 256),
    "tile/entries/x123/456": ("entries", 123_456, 256),
    "tile/entries/000.p/7": ("entries", 0, 7),
    "tile/records/x001/x000/000": ("records", 1_000_000, 256),
    "tile/0/x036/x028/x797/x018/x963/967": (0, 2**55 - 1, 256),
}


@pytest.mark.parametrize("path", PATHS)
def test_paths(path: str) -> None:
    assert tiles.tile_path(*PATHS[path]) == path
    assert tiles.parse_tile_path(path) == PATHS[path]


@given(
    st.integers(0, 63) | st.sampled_from(["entries", "records"]),
    st.integers(0, 2**55 - 1) | st.integers(0, 2_000),
    st.integers(1, 256),
)
def test_paths_there_and_back(level: tiles.Level, n: int, width: int) -> None:
    assert tiles.parse_tile_path(tiles.tile_path(level, n, width)) == (level, n, width)


NO_PATHS = [
    "",
    "tile",
    "tile/",
    "tile/0",
    "tile/0/",
    "/tile/0/000",
    "tiles/0/000",
    "Tile/0/000",
    "tile/0/0",
    "tile/0/0000",
    "tile/0/x000/000",
    "tile/0/000/000",
    "tile/0/x001",
    "tile/0/x001/x002",
    "tile/0/x001/02",
    "tile/0/x001/002/",
    "tile/0/X001/002",
    "tile/0/x-01/002",
    "tile/0/-01",
    "tile/0/+01",
    "tile/0/ 01",
    "tile/0/0_1",
    "tile/0/٠٠١",
    "tile/0/00²",
    "tile/00/000",
    "tile/64/000",
    "tile/100/000",
    "tile/-1/000",
    "tile/٣/000",
    "tile/entry/000",
    "tile/ENTRIES/000",
    "tile/0/000.p",
    "tile/0/000.p/",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/0/000.p/-1",
    "tile/0/000.p/1/",
    "tile/0/000.p/1.p/1",
    "tile/0/000.P/1",
    "tile/0/000p/1",
    "tile/0/000\n",
    "tile/0/../000",
    "tile/0/x036/x028/x797/x018/x963/968",
    "tile/0/" + "x999/" * 2000 + "999",
    "tile/0/000.p/" + "9" * 10_000,
    "tile/" + "9" * 10_000 + "/000",
]


@pytest.mark.parametrize("path", NO_PATHS, ids=lambda path: path[:40])
def test_another_spelling_is_no_path(path: str) -> None:
    assert refused(tiles.parse_tile_path, path) == "tiles.path"


@given(st.text(alphabet="tile/0123456789x.pentrsco", max_size=30).map("tile/".__add__))
def test_what_is_taken_for_a_path_is_spelt_that_way(path: str) -> None:
    try:
        parsed = tiles.parse_tile_path(path)
    except FormatError:
        return
    assert tiles.tile_path(*parsed) == path


@pytest.mark.parametrize(
    "place",
    [
        (-1, 0, 1),
        (64, 0, 1),
        (True, 0, 1),
        ("entry", 0, 1),
        (0, -1, 1),
        (0, 2**55, 1),
        (0, True, 1),
        (0, 0, 0),
        (0, 0, 257),
        (0, 0, True),
    ],
)
def test_what_has_no_path(place: tuple[object, object, object]) -> None:
    assert refused(tiles.tile_path, *place) == "tiles.path"


# --- which tiles there are --------------------------------------------------------------------------------------------


def test_the_examples_of_the_specification() -> None:
    """70,000 leaves: 273 full tiles of level 0 and one of 112, one of level 1 and one of 17, one of level 2 with 1."""
    shape = Counter((tile.level, tile.width) for tile in tiles.tiles(70_000))
    assert shape == {(0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1}
    assert list(tiles.tiles(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(tiles.tiles(0)) == []
    assert list(tiles.tiles(1)) == [(0, 0, 1)]


@given(st.integers(0, 200_000))
def test_widths_agree_with_the_list_of_tiles(size: int) -> None:
    listed = list(tiles.tiles(size))
    assert len({(level, n) for level, n, _ in listed}) == len(listed)
    for level, n, width in listed:
        assert tiles.tile_width(level, n, size) == width
        assert tiles.tile_width(level, n + 1, size) in (
            0,
            *(w for at, m, w in listed if (at, m) == (level, n + 1)),
        )
    past = max((level for level, _, _ in listed if isinstance(level, int)), default=-1) + 1
    assert tiles.tile_width(past, 0, size) == 0
    assert tiles.tile_width("entries", 0, size) == tiles.tile_width("records", 0, size) == min(256, size)


@pytest.mark.parametrize("size", [-1, True, 2**63])
def test_sizes_out_of_range(size: int, grown: Memory) -> None:
    for attempt in (
        lambda: list(tiles.tiles(size)),
        lambda: tiles.root(grown, size),
        lambda: tiles.inclusion_proof(grown, 0, size),
        lambda: tiles.consistency_proof(grown, 1, size),
        lambda: tiles.new_tiles(size, [bytes(32)], grown.tile),
    ):
        with pytest.raises(VerificationError) as caught:
            attempt()
        assert caught.value.rule == "proof.size"


# --- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 768, 1000])
def test_tiles_as_defined(size: int) -> None:
    memory = Memory()
    memory.append(HASHES[:size])
    assert set(memory.stored) == {(level, n) for level, n, _ in tiles.tiles(size)}
    for (level, n), content in memory.stored.items():
        assert content == reference.tile(LEAVES[:size], level, n)


@given(st.lists(st.integers(0, 1_000), max_size=8))
def test_appending_in_steps_is_appending_at_once(cuts: list[int]) -> None:
    memory, at_once = Memory(), Memory()
    for end in sorted(cuts):
        old = dict(memory.stored)
        memory.reads.clear()
        written = memory.append(HASHES[memory.size : end])
        at_once = Memory()
        at_once.append(HASHES[:end])
        assert memory.stored == at_once.stored
        # Only what changes is written, and full tiles never change.
        assert all(old.get(key) != content for key, content in written.items())
        assert all(len(old.get(key, b"")) < 8192 for key in written)
        # Only partial tiles that grow are read, each once.
        assert all(count == 1 and key in written and key in old for key, count in memory.reads.items())


def test_crossing_into_a_third_level(grown: Memory) -> None:
    memory = Memory()
    for start, end in ((0, 65_535), (65_535, 65_536), (65_536, 65_537), (65_537, 66_000)):
        memory.append(MANY[start:end])
    assert memory.stored == grown.stored
    assert memory.stored[2, 0] == merkle.root_of_hashes(MANY[:65_536])


def test_a_stored_tile_of_the_wrong_length_is_refused() -> None:
    for wrong in (b"", bytes(31), bytes(32), bytes(96), bytes(65)):
        assert refused(tiles.new_tiles, 2, [bytes(32)], lambda *_, wrong=wrong: wrong) == "tiles.length"


# --- proofs -----------------------------------------------------------------------------------------------------------


@given(st.data())
def test_proofs_from_tiles_are_the_proofs_from_leaves(grown: Memory, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    size1 = data.draw(st.integers(1, size))
    memory = Memory()
    memory.append(HASHES)
    assert tiles.root(memory, size) == reference.mth(LEAVES[:size])
    assert tiles.inclusion_proof(memory, index, size) == reference.path(index, LEAVES[:size])
    assert tiles.consistency_proof(memory, size1, size) == reference.proof(size1, LEAVES[:size])


@given(st.data())
def test_proofs_across_levels_hold_and_read_each_tile_once(grown: Memory, data: st.DataObject) -> None:
    sizes = st.integers(1, len(MANY)) | st.sampled_from([255, 256, 257, 65_535, 65_536, 65_537, 66_000])
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    size1 = data.draw(sizes.filter(lambda other: other <= size))
    root = merkle.root_of_hashes(MANY[:size])
    grown.reads.clear()
    path = tiles.inclusion_proof(grown, index, size)
    # One tile a level on the way up, and one a level at the right edge.
    assert max(grown.reads.values(), default=1) == 1
    assert grown.reads.total() <= 6
    proofs.verify_inclusion(MANY[index], index, size, path, root)
    grown.reads.clear()
    proof = tiles.consistency_proof(grown, size1, size)
    assert max(grown.reads.values(), default=1) == 1
    assert grown.reads.total() <= 6
    proofs.verify_consistency(size1, size, proof, merkle.root_of_hashes(MANY[:size1]), root)


@given(st.integers(0, 66_000))
def test_a_tree_goes_on_from_its_tiles(grown: Memory, size: int) -> None:
    tree = tiles.compact_range(grown, size)
    assert tree == merkle.CompactRange().extend(MANY[:size])
    assert tiles.root(grown, size) == tree.root() == merkle.root_of_hashes(MANY[:size])


def test_the_ends_of_proofs(grown: Memory) -> None:
    grown.reads.clear()
    assert tiles.root(grown, 0) == hashing.EMPTY_ROOT
    assert tiles.inclusion_proof(grown, 0, 1) == []
    assert tiles.consistency_proof(grown, 0, 1000) == tiles.consistency_proof(grown, 1000, 1000) == []
    assert not grown.reads


@pytest.mark.parametrize("wrong", [b"", bytes(8191), bytes(8193), bytes(32)], ids=len)
def test_a_source_that_gives_another_length_is_refused(wrong: bytes) -> None:
    class Short:
        def tile(self, level: int, n: int, width: int) -> bytes:
            del level, n, width
            return wrong

    assert refused(tiles.inclusion_proof, Short(), 3, 256) == "tiles.length"
    assert refused(tiles.root, Short(), 512) == "tiles.length"


def test_no_proof_for_a_leaf_that_is_not_there(grown: Memory) -> None:
    for index in (-1, 1000, True):
        with pytest.raises(VerificationError) as caught:
            tiles.inclusion_proof(grown, index, 1000)
        assert caught.value.rule == "proof.index"
    with pytest.raises(VerificationError) as caught:
        tiles.consistency_proof(grown, 1001, 1000)
    assert caught.value.rule == "proof.size"


# --- bundles ----------------------------------------------------------------------------------------------------------

ITEMS = st.binary(max_size=12) | st.sampled_from([bytes(65_535), bytes(256)])
ENTRIES = st.lists(ITEMS, min_size=1, max_size=20)
RECORDS = st.lists(st.lists(ITEMS, max_size=6), min_size=1, max_size=10)


def test_bundles_byte_by_byte() -> None:
    assert tiles.encode_entry_bundle([b"ab", b"", b"c"]) == b"\x00\x02ab\x00\x00\x00\x01c"
    assert (
        tiles.encode_records_bundle([[b"ab", b"c"], [], [b""]])
        == b"\x00\x02\x00\x02ab\x00\x01c\x00\x00\x00\x01\x00\x00"
    )


@given(ENTRIES)
def test_entry_bundles_there_and_back(leaves: list[bytes]) -> None:
    data = tiles.encode_entry_bundle(leaves)
    assert tiles.decode_entry_bundle(data) == tiles.decode_entry_bundle(data, len(leaves)) == leaves


@given(RECORDS)
def test_records_bundles_there_and_back(records: list[list[bytes]]) -> None:
    data = tiles.encode_records_bundle(records)
    assert tiles.decode_records_bundle(data) == tiles.decode_records_bundle(data, len(records)) == records


@given(ENTRIES, RECORDS, st.binary(min_size=1, max_size=4))
def test_a_bundle_has_exactly_its_width(leaves: list[bytes], records: list[list[bytes]], more: bytes) -> None:
    for decode, data, width in (
        (tiles.decode_entry_bundle, tiles.encode_entry_bundle(leaves), len(leaves)),
        (tiles.decode_records_bundle, tiles.encode_records_bundle(records), len(records)),
    ):
        assert refused(decode, data, width + 1) == "tiles.bundle-width"
        assert refused(decode, data, width - 1) == "tiles.bundle-width"
        assert refused(decode, data + more, width) == "tiles.bundle-width"
        for cut in {1, 2, len(data) // 2}:
            assert refused(decode, data[:-cut], width) in ("tiles.truncated", "tiles.bundle-width")


@given(st.binary(max_size=30))
def test_bundles_of_noise(data: bytes) -> None:
    def again(decode: Callable[[bytes], T], encode: Callable[[T], bytes]) -> None:
        try:
            content = decode(data)
        except FormatError as error:
            rule = error.rule
        else:
            assert encode(content) == data
            return
        assert rule in ("tiles.truncated", "tiles.bundle-width")

    again(tiles.decode_entry_bundle, tiles.encode_entry_bundle)
    again(tiles.decode_records_bundle, tiles.encode_records_bundle)


def test_widths_of_bundles() -> None:
    full = tiles.encode_entry_bundle([b"x"] * 256)
    assert tiles.decode_entry_bundle(full) == tiles.decode_entry_bundle(full, 256) == [b"x"] * 256
    full = tiles.encode_records_bundle([[]] * 256)
    assert tiles.decode_records_bundle(full) == [[]] * 256
    for attempt, wrong in (
        (tiles.encode_entry_bundle, []),
        (tiles.encode_entry_bundle, [b"x"] * 257),
        (tiles.encode_records_bundle, []),
        (tiles.encode_records_bundle, [[]] * 257),
        (tiles.decode_entry_bundle, b""),
        (tiles.decode_entry_bundle, b"\x00\x00" * 257),
        (tiles.decode_records_bundle, b""),
        (tiles.decode_records_bundle, b"\x00\x00" * 257),
    ):
        assert refused(attempt, wrong) == "tiles.bundle-width"
    for decode in (tiles.decode_entry_bundle, tiles.decode_records_bundle):
        assert refused(decode, b"", 0) == "tiles.bundle-width"
        assert refused(decode, b"\x00\x00" * 257, 257) == "tiles.bundle-width"


def test_what_a_bundle_cannot_hold() -> None:
    assert refused(tiles.encode_entry_bundle, [bytes(65_536)]) == "tiles.item-length"
    assert refused(tiles.encode_records_bundle, [[bytes(65_536)]]) == "tiles.item-length"
    assert refused(tiles.encode_records_bundle, [[b""] * 65_536]) == "tiles.item-count"
    many = [[b""] * 65_535]
    assert tiles.decode_records_bundle(tiles.encode_records_bundle(many)) == many


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x01", b"\x00\x01a\x00", b"\xff\xffabc"])
def test_a_bundle_that_ends_early(data: bytes) -> None:
    assert refused(tiles.decode_entry_bundle, data) == "tiles.truncated"
    assert refused(tiles.decode_records_bundle, b"\x00\x05" + data) == "tiles.truncated"
    assert refused(tiles.decode_records_bundle, b"\x00\x00" + data[:1]) == "tiles.truncated"
