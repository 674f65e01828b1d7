"""A follower that begins with nothing: how fast it verifies, executes and stores a whole ledger, and how soon it serves from a
snapshot.

The source is a node with the embedded engine that serves a generated ledger over HTTP; the follower is a process of its own,
and does what `sogoc follow` does. Both share this machine's cores.
"""

from __future__ import annotations

import json
import os
import sys
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

from api.client import Client
from api.remote_log import RemoteLog
from benchmarks.generate import Shape
from benchmarks.measure import Result, in_turns, rates, say, summary
from benchmarks.processes import Serving, peak_bytes, run_json, serving
from benchmarks.scale import Workshop
from ledger.policy import Policy
from ledger.store.from_snapshot import SnapshotStore
from ledger.store.ledger_store import LedgerStore
from node.following import catch_up, create
from node.home import Home
from node.safe_files import put_file
from node.snapshot import receive, snapshot_path


def run(place: Workshop) -> Result:
    """Following a ledger from its first block, and from a snapshot of its state."""
    return {"sizes": [_measure(place, shape) for shape in place.scale.following]}


def _measure(place: Workshop, shape: Shape) -> Result:
    home = place.ledger(shape)
    found: dict[str, list[dict[str, float]]] = {"blocks": [], "snapshot": []}
    with serving(home.path) as node:

        def once(how: str) -> float:
            one = _follow(place, node, home, how)
            found[how].append(one)
            say(f"  {shape.records:,} records, {how}: {one['seconds']:.3g} s")
            return one["seconds"]

        seconds = in_turns(max(1, place.scale.rounds - 3), {how: partial(once, how) for how in found})
    blocks, snapshots = found["blocks"], found["snapshot"]
    return {
        "records": shape.records,
        "per_entry": shape.per_entry,
        "blocks": {
            "seconds": summary(seconds["blocks"]),
            "records_per_s": summary(rates(shape.records, seconds["blocks"])),
            "cpu_us_per_record": summary([one["cpu_s"] / shape.records * 1e6 for one in blocks]),
            "peak_mb": summary([one["peak_mb"] for one in blocks]),
            "slowest_tenth_leaves_per_s": summary([one["slowest_tenth"] for one in blocks]),
        },
        "snapshot": {
            "seconds": summary(seconds["snapshot"]),
            "rows": int(snapshots[0]["rows"]),
            "rows_per_s": summary([one["rows"] / one["seconds"] for one in snapshots]),
            "peak_mb": summary([one["peak_mb"] for one in snapshots]),
        },
    }


def _follow(place: Workshop, node: Serving, home: Home, how: str) -> dict[str, float]:
    arguments = [node.url, str(home.policy), str(place.room() / "copy"), how]
    return dict(run_json("benchmarks.following", arguments))


# -- the follower's process ----------------------------------------------------------------------------------------------


def main(url: str, policy_file: str, directory: str, how: str) -> None:
    """Follow once, and print what it took."""
    policy = Policy.parse(Path(policy_file).read_bytes())
    home = Home(Path(directory))
    started, cpu = time.perf_counter(), time.process_time()
    points: list[tuple[float, int]] = []
    with Client(url) as client:
        source = RemoteLog(client)
        home.path.mkdir()
        genesis = create(home, source, policy)
        put_file(home.genesis, genesis.leaf())
        if how == "snapshot":
            receive(home, source, policy, genesis)
        else:
            store = LedgerStore.open(home.ledger)
            catch_up(
                store,
                source,
                policy,
                genesis,
                report=lambda done, _: points.append((time.perf_counter(), done)),
            )
            store.close()
    told: dict[str, float] = {
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": peak_bytes(os.getpid()) / 1e6,
    }
    told |= {"rows": _rows(home)} if how == "snapshot" else {"slowest_tenth": _slowest_tenth(points)}
    print(json.dumps(told))


def _rows(home: Home) -> float:
    store = SnapshotStore.open(snapshot_path(home))
    try:
        return float(sum(page[0] == 0 and sum(page[1:5]) for _, page in store.pages_behind(b"")))
    finally:
        store.close()


def _slowest_tenth(points: list[tuple[float, int]]) -> float:
    """Leaves a second in the slowest of ten stretches of the log: whether a larger ledger is a slower one."""
    if len(points) < 2:
        return 0.0
    end = points[-1][1]
    marks = [points[0]]
    for point in points[1:]:
        if point[1] - marks[-1][1] >= end / 10 or point is points[-1]:
            marks.append(point)
    return min((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(marks))


if __name__ == "__main__":
    main(*sys.argv[1:])
