"""Finding events on a node: bounded work for each request, however large the ledger is.

Rules: a search walks one index in order and judges what it meets, at most `MAX_EXAMINED` records, `MAX_BYTES` of events and
`MAX_LOOKED_UP` rows of master data for each request. Where it stops is in the link to the next page, also if it has found
nothing yet: so every question is answered in the end, and none costs the node more than its share.

What this module does not do: read parameters, choose an index (`api.epcis.walking`), decide what an event answers
(`api.epcis.matching`), or make documents.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from api.epcis.master_data import NodeMasterData
from api.epcis.matching import answers
from api.epcis.query import Query, Token
from api.epcis.walking import candidates, leaves_of, places_of_event
from ledger.epcis import record as event_record
from ledger.epcis.json_text import Json, check_values, parse_object
from ledger.epcis.model import Kind
from ledger.epcis.reading import MAX_EVENT_BYTES
from ledger.epcis.record import identifier, identity_in
from ledger.errors import FormatError, VerificationError
from ledger.records import Record, parse_record
from ledger.records.base import integer, octets, text
from ledger.records.events import CAPTURE, DECLARED_ERROR, ERROR, event, event_identifier
from ledger.rows import SubjectRow, subject_key
from ledger.rules import Place
from node.receipts import FinalView

MAX_EXAMINED: Final = 1_000
"""Records that one request looks at."""
MAX_BYTES: Final = 4_000_000
"""Bytes of events that one request reads."""
MAX_LOOKED_UP: Final = 2_000
"""Rows of master data that one request reads, and what one event more may take."""


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


@dataclass(slots=True)
class _Work:
    """What one request has cost, where records are not all alike."""

    data: NodeMasterData
    bytes: int = 0

    @property
    def is_enough(self) -> bool:
        return self.bytes >= MAX_BYTES or self.data.looked_up >= MAX_LOOKED_UP


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
    leaves = leaves_of(final, query)
    examined = 0
    work = _Work(NodeMasterData(final))
    for candidate in candidates(final, query, None if after is None else after.position):
        if candidate.place is not None:
            examined += 1
            one = _judge(final, query, candidate.place, leaves, work)
            if one is not None:
                found.append(one)
        if len(found) == wanted or examined == MAX_EXAMINED or work.is_enough or candidate.place is None:
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
    for place in places_of_event(final, digest):
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


# -- judging -----------------------------------------------------------------------------------------------------------------


def _judge(final: FinalView, query: Query, place: Place, leaves: range, work: _Work) -> Found | None:
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
    work.bytes += len(octets(body, "event"))
    found = _whole(final, record, place)
    asks_for_errors = query.in_error or query.error_time or query.error_reasons or query.corrective
    if found is None or (asks_for_errors and found.error is None):
        return None
    names = frozenset({identifier_of(found), identifier(record.body)})
    return _checked(found) if answers(found.event, names, query, work.data) else None


def _whole(final: FinalView, record: Record, place: Place) -> Found | None:
    """An event with its error declaration, if it has been declared in error."""
    error = None
    name = event_identifier(record.body)
    data = final.view.get(subject_key(*event(record.authority, name)))
    if data is not None and SubjectRow.parse(data).status == DECLARED_ERROR:
        for other in places_of_event(final, name):
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
