"""Bytes on the disk for each record, and what they are."""

from __future__ import annotations

from collections import Counter

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


def run(place: Workshop) -> Result:
    """Bytes on the disk per record, as written and after compaction, and what they consist of."""
    scale = place.scale
    return {
        f"{shape.per_entry} per entry": _measure(place.ledger(shape), shape.records)
        for shape in (Shape(scale.batches, 100), Shape(scale.singles, 1))
    }


def compact(home: Home) -> tuple[int, int]:
    """Have LevelDB merge all of a ledger's tables; bytes before and after."""
    with Database.open(home.ledger / CURRENT, create=False) as database:
        before = database.approximate_size()
        database._leveldb.compact_range()  # type: ignore[attr-defined]  # noqa: SLF001  no node needs to ask for it
        return before, database.approximate_size()


def _measure(home: Home, records: int) -> Result:
    before, after = compact(home)
    sizes: Counter[bytes] = Counter()
    with Database.open(home.ledger / CURRENT, create=False) as database:
        for key, value in database.iterate():
            sizes[key[:1]] += len(key) + len(value)
    return {
        "records": records,
        "as_written_bytes_per_record": round(before / records, 1),
        "compacted_bytes_per_record": round(after / records, 1),
        "uncompressed_bytes_per_record": {
            name: round(sizes[kind] / records, 1) for kind, name in _KINDS.items()
        },
    }
