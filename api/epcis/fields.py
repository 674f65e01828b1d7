"""Parameters that ask about one member of an event: members of one's own, ILMD, what sensors say, quantities.

Rules (EPCIS 2.0 §8.2.7.1):

    EQ_ GT_ GE_ LT_ LE_ EXISTS_  ⟨where⟩_ ⟨name⟩        a member of one's own; its name with a prefix, or as a whole URI
    …_INNER_ ⟨where⟩_ ⟨name⟩                            one anywhere below a member of one's own, but not at that level itself
    EQ_⟨sensor member⟩, GE_value_⟨unit⟩, EQ_quantity_⟨unit⟩ …

⟨where⟩ is nothing (the event itself), `ILMD`, `ERROR_DECLARATION`, `SENSORELEMENT`, `SENSORMETADATA`, `SENSORREPORT`,
`readPoint` or `bizLocation`. Names are compared written out, so that it does not matter which prefix somebody chose: what a
prefix of a query stands for is said by the header `GS1-Extensions`. Each parameter asks by itself: two of them may be answered
by two reports.

What this module does not do: decide about an event as a whole (`api.epcis.matching`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.epcis.comparing import Comparison, Expand, Kind, Op, read_comparison
from ledger.epcis import vocabulary
from ledger.epcis.json_text import Json, shown
from ledger.epcis.vocabulary import STANDARD_PREFIXES, Vocabulary
from ledger.errors import FormatError

_EVENT, _ELEMENT, _METADATA, _REPORT = "", "SENSORELEMENT", "SENSORMETADATA", "SENSORREPORT"
_QUANTITY: Final = "quantity"
_ANYWHERE: Final = "sensor"
"""Where a member of metadata and of reports is asked for that may stand in either."""
_OWN = re.compile(
    r"(EQ|GT|GE|LT|LE|EXISTS)_(INNER_)?"
    r"(?:(ILMD|ERROR_DECLARATION|SENSORELEMENT|SENSORMETADATA|SENSORREPORT|readPoint|bizLocation)_)?([^:]+:.+)"
)
_STANDARD = re.compile(
    r"(EQ|GT|GE|LT|LE|EXISTS)_(?:(SENSORMETADATA|SENSORREPORT)_)?([A-Za-z]+)(?:_([A-Z0-9]{2,4}))?"
)
_QUANTITIES = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
_BOTH = frozenset({_METADATA, _REPORT})
_IN_METADATA, _IN_REPORT = frozenset({_METADATA}), frozenset({_REPORT})
_MEMBERS: Final[Mapping[str, tuple[frozenset[str], Kind, Vocabulary | None]]] = {
    "time": (_BOTH, Kind.TIME, None),
    "deviceID": (_BOTH, Kind.URI, None),
    "deviceMetadata": (_BOTH, Kind.URI, None),
    "rawData": (_BOTH, Kind.URI, None),
    "dataProcessingMethod": (_BOTH, Kind.URI, None),
    "startTime": (_IN_METADATA, Kind.TIME, None),
    "endTime": (_IN_METADATA, Kind.TIME, None),
    "bizRules": (_IN_METADATA, Kind.URI, None),
    "type": (_IN_REPORT, Kind.WORD, vocabulary.MEASUREMENTS),
    "exception": (_IN_REPORT, Kind.WORD, vocabulary.ALERTS),
    "component": (_IN_REPORT, Kind.WORD, vocabulary.COMPONENTS),
    "microorganism": (_IN_REPORT, Kind.URI, None),
    "chemicalSubstance": (_IN_REPORT, Kind.URI, None),
    "coordinateReferenceSystem": (_IN_REPORT, Kind.URI, None),
    "uriValue": (_IN_REPORT, Kind.URI, None),
    "stringValue": (_IN_REPORT, Kind.TEXT, None),
    "booleanValue": (_IN_REPORT, Kind.FLAG, None),
    "hexBinaryValue": (_IN_REPORT, Kind.HEX, None),
    "percRank": (_IN_REPORT, Kind.NUMBER, None),
    "value": (_IN_REPORT, Kind.AMOUNT, None),
    "minValue": (_IN_REPORT, Kind.AMOUNT, None),
    "maxValue": (_IN_REPORT, Kind.AMOUNT, None),
    "meanValue": (_IN_REPORT, Kind.AMOUNT, None),
    "sDev": (_IN_REPORT, Kind.AMOUNT, None),
    "percValue": (_IN_REPORT, Kind.AMOUNT, None),
}
"""The standard's members of sensor metadata and reports: where they stand, and what they hold."""
_ORDERED_KINDS = frozenset({Kind.TIME, Kind.NUMBER, Kind.AMOUNT})


