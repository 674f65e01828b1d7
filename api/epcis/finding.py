"""Finding events on a node: bounded work for each request, however large the ledger is.

Rules: a search walks one index in order and judges what it meets, at most `MAX_EXAMINED` records for each request. Where it
stops
is in the link to the next page, also if it has found nothing yet: so every question is answered in the end, and none costs
the node more than its share. Which index is walked follows from the question:

* items that the ledger follows: their own histories, which hold nothing else;
* an event hash: the event's own records;
* an order or a limit by record time: the log itself, from the block of that time on;
* a step, a type, or neither: the events' times, of that step or type.

Items with longer histories than `MAX_GATHERED` records are walked in the order in which they were recorded; whoever wants
another order is told so.

What this module does not do: read parameters, or make documents.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, NamedTuple

from api.epcis.query import Items, Query, Token
from ledger.block import parse_header_leaf
from ledger.entry import ENTRY_TAG, leaf_tag
from ledger.epcis import record as event_record
from ledger.epcis.addresses import canonical_address
from ledger.epcis.json_text import EpcisError, Json, check_values, parse_object
from ledger.epcis.model import Kind
from ledger.epcis.reading import MAX_EVENT_BYTES, item_text, prefixes_of
from ledger.epcis.record import identifier, identity_in
from ledger.epcis.times import read_time
from ledger.epcis.vocabulary import (
    DISPOSITIONS,
    ERRORS,
    PARTIES,
    STANDARD_PREFIXES,
    STEPS,
    TRANSACTIONS,
    Vocabulary,
)
from ledger.errors import FormatError, VerificationError
from ledger.records import Record, Subject, parse_record
from ledger.records.base import integer, octets, text
from ledger.records.events import (
    CAPTURE,
    DECLARED_ERROR,
    ERROR,
    EVENT_LOOKUP,
    KIND_LOOKUP,
    STEP_LOOKUP,
    TIME_LOOKUP,
    event,
    event_identifier,
)
from ledger.records.goods import COMMONS, THING
from ledger.rows import SubjectRow, subject_key
from ledger.rules import Place
from node.receipts import FinalView, parse_place

MAX_EXAMINED: Final = 1_000
"""Records that one request looks at."""
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


@dataclass(frozen=True, slots=True)
class Found:
    """An event that answers."""

    record: Record
    """The `epcis.event/1` record."""
    place: Place
    event: Json
    """As it is recorded; as its error declaration has it, if there is one."""
    error: Record | None
    mismatch: bool = False
    """Whether the record says something else of the event than the event does."""


@dataclass(frozen=True, slots=True)
class Page:
    """What one request found."""

    found: tuple[Found, ...]
    following: Token | None
    """Where the next page begins; None if there is nothing more."""
    too_large: bool = False
    """Whether there are more events than `maxEventCount` allows."""


def find(final: FinalView, query: Query) -> Page:
    """A page of events. Raises FormatError: `epcis.query-costly`, `epcis.query-token`."""
    after = query.after
    limit = query.limit if query.most is None else query.most + 1
    left = limit if after is None else after.left
    wanted = query.page if left is None else min(query.page, left)
    found: list[Found] = []
    leaves = _leaves(final, query)
    examined = 0
    for candidate in _candidates(final, query, None if after is None else after.position):
        if candidate.place is not None:
            examined += 1
            one = _judge(final, query, candidate.place, leaves)
            if one is not None:
                found.append(one)
        if len(found) == wanted or examined == MAX_EXAMINED or candidate.place is None:
            rest = None if left is None else left - len(found)
            return Page(
                tuple(found),
                None if rest == 0 else Token(candidate.position, rest),
                too_large=query.most is not None and rest == 0,
            )
    return Page(tuple(found), None)


def event_of(final: FinalView, name: str) -> Found | None:
    """The event of an identifier: the hash or tag that this repository names it by. None if there is none."""
    digest = identity_in(name)
    if digest is None:
        return None
    doubtful: Found | None = None
    for place in _places_of_event(final, digest):
        record = parse_record(final.record(place))
        if record.type.name != CAPTURE:
            continue
        whole = _whole(final, record, place)
        found = None if whole is None else _checked(whole)
        # Anybody may record another event under this hash, and before: what says so itself goes first.
        if found is not None and not found.mismatch:
            return found
        doubtful = doubtful or found
    return doubtful


def identifier_of(found: Found) -> str:
    """What this repository calls an event: its own identifier, else its hash, else its tag."""
    own = found.event.get("eventID")
    if isinstance(own, str):
        return own
    return identifier(found.record.body)


# -- which index -----------------------------------------------------------------------------------------------------------


def _candidates(final: FinalView, query: Query, after: bytes | None) -> Iterator[Candidate]:
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
    places = sorted({place for digest in digests for place in _places_of_event(final, digest)}, key=_order)
    return (Candidate(_at(place), place) for place in places if after is None or _at(place) > after)


def _places_of_event(final: FinalView, digest: bytes) -> list[Place]:
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
    leaves = _leaves(final, query)
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


def _leaves(final: FinalView, query: Query) -> range:
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


# -- judging -----------------------------------------------------------------------------------------------------------------


def _judge(final: FinalView, query: Query, place: Place, leaves: range) -> Found | None:
    if place.index not in leaves:
        return None
    record = parse_record(final.record(place))
    if record.type.name != CAPTURE:
        return None
    body = record.body
    low, high = query.event_time
    if not low <= integer(body, "time_ms") < high:
        return None
    if query.kinds and Kind(text(body, "kind")) not in query.kinds:
        return None
    steps = query.words.get("bizStep")
    if steps is not None and "step" in body and body["step"] not in steps:
        return None
    found = _whole(final, record, place)
    asks_for_errors = query.in_error or query.error_time or query.error_reasons or query.corrective
    if found is None or (asks_for_errors and found.error is None):
        return None
    return _checked(found) if _answers(found, query) else None


def _whole(final: FinalView, record: Record, place: Place) -> Found | None:
    """An event with its error declaration, if it has been declared in error."""
    error = None
    name = event_identifier(record.body)
    data = final.view.get(subject_key(*event(record.authority, name)))
    if data is not None and SubjectRow.parse(data).status == DECLARED_ERROR:
        for other in _places_of_event(final, name):
            candidate = parse_record(final.record(other))
            if candidate.type.name == ERROR and candidate.authority == record.authority:
                error = candidate
    try:
        value = parse_object(octets((error or record).body, "event"), max_bytes=MAX_EVENT_BYTES)
        check_values(value)
    except FormatError:
        # The chain does not read events, so anything may stand there: what cannot be read answers no question.
        return None
    return Found(record, place, value, error)


def _checked(found: Found) -> Found | None:
    """An event that is about to go out, read whole; None if it is none."""
    try:
        event_record.read(found.record.body)
        if found.error is not None:
            event_record.read(found.error.body)
    except FormatError:
        return None
    except VerificationError:
        return replace(found, mismatch=True)
    return found


def _answers(found: Found, query: Query) -> bool:
    value = found.event
    if query.actions and value.get("action") not in query.actions:
        return False
    if query.event_ids and not query.event_ids & {identifier_of(found), identifier(found.record.body)}:
        return False
    if query.transformations and value.get("transformationID") not in query.transformations:
        return False
    for member, wanted in query.words.items():
        words = STEPS if member == "bizStep" else DISPOSITIONS
        if _short(value.get(member), words) not in wanted:
            return False
    prefixes = _prefixes(value)
    for member, places in query.places.items():
        if _place_of(value, member, prefixes) not in places:
            return False
    for member, places in query.within.items():
        where = _place_of(value, member, prefixes)
        if where not in places and not any(where.startswith(f"{one}/254/") for one in places):
            return False
    for member, wanted in query.persistent.items():
        listed = _list(_below(value.get("persistentDisposition"), member))
        if wanted.isdisjoint(str(_short(one, DISPOSITIONS)) for one in listed):
            return False
    return (
        _declares(value, query)
        and all(_has_link(value, link, prefixes) for link in query.links)
        and all(
            any(items.matches(item) for item in _items(value, items.members, prefixes))
            for items in query.items
        )
    )


def _prefixes(value: Json) -> Mapping[str, str]:
    """What prefixes stand for in an event: its own context says."""
    try:
        return prefixes_of(value.get("@context"), "")
    except FormatError:
        return STANDARD_PREFIXES


def _place_of(value: Json, member: str, prefixes: Mapping[str, str]) -> str:
    """A place in canonical form: an SGLN and a Digital Link of one location number are one place."""
    return canonical_address(_expanded(_text(_below(value.get(member), "id")) or "", prefixes))


def _declares(value: Json, query: Query) -> bool:
    """Whether the event's error declaration is one of those asked for."""
    if query.error_time is None and not query.error_reasons and not query.corrective:
        return True
    declared = value.get("errorDeclaration")
    if query.error_time is not None:
        low, high = query.error_time
        try:
            if not low <= read_time(_below(declared, "declarationTime"), "") < high:
                return False
        except FormatError:
            return False
    if query.error_reasons and _short(_below(declared, "reason"), ERRORS) not in query.error_reasons:
        return False
    return not query.corrective or not query.corrective.isdisjoint(
        one for one in _list(_below(declared, "correctiveEventIDs")) if isinstance(one, str)
    )


