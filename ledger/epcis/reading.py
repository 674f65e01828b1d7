"""Reading an EPCIS 2.0 event strictly.

Rules: what GS1's own JSON schema refuses is refused here, and what two programs could read differently: a member that is named
twice, a number no double holds, a prefix that nothing explains, an item whose check digit is wrong. Every refusal says where
and by which rule. What is merely implausible (an event in 2099, more goods out than in) is read: saying so is another layer's
business.

The context is never fetched. Prefixes are read from it; it may not redefine the standard's own terms.

What this module does not do: read documents (`ledger.epcis.document`), or hash (`ledger.epcis.event_hash`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeVar

from ledger.epcis import vocabulary
from ledger.epcis.addresses import canonical_address
from ledger.epcis.json_text import EpcisError, Json, check_values, join, parse_object, shown
from ledger.epcis.members import (
    EVENT_MEMBERS,
    METADATA_TIMES,
    METADATA_URIS,
    REPORT_MEMBERS,
    REPORT_NUMBERS,
    REPORT_TEXTS,
    REPORT_URIS,
    STANDARD_TERMS,
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
from ledger.epcis.times import read_time
from ledger.epcis.vocabulary import CONTEXT, CONTEXTS, STANDARD_PREFIXES, Vocabulary
from ledger.errors import FormatError
from ledger.gs1 import gln, item_of_epc

MAX_EVENT_BYTES: Final = 60_000
"""Canonical bytes of one event: what a record has room for."""
MAX_URI_BYTES: Final = 1_024
MAX_ITEMS: Final = 2_000
"""Elements of one list in an event, before it is asked whether one record may name so many items."""
HIDDEN: Final = "urn:sogoc:hidden"
"""Stands in a public event for a business transaction that its type cannot be without, and that is kept back."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})+")
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_OFFSET = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_UNIT = re.compile(r"[A-Z0-9]{2,3}")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_LOCATION = re.compile(r"https?://[^?#]*/(?:414|417)/([^/?#]+)")
_LIKE_A_LINK = re.compile(r"/(?:(?:01|gtin)/(?:[0-9]{8}|[0-9]{12,14})|(?:00|sscc)/[0-9]{18})(?:[/?#]|$)")
_SINGLE = re.compile(r"00/.*|01/[0-9]{14}/21/.*")
"""Paths of single things, which are no class of things."""
_OWN_SCHEMES = frozenset({"http", "https", "urn"})
_FOLLOWED_URNS = ("urn:epc:id:sgtin:", "urn:epc:id:sscc:", "urn:epc:class:lgtin:", "urn:epc:idpat:sgtin:")
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


def prefixes_of(context: object, pointer: str) -> dict[str, str]:
    """The prefixes that a JSON-LD context declares, the standard's own among them.

    Raises EpcisError: `epcis.context`, `epcis.context-term`.
    """
    prefixes = dict(STANDARD_PREFIXES)
    entries = context if isinstance(context, list) else [] if context is None else [context]
    for number, entry in enumerate(entries):
        where = join(pointer, number) if isinstance(context, list) else pointer
        if isinstance(entry, str):
            read_uri(entry, where)
            continue
        if not isinstance(entry, dict):
            raise EpcisError(
                "epcis.context",
                where,
                "a context is an address, or an object of prefixes and what they stand for",
            )
        for prefix, namespace in entry.items():
            _check_prefix(prefixes, prefix, namespace, join(where, prefix))
            prefixes[prefix] = namespace
    return prefixes


def _check_prefix(known: Mapping[str, str], prefix: str, namespace: object, where: str) -> None:
    if not _PREFIX.fullmatch(prefix) or prefix in _OWN_SCHEMES or not isinstance(namespace, str):
        raise EpcisError(
            "epcis.context",
            where,
            'a context of one\'s own maps prefixes, such as "example", to addresses, and nothing else',
        )
    read_uri(namespace, where)
    if prefix in STANDARD_TERMS or STANDARD_PREFIXES.get(prefix, namespace) != namespace:
        raise EpcisError("epcis.context-term", where, f"{shown(prefix)} is the standard's own word")
    if known.get(prefix, namespace) != namespace:
        raise EpcisError("epcis.context-term", where, f"the prefix {shown(prefix)} stands for two things")


