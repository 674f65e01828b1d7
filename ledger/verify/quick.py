"""The quick way through a segment: says yes, or says nothing.

Rules:

* `try_quickly` returns what `ledger.verify.segments.examine` would return for a segment without a fault, or None, and then
  `examine` decides. So a mistake here can cost time; to be wrong it would have to say yes where `examine` says no, and
  the tests try for that with every mutation they know.
* Nearly all entry leaves have one layout, byte for byte, so one is taken apart at fixed places after its fixed bytes have
  been compared. An entry of another layout (more than 127 records, a time before 1970-02-20) goes through `parse_leaf`.
* Everything that can be done for many leaves at once is: hashing, comparing with the tile, looking for odd lengths.

Why the code is long-winded: beside one Ed25519 verification of 45 µs an entry has about five for all that is here, and a
record about two.

Not here: I/O; names for what is wrong.
"""

from __future__ import annotations

import struct
from typing import Final

from ledger import keys
from ledger.entry import MAX_SUBMISSION_BYTES, REFUSED_RECORD_BYTES, parse_leaf
from ledger.errors import LedgerError
from ledger.hashing import ENTRY, leaf_hashes
from ledger.merkle import CompactRange, root_of_hashes
from ledger.verify.report import Level
from ledger.verify.segments import BlockFact, Job, Result, examine, header_fact

# The commonest entry leaf: 1 to 127 records, a time of nine bytes. Fixed are the first 40 bytes (tags, version, chain id),
# what opens each field after that, and the total.
#   0x93 0x00 | 0x97 0x01 | bin32 chain id | bin32 author key | bin16 nonce | u64 time | count | bin32 records root | bin64
_COMMON: Final = struct.Struct(">40s32s2s16xBQB2s32s2s64s")
_BEFORE_CHAIN_ID: Final = b"\x93\x00\x97\x01\xc4\x20"
_BIN_16, _BIN_32, _BIN_64, _U64 = b"\xc4\x10", b"\xc4\x20", b"\xc4\x40", 0xCF
_MIN_U64, _MAX_TIME = 1 << 32, (1 << 53) - 1  # an eight-byte integer is the shortest form from 2^32 on
_BODY: Final = slice(2, 134)
_SIGNED_CONTEXT: Final = ENTRY + b"\0"

_FRAMING: Final = 256
"""More than a submission takes beside its records and their headers of at most 3 bytes each."""


def check(job: Job) -> Result:
    """Check a segment: what an executor is given to run."""
    return try_quickly(job) or examine(job)


def try_quickly(job: Job) -> Result | None:
    """The result for a segment that is right, or None."""
    try:
        return _pass(job)
    except (LedgerError, IndexError):
        return None


def _pass(job: Job) -> Result | None:
    leaves = _split_leaves(job.entries, job.width)
    hashes = leaf_hashes(leaves)
    if b"".join(hashes) != job.tile:
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
    if job.node and CompactRange(job.number, job.peaks).append(job.node).peaks != log.peaks:
        return None
    records = 0
    if job.level >= Level.SIGNATURES:
        records = len(items) - sum(counts[fact.index - job.first] for fact in facts)
        if not _check_entries(job, leaves, entries, items, counts):
            return None
    return Result(tuple(facts), len(entries), records, log.root())


def _check_entries(
    job: Job, leaves: list[bytes], entries: list[int], items: list[bytes], counts: list[int]
) -> bool:
    lengths = list(map(len, items))
    # A header's signature has the length that a record must not have.
    signatures = len(leaves) - len(entries) - (job.number == 0) * 2
    if 0 in lengths or lengths.count(REFUSED_RECORD_BYTES) != signatures:
        return False
    small = len(job.records) + _FRAMING + 3 * len(items) <= MAX_SUBMISSION_BYTES
    hashes = leaf_hashes(items)
    starts = _starts(counts)
    prefix = _BEFORE_CHAIN_ID + job.chain_id + _BIN_32
    context, verify, unpack, size = _SIGNED_CONTEXT, keys.verify, _COMMON.unpack, _COMMON.size
    for offset in entries:
        leaf = leaves[offset]
        count, start = counts[offset], starts[offset]
        if len(leaf) == size and count < 128:
            head, key, nonce_tag, time_tag, time_ms, signed, root_tag, root, signature_tag, signature = (
                unpack(leaf)
            )
            if (
                head != prefix
                or signed != count
                or not count
                or nonce_tag != _BIN_16
                or time_tag != _U64
                or not _MIN_U64 <= time_ms <= _MAX_TIME
                or root_tag != _BIN_32
                or signature_tag != _BIN_64
            ):
                return False
            message = context + leaf[_BODY]
        else:
            body, signature = parse_leaf(leaf)
            if body.chain_id != job.chain_id or body.count != count:
                return False
            key, root, message = body.author_key, body.records_root, context + leaf[2:-66]
        if count == 1:
            if hashes[start] != root:
                return False
        elif root_of_hashes(hashes[start : start + count]) != root:
            return False
        if not small and sum(lengths[start : start + count]) + 3 * count + _FRAMING > MAX_SUBMISSION_BYTES:
            return False
        verify(key, signature, message)
    return True


def _starts(counts: list[int]) -> list[int]:
    """Where among all items those of each leaf begin."""
    starts = [0]
    for count in counts:
        starts.append(starts[-1] + count)
    return starts


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
