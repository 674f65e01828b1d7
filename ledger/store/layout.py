"""Which row of the database holds what: every key, in one table.

Rules: a key is one byte for the kind and then what tells rows of that kind apart. Numbers are 8 bytes, big-endian,
so that the order of keys is the order of numbers. Values marked `[…]` are in the canonical encoding; the others are
bare bytes.

| key                            | value                                     | from    |
|--------------------------------|-------------------------------------------|---------|
| `b` height                     | first index, entry count: 8 bytes each    | source  |
| `c` tree size                  | root of the log at that size, 32 bytes    | derived |
| `e`                            | engine height in the head, 8 bytes: only  | source  |
|                                | while it is above the last header's       |         |
| `f`                            | `["sogoc ledger", store format version]`  | source  |
| `h`                            | the head: see `ledger.store.values.Head`  | source  |
| `i` lookup key                 | lookup value                              | derived |
| `k` id of a cosigning key      | `[size, root]` it last meant to sign      | source  |
| `l` log index                  | leaf: genesis, entry or header            | source  |
| `m`                            | `[count, largest size]` of the `n` rows   | source  |
| `n` tree size                  | checkpoint of that size with signatures   | source  |
| `p` path                       | page of the state tree                    | derived |
| `q`                            | `[beginning, last prefix]`: only while a  | source  |
|                                | snapshot is received (`from_snapshot`)    |         |
| `r` log index                  | records of that leaf, as a bundle item    | source  |
| `s` SHA-256 of the state key   | `[state key, state value]`                | derived |
| `t` level (1 byte), tile index | hashes of the tile, as many as there are  | derived |
| `v` tree size                  | state proofs of a change of validators:   | derived |
|                                | `[of the set, of the set before]`         |         |

Derived rows follow from source rows: `ledger.store.rebuild` makes them again. Bundles of entries and records are
put together from the `l` and `r` rows when they are asked for. A header's leaf is an `l` row like the others, and
the proposer's signature is the one record of that leaf. Tiles only grow, so a narrower tile is the beginning of the
stored one.

Keys `00` and `ff` belong to `ledger.store.database`.
"""

from __future__ import annotations

from typing import Final

FORMAT_NAME: Final = "sogoc ledger"
SNAPSHOT_FORMAT_NAME: Final = "sogoc ledger from a snapshot"
"""Of a store without what came before its first state (`ledger.store.from_snapshot`)."""
FORMAT_VERSION: Final = 1
"""Version of this table. It changes when a program that knows only the older one would read something wrong."""

BLOCK: Final = b"b"
CHECKPOINT: Final = b"c"
ENGINE: Final = b"e"
FORMAT: Final = b"f"
HEAD: Final = b"h"
LOOKUP: Final = b"i"
COSIGNED: Final = b"k"
LEAF: Final = b"l"
SIGNED_SUMMARY: Final = b"m"
SIGNED: Final = b"n"
STATE_PAGE: Final = b"p"
ARRIVING: Final = b"q"
RECORDS: Final = b"r"
STATE_ROW: Final = b"s"
TILE: Final = b"t"
VALIDATOR_CHANGE: Final = b"v"

BLOCK_ROW_SIZE: Final = 16

COPIED: Final = (COSIGNED, ENGINE, SIGNED_SUMMARY, SIGNED)
"""Rows that a rebuild takes over as they are: what was signed, and how far the engine went on, which nothing else tells."""


def numbered(kind: bytes, number: int) -> bytes:
    """Key of the row of `kind` for a height, an index or a size."""
    return kind + number.to_bytes(8, "big")


def block_row(first_index: int, entry_count: int) -> bytes:
    """Value of a block's row: not in the canonical encoding, since a search by index reads a score of them."""
    return first_index.to_bytes(8, "big") + entry_count.to_bytes(8, "big")


def engine_row(engine_height: int, of_last_block: int) -> bytes | None:
    """Value of the row `ENGINE`; None where there must be none, since the last header says the same as the head."""
    return engine_height.to_bytes(8, "big") if engine_height > of_last_block else None


def number_of(key: bytes) -> int:
    """The number in a key made by `numbered`."""
    return int.from_bytes(key[1:], "big")


def tile_key(level: int, n: int) -> bytes:
    """Key of tile `n` of `level`, whatever its width."""
    return TILE + bytes((level,)) + n.to_bytes(8, "big")
