"""Bytes on the disk for each record, and what they are."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

from benchmarks.generate import Shape
from benchmarks.measure import Result
from benchmarks.scale import Workshop
from ledger.store import layout
from ledger.store.database import Database
from ledger.store.swap import CURRENT
from node.home import Home

_KINDS = {
    layout.LEAF: "leaves of the log",
    layout.RECORDS: "records and headers' signatures",
    layout.TILE: "tiles",
    layout.STATE_ROW: "state rows",
    layout.STATE_PAGE: "pages of the state tree",
    layout.LOOKUP: "lookup index",
}


_ROWS = 20_000
"""Rows that are copied at a time."""


def run(place: Workshop) -> Result:
    """Bytes on the disk per record, as written and after compaction, and what they consist of."""
    scale = place.scale
    return {
        f"{shape.per_entry} per entry": _measure(place.ledger(shape), place.room(), shape.records)
        for shape in (Shape(scale.batches, 100), Shape(scale.singles, 1))
    }


def sizes(home: Home, room: Path) -> tuple[int, int]:
    """Bytes of a ledger's database as it was left, and of a copy in `room` that has every row once.

    LevelDB merges tables in its own time, and never rewrites the last level by itself: a young database is full of pages
    and tiles that were written again since.
    """
    with (
        Database.open(home.ledger / CURRENT, create=False) as database,
        Database.open(room / "copy", create=True) as copy,
    ):
        rows = database.iterate()
        while chunk := list(islice(rows, _ROWS)):
            copy.write(chunk, synced=False)
        before = database.approximate_size()
    # Opening it again turns what is still in the log into a table.
    with Database.open(room / "copy", create=False) as copy:
        return before, copy.approximate_size()


def _measure(home: Home, room: Path, records: int) -> Result:
    before, after = sizes(home, room)
    kinds: Counter[bytes] = Counter()
    with Database.open(home.ledger / CURRENT, create=False) as database:
        for key, value in database.iterate():
            kinds[key[:1]] += len(key) + len(value)
    return {
        "records": records,
        "as_written_bytes_per_record": round(before / records, 1),
        "compacted_bytes_per_record": round(after / records, 1),
        "uncompressed_bytes_per_record": {
            name: round(kinds[kind] / records, 1) for kind, name in _KINDS.items()
        },
    }
