"""A repository's clerk who answers EPCIS queries by reading each event from the top, with a list of what is the same as what.

It shares no code with the library. What a URI means is looked up in `SAME`, which says for every way of writing in the tests'
small world which thing it is; what a pattern covers is written out in `COVERS`; units are a table of fractions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

Json = dict[str, Any]

NAMESPACE = "https://ns.example.com/epcis/"
WRITINGS: dict[str, list[str]] = {
    "farm": [
        "https://id.gs1.org/414/8938500000003",
        "urn:epc:id:sgln:8938500.00000.0",
        "urn:epc:id:sgln:893850000.000.0",
        "HTTPS://shop.example/a/414/8938500000003?x=1",
        "gs1id:414/8938500000003",
    ],
    "farm's dock": [
        "https://id.gs1.org/414/8938500000003/254/dock",
        "urn:epc:id:sgln:8938500.00000.dock",
        "https://shop.example/414/8938500000003/254/dock",
    ],
    "coop's store": ["urn:sogoc:place:coop:kho", "https://node.example/place/coop/kho", "http://x.example/y/place/coop/kho?z"],
    "somewhere": ["urn:x:somewhere", "x:somewhere"],
    "pineapples": ["https://id.gs1.org/01/08938500000010", "urn:epc:idpat:sgtin:8938500.000001.*", "gs1id:01/08938500000010"],
    "pineapples of lot A": [
        "https://id.gs1.org/01/08938500000010/10/A",
        "urn:epc:class:lgtin:8938500.000001.A",
        "urn:epc:class:lgtin:893850.0000001.A",
        "https://shop.example/gtin/8938500000010/lot/A?17=260101",
    ],
    "one pineapple": ["https://id.gs1.org/01/08938500000010/10/A/21/7", "urn:epc:id:sgtin:8938500.000001.7"],
    "dried lot": ["https://id.gs1.org/01/08938500000027/10/P", "urn:epc:class:lgtin:8938500.000002.P"],
    "box": ["https://id.gs1.org/00/089385000000000010", "urn:epc:id:sscc:8938500.0000000001"],
    "sensor": ["urn:epc:id:giai:8938500.sensor1", "https://id.gs1.org/8004/8938500sensor1"],
    "crate": ["urn:epc:id:grai:8938500.00001.9", "https://id.gs1.org/8003/089385000000109"],
    "order": ["urn:x:order:1", "x:order:1"],
    "coop's tea": ["https://node.example/code/coop/tea/10/T"],
}  # fmt: skip
SAME = {writing: thing for thing, writings in WRITINGS.items() for writing in writings}
PREFIXES = {
    "gs1id": "https://id.gs1.org/",
    "x": "urn:x:",
    "example": NAMESPACE,
    "other": NAMESPACE,
    "else": "https://else.example/",
}
PLACES = ["farm", "farm's dock", "coop's store", "somewhere"]
ITEMS = [
    "pineapples",
    "pineapples of lot A",
    "one pineapple",
    "dried lot",
    "box",
    "sensor",
    "crate",
    "coop's tea",
]
_PINEAPPLES = {"pineapples", "pineapples of lot A", "one pineapple"}
COVERS = {
    "urn:epc:idpat:sgtin:8938500.000001.*": _PINEAPPLES,
    "urn:epc:class:lgtin:893850.0000001.*": _PINEAPPLES,
    "urn:epc:idpat:sgtin:8938500.*.*": _PINEAPPLES | {"dried lot"},
    "urn:epc:idpat:sgtin:*.*.*": _PINEAPPLES | {"dried lot"},
    "urn:epc:idpat:sgtin:1234567.*.*": set[str](),
    "urn:epc:idpat:sscc:8938500.*": {"box"},
    "urn:epc:idpat:sscc:*.*": {"box"},
    "urn:epc:idpat:giai:8938500.*": {"sensor"},
    "urn:epc:idpat:grai:8938500.00001.*": {"crate"},
    "urn:epc:idpat:grai:893850.*.*": {"crate"},
    "urn:epc:idpat:gdti:8938500.*.*": set[str](),
}
UNITS: dict[str, tuple[str, Callable[[Fraction], Fraction]]] = {
    "GRM": ("mass", lambda much: much),
    "KGM": ("mass", lambda much: much * 1000),
    "TNE": ("mass", lambda much: much * 1_000_000),
    "LTR": ("volume", lambda much: much),
    "MLT": ("volume", lambda much: much / 1000),
    "": ("pieces", lambda much: much),
    "H87": ("pieces", lambda much: much),
    "DZN": ("pieces", lambda much: much * 12),
    "CEL": ("heat", lambda much: much + Fraction("273.15")),
    "KEL": ("heat", lambda much: much),
    "FAH": ("heat", lambda much: (much - 32) * 5 / 9 + Fraction("273.15")),
    "P1": ("P1", lambda much: much),
    "XBX": ("XBX", lambda much: much),
}
LISTS = {
    "MATCH_epc": "epcList childEPCs",
    "MATCH_parentID": "parentID",
    "MATCH_inputEPC": "inputEPCList",
    "MATCH_outputEPC": "outputEPCList",
    "MATCH_anyEPC": "epcList childEPCs inputEPCList outputEPCList parentID",
    "MATCH_epcClass": "quantityList childQuantityList",
    "MATCH_inputEPCClass": "inputQuantityList",
    "MATCH_outputEPCClass": "outputQuantityList",
    "MATCH_anyEPCClass": "quantityList childQuantityList inputQuantityList outputQuantityList",
    "MATCH_any": "epcList childEPCs inputEPCList outputEPCList parentID quantityList childQuantityList inputQuantityList "
    "outputQuantityList",
}
OPS: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda one, other: bool(one == other),
    "GT": lambda one, other: bool(one > other),
    "GE": lambda one, other: bool(one >= other),
    "LT": lambda one, other: bool(one < other),
    "LE": lambda one, other: bool(one <= other),
}
SCOPES = [
    "ILMD",
    "ERROR_DECLARATION",
    "SENSORELEMENT",
    "SENSORMETADATA",
    "SENSORREPORT",
    "readPoint",
    "bizLocation",
]
METADATA_ONLY = ["startTime", "endTime", "bizRules"]
IN_BOTH = ["time", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod"]
SENSOR_TIMES = ["time", "startTime", "endTime"]
SENSOR_URIS = [
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
    "microorganism",
    "chemicalSubstance",
    "coordinateReferenceSystem",
    "uriValue",
]
SENSOR_AMOUNTS = ["value", "minValue", "maxValue", "meanValue", "sDev", "percValue"]


def thing(writing: object) -> str | None:
    """What a URI of this world is; itself if the world has no such thing."""
    if not isinstance(writing, str):
        return None
    prefix, colon, local = writing.partition(":")
    whole = (
        PREFIXES[prefix] + local if colon and prefix in PREFIXES and not local.startswith("//") else writing
    )
    return SAME.get(writing) or SAME.get(whole) or whole


def whole_name(name: str) -> str:
    """A member's name without its prefix's abbreviation."""
    prefix, _, local = name.partition(":")
    return PREFIXES[prefix] + local if prefix in PREFIXES and not local.startswith("//") else name


def moment(text: object) -> datetime | None:
    """The instant that a text names."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) and "T" in text else None
    except ValueError:
        return None


