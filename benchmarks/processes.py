"""Processes of a measurement: a node that serves, programs that are timed, and the memory they took.

Rules: a node is the program that an operator starts, `sogoc serve`, in a process of its own. Only processes that were
started here are stopped here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
_START_SECONDS = 60.0


def environment() -> dict[str, str]:
    """This process's environment, with the checkout on the import path of the child."""
    return {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "COLUMNS": "500",
    }


def peak_bytes(pid: int) -> int:
    """The most memory a process has had resident so far. (`getrusage` counts that of the process it was forked from, too.)"""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


@dataclass(frozen=True, slots=True)
class Serving:
    """A node that serves."""

    url: str
    pid: int
    start_seconds: float
    """From starting the process until it answers."""

    def peak_bytes(self) -> int:
        """The most memory the process has had resident so far."""
        return peak_bytes(self.pid)


@contextmanager
def serving(home: Path) -> Iterator[Serving]:
    """Run `sogoc serve` on a home with keys without a passphrase, until the block ends."""
    with serving_all([home]) as (node,):
        yield node


@contextmanager
def serving_all(homes: Sequence[Path]) -> Iterator[tuple[Serving, ...]]:
    """The same for several homes, started and ended at once."""
    with ExitStack() as logs:
        running = []
        try:
            for home in homes:
                log = logs.enter_context(tempfile.TemporaryFile())
                command = [sys.executable, "-m", "api.cli", "serve", str(home), "--port", "0"]
                started = time.perf_counter()
                running.append(
                    (subprocess.Popen(command, env=environment(), stdout=log, stderr=log), log, started)
                )
            yield tuple(
                Serving(_address(process, log.fileno()), process.pid, time.perf_counter() - started)
                for process, log, started in running
            )
        finally:
            for process, _, _ in running:
                process.terminate()
            for process, _, _ in running:
                process.wait()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Processes that this one has started and that run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def _address(process: subprocess.Popen[bytes], log: int) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        said = os.pread(log, 1_000_000, 0).decode(errors="replace")
        if found := _ADDRESS.search(said):
            return found[0]
        if process.poll() is not None:
            raise RuntimeError(f"the node did not start: {said}")
        time.sleep(0.005)
    raise RuntimeError("the node did not start in a minute")


def run_json(module: str, arguments: Sequence[str]) -> Any:  # noqa: ANN401  what the program prints
    """Run `python -m module arguments…` and return the JSON on its last line."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} failed: {done.stderr.decode(errors='replace')[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
