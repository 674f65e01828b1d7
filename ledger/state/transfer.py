"""Sending a whole state, page by page, to somebody who believes nothing but its root.

Rules:

* Pages go in order of their page paths: the root's, then those one nibble deeper, and so on; with each leaf page its rows.
* So whoever receives knows from the pages before it which page is due, and the hash and weight that it must have: a page that
  is changed, left out, added or out of place is found when it arrives, and a row with it. Nothing beyond the page in hand and
  the pages that are stored already is needed for that.
* A page must be the very one that follows from its rows; that a branch page stands for more leaves than a leaf page holds is
  counted at the end.

Not here: where pages are kept, how they travel. No I/O beyond the page source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ledger.encoding import Value, decode, encode
from ledger.errors import FormatError, StoreCorruptError, VerificationError
from ledger.state.nodes import EMPTY, leaf_records
from ledger.state.pages import (
    BRANCH_PAGE,
    DIGITS,
    MAX_LEAVES,
    PageSource,
    branch_page,
    leaf_page,
    page_path,
    read_page,
    records_of,
    slot_weight,
    slots_of,
    top_of,
)

PART_PAGES: Final = 512
"""Pages in one part, at most."""
PART_BYTES: Final = 1 << 20
"""A part ends with the page that reaches this size, its rows included."""
MAX_PART_BYTES: Final = 32 << 20
"""Bytes of a part that is taken: 32 rows of the largest size, and room for their pages."""
MAX_DIGITS: Final = 64

_ITEMS_OF_PAGE: Final = 4 + 2 * MAX_LEAVES


@dataclass(frozen=True, slots=True)
class SentPage:
    """A page as it travels. Nothing in it is believed before `Arriving.take`."""

    prefix: bytes
    """The nibbles that its paths begin with, as hexadecimal digits."""
    page: bytes
    rows: tuple[tuple[bytes, bytes], ...]
    """Of a leaf page: key and value of each of its leaves, in their order."""


def make_part(
    pages: Iterable[tuple[bytes, bytes]], read_row: Callable[[bytes], tuple[bytes, bytes] | None]
) -> bytes:
    """The first of some pages, given as (page path, page) in order, as one part; empty if there are none.

    `read_row` gives key and value by the SHA-256 of the key. Raises FormatError (`state.row-missing`) and what it raises.
    """
    items: list[Value] = []
    size = 0
    for path, page in pages:
        rows: list[Value] = []
        for record in records_of(page) if page[0] != BRANCH_PAGE else ():
            row = read_row(record[:32])
            if row is None:
                raise FormatError("state.row-missing", "a row of the state that a page names is not there")
            rows += row
            size += len(row[0]) + len(row[1])
        items.append([path[1:], page, rows])
        size += len(page)
        if size >= PART_BYTES or len(items) == PART_PAGES:
            break
    return encode(items)


def parse_part(data: bytes) -> list[SentPage]:
    """Read a part. Raises FormatError (`snapshot.shape`, `encoding.*`)."""
    value = decode(data, max_bytes=MAX_PART_BYTES, max_items=PART_PAGES * _ITEMS_OF_PAGE + 1)
    if not isinstance(value, list) or len(value) > PART_PAGES:
        raise FormatError("snapshot.shape", f"a part of a snapshot is an array of at most {PART_PAGES} pages")
    return [_sent_page(one) for one in value]


def _sent_page(value: Value) -> SentPage:
    match value:
        case [bytes(prefix), bytes(page), list(rows)] if len(rows) % 2 == 0:
            texts = [one for one in rows if isinstance(one, bytes)]
            if len(texts) == len(rows) <= 2 * MAX_LEAVES and len(prefix) <= MAX_DIGITS:
                return SentPage(prefix, page, tuple(zip(texts[::2], texts[1::2], strict=True)))
    raise FormatError("snapshot.shape", "a page in a part of a snapshot is [prefix, page, [key, value, …]]")


class Arriving:
    """Takes the pages of one state as they come, and knows which one is due."""

    def __init__(self, stored: PageSource, root: bytes, after: bytes | None) -> None:
        """`root` is believed; `stored` gives the pages that were taken before, up to the one with the prefix `after`."""
        self._stored = stored
        self._root = root
        self._fresh: dict[bytes, bytes] = {}
        self._due = self._prefixes(after)
        self._wanted = next(self._due, None)

    @property
    def wanted(self) -> bytes | None:
        """The prefix of the page that is due; None when all have come."""
        return self._wanted

    def page(self, path: bytes) -> bytes | None:
        """A page that was taken (`PageSource`)."""
        page = self._fresh.get(path)
        return self._stored.page(path) if page is None else page

    def take(self, sent: SentPage) -> None:
        """Check the page that is due, and its rows. Raises VerificationError (`snapshot.order`, `snapshot.page`,
        `snapshot.row`).
        """
        if self._wanted is None or sent.prefix != self._wanted:
            due = "nothing" if self._wanted is None else f"page {_named(self._wanted)}"
            raise VerificationError(
                "snapshot.order",
                f"{due} is due in the snapshot, and page {_named(sent.prefix)} came: it leaves something out, or adds it",
            )
        self._check_page(sent)
        self._check_rows(sent)
        self._fresh[page_path(sent.prefix)] = sent.page
        self._wanted = next(self._due, None)

    def written(self) -> None:
        """What was taken so far is stored now."""
        self._fresh.clear()

    def finish(self) -> None:
        """Check what only the whole tells. Raises VerificationError (`snapshot.order`, `snapshot.page`)."""
        if self._wanted is not None:
            raise VerificationError(
                "snapshot.order", f"the snapshot ends before page {_named(self._wanted)}, which is due"
            )
        self._count(b"")

    def _check_page(self, sent: SentPage) -> None:
        expected = self._expected(sent.prefix)
        try:
            page = read_page(_One(sent.page), sent.prefix)
        except StoreCorruptError as error:
            raise _wrong_page(sent.prefix, "has not the shape of one") from error
        top = top_of(page)
        if top[0] != expected[0] or (expected[1] and top[1] != expected[1]):
            raise VerificationError(
                "snapshot.page",
                f"page {_named(sent.prefix)} of the snapshot is not the one that the state root leads to",
                expected=expected[0],
                got=top[0],
            )
        if not _is_canonical(page, sent.prefix):
            raise _wrong_page(sent.prefix, "is not the one that follows from its rows")

    def _check_rows(self, sent: SentPage) -> None:
        records = records_of(sent.page) if sent.page[0] != BRANCH_PAGE else []
        if len(records) != len(sent.rows):
            raise VerificationError(
                "snapshot.row",
                f"{len(sent.rows)} rows came with page {_named(sent.prefix)} of the snapshot, which has {len(records)}",
            )
        for record, found, row in zip(records, leaf_records(sent.rows), sent.rows, strict=True):
            if not all(row) or record != found:
                raise VerificationError(
                    "snapshot.row",
                    f"a row of page {_named(sent.prefix)} of the snapshot is not the one that the page names: its key is "
                    f"{row[0][:64].hex()}",
                )

    def _expected(self, prefix: bytes) -> tuple[bytes, int]:
        """Hash and weight that the page of a prefix must have; weight 0: any."""
        if not prefix:
            return self._root, 0
        parent = read_page(self, prefix[:-1])
        return slots_of(parent)[int(prefix[-1:], 16)]

    def _prefixes(self, after: bytes | None) -> Iterator[bytes]:
        """All prefixes that have a page, in order, behind `after`; each is found once those above it were taken."""
        for depth in range(MAX_DIGITS + 1):
            if after is not None and depth < len(after):
                continue
            found = False
            for prefix in self._at_depth(b"", depth):
                found = True
                if after is None or (len(prefix), prefix) > (len(after), after):
                    yield prefix
            if not found:
                return

    def _at_depth(self, prefix: bytes, depth: int) -> Iterator[bytes]:
        if len(prefix) == depth:
            yield prefix
            return
        page = read_page(self, prefix)
        if page[0] != BRANCH_PAGE:
            return
        for nibble in range(16):
            if slot_weight(page, nibble):
                yield from self._at_depth(prefix + DIGITS[nibble], depth)

    def _count(self, prefix: bytes) -> int:
        page = read_page(self, prefix)
        if page[0] != BRANCH_PAGE:
            return len(records_of(page))
        count = sum(self._count(prefix + DIGITS[nibble]) for nibble in range(16) if slot_weight(page, nibble))
        if count <= MAX_LEAVES:
            raise _wrong_page(prefix, f"stands for {count} rows, which belong into one page")
        return count


class _One:
    """A page source that has one page, whatever its path."""

    def __init__(self, page: bytes) -> None:
        self._page = page

    def page(self, _: bytes) -> bytes:
        return self._page


def _is_canonical(page: bytes, prefix: bytes) -> bool:
    if page[0] == BRANCH_PAGE:
        slots = slots_of(page)
        return all(weight < 3 and (node == EMPTY) == (weight == 0) for node, weight in slots) and (
            branch_page(slots) == page
        )
    records = records_of(page)
    keys = [record[:32] for record in records]
    return (
        all(lower < higher for lower, higher in pairwise(keys))
        and all(key.hex().encode().startswith(prefix) for key in keys)
        and leaf_page(records, len(prefix)) == page
    )


def _named(prefix: bytes) -> str:
    return repr(prefix.decode("ascii", "replace"))


def _wrong_page(prefix: bytes, why: str) -> VerificationError:
    return VerificationError("snapshot.page", f"page {_named(prefix)} of the snapshot {why}")
