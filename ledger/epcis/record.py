"""Between an event and the ledger's record of it.

Rules: a record holds the event's canonical bytes, and beside them what the chain can use without reading them: kind, time,
step,
items and the event hash. Everything beside the bytes follows from the bytes, so whoever reads a record compares (`read`); the
chain never does. Where parts are hidden, the record has a tag in the hash's place, HMAC-SHA-256(secret, event hash): what is
hidden is often guessable (a buyer's name, a price), and a plain hash of the whole event would tell who guesses right.

The salt of an event's hidden parts follows from the author's secret and the whole event's bytes: nobody has to keep it, and to
make the same record again gives the same bytes.

What this module does not do: draw secrets, sign, or submit.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ledger.encoding import Value
from ledger.epcis.event_hash import digest_of_uri, event_hash, hash_uri
from ledger.epcis.hiding import Hidden, commit, hide
from ledger.epcis.json_text import Json, canonical, parse_object
from ledger.epcis.model import Event
from ledger.epcis.reading import MAX_EVENT_BYTES, read_event
from ledger.epcis.vocabulary import STEPS
from ledger.errors import FormatError, VerificationError
from ledger.fields import Body
from ledger.hashing import HASH_SIZE, sha256
from ledger.records.base import octets

SECRET_SIZE: Final = 32
TAG_URI: Final = "urn:sogoc:event:"
"""Stands before a tag, in hexadecimal."""
_SALT_CONTEXT: Final = b"sogoc/v1/event-salt\0"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An event as it is recorded, with what stays at home."""

    body: dict[str, Value]
    """The body of an `epcis.event/1` record."""
    digest: bytes
    """The event hash of the whole event."""
    whole: bytes
    """Canonical bytes of the whole event."""
    hidden: tuple[Hidden, ...]
    salt: bytes | None
    """Of the hidden parts; None if nothing is hidden."""


def prepare(
    authority: str,
    event: Json,
    *,
    hide_parts: Collection[str] = (),
    secret: bytes | None = None,
    pointer: str = "",
) -> Prepared:
    """Make an event ready to be recorded for the member `authority`.

    `hide_parts`: JSON pointers of what is kept back; then `secret`, 32 bytes, is the author's. `pointer`: where the event
    stands, for messages. Raises FormatError (`epcis.*`, `gs1.*`).
    """
    read = read_event(event, pointer)
    if not read.things and read.sensors:
        raise FormatError(
            "epcis.no-things",
            "a sensor's event about a place or a device alone, which EPCIS 2.0 §7.4.2 allows, is not recorded: the ledger "
            "keeps events in the histories of the goods that they are about, and a place has none; name the lots or the "
            "logistic units that stood there, in quantityList or epcList",
        )
    if not read.things:
        raise FormatError(
            "epcis.no-things",
            "the event names no goods and no logistic unit that the ledger could follow: an EPC, a lot, a GTIN or an SSCC",
        )
    digest, whole = event_hash(event), canonical(event)
    if read.error_declaration is not None:
        raise FormatError(
            "epcis.error-declaration", "an event is recorded first, and its error declared afterwards"
        )
    if not hide_parts:
        return Prepared(_body(authority, read, whole) | {"event_hash": digest}, digest, whole, (), None)
    secret = _checked(secret)
    public, hidden = hide(event, hide_parts)
    left = read_event(public)
    if _found_by(left) != _found_by(read):
        raise FormatError("epcis.hide-item", "an event's type, times, action and items cannot be hidden")
    salt = event_salt(secret, whole)
    body = _body(authority, left, canonical(public))
    body |= {
        "event_tag": event_tag(secret, digest),
        "hidden_root": commit(hidden, salt),
        "hidden_count": len(hidden),
    }
    return Prepared(body, digest, whole, hidden, salt)


def body(
    authority: str, event: Json, *, hide: Collection[str] = (), secret: bytes | None = None
) -> dict[str, Value]:
    """The body of the record, as `prepare` makes it."""
    return prepare(authority, event, hide_parts=hide, secret=secret).body


