"""`HASATTR_` and `EQATTR_`: questions about the master data of what an event names (EPCIS 2.0 §8.2.7.1).

Rules: master data are the products and places that members have registered, as `/epcis/v2/masterData` gives them. The fields
`readPoint` and `bizLocation` are places, and `epcClass` the products of all goods that the event names. Where several members
have registered one thing, the attributes of one of them are enough. An attribute is called by its whole name, with a prefix,
or, if it is CBV's, by its bare name.

What this module does not do: keep anything. Whoever asks counts what was looked up (`MasterData.looked_up`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from api.epcis.fields import written_out
from ledger.epcis.json_text import shown
from ledger.errors import FormatError

MDA: Final = "urn:epcglobal:cbv:mda:"
"""Stands before the names of CBV's attributes."""
PLACES: Final = ("readPoint", "bizLocation")
PRODUCTS: Final = "epcClass"
_NAME = re.compile(
    rf"(?:HASATTR_({'|'.join((*PLACES, PRODUCTS))})|EQATTR_({'|'.join((*PLACES, PRODUCTS))})_(.+))"
)

Attributes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """One parameter about master data."""

    field: str
    name: str | None
    """The attribute that must be one of `values`; None where it is enough that one of `values` is there."""
    values: frozenset[str]

    def holds(self, elements: Iterable[Attributes]) -> bool:
        """Whether one of some vocabulary elements is as asked for."""
        if self.name is None:
            return any(not self.values.isdisjoint(one) for one in elements)
        return any(one.get(self.name) in self.values for one in elements)


class MasterData(Protocol):
    """Where master data comes from."""

    def of_place(self, place: str) -> Sequence[Attributes]:
        """Of a place as `api.epcis.places` names it: each member's that registered it."""

    def of_product(self, item: str) -> Sequence[Attributes]:
        """Of the product that an item, named by its path, is of."""


def is_attribute(name: str) -> bool:
    """Whether a parameter's name is of this kind."""
    return name.startswith(("HASATTR_", "EQATTR_"))


def read_attribute(name: str, texts: Sequence[str], prefixes: Mapping[str, str]) -> AttributeCondition:
    """The condition that a parameter stands for. Raises FormatError: `epcis.query-unsupported`, `epcis.query-prefix`."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise FormatError(
            "epcis.query-unsupported",
            f"{shown(name)} asks for master data, and what is registered here are places and products: HASATTR_ and "
            f"EQATTR_ take the fields {', '.join(PLACES)} and {PRODUCTS}, as in EQATTR_bizLocation_name",
        )
    if found[1] is not None:
        return AttributeCondition(found[1], None, frozenset(_attribute(text, prefixes) for text in texts))
    return AttributeCondition(found[2], _attribute(found[3], prefixes), frozenset(texts))


def _attribute(name: str, prefixes: Mapping[str, str]) -> str:
    return written_out(name, prefixes) if ":" in name else MDA + name


def elements_for(
    condition: AttributeCondition, places: Mapping[str, str], goods: Iterable[str], data: MasterData
) -> Iterator[Attributes]:
    """The vocabulary elements of what an event names in the field that is asked about.

    `places`: by field, as `api.epcis.places` names them. `goods`: item paths.
    """
    if condition.field == PRODUCTS:
        for item in goods:
            yield from data.of_product(item)
    elif condition.field in places:
        yield from data.of_place(places[condition.field])