def figure(value: object) -> Fraction | None:
    """A number of JSON."""
    return None if isinstance(value, bool) or not isinstance(value, int | Decimal) else Fraction(value)


def written_figure(text: str) -> Fraction | None:
    """A number in a query."""
    digits = text.removeprefix("-").replace(".", "", 1)
    return Fraction(text) if digits.isdigit() and digits.isascii() and text[-1] != "." else None


def yes(event: Json, parameters: list[tuple[str, str]], names: set[str], data: dict[str, Json]) -> bool:
    """Whether the event is one of those that are asked for."""
    return all(_one(event, name, value.split(","), names, data) for name, value in parameters)


def _one(event: Json, name: str, values: list[str], names: set[str], data: dict[str, Json]) -> bool:
    if name == "EQ_eventID":
        return bool(names & set(values))
    if name.startswith(("HASATTR_", "EQATTR_")):
        return _attribute(event, name, values, data)
    if name == "EXISTS_sensorElementList":
        return bool(event.get("sensorElementList"))
    plain = _plain(event, name, values)
    if plain is not None:
        return plain
    op, _, rest = name.partition("_")
    if rest.split("_")[0] == "quantity":
        return _amount(op, [(one.get("quantity"), one.get("uom")) for one in _elements(event)], rest, values)
    return _own(event, op, rest, values) if ":" in rest else _sensor(event, op, rest, values)


