"""Reading the state tree: the way from the root towards a path, and a path's neighbours.

Rules:

* A way ends at the first subtree with fewer than two leaves: at a leaf, which may be another's, or at nothing.
* On the way, every page that the one above says is there must be there.

Not here: rows, verdicts. What is returned is as the pages have it; `ledger.state.proof` compares it with the root.
No I/O beyond the page source.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.hashing import HASH_SIZE
from ledger.state.nodes import EMPTY, bit_of, join, subtree_hash
from ledger.state.pages import BRANCH_PAGE, DIGITS, PageSource, nibble_of, read_page, records_of, slots_of


@dataclass(frozen=True, slots=True)
class Way:
    """The hashes of the siblings from the root downwards, and the leaf record at the end, or None at an empty place."""

    siblings: tuple[bytes, ...]
    record: bytes | None


def walk(pages: PageSource, root: bytes, key_hash: bytes) -> Way:
    """Return the way from the root towards a 32-byte key hash. Raises StoreCorruptError as `read_page` does."""
    siblings: list[bytes] = []
    if root == EMPTY:
        return Way((), None)
    prefix = b""
    while True:
        page = read_page(pages, prefix)
        if page[0] != BRANCH_PAGE:
            return _walk_leaf_page(records_of(page), siblings, key_hash)
        levels = [slots_of(page)]
        while len(levels[-1]) > 2:
            below = levels[-1]
            levels.append([join(below[at], below[at + 1]) for at in range(0, len(below), 2)])
        nibble = nibble_of(key_hash, len(prefix))
        for shift in (3, 2, 1, 0):
            here = nibble >> shift
            siblings.append(levels[shift][here ^ 1][0])
            weight = levels[shift][here][1]
            if weight == 0:
                return Way(tuple(siblings), None)
            if weight == 1:
                slots = range(here << shift, (here + 1) << shift)
                only = next(slot for slot in slots if levels[0][slot][1])
                return Way(tuple(siblings), _end_record(pages, prefix + DIGITS[only], 0))
        prefix += DIGITS[nibble]


def _walk_leaf_page(records: list[bytes], siblings: list[bytes], key_hash: bytes) -> Way:
    """Finish a way that has come to a leaf page with `records`."""
    depth = len(siblings)
    while len(records) > 1:
        sides: tuple[list[bytes], list[bytes]] = ([], [])
        for record in records:
            sides[bit_of(record, depth)].append(record)
        bit = bit_of(key_hash, depth)
        depth += 1
        siblings.append(subtree_hash(sides[1 - bit], depth))
        records = sides[bit]
    return Way(tuple(siblings), records[0] if records else None)


def neighbours(pages: PageSource, root: bytes, key_hash: bytes) -> tuple[bytes | None, bytes | None]:
    """Return the nearest key hashes below and above one that is not in the tree, each None if there is none.

    Raises StoreCorruptError as `read_page` does.
    """
    if root == EMPTY:
        return None, None
    # The nearest subtrees beside the way, to be entered only if the last page of the way has nothing nearer.
    below: bytes | None = None
    above: bytes | None = None
    prefix = b""
    while True:
        page = read_page(pages, prefix)
        if page[0] != BRANCH_PAGE:
            records = records_of(page)
            smaller = [record[:HASH_SIZE] for record in records if record[:HASH_SIZE] < key_hash]
            larger = [record[:HASH_SIZE] for record in records if record[:HASH_SIZE] > key_hash]
            left = smaller[-1] if smaller else _end_key(pages, below, -1)
            return left, larger[0] if larger else _end_key(pages, above, 0)
        slots = slots_of(page)
        nibble = nibble_of(key_hash, len(prefix))
        below = next((prefix + DIGITS[slot] for slot in range(nibble - 1, -1, -1) if slots[slot][1]), below)
        above = next((prefix + DIGITS[slot] for slot in range(nibble + 1, 16) if slots[slot][1]), above)
        if not slots[nibble][1]:
            return _end_key(pages, below, -1), _end_key(pages, above, 0)
        prefix += DIGITS[nibble]


def _end_key(pages: PageSource, prefix: bytes | None, end: int) -> bytes | None:
    """Return the first (0) or last (-1) key hash under a prefix, or None for no prefix."""
    return None if prefix is None else _end_record(pages, prefix, end)[:HASH_SIZE]


def _end_record(pages: PageSource, prefix: bytes, end: int) -> bytes:
    """Return the first (0) or last (-1) leaf record under a prefix that has some."""
    page = read_page(pages, prefix)
    while page[0] == BRANCH_PAGE:
        taken = [nibble for nibble, (_, weight) in enumerate(slots_of(page)) if weight]
        prefix += DIGITS[taken[end]]
        page = read_page(pages, prefix)
    return records_of(page)[end]
