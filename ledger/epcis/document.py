"""EPCIS documents: events read out of one, and events written as one (EPCIS 2.0 §9.5).

Rules: an `EPCISDocument` or `EPCISQueryDocument` is read within limits; each event is handed on with a context of its own, so
that it means the same without its document. What is wrong with one event is that event's error, and leaves the others alone.

What this module does not do: XML, or fetching a context.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.epcis.context import joined_context, prefixes_of, read_uri
from ledger.epcis.json_text import EpcisError, Json, canonical, check_text, join, parse_object
from ledger.epcis.model import KIND_OF_TYPE, Event
from ledger.epcis.times import read_time, write_time
from ledger.epcis.vocabulary import CONTEXT, STANDARD_PREFIXES

MAX_DOCUMENT_BYTES: Final = 8_000_000
MAX_EVENTS: Final = 1_000
"""Events of one document."""
SCHEMA_VERSION: Final = "2.0"
DOCUMENT, QUERY_DOCUMENT = "EPCISDocument", "EPCISQueryDocument"

_MEMBERS = frozenset(
    {
        "@context",
        "id",
        "type",
        "schemaVersion",
        "creationDate",
        "instanceIdentifier",
        "sender",
        "receiver",
        "epcisHeader",
        "epcisBody",
    }
)


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read: its events, not judged yet, and its master data."""

    events: tuple[tuple[str, object], ...]
    """Each with its JSON pointer."""
    context: object
    vocabularies: tuple[Mapping[str, Any], ...]
    """`epcisHeader/epcisMasterData/vocabularyList`: checked for shape only."""
    bare: bool = False
    """Whether it was an event by itself, and no document."""

    def event(self, value: object, pointer: str) -> Json:
        """One of the events with a context of its own, to be read. Raises EpcisError (`epcis.*`)."""
        if not isinstance(value, dict):
            raise EpcisError("epcis.kind", pointer, "an event is an object")
        return with_context(value, self.context)


def with_context(event: Json, *contexts: object) -> Json:
    """An event that stands for itself: with those prefixes that it uses, out of the contexts around it and its own."""
    own = event.get("@context")
    for context in (*contexts, own):
        prefixes_of(context, "/@context")
    bare = {name: value for name, value in event.items() if name != "@context"}
    return bare | {"@context": joined_context(*contexts, own, used=_texts(bare))}


def parse_document(data: bytes) -> Document:
    """Read a document, or one event as a document of one. Raises FormatError (`epcis.*`)."""
    value = parse_object(data, max_bytes=MAX_DOCUMENT_BYTES)
    if value.get("type") in KIND_OF_TYPE:
        return Document((("", value),), None, (), bare=True)
    if value.get("type") not in (DOCUMENT, QUERY_DOCUMENT):
        raise EpcisError("epcis.type", "/type", f"an {DOCUMENT}, an {QUERY_DOCUMENT} or an event is expected")
    query = value["type"] == QUERY_DOCUMENT
    prefixes = prefixes_of(value.get("@context"), "/@context")
    _check_members(value, "", _MEMBERS, prefixes)
    for name in ("@context", "epcisBody", *(() if query else ("schemaVersion", "creationDate"))):
        if name not in value:
            raise EpcisError("epcis.missing", join("", name), f"{name} is missing")
    _check_head(value)
    body = _object(value["epcisBody"], "/epcisBody")
    pointer = "/epcisBody"
    if query:
        for name in ("queryResults", "resultsBody"):
            pointer = join(pointer, name)
            body = _object(body.get(name), pointer)
    events = body.get("eventList")
    if not isinstance(events, list):
        raise EpcisError("epcis.missing", f"{pointer}/eventList", "a document holds a list of events")
    if len(events) > MAX_EVENTS:
        raise EpcisError(
            "epcis.events-many",
            f"{pointer}/eventList",
            f"at most {MAX_EVENTS} events are taken at once, not {len(events)}",
        )
    return Document(
        tuple((f"{pointer}/eventList/{number}", event) for number, event in enumerate(events)),
        value["@context"],
        _vocabularies(value.get("epcisHeader")),
    )


def _check_head(value: Json) -> None:
    version = value.get("schemaVersion", SCHEMA_VERSION)
    if not isinstance(version, str) or not (
        version == SCHEMA_VERSION or version.startswith(f"{SCHEMA_VERSION}.")
    ):
        raise EpcisError("epcis.version", "/schemaVersion", f"documents of EPCIS {SCHEMA_VERSION} are read")
    if "creationDate" in value:
        read_time(value["creationDate"], "/creationDate")
    if "id" in value:
        read_uri(value["id"], "/id")
    for name in ("instanceIdentifier", "sender", "receiver"):
        if name in value:
            if not isinstance(value[name], str):
                raise EpcisError("epcis.kind", join("", name), "a text is expected")
            check_text(value[name], join("", name))


