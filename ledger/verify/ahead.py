"""Checking segments and, in the same go, working out what their entries do to the state, without having the state.

Rules:

* What an entry does is a function of the entry, of its block's time, and of the rows that it reads. Nearly all entries read
  a few rows that everybody reads (parameters, members, keys), and for the rest rows that are not there yet (the document
  that is anchored, the entry itself). So a worker is given the first kind, takes everything else to be absent, and notes
  what it read. The time stands in the header at the end of the block; where that lies behind the segment, the worker is
  given what the header says.
* What it worked out counts only if, when the block's turn comes, the time is the header's and every row that was read has
  the value that it was taken to have: then it is what the rules give on the true state. Otherwise the block is applied
  again, there (`ledger.verify.replay`).
* An entry that cannot be applied on the guess is left alone, and all after it: whoever has the state says what is wrong.

Not here: the state tree, and any verdict but that of `ledger.verify.quick`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from ledger.errors import CannotTellError, FormatError, RefusedError, VerificationError
from ledger.rows import StateReader
from ledger.rules import Overlay, ParsedEntry, apply_entry
from ledger.store import layout
from ledger.verify.changes import Changes, changes_of
from ledger.verify.lookups import Row, added, sum_of
from ledger.verify.quick import Passed, entry_of, take_apart
from ledger.verify.segments import Job, Result, examine

Reads = dict[bytes, bytes | None]
"""State rows that were read, with the values they had, or None where there was none."""


class Part(NamedTuple):
    """What some consecutive entries of a block do, if the rows that they read are as they were taken to be."""

    first: int
    """Log index of the first entry."""
    end: int
    """Log index behind the last."""
    time_ms: int
    """What was taken to be the time of their block."""
    present: dict[bytes, bytes]
    """Rows that were taken to be there, every one among them that is replaced."""
    absent: list[bytes]
    """Keys that were taken to have no row, and are given none."""
    new: int
    """How many rows are set that were taken not to be there; the state tree knows whether they were."""
    changes: Changes
    lookups: list[Row]
    """Index rows that may take the place of earlier ones."""
    lookup_sum: int
    """Sum over the others (`ledger.verify.lookups`)."""


class Basis(NamedTuple):
    """What a worker needs to work out ahead."""

    known: Mapping[bytes, bytes]
    """State rows that nearly all entries read."""
    secret: bytes | None
    """For the sums over index rows; None if those are not asked for."""


@dataclass(slots=True)
class NotedReads:
    """A state that notes what is read from it; `written` holds what earlier entries of a segment put there."""

    state: StateReader
    written: dict[bytes, bytes] = field(default_factory=dict)
    reads: Reads = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None."""
        value = self.written.get(key)
        if value is None:
            value = self.state.get(key)
        # Noted whoever wrote it: what an earlier part wrote was itself worked out on a guess.
        self.reads[key] = value
        return value


def work_out(jobs: Sequence[Job], basis: Basis | None) -> list[tuple[Result, list[Part]]]:
    """Check some segments: what an executor is given to run.

    With a basis, each comes with what its entries do on a state of which only the rows of the basis are known; fewer
    parts than there are entries where one cannot be applied.
    """
    return [_work_out(job, basis) for job in jobs]


def _work_out(job: Job, basis: Basis | None) -> tuple[Result, list[Part]]:
    passed = take_apart(job)
    if passed is None:
        return examine(job), []
    return passed.result, [] if basis is None else apply_ahead(job, passed, basis)


def apply_ahead(job: Job, passed: Passed, basis: Basis) -> list[Part]:
    """What the entries of a segment that was found right do, block by block, as far as they can be applied."""
    parts: list[Part] = []
    state = NotedReads(basis.known)
    starts = list(accumulate(passed.counts, initial=0))
    try:
        for first, end, time_ms in _stretches(job, passed):
            overlay = Overlay(state, job.chain_id, time_ms)
            index = _Index(basis.secret, state)
            # One entry after the other: what is read of a record is let go before the next entry is.
            for offset in range(first, end):
                items = slice(starts[offset], starts[offset + 1])
                entry = entry_of(passed.leaves[offset], passed.items[items], passed.item_hashes[items])
                parsed = ParsedEntry.of(entry)
                index.add(parsed, apply_entry(overlay, parsed, job.first + offset))
            parts.append(_part(job.first + first, job.first + end, overlay, state, index))
            state.written.update(overlay.rows)
            state.reads = {}
    except (RefusedError, VerificationError, FormatError, CannotTellError):
        pass
    return parts


def _stretches(job: Job, passed: Passed) -> Iterator[tuple[int, int, int]]:
    """The entries of each block in a segment: the first offset, the one behind the last, and the time of the block."""
    # The genesis document is a leaf that is no entry.
    first = 1 if job.first == 0 else 0
    for fact in passed.result.facts:
        offset = fact.index - job.first
        if first < offset:
            yield first, offset, fact.time_ms
        first = offset + 1
    if first < job.width and job.next_time_ms is not None:
        yield first, job.width, job.next_time_ms


class _Index:
    """The index rows of one part."""

    def __init__(self, secret: bytes | None, state: NotedReads) -> None:
        self._secret = secret
        self._state = state
        self._subjects: set[bytes] = set()
        self.kept: list[Row] = []
        self.sum = 0

    def add(self, parsed: ParsedEntry, rows: list[Row]) -> None:
        """Take the rows of an entry that was just applied."""
        if self._secret is None:
            return
        reads, subjects = self._state.reads, self._subjects
        repeatable: set[bytes] = set()
        for effect in parsed.effects:
            # A subject whose row was there, or was set by an earlier record of this part, may have had this very record.
            if effect.subject_key in subjects or reads.get(effect.subject_key, b"") is not None:
                repeatable.update(effect.lookups)
            subjects.add(effect.subject_key)
        if repeatable:
            self.kept += [row for row in rows if row[0] in repeatable]
            rows = [row for row in rows if row[0] not in repeatable]
        self.sum = added(self.sum, sum_of(rows, self._secret, layout.LOOKUP))


def _part(first: int, end: int, overlay: Overlay, state: NotedReads, index: _Index) -> Part:
    rows, reads = overlay.rows, state.reads
    for key in rows.keys() - reads.keys():
        state.get(key)
    present = {key: value for key, value in reads.items() if value is not None}
    absent = [key for key, value in reads.items() if value is None and key not in rows]
    new = len(reads) - len(present) - len(absent)
    changes = changes_of(rows)
    return Part(first, end, overlay.time_ms, present, absent, new, changes, index.kept, index.sum)
