"""Ledgers of any size, written straight into a node's home: real entries, real signatures, real blocks.

Rules: blocks are executed by `ledger.execution`, committed by `LedgerStore.commit` and cosigned as a node does it, so what
is measured afterwards is what a node would have left. Only the road there is short: no HTTP, no outbox, no engine, and
nobody verifies a signature that was made a moment ago.

Records follow from a counter, so that two runs make the same amount of the same data; keys and nonces are random.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ledger.entry import Entry, encode_record, sign_entry
from ledger.execution import seal
from ledger.genesis import Genesis
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.rules import ParsedEntry, apply_entries
from ledger.store.ledger_store import LedgerStore
from node.application import block_commit, load_tip
from node.config import Config
from node.cosigning import Cosigner, cosign_head
from node.home import DEFAULT_MEMBER, Home, cosigner_of, init, load_keys

ORIGIN = "benchmark.example/so-goc"
START_S = 1_767_225_600
"""2026-01-01, the time of every genesis block here, in seconds; each block is a second later."""
BATCH_RECORDS = 10_000
"""Records in a block of a ledger with many records per entry: about 1.5 MB of submissions, of the 4 MB that fit."""
SINGLE_RECORDS = 1_000
"""The same at one record per entry: what arrives in half a second at 2,000 a second."""

UNLIMITED = Config(
    entries_per_key_per_minute=0, requests_per_address_per_minute=0, megabytes_per_key_per_day=0
)
"""A node's configuration without quotas: one key and one address make all the load here."""
UNLIMITED_FILE = """\
entries_per_key_per_minute = 0
requests_per_address_per_minute = 0
megabytes_per_key_per_day = 0
"""
"""The same as `sogoc.toml`."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a ledger is, and how its records are packed."""

    records: int
    per_entry: int

    @property
    def per_block(self) -> int:
        """Records in each block but perhaps the last."""
        return BATCH_RECORDS if self.per_entry > 1 else SINGLE_RECORDS

    def blocks(self) -> Iterator[range]:
        """The numbers of each block's records."""
        for first in range(0, self.records, self.per_block):
            yield range(first, min(first + self.per_block, self.records))


def document(number: int) -> bytes:
    """The record of a paper that no other number has, as `sogoc anchor` would write it."""
    return encode_record(
        "doc.anchor/1",
        {
            "authority": DEFAULT_MEMBER,
            "hash": sha256(b"benchmark %d" % number),
            "media_type": "application/pdf",
            "size": 100_000 + number,
        },
    )


def sign(key: SigningKey, chain_id: bytes, numbers: range, time_ms: int) -> Entry:
    """One signed entry over the records of `numbers`."""
    return sign_entry(
        key,
        chain_id=chain_id,
        nonce=secrets.token_bytes(16),
        time_ms=time_ms,
        records=[document(number) for number in numbers],
    )


def sign_all(
    key: SigningKey, chain_id: bytes, numbers: range, per_entry: int, time_ms: int
) -> Iterator[Entry]:
    """Entries of `per_entry` records each (the last of what is left) over the records of `numbers`."""
    for first in range(numbers.start, numbers.stop, per_entry):
        yield sign(key, chain_id, range(first, min(first + per_entry, numbers.stop)), time_ms)


def new_home(path: Path) -> Genesis:
    """A new ledger with its genesis block, keys without a passphrase, and no quotas."""
    genesis = init(path, origin=ORIGIN, name="Benchmark", time_s=START_S, passphrase=None)
    Home(path).config.write_text(UNLIMITED_FILE, encoding="utf-8")
    return genesis


def generate(path: Path, shape: Shape) -> Home:
    """Make a ledger of this shape with its home at `path`, final to the last block."""
    genesis = new_home(path)
    home = Home(path)
    keys = load_keys(home, ("office", "header", "log", "validator"), None)
    cosigner = cosigner_of(genesis, genesis.validators[0], keys["log"], keys["validator"])
    store = LedgerStore.open(home.ledger)
    try:
        _append(store, shape, keys["office"], keys["header"], cosigner)
    finally:
        store.close()
    return home


def _append(
    store: LedgerStore, shape: Shape, author: SigningKey, header_key: SigningKey, cosigner: Cosigner
) -> None:
    tip = load_tip(store)
    for numbers in shape.blocks():
        time_ms = tip.header.time_ms + 1_000
        entries = list(sign_all(author, tip.header.chain_id, numbers, shape.per_entry, time_ms))
        parsed = [ParsedEntry.of(entry) for entry in entries]
        effects = apply_entries(store, tip.header.chain_id, time_ms, tip.size, parsed)
        executed = seal(
            store,
            tip,
            [entry.leaf for entry in entries],
            effects,
            engine_height=tip.header.engine_height + 1,
            time_ms=time_ms,
            proposer=header_key.public_key,
        )
        store.commit(
            block_commit(executed, executed.header.sign(header_key), entries),
            engine_height=executed.header.engine_height,
            cosign_key_id=cosigner.key_id,
        )
        cosign_head(store, cosigner, time_ms // 1_000)
        tip = executed.tip