def _vocabularies(header: object) -> tuple[Mapping[str, Any], ...]:
    if header is None:
        return ()
    pointer = "/epcisHeader"
    for name in ("epcisMasterData", "vocabularyList"):
        header = _object(header, pointer).get(name)
        pointer = join(pointer, name)
        if header is None:
            return ()
    if not isinstance(header, list):
        raise EpcisError("epcis.kind", pointer, "a list is expected")
    for number, vocabulary in enumerate(header):
        where = join(pointer, number)
        read_uri(_object(vocabulary, where).get("type"), join(where, "type"))
        for place, element in enumerate(vocabulary.get("vocabularyElementList", [])):
            inner = f"{where}/vocabularyElementList/{place}"
            read_uri(_object(element, inner).get("id"), join(inner, "id"))
    return tuple(header)


def _check_members(value: Json, pointer: str, known: frozenset[str], prefixes: Mapping[str, str]) -> None:
    for name in value:
        if name not in known and (name.partition(":")[0] not in prefixes or ":" not in name):
            raise EpcisError("epcis.member", join(pointer, name), "no such member stands here")


def _object(value: object, pointer: str) -> Json:
    if not isinstance(value, dict):
        raise EpcisError("epcis.kind", pointer, "an object is expected")
    return value


def _texts(value: object) -> Iterator[str]:
    """Every name and every text inside of a value: what may begin with a prefix."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            yield from item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


# -- writing -------------------------------------------------------------------------------------------------------------


def document(events: Iterable[Event], *, created_ms: int | None = None) -> bytes:
    """An `EPCISDocument` of events, in canonical form. `created_ms`: its creation date; without it, the latest event's time.

    The same events give the same bytes.
    """
    listed = list(events)
    if created_ms is None:
        created_ms = max((event.event_time_ms for event in listed), default=0)
    context, bodies = _hoisted([event.json for event in listed])
    return canonical(
        {
            "@context": context,
            "type": DOCUMENT,
            "schemaVersion": SCHEMA_VERSION,
            "creationDate": write_time(created_ms),
            "epcisBody": {"eventList": bodies},
        }
    )


def query_document(
    events: Sequence[Json],
    *,
    created_ms: int,
    query: str = "SimpleEventQuery",
    prefixes: Mapping[str, str] | None = None,
    extras: Mapping[str, Any] | None = None,
) -> bytes:
    """An `EPCISQueryDocument` of results, in canonical form.

    `extras`: members of one's own beside the events, whose names begin with one of `prefixes`.
    """
    context, bodies = _hoisted(events, prefixes)
    return canonical(
        {
            "@context": context,
            "type": QUERY_DOCUMENT,
            "schemaVersion": SCHEMA_VERSION,
            "creationDate": write_time(created_ms),
            "epcisBody": {
                "queryResults": {
                    "queryName": query,
                    "resultsBody": {"eventList": bodies} | dict(extras or {}),
                }
            },
        }
    )


def master_data_document(vocabularies: Mapping[str, Sequence[Json]], *, created_ms: int) -> bytes:
    """An `EPCISDocument` that holds no event, and in its header the elements of each vocabulary (CBV 2.0 §9)."""
    listed = [
        {"type": kind, "vocabularyElementList": list(elements)}
        for kind, elements in vocabularies.items()
        if elements
    ]
    return canonical(
        {
            "@context": CONTEXT,
            "type": DOCUMENT,
            "schemaVersion": SCHEMA_VERSION,
            "creationDate": write_time(created_ms),
            "epcisHeader": {"epcisMasterData": {"vocabularyList": listed}},
            "epcisBody": {"eventList": []},
        }
    )


def _hoisted(
    events: Iterable[Json], own_prefixes: Mapping[str, str] | None = None
) -> tuple[object, list[Json]]:
    """One context for all events, and the events without theirs, unless two use a prefix for different things."""
    prefixes: dict[str, str] = dict(own_prefixes or {})
    bodies = []
    for event in events:
        context = event.get("@context", CONTEXT)
        entries = context if isinstance(context, list) else [context]
        own = {name: text for entry in entries if isinstance(entry, dict) for name, text in entry.items()}
        others = [entry for entry in entries if isinstance(entry, str) and entry != CONTEXT]
        if others or any(prefixes.get(name, text) != text for name, text in own.items()):
            bodies.append(event)
            continue
        prefixes |= own
        bodies.append({name: value for name, value in event.items() if name != "@context"})
    prefixes = {name: prefixes[name] for name in sorted(prefixes) if name not in STANDARD_PREFIXES}
    return ([CONTEXT, prefixes] if prefixes else CONTEXT), bodies
