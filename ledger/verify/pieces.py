"""Cutting a long segment into pieces that are checked one by one, by different workers.

Rules: a bundle of 256 leaves may hold a hundred records beside each leaf, and then takes a worker a third of a second; whoever
waits for it has nothing to execute meanwhile. So it is cut, between leaves, into segments of their own: each has its leaves'
share of the bundles, the whole tile, and as peaks what the tile claims of the leaves before it. That claim is checked by the
piece which has those leaves; the piece that ends the tile compares its root with the one above, as an uncut segment does.

Not here: checking anything. A bundle that cannot be cut is left whole, for `ledger.verify.segments` to say why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ledger.hashing import HASH_SIZE
from ledger.merkle import CompactRange
from ledger.verify.segments import Job

PIECE_BYTES = 512 << 10
"""Bytes of bundles from which on a piece ends: some 2,500 records, which take a worker about 40 milliseconds."""


def pieces(job: Job, piece_bytes: int = PIECE_BYTES) -> Iterator[Job]:
    """The pieces of a segment, in order; the segment itself if it is short or cannot be cut."""
    if job.size <= piece_bytes:
        yield job
        return
    try:
        entry_ends = _ends(job.entries, job.width, counted=False)
        record_ends = _ends(job.records, job.width, counted=True)
    except IndexError:
        yield job
        return
    before = CompactRange(job.first, job.peaks)
    start = entries_start = records_start = 0
    for end, (entries_end, records_end) in enumerate(zip(entry_ends, record_ends, strict=True), 1):
        size = entries_end - entries_start + records_end - records_start
        if size < piece_bytes and end < job.width:
            continue
        piece = replace(
            job,
            offset=start,
            width=end - start,
            peaks=before.peaks,
            entries=job.entries[entries_start:entries_end],
            records=job.records[records_start:records_end],
        )
        yield piece
        claimed = piece.claimed
        before = before.extend(claimed[at : at + HASH_SIZE] for at in range(0, len(claimed), HASH_SIZE))
        start, entries_start, records_start = end, entries_end, records_end


def _ends(data: bytes, width: int, *, counted: bool) -> list[int]:
    """Where each of the leaves of a bundle ends; `counted` as in `split_bundle`. Raises IndexError if it is not right."""
    ends: list[int] = []
    position, count = 0, 1
    for _ in range(width):
        if counted:
            count = data[position] << 8 | data[position + 1]
            position += 2
        for _ in range(count):
            position += 2 + (data[position] << 8 | data[position + 1])
        ends.append(position)
    if position != len(data):
        raise IndexError
    return ends
