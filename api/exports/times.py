"""Times in exports: Vietnam's, with the offset written out, whatever machine writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

_LOCAL = timezone(timedelta(hours=7))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local_iso(time_ms: int) -> str:
    """A time as `2026-09-21T08:00:00+07:00`; milliseconds since the epoch."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(_LOCAL).isoformat(timespec="seconds")
