"""How many records a second one node process makes final, over HTTP, each of them synced to the disk.

The node is `sogoc serve`, the load a process of its own with entries signed beforehand. Every request says `wait=final`, so
its answer comes after the synced block and its cosignature. What is left on the disk is counted afterwards.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.audit_signatures import records_of
from benchmarks.generate import new_home, sign_all
from benchmarks.load import write_submissions
from benchmarks.measure import Result, in_turns, milliseconds, rates, say, summary, verification_us
from benchmarks.processes import cpu_seconds, run_json, serving
from benchmarks.scale import Load, Workshop
from ledger.store.ledger_store import LedgerStore
from node.home import Home, load_keys
from node.service import clock_ms


def run(place: Workshop) -> Result:
    """Records a second that are final and synced, over HTTP into one node process."""
    found: dict[str, list[dict[str, Any]]] = {_name(load): [] for load in place.scale.loads}

    def measure(load: Load) -> float:
        one = _run(place.room(), load)
        found[_name(load)].append(one)
        say(f"  {_name(load)}: {load.records / one['seconds']:,.0f} records/s")
        return float(one["seconds"])

    seconds = in_turns(
        max(1, place.scale.rounds - 2),
        {_name(load): partial(measure, load) for load in place.scale.loads},
    )
    return {
        _name(load): {
            "records": load.records,
            "records_per_s": summary(rates(load.records, seconds[_name(load)])),
            "request": milliseconds([one for run in found[_name(load)] for one in run["latencies"]]),
            "node_cpu_us_per_record": summary(
                [run["cpu"] / load.records * 1e6 for run in found[_name(load)]]
            ),
            "verification_us": summary([one for run in found[_name(load)] for one in run["yardstick"]]),
            "blocks": summary([run["blocks"] for run in found[_name(load)]]),
            "node_peak_mb": summary([run["peak"] / 1e6 for run in found[_name(load)]]),
        }
        for load in place.scale.loads
    }


def _name(load: Load) -> str:
    return f"{load.per_entry} per entry, {load.per_request} entries a request, {load.connections} connections"


def _run(room: Path, load: Load) -> dict[str, Any]:
    home = Home(room / "home")
    genesis = new_home(home.path)
    author = load_keys(home, ("office",), None)["office"]
    file = room / "submissions"
    write_submissions(
        file, sign_all(author, genesis.chain_id, range(load.records), load.per_entry, clock_ms())
    )
    yardstick = [verification_us()]
    with serving(home.path) as node:
        before = cpu_seconds(node.pid)
        answer = run_json(
            "benchmarks.load", [node.url, str(file), str(load.per_request), str(load.connections)]
        )
        cpu, peak = cpu_seconds(node.pid) - before, node.peak_bytes()
    yardstick.append(verification_us())
    file.unlink()
    if answer["errors"]:
        raise RuntimeError(f"the load was not taken: {answer['errors']}")
    if records_of(home) != load.records:
        raise RuntimeError("the ledger does not have the records that were said to be final")
    return {**answer, "cpu": cpu, "peak": peak, "blocks": _blocks(home), "yardstick": yardstick}


def _blocks(home: Home) -> int:
    store = LedgerStore.open(home.ledger)
    try:
        return store.head.height
    finally:
        store.close()
