"""The quick way through a segment: says yes, or says nothing.

Rules:

* `take_apart` gives the result that `ledger.verify.segments.examine` would give for a segment without a fault, or None, and
  then `examine` decides. So a mistake here can cost time; to be wrong it would have to say yes where `examine` says no, and
  the tests try for that with every mutation they know.
* Nearly all entry leaves have one layout, byte for byte, so they are taken apart at fixed places after their fixed bytes
  have been compared. One of another length (more than 127 records) goes through `parse_leaf`.
* Everything that can be done for many leaves at once is: hashing, comparing with the tile, looking for odd lengths.

Why the code is long-winded: beside one Ed25519 verification of 45 µs an entry has about five for all that is here, and a
record about two.

Not here: I/O; names for what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from ledger import keys
from ledger.entry import MAX_SUBMISSION_BYTES, REFUSED_RECORD_BYTES, Entry, EntryBody, parse_leaf
from ledger.errors import LedgerError
from ledger.hashing import ENTRY, leaf_hashes
from ledger.merkle import CompactRange, root_of_hashes
from ledger.verify.report import Level
from ledger.verify.segments import BlockFact, Job, Result, examine, header_fact

# The commonest entry leaf, byte for byte: 1 to 127 records, a time of nine bytes.
#     0  0x93 0x00              [0, body, signature]
#     2  0x97 0x01              body: [1, chain id, author key, nonce, time, count, records root]
#     4  0xc4 0x20  32 bytes    chain id
#    38  0xc4 0x20  32 bytes    author key
#    72  0xc4 0x10  16 bytes    nonce
#    90  0xcf        8 bytes    time
#    99              1 byte     count
#   100  0xc4 0x20  32 bytes    records root
#   134  0xc4 0x40  64 bytes    signature
_SIZE: Final = 200
_BODY, _CHAIN_ID, _KEY, _NONCE = slice(2, 134), slice(6, 38), slice(40, 72), slice(74, 90)
_ROOT, _SIGNATURE = slice(102, 134), slice(136, 200)
_NONCE_TAG, _TIME_TAG, _TIME, _COUNT, _ROOT_TAG, _SIGNATURE_TAG = 72, 90, 91, 99, 100, 134
_BEFORE_CHAIN_ID: Final = b"\x93\x00\x97\x01\xc4\x20"
_MOST_RECORDS: Final = 127
_MAX_SECOND_BYTE: Final = 0x1F  # of a time: it is below 2^53
_BIN_16, _BIN_32, _BIN_64, _U64 = b"\xc4\x10", b"\xc4\x20", b"\xc4\x40", 0xCF
_SIGNATURE_ITEM: Final = 66
_SIGNED_CONTEXT: Final = ENTRY + b"\0"

_UNSIGNED: Final = 2
"""Leaves at the beginning of the log beside which nothing stands: the genesis document and its header."""

_FRAMING: Final = 256
"""More than a submission takes beside its records and their headers of at most 3 bytes each."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A segment that was found right, and what it was taken apart into."""

    result: Result
    leaves: list[bytes]
    items: list[bytes]
    """What stands beside all leaves, one after the other."""
    counts: list[int]
    """How many of the items belong to each leaf."""
    item_hashes: list[bytes]
    """The leaf hash of each item; empty at level LINKS, which needs none."""


def check(job: Job) -> Result:
    """Check one segment."""
    passed = take_apart(job)
    return examine(job) if passed is None else passed.result


def take_apart(job: Job) -> Passed | None:
    """The result for a segment that is right, and its leaves and records, or None."""
    try:
        return _pass(job)
    except (LedgerError, IndexError):
        return None


def entry_of(leaf: bytes, records: list[bytes], record_ids: list[bytes]) -> Entry:
    """An entry of a segment that was found right, with what has been worked out for it already."""
    if len(leaf) == _SIZE:
        body = EntryBody(
            chain_id=leaf[_CHAIN_ID],
            author_key=leaf[_KEY],
            nonce=leaf[_NONCE],
            time_ms=int.from_bytes(leaf[_TIME:_COUNT], "big"),
            count=leaf[_COUNT],
            records_root=leaf[_ROOT],
        )
        entry = Entry(body, leaf[_SIGNATURE], tuple(records))
    else:
        entry = Entry(*parse_leaf(leaf), tuple(records))
    # Properties that are computed when they are first asked for.
    vars(entry).update(leaf=leaf, body_bytes=leaf[2:-_SIGNATURE_ITEM], record_ids=record_ids)
    return entry


