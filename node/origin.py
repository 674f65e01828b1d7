"""Histories for the arithmetic of origin, read from a view of the ledger.

Rules: all of an answer is read from one snapshot, by the index of subjects (`ledger.rules.SUBJECT_LOOKUP`) that histories and
proofs use too: no index of its own. What the index has lost, the row's count tells.

What this module does not do: prove anything (`node.histories` makes the proofs), or add anything up (`ledger.origin` does).
"""

from __future__ import annotations

import threading
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.block import parse_header_leaf
from ledger.entry import ENTRY_TAG, leaf_tag
from ledger.errors import CannotTellError, RefusedError, StoreCorruptError
from ledger.history import next_first
from ledger.origin.graph import Direction, Exploration, Limits, explore, is_class
from ledger.origin.model import Placed
from ledger.origin.proof import MAX_PROOF_BYTES, OriginProof
from ledger.origin.story import Reading
from ledger.origin.trace import answer_bytes
from ledger.records import Record, Subject, parse_record
from ledger.records.base import text, words
from ledger.records.events import CAPTURE, ERROR
from ledger.records.goods import lot_item, thing
from ledger.records.lots import CREATE, RECALL, RELEASE
from ledger.rows import SubjectRow, subject_key
from ledger.rules import Place, subject_lookup
from node.histories import history_part
from node.receipts import FinalView, parse_place

_UPSTREAM: Final = Limits(things=500, events=3_000)
"""How far a lot's origin is read only to tell whether it is recalled."""
_NUMBER_BYTES: Final = 4
"""Behind the subject's hash a lookup key has the record's number and its id."""


@dataclass(frozen=True, slots=True)
class Told:
    """A record and where it stands."""

    record: Record
    record_id: bytes
    index: int
    record_index: int
    time_ms: int


class Remembered:
    """Events that were read lately (`ledger.origin.story.Memory`), for all traces of a process; bounded by what they name."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._weight = 0
        self._readings: OrderedDict[bytes, Reading] = OrderedDict()
        self._mutex = threading.Lock()

    def __len__(self) -> int:
        return len(self._readings)

    def get(self, record_id: bytes) -> Reading | None:
        """What is known of a record."""
        with self._mutex:
            found = self._readings.get(record_id)
            if found is not None:
                self._readings.move_to_end(record_id)
            return found

    def put(self, record_id: bytes, reading: Reading) -> None:
        """Keep this, and let go of what was asked for longest ago."""
        with self._mutex:
            before = self._readings.pop(record_id, None)
            self._readings[record_id] = reading
            self._weight += reading.weight - (0 if before is None else before.weight)
            while self._weight > self._most:
                _, gone = self._readings.popitem(last=False)
                self._weight -= gone.weight


MEMORY: Final = Remembered(100_000)


class ViewSource:
    """A source of histories (`ledger.origin.graph.Source`) over one view; each record and each block is read once."""

    def __init__(self, final: FinalView) -> None:
        self._final = final
        self._told: dict[Place, Told] = {}
        self._blocks: list[tuple[int, int, int]] = []
        """First index, index of the header, chain time: of the blocks read so far, in order."""
        self.asked: dict[Subject, int] = {}
        """Every subject asked for, and how many records it has."""

    @property
    def as_of_ms(self) -> int:
        """Chain time of the view's last block, milliseconds since the epoch."""
        return parse_header_leaf(self._final.view.header_leaf(self._final.view.head.height)).time_ms

    def history(self, subject: Subject, most: int) -> tuple[Sequence[Placed], int]:
        """The first `most` records about a subject, in order, and how many there are.

        Raises StoreCorruptError (`index.subject`) if the index has lost one.
        """
        key = subject_key(*subject)
        data = self._final.view.get(key)
        if data is None:
            self.asked[subject] = 0
            return (), 0
        row = SubjectRow.parse(data)
        self.asked[subject] = row.history.size
        wanted = min(most, row.history.size)
        places = self._places(key, row, wanted)
        if len(places) != wanted:
            raise StoreCorruptError(
                "index.subject", "the index has lost a record of this subject: run `sogoc rebuild`"
            )
        return [self._tell(place) for place in places], row.history.size

    def _places(self, key: bytes, row: SubjectRow, wanted: int) -> list[Place]:
        prefix = subject_lookup(key, 0)[:-_NUMBER_BYTES]
        found: dict[int, Place] = {}
        for lookup, value in self._final.view.lookup(prefix):
            number = int.from_bytes(lookup[len(prefix) : len(prefix) + _NUMBER_BYTES], "big")
            if number >= wanted:
                break
            found[number] = parse_place(value)
        if 0 not in found and wanted:
            # The first record of a subject that it is mainly about stands under its own id.
            first = self._final.place(row.issue)
            if first is not None:
                found[0] = first
        return [found[number] for number in range(wanted) if number in found]

    def _tell(self, place: Place) -> Told:
        told = self._told.get(place)
        if told is None:
            record = parse_record(self._final.record(place))
            told = self._told[place] = Told(
                record, record.id, place.index, place.record_index, self._time_ms(place.index)
            )
        return told

    def recorded_ms(self, record_id: bytes) -> int | None:
        """Chain time of the block that has a record; None if there is no such record."""
        place = self._final.place(record_id)
        return None if place is None else self._time_ms(place.index)

    def _time_ms(self, index: int) -> int:
        at = bisect_right(self._blocks, index, key=lambda block: block[0]) - 1
        if at >= 0 and index <= self._blocks[at][1]:
            return self._blocks[at][2]
        view = self._final.view
        header = parse_header_leaf(view.header_leaf(view.height_of_index(index)))
        insort(self._blocks, (header.first_index, header.index, header.time_ms))
        return header.time_ms


