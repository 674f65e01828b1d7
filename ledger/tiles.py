"""The log as static files: C2SP tlog-tiles, and proofs made from them.

Rules (c2sp.org/tlog-tiles):

* A tile is up to 256 consecutive hashes of one level, concatenated; the tile at level L holds the roots of
  complete subtrees of 256**L leaves. A full tile never changes; a partial one, at the right edge, is a prefix
  of what it becomes.
* A tile's place in a tree follows from the size of the tree alone: `tile_width`. Empty tiles do not exist.
* An entry bundle holds the leaves of one level-0 tile, each behind its length in two bytes, big-endian. A
  records bundle (this project's own, beside it under the same numbers) holds for each leaf a count in two
  bytes and that many items, each behind its length in two bytes: the records of an entry, the proposer's
  signature of a header.
* Proofs name the nodes they need first, then read each tile once.

Not here: files, HTTP and databases (a `TileSource` reads for us), and the truth of what is read: a proof made
from wrong tiles does not verify, and that is how it is found. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from ledger.errors import FormatError
from ledger.hashing import HASH_SIZE, pair_hashes
from ledger.merkle import (
    MAX_SIZE,
    CompactRange,
    Node,
    check_size,
    consistency_nodes,
    fold,
    inclusion_nodes,
    range_nodes,
)

TILE_HEIGHT: Final = 8
"""Levels of the tree in one tile."""

TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""Hashes in a full tile, and leaves in a full bundle."""

MAX_ITEM_BYTES: Final = 0xFFFF
"""Longest leaf or record in a bundle, in bytes: its length is written in two bytes."""

MAX_ITEMS: Final = 0xFFFF
"""Most items beside one leaf in a records bundle: their count is written in two bytes."""

_MAX_TILE_LEVEL: Final = 63

Level: TypeAlias = int | Literal["entries", "records"]
"""What a path names before the number: a level of hash tiles, or a kind of bundle."""


_BUNDLES: Final[dict[str, Level]] = {"entries": "entries", "records": "records"}


class TilePath(NamedTuple):
    """What a tile's path says: level or kind, number within it, and width in hashes (256: a full tile)."""

    level: Level
    n: int
    width: int


class TileSource(Protocol):
    """Where tiles are read from."""

    def tile(self, level: int, n: int, width: int) -> bytes:
        """Return the first `width` hashes of tile `n` of `level`, concatenated: exactly 32 × `width` bytes.

        A source that has only a wider tile (the tree has grown since) gives the front part of that.
        """
        ...


# --- paths --------------------------------------------------------------------------------------------------


class AtSize:
    """The hash tiles of a source whose log has `size` leaves, asked for as wide as they are there, and cut."""

    def __init__(self, source: TileSource, size: int) -> None:
        self._source = source
        self._size = size

    def tile(self, level: int, n: int, width: int) -> bytes:
        """The first `width` hashes of a tile."""
        return self._source.tile(level, n, max(width, tile_width(level, n, self._size)))[: width * HASH_SIZE]