def _plain(event: Json, name: str, values: list[str]) -> bool | None:
    """A parameter on a member that stands in the event by itself; None for another."""
    member = name.partition("_")[2]
    if name in LISTS:
        return _matches(event, LISTS[name].split(), values)
    if name == "EQ_action":
        return event.get("action") in values
    if name in ("EQ_bizStep", "EQ_disposition"):
        return _word(event.get(member)) in map(_word, values)
    if name in ("EQ_persistentDisposition_set", "EQ_persistentDisposition_unset"):
        held = event.get("persistentDisposition", {}).get(name.rpartition("_")[2], [])
        return any(_word(one) in map(_word, values) for one in held)
    if name == "EQ_transformationID":
        return thing(event.get("transformationID")) in map(thing, values)
    if member in ("readPoint", "bizLocation") and name.startswith(("EQ_", "WD_")):
        here = thing(event.get(member, {}).get("id"))
        within = name.startswith("WD_") and here == "farm's dock" and "farm" in map(thing, values)
        return within or here in map(thing, values)
    return _linked(event, name, values)


def _linked(event: Json, name: str, values: list[str]) -> bool | None:
    for start, members, member in (
        ("EQ_bizTransaction_", "bizTransactionList", "bizTransaction"),
        ("EQ_source_", "sourceList", "source"),
        ("EQ_destination_", "destinationList", "destination"),
    ):
        if name.startswith(start):
            kind = name[len(start) :]
            return any(
                one.get("type") == kind and thing(one[member]) in map(thing, values)
                for one in event.get(members, [])
            )
    return None


def _word(value: object) -> object:
    """`shipping` out of what may be written in three ways; a word of somebody's own written out."""
    if not isinstance(value, str):
        return None
    for start in (
        "cbv:BizStep-",
        "https://ref.gs1.org/cbv/BizStep-",
        "cbv:Disp-",
        "https://ref.gs1.org/cbv/Disp-",
    ):
        if value.startswith(start):
            return value[len(start) :]
    return whole_name(value)


def _matches(event: Json, members: list[str], values: list[str]) -> bool:
    for member in members:
        held = event.get(member, [])
        for one in held if isinstance(held, list) else [held]:
            here = thing(one["epcClass"] if isinstance(one, dict) else one)
            for value in values:
                if here == thing(value) or here in COVERS.get(value, set()):
                    return True
    return False


def _elements(event: Json) -> list[Json]:
    return [
        one
        for member in ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
        for one in event.get(member, [])
    ]


def _amount(op: str, pairs: list[tuple[object, object]], rest: str, values: list[str]) -> bool:
    _, _, unit = rest.partition("_")
    sort, base = UNITS[unit]
    for number, own in pairs:
        own_sort, own_base = UNITS[own if isinstance(own, str) else ""]
        much = figure(number)
        if much is not None and own_sort == sort:
            for value in values:
                if OPS[op](own_base(much), base(Fraction(value))):
                    return True
    return False


def _attribute(event: Json, name: str, values: list[str], data: dict[str, Json]) -> bool:
    how, _, rest = name.partition("_")
    field, _, attribute = rest.partition("_")
    if field == "epcClass":
        of_product = {"pineapples of lot A": "pineapples", "one pineapple": "pineapples"}
        here = [
            str(thing(one)) for member in LISTS["MATCH_any"].split() for one in _uris(event.get(member, []))
        ]
        known = [data[product] for product in (of_product.get(one, one) for one in here) if product in data]
    else:
        place = str(thing(event.get(field, {}).get("id"))).replace("farm's dock", "farm")
        known = [data[place]] if place in data else []
    if how == "HASATTR":
        return any(value in one for one in known for value in values)
    return any(one.get(attribute) in values for one in known)


