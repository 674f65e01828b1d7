"""Executing a ledger's blocks again, and saying which entry or record the chain rules do not allow.

Rules: what decides is what a validator runs before it signs (`ledger.execution`, `ledger.rules`); here its state is a scratch
one that begins with the genesis document. With an executor, workers apply blocks ahead (`ledger.verify.ahead`), and when a
block's turn comes, what they found is taken if it holds on the true state. When a block is refused, it is gone through
again entry by entry, only to name the first that is not allowed.

Signatures, records roots and the place of headers in the log were checked before a block comes here
(`ledger.verify.segments`).

Not here: reading the log, comparing with stored rows. No I/O but the scratch state's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from ledger.block import Header, parse_header_leaf
from ledger.entry import ENTRY_TAG, HEADER_TAG, Entry, entry_from_parts, leaf_tag
from ledger.errors import CannotTellError, FormatError, LedgerError, RefusedError, VerificationError
from ledger.execution import (
    LedgerState,
    Tip,
    check_proposer,
    check_same_header,
    execute_genesis,
    seal,
)
from ledger.genesis import Genesis
from ledger.records import parse_record
from ledger.rows import StateReader
from ledger.rules import Effects, Overlay, ParsedEntry, apply_entries, apply_entry
from ledger.verify.ahead import Block, Guess, NotedReads, apply_ahead
from ledger.verify.report import Finding

BATCH_BYTES = 128 << 10
"""Bytes of entries and records from which on blocks are sent to be applied ahead."""

AHEAD_BYTES = 8 << 20
"""Bytes of blocks that are with the executor at a time; one batch is always let through. What blocks do takes some times
as much memory as they themselves."""

MAX_KNOWN = 1_000
"""Most rows that are sent along: those read last that were there."""

_BROKEN_RULES = (RefusedError, VerificationError, FormatError, CannotTellError)


class ScratchState(LedgerState, Protocol):
    """A state to execute on, which takes over what each block does."""

    def write(
        self, rows: dict[bytes, bytes], pages: dict[bytes, bytes], lookups: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Take over a block's state rows, pages and lookups."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Blocks that are being applied ahead."""

    headers: tuple[Header, ...]
    blocks: tuple[Block, ...]
    size: int
    """Bytes of their entries and records."""
    guesses: Future[list[Guess]] | None


class Replay:
    """The state of a ledger as far as its blocks have been executed again."""

    def __init__(
        self, genesis: Genesis, scratch: ScratchState, executor: Executor | None = None, window: int = 1
    ) -> None:
        """Begin with the genesis block; at most `window` batches are with `executor` at a time."""
        executed = execute_genesis(genesis)
        scratch.write(executed.rows, executed.pages, executed.lookups)
        self._scratch = scratch
        self._executor = executor
        self._window = window
        self._tip: Tip = executed.tip
        self._leaves: list[bytes] = []
        self._records: list[tuple[bytes, ...]] = []
        self._gathered: list[tuple[Header, Block]] = []
        self._gathered_bytes = 0
        self._ahead: deque[_Batch] = deque()
        self._known = dict(islice(executed.rows.items(), MAX_KNOWN))

    @property
    def tip(self) -> Tip:
        """The last block executed."""
        return self._tip

    def leaf(self, index: int, leaf: bytes, items: Sequence[bytes]) -> None:
        """Take the leaf at `index` of the log, in order. A header's leaf has its block executed, now or later.

        Raises AuditFailure, or CannotTellError for a record type or version that is not known, for this or an earlier
        block; StoreError from the scratch state.
        """
        tag = leaf_tag(leaf)
        if tag == ENTRY_TAG:
            self._leaves.append(leaf)
            self._records.append(tuple(items))
            self._gathered_bytes += len(leaf) + sum(map(len, items))
        elif tag == HEADER_TAG and index > 1:
            header = parse_header_leaf(leaf)
            block = Block(header.time_ms, header.first_index, tuple(self._leaves), tuple(self._records))
            self._leaves, self._records = [], []
            self._gathered.append((header, block))
            if self._executor is None or self._gathered_bytes >= BATCH_BYTES:
                self._send()
                self._execute(leaving=self._window if self._executor else 0)

    def finish(self) -> None:
        """Execute what is left of the blocks that were taken. Raises as `leaf`."""
        self._send()
        self._execute(leaving=0)

    def cancel(self) -> None:
        """Forget the blocks that were taken and not executed yet."""
        for batch in self._ahead:
            if batch.guesses is not None:
                batch.guesses.cancel()
        self._ahead.clear()
        self._gathered = []

    def _send(self) -> None:
        if not self._gathered:
            return
        headers, blocks = zip(*self._gathered, strict=True)
        guesses = None
        if self._executor is not None:
            guesses = self._executor.submit(apply_ahead, self._tip.header.chain_id, dict(self._known), blocks)
        self._ahead.append(_Batch(headers, blocks, self._gathered_bytes, guesses))
        self._gathered, self._gathered_bytes = [], 0

    def _execute(self, leaving: int) -> None:
        while len(self._ahead) > leaving or self._holds_too_much():
            batch = self._ahead.popleft()
            guesses = [] if batch.guesses is None else batch.guesses.result()
            for number, (header, block) in enumerate(zip(batch.headers, batch.blocks, strict=True)):
                self._block(header, block, guesses[number] if number < len(guesses) else None)

    def _holds_too_much(self) -> bool:
        return len(self._ahead) > 1 and sum(batch.size for batch in self._ahead) > AHEAD_BYTES

    def _block(self, header: Header, block: Block, guess: Guess | None) -> None:
        try:
            check_proposer(self._scratch, header)
            effects = guess.effects if guess is not None and self._holds(guess) else self._apply(block)
            executed = seal(
                self._scratch,
                self._tip,
                block.leaves,
                effects,
                engine_height=header.engine_height,
                time_ms=header.time_ms,
                proposer=header.proposer,
            )
            check_same_header(executed.header, header)
        except _BROKEN_RULES as error:
            finding = _first_refused(self._scratch, header, block) or Finding.of(error, header.index)
            self.cancel()  # there is no state for the blocks after this one
            raise finding.error(header.height) from error
        self._scratch.write(executed.rows, executed.pages, executed.lookups)
        self._tip = executed.tip
        for key in self._known.keys() & executed.rows.keys():
            self._known[key] = executed.rows[key]

    def _holds(self, guess: Guess) -> bool:
        """Whether every row that a guess rests on is as it was taken to be."""
        get = self._scratch.get
        return all(get(key) == value for key, value in guess.reads.items())

    def _apply(self, block: Block) -> Effects:
        """Apply a block on the true state; rows that it read there will be sent along with the next batches."""
        state = NotedReads(self._scratch)
        effects = apply_entries(
            state, self._tip.header.chain_id, block.time_ms, block.first_index, block.parsed()
        )
        if self._executor is not None:
            for key, value in state.reads.items():
                if value is not None:
                    self._known.pop(key, None)
                    self._known[key] = value
            for key in list(self._known)[:-MAX_KNOWN]:
                del self._known[key]
        return effects


def _first_refused(state: StateReader, header: Header, block: Block) -> Finding | None:
    """The first entry of a block that the rules do not allow, or None: then it is the header that is wrong."""
    overlay = Overlay(state, header.chain_id, header.time_ms)
    parts = zip(block.leaves, block.records, strict=True)
    for index, (leaf, records) in enumerate(parts, block.first_index):
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
