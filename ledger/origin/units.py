"""Amounts: a number and a UN/ECE Recommendation 20 unit, turned into an exact number of a base unit.

Rules: arithmetic is decimal and exact; a result that would have to be rounded is an error of the program, not a figure. Mass
is counted in nanograms, volume in microlitres, pieces in pieces; pounds, ounces and gallons by their definitions, which these
bases hold exactly. A unit that is not listed is comparable with itself only. An amount too long to be one of goods is no
amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Final

MASS, VOLUME, COUNT = "mass", "volume", "count"

PIECE: Final = "H87"
"""Rec 20's piece: what is meant where an amount has no unit."""

EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation, Overflow])
"""Sixty digits, and nothing is ever rounded away."""

MAX_DIGITS: Final = 18
"""Digits of an amount's number."""
MAX_SCALE: Final = 9
"""Digits behind its point, and zeros in front of it that an exponent may stand for."""

_NANOGRAMS: Final = {
    "MGM": "1000000",
    "GRM": "1000000000",
    "HGM": "100000000000",
    "KGM": "1000000000000",
    "DTN": "100000000000000",
    "TNE": "1000000000000000",
    # International pound and ounce (1959), by definition.
    "LBR": "453592370000",
    "ONZ": "28349523125",
    "STN": "907184740000000",
    "LTN": "1016046908800000",
}
_MICROLITRES: Final = {
    "MLT": "1000",
    "CMQ": "1000",
    "CLT": "10000",
    "DLT": "100000",
    "LTR": "1000000",
    "DMQ": "1000000",
    "HLT": "100000000",
    "MTQ": "1000000000",
    # Gallons of the United States and of the United Kingdom, by definition.
    "GLL": "3785411.784",
    "GLI": "4546090",
}
_PIECES: Final = {
    "H87": "1",
    "C62": "1",
    "EA": "1",
    "PR": "2",
    "DZN": "12",
    "CEN": "100",
    "GRO": "144",
    "MIL": "1000",
}
_UNITS: Final = {
    unit: (dimension, Decimal(factor))
    for dimension, units in ((MASS, _NANOGRAMS), (VOLUME, _MICROLITRES), (COUNT, _PIECES))
    for unit, factor in units.items()
}
_SHOWN: Final = {MASS: "KGM", VOLUME: "LTR", COUNT: PIECE}
"""The unit in which figures of a dimension are shown: whole powers of ten of its base, so that showing is exact too."""
_WORDS: Final = {"KGM": ("kg", "kg"), "LTR": ("lít", "l"), PIECE: ("đơn vị", "pieces")}


@dataclass(frozen=True, slots=True)
class Quantity:
    """So much of a dimension, in its base unit."""

    dimension: str
    """`mass`, `volume`, `count`, or a unit that is comparable with itself only."""
    base: Decimal

    @property
    def shown(self) -> tuple[str, str]:
        """The figure and its unit: kilograms, litres or pieces, without needless zeros."""
        unit = _SHOWN.get(self.dimension, self.dimension)
        if not self.base:
            return "0", unit
        factor = _UNITS[unit][1] if unit in _UNITS else Decimal(1)
        return plain(EXACT.divide(self.base, factor)), unit


def quantity(amount: Decimal, unit: str) -> Quantity | None:
    """An amount in its base unit; None if it is no amount of goods: negative, not finite, or longer than `MAX_DIGITS`."""
    if not amount.is_finite() or amount.is_signed():
        return None
    _, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int) or len(digits) > MAX_DIGITS or not -MAX_SCALE <= exponent <= MAX_SCALE:
        return None
    dimension, factor = _UNITS.get(unit, (unit, Decimal(1)))
    return Quantity(dimension, EXACT.multiply(amount, factor))


def milli(amount: int, unit: str) -> Quantity | None:
    """An amount that a record gives in thousandths of its unit."""
    return quantity(Decimal(amount).scaleb(-3), unit)


def plain(number: Decimal) -> str:
    """A number without an exponent, and without zeros that say nothing: `1195`, `0.5`."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def in_words(figure: str, unit: str) -> tuple[str, str]:
    """A figure for people, Vietnamese and English: `1.195,5 kg`, `1,195.5 kg`."""
    whole, _, fraction = figure.partition(".")
    grouped = f"{int(whole):,}"
    vi, en = _WORDS.get(unit, (unit, unit))
    return (
        f"{grouped.replace(',', '.')}{',' + fraction if fraction else ''} {vi}",
        f"{grouped}{'.' + fraction if fraction else ''} {en}",
    )
