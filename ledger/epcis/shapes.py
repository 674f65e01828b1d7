"""Values of JSON, read as what they must be: objects with known members, lists of limited length, texts, numbers.

Rules: every refusal says where. A list is limited before its elements are read.

What this module does not do: know what EPCIS is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final, TypeVar

from ledger.epcis.json_text import EpcisError, Json, join
from ledger.epcis.model import MAX_THINGS

MAX_ITEMS: Final = 2_000
"""Elements of one list in an event, before it is asked whether one record may name so many items."""
_HEX = re.compile(r"[0-9A-Fa-f]+")

_T = TypeVar("_T")


def maybe(value: Json, name: str, pointer: str, read: Callable[[object, str], _T]) -> _T | None:
    """What `read` makes of a member, or None if it is not there."""
    return read(value[name], join(pointer, name)) if name in value else None


def required(value: Json, name: str, pointer: str) -> Any:  # noqa: ANN401  JSON is anything
    """A member that must be there. Raises EpcisError, rule `epcis.missing`."""
    if name not in value:
        raise EpcisError("epcis.missing", join(pointer, name), f"{name} is missing")
    return value[name]


def read_object(value: object, pointer: str) -> Json:
    """An object. Raises EpcisError, rule `epcis.kind`."""
    if not isinstance(value, dict):
        raise EpcisError("epcis.kind", pointer, "an object is expected")
    return value


def only(value: Json, pointer: str, known: tuple[str, ...]) -> None:
    """Raise EpcisError, rule `epcis.member`, for a member that is not `known`."""
    for name in value:
        if name not in known:
            raise EpcisError("epcis.member", join(pointer, name), f"only {', '.join(known)} stand here")


def elements(value: Json, name: str, pointer: str) -> Iterator[tuple[str, object]]:
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


def each(value: Json, pointer: str, names: tuple[str, ...], read: Callable[[object, str], object]) -> None:
    """Read those of some members that are there."""
    for name in names:
        maybe(value, name, pointer, read)


def is_text(value: object, form: re.Pattern[str]) -> bool:
    """Whether a value is a text of a form."""
    return isinstance(value, str) and form.fullmatch(value) is not None


def read_text(value: object, pointer: str) -> str:
    """A text. Raises EpcisError, rule `epcis.kind`."""
    if not isinstance(value, str):
        raise EpcisError("epcis.kind", pointer, "a text is expected")
    return value


def read_number(value: object, pointer: str) -> Decimal:
    """A number, exact; not in quotes. Raises EpcisError, rule `epcis.kind`."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise EpcisError("epcis.kind", pointer, "a number is expected, not in quotes")
    return Decimal(value)


def read_flag(value: object, pointer: str) -> bool:
    """True or false. Raises EpcisError, rule `epcis.kind`."""
    if not isinstance(value, bool):
        raise EpcisError("epcis.kind", pointer, "true or false is expected")
    return value


def read_hex(value: object, pointer: str) -> str:
    """Hexadecimal digits. Raises EpcisError, rule `epcis.kind`."""
    if not is_text(value, _HEX):
        raise EpcisError("epcis.kind", pointer, "hexadecimal digits are expected")
    return str(value)
