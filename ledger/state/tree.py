"""Changing the state tree: a block's rows go in together, and each page they touch is written once.

Rules:

* The changes are taken in order of their key hashes, whatever order they come in: the result is a function of the old
  tree and the set of changes.
* Rows are inserted or replaced. Nothing is deleted, here or anywhere: the chain has no rule that would.
* The tree that is changed must be the one with the root that the caller names.

Not here: the rows themselves (the caller stores a row under its key hash), and reading proofs (`ledger.state.proof`).
No I/O beyond the page source.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

from ledger.errors import FormatError, StoreCorruptError
from ledger.hashing import HASH_SIZE
from ledger.state.nodes import EMPTY, RECORD_SIZE, leaf_records, subtree_hash
from ledger.state.pages import (
    BODY,
    BRANCH_PAGE,
    DIGITS,
    FULL,
    LEAF_TAG,
    MAX_LEAVES,
    QUARTERS,
    PageSource,
    branch_page,
    leaf_page,
    nibble_of,
    page_path,
    read_page,
    records_of,
    slot_weight,
    top_of,
    with_slots,
)


@dataclass(frozen=True, slots=True)
class Update:
    """The tree after a change: its root, and by page path the pages to write. No page is ever to be deleted."""

    root: bytes
    pages: dict[bytes, bytes]
    inserted: int
    """Rows that the tree did not have before; the others were replaced."""


def update(pages: PageSource, root: bytes, changes: Mapping[bytes, bytes]) -> Update:
    """Set rows (key -> value, neither empty) in the tree whose root is `root`, which `pages` gives the pages of.

    `pages` is only read, and not at all if `root` is the empty tree's. Memory is in proportion to the changes; a tree
    is built from all its rows by some calls of, say, 100,000 rows. Raises FormatError (`state.empty`), and
    StoreCorruptError (`state.page-missing`, `page-malformed`, `root`) if the pages are not those of `root`.
    """
    if not all(changes) or not all(changes.values()):
        raise FormatError("state.empty", "A row of the state has an empty key or an empty value.")
    return update_records(pages, root, sorted(leaf_records(changes.items())))


def update_records(pages: PageSource, root: bytes, records: list[bytes]) -> Update:
    """`update` for whoever has the rows hashed already: `records` are their leaf records, ascending, one for each key.

    Raises StoreCorruptError as `update`.
    """
    if not records:
        return Update(root, {}, 0)
    if root != EMPTY and top_of(read_page(pages, b""))[0] != root:
        raise StoreCorruptError(
            "state.root", f"The pages of the state tree do not lead to the root {root.hex()}."
        )
    batch = _Batch(pages, records)
    node, _ = batch.change(b"", 0, len(records), 0 if root == EMPTY else 2)
    return Update(node, batch.written, batch.inserted)


class _Batch:
    """The records of one change, ascending, and the pages that follow from them."""

    __slots__ = ("inserted", "pages", "records", "written")

    def __init__(self, pages: PageSource, records: list[bytes]) -> None:
        self.pages = pages
        self.records = records
        self.inserted = 0
        self.written: dict[bytes, bytes] = {}

    def change(self, prefix: bytes, start: int, end: int, weight: int) -> tuple[bytes, int]:
        """Put `records[start:end]`, at least one, under the prefix they share; return its new (hash, weight).

        `weight` is what the tree has there now: if that is nothing, the page source is not asked.
        """
        if not weight:
            self.inserted += end - start
            return self._build(prefix, self.records[start:end])
        page = read_page(self.pages, prefix)
        if page[0] == BRANCH_PAGE:
            page = self._branch(page, prefix, start, end)
        elif len(page) + RECORD_SIZE * (end - start) <= FULL:
            size = len(page)
            page = _with_records(page, self.records[start:end], len(prefix))
            self.inserted += (len(page) - size) // RECORD_SIZE
        else:
            before = records_of(page)
            merged = _merged(before, self.records[start:end])
            self.inserted += len(merged) - len(before)
            return self._build(prefix, merged)
        self.written[page_path(prefix)] = page
        return top_of(page)

    def _branch(self, page: bytes, prefix: bytes, start: int, end: int) -> bytes:
        """Return a branch page after the change of each slot that has some of `records[start:end]`."""
        records = self.records
        byte, shift = len(prefix) >> 1, 0 if len(prefix) & 1 else 4
        changes = []
        last = records[end - 1][byte] >> shift & 15
        while start < end:
            nibble = records[start][byte] >> shift & 15
            if nibble == last:
                stop = end
            else:
                stop = start + 1
                while records[stop][byte] >> shift & 15 == nibble:
                    stop += 1
            child = self.change(prefix + DIGITS[nibble], start, stop, slot_weight(page, nibble))
            changes.append((nibble, child))
            start = stop
        return with_slots(page, changes)

    def _build(self, prefix: bytes, records: list[bytes]) -> tuple[bytes, int]:
        """Write the pages of a prefix that has exactly `records`, whatever was there before."""
        depth = len(prefix)
        if len(records) <= MAX_LEAVES:
            page = leaf_page(records, depth)
        else:
            children: list[list[bytes]] = [[] for _ in range(16)]
            for record in records:
                children[nibble_of(record, depth)].append(record)
            page = branch_page(
                [
                    self._build(prefix + DIGITS[nibble], child) if child else (EMPTY, 0)
                    for nibble, child in enumerate(children)
                ]
            )
        self.written[page_path(prefix)] = page
        return top_of(page)


def _with_records(page: bytes, records: list[bytes], depth: int) -> bytes:
    """Return a leaf page that has room for them all, with ascending `records` put in or replaced.

    The commonest change by far, so it leaves alone the quarters that none of them is in.
    """
    byte, shift = depth >> 1, 2 if depth & 1 else 6
    counts = bytearray(page[1:QUARTERS])
    nodes: list[bytes] = []
    bodies: list[bytes] = []
    last = records[-1][byte] >> shift & 3
    here = BODY
    start = 0
    for quarter in range(4):
        after = here + RECORD_SIZE * counts[quarter]
        stop = start
        if quarter == last:
            stop = len(records)
        elif quarter < last:
            while records[stop][byte] >> shift & 3 == quarter:
                stop += 1
        if start == stop:
            at = QUARTERS + HASH_SIZE * quarter
            nodes.append(page[at : at + HASH_SIZE])
            bodies.append(page[here:after])
        else:
            merged = _merged(
                [page[at : at + RECORD_SIZE] for at in range(here, after, RECORD_SIZE)], records[start:stop]
            )
            counts[quarter] = len(merged)
            nodes.append(subtree_hash(merged, 4 * depth + 2))
            bodies += merged
        here, start = after, stop
    return b"".join((LEAF_TAG, counts, *nodes, *bodies))


def _merged(records: list[bytes], others: list[bytes]) -> list[bytes]:
    """Return all of both, ascending; where two have the same key hash, that of `others`."""
    if len(others) == 1:
        key_hash = others[0][:HASH_SIZE]
        index = bisect_left(records, key_hash)
        is_replaced = index < len(records) and records[index].startswith(key_hash)
        return [*records[:index], *others, *records[index + is_replaced :]]
    found = {record[:HASH_SIZE]: record for record in records}
    found.update((record[:HASH_SIZE], record) for record in others)
    return sorted(found.values())
