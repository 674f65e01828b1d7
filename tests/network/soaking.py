"""Faults at random, of four validators under load, with the independent checker after each: for `scripts/soak --network`.

The whole schedule follows from a seed (`plan`): what happens, to whom, for how long, and who is asked to take entries in
meanwhile. What a schedule does to the processes does not: they run on.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from tests.faults.checker import Figures
from tests.network.checking import check_all, row
from tests.network.figures import Meter, Row
from tests.network.hall import Hall
from tests.network.wires import Wires

VALIDATORS: Final = 4
KINDS: Final = ("kill", "kill-two", "kill-all", "pause", "part", "slow")


@dataclass(frozen=True, slots=True)
class Fault:
    """One round."""

    kind: str
    groups: tuple[tuple[int, ...], ...]
    """Of a partition: who still reaches whom. Of anything else: whom it hits, first."""
    seconds: float
    """How long it lasts."""
    loaded: tuple[int, int]
    """Who takes entries in."""
    seed: int
    """Of the load."""

    def __str__(self) -> str:
        groups = " | ".join(" ".join(map(str, group)) for group in self.groups)
        return f"{self.kind} {groups} for {self.seconds:.1f} s, load on {self.loaded[0]} and {self.loaded[1]}"


def plan(seed: int) -> Iterator[Fault]:
    """The schedule of a seed, without end."""
    random = Random(f"network/{seed}")
    while True:
        kind = random.choice(KINDS)
        order = random.sample(range(VALIDATORS), VALIDATORS)
        hit = {"kill-two": 2, "kill-all": VALIDATORS, "part": random.choice((1, 2))}.get(kind, 1)
        groups = (tuple(sorted(order[:hit])), tuple(sorted(order[hit:])))
        first, second = random.sample(range(VALIDATORS), 2)
        yield Fault(
            kind, groups, round(0.5 + 4 * random.random(), 1), (first, second), random.getrandbits(32)
        )


class NetworkRounds:
    """One network that is troubled again and again; the same verbs as `tests.faults.rounds.Rounds`. Everything that is not
    as it must be raises AssertionError.
    """

    def __init__(self, folder: Path, seed: int, *, say: Callable[[str], object] = print) -> None:
        """`say` is told what happens."""
        self.folder = folder
        self.seed = seed
        self._say = say
        self.number = 0
        """Rounds begun."""
        self.figures = Figures()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._wires: Wires | None = Wires(VALIDATORS)
        except (OSError, subprocess.CalledProcessError) as error:
            say(f"no network namespaces ({error}): those that are to be cut off are stopped instead")
            self._wires = None
        self._hall = Hall(folder, wires=self._wires)
        self._plan = plan(seed)
        self._kills = 0
        self._stack = contextlib.ExitStack()
        self._meter: Meter | None = None
        self._does: dict[str, Callable[[Fault], None]] = {
            "kill": self._kill,
            "kill-two": self._kill,
            "kill-all": self._kill,
            "pause": self._pause,
            "part": self._part,
            "slow": self._slow,
        }

    def close(self) -> None:
        """Leave nothing behind."""
        self._stack.close()
        self._hall.close()
        if self._wires is not None:
            self._wires.close()
            self._wires = None

    def round(self) -> None:
        """The next fault of the schedule, from its beginning until all agree again and all is checked."""
        hall = self._hall
        if self._meter is None:
            hall.start()
            self._meter = self._stack.enter_context(hall.meter())
        fault = next(self._plan)
        self.number += 1
        self._say(f"seed={self.seed} round={self.number} {fault}")
        with contextlib.ExitStack() as loads:
            for offset, number in enumerate(fault.loaded):
                loads.enter_context(hall.load(number, fault.seed + offset, threads=1, pause=0.05))
            self._does[fault.kind](fault)
            hall.restore()
        hall.until_agreed()
        self.figures.add(check_all(hall))
        self.figures.kills = self.figures.restarts = self._kills

    def finish(self) -> None:
        """Stop all in peace."""
        for served in self._hall.served:
            served.stop()

    @property
    def longest(self) -> float:
        """Seconds: the longest time in which nothing became final."""
        return 0.0 if self._meter is None else self._meter.longest

    @property
    def row(self) -> Row:
        """What has happened so far."""
        assert self._meter is not None
        return row(f"{self.number} random faults (seed {self.seed})", self.figures, self._meter)

    # -- faults ------------------------------------------------------------------------------------------------------

    def _kill(self, fault: Fault) -> None:
        self._hall.kill(*fault.groups[0])
        self._kills += len(fault.groups[0])
        time.sleep(fault.seconds)

    def _pause(self, fault: Fault) -> None:
        self._hall.pause(*fault.groups[0])
        time.sleep(fault.seconds)
        self._hall.resume(*fault.groups[0])

    def _part(self, fault: Fault) -> None:
        if self._wires is None:
            self._pause(fault)
            return
        self._wires.part(*fault.groups)
        time.sleep(fault.seconds)
        self._wires.heal()

    def _slow(self, fault: Fault) -> None:
        """It stands still four fifths of the time."""
        end = time.monotonic() + fault.seconds
        while time.monotonic() < end:
            self._hall.pause(*fault.groups[0])
            time.sleep(0.2)
            self._hall.resume(*fault.groups[0])
            time.sleep(0.05)
