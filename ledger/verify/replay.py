"""Executing a ledger's blocks again, and saying which entry or record the chain rules do not allow.

Rules: what decides is what a validator runs before it signs (`ledger.execution`, `ledger.rules`, `ledger.state`); here its
state is a scratch one that begins with the genesis document. What a block does was worked out ahead, with its segments
(`ledger.verify.ahead`), and is taken if it holds on the true state; if not, the block is applied again. When a block is
refused, it is gone through again entry by entry, only to name the first that is not allowed.

Signatures, records roots, log roots and how a header follows on the one before were checked before a block comes here
(`ledger.verify.segments`, `ledger.verify.linking`).

Not here: reading the log, comparing with stored rows. No I/O but the scratch state's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple, Protocol

from ledger.block import Header, parse_header_leaf
from ledger.entry import Entry, entry_from_parts
from ledger.errors import CannotTellError, FormatError, LedgerError, RefusedError, VerificationError
from ledger.execution import LedgerState, check_same_header, execute_genesis
from ledger.genesis import Genesis
from ledger.hashing import HASH_SIZE
from ledger.records import parse_record
from ledger.rows import StateReader
from ledger.rules import Overlay, ParsedEntry, apply_entries, apply_entry
from ledger.state import Update, update_records
from ledger.validators import check_proposer
from ledger.verify.ahead import NotedReads, Part
from ledger.verify.changes import changes_of, row_key, stored, value_of
from ledger.verify.lookups import Row, added
from ledger.verify.report import Finding
from ledger.verify.segments import BlockFact, Job, split_bundle

MAX_KNOWN = 1_000
"""Most rows that are sent along: those read last that were there."""

_BROKEN_RULES = (RefusedError, VerificationError, FormatError, CannotTellError)


class ScratchState(LedgerState, Protocol):
    """A state to execute on, which takes over what each block does."""

    def write(self, rows: dict[bytes, bytes], pages: dict[bytes, bytes], lookups: Iterable[Row]) -> None:
        """Take over a block's rows as they are stored (`ledger.verify.changes`), its pages, and index rows to be kept."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A block to be applied."""

    header: Header
    leaves: tuple[bytes, ...]
    records: tuple[tuple[bytes, ...], ...]

    def parsed(self) -> list[ParsedEntry]:
        """Its entries. Raises RefusedError, FormatError or CannotTellError for a record that cannot be read."""
        parts = zip(self.leaves, self.records, strict=True)
        return [ParsedEntry.of(entry_from_parts(leaf, records)) for leaf, records in parts]


class _Effects(NamedTuple):
    """What a block does, and the state tree after it."""

    rows: dict[bytes, bytes]
    """As they are stored."""
    lookups: list[Row]
    lookup_sum: int
    tree: Update


