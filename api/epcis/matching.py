"""Whether an event answers a query (EPCIS 2.0 §8.2.7.1).

Rules: all parameters must hold. An event is judged by what its JSON says, with its own context's prefixes written out; whatever
in it is not of the kind that a parameter asks for does not answer, and is no error: the ledger holds events that nobody
checked. An event whose context cannot be read is judged with the standard's prefixes.

What this module does not do: find events (`api.epcis.finding`), or judge by what only the ledger knows: record time, and
whether an event was declared an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from api.epcis.attributes import MasterData, elements_for
from api.epcis.comparing import Expand
from api.epcis.fields import values_at
from api.epcis.items import MATCHES, Items, named
from api.epcis.places import is_within, place_name
from api.epcis.query import Query
from ledger.epcis.addresses import canonical_address
from ledger.epcis.context import prefixes_of
from ledger.epcis.json_text import EpcisError, Json
from ledger.epcis.times import read_time
from ledger.epcis.vocabulary import (
    DISPOSITIONS,
    ERRORS,
    PARTIES,
    STANDARD_PREFIXES,
    STEPS,
    TRANSACTIONS,
    Vocabulary,
)
from ledger.errors import FormatError

_ALL_ITEMS: Final = MATCHES["MATCH_any"]


def answers(event: Json, names: frozenset[str], query: Query, data: MasterData) -> bool:
    """Whether an event, as JSON that was parsed strictly, answers a query. `names`: what it is called by."""
    return _Judge(event, names, data).answers(query)


def expander(event: Json) -> Expand:
    """Writes out the compact names and URIs of an event, by its own context."""
    try:
        prefixes: Mapping[str, str] = prefixes_of(event.get("@context"), "")
    except FormatError:
        prefixes = STANDARD_PREFIXES

    def expand(text: str) -> str:
        prefix, _, local = text.partition(":")
        return text if prefix not in prefixes or local.startswith("//") else prefixes[prefix] + local

    return expand


class _Judge:
    def __init__(self, event: Json, names: frozenset[str], data: MasterData) -> None:
        self._event = event
        self._names = names
        self._data = data
        self._expand = expander(event)

    def answers(self, query: Query) -> bool:
        """The cheap ones first."""
        value = self._event
        return (
            (not query.actions or value.get("action") in query.actions)
            and (not query.event_ids or not query.event_ids.isdisjoint(self._names))
            and (
                not query.transformations
                or self._address(value.get("transformationID")) in query.transformations
            )
            and self._words(query)
            and self._places(query)
            and self._declares(query)
            and all(self._has_link(*link) for link in query.links)
            and all(self._has_item(items) for items in query.items)
            and self._conditions(query)
            and self._attributes(query)
        )

    def _words(self, query: Query) -> bool:
        for member, wanted in query.words.items():
            words = STEPS if member == "bizStep" else DISPOSITIONS
            if self._short(self._event.get(member), words) not in wanted:
                return False
        for member, wanted in query.persistent.items():
            listed = _list(_below(self._event.get("persistentDisposition"), member))
            if wanted.isdisjoint(str(self._short(one, DISPOSITIONS)) for one in listed):
                return False
        return True

    def _places(self, query: Query) -> bool:
        if any(self._place(member) not in places for member, places in query.places.items()):
            return False
        return all(
            any(is_within(self._place(member), one) for one in places)
            for member, places in query.within.items()
        )

    def _place(self, member: str) -> str:
        uri = _below(self._event.get(member), "id")
        return place_name(self._expand(uri)) if isinstance(uri, str) else ""

    def _declares(self, query: Query) -> bool:
        """Whether the event's error declaration is one of those asked for."""
        declared = self._event.get("errorDeclaration")
        if query.error_time is not None:
            low, high = query.error_time
            try:
                if not low <= read_time(_below(declared, "declarationTime"), "") < high:
                    return False
            except FormatError:
                return False
        if query.error_reasons and self._short(_below(declared, "reason"), ERRORS) not in query.error_reasons:
            return False
        corrective = _list(_below(declared, "correctiveEventIDs"))
        return not query.corrective or not query.corrective.isdisjoint(
            one for one in corrective if isinstance(one, str)
        )

    def _has_link(self, members: str, member: str, kind: str, wanted: frozenset[str]) -> bool:
        words = TRANSACTIONS if member == "bizTransaction" else PARTIES
        return any(
            self._short(_below(item, "type"), words) == kind
            and self._place_of(_below(item, member)) in wanted
            for item in _list(self._event.get(members))
        )

    def _place_of(self, uri: object) -> str | None:
        return place_name(self._expand(uri)) if isinstance(uri, str) else None

    def _has_item(self, items: Items) -> bool:
        return any(items.matches(item) for item in self._items(items.members))

    def _items(self, members: tuple[str, ...]) -> Iterator[str]:
        for member in members:
            below = self._event.get(member)
            for item in below if isinstance(below, list) else [below]:
                uri = _below(item, "epcClass") if isinstance(item, dict) else item
                if isinstance(uri, str):
                    try:
                        yield named(self._expand(uri))
                    except EpcisError:
                        yield uri

    def _conditions(self, query: Query) -> bool:
        if not query.conditions:
            return True
        values = values_at(self._event, (one.where for one in query.conditions), self._expand)
        return all(
            any(one.comparison.holds(value, self._expand) for value in values.get(one.where, ()))
            for one in query.conditions
        )

    def _attributes(self, query: Query) -> bool:
        if not query.attributes:
            return True
        places = {member: self._place(member) for member in ("readPoint", "bizLocation")}
        goods = list(dict.fromkeys(self._items(_ALL_ITEMS)))
        return all(one.holds(elements_for(one, places, goods, self._data)) for one in query.attributes)

    def _address(self, uri: object) -> str | None:
        return canonical_address(self._expand(uri)) if isinstance(uri, str) else None

    def _short(self, value: object, words: Vocabulary) -> str | None:
        if not isinstance(value, str):
            return None
        return words.short(value) if value in words.words else words.short(self._expand(value))


def _below(value: object, member: str) -> Any:  # noqa: ANN401  JSON is anything
    return value.get(member) if isinstance(value, dict) else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
