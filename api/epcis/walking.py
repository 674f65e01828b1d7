"""Which records may answer a query, in order: one index is walked, and nothing is judged here.

Rules: which index follows from the question:

* an event hash: the event's own records;
* items that the ledger follows: their own histories, which hold nothing else;
* an order or a limit by record time: the log itself, from the block of that time on;
* a step, a type, or neither: the events' times, of that step or type.

Items with longer histories than `MAX_GATHERED` records are walked in the order in which they were recorded; whoever wants
another order is told so. A walk can be resumed at any position that it gave.

What this module does not do: end a walk after so many records (`api.epcis.finding`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from api.epcis.items import Items
from api.epcis.query import Query
from ledger.block import parse_header_leaf
from ledger.entry import ENTRY_TAG, leaf_tag
from ledger.epcis.record import identity_in
from ledger.epcis.vocabulary import STEPS
from ledger.errors import FormatError
from ledger.records import Subject, parse_record
from ledger.records.base import integer
from ledger.records.events import CAPTURE, EVENT_LOOKUP, KIND_LOOKUP, STEP_LOOKUP, TIME_LOOKUP
from ledger.records.goods import COMMONS, THING
from ledger.rows import SubjectRow, subject_key
from ledger.rules import Place
from node.receipts import FinalView, parse_place

MAX_LEAVES: Final = 10_000
"""Leaves of the log that one request passes over."""
MAX_GATHERED: Final = 1_000
"""Records of items' histories that are put in order by event time."""
_TIME_BYTES: Final = 8
_PLACE_BYTES: Final = 12


class Candidate(NamedTuple):
    """A record that may answer, and where the walk stands behind it."""

    position: bytes
    place: Place | None
    """None: nothing there to judge, but the walk may be resumed here."""


def candidates(final: FinalView, query: Query, after: bytes | None) -> Iterator[Candidate]:
    """What may answer a query, in its order, from `after` on. Raises FormatError: `epcis.query-costly`, `epcis.query-token`."""
    digests = [identity_in(name) for name in query.event_ids]
    if digests and None not in digests:
        return _of_events(final, [digest for digest in digests if digest is not None], after)
    followed = next((items for items in query.items if items.followed), None)
    if followed is not None:
        return _of_items(final, query, followed, after)
    if query.order == "recordTime":
        return _of_log(final, query, after)
    return _of_times(final, query, after)


def _of_events(final: FinalView, digests: list[bytes], after: bytes | None) -> Iterator[Candidate]:
    places = sorted({place for digest in digests for place in places_of_event(final, digest)}, key=_order)
    return (Candidate(_at(place), place) for place in places if after is None or _at(place) > after)


def places_of_event(final: FinalView, digest: bytes) -> list[Place]:
    """Where the records stand of events with a hash or tag, in the order of the ledger."""
    rows = islice(final.view.lookup(EVENT_LOOKUP + digest), MAX_GATHERED)
    return sorted({parse_place(value) for _, value in rows}, key=_order)


def _of_items(final: FinalView, query: Query, items: Items, after: bytes | None) -> Iterator[Candidate]:
    subjects = [Subject(THING, COMMONS, path) for path in sorted(items.exact)]
    sizes = [_history_size(final, subject) for subject in subjects]
    few = sum(sizes) <= MAX_GATHERED
    if query.order == "eventTime" or (
        query.order is None and (few if after is None else len(after) > _PLACE_BYTES)
    ):
        if not few:
            raise FormatError(
                "epcis.query-costly",
                f"these items have {sum(sizes)} records, more than the {MAX_GATHERED} that are put in order of event time: "
                "ask with orderBy=recordTime, which has no limit, or for fewer items",
            )
        return _in_time_order(final, query, subjects, sizes, after)
    walks = [
        _of_history(final, subject, size, after, descending=query.descending)
        for subject, size in zip(subjects, sizes, strict=True)
    ]
    return _merged(walks, descending=query.descending)


def _in_time_order(
    final: FinalView, query: Query, subjects: list[Subject], sizes: list[int], after: bytes | None
) -> Iterator[Candidate]:
    places = {
        place
        for subject, size in zip(subjects, sizes, strict=True)
        for place in final.places(subject, range(size))
    }
    keyed = []
    for place in places:
        record = parse_record(final.record(place))
        if record.type.name == CAPTURE:
            keyed.append((_time_key(integer(record.body, "time_ms"), record.id), place))
    keyed.sort(reverse=query.descending)
    for position, place in keyed:
        if after is None or (position < after if query.descending else position > after):
            yield Candidate(position, place)


def _history_size(final: FinalView, subject: Subject) -> int:
    data = final.view.get(subject_key(*subject))
    return 0 if data is None else SubjectRow.parse(data).history.size


