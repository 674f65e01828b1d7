"""Histories: every record about a subject, with proof that there is no other.

Rules (docs/spec.md, "Histories"): the state's row of a subject commits to the number of its records and to the RFC 9162 tree
over them, in order. A history shows all of them, each in its entry, each entry in its block, and each block's header in the
log; the tree over what is shown must be the one in the row. So leaving a record out, adding one, changing their order or
taking one from another subject is found without a network. Where the state has no such row, it shows that there is none.

A long history comes in parts (`ledger.history_form`). They may be of different checkpoints: each goes on where the one before
it ended, and the row in the last one decides what is complete.

What this module does not do: no file, no network, no clock. A history is complete *as of* its checkpoint; whether that is
fresh enough is for the reader to decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ledger import proofs
from ledger.block import Header, parse_header_leaf
from ledger.entry import Entry, parse_leaf
from ledger.errors import CannotTellError, FormatError, RefusedError, VerificationError
from ledger.hashing import leaf_hash
from ledger.history_form import BlockPart, EntryPart, HistoryPart
from ledger.merkle import CompactRange
from ledger.policy import CheckedCheckpoint, Trust
from ledger.receipt import HeaderPart
from ledger.records import Record, Subject, parse_record
from ledger.rows import SubjectRow, history_leaf, subject_key
from ledger.state import verify_absence, verify_membership

MAX_PARTS: Final = 10_000
"""Parts of one history: five million records about one subject."""


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """A record of a history: what it says, where it stands, and when its block was made."""

    record: Record
    record_id: bytes
    entry_id: bytes
    index: int
    """Log index of its entry."""
    record_index: int
    height: int
    """Height of its block."""
    time_ms: int
    """Chain time of its block, milliseconds since the epoch."""
    claimed_ms: int
    """The author's own clock: a claim, milliseconds since the epoch."""
    author_key: bytes


@dataclass(frozen=True, slots=True)
class VerifiedHistory:
    """All records about a subject, in order, as of a checkpoint."""

    subject: Subject
    row: SubjectRow | None
    """Where the subject stands; None if nothing was ever recorded about it."""
    records: tuple[HistoryRecord, ...]
    header: Header
    """The last header of the checkpoint."""
    checked: CheckedCheckpoint
    """The checkpoint of the last part, with the times up to which this is known to hold, in seconds since the epoch."""

    @property
    def status(self) -> str | None:
        """The subject's status; None if nothing was ever recorded about it."""
        return None if self.row is None else self.row.status


def verify(parts: bytes | Iterable[bytes], policy: Trust) -> VerifiedHistory:
    """Check a history, given as all of its parts in order, and return every record about its subject.

    Raises FormatError (not a history), VerificationError (it is wrong or not complete, and how), or CannotTellError (a
    version, type or key unknown here, too few cosignatures, or a part that is missing): the last is not a forgery.
    """
    checker = _Checker(policy)
    for number, data in enumerate([parts] if isinstance(parts, bytes) else parts):
        if number == MAX_PARTS:
            raise FormatError("history.limit", f"a history has at most {MAX_PARTS} parts")
        checker.take(HistoryPart.parse(data))
    return checker.end()


def next_first(part: HistoryPart) -> int | None:
    """Where the part after this one begins, by its own word; None if it shows the last record. Raises FormatError."""
    if part.state.value is None:
        return None
    end = part.first + sum(len(entry.records) for block in part.blocks for entry in block.entries)
    return end if end < SubjectRow.parse(part.state.value).history.size else None


class _Checker:
    """Takes the parts of a history, one after another."""

    def __init__(self, policy: Trust) -> None:
        self._policy = policy
        self._tree = CompactRange()
        self._records: list[HistoryRecord] = []
        self._last: VerifiedHistory | None = None

    def take(self, part: HistoryPart) -> None:
        """Check everything about a part that can be known before the last part is there."""
        if part.first != self._tree.size:
            raise CannotTellError(
                "history.part-missing",
                f"this part begins behind record {part.first}, and the parts before it show {self._tree.size}",
            )
        checked = self._policy.check(part.checkpoint_text)
        header = _last_header(part.header, checked)
        if self._last is not None:
            _check_same(self._last, part.subject, header)
        row = _row(part, header)
        records = _Blocks(checked, header.chain_id, self._records[-1:]).records(part.blocks)
        self._tree = self._tree.extend(
            history_leaf(record.entry_id, record.record_index, record.record_id) for record in records
        )
        counted = 0 if row is None else row.history.size
        if self._tree.size > counted:
            raise _miscounted(counted, self._tree.size)
        self._records += records
        # The records are put in once, at the end.
        self._last = VerifiedHistory(part.subject, row, (), header, checked)

    def end(self) -> VerifiedHistory:
        """Check that what was shown is all there is."""
        if self._last is None:
            raise FormatError("history.shape", "a history has at least one part")
        history = replace(self._last, records=tuple(self._records))
        if history.row is None:
            return history
        counted = history.row.history
        if self._tree.size < counted.size:
            raise _miscounted(counted.size, self._tree.size)
        if self._tree != counted:
            raise VerificationError(
                "history.root",
                "the records shown are not those that the state commits to",
                expected=counted.root(),
                got=self._tree.root(),
            )
        _check_row(history.row, history.records)
        return history


