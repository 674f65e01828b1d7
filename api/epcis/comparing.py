"""Comparing what an event says with what a query asks: texts, numbers, times, and amounts with their units.

Rules (EPCIS 2.0 §8.2.7.1): `EQ_` takes a list of values, of which any will do; the others take one number or one time. A
number is compared with numbers and a time with times: a text that looks like a number is a text. Numbers are exact. Amounts are
compared across units where both are of mass, of volume, of pieces or of temperature; any other unit is comparable with itself
only. An EPC URN and a Digital Link of one thing are the same. Of a list one element is enough.

What this module does not do: know where in an event a value stands (`api.epcis.fields`).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

from ledger.epcis.addresses import canonical_address
from ledger.epcis.context import read_uri
from ledger.epcis.json_text import shown
from ledger.epcis.times import read_time
from ledger.epcis.vocabulary import Vocabulary
from ledger.errors import FormatError
from ledger.origin.units import PIECE, quantity

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_KELVIN: Final[Mapping[str, tuple[Fraction, Fraction]]] = {
    "KEL": (Fraction(1), Fraction(0)),
    "CEL": (Fraction(1), Fraction("273.15")),
    "FAH": (Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
}
"""Factor and summand that make kelvins of a temperature (UN/ECE Recommendation 20)."""

Expand = Callable[[str], str]
"""A compact name or URI of an event written out."""


class Op(StrEnum):
    """What a parameter's name begins with."""

    EQ = "EQ"
    GT = "GT"
    GE = "GE"
    LT = "LT"
    LE = "LE"
    EXISTS = "EXISTS"


_ORDERED: Final[Mapping[Op, Callable[[Any, Any], bool]]] = {
    Op.GT: operator.gt,
    Op.GE: operator.ge,
    Op.LT: operator.lt,
    Op.LE: operator.le,
}


