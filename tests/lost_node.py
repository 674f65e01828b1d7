"""A node that died after its last backup, as a restore finds it: the backup, copies of the keys, and what others kept."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ledger.verify.sources.stored import open_store
from node import restore
from node.backup import About, Backup, backup
from node.config import Config
from node.export import export
from node.home import Home, load_keys
from node.outbox import Outbox
from node.service import Node, clock_ms
from tests.support import NODE_KEYS, put, running_node, sign

NOW_S = 1_800_000_000


def back_up(home: Home, out: Path) -> About:
    """As the command does it for a stopped node."""
    with open_store(home.ledger) as store:
        outbox = Outbox.open(home.outbox, create=False)
        try:
            return backup(home, store, outbox.waiting(), out, time_s=NOW_S)
        finally:
            outbox.close()


def restore_from(archive: Path, target: Path, keys: Path | None = None) -> Home:
    with Backup(archive) as opened:
        restore.restore(opened, target, keys)
    return Home(target)


def checkpoint_of(home: Home) -> str:
    with open_store(home.ledger) as store:
        return store.checkpoint()


def open_node(home: Home) -> Node:
    return Node(home, Config(), load_keys(home, NODE_KEYS, None))


@dataclass(frozen=True)
class Lost:
    """A node that died: its last backup, its keys' other copies, and what somebody else kept of the time after."""

    backup: Path
    keys: Path
    mirror: Path
    """An export made after the backup, by somebody else."""
    backed_up: str
    """The checkpoint that is in the backup."""
    last: str
    """The last checkpoint that the key has signed."""
    between: str
    """One that it signed between these two."""


def lose_a_node(path: Path) -> Lost:
    """Run a node in `path`, back it up, run it on, and lose it."""
    time_ms = [clock_ms() - 3_600_000]

    def clock() -> int:
        time_ms[0] += 1_000
        return time_ms[0]

    def run(entries: int) -> str:
        with running_node(path, clock=clock) as node:
            for _ in range(entries):
                put(node, sign(node, time_ms=clock()))
            return node.final.checkpoint_text

    run(3)
    home = Home(path / "node")
    back_up(home, path / "backup.tar")
    with Backup(path / "backup.tar") as opened:
        backed_up = opened.checkpoint()
    between = run(1)
    run(2)
    with open_store(home.ledger) as store:
        export(store, path / "mirror")
        last = store.checkpoint()
    shutil.copytree(home.keys, path / "keys")
    shutil.rmtree(home.path)
    return Lost(path / "backup.tar", path / "keys", path / "mirror", backed_up, last, between)