def _miscounted(counted: int, shown: int) -> VerificationError:
    return VerificationError(
        "history.count", f"the state counts {counted} records about this subject, and {shown} are shown"
    )


def _last_header(part: HeaderPart, checked: CheckedCheckpoint) -> Header:
    size = checked.checkpoint.size
    proofs.verify_inclusion(leaf_hash(part.leaf), size - 1, size, part.path, checked.checkpoint.root)
    header = parse_header_leaf(part.leaf)
    if header.size != size:
        raise VerificationError(
            "history.header-index", f"the header closes size {header.size}, not the checkpoint's {size}"
        )
    return header


def _check_same(before: VerifiedHistory, subject: Subject, header: Header) -> None:
    if subject != before.subject:
        raise VerificationError("history.subject", "two parts are about different subjects")
    if header.chain_id != before.header.chain_id:
        raise _other_chain(before.header.chain_id, header.chain_id)


def _other_chain(expected: bytes, got: bytes) -> VerificationError:
    return VerificationError(
        "history.chain", "parts of the history are of different ledgers", expected=expected, got=got
    )


def _row(part: HistoryPart, header: Header) -> SubjectRow | None:
    key = subject_key(*part.subject)
    if part.state.value is None:
        verify_absence(header.state_root, key, part.state)
        return None
    verify_membership(header.state_root, key, part.state.value, part.state)
    return SubjectRow.parse(part.state.value)


def _check_row(row: SubjectRow, records: Sequence[HistoryRecord]) -> None:
    """Check what the row repeats of its first and its newest record: honest validators never let them differ."""
    if not records or row.issue != records[0].record_id:
        raise VerificationError("history.row", "the state names another record as the subject's first")
    if (row.time_ms, row.changed_ms) != (records[0].time_ms, records[-1].time_ms):
        raise VerificationError(
            "history.row", "the state gives the first or the newest record another time than its block's"
        )


class _Blocks:
    """Checks the blocks of a part against its checkpoint, and against the record shown last before it."""

    def __init__(self, checked: CheckedCheckpoint, chain_id: bytes, before: Sequence[HistoryRecord]) -> None:
        self._size = checked.checkpoint.size
        self._root = checked.checkpoint.root
        self._chain_id = chain_id
        self._place = (before[0].index, before[0].record_index) if before else (-1, -1)

    def records(self, blocks: Sequence[BlockPart]) -> list[HistoryRecord]:
        """All records, in order."""
        records: list[HistoryRecord] = []
        for block in blocks:
            header = self._header(block)
            for entry in block.entries:
                records += self._records(header, entry)
        return records

    def _header(self, block: BlockPart) -> Header:
        proofs.verify_inclusion(leaf_hash(block.header_leaf), block.index, self._size, block.path, self._root)
        header = parse_header_leaf(block.header_leaf)
        if header.index != block.index:
            raise VerificationError(
                "history.header-index", f"the header of index {header.index} stands at index {block.index}"
            )
        if header.chain_id != self._chain_id:
            raise _other_chain(self._chain_id, header.chain_id)
        return header

    def _records(self, header: Header, part: EntryPart) -> list[HistoryRecord]:
        if not header.first_index <= part.index < header.index:
            raise VerificationError(
                "history.block", f"the entry of index {part.index} is not in block {header.height}"
            )
        proofs.verify_inclusion(leaf_hash(part.leaf), part.index, self._size, part.path, self._root)
        body, signature = parse_leaf(part.leaf)
        entry = Entry(body, signature, ())
        if body.chain_id != self._chain_id:
            raise _other_chain(self._chain_id, body.chain_id)
        entry.verify_signature()
        records = []
        for item in part.records:
            proofs.verify_inclusion(leaf_hash(item.raw), item.index, body.count, item.path, body.records_root)
            if (part.index, item.index) <= self._place:
                raise VerificationError(
                    "history.order", "the records do not stand in the order in which they were recorded"
                )
            self._place = (part.index, item.index)
            record = _known_record(item.raw)
            records.append(
                HistoryRecord(
                    record=record,
                    record_id=record.id,
                    entry_id=entry.id,
                    index=part.index,
                    record_index=item.index,
                    height=header.height,
                    time_ms=header.time_ms,
                    claimed_ms=body.time_ms,
                    author_key=body.author_key,
                )
            )
        return records


def _known_record(raw: bytes) -> Record:
    try:
        return parse_record(raw)
    except RefusedError as error:
        # A quorum would not have let it in; so it is not this ledger's rules that judged it.
        raise VerificationError(error.rule, error.detail) from error
