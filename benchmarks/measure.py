"""How things are measured here: side by side, in turns, with medians.

Rules: what is compared runs in one process run, one after the other and again (A B A B), so that a machine that is slow for
a minute is slow for both; a ratio is the median of the ratios of neighbours. Every single value is kept in the results.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from ledger import keys

Result = dict[str, object]
"""What a benchmark returns: JSON, with the unit in the name of each number."""

_YARDSTICK_CALLS = 2_000
_LIBRARIES = ("PyNaCl", "cryptography", "fastapi", "httpx", "msgpack", "plyvel", "uvicorn")


class UnavailableError(RuntimeError):
    """What a question needs is not on this machine; the message says what."""


def seconds_of(work: Callable[[], object]) -> float:
    """Wall-clock seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turns(rounds: int, runs: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Call each of `runs` in turn, `rounds` times over, and return what they said."""
    values: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            values[name].append(run())
    return values


def summary(values: Sequence[float]) -> Result:
    """Median, extremes and all values."""
    digits = [_rounded(value) for value in values]
    return {
        "median": _rounded(statistics.median(values)),
        "low": min(digits),
        "high": max(digits),
        "values": digits,
    }


def ratio(values: Sequence[float], beside: Sequence[float]) -> float:
    """Median of the ratios of neighbours."""
    return _rounded(statistics.median(a / b for a, b in zip(values, beside, strict=True)))


def rates(count: int, seconds: Sequence[float]) -> list[float]:
    """How many of `count` a second, for each run."""
    return [count / one for one in seconds]


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of all lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(seconds: Sequence[float]) -> Result:
    """p50 and p99 in milliseconds, and how many values they are of."""
    return {
        "p50_ms": _rounded(quantile(seconds, 0.5) * 1e3),
        "p99_ms": _rounded(quantile(seconds, 0.99) * 1e3),
        "count": len(seconds),
    }


def machine() -> Result:
    """What it ran on, and how busy it was at that moment."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES} | {"SQLite": sqlite3.sqlite_version},
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def verification_us() -> float:
    """Microseconds of one `keys.verify` just now: the yardstick beside what cannot run in turns with a bare loop.

    The same virtual machine is half as fast at one hour as at another; a figure without its moment says little.
    """
    key = keys.SigningKey.from_seed(bytes(32))
    message = b"yardstick"
    signature = key.sign(message)

    def verify_all() -> None:
        for _ in range(_YARDSTICK_CALLS):
            keys.verify(key.public_key, signature, message)

    return seconds_of(verify_all) / _YARDSTICK_CALLS * 1e6


def say(text: str) -> None:
    """Tell whoever waits what is going on."""
    print(text, file=sys.stderr, flush=True)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _rounded(value: float) -> float:
    """Four significant digits: more would only be noise."""
    return float(f"{value:.4g}")
