"""`epcis.*`: what happened to things, as EPCIS 2.0 events.

Rules: the ledger keeps an event's bytes as they are and never reads them: what stands beside them in the record (kind, time,
things, hash) is its author's statement, which whoever reads the event compares. An event is its author's, known by the CBV
event hash or, where parts of it are hidden, by a keyed tag in its place: a plain hash over what can be guessed would give that
away. Each event joins the history of each of its things, and an error declaration joins them all again.

What this module does not do: JSON, EPCIS vocabulary, or whether an event is plausible. An implausible event is recorded;
finding it is arithmetic for whoever reads.
"""

from __future__ import annotations

from ledger.encoding import encode
from ledger.errors import RefusedError
from ledger.fields import IDENTIFIER_ALPHABET, TIME_MS, Ascii, Body, Bytes, Choice, Field, Integer
from ledger.hashing import sha256
from ledger.records.base import (
    AUTHORITY,
    IN_FORCE,
    RecordType,
    RuleState,
    Subject,
    integer,
    octets,
    text,
    words,
)
from ledger.records.goods import EVENT, ItemList, Octets, note
from ledger.roles import DEVICE, INSPECTOR, PRODUCER
from ledger.rows import row_key

CAPTURE, ERROR = "epcis.event/1", "epcis.error/1"
DECLARED_ERROR = "declared-error"

KINDS = frozenset({"object", "aggregation", "transaction", "transformation", "association"})
"""The five event types of EPCIS 2.0 §7.4."""

MAX_EVENT_BYTES = 60_000
"""Bytes of an event: what a record of at most 65,535 has room for."""
MAX_THINGS = 256
"""Things of one event; a larger one is recorded as several."""
BYTES_OF_A_THING = 20
"""An event has at least so many bytes for each of its things: any address or URN is longer. So a block of many things is a
block of many bytes, and takes no longer than that.
"""
MAX_HIDDEN = 1_024
"""Parts of one event that are hidden."""

EVENT_LOOKUP = b"event/"
"""Lookup keys of an event's records: this, its hash or tag, the authority and `/`."""
TIME_LOOKUP = b"event-time/"
"""Lookup keys of all events: this, then the event's time in 8 bytes, big-endian."""
STEP_LOOKUP = b"event-step/"
"""Lookup keys of events by step: this, the step, `/`, then the event's time as above."""
KIND_LOOKUP = b"event-kind/"
"""Lookup keys of events by kind: this, the kind, `/`, then the event's time as above."""
MEMBER_LOOKUP = b"event-member/"
"""Lookup keys of events by author: this, the member, `/`, then the event's time as above."""

THINGS_ROW = "event-things"
"""Rows `["event-things", authority, hash or tag]`: SHA-256 of the encoded list of the event's things."""


def event_identifier(body: Body) -> bytes:
    """By what the event is known: its hash, or the tag in the hash's place. 32 bytes."""
    return octets(body, "event_hash" if "event_hash" in body else "event_tag")


def event(authority: str, identifier: bytes) -> Subject:
    """A member's event, by its hash or tag."""
    return Subject(EVENT, authority, identifier)


def things_key(authority: str, identifier: bytes) -> bytes:
    """State key of the digest of an event's things."""
    return row_key(THINGS_ROW, authority, identifier)


def _digest(body: Body) -> bytes:
    return encode(sha256(encode(list(words(body, "things")))))


def _subject(body: Body) -> Subject:
    return event(text(body, "authority"), event_identifier(body))


def _check_name(body: Body) -> None:
    if ("event_hash" in body) == ("event_tag" in body):
        raise RefusedError("event.hash-or-tag", "an event is known by its hash or by a tag: one of the two")
    if len(octets(body, "event")) < BYTES_OF_A_THING * len(words(body, "things")):
        raise RefusedError(
            "event.size",
            f"an event has at least {BYTES_OF_A_THING} bytes for each of its things, which it names",
        )


def _check(body: Body) -> None:
    _check_name(body)
    if ("hidden_root" in body) != ("hidden_count" in body):
        raise RefusedError(
            "event.hidden-pair", "the root over hidden parts and how many there are go together"
        )
    if "hidden_root" in body and "event_hash" in body:
        raise RefusedError(
            "event.hidden-hash",
            "an event with hidden parts is known by a tag: its plain hash would let somebody guess them",
        )