def joined_context(*contexts: object, used: Iterator[str]) -> object:
    """One context for an event out of its document's and its own: the standard's, and the prefixes of `used` that are declared.

    Other addresses stay, in order. `used`: texts that may begin with a prefix.
    """
    prefixes: dict[str, str] = {}
    addresses: list[str] = [CONTEXT]
    for context in contexts:
        for entry in context if isinstance(context, list) else [] if context is None else [context]:
            if isinstance(entry, str):
                if entry not in CONTEXTS and entry not in addresses:
                    addresses.append(entry)
            elif isinstance(entry, dict):
                prefixes |= entry
    begun = {text.partition(":")[0] for text in used if ":" in text}
    needed = {
        name: prefixes[name] for name in sorted(prefixes) if name in begun and name not in STANDARD_PREFIXES
    }
    if not needed and len(addresses) == 1:
        return CONTEXT
    return [*addresses, needed] if needed else addresses


def read_uri(value: object, pointer: str) -> str:
    """A URI with its scheme, in ASCII (RFC 3986). Raises EpcisError, rule `epcis.uri`."""
    if (
        not isinstance(value, str)
        or len(value) > MAX_URI_BYTES
        or not _URI.fullmatch(value)
        or value.count("#") > 1
    ):
        raise EpcisError(
            "epcis.uri", pointer, f"a URI of at most {MAX_URI_BYTES} letters is expected, not {shown(value)}"
        )
    return value


def item_text(uri: str, pointer: str) -> tuple[str, bool]:
    """How an item is called here, and whether it is goods or a logistic unit that the ledger follows.

    Raises EpcisError with the rule `gs1.*` for what would name such an item and is wrong: a check digit, most often.
    """
    try:
        return _item_of(uri)
    except FormatError as error:
        raise EpcisError(error.rule, pointer, error.detail) from error


