"""What it costs that several organisations keep one ledger: real `cometbft` processes, each beside its own `sogoc serve`.

The homes are made by `sogoc network init` and moved to free ports of 127.0.0.1. Requests go to all nodes in turn and say
`wait=final`, so that an answer comes after a quorum of cosignatures. Beside it, in the same rounds, the same loads go to a
node with the embedded engine, which is the same program without the others.

What is counted: processor time of all nodes and engines (not of the load) from /proc; bytes that crossed the loopback
interface, TCP and IP headers included, which on a machine that is left alone are the load's requests and what validators
say to each other. The embedded node has the first alone, so the difference is the second. Node and engine of one validator
talk over Unix sockets, which are not in it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from socket import socket
from subprocess import run as run_program
from typing import Any

import httpx

from api.answers import ApiError
from api.client import Client
from benchmarks.audit_signatures import records_of
from benchmarks.generate import UNLIMITED_FILE, new_home, sign_all
from benchmarks.load import write_submissions
from benchmarks.measure import (
    Result,
    UnavailableError,
    in_turns,
    milliseconds,
    rates,
    ratio,
    say,
    seconds_of,
    summary,
)
from benchmarks.processes import (
    Serving,
    children,
    cpu_seconds,
    environment,
    run_json,
    serving,
    serving_all,
)
from benchmarks.scale import Load, Workshop
from ledger.checkpoint import parse as parse_checkpoint
from ledger.policy import Policy
from node.engine.cometbft.process import EngineMissingError, find_program
from node.home import DEFAULT_MEMBER, Home, load_keys
from node.network import FILE, Network, load_network
from node.service import clock_ms

EMBEDDED = "embedded"
_READY_SECONDS = 120.0


@dataclass
class _Room:
    """What was seen of one kind of ledger, over all rounds."""

    loads: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    latencies: dict[str, list[float]] = field(default_factory=dict)
    idle: list[dict[str, float]] = field(default_factory=list)
    follow: list[float] = field(default_factory=list)


def run(place: Workshop) -> Result:
    """Records a second that a quorum of validators makes final, latency, processor time and bytes on the wire."""
    try:
        find_program()
    except EngineMissingError as error:
        raise UnavailableError(error.detail) from error
    names = [EMBEDDED, *map(str, place.scale.validators)]
    seen = {name: _Room() for name in names}
    in_turns(
        max(1, place.scale.rounds - 2),
        {name: partial(_round, place, name, seen[name]) for name in names},
    )
    return {
        "loads": {_name(load): _about(load, seen) for load in place.scale.network_loads},
        "idle": {
            name: {what: summary([one[what] for one in room.idle]) for what in room.idle[0]}
            for name, room in seen.items()
        },
        "follower": {
            name: {"records_per_s": summary(room.follow)} for name, room in seen.items() if room.follow
        },
    }


def _name(load: Load) -> str:
    entries = "1 entry" if load.per_request == 1 else f"{load.per_request} entries"
    return f"{load.per_entry} per entry, {entries} a request, {load.connections} connections"


def _about(load: Load, seen: dict[str, _Room]) -> Result:
    name = _name(load)
    alone = seen[EMBEDDED].loads[name]
    found: Result = {"records": load.records, "entries": load.records // load.per_entry}
    for kind, room in seen.items():
        runs = room.loads[name]
        seconds = [one["seconds"] for one in runs]
        found[kind] = {
            "records_per_s": summary(rates(load.records, seconds)),
            # The other way round: a rate is one over a time.
            "ratio_to_embedded": ratio([one["seconds"] for one in alone], seconds),
            "request": milliseconds(room.latencies[name]),
            "node_cpu_us_per_record": summary([one["node_cpu"] / load.records * 1e6 for one in runs]),
            "engine_cpu_us_per_record": summary([one["engine_cpu"] / load.records * 1e6 for one in runs]),
            "busy_cores": summary([(one["node_cpu"] + one["engine_cpu"]) / one["seconds"] for one in runs]),
            "loopback_bytes_per_record": summary([one["bytes"] / load.records for one in runs]),
            "between_validators_bytes_per_record": summary(
                [
                    max(0.0, one["bytes"] - other["bytes"]) / load.records
                    for one, other in zip(runs, alone, strict=True)
                ]
            ),
            "blocks": summary([one["blocks"] for one in runs]),
        }
    return found


# -- one round -------------------------------------------------------------------------------------------------------------


def _round(place: Workshop, name: str, room: _Room) -> float:
    """Make a ledger, give it all loads, let it rest, and let a follower copy it; returns the seconds that took."""
    folder = place.room()
    started = time.perf_counter()
    with ExitStack() as stack:
        if name == EMBEDDED:
            new_home(folder / "home")
            homes = [Home(folder / "home")]
            nodes: tuple[Serving, ...] = (stack.enter_context(serving(homes[0].path)),)
        else:
            homes = _make_network(folder / "homes", int(name))
            nodes = stack.enter_context(serving_all([home.path for home in homes]))
        ledger = stack.enter_context(_watching(homes, nodes))
        first = 0
        for load in place.scale.network_loads:
            one, latencies = ledger.give(folder / "submissions", load, first)
            first += load.records
            room.loads.setdefault(_name(load), []).append(one)
            room.latencies.setdefault(_name(load), []).extend(latencies)
            say(f"  {name}: {_name(load)}: {load.records / one['seconds']:,.0f} records/s")
        room.idle.append(ledger.rest(place.scale.idle_seconds))
        if name != EMBEDDED:
            room.follow.append(_follow(homes[0], nodes[0], folder / "copy", first))
    return time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class _Usage:
    """Counters at one moment."""

    node_cpu: float
    engine_cpu: float
    bytes: int
    size: int


@dataclass(frozen=True)
class _Ledger:
    """A ledger that is served by some nodes."""

    homes: Sequence[Home]
    nodes: Sequence[Serving]
    engines: Sequence[int]
    clients: Sequence[Client]
    policy: Policy

    def give(self, file: Path, load: Load, first: int) -> tuple[dict[str, float], list[float]]:
        """Send a load to all nodes in turn; what it took, and the latency of each request in seconds."""
        author = load_keys(self.homes[0], ("office",), None)["office"]
        chain_id = self.homes[0].read_genesis().chain_id
        numbers = range(first, first + load.records)
        entries = write_submissions(file, sign_all(author, chain_id, numbers, load.per_entry, clock_ms()))
        before = self._usage()
        answer: dict[str, Any] = run_json(
            "benchmarks.load",
            [
                ",".join(node.url for node in self.nodes),
                str(file),
                str(load.per_request),
                str(load.connections),
            ],
        )
        if answer["errors"]:
            raise RuntimeError(f"the load was not taken: {answer['errors']}")
        # The slowest validators may still be at it: their work is part of what it costs.
        self.wait_until_agreed()
        after = self._usage()
        file.unlink()
        found = {
            "seconds": float(answer["seconds"]),
            "node_cpu": after.node_cpu - before.node_cpu,
            "engine_cpu": after.engine_cpu - before.engine_cpu,
            "bytes": float(after.bytes - before.bytes),
            "blocks": float(after.size - before.size - entries),
        }
        return found, list(answer["latencies"])

    def rest(self, seconds: float) -> dict[str, float]:
        """What it costs to have nothing to do."""
        before = self._usage()
        time.sleep(seconds)
        after = self._usage()
        cpu = after.node_cpu + after.engine_cpu - before.node_cpu - before.engine_cpu
        return {"busy_cores": cpu / seconds, "loopback_bytes_per_s": (after.bytes - before.bytes) / seconds}

    def wait_until_agreed(self) -> int:
        """Wait until all nodes serve one final checkpoint, which a quorum has signed; returns its tree size."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            # A validator that has just started has nothing final to show.
            with suppress(ApiError):
                texts = [client.checkpoint() for client in self.clients]
                sizes = {self.policy.check(text).checkpoint.size for text in texts}
                if len(sizes) == 1:
                    return sizes.pop()
            time.sleep(0.05)
        raise RuntimeError("the nodes do not agree on one checkpoint")

    def _usage(self) -> _Usage:
        return _Usage(
            sum(cpu_seconds(node.pid) for node in self.nodes),
            sum(map(cpu_seconds, self.engines)),
            _loopback_bytes(),
            parse_checkpoint(self.clients[0].checkpoint()).size,
        )


