"""A process to be killed: commits blocks one after another, and prints each height once it is acknowledged.

`python -m tests.faults.commit_loop DIRECTORY SEED` goes on from whatever the directory holds. An odd seed makes LevelDB's
memory small, so that it is killed while it writes tables too. With `rebuild` as third argument it rebuilds, again and again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ledger.store import database, swap
from ledger.store.ledger_store import LedgerStore
from ledger.store.rebuild import rebuild
from tests.store_chain import Chain, replay

CHECKOUT = Path(__file__).resolve().parents[2]
KEY_ID = b"\x01\x02\x03\x04"


def next_block(chain: Chain) -> None:
    """Make the block after the last one of `chain`; each its own size, and not every engine height has one."""
    number = len(chain.blocks)
    chain.block(entries=number % 4 + 1, records=number % 3 + 1, engine_steps=number % 2 + 1)


def chain_of(height: int) -> Chain:
    """The chain that the loop makes, up to `height`."""
    chain = Chain()
    chain.genesis()
    while chain.header.height < height:
        next_block(chain)
    return chain


def say(*words: object) -> None:
    """Tell the parent, at once."""
    print(*words, flush=True)  # noqa: T201  the parent reads it


def commit_blocks(path: Path) -> None:
    """Commit for ever."""
    if (path / swap.CURRENT).exists() or (path / swap.READY).exists():
        store = LedgerStore.open(path)
    else:
        store = LedgerStore.create(path, chain_of(0).blocks[0])
    chain = chain_of(store.head.height)
    say("ready", store.head.height)
    while True:
        next_block(chain)
        head = store.commit(chain.blocks[-1], chain.header.engine_height, cosign_key_id=KEY_ID)
        say("committed", head.height)


def rebuild_again_and_again(path: Path) -> None:
    """Rebuild for ever."""
    say("ready", 0)
    while True:
        rebuild(path, replay)
        say("rebuilt", 0)


if __name__ == "__main__":
    directory, seed, *what = sys.argv[1:]
    if int(seed) % 2:
        database._OPTIONS["write_buffer_size"] = 64 << 10
        database._OPTIONS["max_file_size"] = 64 << 10
    (rebuild_again_and_again if what else commit_blocks)(Path(directory))