class Kind(StrEnum):
    """What sort of value stands in a member."""

    ANY = "any"
    """A member of one's own: whatever JSON has."""
    URI = "uri"
    TIME = "time"
    NUMBER = "number"
    AMOUNT = "amount"
    """A number with a unit: pairs of both."""
    TEXT = "text"
    HEX = "hex"
    FLAG = "flag"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a value must be."""

    op: Op
    kind: Kind
    texts: frozenset[str] = frozenset()
    numbers: frozenset[Decimal] = frozenset()
    times: frozenset[int] = frozenset()
    amounts: frozenset[tuple[str, Fraction]] = frozenset()
    words: Vocabulary | None = None

    def holds(self, value: object, expand: Expand) -> bool:
        """Whether a value of an event is one that is asked for."""
        if self.op is Op.EXISTS:
            return value not in ("", [], {})
        if isinstance(value, list):
            return any(self.holds(one, expand) for one in value)
        if self.kind is Kind.AMOUNT:
            return isinstance(value, tuple) and self._is_amount(value)
        if isinstance(value, bool):
            return self.kind in (Kind.ANY, Kind.FLAG) and str(value).lower() in self.texts
        if isinstance(value, int | Decimal):
            return self.kind in (Kind.ANY, Kind.NUMBER) and self._compares(Decimal(value), self.numbers)
        return isinstance(value, str) and self._is_text(value, expand)

    def _is_text(self, value: str, expand: Expand) -> bool:
        match self.kind:
            case Kind.TEXT:
                return value in self.texts
            case Kind.HEX:
                return value.lower() in self.texts
            case Kind.WORD if self.words is not None:
                return self.words.short(value if value in self.words.words else expand(value)) in self.texts
            case Kind.URI:
                return canonical_address(expand(value)) in self.texts
            case Kind.ANY if value in self.texts or canonical_address(expand(value)) in self.texts:
                return True
            case Kind.ANY | Kind.TIME if self.times:
                try:
                    return self._compares(read_time(value, ""), self.times)
                except FormatError:
                    return False
        return False

    def _is_amount(self, value: tuple[object, object]) -> bool:
        number, unit = value
        if isinstance(number, bool) or not isinstance(number, int | Decimal):
            return False
        dimension, base = measured(Decimal(number), unit if isinstance(unit, str) else "")
        return self._compares(base, frozenset(one for name, one in self.amounts if name == dimension))

    def _compares(self, value: Any, wanted: frozenset[Any]) -> bool:  # noqa: ANN401  numbers and times alike
        if self.op is Op.EQ:
            return value in wanted
        return any(_ORDERED[self.op](value, one) for one in wanted)


def measured(number: Decimal, unit: str) -> tuple[str, Fraction]:
    """An amount as a dimension and so much of its base unit; without a unit, pieces."""
    dimension, factor, summand = _scale(unit or PIECE)
    return dimension, Fraction(number) * factor + summand


@lru_cache(maxsize=256)
def _scale(unit: str) -> tuple[str, Fraction, Fraction]:
    if unit in _KELVIN:
        return "temperature", *_KELVIN[unit]
    one = quantity(Decimal(1), unit)
    return (
        (unit, Fraction(1), Fraction(0)) if one is None else (one.dimension, Fraction(one.base), Fraction(0))
    )


def read_comparison(
    name: str, op: Op, kind: Kind, texts: Sequence[str], *, unit: str = "", words: Vocabulary | None = None
) -> Comparison:
    """What the values of the parameter `name` ask for. Raises FormatError, rule `epcis.query-value`."""
    if op is Op.EXISTS:
        if list(texts) not in ([""], ["true"], ["1"], ["null"]):
            raise FormatError("epcis.query-value", f"{shown(name)} has no value, or true")
        return Comparison(op, kind)
    if op is not Op.EQ and len(texts) != 1:
        raise FormatError("epcis.query-value", f"{shown(name)} takes one number or one time")
    if kind is Kind.ANY:
        return _read_any(name, op, texts)
    if not all(_READABLE[kind](text) for text in texts):
        raise _unread(name, kind, texts)
    match kind:
        case Kind.TIME:
            return Comparison(op, kind, times=_times(texts))
        case Kind.NUMBER:
            return Comparison(op, kind, numbers=_numbers(texts))
        case Kind.AMOUNT:
            return Comparison(
                op, kind, amounts=frozenset(measured(number, unit) for number in _numbers(texts))
            )
        case Kind.HEX:
            return Comparison(op, kind, frozenset(text.lower() for text in texts))
        case Kind.WORD if words is not None:
            return Comparison(op, kind, frozenset(_word(name, text, words) for text in texts), words=words)
        case Kind.URI:
            return Comparison(op, kind, frozenset(map(canonical_address, texts)))
        case _:
            return Comparison(op, kind, frozenset(texts))


def _read_any(name: str, op: Op, texts: Sequence[str]) -> Comparison:
    numbers, times = _numbers(texts), _times(texts)
    if op is Op.EQ:
        addresses = frozenset(map(canonical_address, texts))
        return Comparison(op, Kind.ANY, frozenset(texts) | addresses, numbers, times)
    if not (numbers or times):
        raise _unread(name, Kind.ANY, texts)
    return Comparison(op, Kind.ANY, numbers=numbers, times=times)


def _unread(name: str, kind: Kind, texts: Sequence[str]) -> FormatError:
    return FormatError(
        "epcis.query-value", f"{shown(name)} takes {_WANTED[kind]}, not {shown(','.join(texts))}"
    )


def _word(name: str, text: str, words: Vocabulary) -> str:
    if text not in words.words and ":" not in text:
        raise FormatError(
            "epcis.query-value",
            f"{shown(text)} is no {words.name} of the standard, which {name} takes, and no URI",
        )
    return words.short(text)


_WANTED: Final = {
    Kind.ANY: "a number or a time",
    Kind.TIME: "times such as 2025-06-30T08:00:00+07:00",
    Kind.NUMBER: "numbers",
    Kind.AMOUNT: "numbers",
    Kind.HEX: "hexadecimal digits",
    Kind.FLAG: "true or false",
    Kind.URI: "URIs",
    Kind.WORD: "words",
    Kind.TEXT: "texts",
}


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _time(text: str) -> int | None:
    try:
        # A plus sign in a query is a space to whoever forgets to encode it.
        return read_time(text.replace(" ", "+"), "")
    except FormatError:
        return None


def _numbers(texts: Sequence[str]) -> frozenset[Decimal]:
    return frozenset(one for one in map(_number, texts) if one is not None)


def _times(texts: Sequence[str]) -> frozenset[int]:
    return frozenset(one for one in map(_time, texts) if one is not None)


def _is_uri(text: str) -> bool:
    try:
        read_uri(text, "")
    except FormatError:
        return False
    return True


_READABLE: Final[Mapping[Kind, Callable[[str], bool]]] = {
    Kind.TIME: lambda text: _time(text) is not None,
    Kind.NUMBER: lambda text: _number(text) is not None,
    Kind.AMOUNT: lambda text: _number(text) is not None,
    Kind.HEX: lambda text: _HEX.fullmatch(text) is not None,
    Kind.FLAG: lambda text: text in ("true", "false"),
    Kind.URI: _is_uri,
    Kind.WORD: bool,
    Kind.TEXT: bool,
}
"""Whether a text of a query can be a value of a kind."""
