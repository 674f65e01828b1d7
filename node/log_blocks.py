"""Reading a log as the blocks that it is made of, from wherever its bundles lie.

Rules: a block is its entries and then its header, so bundles of leaves, and of the records beside them, are all it takes. One
bundle and one block are in memory at a time, and a block that is larger than any is not read to its end. Nothing that is read
is believed here: whoever asks checks it.

What this module does not do: fetch (`ledger.verify.sources`), judge, store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ledger.entry import HEADER_TAG, leaf_tag
from ledger.errors import FormatError
from ledger.genesis import Genesis, parse_genesis_leaf
from ledger.store.values import StoredBlock
from ledger.tiles import TILE_WIDTH, decode_entry_bundle, decode_records_bundle, tile_width
from ledger.verify.sources.base import LogSource

MAX_BLOCK_BYTES: Final = 16_000_000
"""Bytes of a block's leaves and records, each counted with something for holding it: more than any block has that an engine
makes, of 4 MiB and of records as small as they can be. It is as much as a block may have in a stream (`api.wire`).
"""
_HOLDING_BYTES: Final = 32


def read_genesis(source: LogSource, size: int) -> Genesis:
    """The genesis document: leaf 0 of a log of `size` leaves. Raises FormatError, CannotTellError."""
    width = tile_width("entries", 0, size)
    if width < 1:
        raise FormatError("log.empty", "an empty log has no genesis document")
    return parse_genesis_leaf(decode_entry_bundle(source.entry_bundle(0, width), width)[0])


def read_bundles(
    source: LogSource, start: int, size: int
) -> Iterator[tuple[int, list[bytes], list[list[bytes]]]]:
    """Leaves `start` to `size` in runs of at most 256: index of the first, the leaves, and the items beside each.

    Raises FormatError (`tiles.*`), and what `source` raises.
    """
    if start >= size:
        return
    for n in range(start // TILE_WIDTH, -(-size // TILE_WIDTH)):
        width = tile_width("entries", n, size)
        leaves = decode_entry_bundle(source.entry_bundle(n, width), width)
        records = decode_records_bundle(source.records_bundle(n, width), width)
        skipped = max(0, start - n * TILE_WIDTH)
        run = n * TILE_WIDTH + skipped, leaves[skipped:], records[skipped:]
        # Let go of each before the next one is fetched: a liar's may be as large as memory allows.
        del leaves, records
        yield run
        del run


def read_blocks(source: LogSource, height: int, start: int, size: int) -> Iterator[StoredBlock]:
    """The blocks of a log from leaf `start`, where the block at `height` begins, up to `size`; nothing in them is judged.

    Raises as `read_bundles`, and FormatError (`log.block`) if the log does not end with a header, or has a block that is too
    large.
    """
    leaves: list[bytes] = []
    records: list[tuple[bytes, ...]] = []
    held = 0
    first = start
    for leaf, items in _leaf_by_leaf(source, start, size):
        if leaf_tag(leaf) != HEADER_TAG:
            held += _bytes_to_hold(leaf, items)
            if held > MAX_BLOCK_BYTES:
                raise FormatError(
                    "log.block", f"block {height} has more than {MAX_BLOCK_BYTES} bytes: no block is as large"
                )
            leaves.append(leaf)
            records.append(tuple(items))
            continue
        if len(items) > 1:
            raise FormatError(
                "log.block", f"the header of block {height} has more than one signature beside it"
            )
        yield StoredBlock(height, leaf, items[0] if items else b"", first, tuple(leaves), tuple(records))
        first += len(leaves) + 1
        height += 1
        leaves, records, held = [], [], 0
    if leaves:
        raise FormatError("log.block", f"the log ends at size {size} in the middle of a block")


def _leaf_by_leaf(source: LogSource, start: int, size: int) -> Iterator[tuple[bytes, list[bytes]]]:
    for _, leaves, records in read_bundles(source, start, size):
        yield from zip(leaves, records, strict=True)
        del leaves, records


def _bytes_to_hold(leaf: bytes, items: Sequence[bytes]) -> int:
    return len(leaf) + sum(map(len, items)) + _HOLDING_BYTES * (1 + len(items))
