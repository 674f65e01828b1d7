"""The pages that the nodes of the state tree are stored in.

Rules:

* A page holds the four levels of the tree under a prefix of whole nibbles of the path. Its page path is the number of
  those nibbles as one byte, then the nibbles as ASCII in lower-case hexadecimal: 00 is the root's, 02 33 66 that of the
  paths beginning with 0x3f. Ordered by page path, the pages near the root, which every block reads, stand together.
* A prefix with 1 to 32 leaves has a *leaf page*: the leaf records of all of them, ascending, at whatever depth below.
* A prefix with more has a *branch page*: the hashes of the 16 subtrees that are one nibble longer (*slots*). Each of
  these that is not empty has a page of its own.
* Both keep the hashes of the four subtrees that are two bits longer (*quarters*), so that a changed leaf or slot costs
  its own quarter and three hashes more.
* What is in the pages follows from the rows alone, not from the order in which they came.

    leaf page    0x00 ‖ leaves in each quarter, 4 bytes            ‖ quarters, 4 × 32 ‖ leaf records, 64 each
    branch page  0x01 ‖ weights of the slots, 2 bits each, 4 bytes ‖ quarters, 4 × 32 ‖ slots, 16 × 32

The weight of a slot is 0 for none, 1 for one and 2 for more leaves; the first of four is in the two highest bits.

Not here: where pages are kept, and the rows themselves. Pages are trusted as far as the disk is: `read_page` finds a
missing or cut one; a changed hash is found by comparing the root. No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from ledger.errors import StoreCorruptError
from ledger.hashing import HASH_SIZE
from ledger.state.nodes import RECORD_SIZE, hash_four, join_four, subtree_hash

LEAF_TAG: Final = b"\x00"
"""First byte of a page that holds leaf records."""

BRANCH_PAGE: Final = 1
"""First byte of a page that holds the hashes of longer prefixes."""

MAX_LEAVES: Final = 32
"""Most leaves of a leaf page. Smaller pages would be more of them to read and write; larger ones cost more to hash."""

QUARTERS: Final = 5
"""Where in a page the hashes of its quarters begin."""

BODY: Final = QUARTERS + 4 * HASH_SIZE
"""Where in a page its leaf records or slots begin."""

FULL: Final = BODY + MAX_LEAVES * RECORD_SIZE
"""Bytes of a leaf page that takes no further leaf."""

_BRANCH_SIZE: Final = BODY + 16 * HASH_SIZE
_SHIFTS: Final = (6, 4, 2, 0) * 4  # of the weight of each slot within the byte of its quarter

_QUARTER_WEIGHT: Final = (
    bytes(min(2, count) for count in range(256)),
    bytes(min(2, sum(slots >> shift & 3 for shift in (0, 2, 4, 6))) for slots in range(256)),
)
"""By kind of page: the weight of a quarter, from its byte behind the first of the page."""

_LENGTHS: Final = [bytes([nibbles]) for nibbles in range(2 * HASH_SIZE + 1)]
DIGITS: Final = [b"%x" % nibble for nibble in range(16)]
"""The nibbles as they stand in a prefix."""


class PageSource(Protocol):
    """Read access to the pages of one state."""

    def page(self, path: bytes) -> bytes | None:
        """Return the page stored under a page path (1 to 65 bytes), or None if there is none."""


def page_path(prefix: bytes) -> bytes:
    """Return the page path of a prefix, given as hexadecimal digits."""
    return _LENGTHS[len(prefix)] + prefix


def read_page(pages: PageSource, prefix: bytes) -> bytes:
    """Return the page of a prefix that must have one, its shape checked.

    Raises StoreCorruptError (`state.page-missing`, `state.page-malformed`).
    """
    page = pages.page(page_path(prefix))
    if page is None:
        raise StoreCorruptError(
            "state.page-missing", f"The page {prefix.decode()!r} of the state tree is not there."
        )
    size = len(page)
    if page.startswith(LEAF_TAG):
        whole = BODY < size <= FULL and size == BODY + RECORD_SIZE * sum(page[1:QUARTERS])
    else:
        whole = page.startswith(b"\x01") and size == _BRANCH_SIZE
    if not whole:
        raise StoreCorruptError(
            "state.page-malformed", f"The page {prefix.decode()!r} of the state tree is damaged."
        )
    return page


def top_of(page: bytes) -> tuple[bytes, int]:
    """Return (hash, weight) of the subtree that a page holds."""
    weights = page[1:QUARTERS].translate(_QUARTER_WEIGHT[page[0]])
    if weights == b"\x02\x02\x02\x02":
        return hash_four(page[QUARTERS:BODY]), 2
    return join_four(page[QUARTERS:BODY], weights)


def nibble_of(key_hash: bytes, depth: int) -> int:
    """Return nibble `depth` (0 to 63) of a key hash, or of a leaf record."""
    return key_hash[depth >> 1] >> (0 if depth & 1 else 4) & 15


def records_of(page: bytes) -> list[bytes]:
    """Return the leaf records of a leaf page, ascending."""
    return [page[at : at + RECORD_SIZE] for at in range(BODY, len(page), RECORD_SIZE)]


def slot_weight(page: bytes, nibble: int) -> int:
    """Return the weight of a slot of a branch page."""
    return page[1 + (nibble >> 2)] >> _SHIFTS[nibble] & 3


def slots_of(page: bytes) -> list[tuple[bytes, int]]:
    """Return (hash, weight) of the sixteen slots of a branch page."""
    return [(page[BODY + 32 * nibble :][:HASH_SIZE], slot_weight(page, nibble)) for nibble in range(16)]


def leaf_page(records: Sequence[bytes], depth: int) -> bytes:
    """Return the leaf page of 1 to 32 ascending records whose paths share `depth` nibbles."""
    quarters: tuple[list[bytes], ...] = ([], [], [], [])
    byte, shift = depth >> 1, 2 if depth & 1 else 6
    for record in records:
        quarters[record[byte] >> shift & 3].append(record)
    hashes = [subtree_hash(quarter, 4 * depth + 2) for quarter in quarters]
    return b"".join((LEAF_TAG, bytes(map(len, quarters)), *hashes, *records))


def branch_page(slots: Sequence[tuple[bytes, int]]) -> bytes:
    """Return the branch page of sixteen slots, each (hash, weight)."""
    page = bytearray(_BRANCH_SIZE)
    page[0] = BRANCH_PAGE
    return with_slots(page, list(enumerate(slots)))


def with_slots(page: bytes | bytearray, changes: Sequence[tuple[int, tuple[bytes, int]]]) -> bytes:
    """Return a branch page with some slots changed to (nibble, (hash, weight)), and its quarters hashed anew."""
    changed = bytearray(page)
    quarters = set()
    for nibble, (node, weight) in changes:
        at = BODY + 32 * nibble
        changed[at : at + HASH_SIZE] = node
        quarter = nibble >> 2
        quarters.add(quarter)
        shift = _SHIFTS[nibble]
        changed[1 + quarter] = changed[1 + quarter] & ~(3 << shift) | weight << shift
    for quarter in quarters:
        at = BODY + 128 * quarter
        slots = bytes(changed[at : at + 128])
        weights = changed[1 + quarter]
        if weights == 0xAA:
            node = hash_four(slots)
        else:
            node, _ = join_four(slots, (weights >> 6, weights >> 4 & 3, weights >> 2 & 3, weights & 3))
        at = QUARTERS + 32 * quarter
        changed[at : at + HASH_SIZE] = node
    return bytes(changed)
