"""What a gateway keeps back of an event unless it is told otherwise.

Rules: by default nobody learns from the ledger with whom a producer trades and for how much: business transactions, sources and
destinations are hidden whole, and of one's own members those whose names speak of prices, buyers, people or plots of land.
Items,
amounts, places and times stay: they are what the origin of goods is proved with. A name in an own member is taken apart at
capitals, dashes and underscores, so `unitPrice` and `ex:gia_ban` are both found.

What this module does not do: hide (`ledger.epcis.hiding`), or judge whether the choice is wise.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from ledger.epcis.json_text import Json, join
from ledger.epcis.model import Kind
from ledger.errors import FormatError

MEMBERS: Final = frozenset({"bizTransactionList", "sourceList", "destinationList"})
"""Members of the standard that are hidden by default."""
WORDS: Final = frozenset(
    {
        "price",
        "cost",
        "amount",
        "payment",
        "invoice",
        "contract",
        "buyer",
        "seller",
        "customer",
        "client",
        "supplier",
        "person",
        "farmer",
        "household",
        "owner",
        "phone",
        "email",
        "plot",
        "parcel",
        "gia",
        "tien",
        "khach",
        "mua",
        "ban",
        "nguoi",
        "ho",
        "thua",
        "sdt",
    }
)
"""Words in the names of one's own members that hide them: in English, and in Vietnamese without marks."""

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NAME = re.compile(r"[A-Za-z_@/][A-Za-z0-9_.:/~@-]{0,199}")
_NEVER: Final = frozenset(
    {
        "@context",
        "type",
        "eventTime",
        "eventTimeZoneOffset",
        "action",
        "epcList",
        "quantityList",
        "parentID",
        "childEPCs",
        "childQuantityList",
        "inputEPCList",
        "inputQuantityList",
        "outputEPCList",
        "outputQuantityList",
        "eventID",
        "recordTime",
        "errorDeclaration",
    }
)


@dataclass(frozen=True, slots=True)
class Privacy:
    """What is hidden: members by name, own members by words in their names, and places by JSON pointer."""

    members: frozenset[str] = MEMBERS
    words: frozenset[str] = WORDS
    pointers: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    """Members, or own members by their whole names, that stay although a rule above would hide them."""

    @classmethod
    def chosen(
        cls, *, hide: Collection[str] = (), show: Collection[str] = (), nothing: bool = False
    ) -> Privacy:
        """The default with changes. `hide`: names of members, or JSON pointers; `show`: names of members that stay.

        Raises FormatError, rule `gateway.privacy`, for a name that cannot be hidden or is none.
        """
        for name in (*hide, *show):
            if not _NAME.fullmatch(name) or name in _NEVER or name.split("/")[1:2] == ["@context"]:
                raise FormatError(
                    "gateway.privacy", f"{name[:60]!a} is no member of an event that could be hidden or shown"
                )
        base = cls(frozenset(), frozenset()) if nothing else cls()
        return cls(
            (base.members | {name for name in hide if not name.startswith("/")}) - frozenset(show),
            base.words,
            frozenset(name for name in hide if name.startswith("/")),
            frozenset(show),
        )

    def parts(self, event: Json) -> frozenset[str]:
        """JSON pointers of what is hidden in an event; none inside another."""
        found = {*self._found(event), *(pointer for pointer in self.pointers if _is_there(event, pointer))}
        return frozenset(
            pointer for pointer in found if not any(pointer.startswith(f"{outer}/") for outer in found)
        )

    def _found(self, event: Json) -> Iterator[str]:
        for name, value in event.items():
            where = join("", name)
            if name in self.shown or name in _NEVER:
                continue
            if name in self.members:
                # An empty list says nothing, and what has no transaction has none to hide.
                if value != [] or event.get("type") != Kind.TRANSACTION.type:
                    yield where
            elif ":" in name and self._speaks(name):
                yield where
            else:
                yield from self._below(value, where)

    def _below(self, value: object, pointer: str) -> Iterator[str]:
        if isinstance(value, dict):
            for name, below in value.items():
                where = join(pointer, name)
                if name in self.shown:
                    continue
                if name in self.members or (":" in name and self._speaks(name)):
                    yield where
                else:
                    yield from self._below(below, where)
        elif isinstance(value, list):
            for number, below in enumerate(value):
                yield from self._below(below, join(pointer, number))

    def _speaks(self, name: str) -> bool:
        local = name.rpartition(":")[2]
        return any(part.lower() in self.words for part in _PARTS.findall(local))


def _is_there(event: Json, pointer: str) -> bool:
    value: object = event
    for name in pointer.split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901  the name as it is
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and len(name) < 7 and int(name) < len(value):
            value = value[int(name)]
        else:
            return False
    return True