def _uris(held: object) -> list[object]:
    listed = held if isinstance(held, list) else [held]
    return [one["epcClass"] if isinstance(one, dict) else one for one in listed]


def _own(event: Json, op: str, rest: str, values: list[str]) -> bool:
    inner = rest.startswith("INNER_")
    rest = rest.removeprefix("INNER_")
    scope = next((one for one in SCOPES if rest.startswith(f"{one}_")), "")
    wanted = whole_name(rest.removeprefix(f"{scope}_") if scope else rest)
    for holder in _holders(event, scope):
        for name, value in holder.items():
            if ":" not in name:
                continue
            if not inner and whole_name(name) == wanted and _is(op, value, values):
                return True
            if inner and any(
                whole_name(below) == wanted and _is(op, item, values) for below, item in _below(value)
            ):
                return True
    return False


def _below(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, item in value.items():
            if ":" in name:
                yield name, item
            yield from _below(item)
    if isinstance(value, list):
        for item in value:
            yield from _below(item)


def _holders(event: Json, scope: str) -> list[Json]:
    elements = event.get("sensorElementList", [])
    reports = [report for one in elements for report in one.get("sensorReport", [])]
    metadata = [one["sensorMetadata"] for one in elements if "sensorMetadata" in one]
    found: dict[str, list[Json]] = {
        "": [event],
        "ILMD": [event.get("ilmd", {})],
        "ERROR_DECLARATION": [event.get("errorDeclaration", {})],
        "SENSORELEMENT": elements,
        "SENSORMETADATA": metadata,
        "SENSORREPORT": reports,
        "readPoint": [event.get("readPoint", {})],
        "bizLocation": [event.get("bizLocation", {})],
        "both": metadata + reports,
    }
    return found[scope]


def _is(op: str, value: object, wanted: list[str]) -> bool:
    if op == "EXISTS":
        return value not in ("", [], {})
    if isinstance(value, list):
        return any(_is(op, one, wanted) for one in value)
    for text in wanted:
        if isinstance(value, bool):
            if op == "EQ" and text == ("true" if value else "false"):
                return True
            continue
        much, other = figure(value), written_figure(text)
        if much is not None and other is not None and OPS[op](much, other):
            return True
        then, at = moment(value), moment(text)
        if then is not None and at is not None and OPS[op](then, at):
            return True
        if op == "EQ" and isinstance(value, str) and (value == text or thing(value) == thing(text)):
            return True
    return False


def _sensor(event: Json, op: str, rest: str, values: list[str]) -> bool:
    scope = next((one for one in ("SENSORMETADATA", "SENSORREPORT") if rest.startswith(f"{one}_")), "")
    rest = rest.removeprefix(f"{scope}_") if scope else rest
    member = rest.split("_")[0]
    if not scope:
        scope = (
            "both" if member in IN_BOTH else "SENSORMETADATA" if member in METADATA_ONLY else "SENSORREPORT"
        )
    held = [one for one in _holders(event, scope) if member in one]
    if member in SENSOR_AMOUNTS:
        return _amount(op, [(one[member], one.get("uom")) for one in held], rest, values)
    for one in held:
        value = one[member]
        if member == "percRank" and any(OPS[op](Fraction(value), Fraction(text)) for text in values):
            return True
        if member in SENSOR_TIMES:
            then = moment(value)
            if then is not None and any(OPS[op](then, moment(text)) for text in values):
                return True
        if member in SENSOR_URIS and thing(value) in map(thing, values):
            return True
        if member == "hexBinaryValue" and value.upper() in [text.upper() for text in values]:
            return True
        if member == "booleanValue" and ("true" if value else "false") in values:
            return True
        if member in ("stringValue", "type", "exception", "component") and value in values:
            return True
    return False
