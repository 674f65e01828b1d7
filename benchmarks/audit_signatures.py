"""How close the audit comes to the signatures and hashes that nobody can do without.

`signatures` at one record per entry stands beside a bare loop over the fastest acceptable Ed25519 verification, in as many
processes as the audit has; at 100 records per entry beside the SHA-256 work that the records imply.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl import bindings as libsodium

from benchmarks.generate import Shape, document
from benchmarks.measure import Result, in_turns, rates, ratio, seconds_of, summary
from benchmarks.scale import Workshop
from ledger import keys
from ledger.hashing import ENTRY, signed_message
from ledger.store.ledger_store import LedgerStore
from ledger.verify.audit import WINDOW, audit
from ledger.verify.report import Level
from ledger.verify.sources.stored import open_store
from node.home import Home

_DIFFERENT = 64
"""Signatures in the bare loop, over and over: they differ, and stay in the processor's cache."""
_BODY_BYTES = 134
"""Of the commonest entry body."""


@contextmanager
def pool(workers: int) -> Iterator[Executor | None]:
    """Started and warm workers, or none: then the work is done here."""
    if workers == 0:
        yield None
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
        list(executor.map(_hash_entries, [1] * workers * 4))
        list(executor.map(_bare, [1] * workers * 4))
        yield executor


def audit_seconds(home: Home, level: Level, executor: Executor | None, workers: int) -> float:
    """Audit the ledger of a stopped node; raises if anything is wrong with it."""
    with open_store(home.ledger) as source:
        return seconds_of(
            lambda: audit(source, level=level, executor=executor, window=max(WINDOW, 2 * workers))
        )


@cache
def _triples() -> list[tuple[bytes, bytes, bytes]]:
    key = keys.SigningKey.from_seed(bytes(32))
    messages = [signed_message(ENTRY, bytes([number]) * _BODY_BYTES) for number in range(_DIFFERENT)]
    return [(key.public_key, key.sign(message), message) for message in messages]


def _bare(count: int) -> None:
    """Verify `count` signatures by the ledger's rule and do nothing else."""
    triples, verify = _triples(), keys.verify
    for number in range(count):
        public_key, signature, message = triples[number % _DIFFERENT]
        verify(public_key, signature, message)


def _bare_libsodium(count: int) -> None:
    triples, verify = _triples(), libsodium.crypto_sign_open
    for number in range(count):
        public_key, signature, message = triples[number % _DIFFERENT]
        verify(signature + message, public_key)


def _bare_openssl(count: int) -> None:
    triples, load = _triples(), Ed25519PublicKey.from_public_bytes
    for number in range(count):
        public_key, signature, message = triples[number % _DIFFERENT]
        load(public_key).verify(signature, message)


def _shared_seconds(
    loop: Callable[[int], None], count: int, executor: Executor | None, workers: int
) -> float:
    """Seconds for `count` turns of a loop, shared out over all workers at the same time."""
    if executor is None:
        return seconds_of(lambda: loop(count))
    share = [count // workers] * workers
    return seconds_of(lambda: list(executor.map(loop, share)))


def run_single(place: Workshop) -> Result:
    """Audit `signatures` at one record per entry, beside the bare loop of Ed25519 verifications."""
    scale = place.scale
    home = place.ledger(Shape(scale.singles, 1))
    found: Result = {"records": scale.singles, "equation": keys.equation_library()}
    libraries = in_turns(
        scale.rounds,
        {
            "keys.verify": lambda: seconds_of(lambda: _bare(scale.singles // 4 + 1)),
            "libsodium": lambda: seconds_of(lambda: _bare_libsodium(scale.singles // 4 + 1)),
            "openssl": lambda: seconds_of(lambda: _bare_openssl(scale.singles // 4 + 1)),
        },
    )
    found["verify_us"] = {
        name: summary([one / (scale.singles // 4 + 1) * 1e6 for one in seconds])
        for name, seconds in libraries.items()
    }
    for workers in sorted({0, 1, scale.workers}):
        with pool(workers) as executor:
            seconds = in_turns(
                scale.rounds,
                {
                    "audit": lambda: audit_seconds(home, Level.SIGNATURES, executor, workers),  # noqa: B023
                    "bare": lambda: _shared_seconds(_bare, scale.singles, executor, workers),  # noqa: B023
                },
            )
        found[f"workers {workers}"] = {
            "audit_per_s": summary(rates(scale.singles, seconds["audit"])),
            "bare_per_s": summary(rates(scale.singles, seconds["bare"])),
            "ratio": ratio(seconds["bare"], seconds["audit"]),
        }
    return found


@cache
def _some_records() -> list[list[bytes]]:
    """The records of some entries of 100, to be hashed over and over."""
    return [[document(100 * entry + at) for at in range(100)] for entry in range(_DIFFERENT)]


def _hash_entries(count: int) -> None:
    """All SHA-256 calls that the records of `count` entries imply: a leaf for each, and the nodes above them."""
    some = _some_records()
    leaf, node = hashlib.sha256(b"\x00").copy, hashlib.sha256(b"\x01").copy
    for number in range(count):
        records = some[number % _DIFFERENT]
        level = []
        for record in records:
            digest = leaf()
            digest.update(record)
            level.append(digest.digest())
        while len(level) > 1:
            above = []
            for at in range(0, len(level) - 1, 2):
                digest = node()
                digest.update(level[at] + level[at + 1])
                above.append(digest.digest())
            level = above + level[len(level) & ~1 :]


def run_batch(place: Workshop) -> Result:
    """Audit `signatures` at 100 records per entry, beside the bare SHA-256 work and one signature for each entry."""
    scale = place.scale
    shape = Shape(scale.batches, 100)
    home = place.ledger(shape)
    entries = scale.batches // 100
    found: Result = {"records": scale.batches, "entries": entries}
    for workers in sorted({0, scale.workers}):
        with pool(workers) as executor:
            seconds = in_turns(
                scale.rounds,
                {
                    "audit": lambda: audit_seconds(home, Level.SIGNATURES, executor, workers),  # noqa: B023
                    "hashes": lambda: _shared_seconds(_hash_entries, entries, executor, workers),  # noqa: B023
                    "signatures": lambda: _shared_seconds(_bare, entries, executor, workers),  # noqa: B023
                },
            )
        both = [a + b for a, b in zip(seconds["hashes"], seconds["signatures"], strict=True)]
        found[f"workers {workers}"] = {
            "audit_per_s": summary(rates(scale.batches, seconds["audit"])),
            "hashes_per_s": summary(rates(scale.batches, seconds["hashes"])),
            "hashes_and_signatures_per_s": summary(rates(scale.batches, both)),
            "ratio_to_hashes": ratio(seconds["hashes"], seconds["audit"]),
            "ratio_to_both": ratio(both, seconds["audit"]),
        }
    return found


def records_of(home: Home) -> int:
    """Records on a ledger, counted from its blocks; for checking that a measurement did what it says."""
    store = LedgerStore.open(home.ledger)
    try:
        blocks = (store.block(height) for height in range(1, store.head.height + 1))
        return sum(len(records) for block in blocks for records in block.records)
    finally:
        store.close()
