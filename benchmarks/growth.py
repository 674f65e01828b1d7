"""What grows with the ledger and what does not: audit time and memory, start-up, receipts, at sizes a decade apart."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks import receipts
from benchmarks.generate import Shape
from benchmarks.measure import Result, in_turns, say, seconds_of, summary
from benchmarks.processes import run_json, serving
from benchmarks.scale import Workshop
from ledger.store.ledger_store import LedgerStore
from node.home import Home

_LEVELS = ("SIGNATURES", "FULL")
_RECORDS_IN_ALL = 300_000
"""A size is measured up to three times, as long as that is no more records than this."""
_OPENINGS = 5


def run(place: Workshop) -> Result:
    """Audit time and memory, start-up and receipts at growing sizes."""
    return {
        "workers": place.scale.workers,
        "sizes": [_measure(place, shape) for shape in place.scale.growth],
    }


def _measure(place: Workshop, shape: Shape) -> Result:
    generated = seconds_of(lambda: place.ledger(shape))
    home = place.ledger(shape)
    rounds = max(1, min(3, place.scale.rounds, _RECORDS_IN_ALL // shape.records))
    found: dict[str, list[dict[str, Any]]] = {level: [] for level in _LEVELS}

    def audit(level: str) -> float:
        one = run_json("benchmarks.probe", [str(home.path), level, str(place.scale.workers)])
        found[level].append(one)
        say(f"  {shape.records:,} records, {shape.per_entry} per entry, {level}: {one['seconds']:.2f} s")
        return float(one["seconds"])

    in_turns(rounds, {level: partial(audit, level) for level in _LEVELS})
    return {
        "records": shape.records,
        "per_entry": shape.per_entry,
        "generated_s": round(generated, 1),
        "audit": {
            level.lower(): {
                "seconds": summary([one["seconds"] for one in found[level]]),
                "anonymous_mb": summary([one["anonymous"] / 1e6 for one in found[level]]),
                "mapped_mb": summary([one["mapped"] / 1e6 for one in found[level]]),
                "main_anonymous_mb": summary([one["main_anonymous"] / 1e6 for one in found[level]]),
                "main_mapped_mb": summary([one["main_mapped"] / 1e6 for one in found[level]]),
            }
            for level in _LEVELS
        },
        "open_store_ms": summary([_open_seconds(home) * 1e3 for _ in range(_OPENINGS)]),
        "start_node_ms": summary([_start_seconds(home) * 1e3 for _ in range(rounds)]),
        "receipts": receipts.measure(home, shape.records, place.scale.receipts // 2 + 1),
    }


def _open_seconds(home: Home) -> float:
    """Opening the store as a node does: recovery of the log, head, and the edge of the tree."""
    opened: list[LedgerStore] = []
    seconds = seconds_of(lambda: opened.append(LedgerStore.open(home.ledger)))
    opened[0].close()
    return seconds


def _start_seconds(home: Home) -> float:
    """From starting the program until it answers; most of it is Python reading its modules."""
    with serving(home.path) as node:
        return node.start_seconds