@contextmanager
def _watching(homes: Sequence[Home], nodes: Sequence[Serving]) -> Iterator[_Ledger]:
    with ExitStack() as stack:
        for node in nodes:
            _wait_ready(node)
        clients = [stack.enter_context(Client(node.url)) for node in nodes]
        engines = [pid for node in nodes for pid in children(node.pid)]
        policy = Policy.parse(homes[0].policy.read_bytes())
        ledger = _Ledger(homes, nodes, engines, clients, policy)
        ledger.wait_until_agreed()
        yield ledger


def _wait_ready(node: Serving) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if httpx.get(f"{node.url}/readyz").status_code == httpx.codes.OK:
            return
        time.sleep(0.1)
    raise RuntimeError("a validator is not ready")


def _loopback_bytes() -> int:
    """Bytes that the loopback interface has delivered."""
    lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()
    fields = next(line for line in lines if line.strip().startswith("lo:")).partition(":")[2].split()
    return int(fields[0])


# -- homes ---------------------------------------------------------------------------------------------------------------


def _make_network(out: Path, validators: int) -> list[Home]:
    members = [DEFAULT_MEMBER, *(f"office-{number}" for number in range(2, validators + 1))]
    named = [word for member in members for word in ("--member", f"{member}=Benchmark")]
    _program("network", "init", str(out), *named, "--insecure-no-passphrase", "--json")
    homes = [Home(out / member) for member in members]
    _move_to_free_ports(homes)
    for home in homes:
        home.config.write_text(UNLIMITED_FILE, encoding="utf-8")
    return homes


def _move_to_free_ports(homes: Sequence[Home]) -> None:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket()) for _ in range(2 * len(homes))]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        places = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    engines = dict(zip((home.path.name for home in homes), places, strict=False))
    nodes = dict(zip((home.path.name for home in homes), places[len(homes) :], strict=True))
    for home in homes:
        found = load_network(home.path)
        if found is None:
            raise RuntimeError(f"{home.path} has no {FILE}")
        peers = tuple(
            replace(peer, engine=engines[member], url=f"https://{nodes[member]}")
            for peer in found.peers
            for member in [peer.name.rpartition("/")[2]]
        )
        moved = Network(engines[home.path.name], nodes[home.path.name], peers)
        (home.path / FILE).write_text(moved.format(), encoding="utf-8")


def _follow(home: Home, node: Serving, copy: Path, records: int) -> float:
    """Records a second that `sogoc follow` copies and verifies from nothing, the start of the program included."""
    options = ("--policy", str(home.policy), "--home", str(copy), "--once", "--json")
    follow = partial(_program, "follow", node.url, *options)
    seconds = seconds_of(follow)
    if records_of(Home(copy)) != records:
        raise RuntimeError("the copy does not have the records that were said to be final")
    return records / seconds


def _program(*arguments: str) -> None:
    command = [sys.executable, "-m", "api.cli", *arguments]
    done = run_program(command, env=environment(), capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"sogoc {arguments[0]} failed: {done.stderr.decode(errors='replace')[-2000:]}")
