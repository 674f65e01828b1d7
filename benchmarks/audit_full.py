"""What re-execution costs beside the state tree's own bare rate, and what else is in it.

The bare rate is `ledger.state.update` over the same rows in the same block batches, its pages in a dictionary. The parts
of re-execution are measured one by one on the same blocks, in one process.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.audit_signatures import audit_seconds, pool
from benchmarks.generate import Shape
from benchmarks.measure import Result, in_turns, rates, ratio, seconds_of, summary
from benchmarks.scale import Workshop
from ledger.block import parse_header_leaf
from ledger.entry import entry_from_parts
from ledger.execution import Executed, execute_genesis
from ledger.genesis import parse_genesis_leaf
from ledger.rules import Effects, ParsedEntry, apply_entries
from ledger.state import update
from ledger.store.ledger_store import LedgerStore
from ledger.store.values import StoredBlock
from ledger.verify.report import Level
from node.home import Home


@dataclass
class _Memory:
    """A state in dictionaries."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    pages: dict[bytes, bytes] = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def page(self, path: bytes) -> bytes | None:
        return self.pages.get(path)


@dataclass
class _Replay:
    """The steps of re-executing a ledger, each over all blocks at once so that it can be timed by itself."""

    genesis: Executed
    blocks: list[StoredBlock]
    parsed: list[list[ParsedEntry]] = field(default_factory=list)
    effects: list[Effects] = field(default_factory=list)

    def parse(self) -> None:
        """Leaves and records into entries whose records have been read."""
        self.parsed = [
            [
                ParsedEntry.of(entry_from_parts(leaf, records))
                for leaf, records in zip(block.leaves, block.records, strict=True)
            ]
            for block in self.blocks
        ]

    def apply(self) -> None:
        """The chain rules, with rows in a dictionary."""
        state = _Memory(dict(self.genesis.rows))
        self.effects = []
        for block, entries in zip(self.blocks, self.parsed, strict=True):
            header = parse_header_leaf(block.header_leaf)
            effects = apply_entries(state, header.chain_id, header.time_ms, header.first_index, entries)
            state.rows.update(effects.rows)
            self.effects.append(effects)

    def update(self) -> None:
        """The state tree alone. Raises RuntimeError unless it ends at the ledger's own state root."""
        state, root = _Memory(pages=dict(self.genesis.pages)), self.genesis.header.state_root
        for effects in self.effects:
            change = update(state, root, effects.rows)
            state.pages.update(change.pages)
            root = change.root
        if root != parse_header_leaf(self.blocks[-1].header_leaf).state_root:
            raise RuntimeError("the bare updates do not lead to the state root of the ledger")


def _replay(home: Home) -> _Replay:
    store = LedgerStore.open(home.ledger)
    try:
        genesis = execute_genesis(parse_genesis_leaf(store.leaf(0)))
        return _Replay(genesis, [store.block(height) for height in range(1, store.head.height + 1)])
    finally:
        store.close()


def run(place: Workshop) -> Result:
    """Audit `full` beside the bare rate of the state tree, over the same rows in the same blocks."""
    scale = place.scale
    return {
        "100 per entry": _measure(place, Shape(scale.batches // 2, 100)),
        "1 per entry": _measure(place, Shape(scale.singles, 1)),
    }


def _measure(place: Workshop, shape: Shape) -> Result:
    workers = place.scale.workers
    home = place.ledger(shape)
    replay = _replay(home)
    with pool(workers) as executor:
        seconds = in_turns(
            max(1, place.scale.rounds - 2),
            {
                "parse": lambda: seconds_of(replay.parse),
                "apply": lambda: seconds_of(replay.apply),
                "update": lambda: seconds_of(replay.update),
                "signatures": lambda: audit_seconds(home, Level.SIGNATURES, None, 0),
                "full": lambda: audit_seconds(home, Level.FULL, None, 0),
                "full with workers": lambda: audit_seconds(home, Level.FULL, executor, workers),
            },
        )
    rows = sum(len(effects.rows) for effects in replay.effects)
    parts = ("parse", "apply", "update", "signatures")
    rest = [full - sum(seconds[part][at] for part in parts) for at, full in enumerate(seconds["full"])]
    return {
        "records": shape.records,
        "rows": rows,
        "blocks": len(replay.blocks),
        "bare_updates_rows_per_s": summary(rates(rows, seconds["update"])),
        "audit_records_per_s": summary(rates(shape.records, seconds["full"])),
        f"audit_records_per_s_{workers}_workers": summary(rates(shape.records, seconds["full with workers"])),
        "ratio": ratio(seconds["update"], seconds["full"]),
        f"ratio_{workers}_workers": ratio(seconds["update"], seconds["full with workers"]),
        "us_per_record": {
            **{part: summary([one / shape.records * 1e6 for one in seconds[part]]) for part in parts},
            "reading, linking, comparing with stored rows": summary(
                [one / shape.records * 1e6 for one in rest]
            ),
            "full": summary([one / shape.records * 1e6 for one in seconds["full"]]),
        },
    }
