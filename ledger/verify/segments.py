"""Checking a segment of the log: the leaves of one bundle or of a part of it, given only bytes.

Rules:

* A segment is a bundle of 256 leaves, or a part of one. What comes before it is a handful of hashes (`peaks`), taken from
  the tiles and not believed: each segment shows that the tiles above it are right if those before it are, and the last one
  ends at the root of the checkpoint.
* Everything that needs no other segment is checked here; how headers follow on one another, across segments too, is
  `ledger.verify.audit`'s part, which gets a `BlockFact` for each.
* This is the definition, leaf by leaf, and what names a fault. `ledger.verify.quick` goes first, and says yes or nothing.

Not here: I/O, chain rules, the bodies of records.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledger import keys
from ledger.block import Header, parse_header_leaf
from ledger.entry import (
    ENTRY_TAG,
    GENESIS_TAG,
    HEADER_TAG,
    MAX_SUBMISSION_BYTES,
    SIGNATURE_SIZE,
    Entry,
    check_record_size,
    leaf_tag,
    parse_leaf,
)
from ledger.errors import FormatError, LedgerError, VerificationError
from ledger.hashing import HASH_SIZE, leaf_hash, leaf_hashes, signed_message
from ledger.hashing import HEADER as HEADER_CONTEXT
from ledger.merkle import CompactRange, root_of_hashes
from ledger.tiles import TILE_WIDTH, tile_path
from ledger.verify.report import Finding, Level


@dataclass(frozen=True, slots=True)
class Job:
    """A segment to check: bytes, and what they are to be compared with. It can be sent to another process."""

    level: Level
    chain_id: bytes
    header_keys: frozenset[bytes]
    """Keys that may sign headers."""
    number: int
    """Of the bundle, whose first leaf is 256 × number."""
    width: int
    """Leaves in the segment."""
    peaks: tuple[bytes, ...]
    """The complete subtrees of all leaves before it, largest first."""
    entries: bytes
    records: bytes
    tile: bytes
    """The tile of level 0, as the source has it; all of it, also where the segment is only a part."""
    node: bytes
    """What the tile of level 1 says this tile's root is; empty for the last one, if it is not full."""
    root: bytes
    """The root that the log must have after this tile; empty but for the last."""
    offset: int = 0
    """Leaves of the bundle that lie before the segment: other than 0 where a long bundle was cut (`ledger.verify.pieces`)."""
    next_time_ms: int | None = None
    """What the next header behind this segment says is the time of its block, not believed; None if it was not looked for."""

    @property
    def first(self) -> int:
        """Log index of the first leaf."""
        return self.number * TILE_WIDTH + self.offset

    @property
    def claimed(self) -> bytes:
        """The hashes of the segment's own leaves, as the tile has them."""
        return self.tile[self.offset * HASH_SIZE : (self.offset + self.width) * HASH_SIZE]

    @property
    def ends_tile(self) -> bool:
        """Whether the tile is full and ends with this segment, so that its root can be compared with the one above."""
        return bool(self.node) and self.offset + self.width == TILE_WIDTH

    @property
    def peaks_above(self) -> tuple[bytes, ...]:
        """Of the `peaks`, those of the tiles before this one, which are also those of `number` nodes of level 1."""
        return self.peaks[: self.number.bit_count()]

    @property
    def size(self) -> int:
        """Bytes of the bundles."""
        return len(self.entries) + len(self.records)


@dataclass(frozen=True, slots=True)
class BlockFact:
    """What a header says, for whoever links it to the one before, and the root after it."""

    index: int
    height: int
    engine_height: int
    time_ms: int
    first_index: int
    parent: bytes
    hash: bytes
    root: bytes
    """Root of the log up to and including this header."""
    state_root: bytes
    leaf: bytes
    """The header's leaf, for whoever needs all of it."""

    @property
    def size(self) -> int:
        """Tree size after this header."""
        return self.index + 1