@lru_cache(maxsize=8_192)
def _item_of(uri: str) -> tuple[str, bool]:
    # A lot stands in many events: its address is read once for all that are near each other.
    lower = uri.lower()
    if lower.startswith("urn:epc:"):
        # Whoever would write one in capitals would name a thing, and nobody following it would find the event.
        if not lower.startswith(_FOLLOWED_URNS):
            return uri, False
        address = uri
    elif lower.startswith(("http://", "https://")):
        # The event hash takes all forms of a link for one; so does what the ledger follows.
        address = canonical_address(uri)
    else:
        return uri, False
    try:
        return item_of_epc(address).path, True
    except FormatError as error:
        if error.rule != "gs1.link":
            raise
        # An address that is no Digital Link is anybody's own name for a thing, unless it looks like one that was miswritten.
        if address == uri and _LIKE_A_LINK.search(uri) and "/235/" not in uri:
            raise FormatError(
                "gs1.link",
                f"{shown(uri)} has the number of goods or of a logistic unit in it, and is no GS1 Digital Link",
            ) from error
        return uri, False


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
            _required(value, name, pointer)
        if not _is_text(value["eventTimeZoneOffset"], _OFFSET):
            raise EpcisError(
                "epcis.offset", join(pointer, "eventTimeZoneOffset"), "an offset is written +07:00"
            )
        action = None if kind is Kind.TRANSFORMATION else self._action(value, pointer)
        self._check_whats(kind, action, value, pointer)

        def at(name: str, read: Callable[[object, str], _T]) -> _T | None:
            return _maybe(value, name, pointer, read)

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
            certification=at("certificationInfo", _certification) or (),
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
        action = _required(value, "action", pointer)
        if action not in _ACTIONS:
            raise EpcisError(
                "epcis.action", join(pointer, "action"), f"an action is one of {', '.join(_ACTIONS)}"
            )
        return str(action)

    def _check_whats(self, kind: Kind, action: str | None, value: Json, pointer: str) -> None:
        """Which lists an event of its type must hold (EPCIS 2.0 §7.4.2 to §7.4.6, and the schema's own conditions)."""

        def has(name: str) -> bool:
            return bool(value.get(name))

        match kind:
            case Kind.OBJECT:
                sensed = has("sensorElementList") and "readPoint" in value
                enough = "epcList" in value or has("quantityList") or sensed
                wanted = "epcList or quantityList"
            case Kind.TRANSACTION:
                enough = "epcList" in value or has("quantityList") or action == "DELETE"
                wanted = "epcList or quantityList"
                if not has("bizTransactionList"):
                    raise EpcisError(
                        "epcis.missing",
                        join(pointer, "bizTransactionList"),
                        "a transaction event names its transaction",
                    )
            case Kind.AGGREGATION | Kind.ASSOCIATION:
                enough = has("childEPCs") or has("childQuantityList") or action == "DELETE"
                wanted = "childEPCs or childQuantityList"
                if "parentID" not in value and (kind is Kind.ASSOCIATION or action != "OBSERVE"):
                    raise EpcisError(
                        "epcis.missing", join(pointer, "parentID"), "the event names what things are in"
                    )
            case _:
                made_of = has("inputEPCList") or has("inputQuantityList")
                makes = has("outputEPCList") or has("outputQuantityList")
                enough = (made_of and makes) or ("transformationID" in value and (made_of or makes))
                wanted = "inputs and outputs, or one of them with a transformationID"
        if not enough:
            raise EpcisError("epcis.missing", pointer, f"an event of this type holds {wanted}")
        if kind is Kind.OBJECT and "ilmd" in value and action != "ADD":
            raise EpcisError(
                "epcis.ilmd",
                join(pointer, "ilmd"),
                "data about how things came to be belong to the action ADD",
            )

    def _item(self, value: object, pointer: str) -> str:
        text, followed = item_text(self._expanded_uri(value, pointer), pointer)
        if followed:
            self._things.add(text)
        return text

    def _epcs(self, value: Json, name: str, pointer: str) -> tuple[str, ...]:
        if name not in value:
            return ()
        found = tuple(self._item(item, where) for where, item in _elements(value, name, pointer))
        if len(set(found)) != len(found):
            raise EpcisError("epcis.twice", join(pointer, name), "a list names the same thing twice")
        return found

    def _quantities(self, value: Json, name: str, pointer: str) -> tuple[Quantity, ...]:
        if name not in value:
            return ()
        return tuple(self._quantity(item, where) for where, item in _elements(value, name, pointer))

    def _quantity(self, value: object, pointer: str) -> Quantity:
        element = _object(value, pointer)
        _only(element, pointer, ("epcClass", "quantity", "uom"))
        item = self._item(_required(element, "epcClass", pointer), join(pointer, "epcClass"))
        if _SINGLE.fullmatch(item):
            raise EpcisError(
                "epcis.class",
                join(pointer, "epcClass"),
                "a single piece or a logistic unit is no class of goods: name it in the list of EPCs (EPCIS 2.0 §7.3.3.3)",
            )
        amount = element.get("quantity")
        if amount is not None:
            amount = _number(amount, join(pointer, "quantity"))
        unit = element.get("uom")
        if unit is not None and not _is_text(unit, _UNIT):
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
        place = _object(value, pointer)
        self._extensions(place, pointer, ("id",))
        where = join(pointer, "id")
        return _location(self._expanded_uri(_required(place, "id", pointer), where), where)

    def _links(self, value: Json, name: str, member: str, pointer: str) -> tuple[Link, ...]:
        words = vocabulary.TRANSACTIONS if member == "bizTransaction" else vocabulary.PARTIES
        links = []
        for where, item in _elements(value, name, pointer):
            element = _object(item, where)
            _only(element, where, ("type", member))
            if member != "bizTransaction":
                _required(element, "type", where)
            identifier = self._expanded_uri(_required(element, member, where), join(where, member))
            kind = None
            if "type" in element:
                kind = self._vocabulary(element["type"], join(where, "type"), words)
            links.append(Link(kind, _location(identifier, join(where, member))))
        return tuple(links)

    def _persistent(self, value: Json, pointer: str) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {"set": (), "unset": ()}
        if "persistentDisposition" not in value:
            return found
        pointer = join(pointer, "persistentDisposition")
        element = _object(value["persistentDisposition"], pointer)
        _only(element, pointer, tuple(found))
        for name in element:
            found[name] = tuple(
                self._vocabulary(item, where, vocabulary.DISPOSITIONS)
                for where, item in _elements(element, name, pointer)
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
            self._sensor(item, where) for where, item in _elements(value, "sensorElementList", pointer)
        )

    def _sensor(self, value: object, pointer: str) -> SensorElement:
        element = _object(value, pointer)
        self._extensions(element, pointer, ("sensorMetadata", "sensorReport"))
        metadata: Json = {}
        if "sensorMetadata" in element:
            where = join(pointer, "sensorMetadata")
            metadata = _object(element["sensorMetadata"], where)
            self._extensions(metadata, where, (*METADATA_URIS, *METADATA_TIMES))
            _each(metadata, where, METADATA_URIS, self._expanded_uri)
            _each(metadata, where, METADATA_TIMES, read_time)
        reports = tuple(
            self._report(item, where) for where, item in _elements(element, "sensorReport", pointer)
        )
        if not reports:
            raise EpcisError(
                "epcis.missing", join(pointer, "sensorReport"), "a sensor element holds at least one report"
            )
        return SensorElement(metadata, reports)

    def _report(self, value: object, pointer: str) -> Json:
        report = _object(value, pointer)
        self._extensions(report, pointer, REPORT_MEMBERS)
        _required(report, "type", pointer)
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
        _each(report, pointer, REPORT_URIS, self._expanded_uri)
        _each(report, pointer, REPORT_NUMBERS, _number)
        _each(report, pointer, REPORT_TEXTS, _text)
        _each(report, pointer, ("time",), read_time)
        _each(report, pointer, ("booleanValue",), _flag)
        _each(report, pointer, ("hexBinaryValue",), _hex)
        return report

    def _error(self, value: object, pointer: str) -> ErrorDeclaration:
        element = _object(value, pointer)
        self._extensions(element, pointer, ("declarationTime", "reason", "correctiveEventIDs"))
        time_ms = read_time(_required(element, "declarationTime", pointer), join(pointer, "declarationTime"))
        reason = None
        if "reason" in element:
            reason = self._vocabulary(element["reason"], join(pointer, "reason"), vocabulary.ERRORS)
        corrective = tuple(
            read_uri(item, where) for where, item in _elements(element, "correctiveEventIDs", pointer)
        )
        return ErrorDeclaration(time_ms, reason, corrective)

    def _ilmd(self, value: Json, pointer: str) -> Json:
        if "ilmd" not in value:
            return {}
        where = join(pointer, "ilmd")
        ilmd = _object(value["ilmd"], where)
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
        if prefix in self._prefixes and local and _URI.fullmatch(name):
            return
        if prefix not in _OWN_SCHEMES:
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


