"""An audit in a process of its own, with the most memory that it and its workers took together.

    python -m benchmarks.probe HOME LEVEL WORKERS

Memory is anonymous memory, sampled every 20 ms from `/proc` (Linux only): pages of the database's files, which LevelDB maps
and the system drops when it wants to, are not counted; they are told apart as `mapped`. What the process that audits takes
without its workers is told as `main_anonymous` and `main_mapped`.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from benchmarks.audit_signatures import audit_seconds, pool
from ledger.verify.report import Level
from node.home import Home

_INTERVAL_SECONDS = 0.02
_KIB = 1024


class Sampler:
    """Watches this process and its children from a thread."""

    def __init__(self) -> None:
        self.anonymous = 0
        self.mapped = 0
        self.main_anonymous = 0
        self.main_mapped = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(_INTERVAL_SECONDS):
            found = [_memory(pid) for pid in (os.getpid(), *_children())]
            self.anonymous = max(self.anonymous, sum(one[0] for one in found))
            self.mapped = max(self.mapped, sum(one[1] for one in found))
            self.main_anonymous = max(self.main_anonymous, found[0][0])
            self.main_mapped = max(self.main_mapped, found[0][1])


def _children() -> Iterator[int]:
    for task in Path("/proc/self/task").iterdir():
        try:
            yield from map(int, (task / "children").read_text(encoding="ascii").split())
        except FileNotFoundError:  # a thread that has ended
            continue


def _memory(pid: int) -> tuple[int, int]:
    """Anonymous and file-backed resident bytes of a process; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    sizes = dict(re.findall(r"(RssAnon|RssFile):\s+(\d+) kB", status))
    return int(sizes.get("RssAnon", 0)) * _KIB, int(sizes.get("RssFile", 0)) * _KIB


def main(arguments: Sequence[str]) -> None:
    """The program."""
    home, level, workers = Home(Path(arguments[0])), Level[arguments[1]], int(arguments[2])
    with Sampler() as sampler, pool(workers) as executor:
        seconds = audit_seconds(home, level, executor, workers)
    memory = {
        "anonymous": sampler.anonymous,
        "mapped": sampler.mapped,
        "main_anonymous": sampler.main_anonymous,
        "main_mapped": sampler.main_mapped,
    }
    print(json.dumps({"seconds": seconds} | memory))


if __name__ == "__main__":
    main(sys.argv[1:])
