"""The CBV 2.0 event hash: one identity for an event, in whatever order and form its members are written.

Rules (CBV 2.0 §8.9, in the reading of GS1 Germany's reference implementation, PyPI `epcis-event-hash-generator` 1.9.3): the
event becomes one text, and the hash is its SHA-256.

* First `eventType=` and the type, then the members of `_ORDER`, then all others sorted by their texts. A value stands behind
  its name and `=`, a list's elements are sorted by their texts and joined, nothing stands between two members.
* Times are in UTC with milliseconds; numbers have no needless zeros; a standard word is its web address; EPC URNs and Digital
  Links are canonical Digital Links; a compact name is written out; a member of one's own is `{namespace}name`.
* `eventID`, `recordTime` and `errorDeclaration` take no part: the hash is *which* event this is, never what became of it.
  Whoever must know every byte compares the canonical bytes that are recorded.

Where the reference gives two writings of one event two hashes, this module does not (docs/adr/0018-epcis.md says where).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from ledger.epcis import vocabulary
from ledger.epcis.addresses import canonical_address
from ledger.epcis.context import prefixes_of
from ledger.epcis.json_text import Json, join, number_text, plain_number
from ledger.epcis.model import KIND_OF_TYPE
from ledger.epcis.times import read_time, write_time
from ledger.epcis.vocabulary import Vocabulary

_QUANTITY = ("epcClass", "quantity", "uom")
_ORDER: Final = (
    "eventTime",
    "eventTimeZoneOffset",
    "certificationInfo",
    "parentID",
    "epcList",
    "inputEPCList",
    "childEPCs",
    "quantityList",
    "childQuantityList",
    "inputQuantityList",
    "outputEPCList",
    "outputQuantityList",
    "action",
    "transformationID",
    "bizStep",
    "disposition",
    "persistentDisposition",
    "readPoint",
    "bizLocation",
    "sensorElementList",
)
"""Members in the order of the text. The reference puts `parentID` before `epcList`, and the lists of transactions, sources and
destinations among the members that are sorted at the end."""
_EPC_LISTS = frozenset({"epcList", "inputEPCList", "childEPCs", "outputEPCList"})
_QUANTITY_LISTS = frozenset({"quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"})
_LINK_LISTS = {
    "bizTransactionList": ("bizTransaction", vocabulary.TRANSACTIONS),
    "sourceList": ("source", vocabulary.PARTIES),
    "destinationList": ("destination", vocabulary.PARTIES),
}
_METADATA = (
    "time",
    "startTime",
    "endTime",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
)
_REPORT = (
    "type",
    "exception",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "time",
    "microorganism",
    "chemicalSubstance",
    "value",
    "component",
    "stringValue",
    "booleanValue",
    "hexBinaryValue",
    "uriValue",
    "minValue",
    "maxValue",
    "meanValue",
    "sDev",
    "percRank",
    "percValue",
    "uom",
    "coordinateReferenceSystem",
)
_TIMES = frozenset({"eventTime", "time", "startTime", "endTime"})
_WORDS: Final[Mapping[str, Vocabulary]] = {
    "bizStep": vocabulary.STEPS,
    "disposition": vocabulary.DISPOSITIONS,
    "set": vocabulary.DISPOSITIONS,
    "unset": vocabulary.DISPOSITIONS,
    "exception": vocabulary.ALERTS,
    "component": vocabulary.COMPONENTS,
}
_LEFT_OUT = frozenset({"@context", "type", "eventID", "recordTime", "errorDeclaration"})
_COMMENTS = frozenset({"rdfs:comment", "comment"})
_URNS = (
    vocabulary.STEPS,
    vocabulary.DISPOSITIONS,
    vocabulary.TRANSACTIONS,
    vocabulary.PARTIES,
    vocabulary.ERRORS,
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST_NUMBER = 40


def event_hash(event: Json) -> bytes:
    """The 32 bytes of an event that `ledger.epcis.reading` has read, its context in it. Raises FormatError."""
    return hashlib.sha256(pre_hash(event).encode()).digest()


def hash_uri(digest: bytes) -> str:
    """The hash as an identifier (RFC 6920, CBV 2.0 §8.9.1), which may serve as `eventID`."""
    return f"ni:///sha-256;{digest.hex()}?ver=CBV2.0"


def digest_of_uri(uri: str) -> bytes | None:
    """The digest in such an identifier; None for any other text."""
    found = re.fullmatch(r"ni:///sha-256;([0-9a-f]{64})\?ver=CBV2\.0", uri)
    return None if found is None else bytes.fromhex(found[1])


def pre_hash(event: Json) -> str:
    """The text that is hashed."""
    return _Writer(prefixes_of(event.get("@context"), "/@context")).event(event)


class _Writer:
    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = prefixes

    def event(self, event: Json) -> str:
        kind = KIND_OF_TYPE[event["type"]]
        parts = [f"eventType={kind.type}"]
        parts += [self._member(name, event[name]) for name in _ORDER if name in event]
        rest = [name for name in event if name not in _ORDER and name not in _LEFT_OUT]
        return "".join(parts) + self._others(event, rest)

    def _member(self, name: str, value: object) -> str:
        if name in _EPC_LISTS:
            return self._list(name, [self._value("epc", item) for item in _items(value)])
        if name in _QUANTITY_LISTS:
            elements = [self._ordered("quantityElement", item, _QUANTITY) for item in _items(value)]
            return self._list(name, elements)
        if name == "sensorElementList":
            return self._list(name, [self._sensor(item) for item in _items(value)])
        if name in ("readPoint", "bizLocation"):
            return self._ordered(name, value, ("id",))
        if name == "persistentDisposition":
            return self._ordered(name, value, ("set", "unset"))
        return self._values(name, value)

    def _list(self, name: str, elements: list[str]) -> str:
        text = "".join(sorted(elements))
        return name + text if text else ""

    def _values(self, name: str, value: object) -> str:
        """One value, or each of a list."""
        items = value if isinstance(value, list) else [value]
        return "".join(sorted(self._value(name, item) for item in items))

    def _value(self, name: str, value: object) -> str:
        text = self._text(name, value)
        return f"{name}={text}" if text else ""

    def _ordered(self, name: str, value: object, order: tuple[str, ...]) -> str:
        """An object: its known members in order, then those of one's own, sorted."""
        if not isinstance(value, dict):
            return ""
        text = "".join(self._values(member, value[member]) for member in order if member in value)
        text += self._others(value, [member for member in value if member not in order])
        return name + text if text else ""

    def _sensor(self, value: object) -> str:
        if not isinstance(value, dict):
            return ""
        text = self._ordered("sensorMetadata", value.get("sensorMetadata"), _METADATA)
        text += "".join(
            sorted(
                self._ordered("sensorReport", _with_type(report), _REPORT)
                for report in _items(value.get("sensorReport"))
            )
        )
        text += self._others(
            value, [name for name in value if name not in ("sensorMetadata", "sensorReport")]
        )
        return f"sensorElement{text}" if text else ""

    # -- members in no order ---------------------------------------------------------------------------------------------

    def _others(self, value: Json, names: list[str]) -> str:
        return "".join(sorted(text for name in names for text in self._other(name, value[name])))

    def _other(self, name: str, value: object) -> list[str]:
        """The texts of a member that has no place in the order: one, or one for each element of a list."""
        if name in _COMMENTS:
            return []
        if name in _LINK_LISTS:
            return [self._links(name, value)]
        full = self._name(name)
        return [self._generic(full, item) for item in (value if isinstance(value, list) else [value])]

    def _generic(self, full: str, value: object) -> str:
        if isinstance(value, dict):
            text = self._text("", value["#text"]) if "#text" in value else ""
            below = self._others(value, [name for name in value if name != "#text"])
            return f"{full}={text}{below}" if text else full + below
        if isinstance(value, list):
            return full + "".join(sorted(self._generic("", item) for item in value))
        text = self._text("", value)
        return f"{full}={text}" if text else full

    def _links(self, name: str, value: object) -> str:
        member, words = _LINK_LISTS[name]
        elements = []
        for item in _items(value):
            if isinstance(item, dict):
                kind = f"type={words.address(item['type'])}" if "type" in item else ""
                elements.append(kind + self._value(member, item.get(member)))
        return self._list(name, elements)

    def _name(self, name: str) -> str:
        prefix, colon, local = name.partition(":")
        namespace = self._prefixes.get(prefix) if colon and not local.startswith("//") else None
        return name if namespace is None else f"{{{namespace}}}{local}"

    # -- values ----------------------------------------------------------------------------------------------------------

    def _text(self, name: str, value: object) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | Decimal):
            return number_text(value)
        if not isinstance(value, str):
            return ""
        text = value.strip(" ")
        if name in _TIMES:
            return write_time(read_time(text, join("", name)))
        if name in _WORDS:
            text = _WORDS[name].address(text)
        return _canonical_text(self._expanded(text))

    def _expanded(self, text: str) -> str:
        prefix, colon, local = text.partition(":")
        namespace = self._prefixes.get(prefix) if colon and not local.startswith("//") else None
        return text if namespace is None else namespace + local


def _with_type(report: object) -> object:
    """A sensor report with its type as an address: the bare word means a measurement here only."""
    if isinstance(report, dict) and isinstance(report.get("type"), str):
        return report | {"type": vocabulary.MEASUREMENTS.address(report["type"])}
    return report


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _canonical_text(text: str) -> str:
    for words in _URNS:
        if text.startswith(words.urn):
            return words.prefix + text[len(words.urn) :]
    if len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text):
        # XML has no numbers: what looks like one is one, so that both forms of an event have one hash.
        number = plain_number(Decimal(text))
        return text if number is None else number_text(number)
    return canonical_address(text)
