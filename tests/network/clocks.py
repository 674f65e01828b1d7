"""A validator on a machine whose clock is wrong: `python -m tests.network.clocks HOME SECONDS` is `sogoc serve` there.

Both halves of the validator are shifted. The node is Python, and reads the clock by `time.time` and `time.time_ns`. The
engine is Go, which asks the kernel by no library that could stand in between; but its `time.Now` adds one constant to what
the kernel says, and a copy of the program that has another constant there is the same program on a machine whose clock is
wrong: its votes bear that time.
"""

from __future__ import annotations

import struct
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from api.cli.app import app

_CONSTANT: Final = 2_682_288_000
"""Seconds from the year 1 to 1970, less those to 1885: what `time.Now` adds (Go's src/time/time.go, `unixToInternal` and
`minWall`).
"""


def shifted_engine(program: Path, copy: Path, seconds: int) -> Path:
    """A copy of a `cometbft` whose clock is `seconds` ahead. Skips the test if it is not built as we know it."""
    code = program.read_bytes()
    known = struct.pack("<I", _CONSTANT)
    if code.count(known) != 1:
        pytest.skip(f"{program} reads its clock in another way than known here (another Go, or no x86-64)")
    copy.write_bytes(code.replace(known, struct.pack("<I", _CONSTANT + seconds)))
    copy.chmod(0o700)
    return copy


def shift(seconds: int) -> None:
    """From now on this process's clock is `seconds` ahead."""
    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + seconds
    time.time_ns = lambda: now_ns() + seconds * 1_000_000_000


def main() -> None:
    """Shift the clock, then serve."""
    home, seconds = sys.argv[1:]
    shift(int(seconds))
    app(["serve", home, "--port", "0"])


if __name__ == "__main__":
    main()