class Replay:
    """The state of a ledger as far as its blocks have been executed again."""

    def __init__(self, genesis: Genesis, scratch: ScratchState) -> None:
        """Begin with the genesis block."""
        executed = execute_genesis(genesis)
        changes = changes_of(executed.rows)
        scratch.write(stored(changes.records(), changes.rows), executed.pages, executed.lookups)
        self._scratch = scratch
        self._last: Header = executed.header
        self._lookup_sum = 0
        self._jobs: deque[Job] = deque()
        self._parts: deque[Part] = deque()
        self._known: dict[bytes, bytes] = {}
        self._known_by_row: dict[bytes, bytes] = {}
        self._learn(dict(islice(executed.rows.items(), MAX_KNOWN)))

    @property
    def last(self) -> Header:
        """The header of the last block executed."""
        return self._last

    @property
    def known(self) -> Mapping[bytes, bytes]:
        """State rows as they are now that nearly all entries read."""
        return self._known

    @property
    def lookup_sum(self) -> int:
        """Sum over the index rows that were not given to the scratch state (`ledger.verify.lookups`)."""
        return self._lookup_sum

    def segment(self, job: Job, parts: Iterable[Part]) -> None:
        """Take the next segment of the log, and what its entries were worked out to do."""
        self._jobs.append(job)
        self._parts.extend(parts)

    def block(self, fact: BlockFact) -> None:
        """Execute the next block, all of which lies in the segments that were taken.

        Raises AuditFailure, or CannotTellError for a record type or version that is not known; StoreError from the scratch
        state.
        """
        if fact.height:
            self._execute(parse_header_leaf(fact.leaf))
        while self._jobs and self._jobs[0].first + self._jobs[0].width <= fact.size:
            self._jobs.popleft()

    def _execute(self, header: Header) -> None:
        parts = self._parts_of(header)
        try:
            check_proposer(self._scratch, self._last, header)
            effects = self._worked_out(header, parts) or self._apply(self._block(header))
            # All other fields were compared with the log and the header before it.
            expected = replace(header, rules_version=self._last.rules_version, state_root=effects.tree.root)
            check_same_header(expected, header)
        except _BROKEN_RULES as error:
            block = self._block(header)
            finding = _first_refused(self._scratch, block) or Finding.of(error, header.index)
            raise finding.error(header.height) from error
        rows = effects.rows
        self._scratch.write(rows, effects.tree.pages, effects.lookups)
        self._lookup_sum = added(self._lookup_sum, effects.lookup_sum)
        self._last = header
        for row in self._known_by_row.keys() & rows.keys():
            self._known[self._known_by_row[row]] = value_of(rows[row])

    def _parts_of(self, header: Header) -> list[Part]:
        parts: list[Part] = []
        while self._parts and self._parts[0].first < header.index:
            parts.append(self._parts.popleft())
        return parts

    def _worked_out(self, header: Header, parts: Sequence[Part]) -> _Effects | None:
        """What a block does as it was worked out ahead, or None if it was not or does not hold."""
        rows: dict[bytes, bytes] = {}
        records: list[bytes] = []
        lookups: list[Row] = []
        lookup_sum = new = 0
        end = header.first_index
        for part in parts:
            if part.first != end or part.time_ms != header.time_ms:
                return None
            more = part.changes.records()
            sets = stored(more, part.changes.rows)
            if not self._holds(part, sets, rows):
                return None
            before = len(rows)
            rows = rows | sets if rows else sets
            records += more
            if len(rows) < before + len(more):
                # A row that this part sets again.
                records = list({record[:HASH_SIZE]: record for record in records}.values())
            lookups += part.lookups
            lookup_sum = added(lookup_sum, part.lookup_sum)
            new += part.new
            end = part.end
        if end != header.index:
            return None
        records.sort()
        tree = update_records(self._scratch, self._last.state_root, records)
        # Rows that were taken to be there have been looked up. If one of the others was there, the tree has replaced it.
        return _Effects(rows, lookups, lookup_sum, tree) if tree.inserted == new else None

    def _holds(self, part: Part, sets: dict[bytes, bytes], before: dict[bytes, bytes]) -> bool:
        """Whether the state is as a part, which sets the rows `sets`, took it to be: the scratch state, and over it the rows
        `before` of its block.
        """
        present = {row_key(key): value for key, value in part.present.items()} if before else {}
        for key, value in part.present.items():
            row = before.get(row_key(key)) if before else None
            if value != (self._scratch.get(key) if row is None else value_of(row)):
                return False
        for key in part.absent:
            if row_key(key) in before or self._scratch.get(key) is not None:
                return False
        # What it took not to be there and sets may not have been set by an earlier part.
        return (before.keys() & sets.keys()) <= present.keys()

    def _apply(self, block: _Block) -> _Effects:
        """Apply a block on the true state; rows that it read there will be known from now on."""
        state, header = NotedReads(self._scratch), block.header
        effects = apply_entries(state, header.chain_id, header.time_ms, header.first_index, block.parsed())
        self._learn({key: value for key, value in state.reads.items() if value is not None})
        changes = changes_of(effects.rows)
        records = changes.records()
        tree = update_records(self._scratch, self._last.state_root, records)
        return _Effects(stored(records, changes.rows), effects.lookups, 0, tree)

    def _learn(self, rows: Mapping[bytes, bytes]) -> None:
        for key, value in rows.items():
            self._known.pop(key, None)
            self._known[key] = value
        for key in list(self._known)[:-MAX_KNOWN]:
            del self._known[key]
        self._known_by_row = {row_key(key): key for key in self._known}

    def _block(self, header: Header) -> _Block:
        """The entries of a block, from the bytes of its segments."""
        leaves: list[bytes] = []
        records: list[tuple[bytes, ...]] = []
        for job in self._jobs:
            # As far as the segment was found right, which is at least to the header; what lies behind is not looked at.
            beside, _ = split_bundle(job.records, job.width, counted=True)
            found, _ = split_bundle(job.entries, job.width, counted=False)
            some = slice(max(0, header.first_index - job.first), max(0, header.index - job.first))
            leaves += [leaf for (leaf,) in found[some]]
            records += map(tuple, beside[some])
        return _Block(header, tuple(leaves), tuple(records))


def _first_refused(state: StateReader, block: _Block) -> Finding | None:
    """The first entry of a block that the rules do not allow, or None: then it is the header that is wrong."""
    overlay = Overlay(state, block.header.chain_id, block.header.time_ms)
    parts = zip(block.leaves, block.records, strict=True)
    for index, (leaf, records) in enumerate(parts, block.header.first_index):
        entry = entry_from_parts(leaf, records)
        try:
            apply_entry(overlay, ParsedEntry.of(entry), index)
        except _BROKEN_RULES as error:
            return _first_refused_record(overlay, entry, index) or Finding.of(error, index)
    return None


def _first_refused_record(overlay: Overlay, entry: Entry, index: int) -> Finding | None:
    """The first record because of which an entry is refused; None if it is not because of a record."""
    for record_index, raw in enumerate(entry.records):
        try:
            if raw in entry.records[:record_index]:
                raise RefusedError("entry.records-repeat", "two records of one entry are equal")
            parse_record(raw)
        except _BROKEN_RULES as error:
            before = replace(entry, records=entry.records[:record_index])
            return _first_not_applied(overlay, before, index) or Finding.of(
                error, index, record_index=record_index
            )
    return _first_not_applied(overlay, entry, index)


def _first_not_applied(overlay: Overlay, entry: Entry, index: int) -> Finding | None:
    """The first record that cannot be applied after those before it, by trying shorter beginnings of the entry."""
    allowed, refused = -1, len(entry.records) + 1
    error: LedgerError | None = None
    while refused - allowed > 1:
        count = (allowed + refused) // 2
        # Tried on an overlay of its own, so that nothing of it stays.
        trial = Overlay(overlay, overlay.chain_id, overlay.time_ms)
        try:
            apply_entry(trial, ParsedEntry.of(replace(entry, records=entry.records[:count])), index)
            allowed = count
        except _BROKEN_RULES as refusal:
            refused, error = count, refusal
    if error is None:
        return None
    # With no record at all the entry itself is refused: its author, its time, a repeat.
    return Finding.of(error, index, record_index=refused - 1 if refused else None)