def _joins(body: Body) -> int:
    return len(words(body, "things"))


def _note_all(state: RuleState, body: Body) -> None:
    for path in words(body, "things"):
        note(state, path)


def _capture(state: RuleState, status: str | None, body: Body) -> str:
    if status is not None:
        raise RefusedError("event.exists", "this authority has already recorded this event")
    state.put(things_key(text(body, "authority"), event_identifier(body)), _digest(body))
    _note_all(state, body)
    return IN_FORCE


def _error(state: RuleState, status: str | None, body: Body) -> str:
    if status is None:
        raise RefusedError("event.unknown", "this authority has recorded no such event", permanent=False)
    if status == DECLARED_ERROR:
        raise RefusedError("event.declared-error", "the event has been declared an error already")
    if state.get(things_key(text(body, "authority"), event_identifier(body))) != _digest(body):
        raise RefusedError(
            "event.things", "an error declaration names the things of its event, all of them and no others"
        )
    _note_all(state, body)
    return DECLARED_ERROR


def _lookups(body: Body) -> tuple[bytes, ...]:
    return (EVENT_LOOKUP + event_identifier(body) + text(body, "authority").encode() + b"/",)


def _capture_lookups(body: Body) -> tuple[bytes, ...]:
    time = integer(body, "time_ms").to_bytes(8, "big")
    found = [
        TIME_LOOKUP + time,
        KIND_LOOKUP + text(body, "kind").encode() + b"/" + time,
        MEMBER_LOOKUP + text(body, "authority").encode() + b"/" + time,
    ]
    if "step" in body:
        found.append(STEP_LOOKUP + text(body, "step").encode() + b"/" + time)
    return (*_lookups(body), *found)


_EVENT = Field(
    "event",
    Octets(1, MAX_EVENT_BYTES),
    "the event as JSON-LD in canonical form (RFC 8785), without hidden parts",
)
_HASH = Field("event_hash", Bytes(32), "CBV 2.0 event hash (SHA-256)", required=False)
_TAG = Field(
    "event_tag",
    Bytes(32),
    "HMAC-SHA-256 of the event hash under a secret of the author, in place of the hash where parts are hidden",
    required=False,
)
_THINGS = Field("things", ItemList(1, MAX_THINGS), "all things that the event names")

TYPES = (
    RecordType(
        name=CAPTURE,
        meaning="What happened to things: an EPCIS 2.0 event.",
        fields=(
            AUTHORITY,
            _EVENT,
            _HASH,
            _TAG,
            Field("kind", Choice(KINDS), "which of the five event types"),
            Field("time_ms", TIME_MS, "when it happened, as the event states"),
            Field(
                "step",
                Ascii(1, 40, IDENTIFIER_ALPHABET),
                "business step as a bare word of the CBV, such as shipping",
                required=False,
            ),
            _THINGS,
            Field(
                "hidden_root",
                Bytes(32),
                "root of the tree over the hidden parts, each [JSON pointer, value as text, salted check]",
                required=False,
            ),
            Field("hidden_count", Integer(1, MAX_HIDDEN), "how many parts are hidden", required=False),
        ),
        roles=frozenset({PRODUCER, INSPECTOR, DEVICE}),
        subject=_subject,
        rule=_capture,
        check=_check,
        joins=_joins,
        lookups=_capture_lookups,
    ),
    RecordType(
        name=ERROR,
        meaning="An event's author declares that it did not happen as recorded.",
        fields=(
            AUTHORITY,
            Field(
                "event",
                Octets(1, MAX_EVENT_BYTES),
                "the event again as JSON-LD in canonical form, with its error declaration",
            ),
            _HASH,
            _TAG,
            _THINGS,
            Field("time_ms", TIME_MS, "when the error was declared, as the declaration states"),
        ),
        roles=frozenset({PRODUCER, INSPECTOR, DEVICE}),
        subject=_subject,
        rule=_error,
        check=_check_name,
        by_successor=True,
        joins=_joins,
        lookups=_lookups,
    ),
)