def _maybe(value: Json, name: str, pointer: str, read: Callable[[object, str], _T]) -> _T | None:
    return read(value[name], join(pointer, name)) if name in value else None


def _required(value: Json, name: str, pointer: str) -> Any:  # noqa: ANN401  JSON is anything
    if name not in value:
        raise EpcisError("epcis.missing", join(pointer, name), f"{name} is missing")
    return value[name]


def _object(value: object, pointer: str) -> Json:
    if not isinstance(value, dict):
        raise EpcisError("epcis.kind", pointer, "an object is expected")
    return value


def _only(value: Json, pointer: str, known: tuple[str, ...]) -> None:
    for name in value:
        if name not in known:
            raise EpcisError("epcis.member", join(pointer, name), f"only {', '.join(known)} stand here")


def _elements(value: Json, name: str, pointer: str) -> Iterator[tuple[str, object]]:
    """The elements of a list that may be missing, each with its pointer."""
    items = value.get(name, [])
    pointer = join(pointer, name)
    if not isinstance(items, list):
        raise EpcisError("epcis.kind", pointer, "a list is expected")
    if len(items) > MAX_ITEMS:
        raise EpcisError(
            "epcis.things-many",
            pointer,
            f"the list has {len(items)} elements; {MAX_ITEMS} are read, and an event is recorded under at most "
            f"{MAX_THINGS} items: capture it as several",
        )
    return ((join(pointer, number), item) for number, item in enumerate(items))


def _each(value: Json, pointer: str, names: tuple[str, ...], read: Callable[[object, str], object]) -> None:
    for name in names:
        _maybe(value, name, pointer, read)


def _is_text(value: object, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _text(value: object, pointer: str) -> str:
    if not isinstance(value, str):
        raise EpcisError("epcis.kind", pointer, "a text is expected")
    return value


def _number(value: object, pointer: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise EpcisError("epcis.kind", pointer, "a number is expected, not in quotes")
    return Decimal(value)


def _flag(value: object, pointer: str) -> bool:
    if not isinstance(value, bool):
        raise EpcisError("epcis.kind", pointer, "true or false is expected")
    return value


def _hex(value: object, pointer: str) -> str:
    if not _is_text(value, _HEX):
        raise EpcisError("epcis.kind", pointer, "hexadecimal digits are expected")
    return str(value)


def _certification(value: object, pointer: str) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(read_uri(item, join(pointer, number)) for number, item in enumerate(value))
    return (read_uri(value, pointer),)


def _location(uri: str, pointer: str) -> str:
    """A place or party; the check digit of a location number in an address must be right."""
    found = _LOCATION.match(uri)
    if found is not None:
        try:
            gln(found[1])
        except FormatError as error:
            raise EpcisError(error.rule, pointer, error.detail) from error
    return uri