@dataclass(frozen=True, slots=True)
class Where:
    """Where in an event values stand."""

    scope: str
    name: str
    """Of a member of one's own, written out; else the standard's."""
    inner: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One parameter about one member."""

    where: Where
    comparison: Comparison


def read_condition(name: str, texts: Sequence[str], prefixes: Mapping[str, str]) -> Condition | None:
    """The condition that a parameter stands for; None if its name is no such parameter's.

    Raises FormatError: `epcis.query-prefix`, `epcis.query-value`, `epcis.query-parameter`.
    """
    own = _OWN.fullmatch(name)
    if own is not None:
        where = Where(own[3] or _EVENT, written_out(own[4], prefixes), inner=own[2] is not None)
        return Condition(where, read_comparison(name, Op(own[1]), Kind.ANY, texts))
    standard = _STANDARD.fullmatch(name)
    if standard is None:
        return None
    op, scope, member, unit = Op(standard[1]), standard[2], standard[3], standard[4] or ""
    if name == "EXISTS_sensorElementList":
        return Condition(Where(_EVENT, member), read_comparison(name, op, Kind.ANY, texts))
    if member == _QUANTITY and scope is None and op is not Op.EXISTS:
        return Condition(Where(_QUANTITY, member), read_comparison(name, op, Kind.AMOUNT, texts, unit=unit))
    return _sensor_condition(name, texts, op, scope, member, unit)


def _sensor_condition(
    name: str, texts: Sequence[str], op: Op, scope: str | None, member: str, unit: str
) -> Condition | None:
    scopes, kind, words = _MEMBERS.get(member, (frozenset[str](), Kind.ANY, None))
    if not scopes or (scope is not None and scope not in scopes) or (unit and kind is not Kind.AMOUNT):
        return None
    if op is Op.EXISTS or (op is not Op.EQ and kind not in _ORDERED_KINDS):
        return None
    if kind is Kind.AMOUNT and not unit:
        raise FormatError(
            "epcis.query-value",
            f"{name} names its unit behind it, as in {op}_{member}_CEL for degrees Celsius",
        )
    where = Where(scope or (_ANYWHERE if len(scopes) > 1 else next(iter(scopes))), member)
    if kind is Kind.AMOUNT:
        # The unit stands beside the number, and both are compared: what is asked for may be in another.
        where = Where(_REPORT, f"{member}/uom")
    return Condition(where, read_comparison(name, op, kind, texts, unit=unit, words=words))


def written_out(name: str, prefixes: Mapping[str, str]) -> str:
    """The name of a member of one's own as a URI. Raises FormatError, rule `epcis.query-prefix`, for an unknown prefix."""
    prefix, _, local = name.partition(":")
    if local.startswith("//") or prefix == "urn":
        return name
    namespace = prefixes.get(prefix)
    if namespace is None:
        raise FormatError(
            "epcis.query-prefix",
            f"say in the header GS1-Extensions what the prefix {shown(prefix)} stands for, as in "
            "example=https://ns.example.com/epcis/, or write the name out, percent-encoded",
        )
    return namespace + local


def name_written_out(name: str, prefixes: Mapping[str, str]) -> str:
    """A parameter's name with the name of its member written out, so that it needs no header: for the link to the next page."""
    own = _OWN.fullmatch(name)
    if own is None:
        return name
    return name[: own.start(4)] + written_out(own[4], prefixes)


def read_extensions(header: str) -> Mapping[str, str]:
    """The prefixes that the header `GS1-Extensions` declares: `prefix=namespace, …`; the standard's own among them.

    Raises FormatError, rule `epcis.query-prefix`.
    """
    found = dict(STANDARD_PREFIXES)
    for part in header.split(",") if header.strip() else []:
        prefix, sign, namespace = (piece.strip() for piece in part.partition("="))
        right = sign and namespace.isascii() and _PREFIX.fullmatch(prefix) and _NAMESPACE.fullmatch(namespace)
        if not right or found.get(prefix, namespace) != namespace:
            raise FormatError(
                "epcis.query-prefix",
                f"GS1-Extensions lists what prefixes stand for, each once, as in example=https://ns.example.com/epcis/, not "
                f"{shown(part)}",
            )
        found[prefix] = namespace
    return found


_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]{1,1000}")


# -- what an event says there ------------------------------------------------------------------------------------------------


def values_at(event: Json, wheres: Iterable[Where], expand: Expand) -> Mapping[Where, list[object]]:
    """What stands in an event where it is asked for. Each part of the event is walked once, however many ask."""
    wanted = frozenset(wheres)
    found: dict[Where, list[object]] = defaultdict(list)
    for scope in {where.scope for where in wanted}:
        if scope == _QUANTITY:
            found[Where(_QUANTITY, _QUANTITY)] = list(_amounts(event))
            continue
        inner = any(where.inner and where.scope == scope for where in wanted)
        for holder in _holders(event, scope):
            _gather(holder, scope, wanted, expand, found, inner=inner)
    return found


def _gather(
    holder: Json,
    scope: str,
    wanted: frozenset[Where],
    expand: Expand,
    found: dict[Where, list[object]],
    *,
    inner: bool,
) -> None:
    for name, value in holder.items():
        if ":" not in name:
            for where in (Where(scope, name), Where(scope, f"{name}/uom")):
                if where in wanted:
                    found[where].append((value, holder.get("uom")) if where.name != name else value)
            continue
        where = Where(scope, expand(name))
        if where in wanted:
            found[where].append(value)
        if inner:
            for below, item in _below(value):
                where = Where(scope, expand(below), inner=True)
                if where in wanted:
                    found[where].append(item)


def _below(value: object) -> Iterator[tuple[str, object]]:
    """Every member with a qualified name anywhere below a value."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield from ((name, below) for name, below in item.items() if ":" in name)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _holders(event: Json, scope: str) -> Iterator[Json]:
    """The objects whose members a scope is about."""
    match scope:
        case "":
            yield event
        case "ILMD":
            yield from _objects(event.get("ilmd"))
        case "ERROR_DECLARATION":
            yield from _objects(event.get("errorDeclaration"))
        case "readPoint" | "bizLocation":
            yield from _objects(event.get(scope))
        case _:
            for element in _objects(*_list(event.get("sensorElementList"))):
                if scope == _ELEMENT:
                    yield element
                if scope in (_METADATA, _ANYWHERE):
                    yield from _objects(element.get("sensorMetadata"))
                if scope in (_REPORT, _ANYWHERE):
                    yield from _objects(*_list(element.get("sensorReport")))


def _amounts(event: Json) -> Iterator[tuple[object, object]]:
    for members in _QUANTITIES:
        for element in _objects(*_list(event.get(members))):
            yield element.get("quantity"), element.get("uom")


def _objects(*values: object) -> Iterator[Json]:
    return (value for value in values if isinstance(value, dict))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