def trace_of(
    final: FinalView,
    item: str,
    direction: Direction = "both",
    limits: Limits = Limits(),  # noqa: B008  frozen
    *,
    check_hashes: bool = True,
) -> tuple[Exploration, ViewSource]:
    """A trace of an item path from a view, with the source that it was read from."""
    source = ViewSource(final)
    return explore(source, item, direction, limits, check_hashes=check_hashes, memory=MEMORY), source


def proof_of(final: FinalView, item: str, direction: Direction, limits: Limits) -> OriginProof:
    """A trace with the histories that prove it, all of one checkpoint.

    Raises RefusedError, rule `trace.proof-size`, if it would be longer than whoever checks it reads.
    """
    found, source = trace_of(final, item, direction, limits)
    histories: list[tuple[bytes, ...]] = []
    length = 0
    for subject, records in source.asked.items():
        parts = []
        for part in _parts(final, subject):
            parts.append(part)
            length += len(part)
            if length > MAX_PROOF_BYTES * 3 // 4 or records > limits.records:
                raise RefusedError(
                    "trace.proof-size",
                    "the proof of this trace would be too long: ask for fewer layers of it",
                )
        histories.append(tuple(parts))
    answer = answer_bytes(found, direction, source.as_of_ms)
    return OriginProof(item, direction, limits, tuple(histories), answer)


def _parts(final: FinalView, subject: Subject) -> Iterator[bytes]:
    first: int | None = 0
    while first is not None:
        part = history_part(final, subject, first=first)
        yield part.encoded()
        first = next_first(part)


def recalled_upstream(final: FinalView, item: str) -> tuple[list[str], bool]:
    """The recalled lots that a thing was made from, the nearest first, and whether a limit left some of its origin out."""
    source = ViewSource(final)
    found = explore(source, item, "back", _UPSTREAM, check_hashes=False, with_facts=False, memory=MEMORY)
    things = found.story.things
    recalled = [
        one for one in found.nodes if one != item and one in things and things[one].recalled is not None
    ]
    return recalled, found.truncated


# -- what is new on the ledger ---------------------------------------------------------------------------------------------


def recent(final: FinalView, before: Place, leaves: int) -> Iterator[tuple[Place, Record | None]]:
    """Records before a place, newest first, of at most so many leaves; at last `(where it ended, None)`.

    The end is `(0, 0)` when nothing older is left.
    """
    view = final.view
    lowest = max(0, before.index - leaves)
    for index in range(min(before.index, final.size - 1), lowest - 1, -1):
        if leaf_tag(view.leaf(index)) != ENTRY_TAG:
            continue
        records = final.records(index)
        top = min(before.record_index, len(records)) if index == before.index else len(records)
        for at in range(top - 1, -1, -1):
            place = Place(index, at)
            try:
                yield place, parse_record(records[at])
            except CannotTellError:
                continue  # of a type that later rules know
    yield Place(lowest, 0), None


def things_of(record: Record) -> tuple[str, ...]:
    """The lots, pieces and logistic units whose histories a record joins; goods as a class are none."""
    name, body = record.type.name, record.body
    if name in {CAPTURE, ERROR}:
        return tuple(item for item in words(body, "things") if not is_class(item))
    if name == CREATE:
        return (lot_item(body).path,)
    return (text(body, "item"),) if name in {RECALL, RELEASE} else ()


def is_newest(final: FinalView, item: str, place: Place) -> bool:
    """Whether no record about a thing is newer than the one at a place."""
    subject = thing(item)
    data = final.view.get(subject_key(*subject))
    if data is None:
        return False
    return list(final.places(subject, [SubjectRow.parse(data).history.size - 1])) == [place]
