"""Many contents for a vault in one request: a certificate's claims are small, and a synced write costs the same for all.

Rules: a batch is the canonical encoding of `[[item, content], …]`, each item 32 bytes and named once. It is signed as a whole,
by its SHA-256, and kept as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.encoding import decode, encode
from ledger.errors import FormatError
from node.vault.store import ITEM_SIZE

MAX_BATCH_ITEMS: Final = 4_096
"""Items in one batch: as many as one entry has records."""
MAX_BATCH_BYTES: Final = 8_000_000
"""Bytes of a batch."""


def batch_of(items: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The bytes of a batch."""
    return encode([[item, content] for item, content in items])


def parse_batch(data: bytes) -> list[tuple[bytes, bytes]]:
    """Read a batch. Raises FormatError (`vault.batch`, `encoding.*`)."""
    value = decode(data, max_bytes=MAX_BATCH_BYTES, max_items=3 * MAX_BATCH_ITEMS + 1)
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_BATCH_ITEMS:
        raise FormatError("vault.batch", f"a batch has from 1 to {MAX_BATCH_ITEMS} items")
    found: dict[bytes, bytes] = {}
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2:
            raise FormatError("vault.batch", "a batch is a list of [item, content]")
        item, content = pair
        if not isinstance(item, bytes) or len(item) != ITEM_SIZE or not isinstance(content, bytes):
            raise FormatError("vault.batch", f"an item is {ITEM_SIZE} bytes, and a content is bytes")
        if item in found:
            raise FormatError("vault.batch", "an item stands twice in a batch")
        found[item] = content
    return list(found.items())
