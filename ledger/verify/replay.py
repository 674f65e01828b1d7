"""Executing a ledger's blocks again, and saying which entry or record the chain rules do not allow.

Rules: it is `ledger.execution.execute_as` that decides, the same function that a validator runs before it signs; here its
state is a scratch one that begins with the genesis document. When it refuses a block, the block is gone through again
entry by entry, only to name the first that is not allowed.

Signatures, records roots and the place of headers in the log were checked before a block comes here
(`ledger.verify.segments`).

Not here: reading the log, comparing with stored rows. No I/O but the scratch state's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from ledger.block import Header, parse_header_leaf
from ledger.entry import ENTRY_TAG, HEADER_TAG, Entry, leaf_tag, parse_leaf
from ledger.errors import CannotTellError, FormatError, LedgerError, RefusedError, VerificationError
from ledger.execution import LedgerState, Tip, execute_as, execute_genesis
from ledger.genesis import Genesis
from ledger.records import parse_record
from ledger.rows import VALIDATORS_KEY, StateReader, parse_validators
from ledger.rules import Overlay, ParsedEntry, apply_entry
from ledger.verify.report import Finding

_BROKEN_RULES = (RefusedError, VerificationError, FormatError, CannotTellError)


class ScratchState(LedgerState, Protocol):
    """A state to execute on, which takes over what each block does."""

    def write(
        self, rows: dict[bytes, bytes], pages: dict[bytes, bytes], lookups: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Take over a block's state rows, pages and lookups."""


class Replay:
    """The state of a ledger as far as its blocks have been executed again."""

    def __init__(self, genesis: Genesis, scratch: ScratchState) -> None:
        executed = execute_genesis(genesis)
        scratch.write(executed.rows, executed.pages, executed.lookups)
        self._scratch = scratch
        self._tip: Tip = executed.tip
        self._entries: list[Entry] = []
        self._validators_row = b""
        self._header_keys: frozenset[bytes] = frozenset()

    @property
    def tip(self) -> Tip:
        """The last block executed."""
        return self._tip

    def leaf(self, index: int, leaf: bytes, items: Sequence[bytes]) -> None:
        """Take the leaf at `index` of the log, in order; a header's leaf executes its block.

        Raises AuditFailure, or CannotTellError for a record type or version that is not known; StoreError from the
        scratch state.
        """
        tag = leaf_tag(leaf)
        if tag == ENTRY_TAG:
            body, signature = parse_leaf(leaf)
            self._entries.append(Entry(body, signature, tuple(items)))
        elif tag == HEADER_TAG and index > 1:
            entries, self._entries = self._entries, []
            self._block(parse_header_leaf(leaf), entries)

    def _block(self, header: Header, entries: list[Entry]) -> None:
        try:
            self._check_proposer(header)
            parsed = [ParsedEntry.of(entry) for entry in entries]
            executed = execute_as(self._scratch, self._tip, header, parsed)
        except _BROKEN_RULES as error:
            finding = _first_refused(self._scratch, header, entries) or Finding.of(error, header.index)
            raise finding.error(header.height) from error
        self._scratch.write(executed.rows, executed.pages, executed.lookups)
        self._tip = executed.tip

    def _check_proposer(self, header: Header) -> None:
        row = self._scratch.get(VALIDATORS_KEY) or b""
        if row != self._validators_row:
            self._header_keys = frozenset(validator.header_key for validator in parse_validators(row))
            self._validators_row = row
        if header.proposer not in self._header_keys:
            raise VerificationError(
                "header.proposer", "the proposer was not a validator when the block was made"
            )


def _first_refused(state: StateReader, header: Header, entries: list[Entry]) -> Finding | None:
    """The first entry of a block that the rules do not allow, or None: then it is the header that is wrong."""
    overlay = Overlay(state, header.chain_id, header.time_ms)
    for index, entry in enumerate(entries, header.first_index):
        try:
            apply_entry(overlay, ParsedEntry.of(entry), index)
        except _BROKEN_RULES as error:
            return _first_refused_record(overlay, entry, index) or Finding.of(error, index)
    return None


def _first_refused_record(overlay: Overlay, entry: Entry, index: int) -> Finding | None:
    """The first record because of which an entry is refused; None if it is not because of a record."""
    parsed = []
    for record_index, raw in enumerate(entry.records):
        try:
            if raw in entry.records[:record_index]:
                raise RefusedError("entry.records-repeat", "two records of one entry are equal")
            parsed.append(parse_record(raw))
        except _BROKEN_RULES as error:
            return _first_applied(overlay, ParsedEntry(entry, tuple(parsed)), index) or Finding.of(
                error, index, record_index=record_index
            )
    return _first_applied(overlay, ParsedEntry(entry, tuple(parsed)), index)


def _first_applied(overlay: Overlay, parsed: ParsedEntry, index: int) -> Finding | None:
    """The first record that cannot be applied after those before it, by trying ever shorter beginnings of the entry."""
    allowed, refused = -1, len(parsed.records) + 1
    error: LedgerError | None = None
    while refused - allowed > 1:
        count = (allowed + refused) // 2
        # Tried on an overlay of its own, so that nothing of it stays.
        trial = Overlay(overlay, overlay.chain_id, overlay.time_ms)
        try:
            apply_entry(trial, ParsedEntry(parsed.entry, parsed.records[:count]), index)
            allowed = count
        except _BROKEN_RULES as refusal:
            refused, error = count, refusal
    if error is None:
        return None
    # With no record at all the entry itself is refused: its author, its time, a repeat.
    return Finding.of(error, index, record_index=refused - 1 if refused else None)