def _has_link(value: Json, link: tuple[str, str, str, frozenset[str]], prefixes: Mapping[str, str]) -> bool:
    members, member, kind, wanted = link
    words = TRANSACTIONS if member == "bizTransaction" else PARTIES
    return any(
        _short(_below(item, "type"), words) == kind
        and canonical_address(_expanded(_text(_below(item, member)) or "", prefixes)) in wanted
        for item in _list(value.get(members))
    )


def _items(value: Json, members: tuple[str, ...], prefixes: Mapping[str, str]) -> Iterator[str]:
    for member in members:
        below = value.get(member)
        for item in below if isinstance(below, list) else [below]:
            uri = _below(item, "epcClass") if isinstance(item, dict) else item
            if isinstance(uri, str):
                try:
                    yield item_text(_expanded(uri, prefixes), "")[0]
                except EpcisError:
                    yield uri


def _expanded(text: str, prefixes: Mapping[str, str]) -> str:
    prefix, _, local = text.partition(":")
    return text if prefix not in prefixes or local.startswith("//") else prefixes[prefix] + local


def _short(value: object, words: Vocabulary) -> str | None:
    return words.short(value) if isinstance(value, str) else None


def _below(value: object, member: str) -> Any:  # noqa: ANN401  JSON is anything
    return value.get(member) if isinstance(value, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
