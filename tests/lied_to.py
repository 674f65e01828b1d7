"""Is lied to: `python -m tests.lied_to FOLDER POLICY ADDRESS…` runs `sogoc follow` once for each source, one after the other.

Prints a JSON line for each: the rule by which it ended, and the most memory that the process had meanwhile, in bytes. An
address with `#snapshot` behind it is followed beginning with a snapshot.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import re
import resource
import sys
from pathlib import Path

from tests.serving import sogoc

MOST_BYTES = 3_000_000_000
"""So that a machine does not suffer where this process does."""


def peak_bytes() -> int:
    """The most memory that this process has had since `forget_peak`."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def forget_peak() -> None:
    """What is not needed any more is given back, and then the peak is what there is now (proc(5), clear_refs)."""
    gc.collect()
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def main() -> None:
    """Follow each of them."""
    folder, policy, *addresses = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    for number, address in enumerate(addresses):
        url, _, how = address.partition("#")
        forget_peak()
        done = sogoc(
            *("follow", url, "--policy", policy, "--home", Path(folder) / f"copy-{number}", "--port", "0"),
            "--snapshot" if how else "--once",
        )
        print(json.dumps({"code": done.code, "rule": done.rule, "peak": peak_bytes()}), flush=True)  # noqa: T201  its answer


if __name__ == "__main__":
    main()
