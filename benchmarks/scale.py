"""How much is measured: every size in one place, for a full run, a quick one, a long one and the smoke test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.generate import Shape, generate
from benchmarks.measure import say
from node.home import Home


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent to a node."""

    per_entry: int
    records: int
    per_request: int
    """Entries in a request."""
    connections: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of everything. The numbers of records are chosen so that a run of each kind takes about a second."""

    rounds: int
    workers: int
    singles: int
    """Records of a ledger with one record per entry, for audits."""
    batches: int
    """The same with 100 records per entry."""
    growth: tuple[Shape, ...]
    loads: tuple[Load, ...]
    receipts: int
    """Receipts that are fetched for each figure."""
    documents: int
    """Files that are anchored through the command line."""
    certificates: int
    """Certificates that are issued with one signature."""
    browser: int
    """Receipts that are verified in a browser."""
    alternatives: int
    """Records that each alternative is given at 100 per batch; a tenth of that at one by one."""
    events: tuple[int, ...]
    """EPCIS events of the ledgers in which goods are traced."""
    chains: tuple[tuple[int, int], ...]
    """Layers of a trace, and lots of each layer."""
    lot_events: tuple[int, ...]
    """Events of the lots whose findings are timed."""
    validators: tuple[int, ...]
    """Sizes of the networks that are given `network_loads`."""
    network_loads: tuple[Load, ...]
    idle_seconds: float
    """For how long a network is watched that has nothing to do."""
    following: tuple[Shape, ...]
    """Ledgers that a follower catches up with."""
    witnessed: tuple[int, int]
    """Ledgers that one node witnesses, and how often each of them grows."""


LOADS = (
    Load(per_entry=1, records=20_000, per_request=100, connections=8),
    Load(per_entry=100, records=200_000, per_request=50, connections=8),
    Load(per_entry=1, records=4_000, per_request=1, connections=32),
)

NETWORK_LOADS = (
    Load(per_entry=1, records=2_000, per_request=25, connections=14),
    Load(per_entry=100, records=40_000, per_request=5, connections=14),
    Load(per_entry=1, records=100, per_request=1, connections=2),
    Load(per_entry=100, records=10_000, per_request=1, connections=2),
)
"""The first two for the rate, the last two for the latency of single entries."""

DEFAULT = Scale(
    rounds=5,
    workers=2,
    singles=20_000,
    batches=300_000,
    growth=(
        Shape(10_000, 100),
        Shape(100_000, 100),
        Shape(300_000, 100),
        Shape(1_000_000, 100),
        Shape(1_000, 1),
        Shape(10_000, 1),
        Shape(100_000, 1),
    ),
    loads=LOADS,
    receipts=1_000,
    documents=500,
    certificates=1000,
    browser=200,
    alternatives=50_000,
    events=(10_000, 100_000, 1_000_000),
    chains=((1, 1), (4, 10), (10, 10), (10, 100)),
    lot_events=(10, 100, 1_000),
    validators=(1, 4, 7),
    network_loads=NETWORK_LOADS,
    idle_seconds=20,
    following=(Shape(100_000, 100), Shape(1_000_000, 100), Shape(100_000, 1)),
    witnessed=(50, 40),
)
QUICK = Scale(
    rounds=3,
    workers=2,
    singles=5_000,
    batches=50_000,
    growth=(Shape(1_000, 100), Shape(10_000, 100), Shape(100_000, 100), Shape(1_000, 1), Shape(10_000, 1)),
    loads=(
        Load(per_entry=1, records=5_000, per_request=100, connections=8),
        Load(per_entry=100, records=50_000, per_request=50, connections=8),
        Load(per_entry=1, records=1_000, per_request=1, connections=32),
    ),
    receipts=200,
    documents=100,
    certificates=200,
    browser=50,
    alternatives=10_000,
    events=(5_000, 20_000),
    chains=((1, 1), (4, 10), (10, 100)),
    lot_events=(10, 100, 1_000),
    validators=(1, 4),
    network_loads=(
        Load(per_entry=1, records=500, per_request=25, connections=8),
        Load(per_entry=100, records=10_000, per_request=5, connections=8),
        Load(per_entry=1, records=20, per_request=1, connections=2),
    ),
    idle_seconds=5,
    following=(Shape(10_000, 100), Shape(10_000, 1)),
    witnessed=(50, 5),
)
LARGE = replace(
    DEFAULT,
    growth=(Shape(100_000, 100), Shape(300_000, 100), Shape(1_000_000, 100), Shape(3_000_000, 100)),
)
"""The same, with growth far enough to see whether memory levels off; most of an hour, and a few gigabytes of disk."""
TINY = Scale(
    rounds=1,
    workers=1,
    singles=30,
    batches=300,
    growth=(Shape(100, 100),),
    loads=(Load(per_entry=1, records=6, per_request=2, connections=2),),
    receipts=5,
    documents=2,
    certificates=3,
    browser=3,
    alternatives=200,
    events=(60,),
    chains=((1, 1), (2, 3)),
    lot_events=(3,),
    validators=(2,),
    network_loads=(Load(per_entry=2, records=6, per_request=2, connections=2),),
    idle_seconds=0.1,
    following=(Shape(100, 100), Shape(20, 1)),
    witnessed=(3, 2),
)
"""For the smoke test: everything runs, and nothing is measured."""


@dataclass
class Workshop:
    """A directory on the disk, gone afterwards, and the ledgers that were made in it."""

    path: Path
    scale: Scale
    _homes: dict[Shape, Home] = field(default_factory=dict)
    _rooms: int = 0

    def ledger(self, shape: Shape) -> Home:
        """A ledger of this shape, to read from; made once."""
        if shape not in self._homes:
            say(f"  generating {shape.records:,} records, {shape.per_entry} per entry")
            self._homes[shape] = generate(self.room() / "home", shape)
        return self._homes[shape]

    def room(self) -> Path:
        """A new empty directory."""
        self._rooms += 1
        path = self.path / str(self._rooms)
        path.mkdir()
        return path


@contextmanager
def workshop(scale: Scale) -> Iterator[Workshop]:
    """A workshop in a temporary directory: `TMPDIR` says where; it should be on a disk and not in memory."""
    with TemporaryDirectory(prefix="sogoc-benchmark-") as directory:
        yield Workshop(Path(directory), scale)
