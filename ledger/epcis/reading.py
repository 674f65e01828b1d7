"""Reading an EPCIS 2.0 event strictly.

Rules: what GS1's own JSON schema refuses is refused here, and what two programs could read differently: a member that is named
twice, a number no double holds, a prefix that nothing explains, an item whose check digit is wrong. Every refusal says where
and by which rule. What is merely implausible (an event in 2099, more goods out than in) is read: saying so is another layer's
business.

The context is never fetched. Prefixes are read from it; it may not redefine the standard's own terms.

What this module does not do: read contexts (`ledger.epcis.context`), tell what things are called (`ledger.epcis.naming`), read
documents (`ledger.epcis.document`), or hash (`ledger.epcis.event_hash`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from ledger.epcis import vocabulary
from ledger.epcis.context import OWN_SCHEMES, URI, prefixes_of, read_uri
from ledger.epcis.json_text import EpcisError, Json, check_values, join, parse_object, shown
from ledger.epcis.members import (
    EVENT_MEMBERS,
    METADATA_TIMES,
    METADATA_URIS,
    REPORT_MEMBERS,
    REPORT_NUMBERS,
    REPORT_TEXTS,
    REPORT_URIS,
)
from ledger.epcis.model import (
    KIND_OF_TYPE,
    MAX_THINGS,
    ErrorDeclaration,
    Event,
    Kind,
    Link,
    Quantity,
    SensorElement,
)
from ledger.epcis.naming import checked_location, item_text
from ledger.epcis.shapes import (
    each,
    elements,
    is_text,
    maybe,
    only,
    read_flag,
    read_hex,
    read_number,
    read_object,
    read_text,
    required,
)
from ledger.epcis.times import read_time
from ledger.epcis.vocabulary import Vocabulary
from ledger.epcis.whats import check_whats

MAX_EVENT_BYTES: Final = 60_000
"""Canonical bytes of one event: what a record has room for."""
HIDDEN: Final = "urn:sogoc:hidden"
"""Stands in a public event for a business transaction that its type cannot be without, and that is kept back."""

_OFFSET = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_UNIT = re.compile(r"[A-Z0-9]{2,3}")
_SINGLE = re.compile(r"00/.*|01/[0-9]{14}/21/.*")
"""Paths of single things, which are no class of things."""
_ACTIONS = ("ADD", "OBSERVE", "DELETE")

_T = TypeVar("_T")


def parse(data: bytes) -> Event:
    """Read one event with its context. Raises FormatError (`epcis.*`, `gs1.*`)."""
    return read_event(parse_object(data, max_bytes=2 * MAX_EVENT_BYTES))


def read_event(value: Json, pointer: str = "") -> Event:
    """Read one event out of parsed JSON (`ledger.epcis.json_text.parse_object`); `pointer`: where it stands, for messages.

    Raises EpcisError (`epcis.*`, `gs1.*`).
    """
    check_values(value, pointer)
    return _Reader(prefixes_of(value.get("@context"), join(pointer, "@context"))).event(value, pointer)


class _Reader:
    """Reads one event; collects the items it names."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = prefixes
        self._things: set[str] = set()

    def event(self, value: Json, pointer: str) -> Event:
        kind = KIND_OF_TYPE.get(value["type"]) if isinstance(value.get("type"), str) else None
        if kind is None:
            raise EpcisError(
                "epcis.type",
                join(pointer, "type"),
                f"an event is one of {', '.join(KIND_OF_TYPE)}, not {shown(value.get('type'))}",
            )
        extensions = self._extensions(value, pointer, EVENT_MEMBERS[kind])
        for name in ("eventTime", "eventTimeZoneOffset"):
            required(value, name, pointer)
        if not is_text(value["eventTimeZoneOffset"], _OFFSET):
            raise EpcisError(
                "epcis.offset", join(pointer, "eventTimeZoneOffset"), "an offset is written +07:00"
            )
        action = None if kind is Kind.TRANSFORMATION else self._action(value, pointer)
        check_whats(kind, action, value, pointer)

        def at(name: str, read: Callable[[object, str], _T]) -> _T | None:
            return maybe(value, name, pointer, read)

        persistent = self._persistent(value, pointer)
        event = Event(
            kind=kind,
            event_time_ms=read_time(value["eventTime"], join(pointer, "eventTime")),
            offset=value["eventTimeZoneOffset"],
            action=action,
            epcs=self._epcs(value, "epcList", pointer),
            quantities=self._quantities(value, "quantityList", pointer),
            parent=at("parentID", self._item),
            children=self._epcs(value, "childEPCs", pointer),
            child_quantities=self._quantities(value, "childQuantityList", pointer),
            inputs=self._epcs(value, "inputEPCList", pointer),
            input_quantities=self._quantities(value, "inputQuantityList", pointer),
            outputs=self._epcs(value, "outputEPCList", pointer),
            output_quantities=self._quantities(value, "outputQuantityList", pointer),
            transformation_id=at("transformationID", read_uri),
            event_id=at("eventID", read_uri),
            record_time_ms=at("recordTime", read_time),
            step=at("bizStep", self._word(vocabulary.STEPS)),
            disposition=at("disposition", self._word(vocabulary.DISPOSITIONS)),
            set_dispositions=persistent["set"],
            unset_dispositions=persistent["unset"],
            read_point=at("readPoint", self._place),
            biz_location=at("bizLocation", self._place),
            biz_transactions=self._links(value, "bizTransactionList", "bizTransaction", pointer),
            sources=self._links(value, "sourceList", "source", pointer),
            destinations=self._links(value, "destinationList", "destination", pointer),
            sensors=self._sensors(value, pointer),
            ilmd=self._ilmd(value, pointer),
            certification=at("certificationInfo", _read_certification) or (),
            error_declaration=at("errorDeclaration", self._error),
            extensions=extensions,
            json=value,
            things=tuple(sorted(self._things)),
        )
        if len(event.things) > MAX_THINGS:
            raise EpcisError(
                "epcis.things-many",
                pointer,
                f"it names {len(event.things)} items, and an event is recorded under at most {MAX_THINGS}: "
                "capture it as several",
            )
        return event

    # -- what, by type of event ------------------------------------------------------------------------------------------

    def _action(self, value: Json, pointer: str) -> str:
        action = required(value, "action", pointer)
        if action not in _ACTIONS:
            raise EpcisError(
                "epcis.action", join(pointer, "action"), f"an action is one of {', '.join(_ACTIONS)}"
            )
        return str(action)

    def _item(self, value: object, pointer: str) -> str:
        text, followed = item_text(self._expanded_uri(value, pointer), pointer)
        if followed:
            self._things.add(text)
        return text

    def _epcs(self, value: Json, name: str, pointer: str) -> tuple[str, ...]:
        if name not in value:
            return ()
        found = tuple(self._item(item, where) for where, item in elements(value, name, pointer))
        if len(set(found)) != len(found):
            raise EpcisError("epcis.twice", join(pointer, name), "a list names the same thing twice")
        return found

    def _quantities(self, value: Json, name: str, pointer: str) -> tuple[Quantity, ...]:
        if name not in value:
            return ()
        return tuple(self._quantity(item, where) for where, item in elements(value, name, pointer))

    def _quantity(self, value: object, pointer: str) -> Quantity:
        element = read_object(value, pointer)
        only(element, pointer, ("epcClass", "quantity", "uom"))
        item = self._item(required(element, "epcClass", pointer), join(pointer, "epcClass"))
        if _SINGLE.fullmatch(item):
            raise EpcisError(
                "epcis.class",
                join(pointer, "epcClass"),
                "a single piece or a logistic unit is no class of goods: name it in the list of EPCs (EPCIS 2.0 §7.3.3.3)",
            )
        amount = element.get("quantity")
        if amount is not None:
            amount = read_number(amount, join(pointer, "quantity"))
        unit = element.get("uom")
        if unit is not None and not is_text(unit, _UNIT):
            raise EpcisError(
                "epcis.unit",
                join(pointer, "uom"),
                "a unit is a code of UN/ECE Recommendation 20, such as KGM",
            )
        if unit is not None and amount is None:
            raise EpcisError("epcis.unit", join(pointer, "uom"), "a unit stands beside a quantity")
        return Quantity(item, amount, unit)

    # -- where, why, how -------------------------------------------------------------------------------------------------

    def _word(self, words: Vocabulary) -> Callable[[object, str], str]:
        def read(value: object, pointer: str) -> str:
            return self._vocabulary(value, pointer, words)

        return read

    def _vocabulary(self, value: object, pointer: str, words: Vocabulary) -> str:
        if not isinstance(value, str):
            raise EpcisError("epcis.word", pointer, f"a {words.name} is a text")
        if value in words.words:
            return value
        if value.startswith(("urn:epcglobal:cbv", "http://ns.gs1.org/cbv/", "https://ns.gs1.org/cbv/")):
            raise EpcisError(
                "epcis.word",
                pointer,
                f"in JSON a standard {words.name} is its bare word or its address {words.prefix}…, not {shown(value)}",
            )
        if ":" not in value:
            raise EpcisError(
                "epcis.word", pointer, f"{shown(value)} is no {words.name} of the standard, and no URI"
            )
        short = words.short(self._expanded_uri(value, pointer))
        if short.startswith(words.prefix) and words.prefix != vocabulary.GS1:
            raise EpcisError("epcis.word", pointer, f"the standard has no {words.name} {shown(value)}")
        return short

    def _place(self, value: object, pointer: str) -> str:
        place = read_object(value, pointer)
        self._extensions(place, pointer, ("id",))
        where = join(pointer, "id")
        return checked_location(self._expanded_uri(required(place, "id", pointer), where), where)

    def _links(self, value: Json, name: str, member: str, pointer: str) -> tuple[Link, ...]:
        words = vocabulary.TRANSACTIONS if member == "bizTransaction" else vocabulary.PARTIES
        links = []
        for where, item in elements(value, name, pointer):
            element = read_object(item, where)
            only(element, where, ("type", member))
            if member != "bizTransaction":
                required(element, "type", where)
            identifier = self._expanded_uri(required(element, member, where), join(where, member))
            kind = None
            if "type" in element:
                kind = self._vocabulary(element["type"], join(where, "type"), words)
            links.append(Link(kind, checked_location(identifier, join(where, member))))
        return tuple(links)

    def _persistent(self, value: Json, pointer: str) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {"set": (), "unset": ()}
        if "persistentDisposition" not in value:
            return found
        pointer = join(pointer, "persistentDisposition")
        element = read_object(value["persistentDisposition"], pointer)
        only(element, pointer, tuple(found))
        for name in element:
            found[name] = tuple(
                self._vocabulary(item, where, vocabulary.DISPOSITIONS)
                for where, item in elements(element, name, pointer)
            )
            if not found[name] or len(set(found[name])) != len(found[name]):
                raise EpcisError(
                    "epcis.twice", join(pointer, name), "it lists at least one word, and each once"
                )
        if not element:
            raise EpcisError("epcis.missing", pointer, "it sets or unsets something")
        return found

    def _sensors(self, value: Json, pointer: str) -> tuple[SensorElement, ...]:
        return tuple(
            self._sensor(item, where) for where, item in elements(value, "sensorElementList", pointer)
        )

    def _sensor(self, value: object, pointer: str) -> SensorElement:
        element = read_object(value, pointer)
        self._extensions(element, pointer, ("sensorMetadata", "sensorReport"))
        metadata: Json = {}
        if "sensorMetadata" in element:
            where = join(pointer, "sensorMetadata")
            metadata = read_object(element["sensorMetadata"], where)
            self._extensions(metadata, where, (*METADATA_URIS, *METADATA_TIMES))
            each(metadata, where, METADATA_URIS, self._expanded_uri)
            each(metadata, where, METADATA_TIMES, read_time)
        reports = tuple(
            self._report(item, where) for where, item in elements(element, "sensorReport", pointer)
        )
        if not reports:
            raise EpcisError(
                "epcis.missing", join(pointer, "sensorReport"), "a sensor element holds at least one report"
            )
        return SensorElement(metadata, reports)

    def _report(self, value: object, pointer: str) -> Json:
        report = read_object(value, pointer)
        self._extensions(report, pointer, REPORT_MEMBERS)
        required(report, "type", pointer)
        for name, words in (
            ("type", vocabulary.MEASUREMENTS),
            ("exception", vocabulary.ALERTS),
            ("component", vocabulary.COMPONENTS),
        ):
            if name in report:
                where = join(pointer, name)
                self._vocabulary(report[name], where, words)
                # The schema wants the bare word for these; another address of GS1's is no word of somebody's own.
                if words.prefix == vocabulary.GS1 and str(report[name]).startswith(
                    (
                        "http://gs1.org/voc/",
                        "https://gs1.org/voc/",
                        "http://www.gs1.org/voc/",
                        "https://www.gs1.org/voc/",
                    )
                ):
                    raise EpcisError("epcis.word", where, f"in JSON a standard {words.name} is its bare word")
        each(report, pointer, REPORT_URIS, self._expanded_uri)
        each(report, pointer, REPORT_NUMBERS, read_number)
        each(report, pointer, REPORT_TEXTS, read_text)
        each(report, pointer, ("time",), read_time)
        each(report, pointer, ("booleanValue",), read_flag)
        each(report, pointer, ("hexBinaryValue",), read_hex)
        return report

    def _error(self, value: object, pointer: str) -> ErrorDeclaration:
        element = read_object(value, pointer)
        self._extensions(element, pointer, ("declarationTime", "reason", "correctiveEventIDs"))
        time_ms = read_time(required(element, "declarationTime", pointer), join(pointer, "declarationTime"))
        reason = None
        if "reason" in element:
            reason = self._vocabulary(element["reason"], join(pointer, "reason"), vocabulary.ERRORS)
        corrective = tuple(
            read_uri(item, where) for where, item in elements(element, "correctiveEventIDs", pointer)
        )
        return ErrorDeclaration(time_ms, reason, corrective)

    def _ilmd(self, value: Json, pointer: str) -> Json:
        if "ilmd" not in value:
            return {}
        where = join(pointer, "ilmd")
        ilmd = read_object(value["ilmd"], where)
        self._extensions(ilmd, where, ())
        return ilmd

    # -- names -----------------------------------------------------------------------------------------------------------

    def _extensions(self, value: Json, pointer: str, known: frozenset[str] | tuple[str, ...]) -> Json:
        """The members that are not `known`: each named with a prefix that the context explains, or with a URI."""
        found = {}
        for name, below in value.items():
            if name not in known:
                self._check_name(name, join(pointer, name))
                self._check_names_below(below, join(pointer, name))
                found[name] = below
        return found

    def _check_names_below(self, value: object, pointer: str) -> None:
        if isinstance(value, dict):
            for name, below in value.items():
                if ":" in name or name.startswith("@"):
                    self._check_name(name, join(pointer, name))
                self._check_names_below(below, join(pointer, name))
        elif isinstance(value, list):
            for number, below in enumerate(value):
                self._check_names_below(below, join(pointer, number))

    def _check_name(self, name: str, pointer: str) -> None:
        prefix, colon, local = name.partition(":")
        if not colon or name.startswith("@"):
            raise EpcisError(
                "epcis.member",
                pointer,
                f"{shown(name)} is no member here; one of your own begins with a prefix and a colon",
            )
        if prefix in self._prefixes and local and URI.fullmatch(name):
            return
        if prefix not in OWN_SCHEMES:
            raise EpcisError(
                "epcis.prefix",
                pointer,
                f"the context does not say what the prefix {shown(prefix)} stands for",
            )
        read_uri(name, pointer)

    def _expanded_uri(self, value: object, pointer: str) -> str:
        uri = read_uri(value, pointer)
        prefix, _, local = uri.partition(":")
        namespace = self._prefixes.get(prefix)
        return uri if namespace is None or local.startswith("//") else namespace + local


def _read_certification(value: object, pointer: str) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(read_uri(item, join(pointer, number)) for number, item in enumerate(value))
    return (read_uri(value, pointer),)
