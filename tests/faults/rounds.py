"""Rounds of load, `kill -9` and checking, over one ledger; for the tests, and for `scripts/soak`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from ledger.genesis import genesis_policy
from ledger.store.ledger_store import LedgerStore
from ledger.verify import audit
from ledger.verify.sources.stored import open_store
from node.home import Home, init, load_keys
from tests.faults.checker import Checker, Figures
from tests.faults.load import Author, Book, Load
from tests.faults.serving import Http, Served

CONFIG = """\
low_disk_megabytes = 1
entries_per_key_per_minute = 0
requests_per_address_per_minute = 0
recosign_seconds = 1
"""


@dataclass
class Rounds:
    """One ledger that is killed again and again; everything random follows from `seed`."""

    folder: Path
    seed: int
    figures: Figures = field(init=False)
    number: int = field(default=0, init=False)
    """Rounds begun."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.home = Home(self.folder / "node")
        genesis = init(
            self.home.path,
            origin="faults.example/so-goc",
            name="UBND phường Phú Sơn",
            time_s=time.time_ns() // 1_000_000_000,
            passphrase=None,
        )
        self.home.config.write_text(CONFIG, encoding="utf-8")
        self.checker = Checker(genesis)
        self.figures = self.checker.figures
        self.author = Author(
            load_keys(self.home, ("office",), None)["office"], genesis.chain_id, self.checker.policy
        )
        self.book = Book(self.folder / "book.jsonl")
        self.served = Served(self.home.path, self.folder / "log.txt")

    def close(self) -> None:
        """Leave no process behind."""
        self.served.close()

    def round(self) -> None:
        """Load, kill, start, check. Raises AssertionError."""
        self.number += 1
        random = Random(f"{self.seed}/{self.number}")
        load = Load(self._port(), self.author, self.book, random.getrandbits(32))
        try:
            load.wait_for(1, seconds=30)
            time.sleep(random.random() ** 2 * 0.6)
            self._kill()
        finally:
            self.served.close()
            load.end()
        if random.random() < 0.25:
            # Killed again while it starts, or recovers from the kill before.
            self.served.spawn()
            time.sleep(0.3 + random.random())
            self._kill()
        self._check()
        self._judge()

    def _port(self) -> int:
        """Where the node listens; started if it is not there."""
        return self.served.port() if self.served.alive else self.served.start()

    def _check(self) -> None:
        """Start the node and compare what it serves with the book."""
        node = Http(self.served.start())
        self.figures.restarts += 1
        try:
            node.wait_until_quiet()
            self.checker.check(node, self.book.read())
        finally:
            node.close()

    def finish(self) -> None:
        """A kill while nothing happens, the last start, an orderly stop, and the audit of the directory."""
        self._port()
        self._kill()
        self._check()
        node = Http(self.served.port())
        self.checker.check_refused_again(node)
        node.close()
        self.served.stop()
        with open_store(self.home.ledger) as source:
            report = audit(source, genesis_policy(self.checker.genesis))
        assert report.size == max(self.checker.roots)
        self.checker.check_stored(stored_checkpoints(self.home.ledger))
        self._judge()

    def _kill(self) -> None:
        self.served.kill()
        self.figures.kills += 1

    def _judge(self) -> None:
        faults = "\n".join(self.checker.faults)
        assert not faults, f"seed {self.seed}, round {self.number}, {self.folder}:\n{faults}"


def stored_checkpoints(path: Path) -> Iterator[str]:
    """Every signed checkpoint that a store has kept."""
    store = LedgerStore.open(path)
    try:
        for size in store.signed_sizes():
            text = store.signed_checkpoint(size)
            assert text is not None
            yield text
    finally:
        store.close()
