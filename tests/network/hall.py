"""Four validators on this machine, each a `sogoc serve` with its `cometbft`, to be killed, stopped and cut off.

All on 127.0.0.1, or each on a machine's network of its own (`tests.network.wires`).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ledger.checkpoint import parse as parse_checkpoint
from ledger.genesis import Genesis, genesis_policy
from node.engine.cometbft.process import EngineMissingError, find_program
from node.home import Home, load_keys
from node.network import FILE, Network, load_network
from node.network_init import example_organisations, init_network
from tests.faults.checker import Checker, Figures
from tests.faults.load import Author, Book, Load
from tests.faults.serving import CHECKOUT, SECONDS, SERVE, GoneError, Http, Process, Served
from tests.network.figures import Meter
from tests.network.nursery import nursery
from tests.network.trusting import Trusting
from tests.network.wires import Wires

ORIGIN = "faults.example/so-goc"
CONFIG = """\
low_disk_megabytes = 1
entries_per_key_per_minute = 0
requests_per_address_per_minute = 0
"""
"""All in which these nodes differ from delivered ones: one key, from one address, sends what many would, and the disks that are
filled are small ones.
"""
HOUR = 3600
_LOOK_SECONDS = 0.1
"""How often is looked whether something has happened: each look costs the nodes that are waited for."""


def _missing() -> str:
    try:
        find_program()
    except EngineMissingError as error:
        return error.detail
    return ""


needs_cometbft = pytest.mark.skipif(bool(_missing()), reason=_missing() or "cometbft is here")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Hall:
    """A network in a folder. Nothing runs before `start`."""

    def __init__(
        self,
        folder: Path,
        validators: int = 4,
        *,
        made: Sequence[str] = (),
        wires: Wires | None = None,
        age_s: int = 0,
    ) -> None:
        """`made` names homes that are in `folder`/homes already; `age_s`: how many seconds ago the ledger was made."""
        # Here, where this process's own network is: a node is started from within its machine's.
        self._nursery = nursery(CHECKOUT)
        organisations = example_organisations(validators)
        self.folder = folder
        self.wires = wires
        if not made:
            init_network(
                folder / "homes",
                organisations,
                origin=ORIGIN,
                hosts=[wires.host(number) if wires else "127.0.0.1" for number in range(validators)],
                passphrase=None,
                time_s=int(time.time()) - age_s,
                config=lambda _: CONFIG,
            )
        self.names = list(made) or [one.id for one in organisations]
        self.homes = [Home(folder / "homes" / name) for name in self.names]
        self.genesis: Genesis = self.homes[0].read_genesis()
        self.served = [Served(home.path, folder / f"{home.path.name}.log") for home in self.homes]
        if wires is None:
            self._choose_ports()
        else:
            for number, served in enumerate(self.served):
                served.within = wires.within(number)
        for number, served in enumerate(self.served):
            served.launch = partial(self._launch, number)
        self.policy = Trusting(genesis_policy(self.genesis), self.fetch)
        self._sizes: dict[bytes, int] = {}
        """Of each checkpoint that was served and has passed the policy: whoever waits asks for the same one often."""
        self.liars: set[str] = set()
        """Names on the ledger of those who lie."""
        self.checkers = [Checker(self.genesis, self.policy) for _ in self.names]
        """What was read of each node's ledger so far (`tests.network.checking`)."""
        self.figures = Figures()
        key = load_keys(self.homes[0], ("office",), None)["office"]
        self.author = Author(key, self.genesis.chain_id, self.policy, self.names[0])
        self.books = [Book(folder / f"{name}.jsonl") for name in self.names]
        """What was asked of each node, and what it answered."""

    def take_in(self, home: Home) -> None:
        """Have one more validator, whose home was made by hand."""
        home.config.write_text(CONFIG, encoding="utf-8")
        self.names.append(home.path.name)
        self.homes.append(home)
        served = Served(home.path, self.folder / f"{home.path.name}.log")
        served.launch = partial(self._launch, len(self.served))
        self.served.append(served)
        self.checkers.append(Checker(self.genesis, self.policy))
        self.books.append(Book(self.folder / f"{home.path.name}.jsonl"))

    def fetch(self, path: str) -> bytes:
        """What any node that is there answers."""
        for number, served in enumerate(self.served):
            if served.alive:
                with contextlib.suppress(GoneError):
                    status, body = self.ask(number, path)
                    if status == 200:
                        return body
        raise AssertionError(f"no node answers {path}")

    def _choose_ports(self) -> None:
        count = len(self.homes)
        ports = free_ports(2 * count)
        engines = {name: f"127.0.0.1:{port}" for name, port in zip(self.names, ports, strict=False)}
        nodes = {name: f"127.0.0.1:{port}" for name, port in zip(self.names, ports[count:], strict=False)}
        for name, home in zip(self.names, self.homes, strict=True):
            found = load_network(home.path)
            assert found is not None
            moved = Network(
                engines[name],
                nodes[name],
                tuple(
                    replace(peer, engine=engines[other], url=f"https://{nodes[other]}")
                    for peer in found.peers
                    for other in [peer.name.rpartition("/")[2]]
                ),
            )
            (home.path / FILE).write_text(moved.format(), encoding="utf-8")
            home.config.write_text(CONFIG, encoding="utf-8")

    def _launch(self, number: int, served: Served) -> Process:
        network = "" if self.wires is None else self.wires.path(number)
        _, _, module, *arguments = [*served.program, *served.options]
        return self._nursery.run(module, arguments, served.log, served.environment, network)

    # -- processes ---------------------------------------------------------------------------------------------------

    def start(self, *which: int) -> None:
        """Start nodes (all of them, if none is named), and wait until each of them is ready."""
        chosen = which or range(len(self.served))
        for number in chosen:
            self.served[number].spawn()
        for number in chosen:
            self.wait_ready(number)

    def restore(self) -> None:
        """All run, whatever was done to them, and are ready."""
        for number, served in enumerate(self.served):
            if served.alive:
                self.resume(number)
            else:
                served.spawn()
        for number in range(len(self.served)):
            self.wait_ready(number)

    def kill(self, *which: int) -> None:
        """`kill -9` a node and its engine, as when the power goes; nothing if it is gone already."""
        for number in which:
            engines = self.engine_processes(number)
            self.served[number].close()
            for process in engines:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def pause(self, *which: int) -> None:
        """SIGSTOP: the machine stands still, its connections stay."""
        self._signal(signal.SIGSTOP, which)

    def resume(self, *which: int) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT, which)

    def _signal(self, number: signal.Signals, which: Sequence[int]) -> None:
        for one in which:
            for pid in self.processes(one):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def processes(self, number: int) -> list[int]:
        """A node's process and its engine's."""
        process = self.served[number].process
        assert process is not None
        return [process.pid, *self.engine_processes(number)]

    def engine_socket(self, number: int) -> Path:
        """Where a node's engine answers whoever may open it."""
        config = tomllib.loads((self.homes[number].engine / "config" / "config.toml").read_text("utf-8"))
        return Path(config["rpc"]["laddr"].removeprefix("unix://"))

    def engine_processes(self, number: int) -> list[int]:
        """Processes whose command line names this home's engine."""
        home = os.fsencode(self.homes[number].engine)
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if home in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
        return found

    def close(self) -> None:
        """Leave no process behind."""
        self.kill(*range(len(self.served)))

    def honest(self, number: int) -> None:
        """From its next start on, a node is what it was made as."""
        served = self.served[number]
        served.program, served.environment = (*SERVE, str(served.home), "--port", "0"), {}

    def lie(self, number: int, *lies: str) -> None:
        """From its next start on, a validator lies (`tests.network.liar`)."""
        self.liars.add(f"{ORIGIN}/{self.names[number]}")
        served = self.served[number]
        served.program = (sys.executable, "-m", "tests.network.liar", str(served.home), *lies)

    # -- asking ------------------------------------------------------------------------------------------------------

    def port(self, number: int) -> int:
        """Where a node listens for everybody."""
        return self.served[number].port()

    def http(self, number: int, *, timeout: float = SECONDS) -> Http:
        """A connection to a node, whose answers are waited for so many seconds."""
        return Http(self.port(number), self.served[number].within, timeout=timeout)

    def ask(self, number: int, path: str) -> tuple[int, bytes]:
        """One GET over a connection of its own."""
        node = self.http(number)
        try:
            return node.ask("GET", path)
        finally:
            node.close()

    def wait_ready(self, number: int) -> None:
        """Wait until a node says that it is ready."""
        said = [b"no answer"]

        def is_ready() -> bool:
            with contextlib.suppress(GoneError):
                status, said[0] = self.ask(number, "/readyz")
                return status == 200
            return False

        try:
            self.until(is_ready, f"{self.names[number]} ready")
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {said[0].decode()}") from error

    def status(self, number: int) -> dict[str, Any]:
        """What a node says of itself. Raises GoneError."""
        status, answer = self.ask(number, "/v1/status")
        assert status == 200, answer
        return dict(json.loads(answer))

    def reasons(self, number: int) -> dict[str, str]:
        """Why a node says that it is not ready: code to words."""
        _, answer = self.ask(number, "/readyz")
        return {reason["code"]: reason["detail"] for reason in json.loads(answer)["reasons"]}

    def counted(self, number: int, metric: str) -> dict[str, float]:
        """Values of a counter on a node, by its labels as they are written."""
        _, text = self.ask(number, "/metrics")
        lines = [line for line in text.decode().splitlines() if line.startswith(metric + "_total{")]
        return {
            line[line.index("{") : line.rindex("}") + 1]: float(line.rpartition(" ")[2]) for line in lines
        }

    def evidence(self, number: int) -> list[str]:
        """Evidence files that a node has kept."""
        return [
            path.read_text(encoding="utf-8")
            for path in sorted(self.homes[number].evidence.glob("*.evidence"))
        ]

    def final_size(self, number: int) -> int:
        """Tree size of the checkpoint that a node serves, whose quorum is checked; 0 while it has none."""
        try:
            status, text = self.ask(number, "/checkpoint")
        except GoneError:
            return 0
        if status != 200:
            assert status == 503, (status, text)
            return 0
        if text not in self._sizes:
            self.policy.check(text.decode())
            self._sizes[text] = parse_checkpoint(text.decode()).size
        return self._sizes[text]

    def newest_final(self, number: int) -> tuple[str, int]:
        """Id and index of the entry that a node said last was final, waiting for one."""
        found: list[tuple[str, int]] = []

        def is_there() -> bool:
            found.extend(
                (line["acknowledged"], line["index"])
                for line in self.books[number].read()
                if line.get("index") is not None
            )
            return bool(found)

        self.until(is_there, f"final on {self.names[number]}")
        return found[-1]

    def until(self, what: Callable[[], object], words: str, seconds: float = SECONDS) -> None:
        """Wait until `what` holds."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, f"not {words} after {seconds} s; logs in {self.folder}"
            time.sleep(_LOOK_SECONDS)

    def until_agreed(self, *which: int, above: int = 0) -> int:
        """Wait until these nodes (all) serve one size with nothing waiting; returns it."""
        chosen = which or tuple(range(len(self.served)))

        def agreed() -> bool:
            sizes = {self.final_size(number) for number in chosen}
            return len(sizes) == 1 and min(sizes) > above and not any(map(self.waiting, chosen))

        self.until(agreed, f"agreed beyond size {above}")
        return self.final_size(chosen[0])

    def waiting(self, number: int) -> int:
        """Entries that a node has acknowledged and that are not final yet."""
        return int(self.status(number)["outbox"])

    @contextlib.contextmanager
    def load(
        self, number: int, seed: int, *, threads: int = 2, pause: float = 0.0, waits: float = 0.4
    ) -> Iterator[Load]:
        """Load on one node for as long as the block runs, or the node lives."""
        load = Load(
            self.port(number),
            self.author,
            self.books[number],
            seed,
            threads=threads,
            within=self.served[number].within,
            pause=pause,
            waits=waits,
        )
        try:
            load.wait_for(1, seconds=SECONDS)
            yield load
        finally:
            load.end()

    @contextlib.contextmanager
    def meter(self, *which: int) -> Iterator[Meter]:
        """Watches these nodes (all) while the block runs."""
        nodes = which or range(len(self.served))
        # Who stands still must not keep us for long.
        meter = Meter(self.policy, [partial(self.http, number, timeout=2) for number in nodes])
        meter.start()
        try:
            yield meter
        finally:
            meter.stop()
