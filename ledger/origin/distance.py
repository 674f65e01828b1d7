"""How far two places are apart, exactly the same on every machine.

Rules: the straight line through a sphere of the earth's mean radius, in whole metres rounded down: never more than the way
over the ground, so a speed computed from it is never too high. Sines and cosines are summed in decimals, because a machine's
floats differ.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Context, Decimal
from functools import lru_cache
from typing import Final, NamedTuple

RADIUS_M: Final = 6_371_000
_CONTEXT: Final = Context(prec=40, rounding=ROUND_DOWN)
_PI: Final = Decimal("3.1415926535897932384626433832795028841972")
_MICRODEGREES_OF_PI: Final = Decimal(180_000_000)


class Position(NamedTuple):
    """Microdegrees north of the equator and east of Greenwich."""

    latitude: int
    longitude: int


def metres(one: Position, other: Position) -> int:
    """Whole metres of the straight line between two positions."""
    c = _CONTEXT
    square = Decimal(0)
    for a, b in zip(_vector(one), _vector(other), strict=True):
        difference = c.subtract(a, b)
        square = c.add(square, c.multiply(difference, difference))
    return int(c.multiply(c.sqrt(square), Decimal(RADIUS_M)))


@lru_cache(maxsize=4_096)
def _vector(position: Position) -> tuple[Decimal, Decimal, Decimal]:
    c = _CONTEXT
    latitude, longitude = (c.divide(c.multiply(Decimal(part), _PI), _MICRODEGREES_OF_PI) for part in position)
    across = _cosine(latitude)
    return c.multiply(across, _cosine(longitude)), c.multiply(across, _sine(longitude)), _sine(latitude)


def _series(first: Decimal, square: Decimal, number: int) -> Decimal:
    """The alternating series that both functions have, from its first term on."""
    c = _CONTEXT
    total = term = first
    # Decimal's own minus and abs would round by whatever context the thread has.
    while term.copy_abs() > Decimal("1e-36"):
        term = c.divide(c.multiply(term, square), Decimal((number + 1) * (number + 2))).copy_negate()
        total = c.add(total, term)
        number += 2
    return total


def _sine(angle: Decimal) -> Decimal:
    return _series(angle, _CONTEXT.multiply(angle, angle), 1)


def _cosine(angle: Decimal) -> Decimal:
    return _series(Decimal(1), _CONTEXT.multiply(angle, angle), 0)