def _of_history(
    final: FinalView, subject: Subject, size: int, after: bytes | None, *, descending: bool
) -> Iterator[Candidate]:
    """A history's records in the order of the log, or backwards; where to begin is found by halving."""

    def place_at(number: int) -> Place:
        return next(final.places(subject, (number,)))

    low, high = 0, size
    while after is not None and low < high:
        middle = (low + high) // 2
        if _at(place_at(middle)) < after or (_at(place_at(middle)) == after and not descending):
            low = middle + 1
        else:
            high = middle
    if after is None:
        low = size if descending else 0
    numbers = range(low - 1, -1, -1) if descending else range(low, size)
    for number in numbers:
        place = place_at(number)
        yield Candidate(_at(place), place)


def _of_log(final: FinalView, query: Query, after: bytes | None) -> Iterator[Candidate]:
    """All records, in the order in which they were recorded."""
    view = final.view
    leaves = leaves_of(final, query)
    low, high = leaves.start, leaves.stop
    begin: Place | None = None
    if after is not None:
        begin = _place(after)
        low, high = (low, min(high, begin.index + 1)) if query.descending else (max(low, begin.index), high)
    indexes = range(high - 1, low - 1, -1) if query.descending else range(low, high)
    for passed, index in enumerate(indexes, start=1):
        if leaf_tag(view.leaf(index)) == ENTRY_TAG:
            numbers = range(len(view.records(index)))
            for number in reversed(numbers) if query.descending else numbers:
                place = Place(index, number)
                if begin is None or (
                    _order(place) < _order(begin) if query.descending else _order(place) > _order(begin)
                ):
                    yield Candidate(_at(place), place)
        if passed == MAX_LEAVES:
            yield Candidate(_at(Place(index, 0)) if query.descending else _at(Place(index, 2**31)), None)
            return


def leaves_of(final: FinalView, query: Query) -> range:
    """The part of the log that was recorded in the time asked for."""
    if query.record_time is None:
        return range(final.size)
    low, high = query.record_time
    return range(_first_index(final, low), _first_index(final, high))


def _first_index(final: FinalView, time_ms: int) -> int:
    """Log index of the first block that is not older than a time; the log's end if all are."""
    view = final.view
    low, high = 0, view.head.height + 1
    while low < high:
        middle = (low + high) // 2
        if parse_header_leaf(view.header_leaf(middle)).time_ms < time_ms:
            low = middle + 1
        else:
            high = middle
    return final.size if low > view.head.height else parse_header_leaf(view.header_leaf(low)).first_index


def _of_times(final: FinalView, query: Query, after: bytes | None) -> Iterator[Candidate]:
    steps = query.words.get("bizStep", frozenset())
    if steps and steps <= STEPS.words:
        prefixes = [STEP_LOOKUP + step.encode() + b"/" for step in sorted(steps)]
    elif query.kinds:
        prefixes = [KIND_LOOKUP + kind.value.encode() + b"/" for kind in sorted(query.kinds)]
    else:
        prefixes = [TIME_LOOKUP]
    walks = [_of_index(final, query, prefix, after) for prefix in prefixes]
    return _merged(walks, descending=query.descending)


def _of_index(final: FinalView, query: Query, prefix: bytes, after: bytes | None) -> Iterator[Candidate]:
    start, stop = (_time_key(time_ms) for time_ms in query.event_time)
    if after is not None and query.descending:
        stop = min(stop, after)
    elif after is not None:
        start = max(start, after + b"\0")
    rows = final.view.lookup(prefix, start=prefix + start, stop=prefix + stop, reverse=query.descending)
    return (Candidate(key[len(prefix) :], parse_place(value)) for key, value in rows)


def _merged(walks: list[Iterator[Candidate]], *, descending: bool) -> Iterator[Candidate]:
    """Several walks in one order, each record once."""
    last = None
    for candidate in heapq.merge(*walks, key=lambda candidate: candidate.position, reverse=descending):
        if candidate.position != last:
            yield candidate
        last = candidate.position


def _time_key(time_ms: int, record_id: bytes = b"") -> bytes:
    return time_ms.to_bytes(_TIME_BYTES, "big") + record_id


def _at(place: Place) -> bytes:
    return place.index.to_bytes(8, "big") + place.record_index.to_bytes(4, "big")


def _place(position: bytes) -> Place:
    if len(position) != _PLACE_BYTES:
        raise FormatError("epcis.query-token", "nextPageToken belongs to another question")
    return Place(int.from_bytes(position[:8], "big"), int.from_bytes(position[8:], "big"))


def _order(place: Place) -> tuple[int, int]:
    return place.index, place.record_index