def _pass(job: Job) -> Passed | None:
    leaves = _split_leaves(job.entries, job.width)
    hashes = leaf_hashes(leaves)
    if b"".join(hashes) != job.claimed:
        return None
    items, counts = _split_items(job.records, job.width)
    log = CompactRange(job.first, job.peaks)
    facts: list[BlockFact] = []
    done = 0
    entries: list[int] = []
    position = 0
    for offset, leaf in enumerate(leaves):
        tag = leaf[:2]
        if tag == b"\x93\x00":
            entries.append(offset)
        elif tag == b"\x92\x01":
            log = log.extend(hashes[done:offset])
            beside = items[position : position + counts[offset]]
            facts.append(header_fact(job, job.first + offset, leaf, beside, log))
            done = offset
        elif tag != b"\x92\x02" or job.first + offset or counts[offset]:
            return None
        position += counts[offset]
    log = log.extend(hashes[done:])
    if job.ends_tile and CompactRange(job.number, job.peaks_above).append(job.node).peaks != log.peaks:
        return None
    records = 0
    item_hashes: list[bytes] = []
    if job.level >= Level.SIGNATURES:
        records = len(items) - sum(counts[fact.index - job.first] for fact in facts)
        item_hashes = leaf_hashes(items)
        if not _check_entries(job, leaves, entries, items, counts, item_hashes):
            return None
    result = Result(tuple(facts), len(entries), records, log.root())
    return Passed(result, leaves, items, counts, item_hashes)


def _check_entries(
    job: Job,
    leaves: list[bytes],
    entries: list[int],
    items: list[bytes],
    counts: list[int],
    hashes: list[bytes],
) -> bool:
    lengths = list(map(len, items))
    # A header's signature has the length that a record must not have.
    signatures = len(leaves) - len(entries) - max(0, min(_UNSIGNED - job.first, job.width))
    if 0 in lengths or lengths.count(REFUSED_RECORD_BYTES) != signatures:
        return False
    if not _sizes_fit(job, lengths, counts):
        return False
    starts = list(accumulate(counts, initial=0))
    common = [offset for offset in entries if len(leaves[offset]) == _SIZE]
    if common and not _have_common_layout(
        job.chain_id, [leaves[offset] for offset in common], [counts[offset] for offset in common]
    ):
        return False
    context, verify = _SIGNED_CONTEXT, keys.verify
    for offset in entries:
        leaf, count, start = leaves[offset], counts[offset], starts[offset]
        root = hashes[start] if count == 1 else root_of_hashes(hashes[start : start + count])
        if len(leaf) != _SIZE:
            body, signature = parse_leaf(leaf)
            if (body.chain_id, body.count, body.records_root) != (job.chain_id, count, root):
                return False
            verify(body.author_key, signature, context + leaf[2:-_SIGNATURE_ITEM])
        elif root != leaf[_ROOT]:
            return False
        else:
            verify(leaf[_KEY], leaf[_SIGNATURE], context + leaf[_BODY])
    return True


def _have_common_layout(chain_id: bytes, leaves: list[bytes], counts: list[int]) -> bool:
    """Whether leaves of the common size all have the common layout, this chain id, and these counts of records.

    Compared column by column: one comparison for the same byte of all leaves.
    """
    if min(counts) < 1 or max(counts) > _MOST_RECORDS:
        return False
    many, joined = len(leaves), b"".join(leaves)
    fixed = dict(enumerate(_BEFORE_CHAIN_ID + chain_id + _BIN_32))
    for at, tag in ((_NONCE_TAG, _BIN_16), (_ROOT_TAG, _BIN_32), (_SIGNATURE_TAG, _BIN_64)):
        fixed |= dict(enumerate(tag, at))
    fixed |= {_TIME_TAG: _U64, _TIME: 0}
    if any(joined[at::_SIZE] != bytes((value,)) * many for at, value in fixed.items()):
        return False
    # The time fits 53 bits and needs more than 32: its second byte is below 0x20, and its third is not zero.
    if max(joined[_TIME + 1 :: _SIZE]) > _MAX_SECOND_BYTE or 0 in joined[_TIME + 2 :: _SIZE]:
        return False
    return joined[_COUNT::_SIZE] == bytes(counts)


def _sizes_fit(job: Job, lengths: list[int], counts: list[int]) -> bool:
    """Whether no entry with its records is longer than a submission may be."""
    if len(job.records) + 3 * len(lengths) + _FRAMING <= MAX_SUBMISSION_BYTES:
        return True
    ends = list(accumulate(counts))
    return all(
        sum(lengths[end - count : end]) + 3 * count + _FRAMING <= MAX_SUBMISSION_BYTES
        for end, count in zip(ends, counts, strict=True)
    )


def _split_leaves(data: bytes, width: int) -> list[bytes]:
    """The leaves of an entry bundle. Raises IndexError if it is not right."""
    leaves: list[bytes] = []
    append = leaves.append
    position = 0
    for _ in range(width):
        start = position + 2
        position = start + (data[position] << 8 | data[position + 1])
        append(data[start:position])
    if position != len(data):
        raise IndexError
    return leaves


def _split_items(data: bytes, width: int) -> tuple[list[bytes], list[int]]:
    """All items of a records bundle, and how many belong to each leaf. Raises IndexError if it is not right."""
    items: list[bytes] = []
    counts: list[int] = []
    append = items.append
    position = 0
    for _ in range(width):
        count = data[position] << 8 | data[position + 1]
        counts.append(count)
        position += 2
        for _ in range(count):
            start = position + 2
            position = start + (data[position] << 8 | data[position + 1])
            append(data[start:position])
    if position != len(data):
        raise IndexError
    return items, counts
