"""Times as events write them (RFC 3339), in milliseconds since the epoch.

Rules: a time has a date, a time of day and an offset, in ASCII digits; a leap second is refused, as no clock here counts it.
Digits beyond milliseconds round half up, which is how the event hash rounds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from ledger.epcis.json_text import EpcisError, shown
from ledger.fields import MAX_TIME_MS

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_time(value: object, pointer: str) -> int:
    """Milliseconds since the epoch, from 1970 on. Raises EpcisError, rule `epcis.time`."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise EpcisError(
            "epcis.time", pointer, f"a time is written 2025-06-30T08:00:00.000+07:00, not {shown(value)}"
        )
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, sign, hours, minutes = found.groups()[6:]
    try:
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        if int(minutes or 0) > 59 or offset > timedelta(hours=14):
            raise ValueError("no such offset")
        zone = timezone(-offset if sign == "-" else offset)
        whole = datetime(year, month, day, hour, minute, second, tzinfo=zone) - _EPOCH
    except (ValueError, OverflowError) as error:
        raise EpcisError("epcis.time", pointer, f"there is no time {shown(value)}") from error
    nanoseconds = int((fraction or "0").ljust(9, "0"))
    time_ms = whole // timedelta(milliseconds=1) + (nanoseconds + 500_000) // 1_000_000
    if not 0 <= time_ms <= MAX_TIME_MS:
        raise EpcisError("epcis.time", pointer, "times are read from 1970 on")
    return time_ms


def write_time(time_ms: int) -> str:
    """A time in UTC with milliseconds: `2025-06-30T01:00:00.000Z`."""
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"