def tile_path(level: Level, n: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile or bundle below the log's prefix, without a slash at the front.

    `tile/0/x001/x234/067` is tile 1,234,067 of level 0, `tile/entries/000.p/12` a bundle of 12 leaves. Raises
    FormatError (`tiles.path`) for what has no path.
    """
    if level not in _BUNDLES and not (type(level) is int and 0 <= level <= _MAX_TILE_LEVEL):
        raise FormatError("tiles.path", "A level is a number from 0 to 63, or entries, or records.")
    if type(n) is not int or not 0 <= n <= MAX_SIZE // TILE_WIDTH:
        raise FormatError("tiles.path", "The number of the tile is out of range.")
    if type(width) is not int or not 1 <= width <= TILE_WIDTH:
        raise FormatError("tiles.path", f"A tile is 1 to {TILE_WIDTH} wide.")
    digits = str(n)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    number = "".join(f"x{group}/" for group in groups[:-1]) + groups[-1]
    suffix = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{number}{suffix}"


def parse_tile_path(path: str) -> TilePath:
    """Return what `path` (below the log's prefix, no slash at the front) names.

    Strict: only the one spelling that `tile_path` gives. Raises FormatError (`tiles.path`).
    """
    error = FormatError("tiles.path", "This is not the path of a tile.")
    head, _, rest = path.partition("/")
    name, _, rest = rest.partition("/")
    number, partial, width = rest.partition(".p/")
    groups = number.split("/")
    if head != "tile" or not all(group[:1] == "x" for group in groups[:-1]):
        raise error
    digits = "".join(group.removeprefix("x") for group in groups)
    # The lengths are limited before numbers are made of them; the spelling is checked as a whole below.
    if not (_is_decimal(digits, 18) and (not partial or _is_decimal(width, 3))):
        raise error
    level = _BUNDLES.get(name)
    if level is None:
        if not _is_decimal(name, 2):
            raise error
        level = int(name)
    result = TilePath(level, int(digits), int(width) if partial else TILE_WIDTH)
    if tile_path(*result) != path:
        raise error
    return result


def _is_decimal(text: str, most: int) -> bool:
    return 1 <= len(text) <= most and text.isascii() and text.isdigit()


# --- which tiles there are ----------------------------------------------------------------------------------


def tile_width(level: Level, n: int, size: int) -> int:
    """Return how many hashes (or leaves, for bundles) tile `n` of `level` has in a tree of `size` leaves; 0 if none."""
    height = TILE_HEIGHT * level if isinstance(level, int) else 0
    return max(0, min(TILE_WIDTH, (size >> height) - n * TILE_WIDTH))


def tiles(size: int) -> Iterator[TilePath]:
    """Yield all hash tiles of a tree of `size` leaves, full and partial, level by level from the leaves up.

    The bundles of the same tree have the numbers and widths of level 0. Raises VerificationError
    (`proof.size`).
    """
    check_size(size)
    level, count = 0, size
    while count:
        for n in range(-(-count // TILE_WIDTH)):
            yield TilePath(level, n, min(TILE_WIDTH, count - n * TILE_WIDTH))
        level, count = level + 1, count // TILE_WIDTH


def new_tiles(
    old_size: int, leaf_hashes: Sequence[bytes], read_tile: Callable[[int, int, int], bytes]
) -> dict[tuple[int, int], bytes]:
    """Return the tiles to write when `leaf_hashes` are appended to a tree of `old_size` leaves.

    Keys are (level, n), values the whole new content, full or partial. `read_tile(level, n, width)` is asked
    for the partial tiles at the old tree's right edge that grow, and for nothing else: at most one a level.
    Raises FormatError (`tiles.length`) if one is not as long as it must be, VerificationError (`proof.size`)
    for a size out of range.
    """
    check_size(old_size)
    check_size(old_size + len(leaf_hashes))
    written: dict[tuple[int, int], bytes] = {}
    level, count, added = 0, old_size, list(leaf_hashes)
    while added:
        first, width = divmod(count, TILE_WIDTH)
        if width:
            added = [*_split(read_tile(level, first, width), width), *added]
        for start in range(0, len(added), TILE_WIDTH):
            key = (level, first + start // TILE_WIDTH)
            written[key] = b"".join(added[start : start + TILE_WIDTH])
        # The tiles that are full now, and were not, each give one hash to the level above. (The rest would fall away
        # on the way up, but not before it was hashed for nothing.)
        added = added[: len(added) // TILE_WIDTH * TILE_WIDTH]
        for _ in range(TILE_HEIGHT):
            added = pair_hashes(added)
        level, count = level + 1, first
    return written


def _check_length(tile: bytes, width: int) -> None:
    if len(tile) != width * HASH_SIZE:
        detail = f"A tile of {width} hashes has {len(tile)} bytes, not {width * HASH_SIZE}."
        raise FormatError("tiles.length", detail)


def _split(tile: bytes, width: int) -> list[bytes]:
    _check_length(tile, width)
    return [tile[start : start + HASH_SIZE] for start in range(0, len(tile), HASH_SIZE)]


# --- proofs from tiles --------------------------------------------------------------------------------------


def inclusion_proof(source: TileSource, index: int, size: int) -> list[bytes]:
    """Return the inclusion proof of leaf `index` in the tree of `size` leaves (RFC 9162 §2.1.3.1), leaf
    upwards.

    Raises VerificationError (`proof.index`, `proof.size`) if there is no such leaf, FormatError
    (`tiles.length`) if the source gives a tile of another length, and what the source raises.
    """
    return _folded(source, size, inclusion_nodes(index, size))


def consistency_proof(source: TileSource, size1: int, size2: int) -> list[bytes]:
    """Return the proof that the tree of `size2` leaves extends the one of `size1` (RFC 9162 §2.1.4.1).

    Raises VerificationError (`proof.size`), FormatError (`tiles.length`), and what the source raises.
    """
    return _folded(source, size2, consistency_nodes(size1, size2))


def compact_range(source: TileSource, size: int) -> CompactRange:
    """Return the tree of `size` leaves as a CompactRange, to append to. Raises as `root` does."""
    check_size(size)
    nodes = range_nodes(0, size)
    hashes = _read_nodes(source, size, nodes)
    return CompactRange(size, tuple(hashes[node] for node in nodes))


def root(source: TileSource, size: int) -> bytes:
    """Return the 32-byte root of the tree of `size` leaves (RFC 9162 §2.1.1).

    Raises VerificationError (`proof.size`), FormatError (`tiles.length`), and what the source raises.
    """
    return compact_range(source, size).root()


def _folded(source: TileSource, size: int, groups: Sequence[tuple[Node, ...]]) -> list[bytes]:
    """Return one hash for each group of nodes, all read together."""
    hashes = _read_nodes(source, size, [node for group in groups for node in group])
    return [fold([hashes[node] for node in group]) for group in groups]


def _read_nodes(source: TileSource, size: int, nodes: Iterable[Node]) -> dict[Node, bytes]:
    """Return the hashes of `nodes` in the tree of `size` leaves; each tile is read once, in ascending order."""
    wanted: dict[tuple[int, int], list[tuple[Node, int, int]]] = {}
    for node in nodes:
        level, index = node
        tile_level, above = divmod(level, TILE_HEIGHT)
        n, start = divmod(index << above, TILE_WIDTH)
        wanted.setdefault((tile_level, n), []).append((node, above, start >> above))
    hashes: dict[Node, bytes] = {}
    for (tile_level, n), places in sorted(wanted.items(), key=lambda item: item[0]):
        width = tile_width(tile_level, n, size)
        tile = source.tile(tile_level, n, width)
        _check_length(tile, width)
        levels = _subtrees(tile)
        for node, above, place in places:
            hashes[node] = levels[above][place]
    return hashes


# Whoever makes many proofs asks for the same tiles over and over. What is cached follows from the bytes alone; a tile with
# all its subtrees takes about 60 kB.
@lru_cache(maxsize=64)
def _subtrees(tile: bytes) -> list[list[bytes]]:
    """Return the hashes of a tile's complete subtrees, level by level from its own hashes on."""
    levels = [_split(tile, len(tile) // HASH_SIZE)]
    while len(levels) <= TILE_HEIGHT:
        levels.append(pair_hashes(levels[-1]))
    return levels


# --- bundles ------------------------------------------------------------------------------------------------


def encode_entry_bundle(leaves: Sequence[bytes]) -> bytes:
    """Return the entry bundle of 1 to 256 `leaves` (their data, not their hashes).

    Raises FormatError (`tiles.bundle-width`, `tiles.item-length`) for more or fewer, or a leaf above 65,535
    bytes.
    """
    _check_bundle_width(len(leaves))
    # A bundle is made for every 256 leaves of an audit, and nearly all leaves have one of two lengths.
    lengths = {length: _length(length) for length in set(map(len, leaves))}
    before = map(lengths.__getitem__, map(len, leaves))
    return b"".join(chain.from_iterable(zip(before, leaves, strict=True)))


def decode_entry_bundle(data: bytes, width: int | None = None) -> list[bytes]:
    """Return the leaves of an entry bundle; with `width`, refuse it unless it has exactly so many.

    Raises FormatError (`tiles.truncated`, `tiles.bundle-width`); bytes that follow the last leaf are refused
    too.
    """
    reader = _BundleReader(data)
    most = TILE_WIDTH if width is None else width
    leaves: list[bytes] = []
    while reader.more() and len(leaves) < most:
        leaves += reader.items(1)
    reader.end()
    _check_bundle_width(len(leaves), width)
    return leaves


def encode_records_bundle(records: Sequence[Sequence[bytes]]) -> bytes:
    """Return the records bundle of 1 to 256 leaves, given the items beside each.

    Raises FormatError (`tiles.bundle-width`, `tiles.item-count`, `tiles.item-length`) for more leaves or
    none, more than 65,535 items beside a leaf, or an item above 65,535 bytes.
    """
    _check_bundle_width(len(records))
    parts: list[bytes] = []
    for items in records:
        if len(items) > MAX_ITEMS:
            raise FormatError("tiles.item-count", f"A leaf has {len(items)} items, more than {MAX_ITEMS}.")
        parts.append(len(items).to_bytes(2, "big"))
        parts += [_lengthed(item) for item in items]
    return b"".join(parts)


def decode_records_bundle(data: bytes, width: int | None = None) -> list[list[bytes]]:
    """Return the items beside each leaf of a records bundle; with `width`, refuse it unless it has exactly so
    many leaves.

    Raises FormatError (`tiles.truncated`, `tiles.bundle-width`); bytes that follow the last item are refused
    too.
    """
    reader = _BundleReader(data)
    most = TILE_WIDTH if width is None else width
    records: list[list[bytes]] = []
    while reader.more() and len(records) < most:
        records.append(reader.items(reader.number()))
    reader.end()
    _check_bundle_width(len(records), width)
    return records


class _BundleReader:
    """Reads a bundle front to back; never past its end."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def more(self) -> bool:
        """Tell whether anything is left."""
        return self.position < len(self.data)

    def number(self) -> int:
        """Return the next two bytes as a number."""
        end = self.position + 2
        if end > len(self.data):
            raise _truncated()
        number = int.from_bytes(self.data[self.position : end], "big")
        self.position = end
        return number

    def items(self, count: int) -> list[bytes]:
        """Return the next `count` items. An audit spends much of its time here, hence no call for each."""
        data, position, size = self.data, self.position, len(self.data)
        items: list[bytes] = []
        for _ in range(count):
            start = position + 2
            if start > size:
                raise _truncated()
            position = start + (data[position] << 8 | data[position + 1])
            if position > size:
                raise _truncated()
            items.append(data[start:position])
        self.position = position
        return items

    def end(self) -> None:
        """Refuse bytes that nothing has read."""
        if self.more():
            left = len(self.data) - self.position
            raise FormatError("tiles.bundle-width", f"{left} bytes follow the last leaf of the bundle.")


def _truncated() -> FormatError:
    return FormatError("tiles.truncated", "The bundle ends within a leaf or item.")


def _lengthed(item: bytes) -> bytes:
    return _length(len(item)) + item


def _length(length: int) -> bytes:
    if length > MAX_ITEM_BYTES:
        detail = f"An item of {length} bytes is longer than {MAX_ITEM_BYTES}."
        raise FormatError("tiles.item-length", detail)
    return length.to_bytes(2, "big")


def _check_bundle_width(leaves: int, width: int | None = None) -> None:
    if not 1 <= leaves <= TILE_WIDTH or (width is not None and leaves != width):
        expected = f"1 to {TILE_WIDTH}" if width is None else str(width)
        raise FormatError("tiles.bundle-width", f"The bundle has {leaves} leaves, not {expected}.")
