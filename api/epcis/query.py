"""What may be asked of an EPCIS repository: the parameters of a simple event query (EPCIS 2.0 §8.2.7.1 and §12.8).

Rules: a parameter that this program does not know, or a value it cannot read, is a clear refusal; nothing is passed over,
because an answer to another question looks like an answer. A list's values are separated by commas, or the parameter stands
several times. All parameters must hold at once; of one list any value will do. How many parameters and values there are is
limited before any is read. docs/epcis.md has the table of all.

What this module does not do: decide about events (`api.epcis.matching`), or search (`api.epcis.finding`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Self

from api.epcis.attributes import AttributeCondition, is_attribute, read_attribute
from api.epcis.fields import Condition, read_condition
from api.epcis.items import MATCHES, Items, read_items
from api.epcis.places import place_name
from ledger.encoding import decode, encode
from ledger.epcis import vocabulary
from ledger.epcis.addresses import canonical_address
from ledger.epcis.context import read_uri
from ledger.epcis.json_text import shown
from ledger.epcis.model import KIND_OF_TYPE, Kind
from ledger.epcis.times import read_time
from ledger.epcis.vocabulary import STANDARD_PREFIXES, Vocabulary
from ledger.errors import FormatError

DEFAULT_PAGE: Final = 30
"""Events of a page, unless `perPage` says otherwise (EPCIS 2.0 §12.6)."""
MAX_PAGE: Final = 100
"""A larger `perPage` gets pages of this size, as the standard allows."""
MAX_VALUES: Final = 50
"""Values of one parameter."""
MAX_PARAMETERS: Final = 64
"""Different parameters of one query."""
_MAX_COUNT: Final = 1_000_000

_WORDS: Final[Mapping[str, tuple[str, Vocabulary]]] = {
    "EQ_bizStep": ("bizStep", vocabulary.STEPS),
    "EQ_disposition": ("disposition", vocabulary.DISPOSITIONS),
}
_PLACES: Final = {"EQ_readPoint": "readPoint", "EQ_bizLocation": "bizLocation"}
_WITHIN: Final = {"WD_readPoint": "readPoint", "WD_bizLocation": "bizLocation"}
"""The place itself, or one within it: a location number's extensions are within it, and of other places nothing is known."""
_PERSISTENT: Final = {"EQ_persistentDisposition_set": "set", "EQ_persistentDisposition_unset": "unset"}
_LINKS: Final[Mapping[str, tuple[str, str, Vocabulary]]] = {
    "EQ_bizTransaction_": ("bizTransactionList", "bizTransaction", vocabulary.TRANSACTIONS),
    "EQ_source_": ("sourceList", "source", vocabulary.PARTIES),
    "EQ_destination_": ("destinationList", "destination", vocabulary.PARTIES),
}
_TIMES: Final = (
    "GE_eventTime",
    "LT_eventTime",
    "GE_recordTime",
    "LT_recordTime",
    "GE_errorDeclarationTime",
    "LT_errorDeclarationTime",
)
_ALSO_CALLED: Final = {
    "GE_errorDeclaration_Time": "GE_errorDeclarationTime",
    "LT_errorDeclaration_Time": "LT_errorDeclarationTime",
    "PerPage": "perPage",
    "NextPageToken": "nextPageToken",
}
"""Names that GS1's own files write in another way."""
_ACTIONS: Final = frozenset({"ADD", "OBSERVE", "DELETE"})
_SINGLE: Final = frozenset(
    {
        *_TIMES,
        "EXISTS_errorDeclaration",
        "orderBy",
        "orderDirection",
        "eventCountLimit",
        "maxEventCount",
        "perPage",
        "nextPageToken",
    }
)
_LISTS: Final = frozenset(
    {
        "eventType",
        "EQ_action",
        "EQ_eventID",
        "EQ_transformationID",
        "EQ_errorReason",
        "EQ_correctiveEventID",
        *_WORDS,
        *_PLACES,
        *_WITHIN,
        *_PERSISTENT,
        *MATCHES,
    }
)

Order = Literal["eventTime", "recordTime"]