def error_body(
    authority: str, event: Json, *, hide_parts: Collection[str] = (), secret: bytes | None = None
) -> dict[str, Value]:
    """The body of an `epcis.error/1` record: the event again, now with its `errorDeclaration`.

    `hide_parts` and `secret` are those with which it was recorded. Raises FormatError (`epcis.*`).
    """
    read = read_event(event)
    if read.error_declaration is None:
        raise FormatError("epcis.error-declaration", "the event holds no errorDeclaration")
    public = event
    if hide_parts:
        public, _ = hide(event, hide_parts)
        read = read_event(public)
    made = _body(authority, read, canonical(public))
    named: dict[str, Value] = {
        "authority": authority,
        "event": made["event"],
        "things": made["things"],
        "time_ms": read.error_declaration.time_ms if read.error_declaration else 0,
    }
    digest = event_hash(event)
    if hide_parts:
        return named | {"event_tag": event_tag(_checked(secret), digest)}
    return named | {"event_hash": digest}


def identifier(record: Body) -> str:
    """What an event without an identifier of its own is called: by its hash, or by the tag in the hash's place."""
    if "event_hash" in record:
        return hash_uri(octets(record, "event_hash"))
    return TAG_URI + octets(record, "event_tag").hex()


def identity_in(text: str) -> bytes | None:
    """The hash or tag in such an identifier; None in any other."""
    tag = text.removeprefix(TAG_URI)
    if tag != text and len(tag) == 2 * HASH_SIZE and set("0123456789abcdef").issuperset(tag):
        return bytes.fromhex(tag)
    return digest_of_uri(text)


def event_tag(secret: bytes, digest: bytes) -> bytes:
    """What stands in the place of the event hash where parts are hidden."""
    return hmac.digest(secret, digest, hashlib.sha256)


def event_salt(secret: bytes, whole: bytes) -> bytes:
    """The salt of the hidden parts of an event whose canonical bytes are `whole`."""
    return hmac.digest(secret, _SALT_CONTEXT + sha256(whole), hashlib.sha256)


def read(record: Body) -> Event:
    """The event in the body of an `epcis.event/1` or `epcis.error/1` record, compared with what stands beside it.

    Raises FormatError (`epcis.*`) for bytes that are no event, VerificationError (`event.mismatch`) where they say another
    thing than the record.
    """
    data = octets(record, "event")
    value = parse_object(data, max_bytes=MAX_EVENT_BYTES)
    event = read_event(value)
    if canonical(value) != data:
        raise VerificationError("event.mismatch", "the event in the record is not in canonical form")
    if list(event.things) != record["things"]:
        raise VerificationError("event.mismatch", "the record names other things than its event")
    if "kind" in record:
        said = (record["kind"], record["time_ms"], record.get("step"))
        if said != (event.kind.value, event.event_time_ms, _step(event)):
            raise VerificationError(
                "event.mismatch", "the record states another kind, time or step than its event"
            )
        if event.error_declaration is not None:
            raise VerificationError("event.mismatch", "an event that is recorded declares no error yet")
    elif event.error_declaration is None or event.error_declaration.time_ms != record["time_ms"]:
        raise VerificationError(
            "event.mismatch", "the record states another error declaration than its event"
        )
    if "event_hash" in record and event_hash(value) != record["event_hash"]:
        raise VerificationError(
            "event.mismatch",
            "the record's event hash is not that of its event",
            expected=octets(record, "event_hash"),
            got=event_hash(value),
        )
    return event


def _body(authority: str, event: Event, data: bytes) -> dict[str, Value]:
    if len(data) > MAX_EVENT_BYTES:
        raise FormatError(
            "epcis.event-size",
            f"an event has at most {MAX_EVENT_BYTES} bytes in canonical form, not {len(data)}: capture it as several",
        )
    made: dict[str, Value] = {
        "authority": authority,
        "event": data,
        "kind": event.kind.value,
        "time_ms": event.event_time_ms,
        "things": list(event.things),
    }
    step = _step(event)
    return made if step is None else made | {"step": step}


def _step(event: Event) -> str | None:
    """The business step, if it is one of the standard's words."""
    return event.step if event.step in STEPS.words else None


def _found_by(event: Event) -> tuple[object, ...]:
    return event.kind, event.event_time_ms, event.offset, event.action, event.things


def _checked(secret: bytes | None) -> bytes:
    if secret is None or len(secret) != HASH_SIZE:
        raise FormatError(
            "epcis.hide-secret", f"hiding parts takes the author's secret of {SECRET_SIZE} bytes"
        )
    return secret
