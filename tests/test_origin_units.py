"""Amounts are exact, distances are the same everywhere, and both are written for people."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.origin import words
from ledger.origin.distance import RADIUS_M, Position, metres
from ledger.origin.units import COUNT, MASS, VOLUME, Quantity, in_words, milli, plain, quantity

# From UN/ECE Recommendation 20: the conversion factors, as fractions of a kilogram, a cubic metre, a piece.
FACTORS = {
    "KGM": (MASS, Fraction(1)),
    "GRM": (MASS, Fraction(1, 1_000)),
    "MGM": (MASS, Fraction(1, 10**6)),
    "HGM": (MASS, Fraction(1, 10)),
    "DTN": (MASS, Fraction(100)),
    "TNE": (MASS, Fraction(1_000)),
    "LBR": (MASS, Fraction("0.45359237")),
    "ONZ": (MASS, Fraction("0.45359237") / 16),
    "STN": (MASS, Fraction("0.45359237") * 2_000),
    "LTN": (MASS, Fraction("0.45359237") * 2_240),
    "MTQ": (VOLUME, Fraction(1)),
    "LTR": (VOLUME, Fraction(1, 1_000)),
    "DMQ": (VOLUME, Fraction(1, 1_000)),
    "HLT": (VOLUME, Fraction(1, 10)),
    "DLT": (VOLUME, Fraction(1, 10**4)),
    "CLT": (VOLUME, Fraction(1, 10**5)),
    "MLT": (VOLUME, Fraction(1, 10**6)),
    "CMQ": (VOLUME, Fraction(1, 10**6)),
    "GLL": (VOLUME, Fraction("0.003785411784")),
    "GLI": (VOLUME, Fraction("0.00454609")),
    "H87": (COUNT, Fraction(1)),
    "C62": (COUNT, Fraction(1)),
    "EA": (COUNT, Fraction(1)),
    "PR": (COUNT, Fraction(2)),
    "DZN": (COUNT, Fraction(12)),
    "CEN": (COUNT, Fraction(100)),
    "GRO": (COUNT, Fraction(144)),
    "MIL": (COUNT, Fraction(1_000)),
}
BASES = {MASS: 10**12, VOLUME: 10**9, COUNT: 1}
amounts = st.decimals(0, 10**9, places=6)


@given(amount=amounts, unit=st.sampled_from(sorted(FACTORS)))
def test_conversion_is_exact(amount: Decimal, unit: str) -> None:
    found = quantity(amount, unit)
    dimension, factor = FACTORS[unit]
    assert found is not None
    assert found.dimension == dimension
    assert Fraction(found.base) == Fraction(amount) * factor * BASES[dimension]


@given(amount=amounts)
def test_what_is_shown_is_what_was_said(amount: Decimal) -> None:
    for unit in ("KGM", "LTR", "H87"):
        found = quantity(amount, unit)
        assert found is not None
        figure, shown = found.shown
        assert (Decimal(figure), shown) == (amount, unit)
        assert "E" not in figure


def test_a_unit_nobody_listed_compares_with_itself_only() -> None:
    assert quantity(Decimal(3), "XBX") == Quantity("XBX", Decimal(3))
    assert quantity(Decimal(3), "XPK") != quantity(Decimal(3), "XBX")


@pytest.mark.parametrize(
    "amount", ["-1", "NaN", "Infinity", "-0", "1E+10", "1E-10", "1234567890123456789", "1E+999999"]
)
def test_what_is_no_amount_of_goods(amount: str) -> None:
    assert quantity(Decimal(amount), "KGM") is None


def test_thousandths() -> None:
    assert milli(1_195_500, "KGM") == quantity(Decimal("1195.5"), "KGM")
    assert plain(Decimal("1195.500")) == "1195.5"
    assert plain(Decimal("1E+3")) == "1000"


def test_for_people() -> None:
    assert in_words("1195.5", "KGM") == ("1.195,5 kg", "1,195.5 kg")
    assert in_words("120", "H87") == ("120 đơn vị", "120 pieces")
    assert words.moment(1_790_000_000_000) == "21/09/2026 21:13"
    assert words.span(3 * words.DAY_MS + 5) == ("3 ngày", "3 days")
    assert words.span(5 * words.HOUR_MS) == ("5 giờ", "5 hours")
    assert words.thing("01/08938500000027/10/A%2F1") == (
        "lô A/1 của 08938500000027",
        "lot A/1 of 08938500000027",
    )


positions = st.builds(Position, st.integers(-90_000_000, 90_000_000), st.integers(-180_000_000, 180_000_000))


@given(one=positions, other=positions)
def test_distance_is_the_straight_line(one: Position, other: Position) -> None:
    # The slow twin is floating point: it is off by less than a metre.
    def vector(at: Position) -> tuple[float, float, float]:
        latitude, longitude = (math.radians(part / 1e6) for part in at)
        across = math.cos(latitude)
        return across * math.cos(longitude), across * math.sin(longitude), math.sin(latitude)

    assert abs(metres(one, other) - RADIUS_M * math.dist(vector(one), vector(other))) < 1
    assert metres(one, other) == metres(other, one)


def test_known_distances() -> None:
    hanoi, saigon = Position(21_028_500, 105_854_200), Position(10_776_900, 106_700_900)
    assert metres(hanoi, hanoi) == 0
    assert 1_135_000 < metres(hanoi, saigon) < 1_145_000
    assert metres(Position(0, 0), Position(0, 180_000_000)) in {2 * RADIUS_M, 2 * RADIUS_M - 1}