@dataclass(frozen=True, slots=True)
class Query:
    """One question."""

    kinds: frozenset[Kind] = frozenset()
    event_time: tuple[int, int] = (0, 2**63)
    """From, inclusive, to, exclusive: milliseconds since the epoch."""
    record_time: tuple[int, int] | None = None
    actions: frozenset[str] = frozenset()
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Member of an event → short words, one of which it must be."""
    places: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Member → places in canonical form, one of which it must be."""
    within: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Member → places in canonical form, one of which it must be, or be within."""
    persistent: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """`set` or `unset` → short words, one of which must be listed."""
    error_time: tuple[int, int] | None = None
    error_reasons: frozenset[str] = frozenset()
    corrective: frozenset[str] = frozenset()
    items: tuple[Items, ...] = ()
    event_ids: frozenset[str] = frozenset()
    transformations: frozenset[str] = frozenset()
    links: tuple[tuple[str, str, str, frozenset[str]], ...] = ()
    """List, member, short type, identifiers."""
    conditions: tuple[Condition, ...] = ()
    """On members of one's own, ILMD, what sensors say, and quantities."""
    attributes: tuple[AttributeCondition, ...] = ()
    """On master data."""
    in_error: bool = False
    order: Order | None = None
    """None: event time, where that costs little."""
    descending: bool = True
    limit: int | None = None
    most: int | None = None
    """More events than this are an error, and no answer."""
    page: int = DEFAULT_PAGE
    after: Token | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """Where a page ended. Whoever has one can make another: it says nothing that its holder may not ask for."""

    position: bytes
    left: int | None
    """Events that are still to come, of `eventCountLimit`."""

    def encoded(self) -> str:
        """As it stands in a link."""
        return base64.urlsafe_b64encode(encode([self.position, self.left])).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a token. Raises FormatError, rule `epcis.query-token`."""
        try:
            match decode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)):
                case [bytes() as position, None] if len(position) <= 64:
                    return cls(position, None)
                case [bytes() as position, int() as left] if len(position) <= 64 and 0 < left <= _MAX_COUNT:
                    return cls(position, left)
        except (binascii.Error, ValueError, FormatError) as error:
            raise _bad_token() from error
        raise _bad_token()


def _bad_token() -> FormatError:
    return FormatError("epcis.query-token", "nextPageToken is what an earlier page's link holds, unchanged")


def parse_query(
    parameters: Iterable[tuple[str, str]], prefixes: Mapping[str, str] = STANDARD_PREFIXES
) -> Query:
    """Read a query's parameters. `prefixes`: what prefixes in names of members of one's own stand for.

    Raises FormatError: `epcis.query-parameter`, `epcis.query-prefix`, `epcis.query-value`, `epcis.query-token`,
    `epcis.query-unsupported`, `gs1.*`.
    """
    values: dict[str, list[str]] = {}
    for written, value in parameters:
        name = _ALSO_CALLED.get(written, written)
        values.setdefault(name, []).append(value)
        if len(values) > MAX_PARAMETERS:
            raise FormatError(
                "epcis.query-value", f"a query has at most {MAX_PARAMETERS} different parameters"
            )
    return _Reader(values, prefixes).query()


class _Reader:
    def __init__(self, values: Mapping[str, list[str]], prefixes: Mapping[str, str]) -> None:
        self._values = values
        self._conditions: list[Condition] = []
        self._attributes: list[AttributeCondition] = []
        for name in values:
            self._read_name(name, prefixes)

    def _read_name(self, name: str, prefixes: Mapping[str, str]) -> None:
        """Take note of a parameter that stands for itself; refuse one that is none."""
        if name in _SINGLE and len(self._values[name]) > 1:
            raise FormatError("epcis.query-value", f"{name} stands once")
        if name in _SINGLE or name in _LISTS or (name.startswith(tuple(_LINKS)) and not name.endswith("_")):
            return
        if is_attribute(name):
            self._attributes.append(read_attribute(name, self._list(name), prefixes))
            return
        texts = self._values[name] if name.startswith("EXISTS_") else self._list(name)
        condition = read_condition(name, texts, prefixes)
        if condition is None:
            raise FormatError(
                "epcis.query-parameter",
                f"this repository does not know the parameter {shown(name)}; it knows "
                f"{', '.join(sorted(_SINGLE | _LISTS))}, {', '.join(sorted(_LINKS))} with a type behind, and those on members "
                "of your own, sensors, quantities and attributes that docs/epcis.md lists",
            )
        self._conditions.append(condition)

    def query(self) -> Query:
        words = {
            member: self._words(name, known) for name, (member, known) in _WORDS.items() if self._has(name)
        }
        places = {member: self._places(name) for name, member in _PLACES.items() if self._has(name)}
        if self._has("eventCountLimit") and self._has("maxEventCount"):
            raise FormatError(
                "epcis.query-value",
                "eventCountLimit and maxEventCount do not stand together (EPCIS 2.0 §8.2.7.1)",
            )
        record_time = self._range("recordTime")
        order: Order | None = None
        match self._choice("orderBy", ("eventTime", "recordTime"), None):
            case "eventTime":
                order = "eventTime"
            case "recordTime":
                order = "recordTime"
            case _ if record_time is not None and not self._has("GE_eventTime"):
                order = "recordTime"
        return Query(
            kinds=frozenset(self._kind(text) for text in self._list("eventType")),
            event_time=self._range("eventTime") or (0, 2**63),
            record_time=record_time,
            actions=frozenset(self._action(text) for text in self._list("EQ_action")),
            words=words,
            places=places,
            within={member: self._places(name) for name, member in _WITHIN.items() if self._has(name)},
            persistent={
                member: self._words(name, vocabulary.DISPOSITIONS)
                for name, member in _PERSISTENT.items()
                if self._has(name)
            },
            error_time=self._range("errorDeclarationTime"),
            error_reasons=self._words("EQ_errorReason", vocabulary.ERRORS),
            corrective=self._uris("EQ_correctiveEventID"),
            items=tuple(self._items(name) for name in MATCHES if self._has(name)),
            event_ids=self._uris("EQ_eventID"),
            transformations=frozenset(map(canonical_address, self._uris("EQ_transformationID"))),
            links=tuple(self._links()),
            conditions=tuple(self._conditions),
            attributes=tuple(self._attributes),
            in_error=self._flag("EXISTS_errorDeclaration"),
            order=order,
            descending=self._choice("orderDirection", ("ASC", "DESC"), "DESC") == "DESC",
            limit=self._number("eventCountLimit", _MAX_COUNT),
            most=self._number("maxEventCount", _MAX_COUNT - 1),
            page=min(MAX_PAGE, self._number("perPage", _MAX_COUNT) or DEFAULT_PAGE),
            after=Token.parse(self._values["nextPageToken"][0]) if self._has("nextPageToken") else None,
        )

    def _has(self, name: str) -> bool:
        return name in self._values

    def _list(self, name: str) -> list[str]:
        found = [text for value in self._values.get(name, []) for text in value.split(",")]
        if len(found) > MAX_VALUES:
            raise FormatError(
                "epcis.query-value", f"{name} has at most {MAX_VALUES} values, not {len(found)}"
            )
        if self._has(name) and not all(found):
            raise FormatError("epcis.query-value", f"{name} has an empty value")
        return found

    def _uris(self, name: str) -> frozenset[str]:
        return frozenset(_uri(name, text) for text in self._list(name))

    def _places(self, name: str) -> frozenset[str]:
        return frozenset(map(place_name, self._uris(name)))

    def _words(self, name: str, words: Vocabulary) -> frozenset[str]:
        return frozenset(_word(name, text, words) for text in self._list(name))

    def _kind(self, text: str) -> Kind:
        if text not in KIND_OF_TYPE:
            raise FormatError(
                "epcis.query-value", f"eventType is one of {', '.join(KIND_OF_TYPE)}, not {shown(text)}"
            )
        return KIND_OF_TYPE[text]

    def _action(self, text: str) -> str:
        if text not in _ACTIONS:
            raise FormatError(
                "epcis.query-value", f"EQ_action is one of ADD, OBSERVE and DELETE, not {shown(text)}"
            )
        return text

    def _range(self, member: str) -> tuple[int, int] | None:
        low, high = f"GE_{member}", f"LT_{member}"
        if not (self._has(low) or self._has(high)):
            return None
        return self._time(low, 0), self._time(high, 2**63)

    def _time(self, name: str, default: int) -> int:
        if not self._has(name):
            return default
        # A plus sign in a query is a space to whoever forgets to encode it.
        return read_time(self._values[name][0].replace(" ", "+"), f"/{name}")

    def _items(self, name: str) -> Items:
        return read_items(name, self._list(name), _uri)

    def _links(self) -> Iterable[tuple[str, str, str, frozenset[str]]]:
        for name in self._values:
            for start, (members, member, words) in _LINKS.items():
                if name.startswith(start):
                    yield members, member, _word(name, name[len(start) :], words), self._places(name)

    def _flag(self, name: str) -> bool:
        if not self._has(name):
            return False
        if self._values[name][0] not in ("", "true", "1", "null"):
            raise FormatError("epcis.query-value", f"{name} has no value, or true")
        return True

    def _choice(self, name: str, known: tuple[str, ...], default: str | None) -> str | None:
        value = self._values.get(name, [default])[0]
        if value is not None and value not in known:
            raise FormatError("epcis.query-value", f"{name} is {' or '.join(known)}, not {shown(value)}")
        return value

    def _number(self, name: str, most: int) -> int | None:
        if not self._has(name):
            return None
        text = self._values[name][0]
        if not (text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= most):
            raise FormatError("epcis.query-value", f"{name} is a number from 1 to {most}, not {shown(text)}")
        return int(text)


def _uri(name: str, text: str) -> str:
    try:
        return read_uri(text, f"/{name}")
    except FormatError as error:
        raise FormatError("epcis.query-value", f"{name} takes URIs, not {shown(text)}") from error


def _word(name: str, text: str, words: Vocabulary) -> str:
    if text in words.words:
        return text
    return words.short(_uri(name, text))
