"""`kill -9` at random instants: what was acknowledged is there, and what is there is the chain."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from ledger.store import swap
from ledger.store.database import Database
from ledger.store.ledger_store import LedgerStore
from ledger.store.rebuild import content_digest
from tests.faults.commit_loop import CHECKOUT, KEY_ID, chain_of
from tests.processes import to_be_killed
from tests.test_store_ledger import check_same

RUNS = 15


def run_and_kill(path: Path, seed: int, *what: str) -> list[tuple[str, int]]:
    """Start the loop, kill it some time after it is ready (seed 0: at any time at all); return what it said."""
    random = Random(seed)
    command = [sys.executable, "-m", "tests.faults.commit_loop", str(path), str(seed), *what]
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=to_be_killed(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(random.random() ** 2 * 0.25)
        process.send_signal(signal.SIGKILL)
        said = (first + process.stdout.read()).splitlines()
    assert process.returncode == -signal.SIGKILL
    return [(word, int(height)) for word, height in (line.split() for line in said)]


def test_killed_at_any_instant_the_store_holds_every_acknowledged_block_and_the_chain_goes_on(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger"
    acknowledged = 0
    beyond = 0
    for seed in range(RUNS):
        said = run_and_kill(path, seed)
        assert said[0][0] == "ready"
        assert [height for _, height in said] == list(range(said[0][1], said[-1][1] + 1))
        assert said[0][1] >= acknowledged
        acknowledged = said[-1][1]
        with Database.open(path / swap.CURRENT, create=False) as database:
            database.check_files()
        store = LedgerStore.open(path)
        # The block under way may be there, whole, or not at all.
        assert store.head.height in {acknowledged, acknowledged + 1}
        beyond += store.head.height - acknowledged
        chain = chain_of(store.head.height)
        assert store.log == chain.log
        assert store.last_signed(KEY_ID) == (
            (store.head.size, store.head.root) if store.head.height else None
        )
        if seed % 5 == 4:
            check_same(store, chain)
        acknowledged = store.head.height
        store.close()
    assert acknowledged > RUNS


def test_killed_while_it_is_made_a_ledger_is_there_or_can_be_made(tmp_path: Path) -> None:
    random = Random(7)
    for number in range(6):
        path = tmp_path / str(number)
        command = [sys.executable, "-m", "tests.faults.commit_loop", str(path), "0"]
        with subprocess.Popen(
            command, cwd=CHECKOUT, env=to_be_killed(), stdout=subprocess.PIPE, text=True
        ) as process:
            for _ in range(4_000):  # up to the first sign of a directory
                if path.exists() or process.poll() is not None:
                    break
                time.sleep(0.001)
            time.sleep(random.random() * 0.01)
            process.kill()
        if (path / swap.CURRENT).exists() or (path / swap.READY).exists():
            store = LedgerStore.open(path)
        else:
            store = LedgerStore.create(path, chain_of(0).blocks[0])
        check_same(store, chain_of(store.head.height))
        store.close()


def test_killed_while_it_is_rebuilt_a_ledger_is_there_and_the_same(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    store = LedgerStore.create(path, chain_of(0).blocks[0])
    chain = chain_of(40)
    for block, header in [(block, block.height) for block in chain.blocks[1:]]:
        store.commit(block, engine_height_of(header))
    digest = content_digest(store._database)
    store.close()
    for seed in range(2, 8):
        run_and_kill(path, seed, "rebuild")
        store = LedgerStore.open(path)
        assert content_digest(store._database) == digest
        store.close()


def engine_height_of(height: int) -> int:
    """The engine height at which the loop's block of `height` was decided."""
    return chain_of(height).header.engine_height
