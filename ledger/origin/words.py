"""How findings speak: numbers, times and items in sentences, Vietnamese and English.

Rules: a figure in a sentence is the figure of the finding, written for people; times are Vietnam's, with the minute.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from ledger.days import UTC_OFFSET_MS
from ledger.errors import FormatError
from ledger.gs1 import parse_item
from ledger.origin.units import Quantity, in_words

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def amount(dimension: str, base: Decimal) -> tuple[str, str]:
    """A quantity for people, Vietnamese and English."""
    return in_words(*Quantity(dimension, base).shown)


def moment(time_ms: int) -> str:
    """A time for people: day, month, year, hour and minute in Vietnam."""
    # Built from the epoch, so that any number of milliseconds that a record can hold has a text.
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms + UTC_OFFSET_MS)
    return f"{at.day:02}/{at.month:02}/{at.year:04} {at.hour:02}:{at.minute:02}"


@lru_cache(maxsize=4_096)
def thing(path: str) -> tuple[str, str]:
    """An item path for people, Vietnamese and English."""
    try:
        item = parse_item(path)
    except FormatError:
        return path, path
    goods = item.gtin or f"{item.code} ({item.member})"
    if item.sscc is not None:
        return f"kiện hàng {item.sscc}", f"logistic unit {item.sscc}"
    if item.lot is not None:
        return f"lô {item.lot} của {goods}", f"lot {item.lot} of {goods}"
    if item.serial is not None:
        return f"sản phẩm số {item.serial} của {goods}", f"piece {item.serial} of {goods}"
    return goods, goods


def span(milliseconds: int) -> tuple[str, str]:
    """A length of time for people: days from two days on, hours otherwise."""
    if milliseconds >= 2 * DAY_MS:
        days = milliseconds // DAY_MS
        return f"{days} ngày", f"{days} days"
    hours = milliseconds // HOUR_MS
    return f"{hours} giờ", f"{hours} hours"


def capital(text: str) -> str:
    """A sentence's first letter as a capital; the rest as it is."""
    return text[:1].upper() + text[1:]
