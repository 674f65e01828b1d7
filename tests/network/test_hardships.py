"""One validator of four has a wrong clock, a slow disk, a full one: the others go on, and its operator is told."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.engine.cometbft.process import VARIABLE, find_program
from tests.faults.serving import CHECKOUT, SECONDS, GoneError
from tests.network.checking import check_all, row
from tests.network.clocks import shifted_engine
from tests.network.disks import Disk, disk_or_skip, may_throttle
from tests.network.figures import keep
from tests.network.hall import HOUR, Hall, needs_cometbft

pytestmark = needs_cometbft

HIT = 3
"""Who is hit."""


@pytest.fixture
def disk(hall: Hall) -> Iterator[Disk]:
    """One validator's home lies on a disk of its own."""
    served = hall.served[HIT]
    served.stop()
    with disk_or_skip(hall.homes[HIT].path, megabytes=64) as made:
        hall.start(HIT)
        try:
            yield made
        finally:
            hall.kill(HIT)
    hall.start(HIT)


def ask_engine(hall: Hall, number: int, question: str) -> Any:  # noqa: ANN401  JSON
    """What an engine answers over its own socket."""
    transport = httpx.HTTPTransport(uds=str(hall.engine_socket(number)))
    with httpx.Client(transport=transport, base_url="http://engine") as engine:
        return engine.get(question).json()["result"]


def is_off(moment: str, seconds: int) -> bool:
    """Whether a time in Go's form is about `seconds` from now."""
    off = datetime.fromisoformat(f"{moment[:19]}+00:00").timestamp() - time.time()
    return abs(off - seconds) < HOUR / 2


def voted_an_hour_ahead(hall: Hall) -> bool:
    """Whether the newest block has a vote of a clock that is an hour ahead; not more than one has such a clock."""
    commit = ask_engine(hall, 0, "/commit")["signed_header"]["commit"]
    ahead = [is_off(vote["timestamp"], HOUR) for vote in commit["signatures"] if vote["signature"]]
    assert sum(ahead) <= 1
    return any(ahead)


def doctor(hall: Hall, number: int) -> dict[str, str]:
    """What `sogoc doctor` finds wrong: check to message."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "doctor", "--json", str(hall.homes[number].path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=SECONDS,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return {one["check"]: one["message"] for one in found["findings"] if one["severity"] == "error"}


def told_of_stop(hall: Hall) -> bool:
    """Whether the node has ended with a word about the disk, or says that its engine has."""
    served = hall.served[HIT]
    if not served.alive:
        return b"store.full" in served.said()
    try:
        return "engine.trouble" in hall.reasons(HIT)
    except GoneError:
        return False


def is_beyond(hall: Hall, number: int, size: int) -> bool:
    """Whether more than that is final there."""
    return hall.final_size(number) > size


@contextlib.contextmanager
def clock(hall: Hall, folder: Path, seconds: int) -> Iterator[None]:
    """One validator's machine has a clock that is off, node and engine, while the block runs."""
    served = hall.served[HIT]
    engine = shifted_engine(find_program(), folder / "cometbft", seconds)
    served.stop()
    try:
        served.program = (sys.executable, "-m", "tests.network.clocks", str(served.home), str(seconds))
        served.environment = {VARIABLE: str(engine)}
        served.spawn()
        yield
    finally:
        hall.kill(HIT)
        hall.honest(HIT)
        hall.start(HIT)


def test_a_clock_that_is_an_hour_ahead(hall: Hall, tmp_path: Path) -> None:
    with hall.meter() as meter:
        with clock(hall, tmp_path, HOUR), hall.load(0, seed=41, pause=0.05) as load:
            hall.until(lambda: "clock.off" in hall.reasons(HIT), "told")
            with hall.load(HIT, seed=42, pause=0.05) as ahead:
                load.more(30)
                ahead.more(30)
                hall.until(lambda: voted_an_hour_ahead(hall), "seen a vote of that clock")
            assert hall.reasons(0) == hall.reasons(1) == hall.reasons(2) == {}
            # The ledger's time is the median of the votes' times: one clock does not move it.
            assert abs(hall.status(0)["block_time_ms"] / 1000 - time.time()) < HOUR / 2
            assert " +3" in doctor(hall, HIT)["node.clock.off"]
        hall.until_agreed()
    keep(row("one clock an hour ahead (node and engine)", check_all(hall), meter))


def test_a_clock_that_is_an_hour_behind(hall: Hall, tmp_path: Path) -> None:
    with hall.meter() as meter:
        with clock(hall, tmp_path, -HOUR), hall.load(0, seed=51, pause=0.05) as load:
            hall.until(lambda: "clock.off" in hall.reasons(HIT), "told")
            # To its engine the others' blocks are of a time that is not yet, so it gives up; the three go on.
            hall.until(lambda: "in the future" in hall.reasons(HIT).get("engine.trouble", ""), "told why")
            with hall.load(HIT, seed=52, pause=0.05, waits=0) as behind:
                behind.more(10)
            stuck = hall.final_size(HIT)
            before = hall.final_size(0)
            load.more(30)
            hall.until(lambda: hall.final_size(0) > before, "final without the one")
            assert hall.reasons(0) == hall.reasons(1) == hall.reasons(2) == {}
            assert " -3" in doctor(hall, HIT)["node.clock.off"]
            assert hall.final_size(HIT) == stuck
            # The engine that is started next has the right clock: it goes on by itself, and the node with it.
            (tmp_path / "right").write_bytes(find_program().read_bytes())
            (tmp_path / "right").chmod(0o700)
            (tmp_path / "right").replace(tmp_path / "cometbft")
            hall.until(lambda: hall.final_size(HIT) > before, "final again on the one")
            hall.until(lambda: set(hall.reasons(HIT)) == {"clock.off"}, "told that it goes on")
        # What it had taken in becomes final.
        hall.until_agreed(above=before)
    keep(row("one clock an hour behind (node and engine)", check_all(hall), meter))


@pytest.mark.skipif(bool(may_throttle()), reason=may_throttle() or "a disk can be made slow here")
def test_a_disk_that_is_slow(hall: Hall, disk: Disk) -> None:
    with hall.meter() as meter:
        with hall.load(0, seed=33, pause=0.1) as load:
            load.more(10)
            disk.slow(2, hall.processes(HIT))
            hall.until(lambda: b"the disk is slow" in hall.served[HIT].said(), "told")
            before = seen = hall.final_size(0)
            for _ in range(3):
                load.more(1)
                hall.until(partial(is_beyond, hall, 0, seen), "final with a slow disk among four")
                seen = hall.final_size(0)
            disk.restore()
        hall.until_agreed(above=before)
    keep(row("one slow disk (2 writes a second)", check_all(hall), meter))


def test_a_disk_that_is_full(hall: Hall, disk: Disk) -> None:
    with hall.load(0, seed=34, pause=0.1) as load, hall.meter() as meter:
        with hall.load(HIT, seed=35, pause=0.1) as there:
            there.more(10)
        disk.fill(leave=900_000)
        hall.until(lambda: "disk.low" in hall.reasons(HIT), "told that there is little room")
        assert "disk.space" in doctor(hall, HIT)
        disk.fill()
        hall.until(lambda: told_of_stop(hall), "told that it has stopped, or has no engine")
        before = hall.final_size(0)
        load.more(40)
        hall.until(lambda: hall.final_size(0) > before, "final without the one")
        hall.kill(HIT)
        disk.restore()
        hall.start(HIT)
    hall.until_agreed(above=before)
    keep(row("one full disk, then room", check_all(hall), meter))
