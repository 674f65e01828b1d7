"""Calendar days as instants: when a day that is written on a paper begins and ends.

Rules: a day is one of Vietnam, seven hours ahead of UTC all year round. That is fixed here, so that a verdict does not
depend on where, or with which table of time zones, it is asked for.
"""

from __future__ import annotations

from datetime import date
from typing import Final

UTC_OFFSET_MS: Final = 7 * 3_600_000
"""How far Vietnam's clock is ahead of UTC, milliseconds."""
DAY_MS: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1).toordinal()


def first_ms(day: str) -> int:
    """Milliseconds since the epoch at which the day `YYYY-MM-DD` begins. The day must exist (`ledger.fields.Date`)."""
    return (date.fromisoformat(day).toordinal() - _EPOCH) * DAY_MS - UTC_OFFSET_MS


def after_ms(day: str) -> int:
    """Milliseconds since the epoch at which the day is over: the first instant of the next."""
    return first_ms(day) + DAY_MS


def day_of(time_ms: int) -> str:
    """The day `YYYY-MM-DD` in which an instant lies; milliseconds since the epoch, up to the year 9999."""
    return date.fromordinal(_EPOCH + (time_ms + UTC_OFFSET_MS) // DAY_MS).isoformat()
