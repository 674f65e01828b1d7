"""How close the audit comes to the signatures and hashes that nobody can do without.

`signatures` at one record per entry stands beside a bare loop of the fastest acceptable Ed25519 verification over the very
same signatures, in as many processes as the audit has; at 100 records per entry beside the SHA-256 work that the records imply.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl import bindings as libsodium

from api.cli.workers import worker_processes
from benchmarks.generate import Shape, document
from benchmarks.measure import Result, in_turns, rates, ratio, seconds_of, summary
from benchmarks.scale import Workshop
from ledger import keys
from ledger.entry import ENTRY_TAG, leaf_tag, parse_leaf
from ledger.hashing import ENTRY, signed_message
from ledger.store.ledger_store import LedgerStore
from ledger.verify.audit import WINDOW, audit
from ledger.verify.report import Level
from ledger.verify.sources.stored import open_store
from node.home import Home

_DIFFERENT = 64
"""Entries whose hashes are computed over and over: their records differ, and stay in the processor's cache."""


@contextmanager
def pool(workers: int) -> Iterator[Executor | None]:
    """Started and warm workers, or none: then the work is done here."""
    if workers == 0:
        yield None
        return
    with worker_processes(workers) as executor:
        list(executor.map(_hash_entries, [1] * workers * 4))
        yield executor


def audit_seconds(home: Home, level: Level, executor: Executor | None, workers: int) -> float:
    """Audit the ledger of a stopped node; raises if anything is wrong with it."""
    with open_store(home.ledger) as source:
        return seconds_of(
            lambda: audit(source, level=level, executor=executor, window=max(WINDOW, 2 * workers))
        )


def _write_signatures(home: Home, file: Path) -> int:
    """Write down every author's signature of a ledger, with its key and message, and return how many there are."""
    with open_store(home.ledger) as store, file.open("wb") as out:
        count = 0
        for index in range(store.head.size):
            leaf = store.leaf(index)
            if leaf_tag(leaf) == ENTRY_TAG:
                body, signature = parse_leaf(leaf)
                out.write(body.author_key + signature + signed_message(ENTRY, body.encoded()))
                count += 1
    return count


@cache
def _signatures(file: str, count: int) -> list[tuple[bytes, bytes, bytes]]:
    """What `_write_signatures` wrote: (key, signature, message) each, all of one size. Read once in each process."""
    data = Path(file).read_bytes()
    size = len(data) // count
    rows = [data[at : at + size] for at in range(0, len(data), size)]
    return [(row[:32], row[32:96], row[96:]) for row in rows]


def _bare(file: str, count: int, part: slice) -> None:
    """Verify some of a ledger's signatures by the ledger's rule, and do nothing else."""
    verify = keys.verify
    for public_key, signature, message in _signatures(file, count)[part]:
        verify(public_key, signature, message)


def _bare_libsodium(file: str, count: int, part: slice) -> None:
    verify = libsodium.crypto_sign_open
    for public_key, signature, message in _signatures(file, count)[part]:
        verify(signature + message, public_key)


def _bare_openssl(file: str, count: int, part: slice) -> None:
    load = Ed25519PublicKey.from_public_bytes
    for public_key, signature, message in _signatures(file, count)[part]:
        load(public_key).verify(signature, message)


def _bare_seconds(file: Path, count: int, executor: Executor | None, workers: int) -> float:
    """Seconds for all signatures of a ledger in the bare loop, shared out over all workers at the same time."""
    if executor is None:
        return seconds_of(lambda: _bare(str(file), count, slice(None)))
    share = -(-count // workers)
    parts = [slice(first, first + share) for first in range(0, count, share)]
    return seconds_of(
        lambda: list(executor.map(_bare, [str(file)] * len(parts), [count] * len(parts), parts))
    )


def _hash_seconds(entries: int, executor: Executor | None, workers: int) -> float:
    """The same for the hashes that so many entries of 100 records imply."""
    if executor is None:
        return seconds_of(lambda: _hash_entries(entries))
    return seconds_of(lambda: list(executor.map(_hash_entries, [entries // workers] * workers)))


def run_single(place: Workshop) -> Result:
    """Audit `signatures` at one record per entry, beside the bare loop of Ed25519 verifications."""
    scale = place.scale
    home = place.ledger(Shape(scale.singles, 1))
    file = place.room() / "signatures"
    count = _write_signatures(home, file)
    found: Result = {"records": scale.singles, "equation": keys.equation_library()}
    part = slice(0, count // 4 + 1)
    loops = {"keys.verify": _bare, "libsodium": _bare_libsodium, "openssl": _bare_openssl}
    libraries = in_turns(
        scale.rounds,
        {name: partial(seconds_of, partial(loop, str(file), count, part)) for name, loop in loops.items()},
    )
    found["verify_us"] = {
        name: summary([one / part.stop * 1e6 for one in seconds]) for name, seconds in libraries.items()
    }
    for workers in sorted({0, 1, scale.workers}):
        with pool(workers) as executor:
            _bare_seconds(file, count, executor, workers)
            seconds = in_turns(
                # The two differ by less than this machine does from one second to the next.
                2 * scale.rounds + 1,
                {
                    "audit": lambda: audit_seconds(home, Level.SIGNATURES, executor, workers),  # noqa: B023
                    "bare": lambda: _bare_seconds(file, count, executor, workers),  # noqa: B023
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
    file = place.room() / "signatures"
    entries = _write_signatures(home, file)
    found: Result = {"records": scale.batches, "entries": entries}
    for workers in sorted({0, scale.workers}):
        with pool(workers) as executor:
            seconds = in_turns(
                scale.rounds,
                {
                    "audit": lambda: audit_seconds(home, Level.SIGNATURES, executor, workers),  # noqa: B023
                    "hashes": lambda: _hash_seconds(entries, executor, workers),  # noqa: B023
                    "signatures": lambda: _bare_seconds(file, entries, executor, workers),  # noqa: B023
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