@dataclass(frozen=True, slots=True)
class Result:
    """What was found in a segment."""

    facts: tuple[BlockFact, ...]
    """The headers before the first thing wrong."""
    entries: int
    records: int
    last: bytes
    """Root of the log after the segment."""
    finding: Finding | None = None
    """The first thing wrong, or None."""


def examine(job: Job) -> Result:
    """Check a segment leaf by leaf. Slower than `quick`, and what counts."""
    leaves, no_leaf = split_bundle(job.entries, job.width, counted=False)
    items, no_items = split_bundle(job.records, job.width, counted=True)
    walk = _Walk(job, leaf_hashes(leaf for (leaf,) in leaves))
    for offset in range(job.width):
        try:
            if offset == len(leaves) and no_leaf:
                raise no_leaf
            if offset == len(items) and no_items:
                raise no_items
            walk.leaf(offset, leaves[offset][0], items[offset])
        except LedgerError as error:
            return walk.result(Finding.of(error, job.first + offset, record_index=walk.record_index))
    try:
        if no_leaf or no_items:
            raise no_leaf or no_items or _truncated()
        walk.check_end()
    except LedgerError as error:
        return walk.result(Finding.of(error, job.first + job.width - 1))
    return walk.result(None)


class _Walk:
    """One pass over a segment: the log so far, and what has been counted."""

    def __init__(self, job: Job, hashes: list[bytes]) -> None:
        self.job = job
        self.hashes = hashes
        self.log = CompactRange(job.first, job.peaks)
        self.facts: list[BlockFact] = []
        self.entries = 0
        self.records = 0
        self.record_index: int | None = None
        """Record that is being looked at."""

    def leaf(self, offset: int, leaf: bytes, items: list[bytes]) -> None:
        """Check the next leaf. Raises LedgerError."""
        index = self.job.first + offset
        self._check_hash(offset)
        tag = leaf_tag(leaf)
        if (tag == GENESIS_TAG) != (index == 0):
            raise VerificationError("leaf.genesis", "the genesis document is leaf 0, and no other leaf")
        if tag == HEADER_TAG:
            self.facts.append(header_fact(self.job, index, leaf, items, self.log))
        elif tag == ENTRY_TAG:
            self._entry(leaf, items)
        elif items:
            raise VerificationError("genesis.records", "no records stand beside the genesis document")
        self.log = self.log.append(self.hashes[offset])

    def _check_hash(self, offset: int) -> None:
        job, computed = self.job, self.hashes[offset]
        claimed = job.claimed[offset * HASH_SIZE : (offset + 1) * HASH_SIZE]
        if computed == claimed:
            return
        if self._tile_fits_above():
            raise VerificationError(
                "leaf.hash", "the leaf is not the one that was logged", expected=claimed, got=computed
            )
        path = tile_path(0, job.number, len(job.tile) // HASH_SIZE)
        raise VerificationError(
            "tile.hash", f"{path} does not have the hash of this leaf", expected=computed, got=claimed
        )

    def _tile_fits_above(self) -> bool:
        """Whether the claimed hashes of this tile lead to what is known above them: then the leaf is wrong, not they."""
        job = self.job
        claimed = [job.tile[at : at + HASH_SIZE] for at in range(0, len(job.tile), HASH_SIZE)]
        if job.node:
            return root_of_hashes(claimed) == job.node
        before = CompactRange(job.number * TILE_WIDTH, job.peaks_above)
        return not job.root or before.extend(claimed).root() == job.root

    def _entry(self, leaf: bytes, items: list[bytes]) -> None:
        self.entries += 1
        if self.job.level < Level.SIGNATURES:
            return
        body, signature = parse_leaf(leaf)
        if body.chain_id != self.job.chain_id:
            raise VerificationError("entry.chain", "the entry was signed for another ledger")
        for self.record_index, item in enumerate(items):
            check_record_size(item)
        self.record_index = None
        entry = Entry(body, signature, tuple(items))
        entry.check_records_root()
        if len(entry.submission()) > MAX_SUBMISSION_BYTES:
            raise FormatError(
                "entry.size", f"an entry with its records has at most {MAX_SUBMISSION_BYTES} bytes"
            )
        entry.verify_signature()
        self.records += len(items)

    def check_end(self) -> None:
        """Check what only shows after the last leaf. Raises VerificationError."""
        job = self.job
        if not job.ends_tile:
            return
        above = CompactRange(job.number, job.peaks_above).append(job.node)
        if above.peaks != self.log.peaks:
            path = tile_path(1, job.number // TILE_WIDTH)
            first = job.number * TILE_WIDTH
            raise VerificationError(
                "tile.hash", f"{path} does not have the root of the leaves from {first} on"
            )

    def result(self, finding: Finding | None) -> Result:
        """The result after the last leaf, or at a finding."""
        if finding is not None:
            finding = replace(finding, headers_before=len(self.facts))
        return Result(tuple(self.facts), self.entries, self.records, self.log.root(), finding)


def header_fact(job: Job, index: int, leaf: bytes, items: list[bytes], log: CompactRange) -> BlockFact:
    """Check a header by itself, given the log before it, and return what links it. Raises LedgerError."""
    header = parse_header_leaf(leaf)
    if header.chain_id != job.chain_id:
        raise _differs("chain-id", "the header is of another ledger", job.chain_id, header.chain_id)
    if header.index != index:
        raise VerificationError(
            "header.first-index", f"by its own numbers the header stands at {header.index}, not at {index}"
        )
    if header.entry_count < 1:
        raise VerificationError("header.entry-count", "a block has at least one entry")
    if header.log_root != log.root():
        raise _differs(
            "log-root", "the header names another log than the one before it", log.root(), header.log_root
        )
    _check_proposer(job, header, leaf, items)
    after = log.append(leaf_hash(leaf))
    return BlockFact(
        index=index,
        height=header.height,
        engine_height=header.engine_height,
        time_ms=header.time_ms,
        first_index=header.first_index,
        parent=header.parent,
        hash=leaf_hash(leaf),
        root=after.root(),
        state_root=header.state_root,
        leaf=leaf,
    )


def _check_proposer(job: Job, header: Header, leaf: bytes, items: list[bytes]) -> None:
    if header.height == 0:
        # Nobody signs the genesis header; `audit` has compared it with what the genesis document gives.
        if items:
            raise VerificationError("header.signature", "nothing stands beside the genesis header")
        return
    if header.proposer not in job.header_keys:
        raise VerificationError(
            "header.proposer", "the header names a proposer that is no validator's header key"
        )
    if len(items) != 1 or len(items[0]) != SIGNATURE_SIZE:
        raise VerificationError(
            "header.signature", "the proposer's signature does not stand beside the header"
        )
    # What is signed is the header as it stands in the leaf, behind the leaf's own two bytes.
    keys.verify(header.proposer, items[0], signed_message(HEADER_CONTEXT, leaf[2:]))


def _differs(field: str, detail: str, expected: bytes, got: bytes) -> VerificationError:
    return VerificationError(f"header.{field}", detail, expected=expected, got=got)


def split_bundle(data: bytes, width: int, *, counted: bool) -> tuple[list[list[bytes]], FormatError | None]:
    """The items beside each of `width` leaves as far as they can be read, and what stopped it, if anything did.

    `counted`: a records bundle; otherwise an entry bundle, with one item for each leaf.
    """
    found: list[list[bytes]] = []
    position = 0
    for _ in range(width):
        count = 1
        if counted:
            count = int.from_bytes(data[position : position + 2], "big")
            position += 2
        items: list[bytes] = []
        for _ in range(count):
            start = position + 2
            position = start + int.from_bytes(data[position:start], "big")
            items.append(data[start:position])
        if position > len(data):
            return found, _truncated()
        found.append(items)
    if position != len(data):
        detail = f"{len(data) - position} bytes follow the last leaf of the bundle"
        return found, FormatError("tiles.bundle-width", detail)
    return found, None


def _truncated() -> FormatError:
    return FormatError("tiles.truncated", "the bundle ends within a leaf or item")
